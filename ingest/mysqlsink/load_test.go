package mysqlsink

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// open makes a sink for the table t of a new database.
func open(t testing.TB, ddl ...string) *Sink {
	t.Helper()
	return openIn(t, servertest.SharedMariaDB(t), ddl...)
}

func openIn(t testing.TB, server *servertest.Server, ddl ...string) *Sink {
	t.Helper()
	s, err := Open(server.Database(t).DSN(), "t")
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	exec(t, s, ddl...)
	return s
}

func exec(t testing.TB, s *Sink, statements ...string) {
	t.Helper()
	for _, q := range statements {
		_, err := s.DB.ExecContext(t.Context(), q)
		require.NoError(t, err, q)
	}
}

func read(t testing.TB, s *Sink, query string) [][]string {
	t.Helper()
	rows, err := ingesttest.ReadSQL(t.Context(), s.DB, query)
	require.NoError(t, err)
	return rows
}

func (s *Sink) database() *database { return s.Database.(*database) }

// in does something in a transaction, which it commits unless that fails.
func in(t testing.TB, s *Sink, do func(conn *sql.Conn) error) error {
	t.Helper()
	conn, err := s.DB.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	tx, err := conn.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	err = do(conn)
	// What Load leaves is told also where it fails.
	if e := tx.Commit(); err == nil {
		err = e
	}
	return err
}

// load loads records into the table t.
func load(t testing.TB, s *Sink, header []string, records ...[]string) error {
	t.Helper()
	b := ingesttest.NewBatch(header, records...)
	return in(t, s, func(conn *sql.Conn) error {
		return s.Database.Load(t.Context(), conn, sqlsink.Target{Table: s.Table, Columns: header}, &sqlsink.Part{Batch: b, To: b.Len()})
	})
}

// roads runs a test for both ways to load.
func roads(t *testing.T, test func(t *testing.T, noLocal bool)) {
	t.Run("load data", func(t *testing.T) { test(t, false) })
	t.Run("insert", func(t *testing.T) { test(t, true) })
}

var nasty = []string{
	ingesttest.Null, "", " ", "x", `\`, `\\`, `\N`, `\n`, `\t`, `\0`, `N`, `NULL`, "\t", "\n", "\r", "\r\n", "\x00", "\x1a", "'", "''", `"`, `""`, "`",
	`\'`, `'\`, `x\`, "\\\n", "\\\t", "a\tb\nc\\d", "a\x00b", "ä", "€", "😀", "\u0301", "\ufeff", "\U0010ffff", "\u2028", "中\\文\t字",
	"--", "; DROP TABLE t", "/*", "?", "%", "$1", ":a", "@x", strings.Repeat("x", 70_000), strings.Repeat("\\\n😀", 20_000),
}

// What is loaded is what an INSERT with parameters stores.
func TestLoad_roundTrip(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (id INT PRIMARY KEY, a LONGTEXT CHARACTER SET utf8mb4, b LONGBLOB)", "CREATE TABLE want LIKE t")
		s.database().noLocal.Store(noLocal)
		var records [][]string
		for i, v := range nasty {
			w := nasty[(i*7+3)%len(nasty)]
			records = append(records, []string{fmt.Sprint(i), v, w})
			arg := func(s string) any {
				if s == ingesttest.Null {
					return nil
				}
				return s
			}
			_, err := s.DB.ExecContext(t.Context(), "INSERT INTO want VALUES (?, ?, ?)", i, arg(v), arg(w))
			require.NoError(t, err)
		}
		require.NoError(t, load(t, s, []string{"id", "a", "b"}, records...))
		assert.Equal(t, records, read(t, s, "SELECT * FROM t ORDER BY id"))
		assert.Equal(t, read(t, s, "SELECT * FROM want ORDER BY id"), read(t, s, "SELECT * FROM t ORDER BY id"))
		assert.Equal(t, noLocal, s.database().noLocal.Load())
	})
}

// A table of one column has lines that are empty.
func TestLoad_oneColumn(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (a TEXT)")
		s.database().noLocal.Store(noLocal)
		records := [][]string{{""}, {"x"}, {""}, {ingesttest.Null}, {""}}
		require.NoError(t, load(t, s, []string{"a"}, records...))
		assert.ElementsMatch(t, records, read(t, s, "SELECT * FROM t"))
	})
}

// Columns go in by name; a part has a beginning and an end, and the table says where they are from.
func TestLoad_part(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (`run ``id` TEXT, b TEXT, more TEXT DEFAULT 'm', `a\\b` TEXT, at BIGINT)")
		s.database().noLocal.Store(noLocal)
		b := ingesttest.NewBatch([]string{"a", "b"}, []string{"0", "x"}, []string{"1", "x"}, []string{"2", "x"}, []string{"3", "x"}, []string{"4", "x"})
		into := sqlsink.Target{Schema: read(t, s, "SELECT DATABASE()")[0][0], Table: "t", Columns: []string{`a\b`, "b", "run `id", "at"}}
		require.NoError(t, in(t, s, func(conn *sql.Conn) error {
			return s.Database.Load(t.Context(), conn, into, &sqlsink.Part{Batch: b, From: 1, To: 3, Run: true, Offset: true})
		}))
		run := b.Found().Run
		assert.Equal(t, [][]string{{run, "x", "m", "1", "4"}, {run, "x", "m", "2", "8"}}, read(t, s, "SELECT * FROM t ORDER BY at"))
		require.NoError(t, in(t, s, func(conn *sql.Conn) error {
			return s.Database.Load(t.Context(), conn, into, &sqlsink.Part{Batch: b, From: 2, To: 2, Run: true, Offset: true})
		}), "nothing to load")
	})
}

