package ingest

import (
	"context"
	"errors"
)

// A Sink takes the records of a run. Package ingesttest has the exam that every Sink must pass.
type Sink interface {
	// Open makes a Writer. It is called once for each worker that gets something to write, at most
	// Pipeline.Workers times, at least once in a run that comes to its end and has columns, and never
	// twice at the same time. One that fails for what may pass (Pipeline.Retry) is called again.
	//
	// Found says what the source is: its columns, its run, its encoding. It is not to be changed. Where
	// the sample was ASCII the encoding may be decided later; Batch.Found has it.
	Open(ctx context.Context, found *Found) (Writer, error)
}

// A Writer stores batches. Its methods are never called by two goroutines at once.
type Writer interface {
	// Write stores a batch. Nil means that it is stored: progress and resuming hang on that. An error
	// means that nothing of it is stored, for it may come again. Batches come in no particular order
	// among writers. A batch may have no record; its window still counts.
	//
	// When ctx ends, because the run was canceled or has failed elsewhere, Write should return soon. A run
	// that was canceled does not wait for it.
	Write(ctx context.Context, b *Batch) error

	// Close is called once, after the last Write of every Writer of the run. A nil cause says that all
	// went well and everything written is to be kept; otherwise cause is what ended the run. The
	// context is alive also when the run was canceled, so that Close can clean up. A nil cause may come
	// before another writer's Close fails: what must be kept or dropped as a whole needs a sink that knows
	// all its writers.
	Close(ctx context.Context, cause error) error
}

// A Sizer is a Sink that stores large batches at less cost than small ones: a database, for which each is a transaction.
type Sizer interface {
	Sink

	// BatchBytes gives the Pipeline.BatchBytes, in bytes, of a run whose pipeline leaves it open. BatchRecords, if it is
	// open as well, grows with it, and Queue, if it is open, is one batch for each worker.
	BatchBytes() int
}

// A SinkFunc is a Sink and a Writer in one function. The workers call it at the same time.
type SinkFunc func(ctx context.Context, b *Batch) error

func (f SinkFunc) Open(context.Context, *Found) (Writer, error) { return f, nil }

func (f SinkFunc) Write(ctx context.Context, b *Batch) error { return f(ctx, b) }

func (f SinkFunc) Close(context.Context, error) error { return nil }

// Tee gives every batch to several sinks, one after the other. When one of them fails the batch counts
// as not stored, although those before it have it: put the one that can undo, or takes a batch twice
// without harm, first. What else a sink may be, a Ledger, a Sizer, does not count: for a run that can go on there is
// Pipeline.Ledger.
func Tee(sinks ...Sink) Sink { return tee(sinks) }

type tee []Sink

func (t tee) Open(ctx context.Context, found *Found) (Writer, error) {
	var ws teeWriter
	for _, s := range t {
		w, err := s.Open(ctx, found)
		if err != nil {
			return nil, errors.Join(err, ws.Close(ctx, err))
		}
		ws = append(ws, w)
	}
	return ws, nil
}

type teeWriter []Writer

func (t teeWriter) Write(ctx context.Context, b *Batch) error {
	for _, w := range t {
		if err := w.Write(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (t teeWriter) Close(ctx context.Context, cause error) error {
	var errs []error
	for _, w := range t {
		errs = append(errs, w.Close(ctx, cause))
	}
	return errors.Join(errs...)
}

// A RejectSink takes the records that are not delivered.
type RejectSink interface {
	// Reject keeps the rejects of one window. It is called in the order of the source and never by two
	// goroutines at once, before the window's batch is written; for records that the store refuses
	// (CodeRefused) it is called once more, behind that and in no order. From says what the source was
	// found to be. An error ends the run.
	Reject(ctx context.Context, from *Found, rejects []*RecordError) error
}

// A RejectFunc is a RejectSink.
type RejectFunc func(ctx context.Context, from *Found, rejects []*RecordError) error

func (f RejectFunc) Reject(ctx context.Context, from *Found, rejects []*RecordError) error {
	return f(ctx, from, rejects)
}
