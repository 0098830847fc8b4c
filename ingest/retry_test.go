package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// passing is an error that may pass, or not.
type passing bool

func (p passing) Error() string   { return "the connection is lost" }
func (p passing) Transient() bool { return bool(p) }

func TestRetry(t *testing.T) {
	odd := errors.New("busy")
	for _, tt := range []struct {
		name    string
		retry   ingest.Retry
		fails   int // the first calls
		err     error
		calls   int
		took    time.Duration
		succeed bool
	}{
		{name: "by default three times", fails: 2, err: passing(true), calls: 3, took: 10 * time.Second, succeed: true},
		{name: "and no more", fails: 3, err: passing(true), calls: 3, took: 10 * time.Second},
		{name: "wrapped", fails: 1, err: fmt.Errorf("write: %w", passing(true)), calls: 2, took: 5 * time.Second, succeed: true},
		{name: "attempts and waits", retry: ingest.Retry{Attempts: 6, Wait: time.Minute}, fails: 5, err: passing(true), calls: 6, took: 5 * time.Minute, succeed: true},
		{name: "one attempt", retry: ingest.Retry{Attempts: 1}, fails: 1, err: passing(true), calls: 1},
		{name: "one that says no", fails: 1, err: passing(false), calls: 1},
		{name: "one that says nothing", fails: 1, err: odd, calls: 1},
		{name: "by function", retry: ingest.Retry{Transient: func(err error) bool { return errors.Is(err, odd) }}, fails: 1, err: odd, calls: 2, took: 5 * time.Second, succeed: true},
		{name: "the function counts", retry: ingest.Retry{Transient: func(err error) bool { return errors.Is(err, odd) }}, fails: 1, err: passing(true), calls: 1},
		{name: "a lost lease", retry: ingest.Retry{Transient: func(error) bool { return true }}, fails: 1, err: ingest.ErrOwned, calls: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, calls := time.Now(), 0
				p := ingest.Pipeline{Retry: tt.retry}
				status, err := p.Run(t.Context(), strings.NewReader(rows(3)), ingest.SinkFunc(func(context.Context, *ingest.Batch) error {
					if calls++; calls <= tt.fails {
						return tt.err
					}
					return nil
				}))
				assert.Equal(t, tt.calls, calls)
				assert.Equal(t, tt.took, time.Since(began))
				assert.EqualValues(t, tt.calls-1, status.Retries)
				if tt.succeed {
					require.NoError(t, err)
					assert.EqualValues(t, 3, status.Delivered)
					return
				}
				require.ErrorIs(t, err, tt.err)
				require.ErrorIs(t, err, ingest.ErrSink)
				assert.Zero(t, status.Delivered)
			})
		})
	}
}

// Every call of a ledger is made again, too; not one that says there is none.
func TestRetryLedger(t *testing.T) {
	for _, op := range []string{"find", "claim", "write", "release"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &hooked{store: newStore()}
				failed := 0
				s.before = func(_ context.Context, called string) error {
					if called == op && failed < 2 {
						failed++
						return passing(true)
					}
					return nil
				}
				p := ingest.Pipeline{RunID: "r"}
				status, err := p.Run(t.Context(), strings.NewReader(rows(3)), s)
				require.NoError(t, err)
				assert.EqualValues(t, 2, status.Retries)
				assert.Len(t, s.records, 3)
				assert.Equal(t, 1, s.done)
			})
		})
	}
	t.Run("no ledger", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			s := &hooked{store: newStore()}
			s.before = func(_ context.Context, called string) error {
				switch called {
				case "find":
					return fmt.Errorf("not set up: %w", ingest.ErrNoLedger)
				case "write":
					return nil
				}
				return errors.New("there is none: " + called)
			}
			p := ingest.Pipeline{Retry: ingest.Retry{Transient: func(error) bool { return true }}}
			status, err := p.Run(t.Context(), strings.NewReader("a,b\n"), s)
			require.NoError(t, err)
			assert.Equal(t, ingest.Done, status.State)
			assert.Zero(t, time.Since(began))
		})
	})
}

// Who waits before another attempt ends with the run: with its context, and when it has failed elsewhere.
func TestRetryEnds(t *testing.T) {
	for _, cancels := range []bool{true, false} {
		t.Run(fmt.Sprintf("canceled=%v", cancels), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				began := time.Now()
				p := ingest.Pipeline{BatchRecords: 1, Workers: 2, Retry: ingest.Retry{Wait: time.Hour}}
				status, err := p.Run(ctx, strings.NewReader(rows(2)), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
					if b.Window().Record == 1 {
						return passing(true)
					}
					time.Sleep(time.Second)
					if cancels {
						cancel()
						return nil
					}
					return errCrash
				}))
				assert.Less(t, time.Since(began), 1100*time.Millisecond)
				assert.Zero(t, status.Retries)
				if !cancels {
					require.ErrorIs(t, err, errCrash)
					return
				}
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, passing(true))
				assert.Equal(t, ingest.Canceled, status.State)
				assert.Equal(t, ingest.CodeCanceled, status.Code)
			})
		})
	}
	// No goroutine waits for another attempt to give a run back that was canceled.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &hooked{store: newStore()}
		s.before = func(_ context.Context, op string) error {
			switch op {
			case "write":
				cancel()
			case "release":
				return passing(true)
			}
			return nil
		}
		p := ingest.Pipeline{Retry: ingest.Retry{Wait: time.Hour}}
		_, err := p.Run(ctx, strings.NewReader(rows(2)), s)
		require.ErrorIs(t, err, context.Canceled)
		time.Sleep(3 * time.Hour)
		calls := s.made()
		assert.Equal(t, 1, strings.Count(strings.Join(calls, " "), "release"), calls)
	})
}

// A panic is final, also in what says which errors may pass.
func TestRetryPanics(t *testing.T) {
	for name, p := range map[string]ingest.Pipeline{
		"in Write":     {Retry: ingest.Retry{Transient: func(error) bool { return true }}},
		"in Transient": {Retry: ingest.Retry{Transient: func(error) bool { panic("no") }}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			_, err := p.Run(t.Context(), strings.NewReader(rows(2)), ingest.SinkFunc(func(context.Context, *ingest.Batch) error {
				if calls++; name == "in Write" {
					panic(passing(true))
				}
				return passing(true)
			}))
			require.ErrorIs(t, err, ingest.ErrPanic)
			assert.Equal(t, ingest.CodePanic, ingest.CodeOf(err))
			assert.Equal(t, 1, calls)
		})
	}
}

func TestRetrySettings(t *testing.T) {
	for _, p := range []ingest.Pipeline{
		{Retry: ingest.Retry{Attempts: -1}},
		{Retry: ingest.Retry{Wait: -1}},
		{Lease: -time.Second},
		{Lease: time.Millisecond},
	} {
		err := p.Validate()
		require.ErrorIs(t, err, ingest.ErrSettings)
		assert.Equal(t, ingest.CodeSettings, ingest.CodeOf(err))
	}
}
