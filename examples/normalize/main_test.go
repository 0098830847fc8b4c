package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	for _, tt := range []struct{ name, in, want, stderr string }{
		{"is normal already", "id,name\n1,Ann\n2,\"Lee, Bo\"\n", "id,name\n1,Ann\n2,\"Lee, Bo\"\n", ""},
		{"empty", "", "", ""},
		{"a header and nothing else", "id,name,city\n", "id,name,city\n", ""},
		{"no header", "1;Ann;1.5\n2;Bo;2.5\n3;Cy;3.5\n", "1,Ann,1.5\n2,Bo,2.5\n3,Cy,3.5\n", ""},
		{"only what needs quotes has them", "id;note\r\n\"1\";\"a \"\"b\"\"\"\r\n\"2\";\"a\r\nb\"\r\n3;\"c,d\"\r\n",
			"id,note\n1,\"a \"\"b\"\"\"\n2,\"a\r\nb\"\n3,\"c,d\"\n", ""},
		{"UTF-8 with a mark", "\xef\xbb\xbfid,name\n1,Zoë\n2,Ann\n", "id,name\n1,Zoë\n2,Ann\n", ""},
		{"UTF-16LE", "\xff\xfei\x00d\x00;\x00n\x00\r\x00\n\x001\x00;\x00\xe4\x00\r\x00\n\x00", "id,n\n1,ä\n", ""},
		{"sep line, comments, blank lines", "sep=;\nid;name\n# remark one\n1;Ann\n\n2;Bo\n# remark two\n3;Cy\n",
			"id,name\n1,Ann\n2,Bo\n3,Cy\n", ""},
		{"names that are empty or used twice stay so", "id,name,,name\n1,Ann,x,2.5\n2,Bo,y,3.5\n", "id,name,,name\n1,Ann,x,2.5\n2,Bo,y,3.5\n", ""},
		{"ragged rows keep their fields", "id,name,n\n1,Ann\n2,Bo,3\n3,Cy,4,x\n4,Di,5\n", "id,name,n\n1,Ann\n2,Bo,3\n3,Cy,4,x\n4,Di,5\n", ""},
		{"an unclosed quote", "id,name\n1,Ann\n2,\"Bo\n3,Cy\n4,Di\n", "id,name\n1,Ann\n3,Cy\n4,Di\n", "left out: ingest: line 3 "},
		{"a byte that is no UTF-8", "id,name\n1,Zoë\n2,Jörg\n3,Ren\xe9\n4,Łukasz\n5,Çelik\n", "id,name\n1,Zoë\n2,Jörg\n3,René\n4,Łukasz\n5,Çelik\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out")
			require.NoError(t, os.WriteFile(in, []byte(tt.in), 0o644))
			var stderr bytes.Buffer
			assert.Equal(t, 0, run(t.Context(), []string{"-out", out, in}, &stderr))
			got, err := os.ReadFile(filepath.Join(out, "in.csv"))
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(got))
			if tt.stderr == "" {
				assert.Empty(t, stderr.String())
			}
			assert.Contains(t, stderr.String(), tt.stderr)
		})
	}
}

func TestRun_repair(t *testing.T) {
	const head = "no,name,address,joined\n1,Ann,\"Elm Grove 4, Hull\",2019-03-04\n2,Bob,\"High St 12, York\",2020-04-05\n" +
		"3,Eve,\"Oak Rd 7, Bath\",2021-05-06\n4,Joe,\"Mill Ln 31, Leeds\",2018-06-07\n5,Kim,\"Elm Grove 9, Ely\",2017-07-08\n"
	for _, tt := range []struct{ name, in, want, stderr string }{
		{"nothing is wrong", "6,Lea,\"High St 3, Hull\",2016-08-09\n", "6,Lea,\"High St 3, Hull\",2016-08-09\n", ""},
		{"a delimiter lost in front of quotes", "6,Lea\"High St 3, Hull\",2016-08-09\n", "6,Lea,\"High St 3, Hull\",2016-08-09\n", "cells_split"},
		{"a quote too many", "6,\"Lea,\"High St 3, Hull\",2016-08-09\n", "6,\"\"\"Lea\",\"High St 3, Hull\",2016-08-09\n", "quote_kept"},
		{"inches", "6,Lea 5\",\"High St 3, Hull\",2016-08-09\n", "6,\"Lea 5\"\"\",\"High St 3, Hull\",2016-08-09\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out")
			require.NoError(t, os.WriteFile(in, []byte(head+tt.in), 0o644))
			var stderr bytes.Buffer
			assert.Equal(t, 0, run(t.Context(), []string{"-repair", "-out", out, in}, &stderr))
			got, err := os.ReadFile(filepath.Join(out, "in.csv"))
			require.NoError(t, err)
			assert.Equal(t, head+tt.want, string(got))
			if tt.stderr == "" {
				assert.Empty(t, stderr.String())
			}
			assert.Contains(t, stderr.String(), tt.stderr)
		})
	}
}

