package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// hooked is a store with something that is done before each of its calls.
type hooked struct {
	*store
	mu     sync.Mutex
	calls  []string
	before func(ctx context.Context, op string) error
}

func (h *hooked) hook(ctx context.Context, op string) error {
	h.mu.Lock()
	h.calls = append(h.calls, op)
	h.mu.Unlock()
	if h.before == nil {
		return nil
	}
	return h.before(ctx, op)
}

func (h *hooked) made() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

func (h *hooked) Find(ctx context.Context, run string) (*ingest.LedgerRun, error) {
	if err := h.hook(ctx, "find"); err != nil {
		return nil, err
	}
	return h.store.Find(ctx, run)
}

func (h *hooked) Claim(ctx context.Context, run *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	if err := h.hook(ctx, "claim"); err != nil {
		return nil, err
	}
	return h.store.Claim(ctx, run, lease)
}

func (h *hooked) Renew(ctx context.Context, c *ingest.Claim, lease time.Duration) (ingest.Request, error) {
	if err := h.hook(ctx, "renew"); err != nil {
		return "", err
	}
	return h.store.Renew(ctx, c, lease)
}

func (h *hooked) Release(ctx context.Context, c *ingest.Claim, state ingest.State, code ingest.Code) error {
	if err := h.hook(ctx, "release"); err != nil {
		return err
	}
	return h.store.Release(ctx, c, state, code)
}

func (h *hooked) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return h, nil }

func (h *hooked) Write(ctx context.Context, b *ingest.Batch) error {
	if err := h.hook(ctx, "write"); err != nil {
		return err
	}
	return h.store.Write(ctx, b)
}

// TestLawCancelLedger is law 6 for calls of the ledger: none that hangs keeps a run from ending.
func TestLawCancelLedger(t *testing.T) {
	for _, op := range []string{"find", "claim", "renew", "write", "release"} {
		for _, obeys := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/obeys=%v", op, obeys), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					h := newHang("")
					var over atomic.Bool // the run
					s := &hooked{store: newStore()}
					s.before = func(ctx context.Context, called string) error {
						assert.False(t, over.Load() && called != "release", "%s after the end", called)
						if called == op {
							if obeys && op != "release" {
								<-ctx.Done()
								return ctx.Err()
							}
							h.wait()
						}
						if called == "write" {
							time.Sleep(5 * time.Second)
						}
						return nil
					}
					var canceled time.Time
					go func() {
						time.Sleep(time.Second)
						if op == "release" {
							time.Sleep(time.Minute)
						}
						canceled = time.Now()
						cancel()
					}()
					p := ingest.Pipeline{RunID: "r"}
					status, err := p.Run(ctx, strings.NewReader(rows(10)), s)
					over.Store(true)
					assert.LessOrEqual(t, time.Since(canceled), 100*time.Millisecond)
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, ingest.CodeCanceled, ingest.CodeOf(err))
					assert.Equal(t, ingest.Canceled, status.State)
					time.Sleep(time.Minute)
					close(h.letGo)
					time.Sleep(time.Minute) // what was hanging ends
				})
			})
		}
	}
}

// A lease is kept for as long as a run lasts, a live owner keeps others away, and nothing renews it once it was given back.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &hooked{store: newStore()}
		s.before = func(_ context.Context, op string) error {
			switch op {
			case "write":
				time.Sleep(10 * time.Second)
			case "renew":
				time.Sleep(3 * time.Second) // one is under way when the run ends
			}
			return nil
		}
		p := ingest.Pipeline{RunID: "r", Lease: 15 * time.Second, Workers: 1, BatchRecords: 1}
		var rival sync.WaitGroup
		rival.Go(func() {
			time.Sleep(20 * time.Second)
			began := time.Now()
			status, err := p.Run(t.Context(), strings.NewReader(rows(10)), s.store)
			require.ErrorIs(t, err, ingest.ErrOwned)
			assert.Equal(t, ingest.CodeOwned, ingest.CodeOf(err))
			assert.Equal(t, ingest.Failed, status.State)
			assert.GreaterOrEqual(t, time.Since(began), p.Lease, "a dead owner's lease would have ended")
		})
		status, err := p.Run(t.Context(), strings.NewReader(rows(10)), s)
		rival.Wait()
		require.NoError(t, err)
		require.NoError(t, s.double)
		assert.EqualValues(t, 10, status.Delivered)
		calls := s.made()
		assert.Equal(t, "release", calls[len(calls)-1])
		assert.Greater(t, len(calls), 20)
		assert.True(t, s.until.IsZero())
		time.Sleep(time.Hour)
		assert.Equal(t, calls, s.made())
	})
}

