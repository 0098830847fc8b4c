package ingest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile are sources made to be expensive, each by what it repeats.
var hostile = []struct {
	name   string
	once   string
	repeat string
	p      ingest.Pipeline
}{
	{"stray quotes that close on the next field", "", "x\",\",y\n", ingest.Pipeline{}},
	{"a quote opens on every line", "", "\"a\n", ingest.Pipeline{}},
	{"a quote opens on every line, behind a field", "", "x,\"a\n", ingest.Pipeline{}},
	{"quotes and what follows them", "", "\"a\"b\n", ingest.Pipeline{}},
	{"quotes in one line", "", "\"", ingest.Pipeline{}},
	{"quotes that are astray, in one line", "", "\"a,", ingest.Pipeline{}},
	{"quotes that are astray, and doubled ones", "", "\"a,\"\",\"\"b,\"\"\"\",", ingest.Pipeline{}},
	{"one that is astray, found late", "", "\"" + strings.Repeat("a,\"\"b\"\",", 2000) + ",\"", ingest.Pipeline{}},
	{"lines whose quotes are astray", "", "\"a,\"b\n", ingest.Pipeline{}},
	{"records of several lines whose first line has the right width", "", "\"a,b\n" + strings.Repeat("c\n", 900) + "d\"\n", ingest.Pipeline{}},
	{"quotes and spaces in one line", "\"", "\" ", ingest.Pipeline{}},
	{"quotes and spaces in lines", "", "\"a\"     b\"    \n", ingest.Pipeline{Dialect: dialect.Dialect{SkipSpace: dialect.On}}},
	{"long runs of spaces behind quotes", "", "\"a\"" + strings.Repeat(" ", 4000) + "b\n", ingest.Pipeline{}},
	{"fields that open where the limit of lines is large", "", "“a\n", ingest.Pipeline{Dialect: dialect.Dialect{Quote: "“”"}, Limits: ingest.Limits{QuotedLines: 1 << 30}}},
	{"blank lines in a quote", "“", "\n“", ingest.Pipeline{Dialect: dialect.Dialect{Quote: "“”"}, Limits: ingest.Limits{QuotedLines: 1 << 30}}},
	{"the same between good rows", "", "“a\nb,c,d,e,f\n", ingest.Pipeline{Dialect: dialect.Dialect{Quote: "“”"}, Limits: ingest.Limits{QuotedLines: 1 << 30}}},
	{"the same in small windows", "", "“a\nb,c,d,e,f\n", ingest.Pipeline{Dialect: dialect.Dialect{Quote: "“”"}, Limits: ingest.Limits{QuotedLines: 1 << 30}, BatchBytes: 1}},
	{"the same in UTF-16", "", "“a\nb,c,d,e,f\n", ingest.Pipeline{Encoding: "UTF-16LE", Dialect: dialect.Dialect{Quote: "“”"}, Limits: ingest.Limits{QuotedLines: 1 << 30}}},
	{"records near the limit", "", "\"" + strings.Repeat("y\n", 500) + strings.Repeat("x", 16<<10-1100) + "\"\n", ingest.Pipeline{Limits: ingest.Limits{Record: 16 << 10}}},
	{"records beyond the limit", "", "\"" + strings.Repeat("x", 16<<10) + "\"\n", ingest.Pipeline{Limits: ingest.Limits{Record: 16 << 10}}},
	{"lone CR", "", "a\rb\r", ingest.Pipeline{Dialect: dialect.Dialect{LineEnding: dialect.LF}}},
	{"lone CR in a quote", "\"", "a\r", ingest.Pipeline{Dialect: dialect.Dialect{LineEnding: dialect.LF}}},
	{"CR in every way", "", "a\r\r\n\r", ingest.Pipeline{Dialect: dialect.Dialect{LineEnding: dialect.Mixed}}},
	{"backslashes", "\"", "\\", ingest.Pipeline{Dialect: dialect.Dialect{Escape: `\`}}},
	{"backslashes at line ends", "", "\\\n", ingest.Pipeline{Dialect: dialect.Dialect{Quote: dialect.None, Escape: `\`, Delimiter: "|"}, Limits: ingest.Limits{Record: 16 << 10}}},
	{"half a delimiter", "", "::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::\n", ingest.Pipeline{Dialect: dialect.Dialect{Delimiter: "::::::::;"}}},
	{"half a comment", "", "////////", ingest.Pipeline{Dialect: dialect.Dialect{Comment: "/////////"}}},
	{"delimiters", "", ",", ingest.Pipeline{Policy: ingest.Policy{Long: ingest.Keep}}},
	{"line ends", "", "\n", ingest.Pipeline{}},
	{"NUL", "", "\x00,", ingest.Pipeline{Encoding: "UTF-8", Dialect: dialect.Dialect{Delimiter: ","}, Policy: ingest.Policy{NUL: ingest.Strip}}},
	{"broken characters", "", "\xc3,\xff\n", ingest.Pipeline{Encoding: "UTF-8", Policy: ingest.Policy{Encoding: ingest.Rescue}}},
	{"broken pairs", "", "\x81|\x81,\x81\n", ingest.Pipeline{Encoding: "Shift_JIS", Dialect: dialect.Dialect{Delimiter: "|"}}},
	{"small rows in small windows", "", "a,b\n", ingest.Pipeline{BatchBytes: 1}},
	{"small rows in small windows of UTF-16", "", "a,b\n", ingest.Pipeline{Encoding: "UTF-16LE", BatchBytes: 1}},
	{"small rows in windows of few records", "", "a,b\n", ingest.Pipeline{BatchRecords: 2}},
	{"blank lines in windows of few records", "", "\n", ingest.Pipeline{BatchRecords: 2}},
	{"rows of nothing but white space in one window", "", "\t\n", ingest.Pipeline{Dialect: dialect.Dialect{Delimiter: "\t"}, BatchBytes: 1 << 20}},
	{"widths that change all the time in one window", "", strings.Repeat("a\n", 20) + "a,b\n", ingest.Pipeline{BatchBytes: 1 << 20}},
	{"quoted rows in windows of few records", "", "\"a\",b\n", ingest.Pipeline{BatchRecords: 2}},
}

// TestLawMemoryAndWorkAreLinear reads every hostile source at two sizes. Eight times the bytes may take
// not much more than eight times the time: for quadratic work it would be 64. And memory stays a setting.
func TestLawMemoryAndWorkAreLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	const small, factor, bound = 64 << 10, 8, 24
	const short = 100 * time.Millisecond // says nothing
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.p
			p.Policy.Bad = ingest.Reject
			p.Workers = 2
			p.Limits.Record = cmp.Or(p.Limits.Record, 256<<10) // looking that far from every row would be quadratic
			p.Header = ingest.Columns("a", "b")
			p.Dialect.Preamble, p.Dialect.HeaderRows = dialect.NoPreamble, dialect.NoHeader
			enc, err := encoding.Get(cmp.Or(p.Encoding, "UTF-8"))
			require.NoError(t, err)
			once, err := enc.Encode(tt.once)
			require.NoError(t, err)
			repeat, err := enc.Encode(tt.repeat)
			if err != nil {
				repeat = []byte(tt.repeat) // no text in any encoding
			}
			repeat = bytes.Repeat(repeat, 1+(64<<10)/len(repeat))
			src := func(n int) io.Reader { return &generated{once: once, repeat: repeat, left: n} }
			fastest := time.Duration(1 << 62)
			for range 3 {
				spent, _ := measure(t, p, src(small))
				fastest = min(fastest, spent)
			}
			var spent time.Duration
			var heap uint64
			// A machine at work elsewhere may be slow for a while; quadratic work is, each time.
			began := time.Now()
			for attempt := 0; attempt < 10 || time.Since(began) < 20*time.Second; attempt++ {
				if spent, heap = measure(t, p, src(factor*small)); spent <= max(short, bound*fastest) {
					break
				}
			}
			t.Logf("%v, then %v; heap %d MiB", fastest, spent, heap>>20)
			assert.LessOrEqual(t, spent, max(short, bound*fastest))
			assert.Less(t, heap, uint64(maxHeap))
		})
	}
}

const maxHeap = 64 << 20

// Names of a wide table that come again in another spelling cost no more for each of them than others do.
func TestWideHeadings(t *testing.T) {
	const columns = 6000
	var b strings.Builder
	row := func(first, format string) {
		b.WriteString(first)
		for i := 1; i < columns; i++ {
			fmt.Fprintf(&b, format, i)
		}
		b.WriteByte('\n')
	}
	row("c0", ",c%d")
	for range 40 {
		row("1", ",%d")
	}
	sample := b.Len()
	heading := strings.NewReplacer("0", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9", "j")
	names := strings.Builder{}
	for i := 1; i < columns; i++ {
		fmt.Fprintf(&names, ",name%s", heading.Replace(fmt.Sprint(i)))
	}
	for range 60 {
		b.WriteString("c0" + names.String() + "\n")
	}
	p := ingest.Pipeline{SampleSize: sample, Policy: ingest.Policy{Bad: ingest.Reject}}
	spent, _ := measure(t, p, strings.NewReader(b.String()))
	assert.Less(t, spent, 5*time.Second)
}

// TestLawMemory reads sources with default settings that are one record, or would be, or are rejects only.
func TestLawMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads several GiB")
	}
	for _, tt := range []struct {
		name, once, repeat string
		size               int
		rejected           int64
		code               ingest.Code
	}{
		{"a line that never ends", "", "x", 1 << 30, 1, ingest.CodeRecordTooLarge},
		{"a quote that never closes", "a,\"", "x", 1 << 30, 1, ingest.CodeRecordTooLarge},
		{"a quote that never closes over lines", "a,\"", strings.Repeat("x", 1<<16-1) + "\n", 128 << 20, 1, ingest.CodeUnclosedQuote},
		{"a line of fields that never ends", "", "x,", 64 << 20, 1, ingest.CodeRecordTooLarge},
		{"rejects and nothing else", "", "\"a\n", 3 << 20, 1 << 20, ingest.CodeUnclosedQuote},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject, Short: ingest.Keep, Long: ingest.Keep}}
			var status ingest.Status
			repeat := bytes.Repeat([]byte(tt.repeat), max(1, (1<<16)/len(tt.repeat)))
			src := io.MultiReader(strings.NewReader("name,text\n"), &generated{once: []byte(tt.once), repeat: repeat, left: tt.size})
			spent, heap := watch(func() {
				var err error
				status, err = p.Run(context.Background(), src, discard)
				require.NoError(t, err)
			})
			t.Logf("%v, heap %d MiB", spent, heap>>20)
			assert.Less(t, heap, uint64(maxHeap))
			assert.Equal(t, map[ingest.Code]int64{tt.code: tt.rejected}, status.Rejects)
			assert.EqualValues(t, len("name,text\n")+tt.size, status.Stored)
		})
	}
}

// generated is a source that is made while it is read: once, and then repeat until left bytes are read.
type generated struct {
	once, repeat []byte
	at, left     int
}

func (g *generated) Read(p []byte) (n int, err error) {
	p = p[:min(len(p), g.left)]
	if g.left == 0 {
		return 0, io.EOF
	}
	n = copy(p, g.once)
	g.once = g.once[n:]
	for n < len(p) {
		m := copy(p[n:], g.repeat[g.at:])
		g.at = (g.at + m) % len(g.repeat)
		n += m
	}
	g.left -= n
	return n, nil
}

var discard = ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return nil })

func measure(t *testing.T, p ingest.Pipeline, src io.Reader) (time.Duration, uint64) {
	t.Helper()
	return watch(func() {
		s, err := p.Run(context.Background(), src, discard)
		require.NoError(t, err)
		require.Equal(t, s.Read, s.Delivered+s.Rejected+s.Filtered+s.Skipped)
	})
}

// watch runs f and gives the time it took and the most heap in use, above what was in use before.
func watch(f func()) (spent time.Duration, heap uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapInuse
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				heap = max(heap, m.HeapInuse-min(before, m.HeapInuse))
			}
		}
	}()
	began := time.Now()
	f()
	spent = time.Since(began)
	close(done)
	<-watched
	return spent, heap
}

// walks are small tables in which no two records are the same.
var walks = []struct {
	name, text string
	columns    int
}{
	{"unquoted", "1,ann,x\n2,bob,y\n3,eve,z\n4,joe,w\n", 3},
	{"unquoted, two columns, no last line end", "1,ann\n2,bob\n3,eve", 2},
	{"empty fields", ",,1\n,,2\n,,3\n", 3},
	{"quoted", "\"1\",\"ann\",\"x\"\n\"2\",\"bob\",\"y\"\n\"3\",\"eve\",\"z\"\n", 3},
	{"quoted where it is needed", "1,\"ann, a\",x\n2,bob,y\n3,\"eve, e\",z\n4,joe,w\n", 3},
	{"doubled quotes", "1,\"say \"\"a\"\"\",x\n2,\"\"\"b\"\"\",y\n3,\"c\",z\n", 3},
	{"a quote by itself", "1,\"\"\"\",x\n2,\"\"\"\",y\n3,\"\"\"\",\"\"\n4,\"\",\"\"\"\"\n", 3},
	{"a quote by itself, last", "1,\"\"\"\"\n2,\"a\"\n3,\"\"\"\"\n4,\"\"\n", 2},
	{"empty quoted fields", "1,\"\",\"\"\n2,\"\",\"\"\n3,\"\",\"\"\n", 3},
	{"an empty quoted field below", "1,a,x\n2,\"\",y\n3,b,z\n4,\"\",w\n", 3},
	{"quoted numbers last", "ann,\"1\"\nbob,\"2\"\neve,\"3\"\n", 2},
	{"inches", "1,5 in,x\n2,5\" in,y\n3,7\" in,z\n4,8 in,w\n", 3},
	{"lines in quotes", "1,\"a\nb\",x\n2,\"c\nd\",y\n3,\"e\nf\",z\n", 3},
	{"lines in the last field", "1,\"a\n\"\"b\"\"\nc\"\n2,d\n3,\"e\n\nf, g\"\n4,\"\"\n", 2},
	{"JSON", "1,\"{\"\"k\"\":1,\"\"l\"\":\"\"\"\"}\",x\n2,\"{\"\"k\"\":2}\",y\n3,{},z\n", 3},
	{"one column", "\"a\"\nb\n\"\"\n\"c\"\"\"\n\"d\ne\"\nf\n", 1},
}

// TestWalkedQuote puts a quote before every byte of some tables, and takes away each quote that is there: no record but
// its own may come to harm.
func TestWalkedQuote(t *testing.T) {
	for _, tt := range walks {
		for _, end := range []string{"\n", "\r\n"} {
			text := strings.ReplaceAll(tt.text, "\n", end)
			t.Run(fmt.Sprintf("%s %q", tt.name, end), func(t *testing.T) {
				p := ingest.Pipeline{Encoding: "UTF-8", Dialect: dialects[0], Header: ingest.Columns("a", "b", "c")[:tt.columns],
					Policy: ingest.Policy{Bad: ingest.Reject}}
				assert.Empty(t, walk(t, p, []byte(text), 0, `"`))
			})
		}
	}
}

