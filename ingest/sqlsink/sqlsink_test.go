package sqlsink

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
)

func TestExam(t *testing.T) {
	for name, set := range map[string]func(*Sink, *fake){
		"defaults":       func(*Sink, *fake) {},
		"dollars":        func(s *Sink, _ *fake) { s.Placeholder = Dollar },
		"SQL Server":     func(s *Sink, f *fake) { s.Placeholder, s.Quote, s.MaxParams, f.maxParams = At, Bracket, 2100, 2100 },
		"one connection": func(s *Sink, _ *fake) { s.DB.SetMaxOpenConns(1) },
		"few parameters": func(s *Sink, _ *fake) { s.MaxParams = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
				var f fake
				var blocked atomic.Pointer[chan struct{}]
				f.onExec = func(ctx context.Context, args []driver.Value) error {
					if until := blocked.Load(); until != nil {
						select {
						case <-*until:
						case <-ctx.Done():
							return errors.New("interrupted") // as drivers say it
						}
					}
					if slices.Contains(args, driver.Value("poison")) {
						return errors.New("check failed")
					}
					return nil
				}
				s := &Sink{DB: f.db(t), Table: "t", Create: true}
				set(s, &f)
				t.Cleanup(func() {
					f.mu.Lock()
					defer f.mu.Unlock()
					assert.Zero(t, f.open, "prepared statements are left open")
				})
				return ingesttest.Subject{
					Sink: s, Stored: f.stored,
					Poison: []string{"a", "poison", "c"},
					Block: func() (func(), error) {
						until := make(chan struct{})
						blocked.Store(&until)
						return func() { blocked.Store(nil); close(until) }, nil
					},
				}
			})
		})
	}
}

func TestColumns(t *testing.T) {
	for _, row := range []struct{ given, want []string }{
		{[]string{"a", "b"}, []string{"a", "b"}},
		{[]string{"id", "Id", "ID"}, []string{"id", "Id_2", "ID_3"}},
		{[]string{"id", "ID", "id_2"}, []string{"id", "ID_3", "id_2"}},
		{[]string{"id", "ID_2", "Id"}, []string{"id", "ID_2", "Id_3"}},
		{[]string{"É", "é"}, []string{"É", "é_2"}},
	} {
		assert.Equal(t, row.want, new(Sink).Columns(ingest.Columns(row.given...)))
	}
}

func TestStatements(t *testing.T) {
	for _, row := range []struct {
		name           string
		sink           *Sink
		columns        []string
		create, insert string
	}{
		{"defaults", &Sink{Table: "people"}, []string{"id", "a b"},
			`CREATE TABLE IF NOT EXISTS "people" ("id" TEXT, "a b" TEXT)`,
			`INSERT INTO "people" ("id", "a b") VALUES (?, ?), (?, ?)`},
		{"PostgreSQL", &Sink{Schema: "public", Table: "a.b", Placeholder: Dollar, ColumnType: "VARCHAR"}, []string{"id", "Id"},
			`CREATE TABLE IF NOT EXISTS "public"."a.b" ("id" VARCHAR, "Id_2" VARCHAR)`,
			`INSERT INTO "public"."a.b" ("id", "Id_2") VALUES ($1, $2), ($3, $4)`},
		{"SQL Server", &Sink{Schema: "d]bo", Table: "t", Placeholder: At, Quote: Bracket}, []string{"a]b"},
			`CREATE TABLE IF NOT EXISTS [d]]bo].[t] ([a]]b] TEXT)`,
			`INSERT INTO [d]]bo].[t] ([a]]b]) VALUES (@p1), (@p2)`},
		{"MySQL", &Sink{Table: "t`; DROP TABLE x; --", Quote: Backtick}, []string{"a"},
			"CREATE TABLE IF NOT EXISTS `t``; DROP TABLE x; --` (`a` TEXT)",
			"INSERT INTO `t``; DROP TABLE x; --` (`a`) VALUES (?), (?)"},
		{"injection", &Sink{Table: `x" (a) VALUES (1); --`}, []string{`a"b`},
			`CREATE TABLE IF NOT EXISTS "x"" (a) VALUES (1); --" ("a""b" TEXT)`,
			`INSERT INTO "x"" (a) VALUES (1); --" ("a""b") VALUES (?), (?)`},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.sink.DB = new(fake).db(t)
			w, err := row.sink.newWriter(&ingest.Found{Header: ingest.Columns(row.columns...)})
			require.NoError(t, err)
			assert.Equal(t, row.create, w.create())
			assert.Equal(t, row.insert, w.flavor.insert(w.flavor.Quote.path(w.into.Schema, w.into.Table), w.into.Columns, 2))
		})
	}
}