// Who finds the lease of a dead process waits for its end, and goes on.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ingest.Pipeline{RunID: "r", Workers: 1, BatchRecords: 2}
		s := newStore()
		s.failAt = 3
		_, err := p.Run(t.Context(), strings.NewReader(rows(10)), s)
		require.ErrorIs(t, err, errCrash)
		s.failAt, s.until = 0, time.Now().Add(10*time.Second)
		began := time.Now()
		status, err := p.Run(t.Context(), strings.NewReader(rows(10)), s)
		require.NoError(t, err)
		require.NoError(t, s.double)
		assert.GreaterOrEqual(t, time.Since(began), 10*time.Second)
		assert.EqualValues(t, 4, status.Earlier)
		assert.EqualValues(t, 10, status.Delivered)

		s = newStore()
		s.until = time.Now().Add(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Run(ctx, strings.NewReader(rows(10)), s)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		var control ingest.Control
		p.Control = &control
		time.AfterFunc(time.Second, control.Pause) // it waits anyway
		time.AfterFunc(2*time.Second, control.Stop)
		began = time.Now()
		status, err = p.Run(t.Context(), strings.NewReader(rows(10)), s)
		require.ErrorIs(t, err, ingest.ErrStopped)
		assert.Equal(t, ingest.Stopped, status.State)
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Empty(t, s.records)
	})
}

// Two processes that begin the same run: the second waits, and has not compared its source with the first one's.
func TestBegunMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &hooked{store: newStore()}
		p := ingest.Pipeline{RunID: "r", Workers: 1, BatchRecords: 2}
		s.before = func(_ context.Context, op string) error {
			if op == "claim" {
				_, err := p.Run(t.Context(), strings.NewReader(rows(10)), s.store)
				require.NoError(t, err)
			}
			return nil
		}
		_, err := p.Run(t.Context(), strings.NewReader("id,name\n1,other\n2,source\n"), s)
		require.ErrorIs(t, err, ingest.ErrOwned)
		assert.Equal(t, ingest.CodeOwned, ingest.CodeOf(err))
		assert.Len(t, s.records, 10)
	})
}

// A run whose lease is lost ends, and writes no more.
func TestLeaseLost(t *testing.T) {
	for _, notices := range []string{"renew", "write"} {
		t.Run(notices, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &hooked{store: newStore()}
				var lost time.Time // behind the store's lock
				s.before = func(_ context.Context, op string) error {
					if op != "write" {
						return nil
					}
					s.store.mu.Lock()
					if notices == "write" && len(s.records) == 4 {
						lost = time.Now()
						s.store.mu.Unlock()
						return fmt.Errorf("the transaction: %w", ingest.ErrOwned)
					}
					assert.True(t, lost.IsZero() || time.Since(lost) <= 5*time.Second, "a write after the lease was lost")
					s.store.mu.Unlock()
					time.Sleep(time.Second)
					return nil
				}
				if notices == "renew" {
					time.AfterFunc(20*time.Second, func() {
						s.store.mu.Lock()
						defer s.store.mu.Unlock()
						s.epoch++
						s.until = time.Now().Add(time.Hour)
						lost = time.Now()
					})
				}
				p := ingest.Pipeline{RunID: "r", Workers: 1, BatchRecords: 1}
				status, err := p.Run(t.Context(), strings.NewReader(rows(100)), s)
				require.ErrorIs(t, err, ingest.ErrOwned)
				assert.Equal(t, ingest.CodeOwned, ingest.CodeOf(err))
				assert.Equal(t, ingest.Failed, status.State)
				assert.Equal(t, ingest.CodeOwned, status.Code)
				assert.LessOrEqual(t, time.Since(lost), 6*time.Second)
				assert.Len(t, s.records, int(status.Delivered))
				time.Sleep(time.Hour)
			})
		})
	}
}

// What a renewal fails for may pass; a panic in it ends the run.
func TestRenewFails(t *testing.T) {
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprintf("panics=%v", panics), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &hooked{store: newStore()}
				s.before = func(_ context.Context, op string) error {
					switch {
					case op == "renew" && panics:
						panic("no")
					case op == "renew":
						return errors.New("the network is gone")
					case op == "write":
						time.Sleep(time.Minute)
					}
					return nil
				}
				p := ingest.Pipeline{RunID: "r"}
				status, err := p.Run(t.Context(), strings.NewReader(rows(10)), s)
				if panics {
					require.ErrorIs(t, err, ingest.ErrPanic)
					assert.Equal(t, ingest.CodePanic, status.Code)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, ingest.Done, status.State)
			})
		})
	}
}

