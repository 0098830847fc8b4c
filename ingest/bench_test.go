package ingest_test

import (
	"context"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"github.com/sluicecsv/sluice/ingest"
)

// A small upload: what a source costs before its first record. How fast large ones are read, examples/bench measures.
//
//	go test ./ingest -run '^$' -bench Small -count 5
func BenchmarkSmall(b *testing.B) {
	text := "id,name,amount,day\n" + strings.Repeat("17,Ann Lee,12.50,2026-01-31\n", 6) // 187 bytes
	b.Run("encoding-csv", func(b *testing.B) {
		for b.Loop() {
			r := csv.NewReader(strings.NewReader(text))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err == io.EOF {
					break
				}
			}
		}
	})
	b.Run("Records", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var p ingest.Pipeline
			for _, err := range p.Records(b.Context(), strings.NewReader(text)) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("Run", func(b *testing.B) {
		b.ReportAllocs()
		none := ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return nil })
		for b.Loop() {
			if _, err := ingest.Run(b.Context(), strings.NewReader(text), none); err != nil {
				b.Fatal(err)
			}
		}
	})
}
