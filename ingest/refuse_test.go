package ingest_test

import (
	"context"
	"errors"
	"fmt"
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

// picky refuses records whose id is a multiple of seven; no batch of which one is refused is stored by Write.
type picky struct {
	mu     sync.Mutex
	stored []string
	writes int // calls of Write
	wrong  func(refused []*ingest.RecordError) []*ingest.RecordError
}

var errSeven = errors.New("secret: 7 is taken")

func (s *picky) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return s, nil }
func (s *picky) Close(context.Context, error) error                         { return nil }

func refuses(r ingest.Record) bool {
	var id int
	fmt.Sscan(r.Field(0), &id)
	return id%7 == 0
}

func (s *picky) Write(_ context.Context, b *ingest.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	for _, r := range b.All() {
		if refuses(r) {
			return errSeven
		}
	}
	for _, r := range b.All() {
		s.stored = append(s.stored, r.Key())
	}
	return nil
}

func (s *picky) WriteGood(_ context.Context, b *ingest.Batch) (refused []*ingest.RecordError, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range b.All() {
		if refuses(r) {
			refused = append(refused, r.Refuse("name", "23505", "the key is taken: give it another one", errSeven))
		} else {
			s.stored = append(s.stored, r.Key())
		}
	}
	if s.wrong != nil {
		refused = s.wrong(refused)
	}
	return refused, nil
}

// rejected keeps rejects, and fails if it is called by two at once.
type rejected struct {
	busy atomic.Bool
	all  []*ingest.RecordError
	wait func()
	err  error
}

func (r *rejected) Reject(_ context.Context, _ *ingest.Found, rejects []*ingest.RecordError) error {
	if r.busy.Swap(true) {
		return errors.New("two at once")
	}
	defer r.busy.Store(false)
	if r.wait != nil {
		r.wait()
	}
	r.all = append(r.all, rejects...)
	return r.err
}

func TestRefused(t *testing.T) {
	src := strings.Replace(rows(100), "8,name 8\n", "8\n", 1) // one is bad
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &picky{}
				rejects := &rejected{wait: func() { time.Sleep(time.Second) }}
				p := ingest.Pipeline{RunID: "r", Workers: workers, BatchRecords: 9, Rejects: rejects, Policy: ingest.Policy{Bad: ingest.Reject}}
				status, err := p.Run(t.Context(), strings.NewReader(src), sink)
				require.NoError(t, err)
				assert.Zero(t, sink.writes)
				assert.EqualValues(t, 100, status.Read)
				assert.EqualValues(t, 84, status.Delivered)
				assert.EqualValues(t, 16, status.Rejected)
				assert.Equal(t, map[ingest.Code]int64{ingest.CodeRefused: 15, ingest.CodeTooFewFields: 1}, status.Rejects)
				assert.Len(t, sink.stored, 84)
				require.Len(t, rejects.all, 16)
				offsets := map[int64]bool{}
				for _, e := range rejects.all {
					offsets[e.Offset] = true
					assert.True(t, strings.HasPrefix(src[e.Offset:], string(e.Raw)))
					if e.Code == ingest.CodeRefused {
						assert.Equal(t, []any{2, "name", "23505"}, []any{e.Column, e.ColumnName, e.Store})
						require.ErrorIs(t, e, errSeven)
						assert.NotContains(t, e.Error(), "secret")
					}
				}
				assert.Len(t, offsets, 16)
				require.Len(t, status.Problems, 16)
				for i := range status.Problems {
					assert.Nil(t, status.Problems[i].Err, "the store's words may hold values")
					assert.True(t, i == 0 || status.Problems[i-1].Offset < status.Problems[i].Offset)
				}
			})
		})
	}
}

