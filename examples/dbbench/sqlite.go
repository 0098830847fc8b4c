package main

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

var sqlite = &database{
	name:  "SQLite",
	start: func(dir string) (store, error) { return &sqliteFile{path: filepath.Join(dir, "bench.db")}, nil },
	engines: []engine{
		{name: ".import", command: func(ctx context.Context, s store, f *file) *exec.Cmd {
			return exec.CommandContext(ctx, "sqlite3", "-bail", s.dsn(), `.import --csv --skip 1 "`+f.path+`" `+table)
		}},
		{name: "sluice-2", job: &job{Loader: "sluice-sqlite", Workers: 2}},
		{name: "sluice-1", job: &job{Loader: "sluice-sqlite", Workers: 1}},
	},
}

// A sqliteFile is a store without a server.
type sqliteFile struct {
	path  string
	shape *shape
}

func (s *sqliteFile) dsn() string                 { return s.path }
func (s *sqliteFile) cpu() (time.Duration, error) { return 0, nil }

func (s *sqliteFile) create(_ context.Context, of *shape) error {
	s.shape = of
	return nil
}

// empty makes a new file.
func (s *sqliteFile) empty(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	return s.with(func(db *sql.DB) error {
		return execute(ctx, db, s.shape.create(table, [kinds]string{"INTEGER", "INTEGER", "NUMERIC", "REAL", "TEXT", "TEXT"}))
	})
}

func (s *sqliteFile) content(ctx context.Context) (c content, err error) {
	err = s.with(func(db *sql.DB) error {
		c, err = contentOf(ctx, db)
		return err
	})
	return c, err
}

// stop removes the file.
func (s *sqliteFile) stop() error {
	for _, more := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(s.path + more); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *sqliteFile) with(do func(*sql.DB) error) error {
	db, err := sql.Open("sqlite", s.path)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
