package sqlsink

import (
	"context"
	"database/sql"
	"fmt"
)

// A prepared statement is shared by the writers that use it: database/sql prepares it once on every connection.
type prepared struct {
	*sql.Stmt
	writers int
}

// prepare gives the prepared statement of a text, which the writer keeps until it leaves.
func (w *writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s := w.sink
	s.mu.Lock()
	stmt := s.stmts[query]
	if stmt != nil && !w.uses[query] {
		w.uses[query] = true
		stmt.writers++
	}
	s.mu.Unlock()
	if stmt != nil {
		return stmt.Stmt, nil
	}
	made, err := s.DB.PrepareContext(ctx, query) // may hang, hence not under the lock
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt = s.stmts[query]
	if stmt == nil {
		if s.stmts == nil {
			s.stmts = map[string]*prepared{}
		}
		stmt = &prepared{Stmt: made}
		s.stmts[query] = stmt
	} else {
		made.Close() // another writer was first; this one was never used
	}
	w.uses[query] = true
	stmt.writers++
	return stmt.Stmt, nil
}

// leave lets go the prepared statements that no other writer uses.
func (w *writer) leave() {
	s := w.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	for query := range w.uses {
		stmt := s.stmts[query]
		if stmt.writers--; stmt.writers == 0 {
			stmt.Close() // a driver's error does not come through, and nothing hangs on it
			delete(s.stmts, query)
		}
	}
	clear(w.uses)
}

// statements prepares the inserts for n rows, or for any number up to n. They come before the transaction: preparing takes
// a connection, and there may be one only.
func (w *writer) statements(ctx context.Context, n int, any bool) (map[int]*sql.Stmt, error) {
	stmts := map[int]*sql.Stmt{}
	for n > 0 {
		size := w.take(n)
		if stmts[size] == nil {
			stmt, err := w.prepare(ctx, w.flavor.insert(w.flavor.Quote.path(w.into.Schema, w.into.Table), w.into.Columns, size))
			if err != nil {
				return nil, w.sink.fail(ctx, "prepare", fmt.Sprintf(
					"cannot prepare an insert of %d rows: lower MaxParams if the database takes no statement of that size", size), err)
			}
			stmts[size] = stmt
		}
		switch {
		case !any:
			n -= size
		default:
			n = size - 1
		}
	}
	return stmts, nil
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

// insert writes a part with prepared statements. With an error it gives the records of the statement that failed.
func (w *writer) insert(ctx context.Context, t *transaction, stmts map[int]*sql.Stmt, p *Part) (part, error) {
	for at := p.From; at < p.To; {
		n := w.take(p.To - at)
		w.args = w.args[:0]
		for i := at; i < at+n; i++ {
			w.args = p.Values(w.args, i)
		}
		if _, err := t.StmtContext(ctx, stmts[n]).ExecContext(ctx, w.args...); err != nil {
			return part{p.Batch, at, at + n}, err
		}
		at += n
	}
	return part{}, nil
}
