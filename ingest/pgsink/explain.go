package pgsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// located is an error of COPY, with the record that it is about.
type located struct {
	error
	row    int // of the part, -1: not known
	column string
}

func (e *located) Unwrap() error { return e.error }

// locate says which record an error of COPY is about, if PostgreSQL says which line. The first line is the first record
// of the part from one of the batch on.
func locate(err error, into sqlsink.Target, p *sqlsink.Part, from int) error {
	var pg *pgconn.PgError
	// Rows are written to pages many at a time: of one that is too large for a page the last line read is told.
	if !errors.As(err, &pg) || pg.Code == "54000" {
		return err
	}
	line, column := copied(pg.Where, into)
	if line == 0 {
		return err
	}
	row := from - p.From + line - 1
	if row >= p.To-p.From {
		row = -1
	}
	return &located{err, row, column}
}

// copied finds the line and the column in what PostgreSQL says of where an error was: a line of text such as
//
//	COPY t, line 17, column n: "x"
//
// among others, of triggers. It is translated as a rule, but for the first word and the order. The line is 0 where it is
// not told, or told twice: by the data.
func copied(where string, into sqlsink.Target) (line int, column string) {
	begin := "COPY " + into.Table + ", "
	if strings.HasPrefix(where, begin) {
		where = where[len(begin):]
	} else if _, behind, ok := strings.Cut(where, "\n"+begin); ok {
		where = behind
	} else {
		return 0, ""
	}
	if strings.Contains(where, "\n"+begin) {
		return 0, ""
	}
	digits := strings.IndexAny(where, "0123456789")
	if digits < 0 {
		return 0, ""
	}
	rest := strings.TrimLeft(where[digits:], "0123456789")
	line, err := strconv.Atoi(where[digits : len(where)-len(rest)])
	if err != nil {
		return 0, ""
	}
	// ", column n: ..."
	if rest, ok := strings.CutPrefix(rest, ", "); ok {
		if _, rest, ok := strings.Cut(rest, " "); ok {
			for _, c := range into.Columns {
				if len(c) > len(column) && (rest == c || strings.HasPrefix(rest, c+":")) {
					column = c
				}
			}
		}
	}
	return line, column
}

// Explain says what an error means, by its SQLSTATE (PostgreSQL's manual, Appendix A), or where the connection is lost.
func (database) Explain(err error) sqlsink.Problem {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		lost := lost(err)
		return sqlsink.Problem{Row: -1, Transient: lost, Lost: lost}
	}
	p := sqlsink.Problem{Row: -1, Code: pg.Code, Column: pg.ColumnName}
	var at *located
	if errors.As(err, &at) {
		p.Row = at.row
		if p.Column == "" {
			p.Column = at.column
		}
	}
	switch class := pg.Code[:min(2, len(pg.Code))]; class {
	case "08": // connection exception
		p.Transient, p.Lost = true, true
	case "21", "22", "23", "44": // cardinality, data, constraint, check option
		p.Data = true
	}
	if at != nil && at.column != "" && slices.Contains([]string{"42", "54"}, pg.Code[:min(2, len(pg.Code))]) {
		p.Data = true // a value: what its type takes for a syntax error, or an unknown name, or nested too deep
	}
	switch pg.Code {
	case "P0002", "P0003", "P0004": // a trigger that looks for a row and finds none or several; its ASSERT
		p.Data = true
	case "2200H": // sequence_generator_limit_exceeded: whatever the record
		p.Data = false
	case "42804", // datatype_mismatch
		"54000", // program_limit_exceeded: a value too long for an index, a row for a page
		"P0001": // raise_exception: by a trigger
		p.Data = true
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		p.AtOnce = true
	case "53100", "53200", "53300", // disk_full, out_of_memory, too_many_connections
		"57P01", "57P02", "57P03", // admin_shutdown, crash_shutdown, cannot_connect_now
		"57P05", "25P03": // idle_session_timeout, idle_in_transaction_session_timeout
		p.Transient = true
	}
	switch pg.Routine { // in PostgreSQL's source; it is not translated
	case "exec_stmt_raise", // a trigger, whatever its SQLSTATE, unless that asks to try again
		"ExecWithCheckOptions": // row-level security, which has the SQLSTATE of a right that is missing
		p.Data = !p.AtOnce && !p.Transient
	}
	if pg.SeverityUnlocalized == "FATAL" || pg.SeverityUnlocalized == "PANIC" {
		p.Lost, p.Data = true, false
	}
	return p
}

// lost says that an error is of the connection, not of the database.
func lost(err error) bool {
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.As(err, &network), pgconn.SafeToRetry(err):
		return true
	}
	return false
}