// walked are the messy files that TestWalkedQuoteInMessyFiles walks through.
var walked = strings.Fields(`
	aligned-columns both-quotes comma-space comment-inside-quotes crlf-inside-lf-outside delimiter-double-colon-quoted
	delimiter-double-pipe delimiter-pipe delimiter-section-sign-windows1252 delimiter-space delimiter-tab delimiters-in-quotes
	dos-end-on-last-line escape-backslash escape-line-end escape-without-quotes every-line-end-in-quotes everything-quoted
	excel-formula-strings inch-marks iso2022jp-mail-export json-cells-backslash json-cells-doubled lf-inside-crlf-outside
	lists-in-cells mixed-line-ends newlines-in-quotes-cr newlines-in-quotes-crlf newlines-in-quotes-lf no-final-line-end
	no-header null-empty-vs-quoted one-column-quoted-empty quote-none-pinned quote-single quote-typographic
	quote-typographic-german quote-typographic-windows1252 quotes-mid-field quotes-tripled shiftjis-lead-before-comma
	shiftjis-pipe shiftjis-trail-before-quote space-before-quote space-behind-quote stray-quote-opens-field tab-with-everything
	two-columns-quoted-text utf16be-bom utf16le-bom-unicode-text utf16le-no-mark utf32le-bom
	windows-paths`)

