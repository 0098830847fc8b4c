package sqlitesink

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// connect gives a connection to a new file, and a function that executes statements on it.
func connect(t *testing.T) (*sql.Conn, func(query string, args ...any)) {
	s, err := Open(filepath.Join(t.TempDir(), "x.db"), "t")
	require.NoError(t, err)
	conn, err := s.DB.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		s.Close()
	})
	return conn, func(query string, args ...any) {
		t.Helper()
		_, err := conn.ExecContext(t.Context(), query, args...)
		require.NoError(t, err, query)
	}
}

// rows gives what a query of texts gives.
func rows(t *testing.T, conn *sql.Conn, query string) (all []string) {
	t.Helper()
	r, err := conn.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer r.Close()
	for r.Next() {
		var s string
		require.NoError(t, r.Scan(&s))
		all = append(all, s)
	}
	require.NoError(t, r.Err())
	return all
}

// What is loaded is what an INSERT of the texts stores, in a column of every type.
func TestLoadIsInsert(t *testing.T) {
	values := []string{ingesttest.Null, "", " ", "0", "-0", "-0.0", "0.0", "1", "-1", "+1", "007", "00.50", "1.", ".5", "-.5", "-", ".", "1.5", "-1.5", "12.00",
		"1.5.2", "1e3", "1E3", "0x10", "1_000", "1,5", "1 ", " 1", "abc", "1a", "é", "a\x00b", "Infinity", "NaN",
		"9007199254740993", "999999999999999", "-999999999999999", "1000000000000000", "9223372036854775807", "9223372036854775808",
		"0.1", "0.3", "123456789.123456", "0.00000000000001", "99999999999999.9", "9.99999999999999", "2024-01-02"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		digits := fmt.Sprint(r.Int64N(int64(1) << (1 + r.IntN(52))))
		if at := r.IntN(len(digits) + 1); at > 0 && at < len(digits) {
			digits = digits[:at] + "." + digits[at:]
		}
		if r.IntN(2) == 0 {
			digits = "-" + digits
		}
		values = append(values, digits)
	}
	records := make([][]string, len(values))
	for i, v := range values {
		records[i] = []string{v}
	}
	for _, table := range []string{"v INTEGER", "v REAL", "v NUMERIC", "v DECIMAL(10,2)", "v TEXT", "v", "v BLOB", "v DATE", "v ANY", "v FLOATING POINT", "v STRINT", "v VARCHAR(9)",
		"v ANY STRICT", "v TEXT STRICT"} {
		conn, exec := connect(t)
		columns, strict, _ := strings.Cut(table, " STRICT")
		if strings.HasSuffix(table, "STRICT") {
			strict = "STRICT"
		}
		exec("CREATE TABLE t (" + columns + ") " + strict)
		exec("CREATE TABLE want (" + columns + ") " + strict)
		for _, v := range values {
			if v == ingesttest.Null {
				exec("INSERT INTO want VALUES (NULL)")
			} else {
				exec("INSERT INTO want VALUES (?)", v)
			}
		}
		b := ingesttest.NewBatch([]string{"v"}, records...)
		require.NoError(t, database{}.Load(t.Context(), conn, sqlsink.Target{Table: "t", Columns: []string{"V"}}, &sqlsink.Part{Batch: b, To: b.Len()}))
		const query = " SELECT rowid || ' ' || typeof(v) || ' ' || quote(v) || ' ' || CASE typeof(v) WHEN 'real' THEN format('%!.17g', v) ELSE '' END FROM "
		want, got := rows(t, conn, query+"want"), rows(t, conn, query+"t")
		require.Len(t, got, len(want), table)
		for i := range want {
			require.Equal(t, want[i], got[i], "%s of %q", table, values[i])
		}
	}
}

// What a trigger of a view and a virtual table get is text.
func TestLoadWithoutAffinity(t *testing.T) {
	conn, exec := connect(t)
	exec("CREATE TABLE base (n INTEGER, type)")
	exec("CREATE VIEW t AS SELECT n FROM base")
	exec("CREATE TRIGGER into_base INSTEAD OF INSERT ON t BEGIN INSERT INTO base VALUES (NEW.n, typeof(NEW.n)); END")
	exec("CREATE VIRTUAL TABLE search USING fts5(n)")
	b := ingesttest.NewBatch([]string{"n"}, []string{"12"})
	for _, table := range []string{"t", "search"} {
		require.NoError(t, database{}.Load(t.Context(), conn, sqlsink.Target{Table: table, Columns: []string{"n"}}, &sqlsink.Part{Batch: b, To: 1}))
	}
	assert.Equal(t, []string{"12 text"}, rows(t, conn, "SELECT n || ' ' || type FROM base"))
	assert.Equal(t, []string{"text"}, rows(t, conn, "SELECT typeof(n) FROM search"))
}

// A part is loaded as it says, and nothing of it if a record is refused, which is told where SQLite checks it at once.
func TestLoadPart(t *testing.T) {
	records := make([][]string, 10)
	for i := range records {
		records[i] = []string{fmt.Sprint(i), "x"}
	}
	header := []string{"a", "b"}
	for name, row := range map[string]struct {
		table, trigger string
		row            int
	}{
		"taken":       {"a INTEGER, b TEXT, run TEXT, at INTEGER", "", -2},
		"check":       {"a INTEGER CHECK (a <> 6), b TEXT, run TEXT, at INTEGER", "", 5},
		"key":         {"a INTEGER PRIMARY KEY, b TEXT, run TEXT, at INTEGER", "INSERT INTO t VALUES (7, 'was', '', 0)", 6},
		"trigger":     {"a INTEGER, b TEXT, run TEXT, at INTEGER", "CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.a = 6 BEGIN SELECT RAISE(ABORT, 'no'); END", -1},
		"foreign key": {"a INTEGER REFERENCES known, b TEXT, run TEXT, at INTEGER", "PRAGMA foreign_keys = ON", -1},
	} {
		t.Run(name, func(t *testing.T) {
			conn, exec := connect(t)
			exec("CREATE TABLE known (id INTEGER PRIMARY KEY)")
			exec("CREATE TABLE t (" + row.table + ")")
			exec(row.trigger)
			was := rows(t, conn, "SELECT a || ' ' || b || ' ' || at FROM t")
			p := &sqlsink.Part{Batch: ingesttest.NewWindow("r", header, 0, records...), From: 1, To: 8, Run: true, Offset: true}
			err := database{}.Load(t.Context(), conn, sqlsink.Target{Schema: "main", Table: "t", Columns: []string{"a", "b", "run", "at"}}, p)
			got := rows(t, conn, "SELECT a || ' ' || b || ' ' || at FROM t")
			if row.row == -2 {
				require.NoError(t, err)
				assert.Equal(t, []string{"1 x 4", "2 x 8", "3 x 12", "4 x 16", "5 x 20", "6 x 24", "7 x 28"}, got)
				return
			}
			assert.Equal(t, was, got)
			said := database{}.Explain(err)
			assert.True(t, said.Data)
			assert.Equal(t, row.row, said.Row)
		})
	}
}

func TestLoadTooWide(t *testing.T) {
	conn, _ := connect(t)
	err := database{}.Load(t.Context(), conn, sqlsink.Target{Table: "t", Columns: make([]string, 2000)}, &sqlsink.Part{})
	assert.True(t, errors.Is(err, errors.ErrUnsupported))
}