// The ledger is told how a run has ended.
func TestReleased(t *testing.T) {
	for _, tt := range []struct {
		name  string
		src   string
		write func(cancel func()) error
		keeps bool // the store does not make what it has visible
		stop  bool
		state ingest.State
		code  ingest.Code
	}{
		{name: "done", src: rows(3), state: ingest.Done},
		{name: "nothing in it", src: "a,b\n", state: ingest.Done},
		{name: "failed", src: rows(3), write: func(func()) error { return errCrash }, state: ingest.Failed, code: ingest.CodeSink},
		{name: "a bad record", src: "a,b\n1,2\n3\n", state: ingest.Failed, code: ingest.CodeTooFewFields},
		{name: "not taken at the end", src: rows(3), keeps: true, state: ingest.Failed, code: ingest.CodeLedger},
		{name: "canceled", src: rows(3), write: func(cancel func()) error { cancel(); return context.Canceled }, state: ingest.Canceled, code: ingest.CodeCanceled},
		{name: "stopped", src: rows(3), stop: true, state: ingest.Stopped, code: ingest.CodeStopped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := &hooked{store: newStore()}
				s.before = func(_ context.Context, op string) error {
					if op == "write" && tt.write != nil {
						return tt.write(cancel)
					}
					if op == "release" && tt.keeps {
						tt.keeps = false
						return errCrash
					}
					return nil
				}
				var control ingest.Control
				if tt.stop {
					control.Stop()
				}
				p := ingest.Pipeline{RunID: "r", Control: &control}
				status, _ := p.Run(ctx, strings.NewReader(tt.src), s)
				synctest.Wait()
				assert.Equal(t, tt.state, status.State)
				assert.Equal(t, tt.code, status.Code)
				known, err := s.store.Find(ctx, "r")
				require.NoError(t, err)
				assert.Equal(t, tt.state, known.State)
				assert.True(t, s.until.IsZero(), "the next run need not wait")
			})
		})
	}
}

// A ledger that fails ends the run, with a code that says so.
func TestLedgerFails(t *testing.T) {
	for _, op := range []string{"find", "claim", "release"} {
		t.Run(op, func(t *testing.T) {
			s := &hooked{store: newStore()}
			broken := errors.New("no table")
			s.before = func(_ context.Context, called string) error {
				if called == op {
					return broken
				}
				return nil
			}
			p := ingest.Pipeline{RunID: "r"}
			status, err := p.Run(t.Context(), strings.NewReader(rows(3)), s)
			require.ErrorIs(t, err, broken)
			assert.Equal(t, ingest.CodeLedger, ingest.CodeOf(err))
			assert.Equal(t, ingest.Failed, status.State)
			assert.NotContains(t, status.Error, "no table")
		})
	}
}

// What the settings pin must be what the run began with; the rest of them may change.
func TestResumeSettings(t *testing.T) {
	ascii := rows(30)
	late := rows(8000) + "1,M\xfcller\n2,K\xf6nig\n3,Stra\xdfe\n"
	umlauts := ascii + strings.Repeat("1,M\xfcller\n2,K\xf6nig\n3,Stra\xdfe\n", 10)
	for _, tt := range []struct {
		name          string
		src           string
		first, second ingest.Pipeline
		err           error
	}{
		{name: "the same", src: ascii},
		{name: "another delimiter", src: ascii, second: with(func(p *ingest.Pipeline) { p.Dialect.Delimiter = ";" }), err: ingest.ErrSettings},
		{name: "the same delimiter", src: ascii, second: with(func(p *ingest.Pipeline) { p.Dialect.Delimiter = "," })},
		{name: "other names", src: ascii, second: with(func(p *ingest.Pipeline) { p.Header = ingest.Columns("x", "y") }), err: ingest.ErrSettings},
		{name: "another encoding than the one decided", src: umlauts, second: with(func(p *ingest.Pipeline) { p.Encoding = "windows-1251" }), err: ingest.ErrSettings},
		{name: "an encoding that was pinned", src: umlauts, first: with(func(p *ingest.Pipeline) { p.Encoding = "windows-1254" })},
		{name: "an encoding while all is ASCII", src: late, second: with(func(p *ingest.Pipeline) { p.Encoding = "windows-1254" })},
		{name: "EBCDIC while all is ASCII", src: ascii, second: with(func(p *ingest.Pipeline) { p.Encoding = "IBM037" }), err: ingest.ErrSettings},
		{name: "another policy", src: ascii, second: with(func(p *ingest.Pipeline) { p.Policy.Bad, p.Null, p.Workers = ingest.Reject, []string{"x"}, 3 })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore()
			s.failAt = 3
			for _, p := range []*ingest.Pipeline{&tt.first, &tt.second} {
				p.RunID, p.BatchRecords = "r", 4
			}
			tt.first.Workers = 1
			_, err := tt.first.Run(t.Context(), strings.NewReader(tt.src), s)
			require.ErrorIs(t, err, errCrash)
			s.failAt = 0
			status, err := tt.second.Run(t.Context(), strings.NewReader(tt.src), s)
			require.NoError(t, s.double)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				assert.Len(t, s.records, 8)
				return
			}
			require.NoError(t, err)
			assert.EqualValues(t, 8, status.Earlier)
			assert.Len(t, s.records, int(status.Delivered))
			if enc := tt.first.Encoding + tt.second.Encoding; enc != "" {
				assert.Equal(t, enc, status.Found.Encoding.Label)
			}
			var known ingest.LedgerRun
			require.NoError(t, json.Unmarshal(s.run, &known))
			assert.Equal(t, status.Found.Encoding.Label, known.Found.Encoding.Label)
		})
	}
}

