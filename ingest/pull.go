package ingest

import (
	"context"
	"errors"
	"io"
	"sort"
)

// pull is Records: the run without goroutines.
func pull(ctx context.Context, s *resolved, src io.Reader, yield func(Record, error) bool) {
	err := func() error {
		in := newSource(src)
		defer in.release()
		if err := in.open(ctx, s); err != nil {
			return err
		}
		sp, err := prepare(ctx, s, in)
		if err != nil {
			return err
		}
		sp.indexes = true
		v := verdict{s: s}
		var total Status
		for {
			w, err := sp.next(ctx)
			if err != nil {
				return err
			}
			if w == nil {
				return v.atEnd(total)
			}
			out, stop := v.pass(w, parse(s, w, -1))
			total.Read += out.read
			total.Rejected += out.rejected
			if s.Rejects != nil && len(out.rejects) > 0 {
				if err := s.Rejects.Reject(ctx, w.found, out.rejects); err != nil {
					return &SinkError{Code: CodeRejectSink, Op: "reject", First: out.rejects[0].Position, Err: err}
				}
				out.rejects = nil
			}
			if err := out.check(w); err != nil {
				return err
			}
			if !out.yield(ctx, stop, yield) {
				return errLeft
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if stop != nil {
				return stop
			}
			out.free()
		}
	}()
	switch {
	case err == errLeft, err == nil:
	case ctx.Err() != nil:
		yield(Record{}, &RunError{Code: CodeCanceled, Reason: "the reading was canceled", Err: errors.Join(ctx.Err(), context.Cause(ctx))})
	default:
		yield(Record{}, err)
	}
}

// errLeft says that the loop over Records was left.
var errLeft = &RunError{}

// yield gives records and rejects in the order of the source, but for the reject that stops the run. It
// says whether the loop goes on, and ends with its context.
func (out *parsed) yield(ctx context.Context, stop error, yield func(Record, error) bool) bool {
	rejects := out.rejects
	var last *RecordError
	if n := len(rejects); n > 0 && errors.As(stop, &last) && rejects[n-1].Position == last.Position {
		rejects = rejects[:n-1]
	}
	b, at := out.batch, 0
	for _, e := range rejects {
		behind := at + sort.Search(b.Len()-at, func(i int) bool { return b.window.Record+int64(b.row(uint32(at+i))) > e.Record })
		if goesOn, ended := b.yield(ctx, at, behind, yield); !goesOn || ended {
			return goesOn
		}
		if at = behind; !yield(Record{}, e) {
			return false
		}
	}
	goesOn, _ := b.yield(ctx, at, b.Len(), yield)
	return goesOn
}

// yield gives some records. It says whether the loop goes on, and whether the context has ended.
func (b *Batch) yield(ctx context.Context, from, to int, yield func(Record, error) bool) (goesOn, ended bool) {
	ends := ctx.Done() != nil
	for i := from; i < to; i++ {
		if !yield(b.Record(i), nil) {
			return false, false
		}
		if ends && ctx.Err() != nil { // for most contexts quicker than to try and receive
			return true, true
		}
	}
	return true, false
}
