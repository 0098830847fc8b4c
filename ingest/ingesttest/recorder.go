package ingesttest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/sluicecsv/sluice/ingest"
)

// A Recorder is a sink that keeps copies of the batches it is given. The zero Recorder is ready; it is safe for
// concurrent use.
type Recorder struct {
	// On, if not nil, is called at the begin of every Write with its number over all writers, from 1. If
	// it returns an error, Write returns that and keeps nothing. It may panic and it may hang: FailAt,
	// PanicAt and HangAt make such functions. It is called by several goroutines at the same time.
	On func(ctx context.Context, n int) error

	mu      sync.Mutex
	writes  int
	writers int
	header  ingest.Header
	batches []*ingest.Batch
	causes  []error
}

// FailAt makes a Recorder.On that returns err in the n-th write, from 1.
func FailAt(n int, err error) func(context.Context, int) error {
	return func(_ context.Context, i int) error {
		if i == n {
			return err
		}
		return nil
	}
}

// PanicAt makes a Recorder.On that panics with v in the n-th write, from 1.
func PanicAt(n int, v any) func(context.Context, int) error {
	return func(_ context.Context, i int) error {
		if i == n {
			panic(v)
		}
		return nil
	}
}

// HangAt makes a Recorder.On that hangs in the n-th write, from 1, until the channel is closed, whatever
// becomes of the context. With a nil channel it hangs until the context ends, and returns its error.
func HangAt(n int, until <-chan struct{}) func(context.Context, int) error {
	return func(ctx context.Context, i int) error {
		if i != n {
			return nil
		}
		if until != nil {
			<-until
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// Open makes a writer.
func (r *Recorder) Open(_ context.Context, found *ingest.Found) (ingest.Writer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writers++
	r.header = found.Header
	return recordWriter{r}, nil
}

// Header gives the columns of the last Open, nil if there was none.
func (r *Recorder) Header() ingest.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.header
}

// Writers gives the number of writers that were opened.
func (r *Recorder) Writers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writers
}

// Batches gives the batches that were written, in the order of their place in the source.
func (r *Recorder) Batches() []*ingest.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	bs := slices.Clone(r.batches)
	slices.SortStableFunc(bs, func(a, b *ingest.Batch) int { return cmp.Compare(a.Window().Offset, b.Window().Offset) })
	return bs
}

// Records gives the records that were written, in the order of the source, with Null for what has no value.
func (r *Recorder) Records() [][]string {
	var all [][]string
	for _, b := range r.Batches() {
		all = append(all, records(b)...)
	}
	return all
}

// Causes gives what the writers were closed with, in that order; a nil for each that closed well.
func (r *Recorder) Causes() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.causes)
}

type recordWriter struct{ r *Recorder }

func (w recordWriter) Write(ctx context.Context, b *ingest.Batch) error {
	w.r.mu.Lock()
	w.r.writes++
	n := w.r.writes
	w.r.mu.Unlock()
	if w.r.On != nil {
		if err := w.r.On(ctx, n); err != nil {
			return err
		}
	}
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.r.batches = append(w.r.batches, b.Clone())
	return nil
}

func (w recordWriter) Close(_ context.Context, cause error) error {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.r.causes = append(w.r.causes, cause)
	return nil
}

// A RejectRecorder is an [ingest.RejectSink] that keeps the rejects it is given. The zero RejectRecorder
// is ready; it is safe for concurrent use.
type RejectRecorder struct {
	// On, if not nil, is called at the begin of every Reject with its number, from 1, as that of a
	// Recorder is.
	On func(ctx context.Context, n int) error

	mu      sync.Mutex
	calls   int
	found   *ingest.Found
	rejects []*ingest.RecordError
}

// Reject keeps the rejects.
func (r *RejectRecorder) Reject(ctx context.Context, from *ingest.Found, rejects []*ingest.RecordError) error {
	r.mu.Lock()
	r.calls++
	n := r.calls
	r.mu.Unlock()
	if r.On != nil {
		if err := r.On(ctx, n); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = from
	r.rejects = append(r.rejects, rejects...)
	return nil
}

// Rejects gives all rejects in the order in which they came.
func (r *RejectRecorder) Rejects() []*ingest.RecordError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rejects)
}

// Codes gives the codes of all rejects in the order in which they came.
func (r *RejectRecorder) Codes() []ingest.Code {
	r.mu.Lock()
	defer r.mu.Unlock()
	codes := make([]ingest.Code, len(r.rejects))
	for i, e := range r.rejects {
		codes[i] = e.Code
	}
	return codes
}

// Found gives what the last rejects were said to come from, nil if there were none.
func (r *RejectRecorder) Found() *ingest.Found {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.found
}

// A StatusRecorder is an [ingest.Reporter] that keeps every status. The zero StatusRecorder is ready; it
// is safe for concurrent use.
type StatusRecorder struct {
	mu       sync.Mutex
	statuses []ingest.Status
}

// Report keeps a status.
func (r *StatusRecorder) Report(s ingest.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses = append(r.statuses, s)
}

// Statuses gives every status in the order in which they came.
func (r *StatusRecorder) Statuses() []ingest.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.statuses)
}

// Last gives the last status, a zero one if there was none.
func (r *StatusRecorder) Last() ingest.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.statuses) == 0 {
		return ingest.Status{}
	}
	return r.statuses[len(r.statuses)-1]
}