// ambiguous is how many places there are in a walked file where the stray quote and one that stands there make a
// field of several lines such as a table may have: by the text alone nobody could tell.
var ambiguous = map[string]int{
	"iso2022jp-mail-export": 1, // the cell 加藤"改" of the record below ends with a quote
}

// TestWalkedQuoteInMessyFiles does the same in files of many dialects, which are pinned to what was found in the
// whole file, with the quote of the dialect and with `"`. It begins below the header.
func TestWalkedQuoteInMessyFiles(t *testing.T) {
	cases := map[string]messyCase{}
	for _, c := range messyCases(t) {
		cases[c.name] = c
	}
	for _, name := range walked {
		t.Run(name, func(t *testing.T) {
			file := cases[name].file
			require.NotEmpty(t, file)
			p := *cases[name].want.Pipeline
			found, err := p.Sniff(t.Context(), bytes.NewReader(file))
			require.NoError(t, err)
			p = ingest.Pipeline{Encoding: found.Encoding.Label, Dialect: found.Dialect.Dialect, Policy: ingest.Policy{Bad: ingest.Reject}}
			quotes := []string{`"`}
			for _, q := range found.Dialect.Quote {
				if found.Dialect.Quote != dialect.None && q != '"' {
					quotes = append(quotes, string(q))
				}
			}
			for _, quote := range quotes {
				harmed := walk(t, p, file, int(found.Table.Offset), quote)
				assert.Len(t, harmed, ambiguous[name], "%q", harmed)
			}
		})
	}
}