func TestSettings(t *testing.T) {
	db := new(fake).db(t)
	for _, row := range []struct {
		sink    *Sink
		columns []string
		says    string
	}{
		{&Sink{Table: "t"}, []string{"a"}, "DB is nil"},
		{&Sink{DB: db}, []string{"a"}, "Table is empty"},
		{&Sink{DB: db, Table: "t", Placeholder: "!"}, []string{"a"}, `Placeholder is "!"`},
		{&Sink{DB: db, Table: "t", Quote: "!"}, []string{"a"}, `Quote is "!"`},
		{&Sink{DB: db, Table: "t", MaxParams: -1}, []string{"a"}, "MaxParams is -1"},
		{&Sink{DB: db, Table: "t\x00"}, []string{"a"}, "NUL"},
		{&Sink{DB: db, Table: "t", Schema: "\x00"}, []string{"a"}, "NUL"},
		{&Sink{DB: db, Table: "t"}, []string{"a", "b\x00"}, `"b\x00"`},
		{&Sink{DB: db, Table: "t"}, nil, "no columns"},
	} {
		t.Run(row.says, func(t *testing.T) {
			w, err := row.sink.Open(t.Context(), &ingest.Found{Header: ingest.Columns(row.columns...)})
			require.Error(t, err)
			assert.Nil(t, w)
			assert.Contains(t, err.Error(), row.says)
		})
	}
}

// numbers makes a batch of n records of two fields.
func numbers(n int) *ingest.Batch {
	var all [][]string
	for i := range n {
		all = append(all, []string{fmt.Sprint(i), ingesttest.Null})
	}
	return ingesttest.NewBatch([]string{"a", "b"}, all...)
}

func open(t *testing.T, s *Sink) ingest.Writer {
	w, err := s.Open(t.Context(), &ingest.Found{Header: ingest.Columns("a", "b")})
	require.NoError(t, err)
	return w
}

// A batch is cut into few kinds of statements, none beyond the limit; they are prepared once.
func TestStatementSizes(t *testing.T) {
	for _, row := range []struct {
		maxParams, records int
		sizes              []int // rows of each statement
	}{
		{0, 1, []int{1}},
		{0, 499, []int{499}},
		{0, 500, []int{499, 1}},
		{10, 13, []int{5, 5, 2, 1}},
		{10, 4, []int{4}},
		{3, 2, []int{1, 1}},
		{1, 2, []int{1, 1}}, // a row that is wider than the limit goes alone
		{65535, 2500, []int{1000, 1000, 256, 128, 64, 32, 16, 4}},
		{10, 0, nil},
	} {
		t.Run(fmt.Sprint(row.maxParams, row.records), func(t *testing.T) {
			var f fake
			s := &Sink{DB: f.db(t), Table: "t", MaxParams: row.maxParams}
			w := open(t, s)
			for range 3 {
				f.queries = nil
				require.NoError(t, w.Write(t.Context(), numbers(row.records)))
				var sizes []int
				for _, q := range f.queries {
					sizes = append(sizes, strings.Count(q, "(?"))
				}
				assert.Equal(t, row.sizes, sizes)
			}
			slices.Sort(f.prepared)
			assert.Len(t, slices.Compact(slices.Clone(f.prepared)), len(f.prepared), "prepared once")
			assert.Len(t, f.rows, 3*row.records)
			require.NoError(t, w.Close(t.Context(), nil))
			assert.Zero(t, f.open)
		})
	}
}

func TestNoTransactionWithoutRecords(t *testing.T) {
	f := fake{onBegin: func() error { return errors.New("no transaction is needed") }}
	w := open(t, &Sink{DB: f.db(t), Table: "t"})
	assert.NoError(t, w.Write(t.Context(), numbers(0)))
}

var errDown = errors.New("the server is gone")

