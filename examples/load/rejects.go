package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sluicecsv/sluice/ingest"
)

// writeRejects writes the rejects of a run to a file, each once, however often the run was broken off: they are those that
// the ledger has. The file may be there from an earlier part of the run; one that a person has changed is left alone.
func (t *target) writeRejects(ctx context.Context, path string, found *ingest.Found) error {
	made := path + ".new"
	file, err := os.Create(made)
	if err != nil {
		return err
	}
	defer os.Remove(made) // fails when all is well: then it has its name
	defer file.Close()
	buffer := bufio.NewWriter(file)
	w := ingest.NewRejectWriter(buffer)
	for e, err := range t.Rejects(ctx, found.Run) {
		if err == nil {
			err = w.Reject(ctx, found, []*ingest.RecordError{e})
		}
		if err != nil {
			return fmt.Errorf("cannot write the rejects, which are in table sluice_rejects: %w", err)
		}
	}
	if err := errors.Join(buffer.Flush(), file.Close()); err != nil {
		return err
	}
	switch same, err := holds(made, path); {
	case err != nil:
		return err
	case !same:
		return fmt.Errorf("%s holds rejects of an earlier run, or mended ones: load them, or move the file away, and start again to have those of this run", path)
	}
	return os.Rename(made, path)
}

// holds says that a file has all lines of another one, in their order: that one may be overwritten by it. One that is not
// there has none.
func holds(all, some string) (bool, error) {
	old, err := os.Open(some)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer old.Close()
	file, err := os.Open(all)
	if err != nil {
		return false, err
	}
	defer file.Close()
	lines, olds := bufio.NewReader(file), bufio.NewReader(old)
	for {
		want, end := olds.ReadBytes('\n')
		if end != nil && (end != io.EOF || len(want) == 0) {
			return end == io.EOF, ignoreEOF(end)
		}
		for {
			line, err := lines.ReadBytes('\n')
			if bytes.Equal(line, want) {
				break
			}
			if err != nil {
				return false, ignoreEOF(err)
			}
		}
	}
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
