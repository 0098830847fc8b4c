package pgsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// Whatever refuses a record, in whatever lane, the record is told.
func TestRefused(t *testing.T) {
	_, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	exec(t, conn, "CREATE TABLE parent (id int4 PRIMARY KEY)", "INSERT INTO parent VALUES (1)",
		"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.v = 'bad' THEN RAISE 'no'; END IF; RETURN new; END $$",
		`CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.v = 'bad' THEN EXECUTE E'SELECT ($1 || \'\nCOPY t, line 1\')::int4' USING new.v; END IF; RETURN new; END $$`,
		"CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.v = 'bad' THEN RAISE 'no' USING ERRCODE = 'MY001'; END IF; RETURN new; END $$",
		"CREATE FUNCTION strict() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN SELECT 'a' INTO STRICT x WHERE new.v <> 'bad'; RETURN new; END $$",
		"CREATE DOMAIN small AS text CHECK (length(value) < 5)")
	for _, row := range []struct {
		name, table string // its columns, k int4 and v
		bad         string
		code        string
		column      string
		unknown     bool // which record it is
	}{
		{"unique", "k int4, v text UNIQUE", "good 1", "23505", "", false},
		{"primary key", "k int4, v varchar PRIMARY KEY", "good 0", "23505", "", false},
		{"primary key null", "k int4, v varchar PRIMARY KEY", ingesttest.Null, "23502", "v", false},
		{"exclusion", "k int4, v text, EXCLUDE (v WITH =)", "good 3", "23P01", "", false},
		{"check", "k int4, v text CHECK (v <> 'bad')", "bad", "23514", "", false},
		{"domain", "k int4, v small", "too long", "23514", "v", false},
		{"not null", "k int4, v text NOT NULL", ingesttest.Null, "23502", "v", false},
		{"length", "k int4, v varchar(9)", "longer than that", "22001", "v", false},
		{"number", "k int4, v int8", "x", "22P02", "v", false},
		{"range", "k int4, v int2", "40000", "22003", "v", false},
		{"date", "k int4, v date", "2024-02-30", "22008", "v", false},
		{"json", "k int4, v json", "{", "22P02", "v", false},
		{"row for a page", "k int4, v text", strings.Repeat("x", 9000), "54000", "", true},
		{"value for an index", "k int4, v text PRIMARY KEY", strings.Repeat("x", 3000), "54000", "", true},
		{"partition", "k int4, v text) PARTITION BY LIST (v", "bad", "23514", "", false},
		{"trigger", "k int4, v text TRIGGER no", "bad", "P0001", "", false},
		{"trigger with lines of its own", "k int4, v text TRIGGER nested", "bad", "22P02", "", true},
		{"trigger with a code of its own", "k int4, v text TRIGGER own", "bad", "MY001", "", false},
		{"trigger that finds nothing", "k int4, v text TRIGGER strict", "bad", "P0002", "", false},
		{"syntax of a type", "k int4, v tsquery", "a &", "42601", "v", false},
		{"unknown name", "k int4, v regtype", "nosuch", "42704", "v", false},
		{"nested too deep", "k int4, v json", strings.Repeat("[", 100_000), "54001", "v", false},
		{"foreign key", "k int4 REFERENCES parent, v text", "bad", "23503", "", true},
		{"deferred unique", "k int4, v text UNIQUE DEFERRABLE INITIALLY IMMEDIATE", "good 1", "23505", "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			table, trigger, _ := strings.Cut(row.table, " TRIGGER ")
			exec(t, conn, "DROP TABLE IF EXISTS t", "CREATE TABLE t ("+table+")")
			if trigger != "" {
				exec(t, conn, "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION "+trigger+"()")
			}
			if row.code == "54000" {
				exec(t, conn, "ALTER TABLE t ALTER v SET STORAGE PLAIN")
			}
			if row.name == "partition" {
				exec(t, conn, "CREATE TABLE t1 PARTITION OF t FOR VALUES IN ('good 0', 'good 1', 'good 2', 'good 3', 'good 4', 'good 5')")
			}
			const n = 2500
			bad := n - 100
			records := make([][]string, n)
			for i := range records {
				records[i] = []string{"1", "good " + strconv.Itoa(i)}
				switch {
				case strings.Contains(table, "regtype"):
					records[i][1] = "int4"
				case strings.Contains(table, "json"), strings.Contains(table, "tsquery"), strings.Contains(table, "int8"), strings.Contains(table, "int2"):
					records[i][1] = strconv.Itoa(i)
				case strings.Contains(table, "date"):
					records[i][1] = "2024-01-02"
				case strings.Contains(table, "small"):
					records[i][1] = "ok"
				case row.name == "partition":
					records[i][1] = "good " + strconv.Itoa(i%6)
				}
			}
			records[bad] = []string{"1", row.bad}
			if row.name == "foreign key" {
				records[bad][0] = "7"
			}
			p := &sqlsink.Part{Batch: ingesttest.NewBatch([]string{"k", "v"}, records...), From: 0, To: n}
			for name, l := range lanes {
				err := by(t, conn, l, sqlsink.Target{Table: "t", Columns: []string{"k", "v"}}, p)
				require.Error(t, err, name)
				want := sqlsink.Problem{Data: true, Code: row.code, Column: row.column, Row: bad}
				if row.unknown {
					want.Row = -1
				}
				assert.Equal(t, want, database{}.Explain(fmt.Errorf("wrapped: %w", err)), "%s: %v", name, err)
			}
		})
	}
}

