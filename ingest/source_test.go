package ingest_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

func zipped(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		require.NoError(t, err)
		_, err = io.WriteString(w, members[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func gzipped(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, s)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// bzipped is "a,b\n1,2\n3,4\n" by bzip2.
const bzipped = "QlpoOTFBWSZTWQMMHxsAAAVZAAAQAAQ8ADAAIAAiHqGIQwInNOOAHi7kinChIAYYPjY="

func TestContainers(t *testing.T) {
	const table = "a,b\n1,2\n3,4\n"
	want := map[int64][]string{1: {"1", "2"}, 2: {"3", "4"}}
	bz, err := base64.StdEncoding.DecodeString(bzipped)
	require.NoError(t, err)
	for _, tt := range []struct {
		name      string
		src       []byte
		member    string
		container string
		source    string
	}{
		{name: "plain", src: []byte(table)},
		{name: "gzip", src: gzipped(t, table), container: "gzip"},
		{name: "gzip, two members", src: append(gzipped(t, "a,b\n1,2\n"), gzipped(t, "3,4\n")...), container: "gzip"},
		{name: "bzip2", src: bz, container: "bzip2"},
		{name: "zip", src: zipped(t, "dir/", "", "dir/table.csv", table), container: "zip", source: "table.csv"},
		{name: "zip with what desktops add", src: zipped(t, "t.csv", table, "__MACOSX/._t.csv", "x", ".DS_Store", "y"), container: "zip", source: "t.csv"},
		{name: "zip, one of several", src: zipped(t, "other.csv", "x", "t.csv", table), member: "t.csv", container: "zip", source: "t.csv"},
		{name: "gzip in zip", src: zipped(t, "t.csv.gz", string(gzipped(t, table))), container: "zip+gzip", source: "t.csv.gz"},
		{name: "zip in gzip", src: gzipped(t, string(zipped(t, "t.csv", table))), container: "gzip+zip", source: "t.csv"},
	} {
		for _, how := range []string{"in place", "as a stream"} {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				var src io.Reader = bytes.NewReader(tt.src)
				if how == "as a stream" {
					src = struct{ io.Reader }{src}
				}
				var c collect
				p := ingest.Pipeline{Member: tt.member}
				p.Dialect.HeaderRows = 1
				status, err := p.Run(t.Context(), src, ingest.SinkFunc(c.write))
				require.NoError(t, err)
				assert.Equal(t, want, c.records)
				assert.Equal(t, tt.container, status.Found.Container)
				assert.Equal(t, tt.source, status.Source)
				assert.Equal(t, int64(len(table)), status.Stored, "offsets are of what the source unpacks to")
				assert.Equal(t, 1.0, status.Progress())
			})
		}
	}
}

func TestContainerErrors(t *testing.T) {
	bomb := gzipped(t, "a,b\n"+strings.Repeat("0,0\n", 5<<20))
	cut := gzipped(t, rows(20000))
	for _, tt := range []struct {
		name     string
		src      []byte
		pipeline ingest.Pipeline
		is       error
		code     ingest.Code
		text     string
	}{
		{"an empty zip", zipped(t), ingest.Pipeline{}, ingest.ErrFormat, ingest.CodeArchive, "holds no file"},
		{"two files", zipped(t, "a.csv", "1", "b.csv", "2"), ingest.Pipeline{}, ingest.ErrFormat, ingest.CodeArchive, `"a.csv" "b.csv"`},
		{"no such file", zipped(t, "a.csv", "1"), ingest.Pipeline{Member: "x"}, ingest.ErrFormat, ingest.CodeArchive, `"a.csv"`},
		{"a damaged zip", zipped(t, "a.csv", "1")[:30], ingest.Pipeline{}, ingest.ErrFormat, ingest.CodeArchive, "damaged"},
		{"a damaged gzip header", []byte("\x1f\x8b\x08"), ingest.Pipeline{}, ingest.ErrRead, ingest.CodeRead, "byte 0"},
		{"a cut gzip", cut[:len(cut)/2], ingest.Pipeline{}, io.ErrUnexpectedEOF, ingest.CodeRead, "complete records before it are delivered"},
		{"a bomb", bomb, ingest.Pipeline{}, ingest.ErrTooLarge, ingest.CodeTooLarge, "Limits.Ratio"},
		{"too long", gzipped(t, rows(1000)), ingest.Pipeline{Limits: ingest.Limits{Unpacked: 1000}}, ingest.ErrTooLarge, ingest.CodeTooLarge, "Limits.Unpacked"},
		{"a zip beyond the limit", zipped(t, "a.csv", rows(1000)), ingest.Pipeline{Limits: ingest.Limits{Unpacked: 100}}, ingest.ErrTooLarge, ingest.CodeTooLarge, "Limits.Unpacked"},
		{"three layers", gzipped(t, string(gzipped(t, string(gzipped(t, "a"))))), ingest.Pipeline{}, ingest.ErrFormat, ingest.CodeFormat, "gzip+gzip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c collect
			status, err := tt.pipeline.Run(t.Context(), struct{ io.Reader }{bytes.NewReader(tt.src)}, ingest.SinkFunc(c.write))
			require.ErrorIs(t, err, tt.is)
			assert.Equal(t, tt.code, status.Code, err)
			assert.ErrorContains(t, err, tt.text)
			assert.Len(t, c.records, int(status.Delivered))
		})
	}
}