// What the store refuses stops the run unless the policy says otherwise, and then nothing of the batch is stored.
func TestRefusedStops(t *testing.T) {
	for _, policy := range []ingest.Policy{{}, {Bad: ingest.Reject, Refused: ingest.Stop}} {
		sink := &picky{}
		p := ingest.Pipeline{Policy: policy, Workers: 1, BatchRecords: 5}
		status, err := p.Run(t.Context(), strings.NewReader(strings.Replace(rows(20), "0,name 0\n", "", 1)), sink)
		require.ErrorIs(t, err, errSeven)
		assert.Equal(t, ingest.CodeSink, status.Code)
		assert.Equal(t, 2, sink.writes)
		assert.Len(t, sink.stored, 5)
		assert.EqualValues(t, 5, status.Delivered)
	}
}

// Rejects by the store and by the run count together, and what is stored and kept is told, also when they are too many.
func TestRefusedMaxRejects(t *testing.T) {
	bad := strings.Replace(rows(100), "8,name 8\n", "8\n", 1)
	for _, tt := range []struct {
		name      string
		src       string
		max       int64
		share     float64
		delivered int64
		rejected  int64
		fails     bool
	}{
		{name: "as many", src: bad, max: 16, delivered: 84, rejected: 16},
		{name: "one more, at the end", src: bad, max: 15, delivered: 84, rejected: 16, fails: true},
		{name: "in the middle", src: bad, max: 3, delivered: 17, rejected: 4, fails: true}, // 0, 7, 8, 14 of the first 20 or so
		{name: "a share", src: bad, share: 0.15, delivered: 84, rejected: 16, fails: true},
		{name: "a share that is enough", src: bad, share: 0.17, delivered: 84, rejected: 16},
		{name: "the bad ones come last", src: "id,name\n7,x\n1,x\n2\n3\n", max: 2, delivered: 1, rejected: 3, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink, rejects := &picky{}, &rejected{}
			p := ingest.Pipeline{Workers: 1, Queue: -1, BatchRecords: 7, Rejects: rejects,
				Policy: ingest.Policy{Bad: ingest.Reject, MaxRejects: tt.max, MaxRejectShare: tt.share}}
			status, err := p.Run(t.Context(), strings.NewReader(tt.src), sink)
			assert.Equal(t, tt.delivered, status.Delivered)
			assert.Equal(t, tt.rejected, status.Rejected)
			assert.Equal(t, status.Read, status.Delivered+status.Rejected)
			assert.Len(t, sink.stored, int(tt.delivered))
			assert.GreaterOrEqual(t, len(rejects.all), int(tt.rejected))
			if !tt.fails {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ingest.ErrRejects)
			assert.Equal(t, ingest.CodeRejects, status.Code)
			assert.NotContains(t, status.Error, "secret")
			assert.Contains(t, status.Error, "raise Policy.MaxReject")
		})
	}
}

// A ledger beside the sink is told of what was refused.
func TestRefusedIsEntered(t *testing.T) {
	s, sink := &beside{store: newStore()}, &picky{}
	p := ingest.Pipeline{RunID: "r", Ledger: s, BatchRecords: 9, Policy: ingest.Policy{Bad: ingest.Reject}}
	first, err := p.Run(t.Context(), strings.NewReader(rows(100)), sink)
	require.NoError(t, err)
	var sum ingest.LedgerEntry
	for _, e := range s.entered {
		assert.Equal(t, e.Rows, e.Delivered+e.Rejected)
		assert.Len(t, e.Rejects, int(e.Rejected))
		assert.Equal(t, e.Rejected, e.Notes.Rejects[ingest.CodeRefused])
		assert.Len(t, e.Notes.Problems, int(e.Rejected))
		sum.Delivered += e.Delivered
		sum.Rejected += e.Rejected
	}
	assert.EqualValues(t, 85, sum.Delivered)
	assert.EqualValues(t, 15, sum.Rejected)
	again, err := p.Run(t.Context(), strings.NewReader(rows(100)), sink)
	require.NoError(t, err)
	assert.Equal(t, summary(first), summary(again))
	assert.Len(t, sink.stored, 85)
}

// beside is a store as the ledger of another sink.
type beside struct {
	*store
	mu      sync.Mutex
	entered []*ingest.LedgerEntry
	err     error
}

