package ingesttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// store is a sink in memory. As it is it keeps the contract; a test replaces a method to break it.
type store struct {
	mu      sync.Mutex
	rows    [][]string
	header  ingest.Header
	blocked chan struct{} // not nil: the store hangs until it is closed

	open   func(s *store, h ingest.Header) error
	write  func(ctx context.Context, s *store, b *ingest.Batch) error
	close  func(s *store, cause error) error
	undoes bool
	plain  bool // the store has no null
}

func (s *store) Open(_ context.Context, found *ingest.Found) (ingest.Writer, error) {
	s.header = found.Header
	if s.open != nil {
		if err := s.open(s, found.Header); err != nil {
			return nil, err
		}
	}
	return &storeWriter{s: s}, nil
}

type storeWriter struct {
	s    *store
	held [][]string // of a store that undoes
}

const poison = "poison"

var errPoison = errors.New("the store refuses a record")

func (w *storeWriter) Write(ctx context.Context, b *ingest.Batch) error {
	s := w.s
	if s.write != nil {
		return s.write(ctx, s, b)
	}
	rows, err := s.take(ctx, b)
	if err != nil {
		return err
	}
	if s.undoes {
		w.held = append(w.held, rows...)
		return nil
	}
	s.add(rows...)
	return nil
}

func (w *storeWriter) Close(_ context.Context, cause error) error {
	if w.s.close != nil {
		return w.s.close(w.s, cause)
	}
	if cause == nil {
		w.s.add(w.held...)
	}
	return nil
}

// take gives the rows of a batch, unless there is a reason not to store it.
func (s *store) take(ctx context.Context, b *ingest.Batch) ([][]string, error) {
	s.mu.Lock()
	blocked := s.blocked
	s.mu.Unlock()
	if blocked != nil {
		select {
		case <-blocked:
		case <-ctx.Done():
		}
	}
	rows := records(b)
	for _, r := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r[0] == poison {
			return nil, errPoison
		}
		if s.plain {
			for i := range r {
				r[i] = strings.TrimPrefix(r[i], Null)
			}
		}
	}
	return rows, nil
}

func (s *store) add(rows ...[]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, rows...)
}

func (s *store) subject() Subject {
	return Subject{
		Sink:   s,
		Undoes: s.undoes,
		NoNull: s.plain,
		Poison: []string{poison, "x", "y"},
		Stored: func() ([][]string, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return slices.Clone(s.rows), nil
		},
		Block: func() (func(), error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			until := make(chan struct{})
			s.blocked = until
			return func() {
				close(until)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.blocked = nil
			}, nil
		},
	}
}

func TestExamPasses(t *testing.T) {
	for name, make := range map[string]func() *store{
		"as it should be": func() *store { return &store{} },
		"all or nothing":  func() *store { return &store{undoes: true} },
		"without null":    func() *store { return &store{plain: true} },
	} {
		t.Run(name, func(t *testing.T) {
			Exam(t, func(*testing.T) Subject { return make().subject() })
		})
	}
	t.Run("what is not said is not asked", func(t *testing.T) {
		Exam(t, func(*testing.T) Subject {
			s := (&store{}).subject()
			s.Poison, s.Block, s.Columns = nil, nil, []string{"only"}
			return s
		})
	})
}