func TestNotText(t *testing.T) {
	for _, tt := range []struct{ src, format string }{
		{"%PDF-1.7\n", "PDF"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS"},
		{"\x89PNG\r\n\x1a\n", "PNG"},
		{"\xff\xd8\xff\xe0", "JPEG"},
		{"GIF89a\x01\x00", "GIF"},
		{"RIFF\x00\x00\x00\x00WEBP", "WebP"},
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"\xfd7zXZ\x00", "xz"},
		{"<!DOCTYPE html><html>", "HTML"},
		{"\xef\xbb\xbf \n<HTML lang=de>", "HTML"},
		{"<?xml version='1.0'?>", "XML"},
		{"PAR1\x15\x04", "Parquet"},
		{"<\x00h\x00t\x00m\x00l\x00>\x00", "HTML"},
		{"[{\"a\": 1},\n {\"a\": 2}]\n", "JSON"},
		{"{\"a\": 1}\n{\"a\": 2}\n", "JSON"},
		{"{\"a\": [1, 2", "JSON"},
		{string(bytes.Repeat([]byte{0}, 257)) + "ustar", "tar"},
		{strings.Repeat("\x04\x05\x06\x07\x08a", 100), "binary"},
		{strings.Repeat("\x00", 1000), "binary"},
		{string(zipped(t, "[Content_Types].xml", "", "xl/workbook.xml", "")), "XLSX"},
		{string(zipped(t, "word/document.xml", "")), "DOCX"},
		{string(zipped(t, "mimetype", "", "META-INF/manifest.xml", "")), "OpenDocument"},
	} {
		_, err := ingest.Run(t.Context(), strings.NewReader(tt.src), ingest.SinkFunc(new(collect).write))
		require.ErrorIs(t, err, ingest.ErrFormat, tt.format)
		var format *ingest.FormatError
		require.ErrorAs(t, err, &format)
		assert.Contains(t, format.Format, tt.format)
		assert.NotEmpty(t, format.Advice)
		assert.Equal(t, ingest.CodeFormat, ingest.CodeOf(err))
	}
	for _, src := range []string{"<b>,1\n", "{\"a\":1},2\n", "BZhello,1\n", "PK,1\n", "a,<html>\n", "\x00,1\n", "GIF89a,1\n", "PAR1;PAR2\n", "doc,ftyp,size\n", "[a],[b]\n", "{a}\n"} {
		p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
		_, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(new(collect).write))
		assert.NoError(t, err, "%q", src)
	}
}

