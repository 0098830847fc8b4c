package encoding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// table is a CSV file with the words in its last column, after much ASCII.
func table(words string) string {
	var b strings.Builder
	b.WriteString("id,email,created,name\r\n")
	for i, w := range strings.Fields(words) {
		fmt.Fprintf(&b, "%d,user%d@example.com,2024-01-%02d,%s\r\n", 1000+i, i, i%28+1, strings.ReplaceAll(w, "_", " "))
	}
	return b.String()
}

const (
	wordsGerman   = "Müller Jäger Größe Köln Straße Schröder Bäcker Grün"
	wordsFrench   = "Hélène François Noël préféré où garçon Bézier Éloïse"
	wordsPolish   = "Łódź Wałęsa święto źródło Kraków gęś ćma Żółty"
	wordsCzech    = "Dvořák Plzeň žluťoučký kůň Řehoř Šárka Jiří"
	wordsTurkish  = "İstanbul Çağlar Gökçe Işık Şahin öğrenci"
	wordsLatvian  = "Rīga Jānis Bērziņš Kārlis Ģirts šķirne mājās"
	wordsRussian  = "Иванов Москва Пётр улица Екатерина Новосибирск щука"
	wordsUkraine  = "Київ Їжак Іваненко Львів Запоріжжя Євген"
	wordsGreek    = "Αθήνα Γεώργιος Παπαδόπουλος Θεσσαλονίκη οδός"
	wordsHebrew   = "ירושלים שלום אברהם רחוב כהן חיפה"
	wordsArabic   = "القاهرة محمد شارع عبدالله الرياض أحمد"
	wordsThai     = "กรุงเทพ สมชาย ถนน เชียงใหม่ นางสาว"
	wordsJapanese = "東京都 さくら ソフトウェア 田中太郎 株式会社 みなと"
	wordsChinese  = "北京市 王小明 上海有限公司 李华 广州路 张伟"
	wordsTaiwan   = "臺北市 陳美玲 有限公司 黃志明 高雄路 林淑芬"
	wordsKorean   = "서울시 김민수 주식회사 박지영 부산 이영희"
)

func TestSniff(t *testing.T) {
	for _, c := range []struct{ label, text string }{
		{"UTF-8", table(wordsGerman)},
		{"UTF-8", table(wordsChinese)},
		{"UTF-16LE", table(wordsGerman)},
		{"UTF-16LE", table(wordsRussian)},
		{"UTF-16LE", table(wordsJapanese)},
		{"UTF-16LE", "名前,会社\n" + strings.ReplaceAll(wordsJapanese, " ", ",") + "\n"},
		{"UTF-16BE", table(wordsArabic)},
		{"UTF-16BE", "名前,会社\n" + strings.ReplaceAll(wordsJapanese, " ", ",") + "\n"},
		{"UTF-16BE", "a\n"},
		{"UTF-32LE", table(wordsKorean)},
		{"UTF-32BE", table("\U0001F600")},
		{"windows-1252", table(wordsGerman)},
		{"windows-1252", table(wordsFrench)},
		{"windows-1252", table("don’t “quoted” 20_€ 5_–_6 Café")},
		{"windows-1252", table("½ §_14 20_°C ·")},
		{"windows-1250", table(wordsPolish)},
		{"windows-1250", table(wordsCzech)},
		{"ISO-8859-2", table(wordsPolish)},
		{"windows-1251", table(wordsRussian)},
		{"windows-1251", table(wordsUkraine)},
		{"KOI8-R", table(wordsRussian)},
		{"KOI8-U", table(wordsUkraine)},
		{"ISO-8859-5", table(wordsRussian)},
		{"IBM866", table(wordsRussian)},
		{"x-mac-cyrillic", table(wordsRussian)},
		{"windows-1253", table(wordsGreek)},
		{"windows-1254", table(wordsTurkish)},
		{"windows-1255", table(wordsHebrew)},
		{"windows-1256", table(wordsArabic)},
		{"windows-1257", table(wordsLatvian)},
		{"windows-874", table(wordsThai)},
		{"macintosh", table(wordsFrench)},
		{"IBM850", table(wordsFrench)},
		{"IBM852", table(wordsPolish)},
		{"Shift_JIS", table(wordsJapanese)},
		{"EUC-JP", table(wordsJapanese)},
		{"ISO-2022-JP", table(wordsJapanese)},
		{"EUC-KR", table(wordsKorean)},
		{"GBK", table(wordsChinese)},
		{"Big5", table(wordsTaiwan)},
	} {
		raw, err := get(t, c.label).Encode(c.text)
		require.NoError(t, err, c.label)
		g := Sniff(raw)
		checkGuess(t, g)
		assert.Equal(t, c.label, g.Label, "%.40q", c.text)
		assert.False(t, g.ASCII, c.label)
		assert.Zero(t, g.BOM, c.label)
		assert.NotEmpty(t, g.Evidence, c.label)
		if len(c.text) > 100 && len(raw) > 200 && c.label != "windows-1252" {
			assert.Greater(t, g.Confidence, 0.5, c.label)
		}
	}
}

