package sqlitesink_test

import (
	"path/filepath"
	"testing"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
	"github.com/sluicecsv/sluice/ingest/sqlsink/sqlsinktest"
)

// SQLite's types are affinities, and refuse nothing; checks do.
const (
	wholeNumber = "INTEGER CHECK (typeof(v) = 'integer')"
	upToThree   = "TEXT CHECK (length(v) <= 3)"
)

func TestSuite(t *testing.T) {
	sqlsinktest.Run(t, func(t *testing.T) sqlsinktest.Database {
		path := filepath.Join(t.TempDir(), "suite.db")
		return sqlsinktest.Database{
			DB: open(t, path, "other").DB,
			New: func(t *testing.T, table string) (sqlsinktest.Sink, *sqlsink.Sink) {
				s := open(t, path, table)
				s.Create = false
				return s, &s.Sink
			},
			Text: "TEXT", Int: wholeNumber, Short: upToThree,
		}
	})
}

// A sink that knows nothing of SQLite. So nothing tells it that the file is locked, and all have one connection.
func TestSuitePlain(t *testing.T) {
	sqlsinktest.Run(t, func(t *testing.T) sqlsinktest.Database {
		db := open(t, filepath.Join(t.TempDir(), "suite.db"), "other").DB
		return sqlsinktest.Database{
			DB: db,
			New: func(t *testing.T, table string) (sqlsinktest.Sink, *sqlsink.Sink) {
				s := &sqlsink.Sink{DB: db, Table: table}
				return s, s
			},
			Text: "TEXT", Blind: true,
		}
	})
}