// What the table cannot take is an error, which says of which row and column. It is an error of LOAD DATA LOCAL in none
// of these.
func TestLoad_refused(t *testing.T) {
	for _, row := range []struct {
		name, table, good, bad string
		code, column           string
	}{
		{"a duplicate", "a INT PRIMARY KEY", "3", "1", "1062", ""},
		{"no number", "a INT", "3", "abc", "1366", "a"},
		{"half a number", "a INT", "3", "12x", "1265", "a"},
		{"an empty text for a number", "a INT", "3", "", "1366", "a"},
		{"out of range", "a TINYINT", "3", "300", "1264", "a"},
		{"out of range, decimal", "a DECIMAL(3,1)", "3", "123.4", "1264", "a"},
		{"negative", "a INT UNSIGNED", "3", "-1", "1264", "a"},
		{"too long", "a VARCHAR(3)", "abc", "abcd", "1406", "a"},
		{"too long for a TEXT", "a TINYTEXT", "abc", strings.Repeat("x", 256), "1406", "a"},
		{"too long for a BLOB", "a TINYBLOB", "abc", strings.Repeat("x", 256), "1406", "a"},
		{"NULL", "a VARCHAR(9) NOT NULL", "", ingesttest.Null, "1048", "a"},
		{"NULL for a number", "a INT NOT NULL", "3", ingesttest.Null, "1048", "a"},
		{"NULL for a time", "a DATETIME NOT NULL", "2020-01-01", ingesttest.Null, "1048", "a"},
		{"no date", "a DATE", "2020-02-29", "2021-02-29", "1292", "a"},
		{"a zero date", "a DATE", "2020-02-29", "0000-00-00", "1292", "a"},
		{"a date of month 0", "a DATE", "2020-02-29", "2020-00-01", "1292", "a"},
		{"no time", "a TIME", "10:00", "10:99", "1292", "a"},
		{"no timestamp", "a TIMESTAMP NULL", "2020-01-01 00:00:00", "1960-01-01 00:00:00", "1292", "a"},
		{"no member", "a ENUM('x','y')", "x", "z", "1265", "a"},
		{"no set", "a SET('x','y')", "x,y", "x,z", "1265", "a"},
		{"too many bits", "a BIT(8)", "x", "xy", "1406", "a"},
		{"no JSON", "a JSON", "{}", "{", "4025", "a"},
		{"no UUID", "a UUID", "123e4567-e89b-12d3-a456-426614174000", "x", "1292", "a"},
		{"no character of latin1", "a VARCHAR(9) CHARACTER SET latin1", "ä", "中", "1366", "a"},
		{"no character of utf8mb3", "a VARCHAR(9) CHARACTER SET utf8mb3", "中", "😀", "1366", "a"},
		{"a check", "a INT CHECK (a < 10)", "9", "10", "4025", "a"},
		{"a check of the table", "a INT, CONSTRAINT small CHECK (a < 10)", "9", "10", "4025", ""},
		{"no parent", "a INT, FOREIGN KEY (a) REFERENCES parent (id)", "1", "2", "1452", "a"},
		{"no partition", "a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (10)", "9", "10", "1526", ""},
		{"no value of a generated column", "a BIGINT, b TINYINT AS (a + 1) STORED", "9", "127", "1264", "b"},
		{"a value that looks like a message", "a TINYINT", "3", "x for column 'id' at row 1", "1366", "a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			roads(t, func(t *testing.T, noLocal bool) {
				s := open(t, "CREATE TABLE parent (id INT PRIMARY KEY)", "INSERT INTO parent VALUES (1)", "CREATE TABLE t (id INT, "+row.table+")")
				s.database().noLocal.Store(noLocal)
				records := [][]string{{"0", row.good}, {"1", row.good}, {"2", row.bad}, {"3", row.good}, {"4", row.bad}}
				if strings.Contains(row.table, "PRIMARY") {
					records[0][1], records[1][1], records[4][1] = "0", "1", "0" // else they are duplicates, too
				}
				err := load(t, s, []string{"id", "a"}, records...)
				require.Error(t, err)
				assert.Equal(t, sqlsink.Problem{Data: true, Row: 2, Column: row.column, Code: row.code}, s.Database.Explain(err), err)
				assert.Empty(t, read(t, s, "SELECT * FROM t"))
				require.NoError(t, load(t, s, []string{"id", "a"}, records[:2]...))
				assert.Len(t, read(t, s, "SELECT * FROM t"), 2)
			})
		})
	}
}