// checkGuess says whether a guess keeps what its type promises.
func checkGuess(t *testing.T, g Guess) {
	t.Helper()
	get(t, g.Label)
	assert.True(t, 0 <= g.Confidence && g.Confidence <= 1, "%v", g)
	if g.Confidence < 1 || g.ASCII {
		assert.NotEmpty(t, g.RunnersUp, "%v", g)
	}
	if g.Mixed != "" {
		assert.Equal(t, "UTF-8", g.Label, "%v", g)
		assert.Equal(t, 1, get(t, g.Mixed).Unit(), "%v", g)
		assert.NotEqual(t, "UTF-8", g.Mixed, "%v", g)
	}
	for i, r := range g.RunnersUp {
		get(t, r.Label)
		assert.NotEqual(t, g.Label, r.Label, "%v", g)
		assert.True(t, 0 <= r.Confidence && r.Confidence <= 1, "%v", g)
		if i > 0 {
			assert.LessOrEqual(t, r.Confidence, g.RunnersUp[i-1].Confidence, "%v", g)
		}
	}
}

func TestSniffMark(t *testing.T) {
	for _, c := range []struct {
		in, want string
		bom      int
	}{
		{"\xEF\xBB\xBF", "UTF-8", 3},
		{"\xEF\xBB\xBFa,é", "UTF-8", 3},
		{"\xEF\xBB\xBFa,\xE9,", "UTF-8", 3},
		{"\xFF\xFE", "UTF-16LE", 2},
		{"\xFF\xFEa\x00\x00\x00b\x00", "UTF-16LE", 2},
		{"\xFF\xFE\x00\x00a\x00b\x00", "UTF-16LE", 2}, // not UTF-32LE: a NUL, then text
		{"\xFF\xFE\x00\x00a\x00\x00\x00", "UTF-32LE", 4},
		{"\xFE\xFF\x00a", "UTF-16BE", 2},
		{"\x00\x00\xFE\xFF\x00\x00\x00a", "UTF-32BE", 4},
		{"\x84\x31\x95\x33a", "gb18030", 4},
	} {
		g := Sniff([]byte(c.in))
		checkGuess(t, g)
		assert.Equal(t, c.want, g.Label, "%q", c.in)
		assert.Equal(t, c.bom, g.BOM, "%q", c.in)
		if strings.HasSuffix(c.in, "\xE9,") {
			assert.Less(t, g.Confidence, 1.0, "broken after the mark")
		} else {
			assert.Equal(t, 1.0, g.Confidence, "%q", c.in)
		}
	}
}