// Files are read from where they stand; their name and size are known.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for name, body := range map[string][]byte{"t.csv": []byte("skip\na,b\n1,2\n"), "t.zip": append([]byte("skip\n"), zipped(t, "in.csv", "a,b\n1,2\n")...)} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, body, 0o600))
		f, err := os.Open(path)
		require.NoError(t, err)
		_, err = f.Seek(5, io.SeekStart)
		require.NoError(t, err)
		var c collect
		p := ingest.Pipeline{}
		p.Dialect.HeaderRows = 1
		status, err := p.Run(t.Context(), f, ingest.SinkFunc(c.write))
		require.NoError(t, err)
		assert.Equal(t, map[int64][]string{1: {"1", "2"}}, c.records)
		assert.NotEqual(t, int64(-1), status.Size)
		assert.Contains(t, []string{"t.csv", "in.csv"}, status.Source)
		_, err = f.Seek(0, io.SeekStart)
		assert.NoError(t, err, "the caller's file is still open")
		require.NoError(t, f.Close())
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		p    ingest.Pipeline
		text string
	}{
		{ingest.Pipeline{Encoding: "klingon"}, "klingon"},
		{ingest.Pipeline{Workers: -1}, "Workers"},
		{ingest.Pipeline{Queue: -2}, "Queue"},
		{ingest.Pipeline{BatchBytes: -1}, "BatchBytes"},
		{ingest.Pipeline{MinConfidence: 2}, "MinConfidence"},
		{ingest.Pipeline{ReportEvery: -1}, "ReportEvery"},
		{ingest.Pipeline{RunID: "a b"}, "RunID"},
		{ingest.Pipeline{Header: ingest.Header{}}, "Header"},
		{ingest.Pipeline{Header: ingest.Columns("a", "a")}, "column 2"},
		{ingest.Pipeline{Limits: ingest.Limits{Record: 1}}, "Limits.Record"},
		{ingest.Pipeline{Limits: ingest.Limits{Ratio: 0.5}}, "Ratio"},
		{ingest.Pipeline{Policy: ingest.Policy{Bad: "explode"}}, "Policy.Bad"},
		{ingest.Pipeline{Policy: ingest.Policy{Blank: ingest.Rescue}}, "Policy.Blank"},
		{ingest.Pipeline{Policy: ingest.Policy{MaxRejects: -1}}, "MaxRejects"},
		{ingest.Pipeline{Policy: ingest.Policy{MaxRejectShare: 1.5}}, "MaxRejectShare"},
	} {
		require.ErrorIs(t, tt.p.Validate(), ingest.ErrSettings, tt.text)
		read := false
		status, err := tt.p.Run(t.Context(), readerFunc(func([]byte) (int, error) { read = true; return 0, io.EOF }), ingest.SinkFunc(new(collect).write))
		require.ErrorContains(t, err, tt.text)
		assert.Equal(t, ingest.CodeSettings, status.Code)
		assert.False(t, read, "before the first byte")
		_, err = tt.p.Sniff(t.Context(), strings.NewReader(""))
		assert.Error(t, err)
	}
	bad := ingest.Pipeline{}
	bad.Dialect.Delimiter = "\n"
	assert.ErrorIs(t, bad.Validate(), ingest.ErrSettings)
	bad.Dialect.Delimiter, bad.Encoding = "§", "ISO-8859-5" // which has it; KOI8-R does not
	assert.NoError(t, bad.Validate())
	bad.Encoding = "KOI8-R"
	_, err := bad.Run(t.Context(), strings.NewReader("a\n"), ingest.SinkFunc(new(collect).write))
	assert.ErrorIs(t, err, ingest.ErrSettings)
}