// A character that is refused is found wherever it stands in what PostgreSQL reads at a time.
func TestRefusedAtEachPlace(t *testing.T) {
	_, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	exec(t, conn, "CREATE TABLE t (v text)")
	records := make([][]string, 3000)
	for i := range records {
		records[i] = []string{strings.Repeat("\\", i%97) + strconv.Itoa(i)}
	}
	for bad := range 60 {
		bad *= 49
		good := records[bad][0]
		records[bad][0] = good[:bad%(len(good)+1)] + "\x00" + good[bad%(len(good)+1):]
		p := &sqlsink.Part{Batch: ingesttest.NewBatch([]string{"v"}, records...), To: len(records)}
		for name, l := range lanes {
			err := by(t, conn, l, sqlsink.Target{Table: "t", Columns: []string{"v"}}, p)
			require.Error(t, err)
			assert.Equal(t, bad, database{}.Explain(err).Row, name)
		}
		records[bad][0] = good
	}
}

func TestCopied(t *testing.T) {
	into := sqlsink.Target{Table: "t, line 3", Columns: []string{"a", "a: b", "ü 1", "x"}}
	for _, row := range []struct {
		where  string
		line   int
		column string
	}{
		{"", 0, ""},
		{"COPY t, line 3, line 17", 17, ""},
		{`COPY t, line 3, line 17: "1,2"`, 17, ""},
		{`COPY t, line 3, line 17, column a: "x"`, 17, "a"},
		{`COPY t, line 3, line 17, column a: b: "x"`, 17, "a: b"},
		{`COPY t, line 3, line 17, column ü 1: null input`, 17, "ü 1"},
		{`COPY t, line 3, line 17, column x`, 17, "x"},
		{`COPY t, line 3, line 17, column y: "x"`, 17, ""},
		{`COPY t, line 3, Zeile 17, Spalte a: »x«`, 17, "a"},
		{"PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 3, line 17: \"x\ny\"", 17, ""},
		{"COPY t, line 3, line 17: \"x\nCOPY t, line 3, line 5\"", 0, ""},
		{"COPY u, line 17", 0, ""},
		{"COPY t, line 3, ", 0, ""},
		{"COPY t, line 3, line 99999999999999999999", 0, ""},
		{`SQL statement "COPY t, line 3, line 17"`, 0, ""},
	} {
		line, column := copied(row.where, into)
		assert.Equal(t, row.line, line, row.where)
		assert.Equal(t, row.column, column, row.where)
	}
}