func TestSniffASCII(t *testing.T) {
	for _, in := range []string{"", "a", "id,name\n1,x\n", "a\x00b,cd,e\x00\n12,34\n", strings.Repeat("a,b\n", 10000)} {
		g := Sniff([]byte(in))
		checkGuess(t, g)
		assert.Equal(t, "UTF-8", g.Label)
		assert.True(t, g.ASCII)
		assert.Equal(t, "windows-1252", g.RunnersUp[0].Label)
	}
}

// NUL bytes in an 8-bit text do not make it UTF-16 or UTF-32.
func TestSniffNUL(t *testing.T) {
	for _, in := range []string{
		"id,name\x00\n1,M\x00üller\n",
		table(wordsGerman) + strings.Repeat("\x00", 600),
		strings.ReplaceAll(table(wordsGerman), "@", "\x00\x00\x00"),
		strings.Repeat("\x00", 512) + table(wordsGerman),
	} {
		assert.Equal(t, "UTF-8", Sniff([]byte(in)).Label)
		raw, err := get(t, "windows-1252").Encode(in)
		require.NoError(t, err)
		assert.Equal(t, "windows-1252", Sniff(raw).Label)
	}
}

func TestSniffUTF8(t *testing.T) {
	text := table(wordsGerman + " " + wordsCzech)
	whole := Sniff([]byte(text))
	assert.Greater(t, whole.Confidence, 0.99)

	t.Run("cut", func(t *testing.T) {
		for end := strings.Index(text, "J\u00e4ger"); end < len(text); end++ {
			g := Sniff([]byte(text[:end]))
			require.Equal(t, "UTF-8", g.Label, "%d", end)
			require.GreaterOrEqual(t, g.Confidence, 0.9)
		}
	})
	t.Run("one broken byte", func(t *testing.T) { // chardet goes from 100 to 25
		raw := []byte(text)
		raw[strings.Index(text, "user3")] = 0xE9
		g := Sniff(raw)
		checkGuess(t, g)
		assert.Equal(t, "UTF-8", g.Label)
		assert.Greater(t, g.Confidence, 0.8)
		assert.Less(t, g.Confidence, whole.Confidence)
		assert.Equal(t, "windows-1252", g.RunnersUp[0].Label)
	})
	t.Run("the broken cells choose the runner-up", func(t *testing.T) {
		stray, err := get(t, "windows-1251").Encode(table(wordsRussian))
		require.NoError(t, err)
		g := Sniff(append([]byte(strings.Repeat(text, 20)), stray...))
		checkGuess(t, g)
		assert.Equal(t, "UTF-8", g.Label)
		assert.Equal(t, "windows-1251", g.RunnersUp[0].Label)
	})
	t.Run("mojibake is UTF-8", func(t *testing.T) {
		once, _ := get(t, "windows-1252").Append(nil, []byte(wordsGerman))
		assert.Equal(t, "UTF-8", Sniff(once).Label)
	})
	t.Run("a beginning at the end", func(t *testing.T) {
		g := Sniff([]byte(strings.Repeat("abc,def\n", 200) + "\xE6\x9D"))
		checkGuess(t, g)
		assert.Equal(t, "UTF-8", g.Label)
		assert.LessOrEqual(t, g.Confidence, 0.5)
		assert.Equal(t, "windows-1252", Sniff([]byte("name\ncaf\xE9")).Label, "a short file may well end in an accent")
	})
}

// rowsOf gives rows with two words and a number each.
func rowsOf(words string, n int) []string {
	ws := strings.Fields(words)
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("%d,user%d@example.com,2024-01-%02d,%s %s %d\r\n", 1000+i, i, i%28+1, ws[i%len(ws)], ws[(i+1+i/len(ws))%len(ws)], i)
	}
	return rows
}

// inPart gives rows of which some are in a legacy encoding and the others in UTF-8.
func inPart(t *testing.T, label string, rows []string, legacy func(i int) bool) []byte {
	t.Helper()
	var out []byte
	for i, row := range rows {
		raw := []byte(row)
		if legacy(i) {
			var err error
			raw, err = get(t, label).Encode(row)
			require.NoError(t, err, label)
		}
		out = append(out, raw...)
	}
	return out
}