// What a trigger says is said of the row.
func TestLoad_trigger(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (a INT)",
			"CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW BEGIN IF NEW.a = 3 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no threes'; END IF; END")
		s.database().noLocal.Store(noLocal)
		err := load(t, s, []string{"a"}, []string{"1"}, []string{"2"}, []string{"3"})
		p := s.Database.Explain(err)
		p.Row = max(p.Row, 0) // whether the row is known is the server's affair
		assert.Equal(t, sqlsink.Problem{Data: true, Row: p.Row, Code: "1644"}, p)
		assert.Empty(t, read(t, s, "SELECT * FROM t"))
	})
}

// What is wrong with a table is no record's fault.
func TestLoad_wrongTable(t *testing.T) {
	for _, row := range []struct {
		name, ddl, says string
	}{
		{"a generated column", "CREATE TABLE t (b INT, A INT AS (b + 1) STORED)", "generated column 'A'"},
		{"a column that has to be given", "CREATE TABLE t (a INT, b INT NOT NULL)", "Field 'b' doesn't have a default value"},
		{"no column", "CREATE TABLE t (b INT)", "Unknown column 'a'"},
		{"no table", "CREATE TABLE u (a INT)", "doesn't exist"},
		{"no transactions", "CREATE TABLE t (a INT) ENGINE = MyISAM", "the engine MyISAM, which has no transactions"},
	} {
		t.Run(row.name, func(t *testing.T) {
			roads(t, func(t *testing.T, noLocal bool) {
				s := open(t, row.ddl)
				s.database().noLocal.Store(noLocal)
				err := load(t, s, []string{"a"}, []string{"1"}, []string{"2"})
				require.ErrorContains(t, err, row.says)
				assert.False(t, s.Database.Explain(err).Data)
			})
		})
	}
}

// What the server does in its own way it does so on both roads.
func TestLoad_same(t *testing.T) {
	for _, row := range []struct{ column, value, want string }{
		{"a DECIMAL(5,2)", "1.239", "1.24"},
		{"a INT", " 12 ", "12"},
		{"a INT AUTO_INCREMENT PRIMARY KEY", "0", "0"},
		{"a INT AUTO_INCREMENT PRIMARY KEY", ingesttest.Null, "1"},
		{"a DATE", "20200229", "2020-02-29"},
		{"a DATE", "2020-02-29 10:00:00", "2020-02-29"},
		{"a DATETIME", "2020-02-29T10:00:00.4", "2020-02-29 10:00:00"},
		{"a ENUM('x','y')", "2", "y"},
		{"a CHAR(3)", "a  ", "a"},
		{"a VARCHAR(3)", "a    ", "a  "},
		{"a FLOAT", "1e3", "1000"},
		{"a BIT(8)", "1", "1"},
	} {
		t.Run(row.column+" "+row.value, func(t *testing.T) {
			roads(t, func(t *testing.T, noLocal bool) {
				s := open(t, "CREATE TABLE t ("+row.column+")")
				s.database().noLocal.Store(noLocal)
				require.NoError(t, load(t, s, []string{"a"}, []string{row.value}))
				assert.Equal(t, [][]string{{row.want}}, read(t, s, "SELECT * FROM t"))
			})
		})
	}
}