func TestExplain(t *testing.T) {
	state := func(code string) error { return &pgconn.PgError{Code: code} }
	fatal := func(code string) error { return &pgconn.PgError{Code: code, SeverityUnlocalized: "FATAL"} }
	transient := sqlsink.Problem{Row: -1, Transient: true, Lost: true}
	for _, row := range []struct {
		err  error
		want sqlsink.Problem
	}{
		{nil, sqlsink.Problem{Row: -1}},
		{errors.New("x"), sqlsink.Problem{Row: -1}},
		{context.Canceled, sqlsink.Problem{Row: -1}},
		{context.DeadlineExceeded, sqlsink.Problem{Row: -1}},
		{errors.Join(context.Canceled, io.EOF), sqlsink.Problem{Row: -1}},
		{sql.ErrTxDone, sqlsink.Problem{Row: -1}},
		{io.EOF, transient},
		{io.ErrUnexpectedEOF, transient},
		{net.ErrClosed, transient},
		{driver.ErrBadConn, transient},
		{sql.ErrConnDone, transient},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, transient},
		{&net.DNSError{Name: "x"}, transient},
		{state("22P02"), sqlsink.Problem{Row: -1, Code: "22P02", Data: true}},
		{state("21000"), sqlsink.Problem{Row: -1, Code: "21000", Data: true}},
		{state("42804"), sqlsink.Problem{Row: -1, Code: "42804", Data: true}},
		{state("44000"), sqlsink.Problem{Row: -1, Code: "44000", Data: true}},
		{&pgconn.PgError{Code: "23502", ColumnName: "a"}, sqlsink.Problem{Row: -1, Code: "23502", Column: "a", Data: true}},
		{state("2200H"), sqlsink.Problem{Row: -1, Code: "2200H"}},
		{state("42501"), sqlsink.Problem{Row: -1, Code: "42501"}},
		{&pgconn.PgError{Code: "42501", Routine: "ExecWithCheckOptions"}, sqlsink.Problem{Row: -1, Code: "42501", Data: true}},
		{&pgconn.PgError{Code: "MY001", Routine: "exec_stmt_raise"}, sqlsink.Problem{Row: -1, Code: "MY001", Data: true}},
		{&pgconn.PgError{Code: "40001", Routine: "exec_stmt_raise"}, sqlsink.Problem{Row: -1, Code: "40001", AtOnce: true}},
		{fatal("22023"), sqlsink.Problem{Row: -1, Code: "22023", Lost: true}},
		{state("40001"), sqlsink.Problem{Row: -1, Code: "40001", AtOnce: true}},
		{state("40P01"), sqlsink.Problem{Row: -1, Code: "40P01", AtOnce: true}},
		{state("55P03"), sqlsink.Problem{Row: -1, Code: "55P03", AtOnce: true}},
		{state("53100"), sqlsink.Problem{Row: -1, Code: "53100", Transient: true}},
		{state("08006"), sqlsink.Problem{Row: -1, Code: "08006", Transient: true, Lost: true}},
		{fatal("53300"), sqlsink.Problem{Row: -1, Code: "53300", Transient: true, Lost: true}},
		{fatal("57P01"), sqlsink.Problem{Row: -1, Code: "57P01", Transient: true, Lost: true}},
		{fatal("57P03"), sqlsink.Problem{Row: -1, Code: "57P03", Transient: true, Lost: true}},
		{fatal("28P01"), sqlsink.Problem{Row: -1, Code: "28P01", Lost: true}},
		{state("57014"), sqlsink.Problem{Row: -1, Code: "57014"}},
		{state("42P01"), sqlsink.Problem{Row: -1, Code: "42P01"}},
		{state(""), sqlsink.Problem{Row: -1}},
	} {
		err := row.err
		if err != nil {
			err = fmt.Errorf("wrapped: %w", err)
		}
		assert.Equal(t, row.want, database{}.Explain(err), "%v", row.err)
	}
}