// mixes are the encodings that are mixed with UTF-8 in the tests.
var mixes = []struct{ label, words string }{
	{"windows-1252", wordsGerman}, {"IBM850", wordsGerman}, {"windows-1252", wordsFrench}, {"macintosh", wordsFrench},
	{"windows-1250", wordsPolish}, {"ISO-8859-2", wordsPolish}, {"windows-1251", wordsRussian}, {"KOI8-R", wordsRussian}, {"IBM866", wordsRussian},
	{"windows-1253", wordsGreek}, {"Shift_JIS", wordsJapanese}, {"EUC-JP", wordsJapanese}, {"GBK", wordsChinese}, {"EUC-KR", wordsKorean}, {"Big5", wordsTaiwan},
}

func TestSniffMixed(t *testing.T) {
	const rows = 100
	header := []string{"id,email,created,name\r\n"}
	for _, c := range mixes {
		for _, share := range []int{10, 50, 90} { // per cent of the rows in the legacy encoding
			for _, order := range []struct {
				name   string
				legacy func(int) bool
			}{
				{"by turns", func(i int) bool { return i > 0 && i*37%100 < share }},
				{"UTF-8 first", func(i int) bool { return i > rows*(100-share)/100 }},
				{"UTF-8 last", func(i int) bool { return i <= rows*share/100 }},
			} {
				for _, mark := range []string{"", "\uFEFF"} {
					table := append(header, rowsOf(c.words, rows)...)
					g := Sniff(append([]byte(mark), inPart(t, c.label, table, order.legacy)...))
					what := fmt.Sprintf("%s, %d %% %s, mark %q: %v", c.label, share, order.name, mark, g.Evidence)
					checkGuess(t, g)
					require.Equal(t, "UTF-8", g.Label, what)
					require.NotEmpty(t, g.Mixed, what)
					require.Equal(t, len(mark), g.BOM, what)
					require.Greater(t, g.Confidence, 0.4, what)
					raw, err := get(t, c.label).Encode(c.words)
					require.NoError(t, err)
					text, invalid := get(t, g.Mixed).Append(nil, raw)
					require.Zero(t, invalid, what)
					require.Equal(t, c.words, string(text), "%s as %s", what, g.Mixed)
				}
			}
		}
	}
	g := Sniff(inPart(t, "windows-1252", rowsOf(wordsGerman, rows), func(i int) bool { return i%2 == 0 }))
	assert.Contains(t, g.Evidence[0], "50 are UTF-8 and 50 are not")
}

// Names that end in the only byte that is not ASCII were not cut.
func TestSniffMixedLastLetter(t *testing.T) {
	g := Sniff([]byte("René\nJosé\nAndré\nZoé\nSalomé\nChloé\nAim\xE9\nBarnab\xE9\nTimoth\xE9\nHonor\xE9\nDorot\xE9\nBel\xEA\n"))
	assert.Equal(t, "UTF-8", g.Label)
	assert.Equal(t, "windows-1252", g.Mixed)
}

func TestUnmixed(t *testing.T) {
	for _, tt := range []struct {
		share  int // per cent in the legacy encoding
		mark   string
		label  string
		lo, hi float64 // of the confidence
	}{
		{50, "", "UTF-8", 0.3, 0.6}, {10, "", "UTF-8", 0.7, 0.95}, {90, "", "Shift_JIS", 0.7, 0.95}, {90, "\uFEFF", "UTF-8", 0.01, 0.2},
	} {
		raw := append([]byte(tt.mark), inPart(t, "Shift_JIS", rowsOf(wordsJapanese, 100), func(i int) bool { return i*37%100 < tt.share })...)
		g := Sniff(raw)
		require.Equal(t, "Shift_JIS", g.Mixed)
		u := g.Unmixed(raw)
		checkGuess(t, u)
		assert.Equal(t, tt.label, u.Label, "%d %%", tt.share)
		assert.Empty(t, u.Mixed)
		assert.GreaterOrEqual(t, u.Confidence, tt.lo, "%d %%", tt.share)
		assert.LessOrEqual(t, u.Confidence, tt.hi, "%d %%", tt.share)
		assert.Contains(t, strings.Join(u.Evidence, "; "), "not read as a mixture")
	}
	plain := Sniff([]byte("1,Zo\xEB\n"))
	assert.Equal(t, plain, plain.Unmixed([]byte("1,Zo\xEB\n")))
}

