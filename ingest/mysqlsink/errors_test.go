package mysqlsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

func TestExplain(t *testing.T) {
	said := func(number uint16, state, message string) error {
		e := &mysql.MySQLError{Number: number, Message: message}
		copy(e.SQLState[:], state)
		return fmt.Errorf("insert: %w", e)
	}
	data := func(code, column string) sqlsink.Problem {
		return sqlsink.Problem{Data: true, Row: -1, Code: code, Column: column}
	}
	lost := sqlsink.Problem{Row: -1, Transient: true, Lost: true}
	for _, row := range []struct {
		name string
		err  error
		want sqlsink.Problem
	}{
		{"nothing", nil, sqlsink.Problem{Row: -1}},
		{"another", errors.New("x"), sqlsink.Problem{Row: -1}},
		{"canceled", fmt.Errorf("x: %w", context.Canceled), sqlsink.Problem{Row: -1}},
		{"out of time", context.DeadlineExceeded, sqlsink.Problem{Row: -1}},
		{"a duplicate", said(1062, "23000", "Duplicate entry '1' for key 'PRIMARY'"), data("1062", "")},
		{"a value of MySQL", said(1366, "HY000", "Incorrect integer value: 'x' for column 'a' at row 1"), data("1366", "a")},
		{"a value of MariaDB", said(1366, "22007", "Incorrect integer value: 'x' for column `d`.`t`.`a b` at row 12"), data("1366", "a b")},
		{"a value that misleads", said(1366, "22007", "Incorrect integer value: 'for column `d`.`t`.`b` at row 1' for column `d`.`t`.`a` at row 12"), data("1366", "a")},
		{"a value that misleads MySQL", said(1366, "HY000", "Incorrect integer value: ' for column 'b' at row 1' for column 'a' at row 1"), data("1366", "a")},
		{"a date", said(1292, "22007", "Incorrect date value: 'x' for column 'a' at row 1"), data("1292", "a")},
		{"a check of MySQL", said(3819, "HY000", "Check constraint 't_chk_1' is violated."), data("3819", "")},
		{"a check of a column", said(4025, "23000", "CONSTRAINT `t.a` failed for `d`.`t`"), data("4025", "a")},
		{"a check of a table", said(4025, "23000", "CONSTRAINT `small` failed for `d`.`t`"), data("4025", "")},
		{"no parent", said(1452, "23000", "Cannot add or update a child row: a foreign key constraint fails (`d`.`t`, CONSTRAINT `x` FOREIGN KEY (`a`) REFERENCES `p` (`id`))"), data("1452", "a")},
		{"no parent, two columns", said(1452, "23000", "Cannot add or update a child row: a foreign key constraint fails (`d`.`t`, CONSTRAINT `x` FOREIGN KEY (`a`, `b`) REFERENCES `p` (`a`, `b`))"), data("1452", "")},
		{"JSON of MySQL", said(3140, "22032", "Invalid JSON text: \"Invalid value.\" at position 0 in value for column 't.a'."), data("3140", "")},
		{"a trigger", said(1644, "45000", "no"), data("1644", "")},
		{"a trigger with a state of its own", said(1644, "MY001", "no"), data("1644", "")},
		{"no number left", said(167, "22003", "Out of range value for column 'k' at row 1"), sqlsink.Problem{Row: -1, Code: "167"}},
		{"a column that has to be given", said(1364, "HY000", "Field 'b' doesn't have a default value"), sqlsink.Problem{Row: -1, Code: "1364"}},
		{"no table", said(1146, "42S02", "Table 'd.t' doesn't exist"), sqlsink.Problem{Row: -1, Code: "1146"}},
		{"a deadlock", said(1213, "40001", "Deadlock found"), sqlsink.Problem{Row: -1, Code: "1213", AtOnce: true}},
		{"a lock", said(1205, "HY000", "Lock wait timeout exceeded"), sqlsink.Problem{Row: -1, Code: "1205", AtOnce: true}},
		{"a snapshot", said(1020, "HY000", "Record has changed since last read"), sqlsink.Problem{Row: -1, Code: "1020", AtOnce: true}},
		{"connections", said(1040, "08004", "Too many connections"), sqlsink.Problem{Row: -1, Code: "1040", Transient: true}},
		{"disk full", said(1021, "HY000", "Disk full"), sqlsink.Problem{Row: -1, Code: "1021", Transient: true}},
		{"table full", said(1114, "HY000", "The table 't' is full"), sqlsink.Problem{Row: -1, Code: "1114", Transient: true}},
		{"disk full, of an engine", said(1030, "HY000", `Got error 28 "No space left on device" from storage engine InnoDB`), sqlsink.Problem{Row: -1, Code: "1030", Transient: true}},
		{"another of an engine", said(1030, "HY000", `Got error 128 "x" from storage engine InnoDB`), sqlsink.Problem{Row: -1, Code: "1030"}},
		{"shutdown", said(1053, "08S01", "Server shutdown in progress"), sqlsink.Problem{Row: -1, Code: "1053", Transient: true, Lost: true}},
		{"killed", said(1927, "70100", "Connection was killed"), sqlsink.Problem{Row: -1, Code: "1927", Transient: true, Lost: true}},
		{"interrupted", said(1317, "70100", "Query execution was interrupted"), sqlsink.Problem{Row: -1, Code: "1317", Transient: true, Lost: true}},
		{"read only", said(1290, "HY000", "The MariaDB server is running with the --read-only option so it cannot execute this statement"), sqlsink.Problem{Row: -1, Code: "1290", Transient: true, Lost: true}},
		{"another option", said(1290, "HY000", "The MariaDB server is running with the --secure-file-priv option so it cannot execute this statement"), sqlsink.Problem{Row: -1, Code: "1290"}},
		{"a bad connection", driver.ErrBadConn, lost},
		{"an invalid connection", fmt.Errorf("x: %w", mysql.ErrInvalidConn), lost},
		{"the network", &net.OpError{Op: "dial", Err: errors.New("refused")}, lost},
		{"a packet", mysql.ErrPktTooLarge, data("1153", "")},
		{"a row", &rowError{7, said(1062, "23000", "Duplicate entry '1' for key 'PRIMARY'")}, sqlsink.Problem{Data: true, Row: 7, Code: "1062"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.want, (*database)(nil).Explain(row.err))
		})
	}
}