// A session that is lax is made strict, also where what was put aside is moved.
func TestLoad_session(t *testing.T) {
	for _, mode := range []string{"", "ANSI,NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,ORACLE"} {
		t.Run(mode, func(t *testing.T) {
			roads(t, func(t *testing.T, noLocal bool) {
				for _, staged := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole} {
					opened := open(t, "CREATE TABLE t (k INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(3), b TEXT)",
						"CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET new.a = CONCAT(new.a, IF(new.b = 'long', 'xxx', ''))")
					opened.DB.SetMaxOpenConns(1)
					run := func(id, source string) (ingest.Status, error) {
						exec(t, opened, "SET NAMES latin1", "SET SESSION sql_mode = '"+mode+"', sql_notes = 1, max_error_count = 0")
						s := New(opened.DB, "t")
						s.database().noLocal.Store(noLocal)
						s.Mode = staged
						defer s.Close()
						p := ingest.Pipeline{RunID: id, Policy: ingest.Policy{Refused: ingest.Reject}}
						return p.Run(t.Context(), strings.NewReader(source), s)
					}
					status, err := run("good", "k,a,b\n5,abc,x\n0,de,\\'ä😀\n6,abcd,x\n")
					require.NoError(t, err)
					assert.EqualValues(t, 1, status.Rejected)
					want := [][]string{{"0", "de", `\'ä😀`}, {"5", "abc", "x"}}
					assert.Equal(t, want, read(t, opened, "SELECT * FROM t ORDER BY k"))

					status, err = run("cut", "k,a,b\n7,abc,long\n") // by the trigger
					if staged == sqlsink.Append {
						require.NoError(t, err)
						assert.EqualValues(t, 1, status.Rejected)
					} else {
						assert.ErrorContains(t, err, "(1406)")
						found, err := opened.Find(t.Context(), "cut")
						require.NoError(t, err)
						assert.Equal(t, ingest.Failed, found.State, "nobody waits for the lease")
					}
					assert.Equal(t, want, read(t, opened, "SELECT * FROM t ORDER BY k"))
					assert.NoError(t, opened.DB.PingContext(t.Context()), "the database is not the sink's to close")
				}
			})
		})
	}
}

// A server that forbids LOCAL gets INSERT statements, and is not asked again.
func TestLoad_forbidden(t *testing.T) {
	server := servertest.MariaDB(t, "local_infile=0", "max_allowed_packet=1M")
	t.Run("known", func(t *testing.T) {
		s := openIn(t, server, "CREATE TABLE t (a LONGTEXT)")
		require.NoError(t, load(t, s, []string{"a"}, []string{"x"}, []string{"y"}))
		assert.Equal(t, [][]string{{"x"}, {"y"}}, read(t, s, "SELECT * FROM t"))
	})
	t.Run("found out", func(t *testing.T) {
		s := openIn(t, server, "CREATE TABLE t (a LONGTEXT)")
		s.database().last.Store(&table{name: "t", local: true, packet: 1 << 20})
		require.NoError(t, load(t, s, []string{"a"}, []string{"x"}, []string{"y"}))
		assert.Equal(t, [][]string{{"x"}, {"y"}}, read(t, s, "SELECT * FROM t"))
		assert.True(t, s.database().noLocal.Load())
	})
	// A row that no statement can have is refused; others are sent in as many statements as it takes.
	t.Run("packets", func(t *testing.T) {
		s := openIn(t, server, "CREATE TABLE t (id INT, a LONGTEXT)")
		fits := strings.Repeat("x", 1<<20-2-len("INSERT INTO `t` (`id`, `a`) VALUES ('1','')"))
		records := [][]string{{"0", "x"}, {"1", fits}, {"2", strings.Repeat("y", 700_000)}, {"3", strings.Repeat("z", 700_000)}, {"4", "x"}, {"5", fits + "x"}}
		err := load(t, s, []string{"id", "a"}, records...)
		assert.Equal(t, sqlsink.Problem{Data: true, Row: 5, Code: "1153"}, s.Database.Explain(err), err)
		assert.Empty(t, read(t, s, "SELECT * FROM t"))
		require.NoError(t, load(t, s, []string{"id", "a"}, records[:5]...))
		assert.Equal(t, records[:5], read(t, s, "SELECT * FROM t ORDER BY id"))
		records[5] = []string{"x", ""}
		err = load(t, s, []string{"id", "a"}, records...)
		assert.Equal(t, sqlsink.Problem{Data: true, Row: 5, Column: "id", Code: "1366"}, s.Database.Explain(err), err)
	})
}

