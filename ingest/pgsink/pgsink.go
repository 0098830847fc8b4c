// Package pgsink writes records into PostgreSQL by COPY, which is the fastest way in.
//
//	sink, err := pgsink.Open(os.Getenv("DATABASE_URL"), "contacts")
//	if err != nil {
//		return err
//	}
//	defer sink.Close()
//	status, err := ingest.Run(ctx, file, sink)
//
// A batch goes into the table in one transaction, in the binary format of COPY where the columns are text, numbers,
// booleans, dates and times: it costs PostgreSQL half of what text does. From the first value of a batch on of which it
// is not certain how PostgreSQL reads it, and into columns of other types, the records go in the text format. What is
// stored is the same: what an INSERT of the text would have stored, by the session's DateStyle and TimeZone. A field
// without a value is NULL, and an empty quoted field is the empty text.
//
// Into a table with row-level security, or a view, which take no COPY, the records are inserted.
//
// A record that PostgreSQL refuses is found by the line that its error names, without a search, but for foreign keys and
// deferrable constraints, which it checks when all records are in, and rows that are too large for a page or an index.
//
// PostgreSQL 14 and newer are supported, as by pgx, the driver.
package pgsink

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A Sink writes records into a table of PostgreSQL. The settings are those of the [sqlsink.Sink] in it; Open and New fill
// them in, and they can be changed until the first run.
type Sink struct {
	sqlsink.Sink

	opened bool // DB is closed with the sink
}

// How many connections wait for the next batch, and for how long. As many are opened as are in use at the same time: one
// for each worker of a run, and one for its ledger.
const (
	maxIdle = 64
	idle    = 5 * time.Minute
)

// pingAfter is how long a connection is taken to be good without asking. One that is not after all costs a retry.
const pingAfter = time.Minute

// What becomes of a statement when its context ends: it has a moment to come to its end, so that it is seldom in doubt
// whether a commit has been done. Then PostgreSQL is asked to cancel it, so that it holds no locks that the next one waits
// for. If it does not answer the connection is closed.
const (
	cancelAfter = 50 * time.Millisecond
	closeAfter  = time.Second
)

// Open makes a sink for a table of the database at a URL, "postgres://user@host:5432/database?sslmode=require", or a
// string of keywords and values, "host=... dbname=...". What it leaves out comes from the environment (PGHOST,
// PGPASSWORD, PGPASSFILE and the others) and the user's .pgpass, as for psql. The table is made unless it is there.
//
// It does not connect yet: that the database cannot be reached is the error of the first run.
func Open(url, table string) (*Sink, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("pgsink: the URL of the database: %w", err) // pgx leaves out the password
	}
	// A statement takes one way to the server and back, not two when a connection first sees it: few come often.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	// Otherwise it is that of the database, and pgx sends UTF-8.
	config.RuntimeParams["client_encoding"] = "UTF8"
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, CancelRequestDelay: cancelAfter, DeadlineDelay: closeAfter}
	}
	// A batch may well take longer than the second after which pgx would ask a connection whether it is still there.
	ping := stdlib.OptionShouldPing(func(_ context.Context, p stdlib.ShouldPingParams) bool { return p.IdleDuration > pingAfter })
	s := New(stdlib.OpenDB(*config, ping), table)
	s.DB.SetMaxIdleConns(maxIdle)
	s.DB.SetConnMaxIdleTime(idle)
	s.opened = true
	return s, nil
}

// New makes a sink for a table of a database that is open: by the driver "pgx", by [stdlib.OpenDB], or from a pool by
// [stdlib.OpenDBFromPool]. It needs a connection for each worker of a run, and one more. Close leaves it open.
func New(db *sql.DB, table string) *Sink {
	return &Sink{Sink: sqlsink.Sink{DB: db, Database: database{}, Table: table, Create: true}}
}

// BatchBytes gives the size of batches where Pipeline.BatchBytes leaves it open: what a COPY and a commit cost by
// themselves does not count then.
func (s *Sink) BatchBytes() int { return 1 << 20 }

// Close closes the connections that Open made. It is called when no run writes any more.
func (s *Sink) Close() error {
	if !s.opened {
		return nil
	}
	return s.DB.Close()
}

// database is PostgreSQL.
type database struct{}

// Flavor gives PostgreSQL's SQL.
func (database) Flavor() sqlsink.Flavor {
	return sqlsink.Flavor{
		Name:        "PostgreSQL",
		Placeholder: sqlsink.Dollar,
		Quote:       sqlsink.DoubleQuote,
		MaxParams:   65535,
		ColumnType:  "TEXT",
		KeyType:     "TEXT",
		LongText:    "TEXT",
		Bytes:       "BYTEA",
		NowMillis:   "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
		// The lease of a run is made longer while its writers hold this.
		ShareLock: "FOR KEY SHARE",
		Immediate: "SET CONSTRAINTS ALL IMMEDIATE",
		// A column that is generated or numbered would be NOT NULL, and nothing would fill it.
		Like:             "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING IDENTITY",
		TransactionalDDL: true,
		Lock:             "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
	}
}
