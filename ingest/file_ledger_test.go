package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// queue is a sink without transactions: what it has taken stays. A record that comes again replaces the one of the same key.
type queue struct {
	mu      sync.Mutex
	records map[string]string
	batches int
	failAt  int // the batch that fails, half of it taken; 0: none
}

func (q *queue) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return q, nil }
func (q *queue) Close(context.Context, error) error                         { return nil }

func (q *queue) Write(_ context.Context, b *ingest.Batch) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batches++
	if q.records == nil {
		q.records = map[string]string{}
	}
	for i, r := range b.All() {
		if q.batches == q.failAt && i == b.Len()/2 {
			return errCrash
		}
		q.records[r.Key()] = fmt.Sprintf("%s %q", r.Position(), r.Fields())
	}
	if q.batches == q.failAt {
		return errCrash
	}
	return nil
}

// With a FileLedger each record is delivered at least once, under the same key, however often the run is broken off.
func TestLawFileLedger(t *testing.T) {
	for _, c := range messyCases(t) {
		data := c.unpack()
		switch c.name {
		case "every-fault", "second-table", "two-exports-glued", "utf16le-no-mark", "shiftjis-pipe", "ascii-then-windows1252", "delimiter-changes", "no-final-line-end", "unclosed-middle", "totals-below":
		default:
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(1, uint64(len(data))))
			p := *c.want.Pipeline
			p.RunID, p.Rejects, p.Policy.Bad = "r", nil, ingest.Reject
			whole := &queue{}
			want, err := p.Run(t.Context(), bytes.NewReader(data), whole)
			require.NoError(t, err)
			dir := t.TempDir()
			broken := &queue{}
			for try := 0; ; try++ {
				q := p
				q.Ledger = ingest.NewFileLedger(dir)
				q.BatchBytes, q.Workers = 1+rnd.IntN(100+len(data)/5), 1+rnd.IntN(3)
				broken.batches, broken.failAt = 0, 1+rnd.IntN(4)
				if try > 12 {
					broken.failAt = 0
				}
				if try%3 == 2 { // a crash while a line is written
					tear(t, filepath.Join(dir, "run-r.jsonl"))
				}
				got, err := q.Run(t.Context(), bytes.NewReader(data), broken)
				if err != nil {
					require.ErrorIs(t, err, errCrash)
					continue
				}
				assert.JSONEq(t, summary(want), summary(got))
				break
			}
			assert.Equal(t, whole.records, broken.records)
			known, err := ingest.NewFileLedger(dir).Find(t.Context(), "r")
			require.NoError(t, err)
			assert.Equal(t, ingest.Done, known.State)
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			require.NoError(t, err)
			assert.Len(t, left, 2, "RUN.jsonl and RUN.lease")
		})
	}
}

// tear cuts the last line of a file in the middle.
func tear(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	last := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
	require.NoError(t, os.Truncate(path, int64(last+(len(b)-last)/2)))
}

func claimed(t *testing.T, l *ingest.FileLedger, owner string, lease time.Duration) *ingest.Claim {
	t.Helper()
	c, err := l.Claim(t.Context(), &ingest.LedgerRun{Run: "r", Owner: owner, State: ingest.Running, Found: &ingest.Found{Run: "r"}}, lease)
	require.NoError(t, err)
	return c
}

func window(at, rows int64) *ingest.LedgerEntry {
	return &ingest.LedgerEntry{Offset: at, Length: 10 * rows, Rows: rows, Delivered: rows, CRC: 1}
}

// Two processes, each with a FileLedger of its own on one directory.
func TestFileLedgerRivals(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "made"), t.Context()
	one, two := ingest.NewFileLedger(dir), ingest.NewFileLedger(dir)
	known, err := one.Find(ctx, "r")
	require.NoError(t, err)
	assert.Nil(t, known)

	first := claimed(t, one, "host, process 1", time.Hour)
	require.NoError(t, one.Enter(ctx, first, window(0, 3)))
	require.NoError(t, one.Enter(ctx, first, window(30, 2)))
	require.NoError(t, one.Enter(ctx, first, window(30, 2)), "twice is no error")
	_, err = two.Claim(ctx, &ingest.LedgerRun{Run: "r"}, time.Hour)
	require.ErrorIs(t, err, ingest.ErrOwned)
	assert.Contains(t, err.Error(), "host, process 1")
	var owned *ingest.OwnedError
	require.ErrorAs(t, err, &owned)
	assert.InDelta(t, time.Hour, owned.Left, float64(time.Minute))

	_, err = one.Renew(ctx, first, time.Nanosecond) // its owner is cut off
	require.NoError(t, err)
	second := claimed(t, two, "host, process 2", time.Hour)
	assert.EqualValues(t, 5, second.Stored.Rows(), "once each")
	assert.Greater(t, second.Epoch, first.Epoch)
	assert.EqualValues(t, 0, first.Stored.Rows(), "a claim does not change")

	for name, call := range map[string]func() error{
		"enter":   func() error { return one.Enter(ctx, first, window(50, 1)) },
		"renew":   func() error { _, err := one.Renew(ctx, first, time.Hour); return err },
		"release": func() error { return one.Release(ctx, first, ingest.Done, "") },
	} {
		require.ErrorIs(t, call(), ingest.ErrOwned, name)
	}
	require.NoError(t, two.Enter(ctx, second, window(50, 4)))
	require.NoError(t, two.Release(ctx, second, ingest.Failed, ingest.CodeSink))
	known, err = one.Find(ctx, "r")
	require.NoError(t, err)
	assert.Equal(t, ingest.Failed, known.State)
	third := claimed(t, one, "host, process 3", time.Hour)
	assert.EqualValues(t, 9, third.Stored.Rows())
	assert.Equal(t, "host, process 3", third.Owner)
}

// What an owner enters while another takes over does not count: that one does not know of it.
func TestFileLedgerLateEntry(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	l := ingest.NewFileLedger(dir)
	first := claimed(t, l, "one", time.Nanosecond)
	require.NoError(t, l.Enter(ctx, first, window(0, 3)))
	path := filepath.Join(dir, "run-r.jsonl")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	entry := before[bytes.LastIndexByte(before[:len(before)-1], '\n')+1:]
	second := claimed(t, l, "two", time.Nanosecond)
	// As if it had been written behind the claim, from another place.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.Write(bytes.Replace(entry, []byte(`"offset":0`), []byte(`"offset":40`), 1))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, l.Enter(ctx, second, window(30, 2)))
	third := claimed(t, l, "three", time.Hour)
	assert.EqualValues(t, 5, third.Stored.Rows())

	// Without its lease file the run goes on all the same.
	require.NoError(t, os.Remove(filepath.Join(dir, "run-r.lease")))
	fourth := claimed(t, l, "four", time.Hour)
	assert.Greater(t, fourth.Epoch, third.Epoch)
	assert.EqualValues(t, 5, fourth.Stored.Rows())
	require.NoError(t, l.Enter(ctx, fourth, window(50, 1)))

	// What it stored was deleted: it is a new one.
	require.NoError(t, l.Release(ctx, fourth, ingest.Undone, ""))
	fifth := claimed(t, l, "five", time.Hour)
	assert.Zero(t, fifth.Stored.Rows())
}

func TestFileLedgerDamaged(t *testing.T) {
	for _, tt := range []struct {
		name string
		file string
		edit func(b []byte) []byte
		err  string // "": it is mended
	}{
		{name: "the last line is torn", file: "run-r.jsonl", edit: func(b []byte) []byte { return b[:len(b)-20] }},
		{name: "all of it is torn", file: "run-r.jsonl", edit: func(b []byte) []byte { return b[:20] }},
		{name: "it is empty", file: "run-r.jsonl", edit: func([]byte) []byte { return nil }},
		{name: "the first line is damaged", file: "run-r.jsonl", edit: func(b []byte) []byte { return b[20:] }, err: "use another Pipeline.RunID"},
		{name: "a line is no JSON", file: "run-r.jsonl", edit: func(b []byte) []byte { return append(b, "x\n"...) }, err: "restore it from a copy"},
		{name: "it is of a run of another name", file: "run-r.jsonl", edit: func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"run":"r"`), []byte(`"run":"R"`))
		}, err: "more than capitals"},
		{name: "windows overlap", file: "run-r.jsonl", edit: func(b []byte) []byte {
			return append(b, bytes.Replace(b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:], []byte(`"offset":4`), []byte(`"offset":5`), 1)...)
		}, err: "please report this"},
		{name: "the lease is damaged", file: "run-r.lease", edit: func(b []byte) []byte { return b[:5] }, err: "delete it if no process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			p := ingest.Pipeline{RunID: "r", Ledger: ingest.NewFileLedger(dir)}
			_, err := p.Run(t.Context(), strings.NewReader("a,b\n1,2\n3\n"), &queue{}) // stops at the second record
			require.ErrorIs(t, err, ingest.ErrBadRecord)
			path := filepath.Join(dir, tt.file)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			if tt.name == "windows overlap" || tt.name == "the last line is torn" {
				b = b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] // without the release
			}
			require.NoError(t, os.WriteFile(path, tt.edit(b), 0o666))
			p.Policy.Bad = ingest.Reject
			q := &queue{}
			status, err := p.Run(t.Context(), strings.NewReader("a,b\n1,2\n3\n"), q)
			if tt.err != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), tt.err)
				assert.Equal(t, ingest.CodeLedger, ingest.CodeOf(err))
				assert.Empty(t, q.records)
				return
			}
			require.NoError(t, err)
			assert.EqualValues(t, 1, status.Delivered)
			assert.EqualValues(t, 1, status.Rejected)
			status, err = p.Run(t.Context(), strings.NewReader("a,b\n1,2\n3\n"), q)
			require.NoError(t, err)
			assert.EqualValues(t, 2, status.Earlier)
		})
	}
}

// A request comes from another process, and is heeded when the lease is renewed.
func TestFileLedgerRequest(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	other := ingest.NewFileLedger(dir)
	require.ErrorContains(t, other.Request(ctx, "r", "jump"), "nothing that can be asked")
	err := other.Request(ctx, "r", ingest.RequestStop)
	require.ErrorContains(t, err, `no run "r"`)
	written, stored := make(chan struct{}, 1000), 0
	var mu sync.Mutex
	p := ingest.Pipeline{RunID: "r", Ledger: ingest.NewFileLedger(dir), Lease: 30 * time.Millisecond, BatchRecords: 1, Workers: 1, Queue: -1}
	sink := ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		mu.Lock()
		stored += b.Len()
		mu.Unlock()
		written <- struct{}{}
		return nil
	})
	var seen ingest.Snapshot
	p.Reporter, p.ReportEvery = &seen, time.Millisecond
	done := make(chan struct{})
	go func() {
		defer close(done)
		status, err := p.Run(ctx, endless(ctx), sink)
		assert.ErrorIs(t, err, ingest.ErrStopped)
		assert.Equal(t, ingest.Stopped, status.State)
		mu.Lock()
		assert.EqualValues(t, stored, status.Delivered)
		mu.Unlock()
	}()
	<-written
	require.NoError(t, other.Request(ctx, "r", ingest.RequestPause))
	require.Eventually(t, func() bool { return seen.Status().State == ingest.Paused }, 10*time.Second, time.Millisecond)
	require.NoError(t, other.Request(ctx, "r", ingest.RequestNone))
	require.Eventually(t, func() bool { return seen.Status().State == ingest.Running }, 10*time.Second, time.Millisecond)
	require.NoError(t, other.Request(ctx, "r", ingest.RequestStop))
	<-done
	known, err := other.Find(ctx, "r")
	require.NoError(t, err)
	assert.Equal(t, ingest.Stopped, known.State)
	claim := claimed(t, other, "two", time.Hour)
	asked, err := other.Renew(ctx, claim, time.Hour)
	require.NoError(t, err)
	assert.Equal(t, ingest.RequestNone, asked, "a stop is for the run that was under way")
}

// endless is a source that gives a row now and then.
func endless(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, rows(20_000))
		for ctx.Err() == nil {
			if _, err := fmt.Fprint(w, strings.Repeat("1,one\n", 20_000)); err != nil {
				return
			}
		}
		w.Close()
	}()
	context.AfterFunc(ctx, func() { r.Close() })
	return r
}

// Many claim at once, and one gets the run.
func TestFileLedgerRace(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for i := range 8 {
		all.Go(func() {
			_, err := ingest.NewFileLedger(dir).Claim(t.Context(), &ingest.LedgerRun{Run: "r", Owner: fmt.Sprint(i)}, time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got++
				return
			}
			assert.ErrorIs(t, err, ingest.ErrOwned)
		})
	}
	all.Wait()
	assert.Equal(t, 1, got)
}
