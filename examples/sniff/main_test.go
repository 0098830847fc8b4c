package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_json(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("id;name\n1;Ann\n2;Bo\n3;Cy\n"))
	z.Close()

	for _, tt := range []struct {
		name, file string
		want       map[string]any // what must stand in the line; nil: an error
	}{
		{"commas", "id,name\r\n1,Ann\r\n2,\"Lee, Bo\"\r\n3,Cy\r\n", map[string]any{
			"encoding": "UTF-8", "delimiter": ",", "quote": `"`, "escape": `"`, "comment": "",
			"preamble": 0.0, "has_header": true, "line_ending": "crlf", "columns": 2.0}},
		{"sep line, semicolons", "sep=;\nid;name\n1;Ann\n2;Bo\n3;Cy\n", map[string]any{
			"delimiter": ";", "preamble": 1.0, "has_header": true, "line_ending": "lf"}},
		{"no header", "1\tAnn\t1.5\n2\tBo\t2.5\n3\tCy\t3.5\n", map[string]any{
			"delimiter": "\t", "has_header": false, "columns": 3.0}},
		{"backslash", "id,note\n1,\"5\\\" pipe\"\n2,\"6\\\" pipe, long\"\n3,\"a \\\"b\\\"\"\n", map[string]any{
			"delimiter": ",", "quote": `"`, "escape": `\`}},
		{"UTF-16LE with a mark", "\xff\xfei\x00d\x00,\x00n\x00\n\x001\x00,\x00\xe4\x00\n\x00", map[string]any{
			"encoding": "UTF-16LE", "bom": 2.0, "delimiter": ","}},
		{"gzip", packed.String(), map[string]any{"container": "gzip", "delimiter": ";", "has_header": true}},
		{"empty", "", map[string]any{"encoding": "UTF-8", "delimiter": ",", "quote": `"`, "has_header": false, "preamble": 0.0}},
		{"PDF", "%PDF-1.7\n1 0 obj\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The name comes back as it was given, whatever is in it.
			path := filepath.Join(t.TempDir(), "a b [1] 100%&<ü>.csv")
			require.NoError(t, os.WriteFile(path, []byte(tt.file), 0o644))
			var out, errs bytes.Buffer
			code := run([]string{"-json", path}, nil, &out, &errs)

			assert.Equal(t, 1, strings.Count(out.String(), "\n"))
			var got map[string]any
			require.NoError(t, json.Unmarshal(out.Bytes(), &got))
			assert.Equal(t, path, got["file"])
			if tt.want == nil {
				assert.Equal(t, 1, code)
				assert.Contains(t, got["error"], "PDF")
				assert.Equal(t, "not_text", got["code"])
				return
			}
			assert.Equal(t, 0, code)
			assert.NotContains(t, got, "error")
			for k, v := range tt.want {
				assert.Equal(t, v, got[k], k)
			}
		})
	}
}

func TestRun_report(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.csv")
	require.NoError(t, os.WriteFile(path, []byte("id;näme;n\n1;Jörg;3\n2;Zoë;4;5\n3;Ann;6\n4;Bo;7\n"), 0o644))
	var out, errs bytes.Buffer
	assert.Equal(t, 1, run([]string{path, "missing.csv"}, nil, &out, &errs))
	for _, want := range []string{path + "\n", "encoding    UTF-8 (", `delimiter ";"`, "header      yes",
		`columns     3: ["id" "näme" "n"]`, `ingest.Pipeline{Encoding: "UTF-8", Dialect: dialect.Dialect{Delimiter: ";"`,
		"records     3 good, 1 bad\n", "line 3: the record has 4 fields", "missing.csv\n  error       open missing.csv"} {
		assert.Contains(t, out.String(), want)
	}
	assert.Empty(t, errs.String())
}

