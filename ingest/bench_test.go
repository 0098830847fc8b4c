package ingest_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicecsv/sluice/ingest"
)

// shapes are tables of about 16 MB.
var shapes = []struct {
	name string
	row  func(i int) string
}{
	{"narrow", func(i int) string { return fmt.Sprintf("%d,name %d,%d.%02d,2026-01-02\n", i, i, i%977, i%100) }},
	{"quoted", func(i int) string {
		return fmt.Sprintf("\"%d\",\"some, text %d\",\"and a longer text, with commas, to read\"\n", i, i)
	}},
	{"wide", func(i int) string { return strings.Repeat(fmt.Sprintf("%d.5,", i%1000), 59) + "1\n" }},
}

func table(row func(int) string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 16<<20; i++ {
		b.WriteString(row(i))
	}
	return b.Bytes()
}

// The three ways to read a table, every field of every record looked at. The peer is encoding/csv with
// ReuseRecord:
//
//	go test ./ingest -run '^$' -bench Read -count 5
func BenchmarkRead(b *testing.B) {
	for _, s := range shapes {
		data := table(s.row)
		b.Run(s.name+"/encoding-csv", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r := csv.NewReader(bytes.NewReader(data))
				r.ReuseRecord = true
				n := 0
				for {
					rec, err := r.Read()
					if err == io.EOF {
						break
					}
					for _, f := range rec {
						n += len(f)
					}
				}
			}
		})
		b.Run(s.name+"/Records", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				p := ingest.Pipeline{}
				for r, err := range p.Records(b.Context(), bytes.NewReader(data)) {
					if err != nil {
						b.Fatal(err)
					}
					for i := range r.Len() {
						n += len(r.Field(i))
					}
				}
			}
		})
		b.Run(s.name+"/Run", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var n atomic.Int64
				_, err := ingest.Run(b.Context(), bytes.NewReader(data), ingest.SinkFunc(func(_ context.Context, batch *ingest.Batch) error {
					sum := 0
					for _, r := range batch.All() {
						for i := range r.Len() {
							sum += len(r.Field(i))
						}
					}
					n.Add(int64(sum))
					return nil
				}))
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