// What is all in one encoding is not mixed, although cells in a legacy one may be well-formed UTF-8 by accident.
func TestSniffNotMixed(t *testing.T) {
	all := func(int) bool { return true }
	for _, c := range append([]struct{ label, words string }{
		{"windows-1254", wordsTurkish}, {"windows-1257", wordsLatvian}, {"windows-1255", wordsHebrew}, {"windows-1256", wordsArabic},
		{"windows-874", wordsThai}, {"IBM852", wordsPolish}, {"KOI8-U", wordsUkraine}, {"x-mac-cyrillic", wordsRussian}, {"ISO-8859-5", wordsRussian},
	}, mixes...) {
		g := Sniff(inPart(t, c.label, rowsOf(c.words, 60), all))
		assert.Empty(t, g.Mixed, "%s: %v", c.label, g.Evidence)
		assert.NotEqual(t, "UTF-8", g.Label)
	}

	// Every character there is, in cells of one to four of them, among which many are well-formed.
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, label := range []string{"GBK", "EUC-KR", "EUC-JP", "Big5", "Shift_JIS", "windows-1252", "IBM866", "windows-874"} {
		e := get(t, label)
		for _, length := range []int{1, 2, 3, 4} {
			accidents := 0
			var file []byte
			for len(file) < 30<<10 {
				var cell []byte
				for chars := 0; chars < length; {
					c := []byte{byte(0xA1 + rnd.IntN(0x5E)), byte(0xA1 + rnd.IntN(0x5E))}[:1+rnd.IntN(2)]
					if _, invalid := e.Append(nil, c); invalid == 0 && (len(c) == 1) == (e.SingleByte() || label == "Shift_JIS") {
						cell = append(cell, c...)
						chars++
					}
				}
				if utf8.Valid(cell) {
					accidents++
				}
				file = append(append(file, cell...), '\n')
			}
			assert.Empty(t, Sniff(file).Mixed, "%s in cells of %d, %d accidents", label, length, accidents)
		}
	}
	assert.Empty(t, Sniff([]byte("\xC1\xAA\xCD\xA8\n\xD6\xD0\xB9\xFA\n\xB1\xB1\xBE\xA9\n\xC9\xCF\xBA\xA3\n")).Mixed, "the well-known accident")
}

