package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/mysqlsink"
	"github.com/sluicecsv/sluice/ingest/pgsink"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
)

// A database is where tables are: a SQLite file, or a database of a server.
type database struct {
	name    string // for people: there is no password in it
	address string // a path, or a URL
	kind    *kind
}

// A kind of database is what differs between them.
type kind struct {
	open  func(address, table string) (store, *sql.DB, error)
	there string // counts the tables of a name
	param string // how a statement's parameter is written
}

// A store is a sink that is a ledger as well.
type store interface {
	ingest.Sizer
	ingest.Ledger
	Rejects(ctx context.Context, run string) iter.Seq2[*ingest.RecordError, error]
	Close() error
}

// budget is how often a part of a batch may be refused: a table that was there before may refuse many records of a file, and each
// is to be told. It takes PostgreSQL about a millisecond.
const budget = 10_000

var (
	sqlite = kind{param: "?", there: `SELECT count(*) FROM sqlite_master WHERE name = ? COLLATE NOCASE`,
		open: func(path, table string) (store, *sql.DB, error) {
			s, err := sqlitesink.Open(path, table)
			if err != nil {
				return nil, nil, err
			}
			s.Budget = budget
			return s, s.DB, nil
		}}
	postgres = kind{param: "$1", there: `SELECT count(to_regclass(quote_ident($1)))`,
		open: func(address, table string) (store, *sql.DB, error) {
			s, err := pgsink.Open(address, table)
			if err != nil {
				return nil, nil, err
			}
			s.Budget = budget
			return s, s.DB, nil
		}}
	mysql = kind{param: "?", there: `SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?`,
		open: func(address, table string) (store, *sql.DB, error) {
			s, err := mysqlsink.Open(address, table)
			if err != nil {
				return nil, nil, err
			}
			s.Budget = budget
			return s, s.DB, nil
		}}
)

// kinds are those of servers, by the scheme of a URL.
var kinds = map[string]*kind{"postgres": &postgres, "postgresql": &postgres, "mysql": &mysql, "mariadb": &mysql}

var (
	errNone     = errors.New("no database is given")
	errPassword = errors.New("there is a password in -db, and arguments are seen by everybody on this machine: " +
		"put the URL into the environment as DATABASE_URL, or into a file that only you can read and give -db @FILE, or leave the password to PGPASSWORD or MYSQL_PWD")
	errURL = errors.New("the URL of the database cannot be read: it is postgres://user:password@host:port/database or mysql://..., " +
		"and what is special in a URL is written as %XX")
)

// databaseOf gives the database that the argument -db names: a path, a URL, or with "@" before it a file that holds one of
// these. Without an argument the environment names it.
func databaseOf(arg string) (database, error) {
	address := arg
	switch file, isFile := strings.CutPrefix(arg, "@"); {
	case isFile:
		text, err := os.ReadFile(file)
		if err != nil {
			return database{}, err
		}
		address = strings.TrimSpace(string(text))
	case arg == "":
		address = os.Getenv("DATABASE_URL")
	case hasPassword(arg):
		return database{}, errPassword
	}
	if address == "" {
		return database{}, errNone
	}
	scheme, _, isURL := strings.Cut(address, "://")
	if !isURL {
		return database{address, address, &sqlite}, nil
	}
	k := kinds[scheme]
	if k == nil {
		return database{}, errors.New("the URL of the database begins with postgres:// or mysql://; for SQLite give the path of the file")
	}
	u, err := url.Parse(address)
	if err != nil {
		return database{}, errURL // the error quotes the URL
	}
	password, known := u.User.Password()
	if known != userAndPassword(address) {
		return database{}, errURL // a part of the password could be taken for the host
	}
	if password == "" && k == &mysql {
		u.User = url.UserPassword(u.User.Username(), os.Getenv("MYSQL_PWD"))
		address = u.String()
	}
	return database{name: nameOf(u), address: address, kind: k}, nil
}

// nameOf gives a URL without what may be secret.
func nameOf(u *url.URL) string {
	short := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if user := u.User.Username(); user != "" {
		short.User = url.User(user)
	}
	return short.String()
}

// Passwords that are not in the first part of a URL: by name, as in "host=h password=p", and as drivers of Go write them,
// "user:password@tcp(host)/database".
var (
	namedPassword = regexp.MustCompile(`(?i)(pass|password|passwd|pwd)\s*=`)
	goPassword    = regexp.MustCompile(`^[^/\\]{2,}:[^/\\]*@`)
)

// hasPassword says that there may be a password in an address.
func hasPassword(address string) bool {
	return userAndPassword(address) || namedPassword.MatchString(address) || goPassword.MatchString(address)
}

// userAndPassword says that a URL has, or seems to have, a user and a password, whatever is in that.
func userAndPassword(address string) bool {
	_, rest, isURL := strings.Cut(address, "://")
	at := strings.LastIndexByte(rest, '@')
	return isURL && at >= 0 && strings.Contains(rest[:at], ":")
}

// dir gives the directory where rejects go by default.
func (d database) dir() string {
	if d.kind == &sqlite {
		return filepath.Dir(d.address)
	}
	return "."
}

// absent says that the database is a file that is not there.
func (d database) absent() bool {
	if d.kind != &sqlite {
		return false
	}
	_, err := os.Stat(d.address)
	return errors.Is(err, fs.ErrNotExist)
}

// A target is the table that a file goes into.
type target struct {
	database
	table string
	store         // nil: not open
	db    *sql.DB // of the store
}

func (t *target) open() (err error) {
	if t.store == nil {
		t.store, t.db, err = t.kind.open(t.address, t.table)
	}
	return err
}

func (t *target) close() error {
	if t.store == nil {
		return nil
	}
	return t.Close()
}

// there says whether the database has the table.
func (t *target) there(ctx context.Context) (bool, error) {
	if t.absent() {
		return false, nil
	}
	if err := t.open(); err != nil {
		return false, err
	}
	var n int
	if err := t.db.QueryRowContext(ctx, t.kind.there, t.table).Scan(&n); err != nil {
		return false, fmt.Errorf("cannot look for table %q: %w", t.table, err)
	}
	return n > 0, nil
}

// known says whether the ledger knows a run, and how many rows it has stored.
func (t *target) known(ctx context.Context, run string) (known bool, rows int64, err error) {
	if t.absent() {
		return false, 0, nil
	}
	if err := t.open(); err != nil {
		return false, 0, err
	}
	found, err := t.Find(ctx, run)
	if err != nil || found == nil || found.State == ingest.Undone {
		return false, 0, err
	}
	query := "SELECT COALESCE(SUM(delivered), 0) FROM sluice_windows WHERE run = " + t.kind.param
	return true, rows, t.db.QueryRowContext(ctx, query, run).Scan(&rows)
}

// sink gives what a run writes to.
func (t *target) sink() ingest.Sink {
	if t.store == nil {
		return newFile{t}
	}
	return t.store
}

// A newFile is a target that is a file which is not there. It is made when there is something to store.
type newFile struct{ *target }

func (f newFile) BatchBytes() int { return (*sqlitesink.Sink).BatchBytes(nil) }

func (f newFile) Find(context.Context, string) (*ingest.LedgerRun, error) { return nil, nil }

func (f newFile) Claim(ctx context.Context, run *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	if err := f.open(); err != nil {
		return nil, err
	}
	return f.store.Claim(ctx, run, lease)
}
