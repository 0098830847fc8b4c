// Package sqlsink writes records into a table of any database that has a database/sql driver. It needs
// the standard library only; the caller brings the driver:
//
//	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
//	...
//	sink := &sqlsink.Sink{DB: db, Table: "contacts", Create: true, Placeholder: sqlsink.Dollar}
//	status, err := ingest.Run(ctx, file, sink)
//
// A batch is written in one transaction, with INSERT statements of many rows that are prepared once. So
// a batch that Write acknowledged is stored as a whole, and of one that failed nothing is.
//
// What the databases want:
//
//	             Placeholder  Quote        MaxParams  ColumnType
//	SQLite       Question     DoubleQuote  32766      TEXT
//	PostgreSQL   Dollar       DoubleQuote  65535      TEXT
//	MySQL        Question     Backtick     65535      LONGTEXT
//	SQL Server   At           Bracket      2100       NVARCHAR(MAX)
//
// SQL Server has no CREATE TABLE IF NOT EXISTS: make the table by other means there.
//
// # Columns
//
// Values are written as text, and a field without a value as NULL; an empty quoted field is the empty
// text. They go into the columns by name, so a table may have more columns than the file, in any order.
//
// Most databases take "Id" and "id" for the same column. So a name that differs from an earlier one in
// case only gets a number ("id_2"), whether the table is made here or was there before: two columns of a
// file never end up in one. [Sink.Columns] tells the names.
package sqlsink

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/sluicecsv/sluice/ingest"
)

// A Placeholder is how a database writes a parameter.
type Placeholder string

const (
	Question Placeholder = "?"   // ?, ?, ?
	Dollar   Placeholder = "$1"  // $1, $2, $3
	At       Placeholder = "@p1" // @p1, @p2, @p3
)

// A Quote is what a database puts around a name.
type Quote string

const (
	DoubleQuote Quote = `"` // "name", standard SQL
	Backtick    Quote = "`" // `name`
	Bracket     Quote = "[" // [name]
)

// MaxRows is the most rows that one statement inserts. SQL Server takes no more, and with more none is
// faster.
const MaxRows = 1000

// A Sink writes records into a table. It is not to be copied or changed once it is in use; it may serve
// several runs at once.
//
// The rows of a batch that was acknowledged stay, also when the run ends with an error: they are what
// its Status counts as delivered.
type Sink struct {
	DB     *sql.DB
	Schema string // of the table. Default: where the connection looks for tables
	Table  string // its name as it is: a dot is part of the name

	// Create makes the table, unless it is there, with a column for each of the file's. Any number of
	// programs may do so at the same time.
	Create bool

	// ColumnType is the type of a column that is made, as SQL. Default TEXT.
	ColumnType string

	Placeholder Placeholder // default Question
	Quote       Quote       // default DoubleQuote

	// MaxParams is how many parameters, rows by columns, a statement has at most; a row that has more
	// goes alone, if the database takes it, which Open finds out. Default 999, which every database takes.
	MaxParams int

	mu      sync.Mutex
	writers int                  // open
	stmts   map[string]*sql.Stmt // of the open writers, by text
}

// Open checks the settings, makes the table on request, and prepares an INSERT: a table or column that is
// not there is found before anything is written.
func (s *Sink) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	w, err := s.newWriter(found.Header)
	if err != nil {
		return nil, err
	}
	var created error
	if s.Create {
		_, created = s.DB.ExecContext(ctx, w.create())
	}
	s.enter()
	if _, err := s.prepare(ctx, w.insert(1)); err != nil {
		s.leave()
		if created != nil {
			return nil, w.fail(ctx, "create", "cannot make the table: see what the database says, and whether this user may", created, nil)
		}
		return nil, w.fail(ctx, "open", "cannot insert into it: see that it is there and has the file's columns, or set Create", err, nil)
	}
	// A table that can be written to is there, whoever made it: CREATE TABLE IF NOT EXISTS fails in some
	// databases where two do it at the same time, or where the user may only insert.
	return w, nil
}

// Columns gives the names of the table's columns that a header's go into: the same, but for those that
// differ in case only.
func (s *Sink) Columns(h ingest.Header) []string {
	names := h.Names()
	taken := map[string]int{} // how often a name is still to come, or is used
	for _, n := range names {
		taken[strings.ToLower(n)]++
	}
	seen := map[string]bool{}
	for i, n := range names {
		for k := 2; seen[strings.ToLower(names[i])]; k++ {
			if c := n + "_" + strconv.Itoa(k); taken[strings.ToLower(c)] == 0 {
				names[i] = c
				taken[strings.ToLower(c)]++
				break
			}
		}
		seen[strings.ToLower(names[i])] = true
	}
	return names
}

// newWriter fills in the defaults, or says which setting cannot work.
func (s *Sink) newWriter(h ingest.Header) (*writer, error) {
	w := &writer{
		sink:        s,
		columns:     s.Columns(h),
		columnType:  cmp.Or(s.ColumnType, "TEXT"),
		placeholder: cmp.Or(s.Placeholder, Question),
		quote:       cmp.Or(s.Quote, DoubleQuote),
	}
	params := cmp.Or(s.MaxParams, 999)
	bad := func(format string, args ...any) (*writer, error) {
		return nil, &Error{Op: "open", Table: s.Table, Reason: fmt.Sprintf(format, args...)}
	}
	switch w.placeholder {
	case Question, Dollar, At:
	default:
		return bad("Placeholder is %q: use Question, Dollar or At", s.Placeholder)
	}
	switch w.quote {
	case DoubleQuote, Backtick, Bracket:
	default:
		return bad("Quote is %q: use DoubleQuote, Backtick or Bracket", s.Quote)
	}
	switch {
	case s.DB == nil:
		return bad("DB is nil: set it to an open database")
	case s.Table == "":
		return bad("Table is empty: name the table")
	case params < 0:
		return bad("MaxParams is %d: use 0 for the default of 999", s.MaxParams)
	case len(h) == 0:
		return bad("the file has no columns: check that it is delimited text")
	}
	for _, name := range append([]string{s.Schema, s.Table}, w.columns...) {
		if strings.ContainsRune(name, 0) {
			return bad("the name %q has a NUL character, which no database takes: give it another name", name)
		}
	}
	w.rows = max(1, min(params/len(h), MaxRows))
	w.args = make([]any, 0, w.rows*len(h))
	return w, nil
}

// enter and leave count the open writers: prepared statements live as long as there are some.
func (s *Sink) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers++
}

func (s *Sink) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers--; s.writers > 0 {
		return
	}
	for _, stmt := range s.stmts {
		stmt.Close() // a driver's error does not come through, and nothing hangs on it
	}
	s.stmts = nil
}

// prepare gives the prepared statement of a text. All writers share it: database/sql prepares it once on
// every connection that uses it.
func (s *Sink) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	stmt := s.stmts[query]
	s.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	made, err := s.DB.PrepareContext(ctx, query) // may hang, hence not under the lock
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.stmts[query]; stmt != nil {
		made.Close() // another writer was first; this one was never used
		return stmt, nil
	}
	if s.stmts == nil {
		s.stmts = map[string]*sql.Stmt{}
	}
	s.stmts[query] = made
	return made, nil
}
