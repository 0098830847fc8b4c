package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// encoded writes a text in an encoding.
func encoded(t testing.TB, label, text string) string {
	t.Helper()
	e, err := encoding.Get(label)
	require.NoError(t, err)
	raw, err := e.Encode(text)
	require.NoError(t, err)
	return string(raw)
}

// people gives rows with a name in each, every second one in the encoding; and what they say.
func people(t testing.TB, label, names, delimiter string) (src string, want []string) {
	for i, name := range strings.Fields(names) {
		row := fmt.Sprintf("%d%s%s%s%d.5\n", i, delimiter, name, delimiter, i*7)
		want = append(want, fmt.Sprintf("%d+%s+%d.5", i, name, i*7))
		if i%2 > 0 {
			row = encoded(t, label, row)
		}
		src += row
	}
	return src, want
}

const (
	germanNames   = "Müller Jäger Größe Köln Straße Schröder Bäcker Grün für Übung Öl Ärger Fürth Käthe Gießen Düren"
	japaneseNames = "東京都 ソフト 表構能 田中太郎 株式会社 みなと 大阪府 北海道 名古屋 京都市 予定表 能力 構成 十日町"
)

// Cells that are not UTF-8 are read in the other encoding, whatever the policy, counted, and by no road of the parser
// differently from the other.
func TestMixed(t *testing.T) {
	for _, tt := range []struct{ label, names, delimiter string }{
		{"windows-1252", germanNames, ","},
		{"windows-1252", germanNames, "|"},
		{"IBM850", germanNames, ";"},
		{"Shift_JIS", japaneseNames, ","},
		{"EUC-JP", japaneseNames, "|"},
	} {
		rows, want := people(t, tt.label, tt.names, tt.delimiter)
		header := strings.Join([]string{"nr", "Größe", "n"}, tt.delimiter) + "\n"
		if tt.label != "windows-1252" {
			header = strings.Join([]string{"nr", "name", "n"}, tt.delimiter) + "\n"
		}
		for _, mark := range []string{"", "\ufeff"} {
			for _, action := range []ingest.Action{ingest.Stop, ingest.Reject, ingest.Replace, ingest.Rescue} {
				for _, batch := range []int{0, 1} {
					var c collect
					p := ingest.Pipeline{Policy: ingest.Policy{Encoding: action}, BatchBytes: batch, Workers: 2}
					status, err := p.Run(t.Context(), strings.NewReader(mark+header+rows), ingest.SinkFunc(c.write))
					require.NoError(t, err, "%v", tt)
					require.Equal(t, "UTF-8", status.Found.Encoding.Label, "%v", tt)
					assert.Equal(t, tt.label, status.Found.Encoding.Mixed)
					assert.Equal(t, len(mark), status.Found.Encoding.BOM)
					assert.ElementsMatch(t, want, c.sorted())
					assert.Equal(t, map[ingest.Code]int64{ingest.CodeMixed: int64(len(want) / 2)}, status.Tolerated)
				}
			}
		}
	}
}

// The header is read as the rows are, and its cells are counted.
func TestMixedHeader(t *testing.T) {
	rows, want := people(t, "windows-1252", germanNames, ";")
	var c collect
	status, err := ingest.Run(t.Context(), strings.NewReader(encoded(t, "windows-1252", "Nr;Größe;Übung\n")+rows), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, []string{"Nr", "Größe", "Übung"}, status.Found.Header.Names())
	assert.Equal(t, map[ingest.Code]int64{ingest.CodeMixed: int64(2 + len(want)/2)}, status.Tolerated)
}