// failures are sinks that break the contract, and the questions that must find out.
var failures = []struct {
	name   string
	broken func() *store
	fails  []string
}{
	{"stores half a batch, then fails", func() *store {
		return &store{write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			rows, err := s.take(ctx, b)
			if err != nil {
				s.add(records(b)[:b.Len()/2]...)
				return err
			}
			s.add(rows...)
			return nil
		}}
	}, []string{"a record that the store refuses", "canceled before a write", "canceled within a write", "canceled while the store hangs"}},
	{"stores a batch and says that it failed", func() *store {
		return &store{write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			s.add(records(b)...)
			return ctx.Err()
		}}
	}, []string{"canceled before a write", "canceled within a write"}},
	{"says nil when it is canceled", func() *store {
		return &store{write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			if rows, err := s.take(ctx, b); err == nil {
				s.add(rows...)
			}
			return nil
		}}
	}, []string{"canceled before a write", "canceled within a write", "a record that the store refuses"}},
	{"loses a batch", func() *store {
		n := 0
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			s.mu.Lock()
			if b.Len() > 0 { // to lose one without records is no loss
				n++
			}
			lose := n == 3 && b.Len() > 0
			s.mu.Unlock()
			if !lose {
				s.add(records(b)...)
			}
			return nil
		}}
	}, []string{"batches of all sizes", "several writers", "runs with one worker and many", "a run that fails"}},
	{"stores a batch twice", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			s.add(records(b)...)
			s.add(records(b)...)
			return nil
		}}
	}, []string{"batches of all sizes", "values", "runs with one worker and many"}},
	{"takes null for empty", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			for _, r := range b.All() {
				s.add(r.Fields())
			}
			return nil
		}}
	}, []string{"no value and empty value"}},
	{"takes empty for null", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			for _, r := range records(b) {
				for i := range r {
					if r[i] == "" {
						r[i] = Null
					}
				}
				s.add(r)
			}
			return nil
		}}
	}, []string{"no value and empty value"}},
	{"trims values", func() *store {
		return changes(strings.TrimSpace)
	}, []string{"values"}},
	{"turns CRLF into LF", func() *store {
		return changes(func(v string) string { return strings.ReplaceAll(v, "\r\n", "\n") })
	}, []string{"values"}},
	{"cuts long values", func() *store {
		return changes(func(v string) string { return v[:min(len(v), 65535)] })
	}, []string{"a long value"}},
	{"takes ten columns", func() *store {
		return &store{open: func(_ *store, h ingest.Header) error {
			if len(h) > 10 {
				return errors.New("too many columns")
			}
			return nil
		}}
	}, []string{"names of columns", "many columns"}},
	{"confuses Id and id", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			for _, r := range records(b) {
				column := map[string]string{}
				for i, c := range s.header {
					column[strings.ToLower(c.Name)] = r[i]
				}
				for i, c := range s.header {
					r[i] = column[strings.ToLower(c.Name)]
				}
				s.add(r)
			}
			return nil
		}}
	}, []string{"names of columns"}},
	{"fails without records", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			s.add(records(b)...)
			_ = b.Record(0)
			return nil
		}}
	}, []string{"a batch without records", "runs with one worker and many"}},
	{"changes the batch", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			for i, r := range b.All() {
				s.add(records(b)[i])
				r.Raw()[0] = 'X'
			}
			return nil
		}}
	}, []string{"a batch is left as it is"}},
	{"stores at the end only", func() *store {
		var held [][]string
		return &store{
			write: func(_ context.Context, s *store, b *ingest.Batch) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				held = append(held, records(b)...)
				return nil
			},
			close: func(s *store, _ error) error {
				s.add(held...)
				held = nil
				return nil
			},
		}
	}, []string{"batches of all sizes"}},
	{"forgets all when closed with a cause", func() *store {
		return &store{close: func(s *store, cause error) error {
			if cause != nil {
				s.rows = nil
			}
			return nil
		}}
	}, []string{"closed with a cause", "a run that fails", "a run that is canceled"}},
	{"keeps all although it should undo", func() *store {
		return &store{undoes: true, write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			s.add(records(b)...)
			return nil
		}}
	}, []string{"closed with a cause"}},
	{"writes when it is opened", func() *store {
		return &store{open: func(s *store, h ingest.Header) error {
			s.add(h.Names())
			return nil
		}}
	}, []string{"nothing written"}},
	{"takes one writer only", func() *store {
		n := 0
		return &store{open: func(*store, ingest.Header) error {
			if n++; n > 1 {
				return errors.New("I have a writer")
			}
			return nil
		}}
	}, []string{"several writers", "closed with a cause"}},
	{"writers share what they should not", func() *store {
		var shared [][]string
		var n atomic.Int32
		another := make(chan struct{})
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			switch n.Add(1) {
			case 1:
				<-another // comes in between
				s.add(shared...)
			case 2:
				shared = records(b)
				s.add(shared...)
				close(another)
			default:
				s.add(records(b)...)
			}
			return nil
		}}
	}, []string{"several writers"}},
	{"hangs whatever its context says", func() *store {
		return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
			rows, err := s.take(context.Background(), b)
			s.add(rows...)
			return err
		}}
	}, []string{"canceled while the store hangs"}},
	{"is broken by a failure", func() *store {
		failed := false
		return &store{write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			if failed {
				return errors.New("I have failed before")
			}
			rows, err := s.take(ctx, b)
			s.add(rows...)
			failed = err != nil
			return err
		}}
	}, []string{"a record that the store refuses", "canceled within a write", "canceled while the store hangs"}},
	{"panics when canceled", func() *store {
		return &store{write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			if ctx.Err() != nil {
				panic("canceled")
			}
			s.add(records(b)...)
			return nil
		}}
	}, []string{"canceled before a write", "canceled within a write"}},
	{"panics at poison", func() *store {
		return &store{write: func(ctx context.Context, s *store, b *ingest.Batch) error {
			if _, err := s.take(ctx, b); err != nil {
				panic(err)
			}
			return nil
		}}
	}, []string{"a record that the store refuses"}},
	{"fails to close", func() *store {
		return &store{close: func(*store, error) error { return errors.New("cannot close") }}
	}, []string{"nothing written", "batches of all sizes", "several writers", "closed with a cause", "runs with one worker and many"}},
	{"hangs when closed", func() *store {
		return &store{close: func(*store, error) error { select {} }}
	}, []string{"nothing written", "a run that is canceled", "a run that fails"}},
	{"cannot be opened", func() *store {
		return &store{open: func(*store, ingest.Header) error { return errors.New("cannot open") }}
	}, allQuestions()},
}

