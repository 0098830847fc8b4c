// Load puts CSV files, whatever their encodings and dialects, into tables of a database: SQLite, PostgreSQL, MySQL or
// MariaDB.
//
//	go -C examples run ./load -db /tmp/out.db FILE...
//	go -C examples run ./load -db postgres://user@host/database FILE...
//
// Paths are relative to where the program runs, with -C that is examples. The database is the path of a SQLite file, or a
// postgres:// or mysql:// URL. A URL with a password is not taken from the arguments, which everybody on the machine can
// see, but from DATABASE_URL, or with -db @FILE from a file; the password alone can be in PGPASSWORD or MYSQL_PWD.
//
// Each file gets a table, which is named after it; all columns are text. While it loads, a bar shows how
// far it is, how fast, and what it waits for; where standard error is no terminal there are log lines. At
// the end there is a report: what was found, what was loaded, what was rejected and why. Rejected records,
// also those that the database refuses, go to NAME.rejects.csv next to a SQLite file, else in the current directory. They
// can be mended there; load that file with -append, and it goes into the same table.
//
// What is stored is stored once: when the program was stopped or killed, or the database was away, start it again with the
// same arguments, and it goes on where it ended. A file that is loaded already is not loaded again, and of one that has
// grown what is new is. A load is known by the file's path and the table; -run gives it a name instead, and with another
// name the same file, or another one in its place, is loaded as a new one. After a kill it takes some seconds
// until the load is taken over.
//
// A table that was there before a load is left alone, unless -append says that the rows are to be added. So that
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
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
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
	db := flags.String("db", "", "the `database`: a SQLite file, which is made if there is none, a postgres:// or mysql:// URL without a password, or @FILE, which holds either (default: $DATABASE_URL)")
	flags.StringVar(&l.table, "table", "", "the `name` of one table for all files (default: one for each, named after it)")
	flags.StringVar(&l.rejects, "rejects", "", "the `directory` for rejected records; it is made if there is none (default: that of the SQLite file, else the current one)")
	flags.StringVar(&l.pipeline.RunID, "run", "", "the `name` by which the ledger knows the load of the one file (default: made of its path and the table)")
	flags.BoolVar(&l.add, "append", false, "add to a table that is there already")
	flags.StringVar(&l.pipeline.Encoding, "encoding", "", "the files' `encoding`, such as windows-1250 (default: sniffed)")
	delimiter := flags.String("delimiter", "", "the `text` between two fields, such as \";\" or \"\\t\" (default: sniffed)")
	flags.StringVar(&l.pipeline.Dialect.Quote, "quote", "", "the `text` around a field, such as \"'\", or none (default: sniffed)")
	flags.Func("short", "the `action` for records with too few fields: keep (with NULL for the rest) or reject (default: reject)", l.setShort)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: load [-db FILE|URL|@FILE] [-table NAME] [-rejects DIR] [-run NAME] [-append] [-encoding NAME] [-delimiter TEXT] [-quote TEXT] [-short keep|reject] FILE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var err error
	l.db, err = databaseOf(*db)
	switch {
	case flags.NArg() == 0 || errors.Is(err, errNone):
		flags.Usage()
		return 2
	case err != nil:
		fmt.Fprintln(stderr, "load:", err)
		return 2
	case l.pipeline.RunID != "" && flags.NArg() > 1:
		fmt.Fprintln(stderr, "load: -run names the load of one file: give one file")
		return 2
	}
	if l.rejects == "" {
		l.rejects = l.db.dir()
	} else if err := os.MkdirAll(l.rejects, 0o777); err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return 1
	}
	l.pipeline.Policy.Bad = ingest.Reject
	l.pipeline.Reuse = true // the databases' sinks keep no batch
	l.pipeline.Lease = lease
	l.pipeline.Dialect.Delimiter = strings.ReplaceAll(*delimiter, `\t`, "\t")
	if err := l.pipeline.Validate(); err != nil {
		fmt.Fprintln(stderr, "load:", own(err.Error()))
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
	pipeline ingest.Pipeline // with the RunID of the one file, or none
	db       database
	rejects  string // directory
	table    string // "": named after the file
	add      bool
	out      io.Writer
	stderr   *os.File
	terminal bool
	made     map[string]bool // tables of this run of the program
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

// lease is how long a load that was killed still counts as one that is under way.
const lease = 5 * time.Second

// load loads one file.
func (l *loader) load(ctx context.Context, path, number string) result {
	name := baseName(path)
	r := result{path: path, db: l.db.name, table: l.table, rejects: filepath.Join(l.rejects, name+".rejects.csv")}
	if r.table == "" {
		r.table = tableName(name)
	}
	r.err = l.fill(ctx, &r, number)
	return r
}

// fill loads the file of a result, and notes there what became of it.
func (l *loader) fill(ctx context.Context, r *result, number string) (err error) {
	src, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory", r.path)
	}
	p := l.pipeline
	if p.RunID == "" {
		if p.RunID, err = runID(r.path, r.table); err != nil {
			return err
		}
	}
	t := &target{database: l.db, table: r.table}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := l.check(ctx, r, t, p.RunID); err != nil {
		return err
	}
	if l.terminal {
		bar := newBar(l.stderr, number+"  "+filepath.Base(r.path))
		defer bar.remove()
		p.Reporter, p.ReportEvery = bar, refresh
	} else {
		p.Reporter, p.ReportEvery = ingest.LogReporter(slog.New(slog.NewTextHandler(l.stderr, nil))), 5*time.Second
	}
	to := t.sink()
	if info.Mode().IsRegular() && info.Size() == 0 {
		to = nowhere
	}
	r.status, err = p.Run(ctx, src, to)
	if r.status.Rejected > 0 {
		kept := r.keepRejects(ctx, t)
		r.unwritten = kept != nil
		err = errors.Join(err, kept)
	}
	return err
}