// The cells that decided on the encoding stand there in both readings, also those behind a long ASCII head.
func TestRun_explains(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"legacy", "id;name\n1;J\xF6rg\n2;Zo\xEB\n3;Ren\xE9e\n", "Zoë "},
		{"late", "id;name\n" + strings.Repeat("1;Ann\n", 20_000) + "1;J\xF6rg\n2;Zo\xEB\n3;Ren\xE9e\n", "Zoë "},
		{"mixed", "id;name\n1;Jörg\n2;Zoë\n3;Renée\n4;Gül\n5;K\xF6ln\n6;M\xFCller\n7;Gr\xFCn\n8;B\xE4r\n", "mixed with windows-1252"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.csv")
			require.NoError(t, os.WriteFile(path, []byte(tt.file), 0o644))
			var out, errs bytes.Buffer
			assert.Equal(t, 0, run([]string{path}, nil, &out, &errs))
			assert.Contains(t, out.String(), tt.want)
			assert.Contains(t, out.String(), "decided by")
			assert.Contains(t, out.String(), "  not  ")
		})
	}
}

// What decided on the dialect is told by lines, in bits, and with what would have changed it; never with a value.
func TestRun_explainsTheDialect(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"an escape", "id,note\n1,plain\n2,\"a 5\\\" pipe, long\"\n3,plain\n", []string{" bits)\n", "\n              or delimiter \",\"",
			"decided by  the lines, and what speaks against quotes doubled (in bits):\n", "  line 3: 2 fields, not 2 fields\n",
			"\n              without line 3 it would be quotes doubled\n", `Escape: "\\"`}},
		{"no rival", "id,name\n1,Ann\n2,Bo\n", []string{"dialect     delimiter \",\""}},
		{"no line", "sep=x\na;\"b\"\nc;\"d\"\n", []string{"decided by  no line speaks against no quote, no escape: it is only less usual\n"}},
		{"UTF-16", "\xff\xfei\x00;\x00n\x00\n\x001\x00;\x00\"\x00;\x00\"\x00\n\x00", []string{"line 2: 2 fields, not 1 field"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.csv")
			require.NoError(t, os.WriteFile(path, []byte(tt.file), 0o644))
			var out, errs bytes.Buffer
			assert.Equal(t, 0, run([]string{path}, nil, &out, &errs))
			for _, want := range tt.want {
				assert.Contains(t, out.String(), want)
			}
			assert.NotContains(t, out.String(), "pipe", "a value")

			out.Reset()
			assert.Equal(t, 0, run([]string{"-json", path}, nil, &out, &errs))
			var got answer
			require.NoError(t, json.Unmarshal(out.Bytes(), &got))
			assert.Equal(t, len(got.DialectRunnersUp) == 0, got.DialectExplanation.Rival == dialect.Dialect{})
			assert.Equal(t, len(got.DialectRunnersUp) == 0, got.DialectInWords == "")
			assert.NotContains(t, out.String(), "pipe", "a value")
		})
	}
}

func TestRun_reportOfALongFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.csv")
	require.NoError(t, os.WriteFile(path, []byte("id,n,x\n"+strings.Repeat("1,2,3\n4,5\n", 2000)), 0o644))
	var out, errs bytes.Buffer
	assert.Equal(t, 0, run([]string{path}, nil, &out, &errs))
	assert.Contains(t, out.String(), "500 good, 500 bad, of the first 1000\n")
	assert.Contains(t, out.String(), "- and 495 more\n")
}

// Of what cannot be read at all there is nothing to tell but that.
func TestRun_onlyTheError(t *testing.T) {
	dir := t.TempDir()
	html := filepath.Join(dir, "page.csv")
	require.NoError(t, os.WriteFile(html, []byte("<!DOCTYPE html><html></html>"), 0o644))
	closed, err := os.Open(html)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	writeOnly, err := os.OpenFile(filepath.Join(dir, "new"), os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	defer writeOnly.Close()
	for _, tt := range []struct {
		name, path string
		stdin      *os.File
		want       string
	}{
		{"a directory", dir, nil, dir + " is a directory"},
		{"a missing file", filepath.Join(dir, "missing.csv"), nil, "missing.csv: "},
		{"no text", html, nil, "HTML"},
		{"closed", "-", closed, "closed"},
		{"a read error at byte 0", "-", writeOnly, "failed at byte 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, 1, run([]string{tt.path}, tt.stdin, &out, &errs))
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			require.Len(t, lines, 2, out.String())
			assert.Equal(t, tt.path, lines[0])
			assert.Contains(t, lines[1], "  error       ")
			assert.Contains(t, lines[1], tt.want)
		})
	}
}

