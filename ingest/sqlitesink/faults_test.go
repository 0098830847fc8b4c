package sqlitesink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// faulty is SQLite with a commit that can fail, as one does whose connection is lost.
type faulty struct {
	driver driver.Driver
	dsn    string

	commit func(commit func() error) error // nil: as it is
}

func (f *faulty) Connect(context.Context) (driver.Conn, error) {
	c, err := f.driver.Open(f.dsn)
	return &faultyConn{c.(conn), f}, err
}

func (f *faulty) Driver() driver.Driver { return f.driver }

// conn is what the driver's connections can do that is used here.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type faultyConn struct {
	conn
	f *faulty
}

func (c *faultyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.conn.BeginTx(ctx, opts)
	return &faultyTx{tx, c.f}, err
}

type faultyTx struct {
	driver.Tx
	f *faulty
}

func (t *faultyTx) Commit() error {
	if t.f.commit == nil {
		return t.Tx.Commit()
	}
	return t.f.commit(t.Tx.Commit)
}

var errLost = errors.New("the connection is lost")

// faultySink is a sink whose commits can fail, and a database to look with.
func faultySink(t *testing.T, table string) (*sqlsink.Sink, *faulty, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	plain, err := Open(path, table)
	if err != nil {
		t.Fatal(err)
	}
	dsn, err := source(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{driver: plain.DB.Driver(), dsn: dsn}
	db := sql.OpenDB(f)
	t.Cleanup(func() { db.Close(); plain.Close() })
	return &sqlsink.Sink{DB: db, Database: database{}, Table: table}, f, plain.DB
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func claimAndOpen(t *testing.T, s *sqlsink.Sink, columns ...string) (*ingest.Claim, ingest.SelectiveWriter) {
	t.Helper()
	found := &ingest.Found{Run: "r", Header: ingest.Columns(columns...)}
	c, err := s.Claim(t.Context(), &ingest.LedgerRun{Run: "r", Found: found}, time.Minute)
	must(t, err)
	w, err := s.Open(t.Context(), found)
	must(t, err)
	return c, w.(ingest.SelectiveWriter)
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

func isTransient(err error) bool {
	var e interface{ Transient() bool }
	return errors.As(err, &e) && e.Transient()
}

// A commit whose answer is lost is in doubt. With a ledger it can be written again, and is there once.
func TestCommitInDoubt(t *testing.T) {
	for name, commit := range map[string]func(func() error) error{
		"stored":     func(commit func() error) error { return errors.Join(errLost, commit()) },
		"not stored": func(func() error) error { return errLost },
	} {
		t.Run(name, func(t *testing.T) {
			s, f, db := faultySink(t, "t")
			_, err := db.ExecContext(t.Context(), "CREATE TABLE t (a, b NOT NULL)")
			must(t, err)
			_, w := claimAndOpen(t, s, "a", "b")
			b := ingesttest.NewWindow("r", []string{"a", "b"}, 10, []string{"1", "x"}, []string{"2", ingesttest.Null}, []string{"3", "y"})
			for _, selective := range []bool{false, true} {
				write := func(b *ingest.Batch) (refused []*ingest.RecordError, err error) {
					if selective {
						return w.WriteGood(t.Context(), b)
					}
					return nil, w.Write(t.Context(), b)
				}
				b, rows := b, 2
				if !selective {
					b, rows = ingesttest.NewWindow("r", []string{"a", "b"}, 100, []string{"4", "z"}), 1
				}
				before := count(t, db, "SELECT count(*) FROM t")
				f.commit = commit
				_, err := write(b)
				f.commit = nil
				if !errors.Is(err, sqlsink.ErrInDoubt) || !errors.Is(err, errLost) || !isTransient(err) {
					t.Fatalf("selective %v: %v", selective, err)
				}
				refused, err := write(b)
				must(t, err)
				if selective && (len(refused) != 1 || refused[0].Offset != b.Record(1).Position().Offset) {
					t.Errorf("%v", refused)
				}
				if got := count(t, db, "SELECT count(*) FROM t") - before; got != rows {
					t.Errorf("selective %v: %d rows, not %d", selective, got, rows)
				}
			}
		})
	}
	t.Run("without a ledger", func(t *testing.T) {
		s, f, _ := faultySink(t, "t")
		s.NoLedger, s.Create = true, true
		w, err := s.Open(t.Context(), &ingest.Found{Header: ingest.Columns("a")})
		must(t, err)
		f.commit = func(func() error) error { return driver.ErrBadConn }
		if err := w.Write(t.Context(), ingesttest.NewBatch([]string{"a"}, []string{"1"})); !errors.Is(err, sqlsink.ErrInDoubt) || isTransient(err) {
			t.Error(err)
		}
	})
}

// A run whose end is in doubt can be ended again: it gets into the table once.
func TestReleaseInDoubt(t *testing.T) {
	for _, stored := range []bool{false, true} {
		s, f, db := faultySink(t, "t")
		s.Create, s.Mode = true, sqlsink.Whole
		c, w := claimAndOpen(t, s, "a")
		must(t, w.Write(t.Context(), ingesttest.NewWindow("r", []string{"a"}, 0, []string{"1"}, []string{"2"})))
		must(t, w.Close(t.Context(), nil))
		f.commit = func(commit func() error) error {
			if stored {
				must(t, commit())
			}
			return driver.ErrBadConn
		}
		if err := s.Release(t.Context(), c, ingest.Done, ""); !isTransient(err) {
			t.Fatalf("stored %v: %v", stored, err)
		}
		f.commit = nil
		must(t, s.Release(t.Context(), c, ingest.Done, ""))
		if got := count(t, db, "SELECT count(*) FROM t"); got != 2 {
			t.Errorf("stored %v: %d rows", stored, got)
		}
	}
}

// odd is SQLite whose Load is the test's.
type odd struct {
	database
	load func(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error
}

func (o *odd) Load(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
	return o.load(ctx, conn, into, p)
}

var (
	errDeadlock = errors.New("a deadlock")
	errRefused  = errors.New("refused")
)

// A rowError says which record it is about.
type rowError struct {
	row int
	err error
}

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

func (o *odd) Explain(err error) sqlsink.Problem {
	p := o.database.Explain(err)
	p.AtOnce = errors.Is(err, errDeadlock)
	p.Data = p.Data || errors.Is(err, errRefused)
	if row := (*rowError)(nil); errors.As(err, &row) {
		p.Row = row.row
	}
	return p
}

// What may succeed at once is tried again at once, a few times.
func TestAtOnce(t *testing.T) {
	for _, row := range []struct {
		fails int
		ok    bool
	}{{3, true}, {1000, false}} {
		s, _, db := faultySink(t, "t")
		s.Create = true
		calls := 0
		s.Database = &odd{load: func(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
			if calls++; calls > row.fails {
				return errors.ErrUnsupported
			}
			return errDeadlock
		}}
		_, w := claimAndOpen(t, s, "a")
		err := w.Write(t.Context(), ingesttest.NewWindow("r", []string{"a"}, 0, []string{"1"}))
		if (err == nil) != row.ok {
			t.Errorf("%d deadlocks: %v", row.fails, err)
		}
		if got := count(t, db, "SELECT (SELECT count(*) FROM t) + 10 * (SELECT count(*) FROM sluice_windows)"); (got == 11) != row.ok || !row.ok && (got != 0 || !isTransient(err) || calls > 20) {
			t.Errorf("%d deadlocks, %d calls: %d, %v", row.fails, calls, got, err)
		}
	}
}

// A database that says which record it refuses is believed as far as it is right.
func TestRefusedRow(t *testing.T) {
	bad := []int{3, 4, 11, 39}
	for name, hint := range map[string]func(from, row int) int{
		"right":  func(_, row int) int { return row },
		"absent": func(int, int) int { return -1 },
		"wrong":  func(_, row int) int { return row / 2 },
		"beyond": func(_, row int) int { return row + 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			s, _, db := faultySink(t, "t")
			_, err := db.ExecContext(t.Context(), "CREATE TABLE t (a, b NOT NULL)")
			must(t, err)
			calls := 0
			s.Database = &odd{load: func(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
				calls++
				for i := p.From; i < p.To; i++ {
					_, err := conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (?, ?)", into.Table, strings.Join(into.Columns, ", ")), p.Values(nil, i)...)
					if err != nil {
						return &rowError{hint(p.From, i-p.From), err}
					}
				}
				return nil
			}}
			_, w := claimAndOpen(t, s, "a", "b")
			records := make([][]string, 40)
			for i := range records {
				records[i] = []string{fmt.Sprint(i), "x"}
				if slices.Contains(bad, i) {
					records[i][1] = ingesttest.Null
				}
			}
			b := ingesttest.NewWindow("r", []string{"a", "b"}, 0, records...)
			refused, err := w.WriteGood(t.Context(), b)
			must(t, err)
			var got []int64
			for _, e := range refused {
				got = append(got, e.Record-1)
			}
			if fmt.Sprint(got) != fmt.Sprint(bad) {
				t.Errorf("%d are refused, not %d", got, bad)
			}
			if n := count(t, db, "SELECT count(*) FROM t"); n != 36 {
				t.Errorf("%d rows", n)
			}
			if name == "right" && calls > 3*len(bad)+2 {
				t.Errorf("%d calls of Load", calls)
			}
		})
	}
}

// However many records are refused, there is one savepoint at a time: in PostgreSQL one within another costs more with each.
func TestOneSavepoint(t *testing.T) {
	s, _, db := faultySink(t, "t")
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (a NOT NULL)")
	must(t, err)
	isolating := false
	s.Database = &odd{load: func(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
		if isolating {
			_, err := conn.ExecContext(ctx, "RELEASE SAVEPOINT sluice")
			must(t, err)
			if _, err := conn.ExecContext(ctx, "RELEASE SAVEPOINT sluice"); err == nil {
				t.Fatal("a savepoint within another")
			}
			_, err = conn.ExecContext(ctx, "SAVEPOINT sluice")
			must(t, err)
		}
		isolating = true
		for i := p.From; i < p.To; i++ {
			if _, err := conn.ExecContext(ctx, "INSERT INTO t (a) VALUES (?)", p.Values(nil, i)...); err != nil {
				return &rowError{i - p.From, err}
			}
		}
		return nil
	}}
	_, w := claimAndOpen(t, s, "a")
	records := [][]string{{"1"}, {ingesttest.Null}, {ingesttest.Null}, {"2"}, {ingesttest.Null}}
	refused, err := w.WriteGood(t.Context(), ingesttest.NewWindow("r", []string{"a"}, 0, records...))
	must(t, err)
	if n := count(t, db, "SELECT count(*) FROM t"); n != 2 || len(refused) != 3 {
		t.Errorf("%d rows, %d refused", n, len(refused))
	}
}

// What is tried for records that are refused stays linear in the records of the batch, also where a database looks at all that it
// is given before it says which it refuses.
func TestRefusedMany(t *testing.T) {
	const n = 4000
	for every, told := range map[int]bool{1: true, 20: true, 500: false} {
		s, _, db := faultySink(t, "t")
		s.Budget = n
		_, err := db.ExecContext(t.Context(), "CREATE TABLE t (a)")
		must(t, err)
		tried := 0
		s.Database = &odd{load: func(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
			tried += p.To - p.From
			for i := p.From; i < p.To; i++ {
				if i%every == every-1 {
					row := -1
					if told {
						row = i - p.From
					}
					return &rowError{row, errRefused}
				}
			}
			return nil
		}}
		_, w := claimAndOpen(t, s, "a")
		records := make([][]string, n)
		for i := range records {
			records[i] = []string{"x"}
		}
		refused, err := w.WriteGood(t.Context(), ingesttest.NewWindow("r", []string{"a"}, 0, records...))
		must(t, err)
		if len(refused) != n/every || tried > 10*n {
			t.Errorf("every %d: %d refused, %d tried", every, len(refused), tried)
		}
	}
}

// meanwhile is SQLite where something happens before an error is looked at.
type meanwhile struct {
	database
	do func()
}

func (m *meanwhile) Explain(err error) sqlsink.Problem {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.database.Explain(err)
}

// Where another makes the ledger while one looks for it, it is looked at again.
func TestLedgerMadeMeanwhile(t *testing.T) {
	s, _, db := faultySink(t, "t")
	s.Database = &meanwhile{do: func() {
		for _, q := range s.LedgerDDL() {
			_, err := db.ExecContext(t.Context(), q)
			must(t, err)
		}
	}}
	if found, err := s.Find(t.Context(), "r"); found != nil || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}
