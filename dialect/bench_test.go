package dialect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const sampleBytes = 64 << 10

// benchSamples are what a sample is like as a rule, in the first two, and can be like at worst; each of the usual size.
var benchSamples = []struct {
	name string
	unit func(random *rand.Rand, i int) string // the i-th piece

	kilobytes int // that Sniff may allocate
}{
	{"unquoted", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("%d,Name %d,%d.%02d,%04d-%02d-%02d,open\n", i, r.IntN(1000), r.IntN(1000), r.IntN(100), 1950+r.IntN(60), 1+r.IntN(12), 1+r.IntN(28))
	}, 4096},
	{"quoted", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("\"%d\",\"Name, %d\",\"some text that goes on, and on, to number %d\",\"%d.%02d\",\"open\"\n", i, r.IntN(1000), r.IntN(50), r.IntN(100), r.IntN(100))
	}, 4096},
	{"many signs", func(r *rand.Rand, i int) string {
		return fmt.Sprintf("%d;\"Name %d, it's\";%04d-%02d-%02d;%d,%02d;https://example.com/%d?a=1&b=2;some words | and more: %d\n", i,
			r.IntN(1000), 1950+r.IntN(60), 1+r.IntN(12), 1+r.IntN(28), r.IntN(100), r.IntN(100), r.IntN(1e6), r.IntN(50))
	}, 4096},
	{"everything", func(r *rand.Rand, i int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%d", i)
		for _, d := range r.Perm(len(delimiters)) {
			q := quotes[r.IntN(len(quotes))]
			open, closing := quotePair(q)
			fmt.Fprintf(&b, "%s%sa%d\\%s\\%s  %s", delimiters[d], open, r.IntN(100), closing, delimiters[d], closing)
		}
		return b.String() + "\n"
	}, 4096},
	{"one line", func(r *rand.Rand, i int) string { return fmt.Sprintf("%d,\"x y\";'z'|", r.IntN(1000)) }, 4096},
	{"quotes only", func(*rand.Rand, int) string { return `"` }, 4096},
	{"text", func(r *rand.Rand, i int) string {
		words := []string{"well,", "it's", "a \"word\";", "(so", "to", "say)", "or:", "none!", "5 %", "and/or", "#1", "a - b", "x = y", "me & you", "50 *"}
		var b strings.Builder
		for range 5 + r.IntN(20) {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		return b.String() + "\n"
	}, 4096},
	{"short rows", func(r *rand.Rand, i int) string { return fmt.Sprintf("%d,%d\n", r.IntN(10), r.IntN(10)) }, 4096},
	{"wide rows", func(r *rand.Rand, i int) string {
		if i%5000 == 4999 {
			return "x\n"
		}
		return fmt.Sprintf("%d;", r.IntN(10))
	}, 4096},
	{"empty rows", func(*rand.Rand, int) string { return "\n" }, 6144},
	{"empty fields", func(*rand.Rand, int) string { return "," }, 4096},
}

func benchSample(unit func(*rand.Rand, int) string, size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		text.WriteString(unit(random, i))
	}
	return []byte(text.String())[:size]
}

func BenchmarkSniff(b *testing.B) {
	for _, s := range benchSamples {
		sample := benchSample(s.unit, sampleBytes)
		b.Run(s.name, func(b *testing.B) {
			b.SetBytes(int64(len(sample)))
			b.ReportAllocs()
			for b.Loop() {
				Sniff(sample, Dialect{})
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	for _, s := range benchSamples {
		sample := benchSample(s.unit, sampleBytes)
		g := Sniff(sample, Dialect{})
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Explain(sample)
			}
		})
	}
}

// allocated returns how many bytes a first call of Sniff takes, with nothing lent.
func allocated(sample []byte) uint64 {
	var before, after runtime.MemStats
	least := uint64(math.MaxUint64)
	for range 2 { // other goroutines of the test may allocate, too
		runtime.GC()
		runtime.GC() // a pool keeps what it has for one collection
		runtime.ReadMemStats(&before)
		Sniff(sample, Dialect{})
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// Memory is bounded, and grows as the sample does; so does what there is to read it by.
func TestSniffTakes(t *testing.T) {
	for _, s := range benchSamples {
		t.Run(s.name, func(t *testing.T) {
			sample := benchSample(s.unit, sampleBytes)
			bytes := allocated(sample)
			assert.LessOrEqual(t, bytes, uint64(s.kilobytes)<<10)
			longer := benchSample(s.unit, 2*sampleBytes)
			assert.LessOrEqual(t, allocated(longer), 3*bytes)
			const most = (maxDelimiters + 4 + 1 + 1) * (maxQuotes + 1) * 2
			assert.LessOrEqual(t, len(grammars(longer, Dialect{})), most)
		})
	}
}