// Wherever the database fails, the error says where, nothing is stored, and the same batch can be
// written again.
func TestFailures(t *testing.T) {
	for _, row := range []struct {
		name   string
		breaks func(f *fake)
		op     string
		says   string
	}{
		{"prepare", func(f *fake) { f.onPrepare = func(string) error { return errDown } }, "prepare", "an insert of 4 rows"},
		{"begin", func(f *fake) { f.onBegin = func() error { return errDown } }, "begin", "cannot begin a transaction"},
		{"first insert", func(f *fake) { f.onExec = nth(1) }, "insert", "one of the 4 records from line 1 to line 4"},
		{"second insert", func(f *fake) { f.onExec = nth(2) }, "insert", "one of the 2 records from line 5 to line 6"},
		{"last insert", func(f *fake) { f.onExec = nth(3) }, "insert", "the record at line 7 (record 7, byte 18)"},
		{"insert and rollback", func(f *fake) {
			f.onExec = nth(2)
			f.onRollback = func() error { return errDown }
		}, "insert", "the server is gone"},
		{"commit", func(f *fake) { f.onCommit = func() (bool, error) { return false, errDown } }, "commit", "cannot commit the 7 records from line 1 to line 7"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var f fake
			s := &Sink{DB: f.db(t), Table: "t", MaxParams: 8}
			s.DB.SetMaxOpenConns(1)
			w := open(t, s)
			row.breaks(&f)
			b := numbers(7)
			err := w.Write(t.Context(), b)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.ErrorIs(t, err, errDown)
			assert.Equal(t, row.op, e.Op)
			assert.Contains(t, err.Error(), row.says)
			assert.Contains(t, err.Error(), `sqlsink: `+row.op+`: table "t"`)
			assert.Equal(t, row.op == "commit", errors.Is(err, ErrInDoubt))
			assert.Empty(t, f.rows)

			f.onPrepare, f.onBegin, f.onExec, f.onCommit, f.onRollback = nil, nil, nil, nil, nil
			require.NoError(t, w.Write(t.Context(), b), "again")
			assert.Len(t, f.rows, 7)
			require.NoError(t, w.Close(t.Context(), nil))
			assert.Zero(t, f.open)
		})
	}
}

// nth makes an onExec that fails in the n-th call.
func nth(n int) func(context.Context, []driver.Value) error {
	return func(context.Context, []driver.Value) error {
		if n--; n == 0 {
			return errDown
		}
		return nil
	}
}

// A commit whose answer is lost has stored the batch: the error must not say that it has not.
func TestInDoubt(t *testing.T) {
	f := fake{onCommit: func() (bool, error) { return true, errDown }}
	w := open(t, &Sink{DB: f.db(t), Table: "t"})
	err := w.Write(t.Context(), numbers(3))
	assert.ErrorIs(t, err, ErrInDoubt)
	assert.ErrorIs(t, err, errDown)
	assert.NotContains(t, err.Error(), "nothing of the batch is stored")
	assert.Len(t, f.rows, 3)
}

// A connection of which it is not known what is open on it is not used again.
func TestDiscardsConnection(t *testing.T) {
	f := fake{onCommit: func() (bool, error) { return false, errDown }}
	s := &Sink{DB: f.db(t), Table: "t"}
	w := open(t, s)
	require.Equal(t, 1, f.conns)
	require.Error(t, w.Write(t.Context(), numbers(1)))
	assert.Zero(t, f.conns)
}

// Nor is one that is lost. The same batch can be written on another one.
func TestLostConnection(t *testing.T) {
	lost := &net.OpError{Op: "read", Err: errors.New("connection reset")}
	for _, rollback := range []error{nil, lost} {
		f := fake{onExec: func(context.Context, []driver.Value) error { return lost }, onRollback: func() error { return rollback }}
		w := open(t, &Sink{DB: f.db(t), Table: "t"})
		err := w.Write(t.Context(), numbers(1))
		var transient interface{ Transient() bool }
		require.ErrorAs(t, err, &transient)
		assert.True(t, transient.Transient())
		assert.NotErrorIs(t, err, ErrInDoubt)
		assert.Zero(t, f.conns)
		f.onExec, f.onRollback = nil, nil
		require.NoError(t, w.Write(t.Context(), numbers(1)))
		assert.Len(t, f.rows, 1)
	}
}

func TestCanceled(t *testing.T) {
	for name, ends := range map[string]func(f *fake, cancel func()){
		"before the insert": func(f *fake, cancel func()) { f.onBegin = func() error { cancel(); return nil } },
		"in the insert": func(f *fake, cancel func()) {
			f.onExec = func(context.Context, []driver.Value) error { cancel(); return errors.New("interrupted") }
		},
		"before the commit": func(f *fake, cancel func()) {
			f.onExec = func(context.Context, []driver.Value) error { cancel(); return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			var f fake
			w := open(t, &Sink{DB: f.db(t), Table: "t"})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ends(&f, cancel)
			err := w.Write(ctx, numbers(3))
			assert.ErrorIs(t, err, context.Canceled)
			assert.NotErrorIs(t, err, ErrInDoubt)
			assert.Empty(t, f.rows)
		})
	}
	t.Run("no connection is free", func(t *testing.T) {
		var f fake
		db := f.db(t)
		w := open(t, &Sink{DB: db, Table: "t"})
		require.NoError(t, w.Write(t.Context(), numbers(1))) // so that the statement is prepared
		db.SetMaxOpenConns(1)
		c, err := db.Conn(t.Context())
		require.NoError(t, err)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = w.Write(ctx, numbers(1))
		assert.ErrorIs(t, err, context.Canceled)
		assert.Contains(t, err.Error(), "no connection")
	})
}