// What is larger than a statement goes in by LOAD DATA.
func TestLoad_large(t *testing.T) {
	s := open(t, "CREATE TABLE t (a LONGTEXT)")
	large := strings.Repeat("0123456789abcde\n", 18<<20/16)
	require.NoError(t, load(t, s, []string{"a"}, []string{large}))
	assert.Equal(t, fmt.Sprint(len(large)), read(t, s, "SELECT LENGTH(a) FROM t")[0][0])
}

// The lines are the same, however much of them is read at once.
func TestRows_Read(t *testing.T) {
	b := ingesttest.NewBatch([]string{"a", "b"}, []string{"1", "x\ty"}, []string{"2", strings.Repeat(`\`, 5000)}, []string{"3", ingesttest.Null})
	lines := func() *rows {
		return rowsOf(&sqlsink.Part{Batch: b, To: b.Len()})
	}
	want := "1\tx\\ty\n2\t" + strings.Repeat(`\\`, 5000) + "\n3\t\\N\n"
	for name, r := range map[string]io.Reader{"whole": lines(), "bytes": iotest.OneByteReader(lines()), "halves": iotest.HalfReader(lines())} {
		got, err := io.ReadAll(r)
		require.NoError(t, err, name)
		assert.Equal(t, want, string(got), name)
	}
}

// The memory that it takes is that of one buffer.
func TestRows_memory(t *testing.T) {
	b := ingesttest.NewBatch([]string{"a", "b"}, slices.Repeat([][]string{{"x\ty", "some text"}}, 50_000)...)
	buf := make([]byte, 16<<10)
	assert.LessOrEqual(t, testing.AllocsPerRun(3, func() {
		r := rowsOf(&sqlsink.Part{Batch: b, To: b.Len()})
		for {
			if _, err := r.Read(buf); err != nil {
				return
			}
		}
	}), 5.0)
}

func FuzzLoad(f *testing.F) {
	for _, v := range nasty[1:] {
		f.Add(v, "x", false)
		f.Add("x", v, true)
	}
	s := open(f, "CREATE TABLE t (id INT, a LONGTEXT CHARACTER SET utf8mb4, b LONGTEXT CHARACTER SET utf8mb4)")
	f.Fuzz(func(t *testing.T, a, b string, noLocal bool) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		if a == ingesttest.Null || b == ingesttest.Null || len(a)+len(b) > 2000 {
			t.Skip()
		}
		s.database().noLocal.Store(noLocal)
		filler := strings.Repeat("text ", 20*(1+len(a)+len(b))) // no run takes what looks like binary data
		records := [][]string{{"0", filler + "x", ingesttest.Null}, {"1", a, b}, {"2", b, ingesttest.Null}, {"3", ingesttest.Null, a}}
		conn, err := s.DB.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		tx, err := conn.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer tx.Rollback()
		batch := ingesttest.NewBatch([]string{"id", "a", "b"}, records...)
		require.NoError(t, s.Database.Load(t.Context(), conn, sqlsink.Target{Table: "t", Columns: []string{"id", "a", "b"}}, &sqlsink.Part{Batch: batch, To: batch.Len()}))
		var got [][]string
		rows, err := conn.QueryContext(context.Background(), "SELECT id, a, b FROM t ORDER BY id")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var row [3]sql.NullString
			require.NoError(t, rows.Scan(&row[0], &row[1], &row[2]))
			texts := make([]string, 3)
			for i, v := range row {
				texts[i] = v.String
				if !v.Valid {
					texts[i] = ingesttest.Null
				}
			}
			got = append(got, texts)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, records, got)
	})
}
