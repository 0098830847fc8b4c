// Package sqlitesink writes records into SQLite files. The database is compiled to Go: no C compiler is
// needed.
//
//	sink, err := sqlitesink.Open("out.db", "contacts")
//	if err != nil {
//		return err
//	}
//	defer sink.Close()
//	status, err := ingest.Run(ctx, file, sink)
package sqlitesink

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"

	_ "modernc.org/sqlite" // the driver
)

// A Sink writes records into a table of a SQLite file. The settings are those of the [sqlsink.Sink] in it;
// Open fills them in, and they can be changed until the first run.
//
// The file is in WAL mode, so that others can read it while a run writes. It is synced to the disk at
// every checkpoint, not at every commit: a batch that was acknowledged outlives the program, also when
// that is killed; when the machine loses power, the last batches may be missing, but none is there in
// part. What is missing is missing in the ledger as well, so that a run that goes on writes it again. A batch for
// which the disk has no room is rolled back: its error is never [sqlsink.ErrInDoubt].
//
// With a Mode other than Append what is put aside has no NOT NULL and no checks: a record that the table refuses is found
// when the run is done.
type Sink struct {
	sqlsink.Sink

	// Wait is how long a write waits for another program to release its lock on the file. Default 30 s.
	Wait time.Duration

	path   string
	anchor *sql.DB // of a database in memory, which ends with its last connection: DB may have to give up its only one
}

// maxParams is the most parameters of a statement. SQLite takes 32,766, but the driver looks each one up
// among all of them: statements are fastest at this size.
const maxParams = 100

// busy is how long SQLite itself waits for a lock. It cannot be canceled while it does.
const busy = 20 * time.Millisecond

// defaultWait is that of Sink.Wait.
const defaultWait = 30 * time.Second

// Open opens a SQLite file, or makes it, for records that go into a table; that is made too unless it is
// there. The path ":memory:" is a database in memory, of this sink alone, which is gone after Close.
//
// A Sink has one connection, as SQLite has one writer at a time: the workers of a run take turns. Several
// sinks, in one program or in many, can write into the same file.
func Open(path, table string) (*Sink, error) {
	dsn, err := source(path)
	if err != nil {
		return nil, explain(path, err)
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, explain(path, err)
	}
	db.SetMaxOpenConns(1)
	s := &Sink{
		Sink: sqlsink.Sink{DB: db, Database: database{}, Table: table, Create: true},
		path: path,
	}
	if path == inMemory {
		if s.anchor, err = sql.Open("sqlite", dsn); err != nil {
			db.Close()
			return nil, explain(path, err)
		}
	}
	if err := s.patiently(context.Background(), s.ping); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// ping connects.
func (s *Sink) ping() error {
	if s.anchor != nil {
		if err := s.anchor.Ping(); err != nil {
			return err
		}
	}
	return s.DB.Ping()
}

// inMemory is the path of a database in memory.
const inMemory = ":memory:"

// opened numbers the databases in memory: each has a name of its own, under which several connections find it.
var opened atomic.Int64

// source gives the name under which the driver opens a file, with the settings of every connection.
func source(path string) (string, error) {
	settings := url.Values{
		"_busy_timeout": {strconv.FormatInt(busy.Milliseconds(), 10)},
		"_pragma":       {"journal_mode(WAL)", "synchronous(NORMAL)"},
		"_txlock":       {"immediate"}, // a transaction that is to write waits at its begin, where nothing is lost
	}
	var name string
	if path == inMemory {
		name = fmt.Sprintf("file:sluice-%d", opened.Add(1))
		settings.Set("mode", "memory")
		settings.Set("cache", "shared")
	} else {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		abs = filepath.ToSlash(abs)
		if !strings.HasPrefix(abs, "/") {
			abs = "/" + abs // of Windows: file:///C:/
		}
		name = (&url.URL{Scheme: "file", Path: abs}).String()
	}
	return name + "?" + settings.Encode(), nil
}

// BatchBytes gives the size of batches where Pipeline.BatchBytes leaves it open: what a commit costs by itself does not
// count then.
func (s *Sink) BatchBytes() int { return 1 << 20 }

// Close closes the file. It is called when no run writes any more.
func (s *Sink) Close() error {
	err := s.DB.Close()
	if s.anchor != nil {
		err = errors.Join(err, s.anchor.Close())
	}
	return explain(s.path, err)
}

// Open makes a writer, and the table.
func (s *Sink) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	var w ingest.Writer
	err := s.patiently(ctx, func() (err error) {
		w, err = s.Sink.Open(ctx, found)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &writer{sink: s, to: w.(ingest.SelectiveWriter)}, nil
}

type writer struct {
	sink *Sink
	to   ingest.SelectiveWriter
}

func (w *writer) Write(ctx context.Context, b *ingest.Batch) error {
	return w.sink.patiently(ctx, func() error { return w.to.Write(ctx, b) })
}

func (w *writer) WriteGood(ctx context.Context, b *ingest.Batch) ([]*ingest.RecordError, error) {
	return patiently(ctx, w.sink, func() ([]*ingest.RecordError, error) { return w.to.WriteGood(ctx, b) })
}

func (w *writer) Close(ctx context.Context, cause error) error {
	return explain(w.sink.path, w.to.Close(ctx, cause))
}

// patiently does something again while the file is locked by others, of which nothing is stored then. It
// waits here and not in SQLite, where a wait cannot be canceled.
func (s *Sink) patiently(ctx context.Context, do func() error) error {
	until := time.Now().Add(cmp.Or(s.Wait, defaultWait))
	for {
		err := do()
		if !locked(err) || time.Now().After(until) {
			return explain(s.path, err)
		}
		select {
		case <-ctx.Done():
			return explain(s.path, ctx.Err())
		case <-time.After(busy):
		}
	}
}
