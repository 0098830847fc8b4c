// Rejects shows how bad records come back mended.
//
//	go run ./examples/rejects orders.csv
//
// prints the records of orders.csv and writes the bad ones to orders.rejects.csv: as they stand in the file,
// in its encoding and dialect, under its header, each with what is wrong with it and where it comes from in
// three columns more. Mend them there, in an editor or a spreadsheet; the three columns may stay. Then
//
//	go run ./examples/rejects -mended orders.rejects.csv
//
// prints the mended records, says which run they come from, and writes those that are still bad to
// orders.rejects.rejects.csv.
//
// The exit code is 0 when each record is printed or in a file of rejects, 1 when the file could not be read
// to its end, as after Ctrl-C: then there is no file of rejects. 2 is for wrong usage.
package main

import (
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
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rejects", flag.ContinueOnError)
	flags.SetOutput(stderr)
	mended := flags.Bool("mended", false, "FILE holds mended rejects of an earlier run")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: rejects [-mended] FILE")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return 2
	}
	path := flags.Arg(0)
	to := strings.TrimSuffix(path, filepath.Ext(path)) + ".rejects.csv"
	status, err := readFile(ctx, path, to, *mended, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "rejects:", err)
		return 1
	}
	fmt.Fprintf(stdout, "run %s: %d records, %d rejected\n", status.Run, status.Delivered, status.Rejected)
	if status.Parent != "" {
		fmt.Fprintf(stdout, "they are mended rejects of run %s\n", status.Parent)
	}
	for _, p := range status.Problems { // the first ones
		fmt.Fprintf(stdout, "  line %d: %s\n", p.Line, p.Reason)
	}
	if status.Rejected > 0 {
		fmt.Fprintf(stdout, "mend them in %s, then run: rejects -mended %s\n", to, to)
	}
	return 0
}

// readFile prints the records of a file and writes its rejects, if there are any, to another.
func readFile(ctx context.Context, path, to string, mended bool, stdout io.Writer) (ingest.Status, error) {
	src, err := os.Open(path)
	if err != nil {
		return ingest.Status{}, err
	}
	defer src.Close()

	// The same pipeline reads both files: mended rejects are recognised by what stands in them.
	rejects := ingest.NewRejectFile(to)
	p := ingest.Pipeline{
		Policy:  ingest.Policy{Bad: ingest.Reject},
		Rejects: rejects,
		Workers: 1, // so that the records are printed in the order of the file
	}
	if mended {
		found, err := p.Sniff(ctx, src)
		if err != nil {
			return ingest.Status{}, err
		}
		if found.Parent == "" {
			return ingest.Status{}, fmt.Errorf("%s holds no rejects: leave -mended out to read it as any file", path)
		}
		if _, err := src.Seek(0, io.SeekStart); err != nil {
			return ingest.Status{}, err
		}
	}
	status, err := p.Run(ctx, src, ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		for _, r := range b.All() {
			if _, err := fmt.Fprintf(stdout, "%q\n", r.Fields()); err != nil {
				return err
			}
		}
		return nil
	}))
	if err = errors.Join(err, rejects.Close()); err != nil && rejects.Made() {
		os.Remove(to) // it is not whole, and would be in the way of the next run
	}
	return status, err
}
