package ingest

import (
	"context"
	"errors"
	"time"
)

// Retry says how often an Open, a Write, or a call of the ledger is tried again that failed for a reason which may pass: a lost
// connection, a server that is starting. An error says so itself, by a method Transient() bool of its type.
//
// An error that leaves open whether the batch is stored is transient only for a sink that finds out before it stores the
// batch again, as those of package sqlsink do with their ledger.
type Retry struct {
	Attempts int           `json:"attempts,omitempty"` // of a call, the first included. Default 3; 1: none is tried again
	Wait     time.Duration `json:"wait_ns,omitempty"`  // before each further one. Default 5 s

	// Transient says which errors may pass. Default: those whose type says so. It is given a *SinkError; panics,
	// ErrOwned and the end of the run's context are final and do not come to it.
	Transient func(error) bool `json:"-"`
}

func (r Retry) resolve() (Retry, error) {
	if r.Attempts == 0 {
		r.Attempts = 3
	}
	if r.Wait == 0 {
		r.Wait = 5 * time.Second
	}
	if r.Attempts < 1 || r.Wait < 0 {
		return r, settings("Pipeline.Retry has %d attempts and waits %v: neither can be negative", r.Attempts, r.Wait)
	}
	if r.Transient == nil {
		r.Transient = transient
	}
	return r, nil
}

// transient says that an error, or one that it wraps, may pass.
func transient(err error) bool {
	var t interface{ Transient() bool }
	return errors.As(err, &t) && t.Transient()
}

// insist makes a call, and again while it fails for what may pass. Between two calls it ends with ctx.
func (r *run) insist(ctx context.Context, op string, writer int, where func() (first, last Position), f func() error) error {
	for attempt := 1; ; attempt++ {
		err := r.call(op, writer, where, f)
		if err == nil || attempt >= r.s.Retry.Attempts || ctx.Err() != nil {
			return err
		}
		for _, final := range []error{ErrPanic, ErrOwned, ErrNoLedger} {
			if errors.Is(err, final) {
				return err
			}
		}
		passes := false
		if wrong := r.guard("retry", func() (Position, Position, int) { return Position{}, Position{}, writer }, func() error {
			passes = r.s.Retry.Transient(err)
			return nil
		}); wrong != nil {
			return wrong
		}
		if !passes {
			return err
		}
		if !sleep(ctx, r.s.Retry.Wait) {
			if r.caller.Err() != nil {
				return canceled(r.caller, err)
			}
			return err
		}
		r.tracker.update(func(s *Status) { s.Retries++ })
	}
}
