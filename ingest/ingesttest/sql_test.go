package ingesttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answer is a database that answers every query with the same rows, and then err.
type answer struct {
	rows [][]driver.Value
	err  error
}

func (a *answer) Connect(context.Context) (driver.Conn, error) { return a, nil }
func (a *answer) Driver() driver.Driver                        { return nil }
func (a *answer) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (a *answer) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (a *answer) Close() error                                 { return nil }
func (a *answer) Columns() []string                            { return []string{"a", "b"} }

func (a *answer) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if query == "" {
		return nil, errors.New("no query")
	}
	return a, nil
}

func (a *answer) Next(into []driver.Value) error {
	if len(a.rows) == 0 {
		return a.err
	}
	copy(into, a.rows[0])
	a.rows = a.rows[1:]
	return nil
}

func TestReadSQL(t *testing.T) {
	lost := errors.New("connection lost")
	for _, row := range []struct {
		name, query string
		answer      answer
		want        [][]string
		says        string
	}{
		{"rows", "q", answer{[][]driver.Value{{"x", nil}, {int64(7), []byte("")}}, io.EOF}, [][]string{{"x", Null}, {"7", ""}}, ""},
		{"no rows", "q", answer{nil, io.EOF}, nil, ""},
		{"a query that fails", "", answer{}, nil, "no query"},
		{"rows that end early", "q", answer{[][]driver.Value{{"x", nil}}, lost}, nil, "connection lost"},
		{"what is no text", "q", answer{[][]driver.Value{{struct{}{}, nil}}, io.EOF}, nil, "unsupported Scan"},
	} {
		t.Run(row.name, func(t *testing.T) {
			db := sql.OpenDB(&row.answer)
			defer db.Close()
			got, err := ReadSQL(t.Context(), db, row.query)
			assert.Equal(t, row.want, got)
			if row.says != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), row.says)
				return
			}
			assert.NoError(t, err)
		})
	}
}
