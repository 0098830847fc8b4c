// Load puts CSV files, whatever their encodings and dialects, into tables of a SQLite database.
//
//	go -C examples run ./load -db /tmp/out.db FILE...
//
// Paths are relative to where the program runs, with -C that is examples.
//
// Each file gets a table, which is named after it; all columns are text. While it loads, a bar shows how
// far it is, how fast, and what it waits for; where standard error is no terminal there are log lines. At
// the end there is a report: what was found, what was loaded, what was rejected and why. Rejected records
// go to NAME.rejects.csv next to the database, where they can be mended; load that file with -append, and
// it goes into the same table.
//
// A table that is there already is left alone, unless -append says that the rows are to be added. So that
// a guess that was wrong can be put right, -encoding, -delimiter and -quote pin what would be sniffed. With
// -short keep, records that have too few fields are loaded as well, and what they lack is NULL.
//
// Ctrl-C stops soon, and the report says what is stored; a second one ends the program on the spot.
//
// The exit code is 0 when each record of all files is loaded or in a file of rejects, 1 when a file could
// not be loaded to its end (the next ones are loaded all the same), and 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/vbauerster/mpb/v8/cwriter"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal is the system's
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) int {
	l := loader{out: stdout, stderr: stderr, terminal: cwriter.IsTerminal(int(stderr.Fd())), made: map[string]bool{}}
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&l.db, "db", "", "the SQLite `file`; it is made if there is none")
	flags.StringVar(&l.table, "table", "", "the `name` of one table for all files (default: one for each, named after it)")
	flags.StringVar(&l.rejects, "rejects", "", "the `directory` for rejected records; it is made if there is none (default: that of the database)")
	flags.BoolVar(&l.add, "append", false, "add to a table that is there already")
	flags.StringVar(&l.pipeline.Encoding, "encoding", "", "the files' `encoding`, such as windows-1250 (default: sniffed)")
	delimiter := flags.String("delimiter", "", "the `text` between two fields, such as \";\" or \"\\t\" (default: sniffed)")
	flags.StringVar(&l.pipeline.Dialect.Quote, "quote", "", "the `text` around a field, such as \"'\", or none (default: sniffed)")
	flags.Func("short", "the `action` for records with too few fields: keep (with NULL for the rest) or reject (default: reject)", l.setShort)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: load -db FILE [-table NAME] [-rejects DIR] [-append] [-encoding NAME] [-delimiter TEXT] [-quote TEXT] [-short keep|reject] FILE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if l.db == "" || flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	if l.rejects == "" {
		l.rejects = filepath.Dir(l.db)
	} else if err := os.MkdirAll(l.rejects, 0o777); err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return 1
	}
	l.pipeline.Policy.Bad = ingest.Reject
	l.pipeline.Dialect.Delimiter = strings.ReplaceAll(*delimiter, `\t`, "\t")
	if err := l.pipeline.Validate(); err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return 2
	}

	code := 0
	files := flags.Args()
	for i, path := range files {
		if ctx.Err() != nil {
			fmt.Fprintf(l.out, "not begun: %s\n", strings.Join(files[i:], ", "))
			return 1
		}
		r := l.load(ctx, path, fmt.Sprintf("%d of %d", i+1, len(files)))
		r.print(l.out)
		if r.err != nil {
			code = 1
		}
	}
	return code
}

// A loader loads one file after the other.
type loader struct {
	pipeline    ingest.Pipeline
	db, rejects string
	table       string // "": named after the file
	add         bool
	out         io.Writer
	stderr      *os.File
	terminal    bool
	made        map[string]bool // tables of this run of the program
}

// setShort says what becomes of records that have too few fields.
func (l *loader) setShort(what string) error {
	switch a := ingest.Action(what); a {
	case ingest.Keep, ingest.Reject:
		l.pipeline.Policy.Short = a
		return nil
	}
	return errors.New("use keep or reject")
}

// load loads one file.
func (l *loader) load(ctx context.Context, path, number string) result {
	name := baseName(path)
	r := result{path: path, db: l.db, table: l.table, rejects: filepath.Join(l.rejects, name+".rejects.csv")}
	if r.table == "" {
		r.table = tableName(name)
	}
	r.status, r.err = l.fill(ctx, r, number)
	return r
}

func (l *loader) fill(ctx context.Context, r result, number string) (status ingest.Status, err error) {
	src, err := os.Open(r.path)
	if err != nil {
		return status, err
	}
	defer src.Close()
	if info, err := src.Stat(); err != nil {
		return status, err
	} else if info.IsDir() {
		return status, fmt.Errorf("%s is a directory", r.path)
	}
	if _, err := os.Stat(r.rejects); err == nil {
		return status, fmt.Errorf("%s holds rejects of an earlier run: load them when they are mended, or move the file away", r.rejects)
	}
	sink := &target{db: l.db, table: r.table}
	defer func() { err = errors.Join(err, sink.close()) }()
	there, err := sink.there(ctx)
	switch mayAdd := l.add || l.table != "" && l.made[l.table]; {
	case err != nil:
		return status, err
	case there && !mayAdd:
		return status, fmt.Errorf("table %q is already in %s: load into another one with -table, or add to it with -append", r.table, l.db)
	}
	l.made[r.table] = true

	rejects := ingest.NewRejectFile(r.rejects)
	p := l.pipeline
	p.Rejects = rejects
	if l.terminal {
		bar := newBar(l.stderr, number+"  "+filepath.Base(r.path))
		defer bar.remove()
		p.Reporter, p.ReportEvery = bar, refresh
	} else {
		p.Reporter, p.ReportEvery = ingest.LogReporter(slog.New(slog.NewTextHandler(l.stderr, nil))), 5*time.Second
	}
	status, err = p.Run(ctx, src, sink)
	return status, errors.Join(err, rejects.Close())
}

// A target is the table that a file goes into. It makes no database before there is something to store.
type target struct {
	db, table string
	sink      *sqlitesink.Sink // nil: not open
}

// there says whether the database has the table.
func (t *target) there(ctx context.Context) (bool, error) {
	if _, err := os.Stat(t.db); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err := t.open(); err != nil {
		return false, err
	}
	var n int
	err := t.sink.DB.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = ? COLLATE NOCASE`, t.table).Scan(&n)
	return n > 0, err
}

func (t *target) open() (err error) {
	if t.sink == nil {
		t.sink, err = sqlitesink.Open(t.db, t.table)
	}
	return err
}

func (t *target) close() error {
	if t.sink == nil {
		return nil
	}
	return t.sink.Close()
}

// Open makes the target a Sink.
func (t *target) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	if err := t.open(); err != nil {
		return nil, err
	}
	return t.sink.Open(ctx, found)
}

// baseName gives a file's name without what says how it is packed and written.
func baseName(path string) string {
	name := filepath.Base(path)
	for _, packed := range []string{".gz", ".bz2", ".zip"} {
		name = strings.TrimSuffix(name, packed)
	}
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// tableName makes a name that needs no quotes in SQL. Mended rejects go into the table they are from.
func tableName(name string) string {
	for strings.HasSuffix(name, ".rejects") {
		name = strings.TrimSuffix(name, ".rejects")
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	table := strings.ToLower(strings.Join(words, "_"))
	if table == "" || unicode.IsDigit([]rune(table)[0]) || strings.HasPrefix(table, "sqlite_") {
		table = strings.TrimSuffix("t_"+table, "_")
	}
	return table
}
