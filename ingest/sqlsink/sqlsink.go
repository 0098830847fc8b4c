// Package sqlsink writes records into a table of any database that has a database/sql driver. It needs
// the standard library only; the caller brings the driver:
//
//	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
//	...
//	sink := &sqlsink.Sink{DB: db, Table: "contacts", Create: true, Placeholder: sqlsink.Dollar}
//	status, err := ingest.Run(ctx, file, sink)
//
// A batch is written in one transaction, with INSERT statements of many rows that are prepared once, or by what a [Database]
// has that is faster. So a batch that Write acknowledged is stored as a whole, and of one that failed nothing is.
//
// What the databases want where [Sink.Database] is nil:
//
//	             Placeholder  Quote        MaxParams  ColumnType
//	SQLite       Question     DoubleQuote  32766      TEXT
//	PostgreSQL   Dollar       DoubleQuote  65535      TEXT
//	MySQL        Question     Backtick     65535      LONGTEXT
//	SQL Server   At           Bracket      2100       NVARCHAR(MAX)
//
// SQL Server has no CREATE TABLE IF NOT EXISTS, SAVEPOINT and ON CONFLICT: there the table, and those of the ledger, are
// to be made by other means, and neither Upsert nor telling refused records from good ones works.
//
// A [Database] knows all that of its kind of database, gets records in by its quickest way, and tells what its errors mean,
// so that what may pass is tried again and what is refused is told from what is good. Packages pgsink, mysqlsink and
// sqlitesink have one each, and are the way to those databases.
//
// # The ledger
//
// The sink is an [ingest.Ledger]: each batch is stored in one transaction with its window, so that a run which was
// stopped, failed or was killed goes on where it was, and each record is in the table once. The ledger is three tables in
// Schema, which the sink makes when it first needs them, and which are there to be read. All times are milliseconds since
// 1970, by the database's clock where that is known, and all JSON is text.
//
//	sluice_runs      a row for each run
//	  run                    the ID, primary key
//	  parent                 the run whose mended rejects it reads
//	  source_name, source_size, source_head, source_tail
//	  settings, found        the pipeline, and what the source was found to be; JSON
//	  state, code            how far it is, and of which code the error is that ended it
//	  request                what is asked of it: '', 'pause', 'stop'
//	  owner, epoch           who runs it, and how many have
//	  lease_until            0: it was given back
//	  started, updated
//	  table_name, mode       where to and how
//	  moved                  the epoch up to which what was put aside got into the table; 0: none
//	sluice_windows   a row for each window that is stored
//	  run, byte_offset       primary key
//	  byte_length, first_record, row_count
//	  delivered, rejected, filtered, skipped
//	  crc                    CRC-32C of its bytes
//	  after_json, notes_json what it ends in, and what is told of it; JSON
//	  epoch, stored_at
//	sluice_rejects   a row for each record that was not delivered
//	  run, byte_offset       primary key
//	  line, record
//	  code, store_code       why, and what the database's own code is
//	  column_number, column_name
//	  message                the database's own words, else the reason
//	  raw                    the record as it stands in the source
//
// A run is held by a lease. Whoever takes it over, when that has ended, counts its epoch up, and from then on nothing of an
// owner before gets in: every transaction locks the run, in the epoch that it was claimed in, until it ends.
//
// # Modes
//
// With Append each batch is in the table when it is written. With the others records are put aside in a table of the
// run's own, [StageTable], and get into the table in the order of the source in one transaction with the end of the run.
// What the table refuses then, a key that is there already, is not told record by record: nothing of the run gets into
// it, and it can be mended and run again. What is put aside has the types of the table, and in PostgreSQL also its NOT
// NULL and its checks.
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
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

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

// maxRows is the most rows that one statement inserts. SQL Server takes no more, and with more none is
// faster.
const maxRows = 1000

// A Mode is how the records of a run get into the table.
type Mode string

const (
	// Append adds each batch to the table as it comes, in one transaction.
	Append Mode = "append"

	// Whole adds all records of the run or none: they are seen when the run is done.
	Whole Mode = "whole"

	// Upsert adds the records whose key is not in the table, and does what OnConflict says with those whose key is, all when
	// the run is done. The table has a unique index of the columns in Key, and none other that the records get into
	// conflict with. Of several records with the same key the last of the file counts under Update, the first under Keep. A
	// record whose key has a null is as the database takes it: added, or refused where the column is NOT NULL.
	Upsert Mode = "upsert"

	// Replace deletes what is in the table and adds all records of the run, at one stroke, when the run is done. The table
	// itself stays, with its indexes, grants, and whatever hangs on it.
	Replace Mode = "replace"
)