// What fits neither encoding obeys the policy.
func TestMixedAndBroken(t *testing.T) {
	rows, want := people(t, "Shift_JIS", japaneseNames, ",")
	rows += "90,\xff\xfe,1\n91,\x83,1\n"
	for action, more := range map[ingest.Action][]string{
		ingest.Reject:  nil,
		ingest.Replace: {"90+\ufffd\ufffd+1", "91+\ufffd+1"},
	} {
		var c collect
		var rejects []*ingest.RecordError
		p := ingest.Pipeline{Policy: ingest.Policy{Encoding: action}}
		p.Rejects = ingest.RejectFunc(func(_ context.Context, _ *ingest.Found, r []*ingest.RecordError) error {
			rejects = append(rejects, r...)
			return nil
		})
		status, err := p.Run(t.Context(), strings.NewReader("nr,name,n\n"+rows), ingest.SinkFunc(c.write))
		require.NoError(t, err)
		require.Equal(t, "Shift_JIS", status.Found.Encoding.Mixed)
		assert.ElementsMatch(t, append(more, want...), c.sorted())
		if action == ingest.Reject {
			require.Len(t, rejects, 2)
			assert.Contains(t, rejects[0].Reason, "no character in UTF-8 or Shift_JIS")
		} else {
			assert.EqualValues(t, 2, status.Tolerated[ingest.CodeEncoding])
		}
		assert.EqualValues(t, len(want)/2, status.Tolerated[ingest.CodeMixed])
	}
	p := ingest.Pipeline{Policy: ingest.Policy{Encoding: ingest.Rescue}}
	var c collect
	status, err := p.Run(t.Context(), strings.NewReader("nr,name,n\n"+rows), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.EqualValues(t, 2, status.Tolerated[ingest.CodeEncoding])
	assert.Len(t, c.records, len(want)+2)
}

// A byte of Shift_JIS can be the "|" that ends a field. So such a source is not taken for a mixture: what is not UTF-8 is
// rejected, not cut in two.
func TestMixedUnsafe(t *testing.T) {
	rows, want := people(t, "Shift_JIS", japaneseNames+" 十\u30dd能", "|") // ポ ends with the byte of "|"
	require.Contains(t, encoded(t, "Shift_JIS", "ポ"), "|")
	for name, p := range map[string]ingest.Pipeline{
		"sniffed": {Policy: ingest.Policy{Bad: ingest.Reject}},
		"late":    {Policy: ingest.Policy{Bad: ingest.Reject}, SampleSize: 1024},
	} {
		head, n := "nr|name|n\n", 0
		if name == "late" {
			n = 100
			head += strings.Repeat("7|ascii|1.5\n", n)
		}
		var c collect
		status, err := p.Run(t.Context(), strings.NewReader(head+rows), ingest.SinkFunc(c.write))
		require.NoError(t, err)
		enc := status.Found.Encoding
		assert.Equal(t, "UTF-8", enc.Label, name)
		assert.Empty(t, enc.Mixed, name)
		assert.Contains(t, enc.Evidence[len(enc.Evidence)-1], "not read as a mixture", name)
		assert.Less(t, enc.Confidence, 0.6, name)
		assert.Equal(t, map[ingest.Code]int64{ingest.CodeEncoding: int64(len(want) / 2)}, status.Rejects, name)
		assert.EqualValues(t, n+len(want)-len(want)/2, status.Delivered, name)
	}
	// A structural character that is not ASCII is not written the same in both.
	mixed, _ := people(t, "windows-1252", germanNames, ",")
	p := ingest.Pipeline{Dialect: dialect.Dialect{Delimiter: "§", Preamble: dialect.NoPreamble, HeaderRows: dialect.NoHeader}}
	found, err := p.Sniff(t.Context(), strings.NewReader(strings.ReplaceAll(mixed, ",", "§")))
	require.NoError(t, err)
	assert.Empty(t, found.Encoding.Mixed)
}

// An encoding that is pinned is that of all cells.
func TestMixedPinned(t *testing.T) {
	rows, want := people(t, "windows-1252", germanNames, ",")
	for label, rejected := range map[string]int{"UTF-8": len(want) / 2, "windows-1252": 0} {
		p := ingest.Pipeline{Encoding: label, Policy: ingest.Policy{Bad: ingest.Reject}}
		status, err := p.Run(t.Context(), strings.NewReader("nr,name,n\n"+rows), discard)
		require.NoError(t, err)
		assert.Empty(t, status.Found.Encoding.Mixed)
		assert.Empty(t, status.Tolerated)
		assert.EqualValues(t, rejected, status.Rejected, label)
	}
}

// Rejects of a mixed source are read back as it was, also where they are too few to show it.
func TestMixedRejects(t *testing.T) {
	rows, _ := people(t, "windows-1252", germanNames, ",")
	bad := encoded(t, "windows-1252", "88,Wörth\n") + "89,Wörth\n"
	var out bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&out)}
	_, err := p.Run(t.Context(), strings.NewReader("nr,name,n\n"+rows+bad), discard)
	require.NoError(t, err)
	mended := strings.NewReplacer("rth,too_few", "rth,5,too_few").Replace(out.String())
	for name, src := range map[string]string{
		"as they are":             mended,
		"saved as UTF-8":          strings.ReplaceAll(mended, "W\xf6rth", "Wörth"),
		"saved as windows-1252":   strings.ReplaceAll(mended, "Wörth", "W\xf6rth"),
		"ASCII":                   strings.NewReplacer("Wörth", "Worth", "W\xf6rth", "Worth").Replace(mended),
		"with a byte order mark":  "\ufeff" + mended,
		"UTF-16 with a byte mark": "\xff\xfe" + encoded(t, "UTF-16LE", strings.ReplaceAll(mended, "W\xf6rth", "Wörth")),
	} {
		var c collect
		status, err := ingest.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(c.write))
		require.NoError(t, err, name)
		require.NotEmpty(t, status.Parent, name)
		city := "Wörth"
		if name == "ASCII" {
			city = "Worth"
		}
		assert.Equal(t, []string{"88+" + city + "+5", "89+" + city + "+5"}, c.sorted(), name)
	}
}

