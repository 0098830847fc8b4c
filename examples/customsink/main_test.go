package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
)

// The exam asks what every sink must be able to do.
func TestSink_exam(t *testing.T) {
	ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
		dir := t.TempDir()
		return ingesttest.Subject{
			Sink:   &Sink{Dir: dir},
			Stored: func() ([][]string, error) { return stored(dir) },
			Undoes: true,
		}
	})
}

// stored reads all parts, in the form that the exam wants.
func stored(dir string) ([][]string, error) {
	parts, err := filepath.Glob(filepath.Join(dir, "part-*.ndjson"))
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, part := range parts {
		b, err := os.ReadFile(part)
		if err != nil {
			return nil, err
		}
		for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
			fields, err := object(d)
			if err != nil {
				return nil, err
			}
			all = append(all, fields)
		}
	}
	return all, nil
}

// object gives the values of an object in their order, which a map would lose.
func object(d *json.Decoder) ([]string, error) {
	var fields []string
	key := false
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '}' {
				return fields, nil
			}
			key = v == '{'
			continue
		case nil:
			fields = append(fields, ingesttest.Null)
		case string:
			if !key {
				fields = append(fields, v)
			}
		}
		key = !key
	}
}

// What is particular to this sink is a table: batches in, lines out.
func TestSink_lines(t *testing.T) {
	type records = [][]string
	for _, tt := range []struct {
		name    string
		header  []string
		records records
		want    string
	}{
		{"no record", []string{"id"}, nil, ""},
		{"one record", []string{"id", "name"}, records{{"1", "Ann"}}, `{"id":"1","name":"Ann"}` + "\n"},
		{"empty and no value", []string{"a", "b"}, records{{"", ingesttest.Null}}, `{"a":"","b":null}` + "\n"},
		{"a short record", []string{"a", "b"}, records{{"1"}, {"2", "3"}}, `{"a":"1","b":null}` + "\n" + `{"a":"2","b":"3"}` + "\n"},
		{"a long record", []string{"a"}, records{{"1", "2", `"3"`}}, `{"a":"1","":["2","\"3\""]}` + "\n"},
		{"what JSON escapes", []string{`a"b`}, records{{"x\ny\t\"z\"\\"}}, `{"a\"b":"x\ny\t\"z\"\\"}` + "\n"},
		{"beyond ASCII", []string{"größe"}, records{{"Ω 😀"}}, `{"größe":"Ω 😀"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := (&Sink{Dir: dir}).Open(t.Context(), &ingest.Found{Header: ingest.Columns(tt.header...)})
			require.NoError(t, err)
			require.NoError(t, w.Write(t.Context(), ingesttest.NewBatch(tt.header, tt.records...)))
			require.NoError(t, w.Close(t.Context(), nil))
			got, err := os.ReadFile(filepath.Join(dir, "part-00.ndjson"))
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(got))
		})
	}
}

func TestSink_failures(t *testing.T) {
	batch := ingesttest.NewBatch([]string{"a"}, []string{"1"})
	open := func(t *testing.T, dir string) *writer {
		w, err := (&Sink{Dir: dir}).Open(t.Context(), &ingest.Found{Header: ingest.Columns("a")})
		require.NoError(t, err)
		return w.(*writer)
	}
	t.Run("no directory", func(t *testing.T) {
		_, err := (&Sink{Dir: filepath.Join(t.TempDir(), "missing")}).Open(t.Context(), &ingest.Found{Header: ingest.Columns("a")})
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
	t.Run("a write fails", func(t *testing.T) {
		w := open(t, t.TempDir())
		require.NoError(t, w.file.Close())
		assert.ErrorIs(t, w.Write(t.Context(), batch), os.ErrClosed)
		assert.Zero(t, w.size)
	})
	t.Run("a close fails", func(t *testing.T) {
		dir := t.TempDir()
		w := open(t, dir)
		w.name = filepath.Join(dir, "gone", "part")
		assert.Error(t, w.Close(t.Context(), nil))
		assert.Empty(t, list(t, dir))
	})
	t.Run("the run is over", func(t *testing.T) {
		dir := t.TempDir()
		w := open(t, dir)
		require.NoError(t, w.Write(t.Context(), batch))
		assert.NoError(t, w.Close(t.Context(), errors.New("another writer failed")))
		assert.Empty(t, list(t, dir))
	})
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.csv")
	require.NoError(t, os.WriteFile(in, []byte("id;name\n1;Ann\n2;Bo\n3\n"), 0o644))
	out := filepath.Join(dir, "out")

	var stdout, stderr bytes.Buffer
	assert.Equal(t, 0, run(t.Context(), []string{"-out", out, in}, &stdout, &stderr), stderr.String())
	assert.Equal(t, "2 records written to "+out+", 1 rejected\n", stdout.String())
	got, err := stored(out)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"1", "Ann"}, {"2", "Bo"}}, got)

	assert.Equal(t, 1, run(t.Context(), []string{"-out", out, in}, io.Discard, &stderr), "the directory is there")
	assert.Equal(t, 1, run(t.Context(), []string{"-out", out, filepath.Join(dir, "missing.csv")}, io.Discard, &stderr))
	assert.Equal(t, 2, run(t.Context(), nil, io.Discard, &stderr))
	assert.Equal(t, 2, run(t.Context(), []string{"-x"}, io.Discard, &stderr))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, 1, run(ctx, []string{"-out", filepath.Join(dir, "canceled"), in}, io.Discard, &stderr))
	assert.NoDirExists(t, filepath.Join(dir, "canceled"))
}

// list gives the names of all that is in a directory.
func list(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
