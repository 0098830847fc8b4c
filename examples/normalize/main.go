// Normalize writes messy CSV files anew as UTF-8 with commas, double quotes where they are needed, LF line
// ends and no byte order mark, each under its own name in another directory.
//
//	go run ./examples/normalize -out DIR FILE...
//
// As much as possible comes through, in the order of the file: a short or long row keeps the fields it
// has, a stray quote is text, a byte that fits no character is decoded by the next best encoding. Titles
// above the table, comments and blank lines are left out, and so is a row whose quote never closes: it is
// reported, with its line. The header comes first where the file has one, and none is invented.
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

	"github.com/sluicecsv/sluice/dialect"
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
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: normalize -out DIR FILE...")
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
			err = normalizeFile(ctx, in, out, stderr)
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
func normalizeFile(ctx context.Context, in, out string, stderr io.Writer) error {
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
	rejected := func(bad *ingest.RecordError) {
		fmt.Fprintf(stderr, "%s: left out: %v\n", in, bad)
	}
	if err := normalize(ctx, src, tmp, rejected); err != nil {
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

// normalize reads src and writes its records to dst. Records that cannot be read go to rejected.
func normalize(ctx context.Context, src io.ReadSeeker, dst io.Writer, rejected func(*ingest.RecordError)) error {
	p := ingest.Pipeline{Policy: ingest.Policy{
		Bad:        ingest.Reject,
		Long:       ingest.Keep,
		StrayQuote: ingest.Keep,
		Encoding:   ingest.Rescue,
		NUL:        ingest.Strip,
	}}
	found, err := p.Sniff(ctx, src)
	if err != nil {
		return err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	// The header is read as data, so that its names come as they stand in the file and not made unique.
	// Of columns we ask for one only: no row is too short then, and each keeps the fields it has.
	p.Dialect = found.Dialect.Dialect
	p.Dialect.HeaderRows = dialect.NoHeader
	p.Header = ingest.Columns("first")

	w := bufio.NewWriter(dst)
	var header [][]string
	for record, err := range p.Records(ctx, src) {
		var bad *ingest.RecordError
		switch {
		case errors.As(err, &bad):
			rejected(bad)
			continue
		case err != nil:
			return err
		}
		fields := record.Fields()
		if len(header) < found.Dialect.HeaderRows {
			if header = append(header, fields); len(header) < found.Dialect.HeaderRows {
				continue
			}
			fields = join(header)
		}
		w.WriteString(line(fields)) // Flush gives its error
	}
	return w.Flush()
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

// join makes one header of several rows, column by column.
func join(rows [][]string) []string {
	var names []string
	for _, row := range rows {
		for i, part := range row {
			if i == len(names) {
				names = append(names, "")
			}
			names[i] = strings.TrimSpace(names[i] + " " + part)
		}
	}
	return names
}