// A pipe cannot seek, and is described all the same, as a file that was read in part is from where it stands.
func TestRun_stdin(t *testing.T) {
	const text = "id;näme\n1;Jörg\n2;Zoë;4\n3;Ann\n"
	for _, args := range [][]string{{"-"}, {"-json", "-"}} {
		t.Run("pipe "+args[0], func(t *testing.T) {
			r, w, err := os.Pipe()
			require.NoError(t, err)
			defer r.Close()
			_, err = w.WriteString(text)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			var out, errs bytes.Buffer
			assert.Equal(t, 0, run(args, r, &out, &errs))
			if args[0] == "-" {
				assert.Contains(t, out.String(), `columns     2: ["id" "näme"]`)
				assert.Contains(t, out.String(), "records     2 good, 1 bad\n")
			} else {
				assert.Contains(t, out.String(), `"delimiter":";"`)
			}
		})
	}
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "in.csv")
		require.NoError(t, os.WriteFile(path, []byte("passed over\n"+text), 0o644))
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		_, err = file.Seek(12, io.SeekStart)
		require.NoError(t, err)
		var out, errs bytes.Buffer
		assert.Equal(t, 0, run([]string{"-"}, file, &out, &errs))
		assert.Contains(t, out.String(), "records     2 good, 1 bad\n")
	})
}

// ASCII decides nothing about the encoding, so none is pinned.
func TestRun_ascii(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.csv")
	require.NoError(t, os.WriteFile(path, []byte("id,name\n1,Ann\n2,Bo\n"), 0o644))
	var out, errs bytes.Buffer
	assert.Equal(t, 0, run([]string{path}, nil, &out, &errs))
	assert.Contains(t, out.String(), "encoding    UTF-8 or windows-1252: ASCII only, so any of them reads the same\n  dialect ")
	assert.Contains(t, out.String(), `ingest.Pipeline{Dialect: dialect.Dialect{Delimiter: ","`)
}

func TestColumns(t *testing.T) {
	assert.Equal(t, "1 column", columns(1))
	assert.Equal(t, "2 columns", columns(2))
}

func TestRun_usage(t *testing.T) {
	for _, args := range [][]string{nil, {"-json"}, {"-x"}} {
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(args, nil, &out, &errs))
		assert.Contains(t, errs.String(), "usage: sniff")
		assert.Empty(t, out.String())
	}
}

// What was found of the first file is written down; the next one that has become something else is an error.
func TestRun_pin(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	pin := filepath.Join(dir, "dialect.json")
	may := write("may.csv", "id;price\n1;1,50\n2;2,50\n")
	june := write("june.csv", "id;price\n3;3,50\n")
	july := write("july.csv", "id,price\n4,4.50\n5,5.50\n")

	var out, errs bytes.Buffer
	assert.Equal(t, 0, run([]string{"-pin", pin, may, june}, nil, &out, &errs))
	stored, err := os.ReadFile(pin)
	require.NoError(t, err)
	assert.Contains(t, string(stored), `"delimiter": ";"`)

	out.Reset()
	assert.Equal(t, 1, run([]string{"-pin", pin, june, july}, nil, &out, &errs))
	assert.Contains(t, out.String(), `delimiter is ",", pinned was ";"`)
	again, err := os.ReadFile(pin)
	require.NoError(t, err)
	assert.Equal(t, stored, again)
	assert.Empty(t, errs.String())

	broken := write("broken.json", "{")
	assert.Equal(t, 1, run([]string{"-pin", broken, may}, nil, &out, &errs))
	assert.Contains(t, errs.String(), "broken.json")
	assert.Equal(t, 1, run([]string{"-pin", filepath.Join(dir, "no", "such"), may}, nil, &out, &errs))
}