// What is decided behind windows that are delivered stands in the status, with its confidence and where that was.
func TestLateDecision(t *testing.T) {
	head := rows(100)
	mixed, _ := people(t, "windows-1252", germanNames, ",")
	lines := func(text string) string { return strings.Repeat("1,"+text+"\n", 40) }
	for _, tt := range []struct {
		name, mark, late string
		want             encoding.Guess
	}{
		{"windows-1250", "", encoded(t, "windows-1250", lines("Łódź Wałęsa")), encoding.Guess{Label: "windows-1250"}},
		{"UTF-8", "", lines("Łódź Wałęsa"), encoding.Guess{Label: "UTF-8"}},
		{"UTF-8 behind a mark", "\ufeff", lines("Łódź Wałęsa"), encoding.Guess{Label: "UTF-8", BOM: 3}},
		{"mixed", "", twoColumns(mixed), encoding.Guess{Label: "UTF-8", Mixed: "windows-1252"}},
		{"mixed behind a mark", "\ufeff", twoColumns(mixed), encoding.Guess{Label: "UTF-8", Mixed: "windows-1252", BOM: 3}},
		{"windows-1252 behind a mark", "\ufeff", encoded(t, "windows-1252", lines("Größe")), encoding.Guess{Label: "UTF-8", BOM: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := tt.mark + head + tt.late
			p := ingest.Pipeline{SampleSize: 256, BatchBytes: 500, Workers: 1, Policy: ingest.Policy{Bad: ingest.Reject}}
			sure := map[string]int{} // windows by what was known of the encoding
			status, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
				if b.Found().DecidedAt == 256 {
					sure["before"]++
				} else {
					sure["behind"]++
				}
				return nil
			}))
			require.NoError(t, err)
			found := status.Found
			assert.Equal(t, tt.want, encoding.Guess{Label: found.Encoding.Label, Mixed: found.Encoding.Mixed, BOM: found.Encoding.BOM})
			assert.Greater(t, found.Encoding.Confidence, 0.0)
			assert.LessOrEqual(t, found.Encoding.Confidence, 1.0)
			assert.False(t, found.Encoding.ASCII)
			first := len(src) - len(strings.TrimLeftFunc(src[len(tt.mark):], func(r rune) bool { return r < 0x80 }))
			assert.GreaterOrEqual(t, found.DecidedAt, int64(min(len(src), first+256)))
			assert.LessOrEqual(t, found.DecidedAt, int64(min(len(src), first+16*256)))
			assert.Equal(t, status.Read, status.Delivered+status.Rejected)
			assert.EqualValues(t, 100+strings.Count(tt.late, "\n"), status.Read)
			assert.Positive(t, sure["behind"])
		})
	}
}

