// Customsink writes the records of a CSV file as newline-delimited JSON: it shows what a sink of your own
// looks like. The test next to it shows how to find out whether it keeps its promises.
//
//	go run ./examples/customsink -out DIR FILE
//
// Each worker writes a file of its own, so that none waits for another; the order of the records is lost.
// The files get their names, part-NN.ndjson, when the whole run has gone well; until then, and when it
// fails, there is nothing in DIR that could be taken for a result.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("customsink", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("out", "", "the `directory` to make and write to")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: customsink -out DIR FILE")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *dir == "" || flags.NArg() != 1 {
		flags.Usage()
		return 2
	}
	status, err := load(ctx, flags.Arg(0), *dir)
	if err != nil {
		fmt.Fprintln(stderr, "customsink:", err)
		return 1
	}
	fmt.Fprintf(stdout, "%d records written to %s, %d rejected\n", status.Delivered, *dir, status.Rejected)
	return 0
}

func load(ctx context.Context, path, dir string) (ingest.Status, error) {
	file, err := os.Open(path)
	if err != nil {
		return ingest.Status{}, err
	}
	defer file.Close()
	if err := os.Mkdir(dir, 0o777); err != nil {
		return ingest.Status{}, err // parts of an earlier run must not stand among ours
	}
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Reuse: true} // the sink keeps no batch
	status, err := p.Run(ctx, file, &Sink{Dir: dir})
	if err != nil {
		os.Remove(dir) // only if it is empty
	}
	return status, err
}

// A Sink writes newline-delimited JSON to files in Dir, which must exist: an object a record, its columns in
// the order of the table, a field without a value as null. Fields beyond the columns
// (Policy.Long: Keep) are in a list under "", which no column is called.
//
// A Sink serves one run. If the process dies, temporary files are left, whose names begin with a dot.
type Sink struct {
	Dir string

	writers int
}

// Open makes a temporary file. A run never opens two writers at the same time, so that counting them
// needs no lock.
func (s *Sink) Open(_ context.Context, found *ingest.Found) (ingest.Writer, error) {
	tmp, err := os.CreateTemp(s.Dir, ".part-*")
	if err != nil {
		return nil, err
	}
	w := &writer{file: tmp, name: filepath.Join(s.Dir, fmt.Sprintf("part-%02d.ndjson", s.writers))}
	s.writers++
	for _, name := range found.Header.Names() {
		w.keys = append(w.keys, quote(name)+":")
	}
	return w, nil
}

// writer writes one file. Only one goroutine at a time uses it.
type writer struct {
	file *os.File
	name string   // that the file gets in the end
	keys []string // of the columns, as JSON
	size int64    // of what is written of whole batches
}

// Write writes a batch in one go. If that fails the file is cut back to where it was, for a batch that
// failed must leave nothing: it may come again.
func (w *writer) Write(ctx context.Context, b *ingest.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var out bytes.Buffer
	for _, r := range b.All() {
		w.object(&out, r)
	}
	if _, err := w.file.WriteAt(out.Bytes(), w.size); err != nil {
		return errors.Join(err, w.file.Truncate(w.size))
	}
	w.size += int64(out.Len())
	return nil
}

// object writes a record as a line of JSON.
func (w *writer) object(out *bytes.Buffer, r ingest.Record) {
	sep := "{"
	for i, key := range w.keys {
		out.WriteString(sep + key)
		sep = ","
		if r.Null(i) {
			out.WriteString("null")
		} else {
			out.WriteString(quote(r.Field(i)))
		}
	}
	if extra := r.Fields()[len(w.keys):]; len(extra) > 0 {
		for i, f := range extra {
			extra[i] = quote(f)
		}
		out.WriteString(sep + `"":[` + strings.Join(extra, ",") + "]")
	}
	out.WriteString("}\n")
}

// quote writes s as JSON.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}

// Close is called when no writer of the run has anything left to write: only now is it known whether all
// went well, and the file may be seen.
func (w *writer) Close(_ context.Context, cause error) error {
	if cause != nil {
		return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
	}
	err := errors.Join(w.file.Sync(), w.file.Chmod(0o644), w.file.Close())
	if err == nil {
		err = os.Rename(w.file.Name(), w.name)
	}
	if err != nil {
		os.Remove(w.file.Name())
	}
	return err
}
