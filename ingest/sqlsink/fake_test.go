package sqlsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
)

// fake is a database with one table. The functions say where it fails.
type fake struct {
	maxParams  int                                                  // 0: any number
	onPrepare  func(query string) error                             // may be nil, as the others
	onBegin    func() error                                         //
	onExec     func(ctx context.Context, args []driver.Value) error //
	onCommit   func() (stored bool, err error)                      //
	onRollback func() error

	mu       sync.Mutex
	queries  []string // executed
	prepared []string
	open     int // prepared statements that are open
	conns    int // connections that are open
	rows     [][]string
}

func (f *fake) db(t *testing.T) *sql.DB {
	db := sql.OpenDB(connector{f})
	t.Cleanup(func() { db.Close() })
	return db
}

func (f *fake) stored() ([][]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]string{}, f.rows...), nil
}

type connector struct{ f *fake }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.conns++
	return &conn{f: c.f}, nil
}

func (c connector) Driver() driver.Driver { return nil }

type conn struct {
	f    *fake
	in   bool       // a transaction
	rows [][]string // of the transaction
}

var errNested = errors.New("a transaction within a transaction")

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	f := c.f
	if f.onPrepare != nil {
		if err := f.onPrepare(query); err != nil {
			return nil, err
		}
	}
	_, values, _ := strings.Cut(query, " VALUES ")
	n := strings.Count(values, "?") + strings.Count(values, "$") + strings.Count(values, "@")
	if f.maxParams > 0 && n > f.maxParams {
		return nil, errors.New("too many parameters")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	f.prepared = append(f.prepared, query)
	return &stmt{c: c, query: query, params: n, rows: strings.Count(values, "(")}, nil
}

func (c *conn) Close() error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.conns--
	return nil
}

func (c *conn) Begin() (driver.Tx, error) { panic("BeginTx is there") }

func (c *conn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	if c.f.onBegin != nil {
		if err := c.f.onBegin(); err != nil {
			return nil, err
		}
	}
	if c.in {
		return nil, errNested
	}
	c.in, c.rows = true, nil
	return c, nil
}

func (c *conn) Commit() error {
	stored, err := true, error(nil)
	if c.f.onCommit != nil {
		stored, err = c.f.onCommit()
	}
	if stored {
		c.f.mu.Lock()
		c.f.rows = append(c.f.rows, c.rows...)
		c.f.mu.Unlock()
	}
	c.in = err != nil // a commit that fails may leave the transaction open
	return err
}

func (c *conn) Rollback() error {
	if c.f.onRollback != nil {
		if err := c.f.onRollback(); err != nil {
			return err
		}
	}
	c.in = false
	return nil
}

func (c *conn) ResetSession(context.Context) error { return nil }
func (c *conn) IsValid() bool                      { return true }

func (c *conn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	if c.f.onPrepare != nil {
		if err := c.f.onPrepare(query); err != nil {
			return nil, err
		}
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.queries = append(c.f.queries, query)
	return driver.ResultNoRows, nil
}

type stmt struct {
	c            *conn
	query        string
	params, rows int
}

func (s *stmt) Close() error {
	s.c.f.mu.Lock()
	defer s.c.f.mu.Unlock()
	s.c.f.open--
	return nil
}

func (s *stmt) NumInput() int { return s.params }

func (s *stmt) Exec([]driver.Value) (driver.Result, error) { panic("ExecContext is there") }
func (s *stmt) Query([]driver.Value) (driver.Rows, error)  { return nil, io.EOF }

func (s *stmt) ExecContext(ctx context.Context, named []driver.NamedValue) (driver.Result, error) {
	args := make([]driver.Value, len(named))
	for i, n := range named {
		args[i] = n.Value
	}
	f := s.c.f
	if f.onExec != nil {
		if err := f.onExec(ctx, args); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.queries = append(f.queries, s.query)
	f.mu.Unlock()
	width := s.params / s.rows
	for at := 0; at < len(args); at += width {
		row := make([]string, width)
		for i, v := range args[at : at+width] {
			var ok bool
			if row[i], ok = v.(string); !ok {
				row[i] = ingesttest.Null
			}
		}
		s.c.rows = append(s.c.rows, row)
	}
	return driver.RowsAffected(s.rows), nil
}
