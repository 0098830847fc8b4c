package sqlitesink

import (
	"errors"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// database is SQLite for sqlsink. A writer keeps all others out, so nothing is to be locked but the file, and no
// deadlock can be.
type database struct{}

func (database) Flavor() sqlsink.Flavor {
	return sqlsink.Flavor{
		Name:        "SQLite",
		Placeholder: sqlsink.Question,
		Quote:       sqlsink.DoubleQuote,
		MaxParams:   maxParams,
		ColumnType:  "TEXT",
		KeyType:     "TEXT",
		LongText:    "TEXT",
		Bytes:       "BLOB",
		// Julian days since noon of 24 November 4714 BC; 2440587.5 is 1970 (sqlite.org/lang_datefunc.html).
		NowMillis:        "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
		TransactionalDDL: true,
	}
}

// Explain says what kind of error one is, by its result code (sqlite.org/rescode.html).
func (database) Explain(err error) sqlsink.Problem {
	p := sqlsink.Problem{Row: -1}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return p
	}
	p.Code = strconv.Itoa(e.Code())
	var at *located
	if errors.As(err, &at) {
		p.Row = at.row
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		p.Data, p.Column = true, column(e.Error())
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL:
		p.Transient = true
	}
	return p
}

// column gives the column of a constraint that names one: "UNIQUE constraint failed: people.name (2067)".
func column(message string) string {
	_, names, ok := strings.Cut(message, " constraint failed: ")
	names, _, end := strings.Cut(names, " (")
	i := strings.LastIndexByte(names, '.')
	if !ok || !end || i < 0 || strings.Contains(names, ", ") {
		return ""
	}
	return names[i+1:]
}