// Neither damage nor a few strays make UTF-8 mixed.
func TestSniffDamagedUTF8(t *testing.T) {
	stray := "7,\xE9t\xE9,\xE0 c\xF4t\xE9,gar\xE7on,No\xEBl,fa\xE7ade\r\n"
	for _, words := range []string{wordsGerman, wordsFrench, wordsPolish, wordsRussian, wordsGreek, wordsJapanese, wordsChinese} {
		rows := rowsOf(words, 60)
		whole := strings.Join(rows, "")
		cut, again := whole, whole
		for i, row := range rows {
			if j := strings.LastIndexFunc(row, func(r rune) bool { return r >= utf8.RuneSelf }); i%3 == 0 && j >= 0 {
				cut = strings.Replace(cut, row, row[:j+1]+"\r\n", 1) // cells that something cut to a number of bytes
				again = strings.Replace(again, row, row[:j]+"\r\n", 1)
			}
		}
		for name, text := range map[string]string{
			"one byte":                 strings.Replace(whole, "user5@", "user\xE95@", 1),
			"three bytes":              strings.NewReplacer("user5@", "user\xFF@", "user15@", "user\xFE@", "user25@", "user\xFF\xFF@").Replace(whole),
			"the same byte":            strings.ReplaceAll(whole, "5@", "\xFF@"),
			"cut cells":                cut,
			"cells cut before":         again,
			"cut":                      whole[:len(whole)-3],
			"NUL":                      strings.ReplaceAll(whole, "@", "\x00"),
			"a stray row":              whole + stray,
			"two stray rows":           stray + whole + "8,\xE9t\xE9,pr\xE9f\xE9r\xE9e\r\n",
			"strays that are the same": whole + strings.Repeat(stray, 5),
			"a stray UTF-8 row":        string(inPart(t, "windows-1252", rowsOf(wordsGerman, 60), func(int) bool { return true })) + rows[0],
		} {
			g := Sniff([]byte(text))
			checkGuess(t, g)
			assert.Empty(t, g.Mixed, "%s in %.20q: %v", name, words, g.Evidence)
			if name != "a stray UTF-8 row" {
				assert.Equal(t, "UTF-8", g.Label, "%s in %.20q", name, words)
			}
		}
	}
}

// A few characters that could be many things: the answer is unsure, and the common encoding is preferred.
func TestSniffUnsure(t *testing.T) {
	for _, in := range []string{"20 \xB0C", "\xA7 14", "a\xB7b", "\xA9 x", "\xA3 5"} {
		g := Sniff([]byte("id,v\n1," + in + "\n"))
		checkGuess(t, g)
		assert.Equal(t, "windows-1252", g.Label, "%q", in)
		assert.Less(t, g.Confidence, 0.5, "%q", in)
	}
}

// A character cut by the sample's end does not count against a double-byte encoding.
func TestSniffCutDouble(t *testing.T) {
	for _, c := range []struct{ label, words string }{
		{"Shift_JIS", wordsJapanese}, {"GBK", wordsChinese}, {"EUC-KR", wordsKorean},
	} {
		raw, err := get(t, c.label).Encode(table(c.words))
		require.NoError(t, err)
		raw = raw[:len(raw)-len("\r\n")]
		for _, cut := range []int{0, 1, 2, 3} {
			assert.Equal(t, c.label, Sniff(raw[:len(raw)-cut]).Label, "%s cut by %d", c.label, cut)
		}
	}
}

func TestSniffSameAnswer(t *testing.T) {
	for _, in := range []string{
		"1,caf\xE9\n", "\xB0", "1,\xC4\xE5\xED\xFC\n", "1,\x83\x5C\x83\x7D\n", "\xD0\xD1\xD2;\xE0\xE1\xE2",
		strings.Repeat("\xC3,\xE9\xC3 \xD3\xC4\n", 30),
	} {
		want := Sniff([]byte(in))
		for range 100 {
			require.Equal(t, want, Sniff([]byte(in)), "%q", in)
		}
	}
}

// Labels of chardet that we have no encoding for are passed over, and what it says is at most a small part of the score.
func TestWitness(t *testing.T) {
	hebrew := []byte("\x45\x46\x47\x40\x48\x49\x50\x40\x51\x52\x53\x54\x55\x40\x41\x42\x43\x44\x40\x45\x46\x47\x48") // IBM424
	results, err := chardet.NewTextDetector().DetectAll(hebrew)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(results, func(r chardet.Result) bool { return lookup(r.Charset) == nil }),
		"chardet names an encoding we do not have: %v", results)
	all := []scored{{enc: get(t, "windows-1252")}, {enc: get(t, "gb18030")}}
	witness(all, &evidence{text: hebrew})
	for _, s := range all {
		assert.LessOrEqual(t, s.score, witnessWeight)
	}
	witness(all[:0], &evidence{})
}

