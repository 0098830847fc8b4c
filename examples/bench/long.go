package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// A longSource gives the rows of a shape over and over, without a file, and notes when each tenth of it was read.
type longSource struct {
	rest, rows []byte
	left, size int64
	tenths     []time.Time
}

func newLongSource(s *shape, seed uint64, size int64) *longSource {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	src := &longSource{left: size, size: size, rest: []byte(strings.Join(s.columns, ",") + "\n")}
	for len(src.rows) < 1<<20 {
		src.rows = append(s.row(src.rows, g), '\n')
	}
	return src
}

func (s *longSource) Read(p []byte) (int, error) {
	if int64(len(s.tenths)) <= 10*(s.size-s.left)/s.size {
		s.tenths = append(s.tenths, time.Now())
	}
	if s.left <= 0 {
		return 0, io.EOF
	}
	if len(s.rest) == 0 {
		s.rest = s.rows
	}
	n := copy(p, s.rest)
	s.rest, s.left = s.rest[n:], s.left-int64(n)
	return n, nil
}

// rate gives the MB/s in a tenth, from 0.
func (s *longSource) rate(tenth int) float64 {
	return float64(s.size) / 10 / 1e6 / s.tenths[tenth+1].Sub(s.tenths[tenth]).Seconds()
}

// long reads a source of so many bytes with the zero Pipeline, every cell of it, and says how large the heap was at
// most and whether the reading became slower.
func long(ctx context.Context, seed uint64, size int64, out io.Writer) error {
	src := newLongSource(shapes[0], seed, size)
	before := heap()
	most := before
	ctx, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-tick.C:
				most = max(most, heap())
			case <-ctx.Done():
				return
			}
		}
	})
	sum, err := runPipeline(ctx, new(ingest.Pipeline), src)
	stop()
	watch.Wait()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d bytes, %d records: heap %.1f MiB before, %.1f at most; first tenth %.0f MB/s, last tenth %.0f MB/s\n",
		size, sum.Records, mib(before), mib(most), src.rate(0), src.rate(9))
	return err
}

// heap gives the bytes of all objects on the heap, dead ones that are not yet swept included.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }
