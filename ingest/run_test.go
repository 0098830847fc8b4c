package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest"
)

// collect is a sink that keeps the records it is given, by their place in the source.
type collect struct {
	mu      sync.Mutex
	records map[int64][]string
	windows []ingest.Window
}

func (c *collect) write(_ context.Context, b *ingest.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records == nil {
		c.records = map[int64][]string{}
	}
	c.windows = append(c.windows, b.Window())
	for _, r := range b.All() {
		c.records[r.Position().Record] = r.Fields()
	}
	return nil
}

// hang is a reader, a writer and a sink that hang until they are let go.
type hang struct {
	data   io.Reader // given before Read hangs
	hung   chan struct{}
	letGo  chan struct{}
	closed atomic.Bool
}

func newHang(data string) *hang {
	return &hang{data: strings.NewReader(data), hung: make(chan struct{}), letGo: make(chan struct{})}
}

func (h *hang) wait() {
	close(h.hung)
	<-h.letGo
}

func (h *hang) Read(p []byte) (int, error) {
	if n, err := h.data.Read(p); err == nil {
		return n, nil
	}
	h.wait()
	return 0, io.EOF
}

// closableHang is freed by Close, as a network connection is.
type closableHang struct{ *hang }

func (h closableHang) Close() error {
	if !h.closed.Swap(true) {
		close(h.letGo)
	}
	return nil
}

func rows(n int) string {
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,name %d\n", i, i)
	}
	return b.String()
}

// TestLawCancel is law 6. In the bubble time is exact, and a goroutine that is left at its end fails the
// test.
func TestLawCancel(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error)
		free bool // the run frees the hanging call by itself
	}{
		{name: "a Read that hangs at the start", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			h.data = strings.NewReader("")
			return ingest.Run(ctx, h, ingest.SinkFunc(new(collect).write))
		}},
		{name: "a Read that hangs later", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			p := ingest.Pipeline{SampleSize: 100, BatchBytes: 100}
			return p.Run(ctx, h, ingest.SinkFunc(new(collect).write))
		}},
		{name: "a Read that hangs at the start and can be closed", free: true, run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			h.data = strings.NewReader("a,b\n")
			s, err := ingest.Run(ctx, closableHang{h}, ingest.SinkFunc(new(collect).write))
			time.Sleep(time.Second)
			assert.True(t, h.closed.Load(), "the source is closed")
			return s, err
		}},
		{name: "a Read that hangs and can be closed", free: true, run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			s, err := ingest.Run(ctx, closableHang{h}, ingest.SinkFunc(new(collect).write))
			time.Sleep(time.Second) // of the bubble: the closing comes a little after Run
			assert.True(t, h.closed.Load(), "the source is closed")
			return s, err
		}},
		{name: "a Write that hangs", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			return ingest.Run(ctx, strings.NewReader(rows(10)), ingest.SinkFunc(func(context.Context, *ingest.Batch) error {
				h.wait()
				return nil
			}))
		}},
		{name: "an Open that hangs", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			return ingest.Run(ctx, strings.NewReader(rows(10)), openFunc(func() (ingest.Writer, error) {
				h.wait()
				return nil, errors.New("late")
			}))
		}},
		{name: "a Close that hangs", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			return ingest.Run(ctx, strings.NewReader(rows(10)), openFunc(func() (ingest.Writer, error) {
				return closeFunc(func() error { h.wait(); return nil }), nil
			}))
		}},
		{name: "a reject sink that hangs", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.RejectFunc(
				func(context.Context, *ingest.Found, []*ingest.RecordError) error { h.wait(); return nil })}
			return p.Run(ctx, strings.NewReader("a,b\n1,2\n3\n"), ingest.SinkFunc(new(collect).write))
		}},
		{name: "a Filter that hangs", run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			p := ingest.Pipeline{Filter: func(ingest.Record) bool { h.wait(); return true }}
			return p.Run(ctx, strings.NewReader("a,b\n1,2\n"), ingest.SinkFunc(new(collect).write))
		}},
		{name: "a Write that obeys its context", free: true, run: func(t *testing.T, ctx context.Context, h *hang) (ingest.Status, error) {
			return ingest.Run(ctx, strings.NewReader(rows(10)), ingest.SinkFunc(func(ctx context.Context, _ *ingest.Batch) error {
				close(h.hung)
				<-ctx.Done()
				return ctx.Err()
			}))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				h := newHang(rows(1000))
				var canceled time.Time
				go func() {
					<-h.hung
					time.Sleep(time.Second)
					canceled = time.Now()
					cancel()
				}()
				var returned time.Time
				status, err := func() (ingest.Status, error) {
					defer func() { returned = time.Now() }()
					return tt.run(t, ctx, h)
				}()
				if !strings.Contains(tt.name, "closed") {
					assert.LessOrEqual(t, returned.Sub(canceled), 100*time.Millisecond)
				}
				require.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, ingest.CodeCanceled, ingest.CodeOf(err))
				assert.Equal(t, ingest.Canceled, status.State)
				if !tt.free {
					close(h.letGo)
				}
				cancel()
			})
		})
	}
}

type openFunc func() (ingest.Writer, error)

func (f openFunc) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return f() }

type closeFunc func() error

func (f closeFunc) Write(context.Context, *ingest.Batch) error { return nil }
func (f closeFunc) Close(context.Context, error) error         { return f() }

// A run whose context ends when everything is stored has succeeded.
func TestCancelAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	status, err := ingest.Run(ctx, strings.NewReader(rows(10)), openFunc(func() (ingest.Writer, error) {
		return closeFunc(func() error { cancel(); return nil }), nil
	}))
	require.NoError(t, err)
	assert.Equal(t, ingest.Done, status.State)
}

func TestCancelCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	because := errors.New("the customer pressed stop")
	cancel(because)
	_, err := ingest.Run(ctx, strings.NewReader(rows(10)), ingest.SinkFunc(new(collect).write))
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, because)
}

// TestLawReporter is law 4: a reporter that hangs, panics or is slow changes nothing.
func TestLawReporter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		report func(h *hang) func(ingest.Status)
	}{
		{"hangs", func(h *hang) func(ingest.Status) {
			var once sync.Once
			return func(ingest.Status) { once.Do(func() { close(h.hung) }); <-h.letGo }
		}},
		{"panics", func(h *hang) func(ingest.Status) { return func(ingest.Status) { panic("reporter") } }},
		{"is slow", func(h *hang) func(ingest.Status) {
			return func(ingest.Status) { time.Sleep(time.Hour) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHang("")
				var seen ingest.Snapshot
				p := ingest.Pipeline{BatchBytes: 100, ReportEvery: time.Millisecond,
					Reporter: ingest.MultiReporter(ingest.ReporterFunc(tt.report(h)), &seen)}
				slow := func(context.Context, *ingest.Batch) error {
					time.Sleep(10 * time.Millisecond)
					return nil
				}
				began := time.Now()
				p.Workers = 1
				status, err := p.Run(t.Context(), strings.NewReader(rows(100)), ingest.SinkFunc(slow))
				took := time.Since(began)
				close(h.letGo)
				require.NoError(t, err)
				assert.Equal(t, int64(100), status.Delivered)
				batches := time.Duration(len(rows(100))/100 + 1)
				assert.LessOrEqual(t, took, batches*10*time.Millisecond+100*time.Millisecond)
				assert.Equal(t, ingest.Done, seen.Status().State, "the other reporter sees the end")
				time.Sleep(3 * time.Hour) // until the last slow report is over
			})
		})
	}
}

func TestStatusWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := rows(1000)
		var seen []ingest.Status
		p := ingest.Pipeline{BatchBytes: 1000, Workers: 2, ReportEvery: 100 * time.Millisecond, Reporter: ingest.ReporterFunc(func(s ingest.Status) { seen = append(seen, s) })}
		status, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(func(context.Context, *ingest.Batch) error {
			time.Sleep(time.Second)
			return nil
		}))
		require.NoError(t, err)
		require.Greater(t, len(seen), 3)
		last := int64(-1)
		for _, s := range seen {
			assert.GreaterOrEqual(t, s.Stored, last)
			last = s.Stored
			assert.Equal(t, s.Read, s.Delivered+s.Rejected+s.Filtered+s.Skipped)
			assert.Equal(t, int64(len(src)), s.Size)
		}
		middle := seen[len(seen)/2]
		assert.Equal(t, ingest.Running, middle.State)
		assert.InDelta(t, 0.5, middle.Progress(), 0.2)
		assert.Equal(t, ingest.StageSink, middle.Bottleneck)
		left := seen[len(seen)-1].Elapsed - middle.Elapsed
		assert.InDelta(t, left.Seconds(), middle.ETA.Seconds(), 0.3*left.Seconds())
		assert.Equal(t, 1.0, status.Progress())
		assert.Equal(t, int64(len(src)), status.Stored)
		b, err := json.Marshal(middle)
		require.NoError(t, err)
		var back ingest.Status
		require.NoError(t, json.Unmarshal(b, &back))
		assert.Equal(t, middle.Stored, back.Stored)
	})
}

// TestLawPanic: a panic of the caller's functions is an error that names the record.
func TestLawPanic(t *testing.T) {
	src := "a,b\n1,2\n\n3,4\n5,6\n"
	for _, tt := range []struct {
		name   string
		run    func() error
		op     string
		record int64
		line   int64
	}{
		{"in a loop over All", func() error {
			_, err := ingest.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
				for _, r := range b.All() {
					if r.Field(0) == "3" {
						panic("secret " + r.Field(1))
					}
				}
				return nil
			}))
			return err
		}, "write", 3, 4},
		{"elsewhere in Write", func() error {
			_, err := ingest.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
				b.Record(b.Len())
				return nil
			}))
			return err
		}, "write", 1, 2},
		{"in Open", func() error {
			_, err := ingest.Run(t.Context(), strings.NewReader(src), openFunc(func() (ingest.Writer, error) { panic(errors.New("no")) }))
			return err
		}, "open", 0, 0},
		{"in Close", func() error {
			_, err := ingest.Run(t.Context(), strings.NewReader(src), openFunc(func() (ingest.Writer, error) {
				return closeFunc(func() error { panic(1) }), nil
			}))
			return err
		}, "close", 0, 0},
		{"in Filter", func() error {
			p := ingest.Pipeline{Filter: func(r ingest.Record) bool { return r.Field(5) == "" || r.Position().Record < 4 }}
			_, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(new(collect).write))
			return err
		}, "filter", 1, 2},
		{"in Reject", func() error {
			p := ingest.Pipeline{Rejects: ingest.RejectFunc(func(context.Context, *ingest.Found, []*ingest.RecordError) error { panic("x") })}
			_, err := p.Run(t.Context(), strings.NewReader(src+"7\n"), ingest.SinkFunc(new(collect).write))
			return err
		}, "reject", 5, 6},
		{"in the source", func() error {
			_, err := ingest.Run(t.Context(), readerFunc(func([]byte) (int, error) { panic("x") }), ingest.SinkFunc(new(collect).write))
			return err
		}, "read", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.run()
			require.ErrorIs(t, err, ingest.ErrPanic)
			var sink *ingest.SinkError
			require.ErrorAs(t, err, &sink)
			assert.Equal(t, tt.op, sink.Op)
			assert.Equal(t, tt.record, sink.First.Record)
			assert.Equal(t, tt.line, sink.First.Line)
			assert.NotEmpty(t, sink.Stack)
			assert.NotContains(t, err.Error(), "secret")
			assert.Equal(t, ingest.CodePanic, ingest.CodeOf(err))
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestLawStop is a part of laws 1 and 9: a run that stops at a record has delivered all records before it
// and none behind it, with any number of workers.
func TestLawStop(t *testing.T) {
	src := rows(5000)
	lines := strings.SplitAfter(src, "\n")
	const bad = 3000
	lines[bad] = "only one field\n"
	src = strings.Join(lines, "")
	for _, workers := range []int{1, 2, 8} {
		for _, p := range []ingest.Pipeline{
			{},
			{Policy: ingest.Policy{Bad: ingest.Reject, Short: ingest.Stop}},
			{Policy: ingest.Policy{Bad: ingest.Reject, MaxRejects: 3}},
			{Policy: ingest.Policy{Bad: ingest.Reject, MaxRejectShare: 0.001}},
		} {
			p.Workers, p.BatchBytes = workers, 500
			in := src
			if p.Policy.MaxRejects > 0 || p.Policy.MaxRejectShare > 0 {
				in = strings.Replace(in, "\n100,", "\n", 1)
				in = strings.Replace(in, "\n200,", "\n", 1)
				in = strings.Replace(in, "\n300,", "\n", 1)
			}
			var c collect
			var rejected []int64
			p.Rejects = ingest.RejectFunc(func(_ context.Context, _ *ingest.Found, es []*ingest.RecordError) error {
				for _, e := range es {
					rejected = append(rejected, e.Record)
				}
				return nil
			})
			status, err := p.Run(t.Context(), strings.NewReader(in), ingest.SinkFunc(c.write))
			require.Error(t, err)
			require.ErrorIs(t, err, ingest.ErrBadRecord)
			assert.Equal(t, p.Policy.MaxRejects > 0 || p.Policy.MaxRejectShare > 0, errors.Is(err, ingest.ErrRejects), err)
			assert.Equal(t, ingest.Failed, status.State)
			assert.Equal(t, int64(bad), rejected[len(rejected)-1])
			assert.Equal(t, int64(bad-len(rejected)), status.Delivered)
			assert.Equal(t, int64(bad), status.Read)
			assert.Len(t, c.records, bad-len(rejected))
			for n := range c.records {
				assert.Less(t, n, int64(bad))
			}
		}
	}
}

func TestRejectShareAtTheEnd(t *testing.T) {
	var cause error
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject, MaxRejectShare: 0.2}}
	status, err := p.Run(t.Context(), strings.NewReader("a,b\n1,2\n3\n4,5\n"), causeSink(&cause))
	require.ErrorIs(t, err, ingest.ErrRejects)
	assert.Equal(t, ingest.CodeRejects, status.Code)
	assert.ErrorIs(t, cause, ingest.ErrRejects, "a writer can still undo")
}

func causeSink(cause *error) ingest.Sink {
	return openFunc(func() (ingest.Writer, error) { return causeWriter{cause}, nil })
}

type causeWriter struct{ cause *error }

func (w causeWriter) Write(context.Context, *ingest.Batch) error { return nil }
func (w causeWriter) Close(_ context.Context, cause error) error { *w.cause = cause; return nil }

// TestLawGuess is law 8: a guess is explained, can be pinned, and below a confidence nothing is written.
func TestLawGuess(t *testing.T) {
	src := "name;city\nMüller;Köln\nWeiß;Gießen\n"
	var p ingest.Pipeline
	found, err := p.Sniff(t.Context(), strings.NewReader(src))
	require.NoError(t, err)
	assert.NotEmpty(t, found.Encoding.Evidence)
	assert.NotEmpty(t, found.Dialect.Evidence)
	assert.NotEmpty(t, found.Dialect.RunnersUp)

	pinned := ingest.Pipeline{Encoding: found.Encoding.Label, Dialect: found.Dialect.Dialect}
	again, err := pinned.Sniff(t.Context(), strings.NewReader(src))
	require.NoError(t, err)
	assert.Equal(t, found.Dialect.Dialect, again.Dialect.Dialect)
	assert.Equal(t, found.Header, again.Header)
	assert.Equal(t, found.Table, again.Table)

	against := ingest.Pipeline{Encoding: "windows-1252", Dialect: dialect.Dialect{Delimiter: "|", HeaderRows: dialect.NoHeader}}
	var c collect
	_, err = against.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, []string{"MÃ¼ller;KÃ¶ln"}, c.records[2])

	unsure := ingest.Pipeline{MinConfidence: 1}
	opened := false
	status, err := unsure.Run(t.Context(), strings.NewReader("x\n"), openFunc(func() (ingest.Writer, error) { opened = true; return nil, nil }))
	require.ErrorIs(t, err, ingest.ErrUnsure)
	assert.False(t, opened)
	assert.Equal(t, ingest.CodeUnsure, status.Code)
}