// hold loads a record in a transaction that stays open until the end of the test, or until it is ended.
func hold(t *testing.T, s *Sink, record ...string) (conn *sql.Conn, end func()) {
	t.Helper()
	conn, err := s.DB.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	tx, err := conn.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, loadOn(t.Context(), conn, s, record))
	return conn, func() { tx.Rollback() }
}

func loadOn(ctx context.Context, conn *sql.Conn, s *Sink, records ...[]string) error {
	b := ingesttest.NewBatch([]string{"a"}, records...)
	return s.Database.Load(ctx, conn, sqlsink.Target{Table: "t", Columns: []string{"a"}}, &sqlsink.Part{Batch: b, To: b.Len()})
}

func TestExplain_lockTimeout(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (a INT PRIMARY KEY)")
		s.database().noLocal.Store(noLocal)
		hold(t, s, "1")
		conn, err := s.DB.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.ExecContext(t.Context(), "SET SESSION innodb_lock_wait_timeout = 1")
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), "BEGIN")
		require.NoError(t, err)
		err = loadOn(t.Context(), conn, s, []string{"0"}, []string{"1"})
		assert.Equal(t, sqlsink.Problem{Row: -1, Code: "1205", AtOnce: true}, s.Database.Explain(err), err)
		assert.Empty(t, read(t, s, "SELECT * FROM t"))
	})
}

func TestExplain_deadlock(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (a INT PRIMARY KEY)")
		s.database().noLocal.Store(noLocal)
		one, endOne := hold(t, s, "1")
		two, endTwo := hold(t, s, "2")
		first := make(chan error, 1)
		go func() {
			err := loadOn(t.Context(), one, s, []string{"2"})
			endOne()
			first <- err
		}()
		second := loadOn(t.Context(), two, s, []string{"1"})
		endTwo()
		// Either of the two is the victim; the other one's row is free then.
		err := <-first
		if err == nil {
			err = second
		} else {
			assert.NoError(t, second)
		}
		assert.Equal(t, sqlsink.Problem{Row: -1, Code: "1213", AtOnce: true}, s.Database.Explain(err), err)
	})
}

// A connection that is killed is lost, and so is one whose server is gone.
func TestExplain_lost(t *testing.T) {
	server := servertest.MariaDB(t)
	s := openIn(t, server, "CREATE TABLE t (a INT PRIMARY KEY)")
	conn, _ := hold(t, s, "1")
	var id int
	require.NoError(t, conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	exec(t, s, fmt.Sprintf("KILL %d", id))
	err := loadOn(t.Context(), conn, s, []string{"2"})
	p := s.Database.Explain(err)
	assert.True(t, p.Lost && p.Transient, err)

	conn, _ = hold(t, s, "1")
	require.NoError(t, server.Kill())
	err = loadOn(t.Context(), conn, s, []string{"2"})
	p = s.Database.Explain(err)
	assert.True(t, p.Lost && p.Transient, err)
	err = s.DB.PingContext(t.Context())
	p = s.Database.Explain(err)
	assert.True(t, p.Lost && p.Transient, err)
	assert.NotContains(t, err.Error(), server.Password())
}

// A load that waits for a lock ends with its context.
func TestLoad_canceled(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t, "CREATE TABLE t (a INT PRIMARY KEY)")
		s.database().noLocal.Store(noLocal)
		hold(t, s, "1")
		conn, err := s.DB.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		tx, err := conn.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer tx.Rollback()
		start := time.Now()
		err = loadOn(ctx, conn, s, []string{"1"})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, sqlsink.Problem{Row: -1}, s.Database.Explain(err))
		assert.Less(t, time.Since(start), 5*time.Second)
	})
}
