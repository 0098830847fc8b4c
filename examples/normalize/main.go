// Normalize writes messy CSV files anew as UTF-8 with commas, double quotes where they are needed, LF line
// ends and no byte order mark, each under its own name in another directory.
//
//	go run ./examples/normalize [-repair] -out DIR FILE...
//
// As much as possible comes through, in the order of the file: a short or long row keeps the fields it
// has, a stray quote is text, a byte that fits no character is decoded by the next best encoding. Titles
// above the table, comments, blank lines and a header that comes again are left out. So are totals, notes and
// other tables below it and a row whose quote never closes: they are reported, with their lines. The header
// comes first where the file has one, and none is invented.
//
// With -repair rows that have the wrong number of fields, or quotes in the wrong places, are mended where the
// columns leave one way to read them; the first ones are reported.
//
// The exit code is 1 if a file could not be read or written, and then there is nothing new under its name;
// the others are written. Ctrl-C ends it in the same way, before the next file. 2 is for wrong usage.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sluicecsv/sluice/ingest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal is the system's
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("normalize", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("out", "", "the `directory` to write to; it is made if there is none")
	repair := flags.Bool("repair", false, "mend broken rows where the columns leave one way to read them")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: normalize [-repair] -out DIR FILE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *dir == "" || flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		fmt.Fprintln(stderr, "normalize:", err)
		return 1
	}
	code := 0
	written := map[string]string{} // the input, by the name of the output
	for i, in := range flags.Args() {
		if ctx.Err() != nil {
			fmt.Fprintln(stderr, "not begun:", strings.Join(flags.Args()[i:], ", "))
			return 1
		}
		out := filepath.Join(*dir, filepath.Base(in))
		var err error
		if other, ok := written[out]; ok {
			err = fmt.Errorf("%s has the same name: use another directory for it", other)
		} else {
			err = normalizeFile(ctx, in, out, *repair, stderr)
		}
		if err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", in, err)
			code = 1
			continue
		}
		written[out] = in
	}
	return code
}

// normalizeFile writes in to out. What out held before is replaced only when all is written.
func normalizeFile(ctx context.Context, in, out string, repair bool, stderr io.Writer) error {
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	defer src.Close()
	if same(src, out) {
		return errors.New("it would be overwritten: choose another directory")
	}
	tmp, err := os.CreateTemp(filepath.Dir(out), ".normalize-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails when it has been renamed
	defer tmp.Close()
	leftOut := func(_ context.Context, _ *ingest.Found, rejects []*ingest.RecordError) error {
		for _, bad := range rejects {
			fmt.Fprintf(stderr, "%s: left out: %v\n", in, bad)
		}
		return nil
	}
	status, err := normalize(ctx, src, tmp, repair, leftOut)
	for _, r := range status.Repairs {
		fmt.Fprintf(stderr, "%s: mended: %s, column %d: %s\n", in, r.Position, r.Column, r.Kind)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), out)
}

// same says whether there is a file at path that is f itself.
func same(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// normalize reads src and writes its records to dst. Those that cannot be read go to leftOut.
func normalize(ctx context.Context, src io.Reader, dst io.Writer, repair bool, leftOut ingest.RejectFunc) (ingest.Status, error) {
	p := ingest.Pipeline{
		Policy: ingest.Policy{
			Bad:        ingest.Reject,
			Short:      ingest.Keep,
			Long:       ingest.Keep,
			StrayQuote: ingest.Keep,
			Encoding:   ingest.Rescue,
			NUL:        ingest.Strip,
			Repair:     repair,
		},
		Rejects: leftOut,
		Workers: 1,    // the order of the file is kept
		Reuse:   true, // writer keeps nothing of a batch
	}
	return p.Run(ctx, src, &writer{out: bufio.NewWriter(dst)})
}

// writer writes a header and records. It is its own sink, for one run.
type writer struct{ out *bufio.Writer }

func (w *writer) Open(_ context.Context, found *ingest.Found) (ingest.Writer, error) {
	if found.Dialect.HeaderRows > 0 {
		w.out.WriteString(line(found.Pin().Header)) // names as they stand in the file, not made unique
	}
	return w, nil
}

func (w *writer) Write(_ context.Context, b *ingest.Batch) error {
	for _, record := range b.All() {
		w.out.WriteString(line(record.Fields()[:record.Given()])) // Flush gives its error
	}
	return nil
}

// Close flushes, and not who called Run: a Write that its context ended in may still be under way when Run returns.
func (w *writer) Close(_ context.Context, cause error) error {
	if cause != nil {
		return nil
	}
	return w.out.Flush()
}

// line writes a record. A line of one empty field has quotes as well: without them it would be a blank one.
func line(fields []string) string {
	quoted := make([]string, len(fields))
	for i, f := range fields {
		quoted[i] = f
		if strings.ContainsAny(f, ",\"\r\n") || f == "" && len(fields) == 1 {
			quoted[i] = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
	}
	return strings.Join(quoted, ",") + "\n"
}
