package ingest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
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
	{"quoted rows in windows of few records", "", "\"a\",b\n", ingest.Pipeline{BatchRecords: 2}},
}

// TestLawMemoryAndWorkAreLinear reads every hostile source at two sizes. Eight times the bytes may take
// not much more than eight times the time: for quadratic work it would be 64. And memory stays a setting.
func TestLawMemoryAndWorkAreLinear(t *testing.T) {
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
			for range 3 { // a slow machine may be slow once
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

// walks are small tables in which no two records are the same, and how many records a stray quote in the
// worst place costs beside the one it stands in. Where that is not 0 no reader could know better.
var walks = []struct {
	name, text    string
	columns, lost int
}{
	{"unquoted", "1,ann,x\n2,bob,y\n3,eve,z\n4,joe,w\n", 3, 0},
	{"unquoted, two columns, no last line end", "1,ann\n2,bob\n3,eve", 2, 0},
	{"empty fields", ",,1\n,,2\n,,3\n", 3, 0},
	{"quoted", "\"1\",\"ann\",\"x\"\n\"2\",\"bob\",\"y\"\n\"3\",\"eve\",\"z\"\n", 3, 0},
	{"quoted where it is needed", "1,\"ann, a\",x\n2,bob,y\n3,\"eve, e\",z\n4,joe,w\n", 3, 0},
	// One more quote makes the closing one text, and then the quotes of the next row are doubled ones of the
	// same field: 1,"say ""a"""" is how a field of several lines may begin.
	{"doubled quotes", "1,\"say \"\"a\"\"\",x\n2,\"\"\"b\"\"\",y\n3,\"c\",z\n", 3, 1},
	{"empty quoted fields", "1,\"\",\"\"\n2,\"\",\"\"\n3,\"\",\"\"\n", 3, 0},
	{"quoted numbers last", "ann,\"1\"\nbob,\"2\"\neve,\"3\"\n", 2, 0},
	{"inches", "1,5 in,x\n2,5\" in,y\n3,7\" in,z\n4,8 in,w\n", 3, 0},
	{"lines in quotes", "1,\"a\nb\",x\n2,\"c\nd\",y\n3,\"e\nf\",z\n", 3, 0},
}

// TestWalkedQuote puts a stray quote before every byte of some tables and looks at what records other than
// its own come to harm.
func TestWalkedQuote(t *testing.T) {
	for _, tt := range walks {
		for _, end := range []string{"\n", "\r\n"} {
			text := strings.ReplaceAll(tt.text, "\n", end)
			t.Run(fmt.Sprintf("%s %q", tt.name, end), func(t *testing.T) {
				p := ingest.Pipeline{Encoding: "UTF-8", Dialect: dialects[0], Header: ingest.Columns("a", "b", "c")[:tt.columns],
					Policy: ingest.Policy{Bad: ingest.Reject}}
				whole, err := events(&p, strings.NewReader(text))
				require.NoError(t, err)
				for _, e := range whole {
					require.Empty(t, e.Code)
				}
				worst, where := 0, ""
				for at := 0; at <= len(text); at++ {
					hurt := text[:at] + "\"" + text[at:]
					got, err := events(&p, strings.NewReader(hurt))
					require.NoError(t, err)
					left := map[string]bool{}
					for _, e := range got {
						if e.Code == "" {
							left[fmt.Sprintf("%q", e.Fields)] = true
						}
					}
					lost := 0
					for _, e := range whole {
						start := int(e.Position.Offset)
						own := start <= at && at < start+len(e.Raw) || at == len(text) && start+len(e.Raw) == at
						if !own && !left[fmt.Sprintf("%q", e.Fields)] {
							lost++
						}
					}
					if lost > worst {
						worst, where = lost, hurt
					}
				}
				assert.Equal(t, tt.lost, worst, "%q", where)
			})
		}
	}
}
