package sqlsink

import (
	"context"
	"database/sql"

	"github.com/sluicecsv/sluice/ingest"
)

// A Database does what the databases do differently. Nil, in a Sink, is any database that takes standard SQL, with
// the sink's own settings; pgsink, mysqlsink and sqlitesink bring their own.
type Database interface {
	// Flavor gives the database's SQL.
	Flavor() Flavor

	// Load writes some records of a batch into a table, in the transaction that conn is in. On an error nothing of
	// them is to be left, or the transaction is to be beyond use. The columns are those that the fields go into, in
	// their order; more may follow, which Part.Values gives. With errors.ErrUnsupported nothing was done, and the sink
	// inserts the records with prepared statements, then and from then on.
	Load(ctx context.Context, conn *sql.Conn, into Target, p *Part) error

	// Explain says what kind of error one is. It gives the zero Problem for what it does not know.
	Explain(err error) Problem
}

// A Target is a table to load into, and its columns. Names are as they are, not quoted.
type Target struct {
	Schema, Table string
	Columns       []string
}

// SQL gives the table's name, with its schema if there is one, and the columns' names with commas between them, all quoted.
func (t Target) SQL(q Quote) (table, columns string) {
	return q.path(t.Schema, t.Table), q.names(t.Columns)
}

// A Problem is what an error of a database means.
type Problem struct {
	// Data: a record is refused, for its values, a constraint, its length; the same records will be refused again.
	// What the batch has beside it can be stored.
	Data bool
	// Row is which of the records of the Part is refused, from 0, where the database says so; else -1.
	Row int
	// Column is the name of the column, where the database says so.
	Column string
	// Code is the database's own: an SQLSTATE, an error number.
	Code string
	// Transient: the same may succeed later. The connection is lost, the server is starting, there are too many
	// connections, the disk is full.
	Transient bool
	// AtOnce: it may succeed at once, in a new transaction: a serialization failure, a deadlock, a lock timeout.
	AtOnce bool
	// Lost: the connection is beyond use.
	Lost bool
}

// A Flavor is the SQL of a database, as far as databases differ.
type Flavor struct {
	Name        string // "PostgreSQL", for messages
	Placeholder Placeholder
	Quote       Quote
	MaxParams   int
	ColumnType  string // of the columns of tables that are made
	KeyType     string // text that can be a key: TEXT, VARCHAR(255)
	LongText    string // text of any length: TEXT, LONGTEXT
	Bytes       string // BYTEA, LONGBLOB, BLOB
	// Session is a statement by which a connection is set for what is written over it, whoever made it; "" where there is
	// nothing to set. Every transaction begins with it.
	Session string

	// NowMillis is the database's time in SQL, in milliseconds since 1970; "": the time of who asks is good enough.
	NowMillis string

	// ShareLock is what is put behind a SELECT so that nobody can lock the rows that it gives with FOR UPDATE until the
	// transaction ends: "FOR KEY SHARE", "FOR SHARE". "": the rows are updated instead, which locks them everywhere, but
	// makes the writers of a run wait for one another.
	ShareLock string

	// Immediate is a statement by which constraints that are checked at the commit are checked with each statement for the
	// rest of the transaction; "" where there are none, or no such statement.
	Immediate string

	// Like is what follows "CREATE TABLE t (LIKE other" so that t gets the columns of the other table, their types, NOT
	// NULL, defaults and checks, but no keys. "" where there is no LIKE: then only the types are sure to be the same.
	Like string

	// Upsert is about rows whose key is in a table already, which stand in the way of "INSERT INTO table (columns) SELECT
	// ... FROM rows WHERE ...". It gives statements to be executed before, what is put behind the WHERE, and what is put
	// at the end. The rows in the table are left as they are if update is empty; else these columns are taken from the
	// new ones. Names are quoted, and the rows are called s. What stands in the way by another key is to be an error.
	Upsert func(table, rows string, key, update []string) (before []string, where, behind string)

	// TransactionalDDL says that making and dropping tables is a part of a transaction.
	TransactionalDDL bool

	// Lock gives a statement, with a text as its only parameter, by which programs that make or drop the same tables wait
	// for one another; "" where that is not needed. It holds until the transaction ends; without TransactionalDDL until the
	// connection is closed, as there a table that is made ends the transaction.
	Lock string
}

// A Part is some records of a batch: those from From on, and before To.
type Part struct {
	Batch    *ingest.Batch
	From, To int

	// Run and Offset say that the columns for where a record comes from follow those of its fields.
	Run, Offset bool
}

// Values appends to dst what goes into the table for a record of the batch, from 0: the fields of the header, nil for one
// without a value, then the run and the offset as the Part wants them.
func (p *Part) Values(dst []any, record int) []any {
	r := p.Batch.Record(record)
	for c := range p.Batch.Header() {
		if r.Null(c) {
			dst = append(dst, nil)
		} else {
			dst = append(dst, r.Field(c))
		}
	}
	if p.Run {
		dst = append(dst, p.Batch.Found().Run)
	}
	if p.Offset {
		dst = append(dst, r.Position().Offset)
	}
	return dst
}