// However long the ASCII, what counts are the words that are neither that nor UTF-8; each of them once.
func TestGather(t *testing.T) {
	cell := "long ASCII,0123456789caf\xE9 and a long ASCII tail"
	ev := gather([]byte(strings.Repeat("plain,"+cell+";\"x\"\n", 1000) + "\xC3\xA9,\xE9nd"))
	assert.Equal(t, "\n123456789caf\xE9\n\xE9nd\n", string(ev.text))
	assert.Len(t, ev.parts, 2)
	assert.Equal(t, 2, ev.chars)
	assert.True(t, ev.parts[1].cut)
	assert.False(t, ev.parts[0].cut)
	assert.Equal(t, 2, ev.count[0xE9])

	long := gather([]byte(strings.Repeat("\xE9\xE8", maxEvidence)))
	assert.LessOrEqual(t, len(long.text), maxEvidence+2)

	// A byte in each that was not seen before does not bring in more than its own part.
	var hostile []byte
	for b := 0x80; b < 0x100; b++ {
		hostile = append(append(hostile, bytes.Repeat([]byte{'\xE9', '\xE8', 'x'}, maxEvidence)...), byte(b), ',')
		hostile = append(append(hostile, bytes.Repeat([]byte{byte(b), '\xE8', 'x'}, maxEvidence)...), ',')
	}
	assert.LessOrEqual(t, len(gather(hostile).text), maxEvidence+128*(maxPart+1))
}

func TestLegacyTables(t *testing.T) {
	seen := map[string]bool{}
	for i := range legacy {
		l := &legacy[i]
		l.prepare()
		assert.False(t, seen[l.enc.name], l.enc.name)
		seen[l.enc.name] = true
		assert.True(t, (l.double == nil) == (l.names != ""), l.enc.name)
		for name := range strings.FieldsSeq(l.names) {
			assert.NotNil(t, letters().languages[name], name)
		}
		if l.double == nil {
			assert.LessOrEqual(t, len(l.single.languages), maxLanguages)
		} else {
			assert.NotNil(t, l.double.charset, l.charset)
		}
	}
}

func TestGuessJSON(t *testing.T) {
	mixed, err := json.Marshal(Guess{Label: "UTF-8", Mixed: "GBK"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"label":"UTF-8","mixed":"GBK","confidence":0,"bom":0,"ascii":false}`, string(mixed))
	out, err := json.Marshal(Guess{Label: "GBK", Confidence: 0.5, BOM: 1, ASCII: true, Evidence: []string{"x"}, RunnersUp: []Candidate{{"Big5", 0.25, true}}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"label":"GBK","confidence":0.5,"bom":1,"ascii":true,"evidence":["x"],"runners_up":[{"label":"Big5","confidence":0.25,"same":true}]}`, string(out))
}

// Evidence never shows what stands in the file.
func TestEvidenceHasNoValues(t *testing.T) {
	for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE", "macintosh"} {
		raw, err := get(t, label).Encode("Secrêt,Gehéim\n")
		require.NoError(t, err)
		for _, e := range Sniff(raw).Evidence {
			assert.NotContains(t, e, "Secr")
			assert.NotContains(t, e, "Geh")
		}
	}
}

func TestSniffRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		raw := make([]byte, rnd.IntN(3000))
		for i := range raw {
			raw[i] = byte(rnd.IntN(256))
		}
		checkGuess(t, Sniff(raw))
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte(table(wordsGerman)))
	f.Add([]byte("\xFF\xFE\x00\x00a\x00b\x00"))
	f.Add([]byte("Gr\xFCn\nGr\u00FCn\nK\xF6ln\nK\u00F6ln\nStra\xDFe\nStra\u00DFe\n"))
	f.Add([]byte("a\x1B$B$\"\x1B(B,\xE9;\x84\x31"))
	f.Fuzz(func(t *testing.T, sample []byte) {
		g := Sniff(sample)
		checkGuess(t, g)
		require.Equal(t, g, Sniff(slices.Clone(sample)))
	})
}
