package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			code := run([]string{"-json", path}, &out, &errs)

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
	assert.Equal(t, 1, run([]string{path, "missing.csv"}, &out, &errs))
	for _, want := range []string{path + "\n", "encoding    UTF-8 (", `delimiter ";"`, "header      yes",
		`columns     3: ["id" "näme" "n"]`, `ingest.Pipeline{Encoding: "UTF-8", Dialect: dialect.Dialect{Delimiter: ";"`,
		"records     3 good, 1 bad\n", "line 3: the record has 4 fields", "missing.csv\n  error "} {
		assert.Contains(t, out.String(), want)
	}
	assert.Empty(t, errs.String())
}

func TestRun_reportOfALongFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.csv")
	require.NoError(t, os.WriteFile(path, []byte("id,n,x\n"+strings.Repeat("1,2,3\n4,5\n", 2000)), 0o644))
	var out, errs bytes.Buffer
	assert.Equal(t, 0, run([]string{path}, &out, &errs))
	assert.Contains(t, out.String(), "500 good, 500 bad, of the first 1000\n")
	assert.Contains(t, out.String(), "- and 495 more\n")
}

func TestRun_usage(t *testing.T) {
	for _, args := range [][]string{nil, {"-json"}, {"-x"}} {
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(args, &out, &errs))
		assert.Contains(t, errs.String(), "usage: sniff")
		assert.Empty(t, out.String())
	}
}