// changes makes a sink that changes values.
func changes(change func(string) string) *store {
	return &store{write: func(_ context.Context, s *store, b *ingest.Batch) error {
		for _, r := range records(b) {
			for i := range r {
				if r[i] != Null {
					r[i] = change(r[i])
				}
			}
			s.add(r)
		}
		return nil
	}}
}

func allQuestions() []string {
	var names []string
	for _, q := range questions {
		names = append(names, q.name)
	}
	return names
}

func TestExamFails(t *testing.T) {
	for _, sink := range failures {
		t.Run(sink.name, func(t *testing.T) {
			t.Parallel()
			failed := map[string]error{}
			for _, q := range questions {
				if slices.Contains(sink.fails, q.name) {
					c := &candidate{Subject: sink.broken().subject(), patience: 300 * time.Millisecond}
					failed[q.name] = q.ask(c)
				}
			}
			for _, name := range sink.fails {
				require.Contains(t, failed, name, "there is no such question")
				assert.Error(t, failed[name], name)
			}
		})
	}
}

// A question that no broken sink fails may as well not be asked.
func TestEveryQuestionFailsASink(t *testing.T) {
	failed := map[string]bool{}
	for _, sink := range failures {
		if len(sink.fails) < len(questions) {
			for _, q := range sink.fails {
				failed[q] = true
			}
		}
	}
	for _, name := range allQuestions() {
		assert.True(t, failed[name], name)
	}
}

func TestExamSaysWhy(t *testing.T) {
	for _, row := range []struct {
		name    string
		subject func(s *Subject)
		ask     func(*candidate) error
		says    string
	}{
		{"no writer", func(s *Subject) { s.Sink = nilSink{} }, askNothing, "neither a Writer nor an error"},
		{"reading back fails", func(s *Subject) {
			s.Stored = func() ([][]string, error) { return nil, errors.New("no connection") }
		}, askNothing, "Subject.Stored fails: no connection"},
		{"poison that is none", func(s *Subject) { s.Poison = []string{"harmless"} }, askPoison, "Subject.Poison as record 1 of 250"},
		{"block that does not", func(s *Subject) {
			s.Block = func() (func(), error) { return func() {}, nil }
		}, askBlocked, "Subject.Block does not make the store hang"},
		{"block that fails", func(s *Subject) {
			s.Block = func() (func(), error) { return nil, errors.New("no second connection") }
		}, askBlocked, "Subject.Block fails: no second connection"},
		{"what is missing", func(s *Subject) {
			s.Stored = func() ([][]string, error) { return [][]string{{"what", Null}}, nil }
		}, func(c *candidate) error { return c.one(c.header(), c.batch([]string{"a", "", Null})) },
			`of 1 records that should be stored 1 are missing (such as "a", "", Null), and 1 are there that should not (such as "what", Null)`},
		{"a long one", func(s *Subject) {
			s.Stored = func() ([][]string, error) { return [][]string{{strings.Repeat("x", 1000)}}, nil }
		}, askNothing, strings.Repeat("x", 199) + "...)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := (&store{}).subject()
			row.subject(&s)
			err := row.ask(&candidate{Subject: s, patience: time.Second})
			require.Error(t, err)
			assert.Contains(t, err.Error(), row.says)
		})
	}
}

type nilSink struct{}

func (nilSink) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return nil, nil }

func TestCountdown(t *testing.T) {
	for n := 1; n < 4; n++ {
		c := newCountdown(n)
		for range n - 1 {
			require.NoError(t, c.Err())
		}
		assert.False(t, c.ended())
		<-c.Done()
		assert.True(t, c.ended(), fmt.Sprint(n))
		assert.Error(t, c.Err())
	}
}
