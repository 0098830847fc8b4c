package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// slow is a store whose writes take a second.
func slow() *hooked {
	s := &hooked{store: newStore()}
	s.before = func(_ context.Context, op string) error {
		if op == "write" {
			time.Sleep(time.Second)
		}
		return nil
	}
	return s
}

func (s *store) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}

// Stop lets a run store what it has read. It goes on behind that.
func TestControlStop(t *testing.T) {
	for _, byLedger := range []bool{false, true} {
		t.Run(fmt.Sprintf("through the ledger=%v", byLedger), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := slow()
				var control ingest.Control
				p := ingest.Pipeline{RunID: "r", Workers: 2, Queue: 3, BatchRecords: 1, Control: &control, Lease: 3 * time.Second}
				time.AfterFunc(10*time.Second+500*time.Millisecond, func() {
					if byLedger {
						s.store.mu.Lock()
						s.asked = ingest.RequestStop
						s.store.mu.Unlock()
						return
					}
					control.Stop()
					control.Continue() // too late
				})
				began := time.Now()
				status, err := p.Run(t.Context(), strings.NewReader(rows(100)), s)
				require.ErrorIs(t, err, ingest.ErrStopped)
				assert.Equal(t, ingest.CodeStopped, ingest.CodeOf(err))
				assert.Equal(t, []any{ingest.Stopped, ingest.CodeStopped}, []any{status.State, status.Code})
				assert.Less(t, time.Since(began), 20*time.Second)
				assert.GreaterOrEqual(t, status.Delivered, int64(20))
				assert.Len(t, s.records, int(status.Delivered), "what was read is stored")
				require.NoError(t, s.covers(status.Found.Table.Offset, []byte(rows(100))[:status.Stored]), "without a gap")
				if !byLedger {
					again, err := p.Run(t.Context(), strings.NewReader(rows(100)), s)
					require.ErrorIs(t, err, ingest.ErrStopped, "a later run ends at once")
					assert.Equal(t, status.Delivered, again.Delivered)
				}
				s.asked, p.Control = ingest.RequestNone, nil
				whole, err := p.Run(t.Context(), strings.NewReader(rows(100)), s)
				require.NoError(t, err)
				require.NoError(t, s.double)
				assert.Equal(t, status.Delivered, whole.Earlier)
				assert.EqualValues(t, 100, whole.Delivered)
			})
		})
	}
}

// A paused run stores what it has read, keeps its lease, and goes on.
func TestControlPause(t *testing.T) {
	for _, byLedger := range []bool{false, true} {
		t.Run(fmt.Sprintf("through the ledger=%v", byLedger), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := slow()
				var control ingest.Control
				var seen ingest.Snapshot
				p := ingest.Pipeline{RunID: "r", Workers: 1, Queue: -1, BatchRecords: 1, Control: &control, Reporter: &seen}
				ask := func(what ingest.Request) {
					switch {
					case byLedger:
						s.store.mu.Lock()
						s.asked = what
						s.store.mu.Unlock()
					case what == ingest.RequestPause:
						control.Pause()
					default:
						control.Continue()
					}
				}
				go func() {
					time.Sleep(10*time.Second + 500*time.Millisecond)
					ask(ingest.RequestPause)
					time.Sleep(20 * time.Second)
					stored, paused := s.len(), seen.Status()
					assert.Equal(t, ingest.Paused, paused.State)
					assert.EqualValues(t, stored, paused.Delivered)
					assert.Greater(t, paused.Elapsed, 20*time.Second)
					time.Sleep(time.Hour)
					assert.Equal(t, stored, s.len())
					s.store.mu.Lock()
					assert.True(t, s.until.After(time.Now()), "the lease is kept")
					s.store.mu.Unlock()
					ask(ingest.RequestNone)
					time.Sleep(10 * time.Second)
					assert.Equal(t, ingest.Running, seen.Status().State)
				}()
				status, err := p.Run(t.Context(), strings.NewReader(rows(60)), s)
				require.NoError(t, err)
				assert.Equal(t, ingest.Done, status.State)
				assert.EqualValues(t, 60, status.Delivered)
				assert.Greater(t, status.Elapsed, time.Hour)
			})
		})
	}
}

// A run that begins under a paused Control waits before its first batch; one that is paused can be canceled and stopped.
func TestControlBefore(t *testing.T) {
	for _, end := range []string{"continue", "stop", "cancel"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := slow()
				var control ingest.Control
				control.Pause()
				p := ingest.Pipeline{RunID: "r", Control: &control}
				var ended time.Time
				go func() {
					time.Sleep(time.Hour)
					assert.Zero(t, s.len())
					ended = time.Now()
					switch end {
					case "continue":
						control.Continue()
					case "stop":
						control.Stop()
					case "cancel":
						cancel()
					}
				}()
				status, err := p.Run(ctx, strings.NewReader(rows(10)), s)
				switch end {
				case "continue":
					require.NoError(t, err)
					assert.EqualValues(t, 10, status.Delivered)
				case "stop":
					require.ErrorIs(t, err, ingest.ErrStopped)
					assert.Equal(t, ingest.Stopped, status.State)
					assert.Equal(t, time.Now(), ended)
				case "cancel":
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, ingest.Canceled, status.State)
					assert.LessOrEqual(t, time.Since(ended), 100*time.Millisecond)
				}
			})
		})
	}
}

// One Control serves many runs, and any number of goroutines.
func TestControlOfMany(t *testing.T) {
	var control ingest.Control
	var runs, askers sync.WaitGroup
	for range 4 {
		runs.Go(func() {
			p := ingest.Pipeline{Control: &control, BatchRecords: 10}
			status, err := p.Run(t.Context(), strings.NewReader(rows(500)), ingest.SinkFunc(new(collect).write))
			assert.NoError(t, err)
			assert.EqualValues(t, 500, status.Delivered)
		})
		askers.Go(func() {
			for range 50 {
				control.Pause()
				control.Continue()
			}
		})
	}
	askers.Wait()
	control.Continue()
	runs.Wait()
}

// A record that stops a paused run stops it.
func TestPausedAtABadRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var control ingest.Control
		p := ingest.Pipeline{Control: &control, Workers: 1, BatchRecords: 1}
		status, err := p.Run(t.Context(), strings.NewReader("a,b\n1,2\n3\n4,5\n6,7\n"), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
			control.Pause()
			time.Sleep(time.Second)
			return nil
		}))
		require.ErrorIs(t, err, ingest.ErrBadRecord)
		assert.Equal(t, ingest.Failed, status.State)
	})
}

// The log says what became of a run, once.
func TestLogOfControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var control ingest.Control
		p := ingest.Pipeline{RunID: "r", Control: &control, Workers: 1, Queue: -1, BatchRecords: 1, ReportEvery: time.Second,
			Reporter: ingest.LogReporter(slog.New(slog.NewTextHandler(&log, nil)))}
		go func() {
			time.Sleep(3*time.Second + 500*time.Millisecond)
			control.Pause()
			time.Sleep(3 * time.Second)
			control.Continue()
			time.Sleep(3 * time.Second)
			control.Stop()
		}()
		_, err := p.Run(t.Context(), strings.NewReader(rows(100)), slow())
		require.ErrorIs(t, err, ingest.ErrStopped)
		assert.Equal(t, 1, strings.Count(log.String(), "ingest: found"))
		assert.Equal(t, 1, strings.Count(log.String(), "ingest: stopped"))
		assert.Contains(t, log.String(), "ingest: paused")
	})
}
