package crash

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/mysqlsink"
	"github.com/sluicecsv/sluice/ingest/pgsink"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
	"github.com/sluicecsv/sluice/ingest/sqlsink"

	"modernc.org/sqlite"
)

// table is where the records go.
const table = "people"

// A database is a kind of database.
type database struct {
	name   string
	place  func(t *testing.T) string // an empty one
	open   func(place string) (sink, error)
	create string   // makes the table, but for the closing parenthesis
	check  string   // lets it refuse negative amounts
	checks bool     // so does what a run is kept in until it is done
	points []string // where its sink can be killed in the middle of a transaction

	// Where there is a server:
	shared func(testing.TB) *servertest.Server
	own    func(t testing.TB, settings ...string) *servertest.Server
	way    func(servertest.Database) string // how open takes it
	commit string                           // what the driver sends for it
}

// A sink is one of the three, and what it is built on.
type sink struct {
	ingest.Sink
	settings *sqlsink.Sink
	close    func() error
}

var (
	sqliteFile = database{
		name:  "SQLite",
		place: func(t *testing.T) string { return filepath.Join(t.TempDir(), "out.db") },
		open: func(path string) (sink, error) {
			s, err := sqlitesink.Open(path, table)
			if err != nil {
				return sink{}, err
			}
			return sink{s, &s.Sink, s.Close}, nil
		},
		create: "CREATE TABLE people (id TEXT NOT NULL, name TEXT, note TEXT, amount TEXT",
		check:  ", CHECK (amount NOT LIKE '-%')",
		points: []string{"commit"},
	}
	postgres = database{
		name:  "PostgreSQL",
		place: func(t *testing.T) string { return servertest.SharedPostgres(t).Database(t).URL() },
		open: func(url string) (sink, error) {
			s, err := pgsink.Open(url, table)
			if err != nil {
				return sink{}, err
			}
			return sink{s, &s.Sink, s.Close}, nil
		},
		create: "CREATE TABLE people (id TEXT NOT NULL, name TEXT, note TEXT, amount NUMERIC(12, 2)",
		check:  ", CHECK (amount >= 0)",
		checks: true,
		points: []string{"load", "loaded"},
		shared: servertest.SharedPostgres,
		own:    servertest.Postgres,
		way:    servertest.Database.URL,
		commit: "commit",
	}
	mariadb = database{
		name:  "MariaDB",
		place: func(t *testing.T) string { return servertest.SharedMariaDB(t).Database(t).DSN() },
		open: func(dsn string) (sink, error) {
			s, err := mysqlsink.Open(dsn, table)
			if err != nil {
				return sink{}, err
			}
			return sink{s, &s.Sink, s.Close}, nil
		},
		create: "CREATE TABLE people (id VARCHAR(16) NOT NULL, name TEXT, note TEXT, amount DECIMAL(12, 2)",
		check:  ", CHECK (amount >= 0)",
		points: []string{"load", "loaded"},
		shared: servertest.SharedMariaDB,
		own:    servertest.MariaDB,
		way:    servertest.Database.DSN,
		commit: "COMMIT",
	}
)

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
			ingesttest.CrashPoint("commit")
			return 0
		})
		return nil
	})
}

// mortal dies in front of what it loads into a table, and behind it.
type mortal struct{ sqlsink.Database }

func (m mortal) Load(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
	ingesttest.CrashPoint("load")
	err := m.Database.Load(ctx, conn, into, p)
	if err == nil {
		ingesttest.CrashPoint("loaded")
	}
	return err
}

// crashTest gives the test of a database in a mode. Before is a statement about the table when that has been made.
func (d *database) crashTest(mode sqlsink.Mode, before string) ingesttest.CrashTest {
	create := d.create + ")"
	var refuses func([]string) bool
	if mode == sqlsink.Append || d.checks {
		create = d.create + d.check + ")"
		refuses = func(record []string) bool { return strings.HasPrefix(record[3], "-") }
	}
	open := func(place string) (sink, error) {
		s, err := d.open(place)
		if err != nil {
			return s, err
		}
		s.settings.Database = mortal{s.settings.Database}
		s.settings.Create, s.settings.Mode = false, mode
		if mode == sqlsink.Upsert {
			s.settings.Key = []string{"id"}
		}
		return s, nil
	}
	return ingesttest.CrashTest{
		Pipeline: ingest.Pipeline{Reuse: true}, // the sinks keep no batch
		Place: func(t *testing.T) string {
			place := d.place(t)
			s, err := open(place)
			if err != nil {
				t.Fatal(err)
			}
			for _, statement := range []string{create, before} {
				if statement == "" {
					continue
				}
				if _, err := s.settings.DB.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.close(); err != nil {
				t.Fatal(err)
			}
			return place
		},
		Open: func(place string) (*ingesttest.CrashStore, error) {
			s, err := open(place)
			if err != nil {
				return nil, err
			}
			db := s.settings.DB
			return &ingesttest.CrashStore{
				Sink: s.Sink,
				Stored: func() ([][]string, error) {
					return ingesttest.ReadSQL(context.Background(), db, "SELECT "+strings.Join(ingesttest.CrashColumns(), ", ")+" FROM "+table)
				},
				Entries: func(run string) ([]*ingest.LedgerEntry, error) { return entries(db, run) },
				Close:   s.close,
			}, nil
		},
		Points:  d.points,
		Refuses: refuses,
	}
}

// entries reads the ledger's tables.
func entries(db *sql.DB, run string) (all []*ingest.LedgerEntry, err error) {
	of := " WHERE run = '" + run + "' ORDER BY byte_offset"
	windows, err := db.Query("SELECT byte_offset, byte_length, first_record, row_count, delivered, rejected, filtered, skipped, crc FROM sluice_windows" + of)
	if err != nil {
		return nil, err
	}
	for windows.Next() {
		var e ingest.LedgerEntry
		if err := windows.Scan(&e.Offset, &e.Length, &e.Record, &e.Rows, &e.Delivered, &e.Rejected, &e.Filtered, &e.Skipped, &e.CRC); err != nil {
			return nil, err
		}
		all = append(all, &e)
	}
	if err := windows.Err(); err != nil {
		return nil, err
	}
	rejects, err := db.Query("SELECT byte_offset FROM sluice_rejects" + of)
	if err != nil {
		return nil, err
	}
	for i := 0; rejects.Next(); {
		var r ingest.RecordError
		if err := rejects.Scan(&r.Offset); err != nil {
			return nil, err
		}
		for i < len(all) && r.Offset >= all[i].Offset+all[i].Length {
			i++
		}
		if i == len(all) {
			return nil, errors.New("a reject is in no window")
		}
		all[i].Rejects = append(all[i].Rejects, &r)
	}
	return all, rejects.Err()
}