// twoColumns takes the last column off rows.
func twoColumns(rows string) string {
	var out strings.Builder
	for line := range strings.Lines(rows) {
		cells := strings.SplitN(strings.TrimSpace(line), ",", 3)
		out.WriteString(cells[0] + "," + cells[1] + "\n")
	}
	return out.String()
}

// A stray or two that come first decide nothing: more is read, within bounds, before anything of it is delivered.
func TestStrayFirst(t *testing.T) {
	const size = 1024
	ascii := func(n int) string { return strings.Repeat("1,plain text\n", n/13) }
	late := func(label string) string {
		return encoded(t, label, strings.Repeat("1,Łódź Wałęsa\n2,Żółty źródło\n", 100))
	}
	for _, tt := range []struct{ name, src, want string }{
		{"a stray cell of windows-1252, then UTF-8", "a,b\n1,Gr\xf6\xdfe f\xfcr \xc4pfel\n" + ascii(2*size) + late("UTF-8"), "UTF-8"},
		{"the same behind ASCII", "a,b\n" + ascii(8*size) + "1,Gr\xf6\xdfe f\xfcr \xc4pfel\n" + ascii(2*size) + late("UTF-8"), "UTF-8"},
		{"a cell that is UTF-8 by accident, then GBK", "a,b\n1,\xc1\xaa\xcd\xa8\n" + ascii(2*size) + encoded(t, "GBK", strings.Repeat("1,北京市 王小明\n2,上海有限公司 李华\n3,广州路 张伟\n", 60)), "GBK"},
		{"one character, then windows-1250", "a,b\n1,\xf3\n" + ascii(3*size) + late("windows-1250"), "windows-1250"},
		{"the same behind ASCII", "a,b\n" + ascii(9*size) + "1,\xf3\n" + ascii(3*size) + late("windows-1250"), "windows-1250"},
		{"too far away", "a,b\n1,caf\xe9 No\xebl\n" + ascii(17*size) + late("UTF-8"), "windows-1252"},
	} {
		p := ingest.Pipeline{SampleSize: size, BatchBytes: 100, Policy: ingest.Policy{Bad: ingest.Reject}}
		counted := &counter{r: strings.NewReader(tt.src)}
		status, err := p.Run(t.Context(), counted, discard)
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.want, status.Found.Encoding.Label, tt.name)
		assert.Empty(t, status.Found.Encoding.Mixed, tt.name)
		assert.LessOrEqual(t, status.Found.DecidedAt, int64(strings.IndexFunc(tt.src, func(r rune) bool { return r >= 0x80 })+16*size), tt.name)

		counted = &counter{r: strings.NewReader(tt.src + ascii(400*size))}
		_, err = p.Sniff(t.Context(), counted)
		require.NoError(t, err, tt.name)
		assert.LessOrEqual(t, counted.n, 100*size, "%s: for a header 96 KiB are read", tt.name)
	}
}

