package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

// A server is a store with a server of its own.
type server struct {
	*servertest.Server
	db    *sql.DB
	types [kinds]string
	rest  string // a statement by which it writes what it still has to write; "": there is none
}

// serve is for a server that has been started.
func serve(s *servertest.Server, driver string, types [kinds]string, rest string) (store, error) {
	db, err := sql.Open(driver, s.DSN())
	if err != nil {
		s.Remove()
		return nil, err
	}
	return &server{s, db, types, rest}, nil
}

func (s *server) dsn() string { return s.DSN() }

func (s *server) create(ctx context.Context, of *shape) error {
	return execute(ctx, s.db, "DROP TABLE IF EXISTS "+table, of.create(table, s.types))
}

func (s *server) empty(ctx context.Context) error {
	return execute(ctx, s.db, "TRUNCATE TABLE "+table, s.rest)
}

func (s *server) content(ctx context.Context) (content, error) { return contentOf(ctx, s.db) }

func (s *server) stop() error {
	s.db.Close()
	return s.Remove()
}

// cpu adds up what the processes of the server have used, those that have ended included: they are in the account of
// their parent. In /proc/PID/stat these are utime, stime, cutime and cstime, in hundredths of a second (proc(5)).
func (s *server) cpu() (time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	type process struct{ parent, ticks int }
	all := map[int]process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return 0, err
		}
		// The second field is the program's name, in parentheses, and may have anything in it.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		var p process
		for i, name := range fields {
			n, _ := strconv.Atoi(name) // the state is none
			switch i + 3 {
			case 4:
				p.parent = n
			case 14, 15, 16, 17:
				p.ticks += n
			}
		}
		all[pid] = p
	}
	root := s.Process()
	if _, ok := all[root]; !ok {
		return 0, fmt.Errorf("the server's process %d is not in /proc", root)
	}
	ticks := 0
	for pid, p := range all {
		if pid == root || p.parent == root {
			ticks += p.ticks
		}
	}
	return time.Duration(ticks) * (time.Second / 100), nil
}

// execute executes statements; "" is none.
func execute(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, s := range statements {
		if s == "" {
			continue
		}
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func contentOf(ctx context.Context, db *sql.DB) (c content, err error) {
	var ids, cents float64 // sums are decimals in some databases, and whole numbers below 2^53 here
	err = db.QueryRowContext(ctx, query(table)).Scan(&c.Rows, &ids, &cents)
	c.IDs, c.Cents = int64(ids), int64(cents)
	return c, err
}
