package sqlitesink_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

func open(t *testing.T, path, table string) *sqlitesink.Sink {
	t.Helper()
	s, err := sqlitesink.Open(path, table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, db *sql.DB, query string) [][]string {
	t.Helper()
	rows, err := ingesttest.ReadSQL(t.Context(), db, query)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExam(t *testing.T) {
	ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
		path := filepath.Join(t.TempDir(), "exam.db")
		sink := open(t, path, "exam")
		return ingesttest.Subject{
			Sink: sink,
			Stored: func() ([][]string, error) {
				return ingesttest.ReadSQL(context.Background(), sink.DB, "SELECT * FROM exam")
			},
			Block: func() (func(), error) {
				other := open(t, path, "other")
				tx, err := other.DB.Begin()
				return func() { tx.Rollback() }, err
			},
		}
	})
}

// A table with a check refuses records; the exam asks what becomes of their batches.
func TestExamWithConstraint(t *testing.T) {
	ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
		sink := open(t, filepath.Join(t.TempDir(), "exam.db"), "exam")
		sink.Create = false
		exec(t, sink.DB, "CREATE TABLE exam (id TEXT CHECK (id <> 'poison'), extra TEXT DEFAULT 'x', name TEXT)")
		return ingesttest.Subject{
			Sink: sink,
			Stored: func() ([][]string, error) {
				return ingesttest.ReadSQL(context.Background(), sink.DB, "SELECT name, id FROM exam")
			},
			Columns: []string{"name", "id"},
			Poison:  []string{"x", "poison"},
		}
	})
}

func TestInMemory(t *testing.T) {
	sink := open(t, ":memory:", "t")
	if _, err := ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n3,\n"), sink); err != nil {
		t.Fatal(err)
	}
	const want = `[["1" "2"] ["3" "\x00null"]]`
	if got := fmt.Sprintf("%q", read(t, sink.DB, "SELECT * FROM t")); got != want {
		t.Error(got)
	}
	// It outlives its connection: database/sql gives up one that a call was canceled on.
	c, err := sink.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Raw(func(any) error { return driver.ErrBadConn }); err != driver.ErrBadConn {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%q", read(t, sink.DB, "SELECT * FROM t")); got != want {
		t.Error(got)
	}
	// Each is its own.
	if _, err := open(t, ":memory:", "t").DB.Exec("SELECT * FROM t"); err == nil {
		t.Error("a new one has a table")
	}
}

// Names of files and tables are taken as they are.
func TestNames(t *testing.T) {
	for _, name := range []string{"plain", "with space", "a?b=c", "50%25", "#1", "ä", "file:x", "a;b&c", `quo"te`, "quo'te", "sqlite_like"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name+".db")
			table := "t " + name
			sink := open(t, path, table)
			if _, err := ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n"), sink); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
			if got := read(t, sink.DB, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sluice%'"); len(got) != 1 || got[0][0] != table {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestPragmas(t *testing.T) {
	sink := open(t, filepath.Join(t.TempDir(), "x.db"), "t")
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "1", "busy_timeout": "20"} {
		if got := read(t, sink.DB, "PRAGMA "+pragma)[0][0]; got != want {
			t.Errorf("%s is %s, not %s", pragma, got, want)
		}
	}
}

// Several sinks write into one file at the same time, each with several workers.
func TestManySinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var all sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		sink := open(t, path, "t")
		all.Go(func() {
			p := ingest.Pipeline{Workers: 3, BatchBytes: 1000}
			_, errs[i] = p.Run(t.Context(), strings.NewReader("a,b\n"+strings.Repeat("1,2\n", 5000)), sink)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := read(t, open(t, path, "t").DB, "SELECT count(*) FROM t")[0][0]; got != "15000" {
		t.Error(got)
	}
}

// When the disk is full, what is stored is what the run's status says.
func TestDiskFull(t *testing.T) {
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			sink := open(t, filepath.Join(t.TempDir(), "x.db"), "t")
			exec(t, sink.DB, "PRAGMA max_page_count = 40") // of 4 KiB
			p := ingest.Pipeline{Workers: workers, BatchBytes: 5000, Retry: ingest.Retry{Attempts: 1}}
			text := "id,name\n" + strings.Repeat("1,secret value\n", 50_000)
			st, err := p.Run(t.Context(), strings.NewReader(text), sink)
			if err == nil || !errors.Is(err, ingest.ErrSink) {
				t.Fatalf("no error: %v", err)
			}
			says(t, err, "no room is left, and what was being written is rolled back: make room on the disk: database or disk is full", "x.db", "record")
			if strings.Contains(err.Error(), "mend the file") || errors.Is(err, sqlsink.ErrInDoubt) {
				t.Errorf("a second cause or advice: %v", err)
			}
			if st.State != ingest.Failed || st.Delivered == 0 {
				t.Errorf("%s, %d delivered", st.State, st.Delivered)
			}
			if got := read(t, sink.DB, "SELECT count(*) FROM t")[0][0]; got != fmt.Sprint(st.Delivered) {
				t.Errorf("%s are stored, %d delivered", got, st.Delivered)
			}
		})
	}
}

