// Package mysqlsink writes records into MySQL and MariaDB.
//
//	sink, err := mysqlsink.Open(os.Getenv("DATABASE_URL"), "contacts")
//	if err != nil {
//		return err
//	}
//	defer sink.Close()
//	status, err := ingest.Run(ctx, file, sink)
//
// Records go in by LOAD DATA LOCAL, straight from memory: no file is read or written. The server must allow it (its
// variable local_infile, which MySQL has off); where it does not, they go in by INSERT statements of many rows, which is
// slower. A row is never cut, changed or passed over: what the table cannot take as it is, is an error.
//
// Some things are the server's own ways, by LOAD DATA and INSERT alike:
//   - Decimals are rounded to what the column has, and so are fractions of seconds.
//   - A NULL in an AUTO_INCREMENT column is the next number (a 0 is a 0), and in a TIMESTAMP NOT NULL of MariaDB the present
//     time.
//   - CREATE, ALTER, DROP and RENAME commit what was before them.
//
// Tables must be of an engine with transactions, as InnoDB is.
package mysqlsink

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A Sink writes records into a table of a MySQL or MariaDB database. The settings are those of the [sqlsink.Sink] in
// it; Open and New fill them in, and they can be changed until the first run.
type Sink struct {
	sqlsink.Sink

	opened bool // the database is this sink's to close
}

// Open makes a sink for a table, which is made unless it is there. It connects to the server when it is first used.
//
// The DSN is the driver's (github.com/go-sql-driver/mysql) or a URL, with the same parameters, and with socket for the
// path of a Unix socket:
//
//	user:password@tcp(host:3306)/database?tls=true
//	mysql://user:password@host:3306/database?tls=true
//
// The session is strict (sql_mode) and in utf8mb4, whatever the DSN and the server say; the server cannot ask for files
// (allowAllFiles). No error has the DSN in it.
func Open(dsn, table string) (*Sink, error) {
	cfg, err := config(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errDSN
	}
	s := New(sql.OpenDB(connector), table)
	s.opened = true
	return s, nil
}

// New makes a sink for a table of a database that the caller has opened, and closes. It is to be opened with
// clientFoundRows=true and in utf8mb4, as the driver does by itself. The connections that are written over are set to utf8mb4
// and a strict sql_mode, and stay so.
func New(db *sql.DB, table string) *Sink {
	return &Sink{Sink: sqlsink.Sink{DB: db, Database: &database{}, Table: table, Create: true}}
}

// BatchBytes gives the size of batches where Pipeline.BatchBytes leaves it open: what a LOAD DATA and a commit cost by
// themselves does not count then.
func (s *Sink) BatchBytes() int { return 1 << 20 }

// Open makes a writer, and the table. What is known of the table is asked for anew: it may have been changed since the run
// before.
func (s *Sink) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	if d, ok := s.Database.(*database); ok {
		d.last.Store(nil)
	}
	return s.Sink.Open(ctx, found)
}

// Close closes the connections, unless they are of a database that was given to New. It is called when no run writes any
// more.
func (s *Sink) Close() error {
	if !s.opened {
		return nil
	}
	return s.DB.Close()
}

// errDSN says nothing of what is in the DSN.
var errDSN = errors.New("mysqlsink: the DSN cannot be read: it is user:password@tcp(host:3306)/database?parameters, " +
	"or mysql://user:password@host:3306/database?parameters, where what is special in a URL is written as %XX")

// config reads a DSN, and sets what loading needs.
func config(dsn string) (*mysql.Config, error) {
	read := mysql.ParseDSN
	if strings.HasPrefix(dsn, "mysql://") || strings.HasPrefix(dsn, "mariadb://") {
		read = parseURL
	}
	cfg, err := read(dsn)
	if err != nil {
		return nil, errDSN
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["sql_mode"] = sqlMode
	cfg.Params["sql_notes"] = "0"
	cfg.ClientFoundRows = true   // an UPDATE counts the rows that it finds, also those that stay as they were
	cfg.InterpolateParams = true // one way to the server and back for a statement, not two
	cfg.MaxAllowedPacket = 0     // the server's
	cfg.AllowAllFiles = false
	cfg.Logger = &mysql.NopLogger{} // errors are returned
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, errDSN
	}
	return cfg, nil
}

// parseURL reads a URL.
func parseURL(text string) (*mysql.Config, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	params := u.Query()
	socket := params.Get("socket")
	params.Del("socket")
	address := "unix"
	if socket == "" {
		address = "tcp(" + net.JoinHostPort(cmp.Or(u.Hostname(), "127.0.0.1"), cmp.Or(u.Port(), "3306")) + ")"
	}
	cfg, err := mysql.ParseDSN(address + "/?" + params.Encode())
	if err != nil {
		return nil, err
	}
	if socket != "" {
		cfg.Addr = socket
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	return cfg, nil
}

// Flavor gives the SQL of MySQL and MariaDB.
func (*database) Flavor() sqlsink.Flavor {
	return sqlsink.Flavor{
		Name:        "MySQL",
		Placeholder: sqlsink.Question,
		Quote:       sqlsink.Backtick,
		MaxParams:   65535,
		ColumnType:  "LONGTEXT CHARACTER SET utf8mb4",
		KeyType:     "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		LongText:    "LONGTEXT CHARACTER SET utf8mb4",
		Bytes:       "LONGBLOB",
		Session:     session,
		NowMillis:   "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
		ShareLock:   "LOCK IN SHARE MODE",
		Upsert:      sqlsink.UpdateJoin,
		// Locks are the server's, not the database's, and their names are short. It waits for a year.
		Lock: "SELECT GET_LOCK(SHA1(CONCAT_WS(' ', DATABASE(), ?)), 31536000)",
	}
}