// nowhere takes what a file of no bytes has, so that nothing is made for it.
var nowhere = ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return nil })

// check says what keeps a file from being loaded into its table. What is begun goes on; what is new must not get among
// what is there already.
func (l *loader) check(ctx context.Context, r *result, t *target, run string) error {
	known, rows, err := t.known(ctx, run)
	if err != nil {
		return err
	}
	there, err := t.there(ctx)
	if err != nil {
		return err
	}
	r.known, r.before = known, rows
	mayAdd := l.add || l.table != "" && l.made[l.table]
	_, missing := os.Stat(r.rejects)
	switch {
	case known && rows > 0 && !there:
		return fmt.Errorf("the ledger says that %s in table %q, which is not in %s any more: load the file anew with -run NAME", were(rows), r.table, r.db)
	case !known && missing == nil:
		return fmt.Errorf("%s holds rejects of an earlier run: load them when they are mended, or move the file away", r.rejects)
	case !known && there && !mayAdd:
		return fmt.Errorf("table %q is already in %s: load into another one with -table, or add to it with -append", r.table, r.db)
	}
	l.made[r.table] = true
	return nil
}

// keepRejects writes the rejects to their file, also when the run has been stopped, but not for long then.
func (r *result) keepRejects(ctx context.Context, t *target) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lease)
		defer cancel()
	}
	return t.writeRejects(ctx, r.rejects, r.status.Found)
}

// runID names the load of a file into a table, the same whenever it is started.
func runID(path, table string) (string, error) {
	abs, err := filepath.Abs(path)
	sum := sha256.Sum256([]byte(abs + "\x00" + table))
	return "load-" + hex.EncodeToString(sum[:8]), err
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
	if table == "" || unicode.IsDigit([]rune(table)[0]) || strings.HasPrefix(table, "sqlite_") || strings.HasPrefix(table, "sluice_") {
		table = strings.TrimSuffix("t_"+table, "_")
	}
	return table
}