// says checks an error's text.
func says(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error gives a value away: %v", err)
	}
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	csv := filepath.Join(dir, "people.csv")
	text := strings.Repeat("name,city\nAnn,Rome\n", 100)
	if err := os.WriteFile(csv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path string
		says       []string
	}{
		{"no database", csv, []string{"no SQLite database", "people.csv"}},
		{"a folder", dir, []string{"cannot be opened"}},
		{"no folder", filepath.Join(dir, "nowhere", "x.db"), []string{"cannot be opened", "nowhere"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := sqlitesink.Open(row.path, "t")
			says(t, err, row.says...)
		})
	}
	if now, err := os.ReadFile(csv); err != nil || string(now) != text {
		t.Error("the file that is no database was changed")
	}
}

func TestReadOnly(t *testing.T) {
	sink := open(t, filepath.Join(t.TempDir(), "x.db"), "t")
	exec(t, sink.DB, "CREATE TABLE t (a, b)")
	exec(t, sink.DB, "PRAGMA query_only = on")
	_, err := ingest.Run(t.Context(), strings.NewReader("a,b\nsecret,2\n"), sink)
	says(t, err, "cannot be written", "x.db")
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	sink := open(t, path, "t")
	sink.Wait = 30 * time.Millisecond
	exec(t, sink.DB, "CREATE TABLE t (a, b)")
	tx, err := open(t, path, "t").DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	p := ingest.Pipeline{Retry: ingest.Retry{Attempts: 1}}
	_, err = p.Run(t.Context(), strings.NewReader("a,b\nsecret,2\n"), sink)
	says(t, err, "another program has locked the file", "raise Wait")
	tx.Rollback()
	if _, err = ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n"), sink); err != nil {
		t.Error(err)
	}
}

func TestWrongTable(t *testing.T) {
	for _, row := range []struct {
		name, table string
		create      bool
		says        []string
	}{
		{"no table", "nowhere", false, []string{"no such table: nowhere", "set Create"}},
		{"no column", "people", true, []string{"no column named city"}},
		{"no name", "", true, []string{"name the table"}},
		{"a view", "view", true, []string{"cannot modify view"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			sink := open(t, filepath.Join(t.TempDir(), "x.db"), row.table)
			sink.Create = row.create
			exec(t, sink.DB, "CREATE TABLE people (name)")
			exec(t, sink.DB, "CREATE VIEW view AS SELECT 1 AS name, 2 AS city")
			_, err := ingest.Run(t.Context(), strings.NewReader("name,city\nsecret,2\n"), sink)
			says(t, err, row.says...)
			if n := len(read(t, sink.DB, "SELECT * FROM people")); n != 0 {
				t.Errorf("%d rows were written", n)
			}
		})
	}
}

// The error names the constraint and the place, and not the value.
func TestConstraint(t *testing.T) {
	sink := open(t, filepath.Join(t.TempDir(), "x.db"), "people")
	exec(t, sink.DB, "CREATE TABLE people (name UNIQUE, city)")
	_, err := ingest.Run(t.Context(), strings.NewReader("name,city\nsecret,1\nx,2\nsecret,3\n"), sink)
	says(t, err, "UNIQUE constraint failed: people.name", "the record at line 4", "nothing of the batch is stored")
	var e *sqlsink.Error
	if !errors.As(err, &e) || e.Op != "insert" {
		t.Errorf("%#v", err)
	}
}

// A table may end the whole transaction. Then nothing of the batch is stored, and the error says why.
func TestRollback(t *testing.T) {
	sink := open(t, filepath.Join(t.TempDir(), "x.db"), "people")
	exec(t, sink.DB, "CREATE TABLE people (name UNIQUE ON CONFLICT ROLLBACK, city)")
	p := ingest.Pipeline{Policy: ingest.Policy{Refused: ingest.Reject}}
	_, err := p.Run(t.Context(), strings.NewReader("name,city\nsecret,1\nx,2\nsecret,3\n"), sink)
	says(t, err, "UNIQUE constraint failed: people.name", "nothing of the batch is stored")
	if n := read(t, sink.DB, "SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM sluice_windows)")[0][0]; n != "0" {
		t.Errorf("%s rows and windows", n)
	}
}

func Example() {
	sink, err := sqlitesink.Open(":memory:", "contacts") // or the path of a file
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	const text = "name;city\nAnn;Rome\nBob;\n"
	status, err := ingest.Run(context.Background(), strings.NewReader(text), sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	var without int
	err = sink.DB.QueryRow("SELECT count(*) FROM contacts WHERE city IS NULL").Scan(&without)
	fmt.Println(status.Delivered, "contacts,", without, "without a city", err)
	// Output: 2 contacts, 1 without a city <nil>
}