func TestTooManyFields(t *testing.T) {
	var f fake
	w := open(t, &Sink{DB: f.db(t), Table: "t"})
	err := w.Write(t.Context(), ingesttest.NewBatch([]string{"a", "b"}, []string{"1", "2"}, []string{"1", "2", "3"}))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "line 2 (record 2, byte 4) has 3 fields, the table takes 2: set Policy.Long")
	assert.Empty(t, f.queries)
}

func TestCreate(t *testing.T) {
	refuse := func(what string) func(string) error {
		return func(query string) error {
			if strings.HasPrefix(query, what) {
				return errDown
			}
			return nil
		}
	}
	t.Run("made once by each writer", func(t *testing.T) {
		var f fake
		open(t, &Sink{DB: f.db(t), Table: "t", Create: true})
		assert.Equal(t, []string{`CREATE TABLE IF NOT EXISTS "t" ("a" TEXT, "b" TEXT)`}, f.queries)
	})
	t.Run("another was first", func(t *testing.T) {
		f := fake{onPrepare: refuse("CREATE")}
		open(t, &Sink{DB: f.db(t), Table: "t", Create: true})
	})
	t.Run("cannot be made", func(t *testing.T) {
		f := fake{onPrepare: refuse("")}
		_, err := (&Sink{DB: f.db(t), Table: "t", Create: true}).Open(t.Context(), &ingest.Found{Header: ingest.Columns("a")})
		assert.ErrorIs(t, err, errDown)
		assert.Contains(t, err.Error(), "cannot make the table")
	})
	t.Run("is not there", func(t *testing.T) {
		f := fake{onPrepare: refuse("INSERT")}
		_, err := (&Sink{DB: f.db(t), Table: "t"}).Open(t.Context(), &ingest.Found{Header: ingest.Columns("a")})
		assert.ErrorIs(t, err, errDown)
		assert.Contains(t, err.Error(), "or set Create")
	})
}

// Writers share prepared statements, also when two of them are the first to need one.
func TestPrepareAtTheSameTime(t *testing.T) {
	var f fake
	s := &Sink{DB: f.db(t), Table: "t"}
	writers := []*writer{open(t, s).(*writer), open(t, s).(*writer)}
	var both, done sync.WaitGroup
	both.Add(2)
	f.onPrepare = func(string) error {
		both.Done()
		both.Wait()
		return nil
	}
	for _, w := range writers {
		done.Go(func() {
			_, err := w.prepare(context.Background(), `INSERT INTO "t" ("a", "b") VALUES (?, ?), (?, ?)`)
			assert.NoError(t, err)
		})
	}
	done.Wait()
	assert.Len(t, s.stmts, 2)
	assert.Equal(t, 2, f.open)
	require.NoError(t, writers[0].Close(t.Context(), nil))
	assert.Equal(t, 1, f.open, "the other writer has it")
	require.NoError(t, writers[1].Close(t.Context(), nil))
	assert.Zero(t, f.open)
}

// What a database says has no values of the records in it when it is shown.
func TestRedact(t *testing.T) {
	long := strings.Repeat("long ", 20)
	for _, row := range []struct{ message, value, want string }{
		{"UNIQUE constraint failed: t.a", "ann@example.com", "UNIQUE constraint failed: t.a"},
		{"Duplicate entry 'ann@example.com' for key 'a'", "ann@example.com", "Duplicate entry '…' for key 'a'"},
		{"Duplicate entry 'x-ann' for key", "ann", "Duplicate entry 'x-…' for key"},
		{"Key (a)=(7) exists, 7 times in 77", "7", "Key (a)=(…) exists, … times in 77"},
		{"Incorrect value: '" + long[:64] + "' for a", long, "Incorrect value: '…' for a"},
		{"annotation", "ann", "annotation"},
		{"bad: 日本語", "日本語", "bad: …"},
		{"bad: " + strings.Repeat("é", 12) + "ü", strings.Repeat("é", 30), "bad: …ü"},
		{"table a", "a", "table a"}, // a name
		{"nothing", "", "nothing"},
		{"'a b' and 'a b'", "a b", "'…' and '…'"},
	} {
		assert.Equal(t, row.want, redact(row.message, slices.Values([]string{row.value}), []string{"a", "t"}), row.message)
	}

	f := fake{onExec: func(_ context.Context, args []driver.Value) error {
		return fmt.Errorf("duplicate %q", args[0])
	}}
	w := open(t, &Sink{DB: f.db(t), Table: "t"})
	err := w.Write(t.Context(), ingesttest.NewBatch([]string{"a", "b"}, []string{"secret", "x"}))
	require.Error(t, err)
	assert.Contains(t, err.Error(), `duplicate "…"`)
	assert.NotContains(t, err.Error(), "secret")
	assert.Contains(t, errors.Unwrap(err).Error(), "secret", "Err is the driver's own")
}