// TestLawValuesStayHome is law 10.
func TestLawValuesStayHome(t *testing.T) {
	const secret = "hunter2"
	src := "user,password,n\nann," + secret + ",1\nbob," + secret + "\nc,\"" + secret + "\" x,2\nd,\"" + secret + "\x00\",3\n" +
		"e,\"" + secret + "\n" + strings.Repeat(secret+"\n", 5)
	var log bytes.Buffer
	p := ingest.Pipeline{
		Limits:   ingest.Limits{QuotedLines: 2},
		Policy:   ingest.Policy{Bad: ingest.Reject},
		Reporter: ingest.LogReporter(slog.New(slog.NewJSONHandler(&log, nil))),
	}
	var errs []string
	p.Rejects = ingest.RejectFunc(func(_ context.Context, _ *ingest.Found, es []*ingest.RecordError) error {
		for _, e := range es {
			b, err := json.Marshal(e)
			errs = append(errs, fmt.Sprint(e, err, string(b)))
		}
		return nil
	})
	status, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		return fmt.Errorf("no room for %s", b.Record(0))
	}))
	require.Error(t, err)
	b, err2 := json.Marshal(status)
	require.NoError(t, err2)
	assert.NotEmpty(t, errs)
	assert.NotEmpty(t, log.String())
	for _, s := range append(errs, log.String(), string(b), err.Error()) {
		assert.NotContains(t, s, secret)
	}
}

// TestLawWindows is law 3: the windows of a run cover every byte of the table once, in any order.
func TestLawWindows(t *testing.T) {
	src := "title\n\n" + rows(2000) + "x,\"never closed\n" + rows(3)
	for _, encoding := range []string{"", "UTF-16LE"} {
		in := []byte(src)
		if encoding != "" {
			in = nil
			for _, c := range []byte(src) {
				in = append(in, c, 0)
			}
		}
		var c collect
		p := ingest.Pipeline{Encoding: encoding, BatchBytes: 333, Workers: 4, Policy: ingest.Policy{Bad: ingest.Reject},
			Dialect: dialect.Dialect{Preamble: 2, Delimiter: ",", HeaderRows: 1}}
		status, err := p.Run(t.Context(), bytes.NewReader(in), ingest.SinkFunc(c.write))
		require.NoError(t, err)
		at := map[int64]ingest.Window{}
		for _, w := range c.windows {
			at[w.Offset] = w
		}
		offset, record, line := status.Found.Table.Offset, int64(1), int64(4)
		for range c.windows {
			w, ok := at[offset]
			require.True(t, ok, offset)
			assert.Equal(t, record, w.Record)
			assert.Equal(t, line, w.Line)
			offset += w.Length
			record += w.Rows
			line += w.Rows // every row of this source is one line
		}
		assert.Equal(t, int64(len(in)), offset)
		assert.Equal(t, record-1, status.Read)
	}
}

func TestSinkErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name string
		sink ingest.Sink
		op   string
	}{
		{"open", openFunc(func() (ingest.Writer, error) { return nil, boom }), "open"},
		{"write", ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return boom }), "write"},
		{"close", openFunc(func() (ingest.Writer, error) { return closeFunc(func() error { return boom }), nil }), "close"},
		{"tee", ingest.Tee(ingest.SinkFunc(new(collect).write), ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return boom })), "write"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, err := ingest.Run(t.Context(), strings.NewReader(rows(10)), tt.sink)
			require.ErrorIs(t, err, boom)
			require.ErrorIs(t, err, ingest.ErrSink)
			var sink *ingest.SinkError
			require.ErrorAs(t, err, &sink)
			assert.Equal(t, tt.op, sink.Op)
			assert.Equal(t, ingest.Failed, status.State)
			assert.Equal(t, ingest.CodeSink, status.Code)
			assert.Contains(t, err.Error(), tt.op)
			if tt.op == "write" {
				assert.Equal(t, int64(0), status.Delivered)
				assert.Contains(t, err.Error(), "line 2 (record 1, byte 8) to line 11 (record 10)")
			}
		})
	}
	_, err := ingest.Run(t.Context(), strings.NewReader(rows(1)), openFunc(func() (ingest.Writer, error) { return nil, nil }))
	assert.ErrorContains(t, err, "neither a Writer nor an error")
}

func TestTee(t *testing.T) {
	var a, b collect
	status, err := ingest.Run(t.Context(), strings.NewReader(rows(10)), ingest.Tee(ingest.SinkFunc(a.write), ingest.SinkFunc(b.write)))
	require.NoError(t, err)
	assert.Equal(t, int64(10), status.Delivered)
	assert.Equal(t, a.records, b.records)
	assert.Len(t, a.records, 10)

	closed := 0
	_, err = ingest.Run(t.Context(), strings.NewReader(rows(10)), ingest.Tee(
		openFunc(func() (ingest.Writer, error) { return closeFunc(func() error { closed++; return nil }), nil }),
		openFunc(func() (ingest.Writer, error) { return nil, io.ErrClosedPipe })))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	assert.Equal(t, 1, closed, "what Tee has opened it closes")
}

// A source that fails has its complete records delivered, and no partial one.
func TestSourceFails(t *testing.T) {
	for _, tail := range []string{"", "3,", "3,\"quo", "3,\"quo\nted"} {
		for _, batch := range []int{5, 1000} {
			src := io.MultiReader(strings.NewReader("a,b\n1,2\n2,3\n"+tail), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
			var c collect
			p := ingest.Pipeline{BatchBytes: batch, Dialect: dialect.Dialect{Delimiter: ",", Quote: `"`, Escape: dialect.Doubled, HeaderRows: 1, Preamble: dialect.NoPreamble}}
			status, err := p.Run(t.Context(), src, ingest.SinkFunc(c.write))
			require.ErrorIs(t, err, ingest.ErrRead)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Equal(t, map[int64][]string{1: {"1", "2"}, 2: {"2", "3"}}, c.records)
			assert.Equal(t, int64(2), status.Delivered)
			assert.Equal(t, ingest.CodeRead, status.Code)
		}
	}
	_, err := ingest.Run(t.Context(), readerFunc(func([]byte) (int, error) { return 0, nil }), ingest.SinkFunc(new(collect).write))
	assert.ErrorIs(t, err, io.ErrNoProgress)
	_, err = ingest.Run(t.Context(), readerFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), ingest.SinkFunc(new(collect).write))
	assert.ErrorIs(t, err, ingest.ErrRead)
}

func TestEmpty(t *testing.T) {
	for _, tt := range []struct {
		src    string
		header []string
		opened bool
	}{
		{"", nil, false},
		{"\n\n", nil, false},
		{"\xef\xbb\xbf", nil, false},
		{"id,name\n", []string{"id", "name"}, true},
	} {
		p := ingest.Pipeline{}
		if tt.header != nil {
			p.Dialect.HeaderRows = 1
		}
		opened := false
		status, err := p.Run(t.Context(), strings.NewReader(tt.src), openFunc(func() (ingest.Writer, error) {
			opened = true
			return closeFunc(func() error { return nil }), nil
		}))
		require.NoError(t, err, "%q", tt.src)
		assert.Equal(t, ingest.Done, status.State)
		assert.Equal(t, int64(0), status.Delivered)
		assert.Equal(t, tt.opened, opened, "%q", tt.src)
		assert.ElementsMatch(t, tt.header, status.Found.Header.Names())
	}
}

