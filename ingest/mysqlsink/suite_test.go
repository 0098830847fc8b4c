package mysqlsink

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
	"github.com/sluicecsv/sluice/ingest/sqlsink/sqlsinktest"
)

func TestSuite(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		sqlsinktest.Run(t, func(t *testing.T) sqlsinktest.Database {
			database := servertest.SharedMariaDB(t).Database(t)
			sink := func(t *testing.T, table string) *Sink {
				s, err := Open(database.DSN(), table)
				require.NoError(t, err)
				t.Cleanup(func() { s.Close() })
				s.database().noLocal.Store(noLocal)
				return s
			}
			return sqlsinktest.Database{
				DB: sink(t, "other").DB,
				New: func(t *testing.T, table string) (sqlsinktest.Sink, *sqlsink.Sink) {
					s := sink(t, table)
					s.Create = false
					return s, &s.Sink
				},
				Text: "VARCHAR(100)", Int: "INT", Short: "VARCHAR(3)", AnyKey: true,
			}
		})
	})
}

func TestExam(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
			s := open(t)
			s.database().noLocal.Store(noLocal)
			return ingesttest.Subject{
				Sink: s,
				Stored: func() ([][]string, error) {
					return ingesttest.ReadSQL(context.Background(), s.DB, "SELECT * FROM t")
				},
				Block: func() (func(), error) {
					tx, err := s.DB.Begin()
					if err == nil {
						_, err = tx.Exec("SELECT * FROM t FOR UPDATE")
					}
					return func() { tx.Rollback() }, err
				},
			}
		})
	})
}

// A table with a check refuses records; the exam asks what becomes of their batches.
func TestExamWithConstraint(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
			s := open(t, "CREATE TABLE t (id LONGTEXT CHECK (id <> 'poison'), extra VARCHAR(9) DEFAULT 'x', name LONGTEXT)")
			s.Create = false
			s.database().noLocal.Store(noLocal)
			return ingesttest.Subject{
				Sink: s,
				Stored: func() ([][]string, error) {
					return ingesttest.ReadSQL(context.Background(), s.DB, "SELECT name, id FROM t")
				},
				Columns: []string{"name", "id"},
				Poison:  []string{"x", "poison"},
			}
		})
	})
}

// A table that is changed between two runs is looked at anew: LOAD DATA passes over values for a generated column.
func TestRun_generated(t *testing.T) {
	s := open(t)
	load := func() error {
		_, err := ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n"), s)
		return err
	}
	require.NoError(t, load())
	_, err := s.DB.Exec("ALTER TABLE t DROP COLUMN b, ADD COLUMN b INT AS (7) STORED")
	require.NoError(t, err)
	require.ErrorContains(t, load(), "generated column")
}