func TestHeaders(t *testing.T) {
	for _, tt := range []struct {
		src    string
		header ingest.Header
	}{
		{"a,b\n", ingest.Columns("a", "b")},
		{" a ,\"b \"\n", ingest.Columns("a", "b")},
		{"a,a,,a_2\n", ingest.Header{{Name: "a"}, {Name: "a_3", Renamed: true, Given: "a"}, {Name: "column_3", Renamed: true}, {Name: "a_2"}}},
		{"\n# x\na,b\n", ingest.Columns("a", "b")},
	} {
		p := ingest.Pipeline{}
		p.Dialect.HeaderRows, p.Dialect.Delimiter, p.Dialect.Comment = 1, ",", "#"
		found, err := p.Sniff(t.Context(), strings.NewReader(tt.src))
		require.NoError(t, err)
		assert.Equal(t, tt.header, found.Header, tt.src)
	}
	two := ingest.Pipeline{}
	two.Dialect.HeaderRows = 2
	found, err := two.Sniff(t.Context(), strings.NewReader("Address,,Name\nstreet,city,\nx,y,z\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{"Address street", "city", "Name"}, found.Header.Names())
	assert.Equal(t, ingest.Position{Offset: 27, Line: 3}, found.Table)

	for _, tt := range []struct {
		p    ingest.Pipeline
		src  string
		text string
	}{
		{ingest.Pipeline{Policy: ingest.Policy{Columns: ingest.Stop}}, "a,a\n1,2\n", "column 2"},
		{ingest.Pipeline{Limits: ingest.Limits{Columns: 2}}, "a,b,c\n1,2,3\n", "3 columns"},
		{ingest.Pipeline{Limits: ingest.Limits{Header: 20}}, strings.Repeat("long", 10) + ",b\n1,2\n", "Limits.Header"},
		{ingest.Pipeline{}, "a,\"b\n", "never closes"},
	} {
		tt.p.Dialect.HeaderRows, tt.p.Dialect.Delimiter = 1, ","
		_, err := tt.p.Run(t.Context(), strings.NewReader(tt.src), ingest.SinkFunc(new(collect).write))
		require.ErrorIs(t, err, ingest.ErrHeader)
		assert.ErrorContains(t, err, tt.text)
		assert.Equal(t, ingest.CodeHeader, ingest.CodeOf(err))
	}

	named := ingest.Pipeline{Header: ingest.Columns("x", "y")}
	named.Dialect.HeaderRows = 1
	var c collect
	_, err = named.Run(t.Context(), strings.NewReader("a,b\n1,2\n"), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, map[int64][]string{1: {"1", "2"}}, c.records)
}

func TestRecordAccess(t *testing.T) {
	p := ingest.Pipeline{Null: []string{"NULL"}, Policy: ingest.Policy{Short: ingest.Keep, Long: ingest.Keep}}
	p.Dialect.HeaderRows = 1
	var recs []ingest.Record
	for r, err := range p.Records(context.Background(), strings.NewReader("a,b,c\n,\"\",NULL\n1\n1,\"NULL\",3,4\n")) {
		require.NoError(t, err)
		recs = append(recs, r)
	}
	require.Len(t, recs, 3)
	null := func(r ingest.Record) (n []bool) {
		for i := range r.Len() {
			n = append(n, r.Null(i))
		}
		return n
	}
	assert.Equal(t, []bool{true, false, true}, null(recs[0]))
	assert.True(t, recs[0].Quoted(1))
	assert.Equal(t, []string{"1", "", ""}, recs[1].Fields())
	assert.Equal(t, []bool{false, true, true}, null(recs[1]))
	assert.False(t, recs[1].Quoted(2))
	assert.Equal(t, []string{"1", "NULL", "3", "4"}, recs[2].Fields())
	assert.Equal(t, []bool{false, false, false, false}, null(recs[2]))
	v, ok := recs[2].Get("b")
	assert.True(t, ok)
	assert.Equal(t, "NULL", v)
	_, ok = recs[2].Get("z")
	assert.False(t, ok)
	assert.Panics(t, func() { recs[2].Field(4) })
	assert.Panics(t, func() { recs[1].Field(3) })
	assert.NotContains(t, recs[2].String(), "NULL")
	assert.Equal(t, "no record", ingest.Record{}.String())
	assert.Equal(t, 0, ingest.Record{}.Len())
	assert.Nil(t, ingest.Record{}.Header())
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = recs[2].Field(2) }))
}
