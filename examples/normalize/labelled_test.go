package main

import (
	"encoding/csv"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var corpus = flag.String("corpus", "", "a `folder` of broken files, see TestRepairLabelled")

// TestRepairLabelled scores what comes out of broken files of your own: the folder that the flag -corpus names has the
// folders csv with the files and clean with what should come out, under the same names. The score of a file is 10 where
// all is right: 1 that it is written, and 9 for the mean of how well header, records and cells agree (F1, as sets in
// which things can come more than once). This is the idea, not the letter, of Vitagliano et al., "Pollock: A Data
// Loading Benchmark" (VLDB 2023).
//
//	go test ./examples/normalize -run Labelled -v -corpus DIR
func TestRepairLabelled(t *testing.T) {
	names, err := os.ReadDir(filepath.Join(*corpus, "clean"))
	if *corpus == "" || os.IsNotExist(err) {
		t.Skip("give a folder of broken files: -corpus DIR")
	}
	require.NoError(t, err)
	for _, mode := range []string{"-repair=false", "-repair=true"} {
		out := t.TempDir()
		total, perfect := 0.0, 0
		for _, name := range names {
			in := filepath.Join(*corpus, "csv", name.Name())
			if run(t.Context(), []string{mode, "-out", out, in}, io.Discard) != 0 {
				t.Logf("%s %s: not written", mode, name.Name())
				continue
			}
			score := agreement(readAll(t, filepath.Join(*corpus, "clean", name.Name())), readAll(t, filepath.Join(out, name.Name())))
			if total += score; score > 10-1e-9 {
				perfect++
			} else {
				t.Logf("%s %s: %.3f", mode, name.Name(), score)
			}
		}
		t.Logf("%s: mean %.4f of 10, %d of %d perfect", mode, total/float64(len(names)), perfect, len(names))
	}
}

func readAll(t *testing.T, path string) [][]string {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	require.NoError(t, err)
	return rows
}

func agreement(want, got [][]string) float64 {
	header := func(rows [][]string) []string {
		if len(rows) == 0 {
			return nil
		}
		return rows[0]
	}
	records := func(rows [][]string) (all []string) {
		for _, row := range rows[min(1, len(rows)):] {
			all = append(all, strings.Join(row, ""))
		}
		return all
	}
	cells := func(rows [][]string) (all []string) {
		for _, row := range rows {
			all = append(all, row...)
		}
		return all
	}
	return 1 + 3*(f1(header(want), header(got))+f1(records(want), records(got))+f1(cells(want), cells(got)))
}

// f1 is the harmonic mean of precision and recall.
func f1(want, got []string) float64 {
	if len(want)+len(got) == 0 {
		return 1
	}
	left, both := map[string]int{}, 0
	for _, s := range want {
		left[s]++
	}
	for _, s := range got {
		if left[s] > 0 {
			left[s]--
			both++
		}
	}
	return 2 * float64(both) / float64(len(want)+len(got))
}

func TestAgreement(t *testing.T) {
	table := [][]string{{"a", "b"}, {"1", "2"}, {"1", "2"}}
	require.InDelta(t, 10, agreement(table, table), 1e-9)
	require.InDelta(t, 10, agreement(nil, nil), 1e-9)
	require.InDelta(t, 1+3*(1+2.0/3+4.0/5), agreement(table, table[:2]), 1e-9)
	require.InDelta(t, 1, agreement(table, nil), 1e-9)
}