func TestWorkersStartOnDemand(t *testing.T) {
	var opens atomic.Int64
	p := ingest.Pipeline{Workers: 8}
	_, err := p.Run(t.Context(), strings.NewReader(rows(10)), openFunc(func() (ingest.Writer, error) {
		opens.Add(1)
		return closeFunc(func() error { return nil }), nil
	}))
	require.NoError(t, err)
	assert.Equal(t, int64(1), opens.Load(), "a small file needs one writer")
}

// A batch stays what it is for as long as a sink keeps it.
func TestBatchesMayBeKept(t *testing.T) {
	var mu sync.Mutex
	var kept []*ingest.Batch
	p := ingest.Pipeline{BatchBytes: 100, Workers: 4}
	_, err := p.Run(t.Context(), strings.NewReader(rows(500)), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, b)
		return nil
	}))
	require.NoError(t, err)
	n := 0
	for _, b := range kept {
		for _, r := range b.All() {
			id := r.Position().Record - 1
			assert.Equal(t, []string{fmt.Sprint(id), fmt.Sprintf("name %d", id)}, r.Fields())
			assert.Equal(t, fmt.Sprintf("%d,name %d\n", id, id), string(r.Raw()))
			n++
		}
	}
	assert.Equal(t, 500, n)
}

func TestFilter(t *testing.T) {
	p := ingest.Pipeline{Filter: func(r ingest.Record) bool { return strings.HasSuffix(r.Field(0), "7") }}
	var c collect
	status, err := p.Run(t.Context(), strings.NewReader(rows(100)), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, int64(90), status.Filtered)
	assert.Equal(t, int64(10), status.Delivered)
	assert.Equal(t, []string{"97", "name 97"}, c.records[98])
}

func TestRecords(t *testing.T) {
	src := "a,b\n1,2\n3\n\n4,5\n6\n"
	read := func(p ingest.Pipeline, most int) (got []string) {
		for r, err := range p.Records(t.Context(), strings.NewReader(src)) {
			if len(got) == most {
				break
			}
			if err != nil {
				got = append(got, string(ingest.CodeOf(err)))
				assert.Equal(t, 0, r.Len())
				continue
			}
			got = append(got, strings.Join(r.Fields(), "+"))
		}
		return got
	}
	var kept []int64
	rejects := ingest.RejectFunc(func(_ context.Context, _ *ingest.Found, es []*ingest.RecordError) error {
		for _, e := range es {
			kept = append(kept, e.Line)
		}
		return nil
	})
	stop := ingest.Pipeline{}
	reject := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
	assert.Equal(t, []string{"1+2", "too_few_fields"}, read(stop, 10))
	assert.Equal(t, []string{"1+2", "too_few_fields", "4+5", "too_few_fields"}, read(reject, 10))
	assert.Equal(t, []string{"1+2", "too_few_fields"}, read(reject, 2))
	reject.Rejects = rejects
	assert.Equal(t, []string{"1+2", "4+5"}, read(reject, 10))
	assert.Equal(t, []int64{3, 6}, kept)
	reject.Policy.MaxRejects = 1
	reject.Rejects = nil
	assert.Equal(t, []string{"1+2", "too_few_fields", "4+5", "too_many_rejects"}, read(reject, 10))
	assert.Equal(t, []string{"settings"}, read(ingest.Pipeline{Workers: -1}, 10))
	reject.Rejects = ingest.RejectFunc(func(context.Context, *ingest.Found, []*ingest.RecordError) error { return io.ErrShortWrite })
	assert.Equal(t, []string{"reject_sink"}, read(reject, 10))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range stop.Records(ctx, strings.NewReader(src)) {
		assert.ErrorIs(t, err, context.Canceled)
	}
}