// What happens to connections, and what is then said.
func TestExplainLost(t *testing.T) {
	server := servertest.Postgres(t, "max_connections=8", "superuser_reserved_connections=1")
	d := server.Database(t)
	batch := ingesttest.NewBatch([]string{"v"}, []string{strings.Repeat("x", 10<<20)})
	part := &sqlsink.Part{Batch: batch, To: 1}
	into := sqlsink.Target{Table: "t", Columns: []string{"v"}}
	d.Query(t, "CREATE TABLE t (v text);")
	load := func(conn *sql.Conn) error { return database{}.Load(t.Context(), conn, into, part) }

	t.Run("reset", func(t *testing.T) {
		proxy := servertest.NewProxy(t, server.Addr())
		_, conn := open(t, d.Via(proxy).URL())
		require.NoError(t, conn.PingContext(t.Context()))
		proxy.ResetAfter(1 << 20)
		p := database{}.Explain(load(conn))
		assert.Equal(t, sqlsink.Problem{Row: -1, Transient: true, Lost: true}, p)
		p = database{}.Explain(load(conn))
		assert.Equal(t, sqlsink.Problem{Row: -1, Transient: true, Lost: true}, p, "on the connection that is lost")
	})
	t.Run("canceled", func(t *testing.T) {
		proxy := servertest.NewProxy(t, server.Addr())
		_, conn := open(t, d.Via(proxy).URL())
		require.NoError(t, conn.PingContext(t.Context()))
		proxy.Stall()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := database{}.Load(ctx, conn, into, part)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, sqlsink.Problem{Row: -1}, database{}.Explain(err))
		proxy.Pass()
	})
	t.Run("terminated", func(t *testing.T) {
		_, conn := open(t, d.URL())
		require.NoError(t, conn.PingContext(t.Context()))
		d.Query(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'psql' AND backend_type = 'client backend';")
		assert.True(t, database{}.Explain(load(conn)).Lost)
	})
	t.Run("too many connections", func(t *testing.T) {
		var err error
		for range 9 {
			sink, wrong := Open(d.URL(), "t")
			require.NoError(t, wrong)
			defer sink.Close()
			conn, e := sink.DB.Conn(t.Context())
			if e != nil {
				err = e
				break
			}
			defer conn.Close()
		}
		assert.Equal(t, sqlsink.Problem{Row: -1, Code: "53300", Transient: true, Lost: true}, database{}.Explain(err))
	})
	t.Run("no server", func(t *testing.T) {
		server.Kill()
		sink, err := Open(d.URL(), "t")
		require.NoError(t, err)
		defer sink.Close()
		_, err = sink.DB.Conn(t.Context())
		assert.Equal(t, sqlsink.Problem{Row: -1, Transient: true, Lost: true}, database{}.Explain(err))
	})
}

// Locks that others hold are no fault of the records.
func TestExplainLocks(t *testing.T) {
	url := servertest.SharedPostgres(t).Database(t).URL()
	_, one := open(t, url)
	_, two := open(t, url)
	exec(t, one, "CREATE TABLE t (n int4 PRIMARY KEY)", "SET lock_timeout = '20ms'")
	into := sqlsink.Target{Table: "t", Columns: []string{"n"}}
	load := func(conn *sql.Conn, n string) error {
		return database{}.Load(t.Context(), conn, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, []string{n}), To: 1})
	}
	t.Run("timeout", func(t *testing.T) {
		exec(t, two, "BEGIN", "LOCK TABLE t")
		assert.Equal(t, sqlsink.Problem{Row: -1, Code: "55P03", AtOnce: true}, database{}.Explain(load(one, "1")))
		exec(t, two, "ROLLBACK")
	})
	t.Run("deadlock", func(t *testing.T) {
		exec(t, one, "SET lock_timeout = 0", "SET deadlock_timeout = '20ms'", "BEGIN")
		exec(t, two, "SET deadlock_timeout = '20ms'", "BEGIN")
		require.NoError(t, load(one, "1"))
		require.NoError(t, load(two, "2"))
		other := make(chan error)
		go func() { other <- load(two, "1") }()
		// Whoever waits longer than deadlock_timeout is the one that is ended.
		err := errors.Join(load(one, "2"), func() error { exec(t, one, "ROLLBACK"); return <-other }())
		p := database{}.Explain(err)
		assert.Equal(t, "40P01", p.Code)
		assert.True(t, p.AtOnce)
		assert.False(t, p.Data)
		exec(t, two, "ROLLBACK")
	})
}
