package encoding

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/text/transform"
)

// benchText is about 64 KiB of a table with one name in so many rows that is not ASCII.
func benchText(name string, every int) string {
	var b strings.Builder
	for i := 0; b.Len() < 64<<10; i++ {
		b.WriteString("100234,someone@example.org,2024-05-17,1234.56,")
		if i%every == 0 {
			b.WriteString(name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var benchCases = []struct{ label, name string }{
	{"UTF-8", "Müller"}, {"windows-1252", "Müller"}, {"UTF-16LE", "Müller"}, {"Shift_JIS", "田中ソ"},
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range benchCases {
		e := get(b, c.label)
		raw, err := e.Encode(benchText(c.name, 5))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.label, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			var dst []byte
			for b.Loop() {
				dst, _ = e.Append(dst[:0], raw)
			}
		})
		if e.from == nil {
			continue
		}
		b.Run(c.label+"/x-text", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				_, _ = io.Copy(io.Discard, transform.NewReader(bytes.NewReader(raw), e.from.NewDecoder()))
			}
		})
	}
}

func BenchmarkMask(b *testing.B) {
	for _, c := range benchCases {
		e := get(b, c.label)
		raw, err := e.Encode(benchText(c.name, 5))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.label, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			var dst []byte
			for b.Loop() {
				dst = e.Mask(dst[:0], raw, nil)
			}
		})
	}
}

func BenchmarkSniff(b *testing.B) {
	for _, c := range benchCases {
		raw, err := get(b, c.label).Encode(benchText(c.name, 5))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.label, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				Sniff(raw)
			}
		})
	}
}