// walk puts a quote before every code unit of a table that begins at a place in src, and takes away each quote that is
// there. It gives the texts in which a record that was good comes to harm, other than the one in which that was done:
// it is not there, or stands elsewhere, or has other fields.
func walk(t *testing.T, p ingest.Pipeline, src []byte, from int, quote string) (harmed []string) {
	t.Helper()
	enc, err := encoding.Get(p.Encoding)
	require.NoError(t, err)
	mark, err := enc.Encode(quote)
	if err != nil {
		return nil // no quote in this encoding
	}
	whole, err := events(&p, bytes.NewReader(src))
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(whole), "{ ", "at least one record is good")
	key := func(e event, shift int) string {
		return fmt.Sprintf("%d %q %v", int(e.Position.Offset)+shift, e.Fields, e.Quoted)
	}
	check := func(at int, hurt []byte) {
		got, err := events(&p, bytes.NewReader(hurt))
		require.NoError(t, err)
		left := map[string]bool{}
		for _, e := range got {
			if e.Code == "" {
				left[key(e, 0)] = true
			}
		}
		for _, e := range whole {
			start := int(e.Position.Offset)
			end, shift := start+len(e.Raw), 0
			if start >= at {
				shift = len(hurt) - len(src)
			}
			own := start <= at && at < end || at == end && end == len(src)
			if e.Code == "" && !own && !left[key(e, shift)] {
				harmed = append(harmed, string(hurt))
				return
			}
		}
	}
	for at := from; at <= len(src); at += enc.Unit() {
		check(at, slices.Concat(src[:at], mark, src[at:]))
		if bytes.HasPrefix(src[at:], mark) {
			check(at, slices.Concat(src[:at], src[at+len(mark):]))
		}
	}
	return harmed
}
