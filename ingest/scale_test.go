package ingest_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// A store that takes 200 ms for each batch is waited for by as many workers as there are: the time that a run takes goes down with
// their number, no more batches are under way than the settings say, and the status says what the run waits for.
func TestSlowStore(t *testing.T) {
	const batches, answer = 640, 200 * time.Millisecond
	data := "a,b\n" + strings.Repeat("1,2\n", batches)
	for _, workers := range []int{1, 4, 16, 64} {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int64
			sink := ingest.SinkFunc(func(ctx context.Context, b *ingest.Batch) error {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer now.Add(-1)
				time.Sleep(answer)
				return nil
			})
			p := ingest.Pipeline{Workers: workers, BatchRecords: 1}
			status, err := p.Run(t.Context(), strings.NewReader(data), sink)
			require.NoError(t, err)
			assert.EqualValues(t, batches, status.Delivered)
			assert.Equal(t, answer*batches/time.Duration(workers), status.Elapsed, "%d workers", workers)
			assert.LessOrEqual(t, most.Load(), int64(workers))
			assert.Equal(t, ingest.StageSink, status.Bottleneck)
		})
	}
}

// A long run does as much for its last windows as for its first, and holds no more: neither a list of what is done nor anything
// else grows. Allocations are counted, since they tell the same on a machine that is busy.
func TestLongRunDoesNotSlowDown(t *testing.T) {
	const windows, tenth = 60_000, 6_000
	data := []byte("a,b\n" + strings.Repeat("12,34\n", windows))
	var mu sync.Mutex
	var allocated [11]uint64
	var heap [11]uint64
	n := 0
	sample := func() {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		allocated[n/tenth], heap[n/tenth] = m.TotalAlloc, m.HeapAlloc
	}
	sink := ingest.SinkFunc(func(context.Context, *ingest.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if n%tenth == 0 {
			sample()
		}
		n++
		return nil
	})
	p := ingest.Pipeline{RunID: "long", BatchRecords: 1, BatchBytes: 64, Workers: 2, Ledger: &forgetful{}}
	status, err := p.Run(t.Context(), bytes.NewReader(data), sink)
	require.NoError(t, err)
	require.EqualValues(t, windows, status.Delivered)
	sample()
	first, last := float64(allocated[2]-allocated[1]), float64(allocated[10]-allocated[9])
	assert.InDelta(t, 1, last/first, 0.1, "bytes allocated in the last tenth, by those in the second")
	assert.Less(t, float64(heap[9]), float64(heap[2])+1<<20, "bytes in use")
}

// forgetful is a ledger that keeps nothing.
type forgetful struct{}

func (forgetful) Find(context.Context, string) (*ingest.LedgerRun, error) { return nil, nil }
func (forgetful) Claim(_ context.Context, run *ingest.LedgerRun, _ time.Duration) (*ingest.Claim, error) {
	return &ingest.Claim{LedgerRun: run, Epoch: 1}, nil
}
func (forgetful) Renew(context.Context, *ingest.Claim, time.Duration) (ingest.Request, error) {
	return ingest.RequestNone, nil
}
func (forgetful) Enter(context.Context, *ingest.Claim, *ingest.LedgerEntry) error { return nil }
func (forgetful) Release(context.Context, *ingest.Claim, ingest.State, ingest.Code) error {
	return nil
}