// A counter counts what is read.
type counter struct {
	r *strings.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// Sniff and the log say that there are two encodings.
func TestMixedIsTold(t *testing.T) {
	rows, _ := people(t, "windows-1252", germanNames, ",")
	found, err := new(ingest.Pipeline).Sniff(t.Context(), strings.NewReader("nr,name,n\n"+rows))
	require.NoError(t, err)
	assert.Equal(t, "windows-1252", found.Encoding.Mixed)
	assert.Contains(t, found.Encoding.Evidence[0], "8 are UTF-8 and 8 are not")
	var log bytes.Buffer
	ingest.LogReporter(slog.New(slog.NewTextHandler(&log, nil))).Report(ingest.Status{Run: "r", State: ingest.Running, Found: found})
	assert.Contains(t, log.String(), `encoding="UTF-8 or windows-1252"`)
}

// The samples that decided come with Sniff, that of the encoding as it stands in the source, and with nothing else.
func TestFoundSample(t *testing.T) {
	late := "id,name\n" + strings.Repeat("1,Ann\n", 20_000)
	tail := "7,J\xF6rg\n8,Zo\xEB\n9,Ren\xE9e\n"
	for _, tt := range []struct{ name, source, want, text string }{
		{"at once", "id,name\n" + tail, "id,name\n" + tail, "id,name\n7,Jörg\n8,Zoë\n9,Renée\n"},
		{"late", late + tail, tail, late[:64<<10]},
		{"empty", "", "", ""},
	} {
		found, err := (&ingest.Pipeline{}).Sniff(t.Context(), strings.NewReader(tt.source))
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.want, string(found.Sample), tt.name)
		assert.Equal(t, tt.text, string(found.Text), tt.name)
		raw, err := json.Marshal(found)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), "Zo", "it is nobody's but the caller's")
	}
	status, err := ingest.Run(t.Context(), strings.NewReader(late+tail), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		assert.Nil(t, b.Found().Sample)
		assert.Nil(t, b.Found().Text)
		return nil
	}))
	require.NoError(t, err)
	assert.Nil(t, status.Found.Sample)
}

// Where most of a source is in the second encoding, and it cannot be mixed, it is read in that one, unsure.
func TestMixedUnsafeMostly(t *testing.T) {
	var b strings.Builder
	b.WriteString("nr|name|n\n")
	for i := range 200 {
		row := fmt.Sprintf("%d|%s%d|%d\n", i, strings.Fields(japaneseNames + " ポスト 予約")[i%6], i, i)
		if i%8 > 0 {
			row = encoded(t, "Shift_JIS", row)
		}
		b.WriteString(row)
	}
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
	found, err := p.Sniff(t.Context(), strings.NewReader(b.String()))
	require.NoError(t, err)
	assert.Equal(t, "Shift_JIS", found.Encoding.Label)
	p.MinConfidence = 0.9
	_, err = p.Run(t.Context(), strings.NewReader(b.String()), discard)
	require.ErrorIs(t, err, ingest.ErrUnsure, "some of the file is not in the encoding that is taken")
}