// A Conflict is what becomes of a record whose key is in the table already.
type Conflict string

const (
	Update Conflict = "update" // the row takes its values from the record, in the columns that the file has
	Keep   Conflict = "keep"   // the row stays as it is
)

// A Sink writes records into a table. It is not to be copied or changed once it is in use; it may serve
// several runs at once.
//
// With Mode Append the rows of a batch that was acknowledged stay, also when the run ends with an error: they are what
// its Status counts as delivered. With the other modes they are in a table of their own until the run is done.
type Sink struct {
	DB     *sql.DB
	Schema string // of the table, and of the ledger's. Default: where the connection looks for tables
	Table  string // its name as it is: a dot is part of the name

	// Database is the kind of database. Default: any that takes standard SQL, of which the settings below say the rest.
	Database Database

	// Create makes the table, unless it is there, with a column for each of the file's, and with Key as its primary key.
	// Any number of programs may do so at the same time.
	Create bool

	// ColumnType is the type of a column that is made, as SQL. Default TEXT, or what the Database says.
	ColumnType string

	// Types are the types of columns that are made, by name, as SQL, with NOT NULL and whatever else belongs there. Default:
	// ColumnType.
	Types map[string]string

	Placeholder Placeholder // default Question, or what the Database says
	Quote       Quote       // default DoubleQuote, or what the Database says

	// MaxParams is how many parameters, rows by columns, a statement has at most; a row that has more
	// goes alone, if the database takes it, which Open finds out. Default 999, which every database takes, or what the
	// Database says.
	MaxParams int

	// Mode is how records get into the table. All but Append need the ledger. Default Append.
	Mode Mode

	// Key names the columns that Upsert tells rows by, as they are called in the table. None with the other modes.
	Key []string

	// OnConflict is what Upsert does with a record whose key is there. Default Update; "" with the other modes.
	OnConflict Conflict

	// RunColumn and OffsetColumn name columns of the table that get the ID of the run (text) and where the record stands in
	// the source (bytes, BIGINT). With RunColumn a run that is done can be undone. Default "": none.
	RunColumn, OffsetColumn string

	// NoLedger keeps no ledger: nothing is written but the records, a run cannot go on where it ended, and a batch whose
	// commit is in doubt (ErrInDoubt) ends the run.
	NoLedger bool

	// Budget is how often a part of a batch may be refused while the records that are to blame are searched for, so that
	// a batch of which all is refused does not take forever. Where the database names the record that is one refusal for
	// each; else the binary logarithm of how many records an INSERT has. Default 100.
	Budget int

	ready     atomic.Bool // the ledger's tables are there
	preparing atomic.Bool // records are inserted with prepared statements, as Database.Load cannot

	mu     sync.Mutex
	claims map[string]*ingest.Claim // by run
	stmts  map[string]*prepared     // of the open writers, by text
	open   map[string]int           // writers, by run
}

// Open checks the settings, makes the table on request, and prepares an INSERT: a table or column that is
// not there is found before anything is written. It asks the database nothing more while the run has a writer.
func (s *Sink) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	w, err := s.newWriter(found)
	if err != nil {
		return nil, err
	}
	if s.join(w) {
		return w, nil
	}
	var created error
	if s.Create {
		_, created = s.DB.ExecContext(ctx, w.create())
	}
	if _, err := w.prepare(ctx, w.flavor.insert(w.flavor.Quote.path(s.Schema, s.Table), w.into.Columns[:w.stored], 1)); err != nil {
		w.leave()
		if created != nil {
			return nil, s.fail(ctx, "create", "cannot make the table: see what the database says, and whether this user may", created)
		}
		return nil, s.fail(ctx, "open", "cannot insert into it: see that it is there and has the file's columns, or set Create", err)
	}
	// A table that can be written to is there, whoever made it: CREATE TABLE IF NOT EXISTS fails in some
	// databases where two do it at the same time, or where the user may only insert.
	if w.staged() {
		if err := s.makeStage(ctx, w); err != nil {
			w.leave()
			return nil, err
		}
	}
	s.count(w.run, 1)
	return w, nil
}

// join adds a writer to those of its run, if there are any: then all is there that Open looks for. Of a run, Open is never
// called twice at the same time.
func (s *Sink) join(w *writer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[w.run] == 0 {
		return false
	}
	s.open[w.run]++
	return true
}

// count counts the writers of a run.
func (s *Sink) count(run string, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]int{}
	}
	if s.open[run] += more; s.open[run] == 0 {
		delete(s.open, run)
	}
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
