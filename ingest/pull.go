package ingest

import (
	"context"
	"errors"
	"io"
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
	ends := ctx.Done() != nil
	b := out.batch
	first := b.ends[0]
	for i, end := range b.ends[1:] {
		for len(rejects) > 0 && rejects[0].Record < b.window.Record+int64(b.row(uint32(i))) {
			if !yield(Record{}, rejects[0]) {
				return false
			}
			rejects = rejects[1:]
		}
		if !yield(b.record(i, first, end), nil) {
			return false
		}
		first = end
		if ends && ctx.Err() != nil { // for most contexts quicker than to try and receive
			return true
		}
	}
	for _, e := range rejects {
		if !yield(Record{}, e) {
			return false
		}
	}
	return true
}
