package encoding

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/transform"
)

// benchCases are the encodings that are measured, each with words for the cells of a table in it.
var benchCases = []struct{ label, words string }{
	{"UTF-8", "Müller Åsö Ærø Çelik Éloïse Øå"},
	{"windows-1252", "Müller Åsö Ærø Çelik Éloïse Øå"},
	{"KOI8-R", "Иванов Мария Ольга Щукин"},
	{"UTF-16LE", "Müller Åsö Иванов Ольга 田中 東京"},
	{"Shift_JIS", "田中 東京 ソニー あおい ﾃｽﾄ"},
	{"EUC-KR", "김철수 서울 이영희 부산"},
	{"GBK", "王小明 北京 李娜 广州"},
}

// benchTable is a table of numbers, addresses, dates and names, in UTF-8. Its names get as many of the words as it takes
// for percent of the characters to be other than ASCII.
func benchTable(words string, percent, size int) string {
	native, plain := strings.Fields(words), strings.Fields("Smith Anna Lopez Kim Peters")
	rnd := rand.New(rand.NewPCG(1, 2)) // a processor learns what repeats itself
	var b strings.Builder
	chars, other := 0, 0
	put := func(s string) {
		b.WriteString(s)
		n := utf8.RuneCountInString(s)
		chars += n
		for _, r := range s {
			if r >= utf8.RuneSelf {
				other++
			}
		}
	}
	for i := 0; b.Len() < size; i++ {
		name := plain[rnd.IntN(len(plain))]
		put(fmt.Sprintf("%d,%s%d@example.org,2024-%02d-%02d,%s", 100234+i, strings.ToLower(name), rnd.IntN(1000), 1+rnd.IntN(12), 1+rnd.IntN(28), name))
		for other*100 < chars*percent {
			put(" " + native[rnd.IntN(len(native))])
		}
		put("\n")
	}
	return b.String()
}

// benchEach runs f for every encoding and share of characters that are not ASCII, with 256 KiB of text.
func benchEach(b *testing.B, f func(b *testing.B, e *Encoding, raw []byte)) {
	for _, c := range benchCases {
		for _, percent := range []int{1, 30} {
			b.Run(fmt.Sprintf("%s/%d%%", c.label, percent), func(b *testing.B) {
				e := get(b, c.label)
				raw, err := e.Encode(benchTable(c.words, percent, 256<<10))
				require.NoError(b, err)
				f(b, e, raw)
			})
		}
	}
}

// BenchmarkDecode sets Append and NewReader against x/text's transform.Reader, which is the peer of NewReader. All read the
// same text from memory into a buffer that is used again. The last of each case runs them by turns and gives how many
// times as fast as x/text they are, which a busy machine does not change much.
func BenchmarkDecode(b *testing.B) {
	benchEach(b, func(b *testing.B, e *Encoding, raw []byte) {
		buf := make([]byte, 0, 3*len(raw))
		src := bytes.NewReader(nil)
		drain := func(r io.Reader) {
			for err := error(nil); err == nil; {
				_, err = r.Read(buf[:32<<10])
			}
		}
		ways := []struct {
			name string
			run  func()
		}{
			{"append", func() { e.Append(buf[:0], raw) }},
			{"reader", func() {
				src.Reset(raw)
				r, _ := NewReader(src, e.name)
				drain(r)
			}},
			{"x-text", func() {
				src.Reset(raw)
				drain(transform.NewReader(src, xDecoder(e)))
			}},
		}
		for _, w := range ways {
			b.Run(w.name, func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				for b.Loop() {
					w.run()
				}
			})
		}
		b.Run("ratio", func(b *testing.B) {
			times := make([][]float64, len(ways))
			for b.Loop() {
				for range 9 {
					for i, w := range ways {
						start := time.Now()
						w.run()
						times[i] = append(times[i], float64(time.Since(start)))
					}
				}
			}
			for i, w := range ways[:2] {
				ratios := make([]float64, len(times[i]))
				for j := range ratios {
					ratios[j] = times[2][j] / times[i][j]
				}
				b.ReportMetric(median(ratios), w.name+"-x")
			}
			b.ReportMetric(0, "ns/op")
		})
	})
}

func BenchmarkMask(b *testing.B) {
	benchEach(b, func(b *testing.B, e *Encoding, raw []byte) {
		b.SetBytes(int64(len(raw)))
		var dst []byte
		for b.Loop() {
			dst = e.Mask(dst[:0], raw, nil)
		}
	})
}

// BenchmarkPrepare is what the first use of an encoding costs.
func BenchmarkPrepare(b *testing.B) {
	for _, c := range benchCases {
		e := get(b, c.label)
		b.Run(c.label, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				(&Encoding{name: e.name, kind: e.kind, from: e.from}).prepare()
			}
		})
	}
}

// BenchmarkSniff is linear in the sample if ns/B does not grow with it.
func BenchmarkSniff(b *testing.B) {
	for _, c := range benchCases {
		raw, err := get(b, c.label).Encode(benchTable(c.words, 5, 1<<20))
		require.NoError(b, err)
		for _, kib := range []int{4, 16, 64, 256, 1024} {
			sample := raw[:min(kib<<10, len(raw))]
			b.Run(fmt.Sprintf("%s/%dKiB", c.label, kib), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Sniff(sample)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(sample)), "ns/B")
			})
		}
	}
}