func with(change func(*ingest.Pipeline)) (p ingest.Pipeline) {
	change(&p)
	return p
}

// A source that changes between two tries is noticed where it is read: what is stored of a stream, and of a file its head
// and its end.
func TestResumeChanged(t *testing.T) {
	const size = 100
	src := "a,b\n" + strings.Repeat(strings.Repeat("x", 97)+",y\n", 2000) // as many rows of size bytes
	row := func(i int) int { return len("a,b\n") + i*size }
	edit := func(at int, b string) string { return src[:at] + b + src[at+len(b):] }
	for _, tt := range []struct {
		name         string
		second       string
		file, stream error
	}{
		{name: "the same", second: src},
		{name: "in the head, stored", second: edit(row(5), "z"), file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "in the middle, stored", second: edit(row(900), "z"), stream: ingest.ErrSourceChanged}, // a file is not read there
		{name: "in the gap", second: edit(row(1005), "z")},
		{name: "in the gap, more rows", second: edit(row(1005), "z\nz"), file: ingest.ErrBadRecord, stream: ingest.ErrBadRecord},
		{name: "in the gap, fewer rows", second: edit(row(1006)-1, "z"), file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "in the gap, more good rows", second: edit(row(1005), "z,z\n"), file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "at the end of the gap, a record that goes on", second: edit(row(1019), "\""[:1]+"x")[:row(1020)-2] + "x,x" + src[row(1020)+1:], file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "at the end", second: edit(row(1999), "z"), file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "ends in the gap", second: src[:row(1010)], file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "ends before the gap", second: src[:row(700)], file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
		{name: "ends in the head", second: src[:row(3)], file: ingest.ErrSourceChanged, stream: ingest.ErrSourceChanged},
	} {
		for _, streams := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%v", tt.name, streams), func(t *testing.T) {
				t.Parallel()
				open, want := func(s string) io.Reader { return strings.NewReader(s) }, tt.file
				if streams {
					open, want = func(s string) io.Reader { return streamOnly{strings.NewReader(s)} }, tt.stream
				}
				s := newStore()
				p := ingest.Pipeline{RunID: "r", BatchRecords: 20}
				_, err := p.Run(t.Context(), open(src), s)
				require.NoError(t, err)
				require.Contains(t, s.entries, int64(row(1000)))
				delete(s.entries, int64(row(1000)))
				for i := range 20 {
					delete(s.records, int64(1001+i))
				}
				status, err := p.Run(t.Context(), open(tt.second), s)
				require.NoError(t, s.double)
				if want != nil {
					require.ErrorIs(t, err, want)
					assert.Equal(t, ingest.Failed, status.State)
					return
				}
				require.NoError(t, err)
				assert.EqualValues(t, 2000, status.Delivered)
				assert.EqualValues(t, 1980, status.Earlier)
				assert.Len(t, s.records, 2000)
			})
		}
	}
	t.Run("a stream that cannot be read", func(t *testing.T) {
		s := newStore()
		p := ingest.Pipeline{RunID: "r"}
		_, err := p.Run(t.Context(), streamOnly{strings.NewReader(src)}, s)
		require.NoError(t, err)
		broken := errors.New("the line is dead")
		_, err = p.Run(t.Context(), io.MultiReader(strings.NewReader(src[:row(5)]), iotest.ErrReader(broken)), s)
		require.ErrorIs(t, err, broken)
		assert.Equal(t, ingest.CodeRead, ingest.CodeOf(err))
	})
}
