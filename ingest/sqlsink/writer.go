package sqlsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
)

// writer writes the batches of one worker.
type writer struct {
	sink        *Sink
	columns     []string // of the table
	columnType  string
	placeholder Placeholder
	quote       Quote
	rows        int   // of the largest statement
	args        []any // of the statement in hand
}

// Write stores a batch in one transaction.
func (w *writer) Write(ctx context.Context, b *ingest.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	if err := w.check(b); err != nil {
		return err
	}
	// Statements come first: preparing takes a connection, and there may be one only.
	stmts := map[int]*sql.Stmt{}
	for at := 0; at < b.Len(); at += w.take(b.Len() - at) {
		n := w.take(b.Len() - at)
		if stmts[n] != nil {
			continue
		}
		stmt, err := w.sink.prepare(ctx, w.insert(n))
		if err != nil {
			return w.fail(ctx, "prepare", fmt.Sprintf("cannot prepare an insert of %d rows: lower MaxParams if the database takes no statement of that size", n), err, nil)
		}
		stmts[n] = stmt
	}
	conn, err := w.sink.DB.Conn(ctx)
	if err != nil {
		return w.fail(ctx, "connect", "no connection: see that the database runs and takes another one", err, nil)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return w.fail(ctx, "begin", "cannot begin a transaction", err, nil)
	}
	for at := 0; at < b.Len(); {
		n := w.take(b.Len() - at)
		part := &part{b, at, at + n}
		if _, err := tx.StmtContext(ctx, stmts[n]).ExecContext(ctx, w.values(part)...); err != nil {
			rollback(conn, tx)
			return w.fail(ctx, "insert", "the database refuses "+part.one()+", and nothing of the batch is stored: mend the file or the table", err, part)
		}
		at += n
	}
	// From here on the context is the database's affair only where the commit has been sent.
	if err := ctx.Err(); err != nil {
		rollback(conn, tx)
		return w.fail(ctx, "commit", "canceled before the commit; nothing of the batch is stored", err, nil)
	}
	if err := tx.Commit(); err != nil {
		discard(conn)
		whole := &part{b, 0, b.Len()}
		return w.fail(ctx, "commit", "cannot commit "+whole.String()+": look whether they are stored before they are written again", fmt.Errorf("%w: %w", ErrInDoubt, err), whole)
	}
	return nil
}

// Close lets the prepared statements go with the last writer. What was written stays, whatever the cause.
func (w *writer) Close(context.Context, error) error {
	w.sink.leave()
	return nil
}

// check looks for records that do not fit the table, before anything is sent.
func (w *writer) check(b *ingest.Batch) error {
	for _, r := range b.All() {
		if r.Len() > len(w.columns) {
			return &Error{Op: "insert", Table: w.sink.Table, Reason: fmt.Sprintf(
				"the record at %s has %d fields, the table takes %d: set Policy.Long to Reject or Strip", r.Position(), r.Len(), len(w.columns))}
		}
	}
	return nil
}

// take gives the rows of the next statement where n are left: as many as a statement takes, and for the
// rest powers of two, so that batches of all sizes get by with few statements.
func (w *writer) take(n int) int {
	if n >= w.rows {
		return w.rows
	}
	p := 1
	for p*2 <= n {
		p *= 2
	}
	return p
}

// values gives the parameters for a part of a batch; they are valid until the next call.
func (w *writer) values(p *part) []any {
	w.args = w.args[:0]
	for i := p.from; i < p.to; i++ {
		r := p.batch.Record(i)
		for c := range w.columns {
			if r.Null(c) {
				w.args = append(w.args, nil)
			} else {
				w.args = append(w.args, r.Field(c))
			}
		}
	}
	return w.args
}

// rollback leaves nothing of a transaction behind. Where the context has ended, database/sql does so at
// the same time; closing the connection waits for that.
func rollback(conn *sql.Conn, tx *sql.Tx) {
	if err := tx.Rollback(); err != nil && err != sql.ErrTxDone {
		discard(conn)
	}
}

// discard closes a connection of which it is not known whether it is within a transaction: nobody may
// get it from the pool, and the database rolls back what is open on it.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// name quotes the name of a table or column.
func (w *writer) name(s string) string {
	begin, end := string(w.quote), string(w.quote)
	if w.quote == Bracket {
		end = "]"
	}
	return begin + strings.ReplaceAll(s, end, end+end) + end
}

func (w *writer) table() string {
	if w.sink.Schema == "" {
		return w.name(w.sink.Table)
	}
	return w.name(w.sink.Schema) + "." + w.name(w.sink.Table)
}

// create gives the statement that makes the table.
func (w *writer) create() string {
	var q strings.Builder
	q.WriteString("CREATE TABLE IF NOT EXISTS " + w.table() + " (")
	for i, c := range w.columns {
		if i > 0 {
			q.WriteString(", ")
		}
		q.WriteString(w.name(c) + " " + w.columnType)
	}
	q.WriteString(")")
	return q.String()
}

// insert gives the statement that inserts a number of rows.
func (w *writer) insert(rows int) string {
	var q strings.Builder
	q.WriteString("INSERT INTO " + w.table() + " (")
	for i, c := range w.columns {
		if i > 0 {
			q.WriteString(", ")
		}
		q.WriteString(w.name(c))
	}
	q.WriteString(") VALUES ")
	for r := range rows {
		if r > 0 {
			q.WriteString(", ")
		}
		q.WriteString("(")
		for c := range w.columns {
			if c > 0 {
				q.WriteString(", ")
			}
			if w.placeholder == Question {
				q.WriteString("?")
				continue
			}
			q.WriteString(strings.TrimSuffix(string(w.placeholder), "1") + strconv.Itoa(r*len(w.columns)+c+1))
		}
		q.WriteString(")")
	}
	return q.String()
}