func (s *beside) Enter(_ context.Context, c *ingest.Claim, e *ingest.LedgerEntry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.entered = append(s.entered, e)
	s.store.enter(e)
	return nil
}

// What is refused but cannot be kept ends the run, and the window comes again.
func TestRefusedCannotBeKept(t *testing.T) {
	full := errors.New("the disk is full")
	s, sink := &beside{store: newStore()}, &picky{}
	p := ingest.Pipeline{RunID: "r", Ledger: s, Workers: 1, BatchRecords: 5, Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: &rejected{err: full}}
	status, err := p.Run(t.Context(), strings.NewReader(rows(10)), sink)
	require.ErrorIs(t, err, full)
	assert.Equal(t, ingest.CodeRejectSink, status.Code)
	assert.Empty(t, s.entered)
	keeps := &rejected{}
	p.Rejects = keeps
	status, err = p.Run(t.Context(), strings.NewReader(rows(10)), sink)
	require.NoError(t, err)
	assert.EqualValues(t, 8, status.Delivered)
	assert.Len(t, keeps.all, 2)
}

// A writer that returns nonsense is an error, no panic.
func TestRefusedNonsense(t *testing.T) {
	for name, wrong := range map[string]func([]*ingest.RecordError) []*ingest.RecordError{
		"nil": func([]*ingest.RecordError) []*ingest.RecordError { return []*ingest.RecordError{nil} },
		"too many": func(r []*ingest.RecordError) []*ingest.RecordError {
			return append(r, make([]*ingest.RecordError, 20)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
			_, err := p.Run(t.Context(), strings.NewReader(rows(10)), &picky{wrong: wrong})
			require.ErrorIs(t, err, ingest.ErrSink)
			assert.Equal(t, ingest.CodeSink, ingest.CodeOf(err))
		})
	}
}

func TestEntryRefuse(t *testing.T) {
	at := func(offset int64, code ingest.Code) *ingest.RecordError {
		return &ingest.RecordError{Position: ingest.Position{Offset: offset}, Code: code, Err: errSeven, Raw: []byte("x")}
	}
	e := &ingest.LedgerEntry{Rows: 5, Delivered: 4, Rejected: 1, Rejects: []*ingest.RecordError{at(20, ingest.CodeNUL)},
		Notes: ingest.Notes{Tolerated: map[ingest.Code]int64{ingest.CodeBlank: 1}, Rejects: map[ingest.Code]int64{ingest.CodeNUL: 1}}}
	got := e.Refuse([]*ingest.RecordError{at(10, ingest.CodeRefused), at(30, ingest.CodeRefused)})
	assert.Equal(t, []int64{5, 2, 3}, []int64{got.Rows, got.Delivered, got.Rejected})
	assert.Equal(t, map[ingest.Code]int64{ingest.CodeNUL: 1, ingest.CodeRefused: 2}, got.Notes.Rejects)
	assert.Equal(t, e.Notes.Tolerated, got.Notes.Tolerated)
	for i, offset := range []int64{10, 20, 30} {
		assert.Equal(t, offset, got.Rejects[i].Offset)
		assert.Equal(t, offset, got.Notes.Problems[i].Offset)
		assert.Nil(t, got.Notes.Problems[i].Raw)
		assert.Nil(t, got.Notes.Problems[i].Err)
	}
	assert.Equal(t, []any{int64(4), 1}, []any{e.Delivered, len(e.Rejects)}, "the entry itself does not change")
}

// A reject sink that hangs keeps no other worker from ending with the run, and is not called any more then.
func TestRejectSinkHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		h := newHang("")
		rejects := &rejected{wait: h.wait}
		p := ingest.Pipeline{Workers: 4, BatchRecords: 7, Rejects: rejects, Policy: ingest.Policy{Bad: ingest.Reject}}
		began := time.Now()
		status, err := p.Run(ctx, strings.NewReader(rows(100)), &picky{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(began), 1100*time.Millisecond)
		assert.Equal(t, ingest.Canceled, status.State)
		close(h.letGo)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Len(t, rejects.all, 1)
	})
}