func TestRun_failuresLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		return path
	}
	pdf := write("scan.csv", "%PDF-1.7\n")
	good := write("good.csv", "id;n\n1;2\n")
	namesake := write("other/good.csv", "id;n\n3;4\n")
	before := write("out/scan.csv", "from an earlier run\n")

	var stderr bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"-out", out, pdf, filepath.Join(dir, "missing.csv"), good, namesake}, &stderr))
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	require.Len(t, lines, 3)
	assert.Contains(t, lines[0], "scan.csv: ingest: the file is PDF")
	assert.Contains(t, lines[1], "missing.csv: ")
	assert.Contains(t, lines[2], "has the same name")

	files, err := filepath.Glob(filepath.Join(out, "*"))
	require.NoError(t, err)
	hidden, err := filepath.Glob(filepath.Join(out, ".*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(out, "good.csv"), before}, append(files, hidden...))
	for path, want := range map[string]string{files[0]: "id,n\n1,2\n", before: "from an earlier run\n"} {
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

// cancelWriter cancels a context when something is written to it.
type cancelWriter struct {
	bytes.Buffer
	cancel func()
}

func (w *cancelWriter) Write(p []byte) (int, error) {
	w.cancel()
	return w.Buffer.Write(p)
}

// Ctrl-C in the middle of a file leaves nothing of it, and what was there before stays.
func TestRun_interrupted(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out")
	text := "id,name\n1,Ann\n2,\"Bo\n" + strings.Repeat("3,Cy\n", 1<<20)
	require.NoError(t, os.WriteFile(in, []byte(text), 0o644))
	require.NoError(t, os.Mkdir(out, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(out, "in.csv"), []byte("from an earlier run\n"), 0o644))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := cancelWriter{cancel: cancel}
	assert.Equal(t, 1, run(ctx, []string{"-out", out, in, "next.csv"}, &stderr))
	assert.Contains(t, stderr.String(), "context canceled")
	assert.Contains(t, stderr.String(), "not begun: next.csv\n")
	files, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Len(t, files, 1)
	got, err := os.ReadFile(filepath.Join(out, "in.csv"))
	require.NoError(t, err)
	assert.Equal(t, "from an earlier run\n", string(got))
}

func TestRun_neverOverwritesItsInput(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in.csv")
	require.NoError(t, os.WriteFile(in, []byte("a;b\n1;2\n"), 0o644))
	var stderr bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"-out", filepath.Dir(in), in}, &stderr))
	assert.Contains(t, stderr.String(), "it would be overwritten")
	got, err := os.ReadFile(in)
	require.NoError(t, err)
	assert.Equal(t, "a;b\n1;2\n", string(got))
}

func TestRun_usage(t *testing.T) {
	for _, args := range [][]string{nil, {"in.csv"}, {"-out", "x"}, {"-x"}} {
		var stderr bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), args, &stderr))
		assert.Contains(t, stderr.String(), "usage: normalize")
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		want   string
	}{
		{[]string{"a", "b"}, "a,b\n"},
		{[]string{"", ""}, ",\n"},
		{[]string{""}, "\"\"\n"},
		{[]string{" a ", "b'c", "\\d"}, " a ,b'c,\\d\n"},
		{[]string{`a"b`, "c\rd", "e\nf", "g,h"}, "\"a\"\"b\",\"c\rd\",\"e\nf\",\"g,h\"\n"},
	} {
		assert.Equal(t, tt.want, line(tt.fields))
	}
}