// What a late decision cannot take back is not claimed: it goes on as before, unsure.
func TestLateSurprises(t *testing.T) {
	head := "id,name\n" + strings.Repeat("1,plain text\n", 6000)
	for _, tt := range []struct {
		name, tail string
		label      string
		unsure     bool
		rejected   bool
	}{
		{"UTF-16 put behind", encoded(t, "UTF-16LE", strings.Repeat("2,Łódź\r\n", 300)), "UTF-8", true, true},
		{"a file with a mark put behind", "\uFEFFid,name\n" + strings.Repeat("2,Łódź\n", 300), "UTF-8", false, false},
		{"windows-1252 behind a mark", "\uFEFF" + encoded(t, "windows-1252", strings.Repeat("2,Größe\n3,Müller\n4,Käthe\n", 300)), "windows-1252", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
			status, err := p.Run(t.Context(), strings.NewReader(head+tt.tail), discard)
			require.NoError(t, err)
			enc := status.Found.Encoding
			assert.Equal(t, tt.label, enc.Label)
			assert.False(t, enc.ASCII)
			assert.Zero(t, enc.BOM, "the source has none")
			assert.Equal(t, tt.rejected, status.Rejected > 0)
			p.MinConfidence = 0.6
			_, err = p.Run(t.Context(), strings.NewReader(head+tt.tail), discard)
			if tt.unsure {
				require.ErrorIs(t, err, ingest.ErrUnsure)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// Line ends of any kind, and batches of any size, give the same late decision.
func TestLateDecisionAtALine(t *testing.T) {
	seen := map[string]bool{}
	for _, end := range []string{"\n", "\r", "\r\n"} {
		for _, batch := range []int{1000, 60_000, 256 << 10} {
			src := "id,name" + end + strings.Repeat("1,plain text"+end, 20_000) + "2,caf\xe9"
			p := ingest.Pipeline{BatchBytes: batch, Policy: ingest.Policy{Bad: ingest.Reject}}
			status, err := p.Run(t.Context(), strings.NewReader(src), discard)
			require.NoError(t, err)
			seen[fmt.Sprintf("%s %.3f %d", status.Found.Encoding.Label, status.Found.Encoding.Confidence, status.Rejected)] = true
		}
	}
	assert.Len(t, seen, 1, "%v", seen)
}

// Rejects from before and behind a late decision stand in one file, which is read back as it was written.
func TestRejectsAcrossLateDecision(t *testing.T) {
	src := "id,name,n\n1,short\n" + strings.Repeat("1,plain text,2\n", 40_000) +
		encoded(t, "windows-1250", strings.Repeat("3,Łódź Wałęsa,1\n4,Żółty źródło,2\n", 100)+"5,Łódź\n")
	var out bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&out)}
	status, err := p.Run(t.Context(), strings.NewReader(src), discard)
	require.NoError(t, err)
	require.Equal(t, "windows-1250", status.Found.Encoding.Label)
	require.EqualValues(t, 2, status.Rejected)
	mended := strings.NewReplacer("short,", "short,7,", "\xa3\xf3d\x9f,", "\xa3\xf3d\x9f,7,").Replace(out.String())
	var c collect
	status, err = ingest.Run(t.Context(), strings.NewReader(mended), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, "windows-1250", status.Found.Encoding.Label)
	assert.Contains(t, c.sorted(), "5+Łódź+7")
	assert.Contains(t, c.sorted(), "1+short+7")
}

// What a file says of its second encoding is checked before it is passed on.
func TestMixedOriginUnknown(t *testing.T) {
	rows, _ := people(t, "windows-1252", germanNames, ",")
	var out bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&out)}
	_, err := p.Run(t.Context(), strings.NewReader("nr,name,n\n"+rows+"99,x\n"), discard)
	require.NoError(t, err)
	forged := strings.ReplaceAll(out.String(), "&windows-1252", "&card4711ofAnn")
	require.NotEqual(t, forged, out.String())
	found, err := new(ingest.Pipeline).Sniff(t.Context(), strings.NewReader(forged))
	require.NoError(t, err)
	assert.Empty(t, found.Encoding.Mixed)
}

// A sample shorter than a byte order mark is no trouble.
func TestTinySample(t *testing.T) {
	for _, src := range []string{"\uFEFFa,b\n1,é\n", "\x84\x31\x95\x33a,b\n1,2\n", "\xff\xfea\x00\n\x00"} {
		for size := 1; size < 6; size++ {
			p := ingest.Pipeline{SampleSize: size, Policy: ingest.Policy{Bad: ingest.Reject}}
			assert.NotPanics(t, func() {
				_, _ = p.Sniff(t.Context(), strings.NewReader(src))
				for _, err := range p.Records(t.Context(), strings.NewReader(src)) {
					_ = err
				}
			}, "%q %d", src, size)
		}
	}
}

// A cell counts as mixed only with a record that is delivered.
func TestMixedCount(t *testing.T) {
	rows, want := people(t, "windows-1252", germanNames, ",")
	bad := encoded(t, "windows-1252", "88,W\x00örth,5\n88,Wörth\n")
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Dialect: dialect.Dialect{Delimiter: ","}}
	status, err := p.Run(t.Context(), strings.NewReader("nr,name,n\n"+rows+bad), discard)
	require.NoError(t, err)
	assert.EqualValues(t, len(want)/2, status.Tolerated[ingest.CodeMixed])
}