// BenchmarkSniffHostile sniffs what nobody would write: the time is linear for anything.
func BenchmarkSniffHostile(b *testing.B) {
	for _, kib := range []int{64, 1024} {
		for name, sample := range hostileSamples(kib << 10) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, kib), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Sniff(sample)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(sample)), "ns/B")
			})
		}
	}
}

// hostileSamples are of n bytes each.
func hostileSamples(n int) map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	letter := func() byte { return byte(0xC0 + rnd.IntN(64)) }
	repeat := func(part func(i int) []byte) []byte {
		var out []byte
		for i := 0; len(out) < n; i++ {
			out = append(out, part(i)...)
		}
		return out[:n]
	}
	return map[string][]byte{
		"random":              repeat(func(int) []byte { return []byte{byte(rnd.IntN(256))} }),
		"random high bytes":   repeat(func(int) []byte { return []byte{byte(0x80 + rnd.IntN(128))} }),
		"one byte":            repeat(func(int) []byte { return []byte{0x80} }),
		"every other byte":    repeat(func(int) []byte { return []byte("a\xE9") }),
		"tiny cells":          repeat(func(i int) []byte { return fmt.Appendf(nil, "\xE9%x\n", i) }),
		"tiny cells, mixed":   repeat(func(i int) []byte { return fmt.Appendf(nil, "\xE9%x\n\xC3\xA9%x\n", i, i) }),
		"different words":     repeat(func(int) []byte { return []byte{letter(), letter(), letter(), letter(), '\n'} }),
		"long cells":          repeat(func(i int) []byte { return append(bytes.Repeat([]byte{letter(), 'a', letter()}, 3000), '\n') }),
		"a new byte in each":  repeat(func(i int) []byte { return append(bytes.Repeat([]byte{0xE4, byte(0x80 + i%128), 'a'}, 3000), '\n') }),
		"a new byte far back": repeat(func(i int) []byte { return append(bytes.Repeat([]byte("\xE4a"), 4000), byte(0x80+i%128), '\n') }),
		"ideographs":          repeat(func(int) []byte { return []byte{byte(0xB0 + rnd.IntN(40)), byte(0xA1 + rnd.IntN(94))} }),
	}
}

var corpus = flag.String("corpus", "", "folder of CSV files for BenchmarkSniffCorpus")

// BenchmarkSniffCorpus sniffs the first 64 KiB, as much as an ingest looks at, of every CSV file below the folder that
// the flag -corpus names. The time of a file is the shortest of some, so that only the sniffer's own work counts.
//
//	go test ./encoding -run '^$' -bench SniffCorpus -benchtime 1x -corpus DIR
func BenchmarkSniffCorpus(b *testing.B) {
	if *corpus == "" {
		b.Skip("give a folder of CSV files: -corpus DIR")
	}
	type figures struct {
		name                 string
		size                 int
		micros, bytes, count float64
	}
	var files []figures
	var samples [][]byte
	require.NoError(b, filepath.WalkDir(*corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".csv" {
			return err
		}
		text, err := os.ReadFile(path)
		files = append(files, figures{name: path, size: len(text)})
		samples = append(samples, slices.Clone(text[:min(len(text), 64<<10)]))
		return err
	}))
	require.NotEmpty(b, files, "no CSV file below %s", *corpus)

	for i := range files { // the tables are made
		Sniff(samples[i])
	}
	for b.Loop() {
		for i := range files {
			f := &files[i]
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			Sniff(samples[i])
			runtime.ReadMemStats(&after)
			f.bytes, f.count = float64(after.TotalAlloc-before.TotalAlloc), float64(after.Mallocs-before.Mallocs)
			for range 9 {
				start := time.Now()
				Sniff(samples[i])
				if t := float64(time.Since(start).Nanoseconds()) / 1e3; f.micros == 0 || t < f.micros {
					f.micros = t
				}
			}
		}
	}

	collect := func(sizes func(int) bool, figure func(figures) float64) []float64 {
		var all []float64
		for _, f := range files {
			if sizes(f.size) {
				all = append(all, figure(f))
			}
		}
		return all
	}
	micros := func(f figures) float64 { return f.micros }
	big := func(size int) bool { return size >= 60_000 }
	small := func(size int) bool { return size <= 2_000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(collect(big, micros)), "us/100KB")
	b.ReportMetric(median(collect(small, micros)), "us/1KB")
	b.ReportMetric(median(collect(small, func(f figures) float64 { return f.count })), "allocs/1KB")
	b.ReportMetric(median(collect(small, func(f figures) float64 { return f.bytes })), "B/1KB")
	slowest := slices.MaxFunc(files, func(x, y figures) int { return cmp.Compare(x.micros, y.micros) })
	hungriest := slices.MaxFunc(files, func(x, y figures) int { return cmp.Compare(x.bytes, y.bytes) })
	b.ReportMetric(slowest.micros, "us/worst")
	b.ReportMetric(hungriest.bytes, "B/worst")
	b.Logf("slowest: %s (%d bytes); most memory: %s", slowest.name, slowest.size, hungriest.name)
}

// median of values, which it sorts; 0 if there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
