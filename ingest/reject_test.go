package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
)

// sortedRecords gives what a run delivered, in the order of the source.
func (c *collect) sorted() (all []string) {
	for n := range int64(1000) {
		if r, ok := c.records[n]; ok {
			all = append(all, strings.Join(r, "+"))
		}
	}
	return all
}

// A reject file goes the round: what is mended in it is delivered, what is not is rejected again, as often
// as it comes.
func TestRejectRound(t *testing.T) {
	const src = "name,city,n\n" +
		"Jörg,Köln,1\n" +
		"Zoë,Genève\n" + // too few fields
		"Ann,\"Paris\" France,3\n" + // stray quote
		"Bob,Rome,4,5\n" + // too many fields
		"Eve,\"Oslo,6\n" + // unclosed
		"Tim,\"New\nYork\"\n" + // too few, two lines
		"Max,Bern,7\n"
	mends := []struct{ from, to string }{
		{"Zoë,Genève,", "Zoë,Genève,2,"},
		{"\"Paris\" France", "Paris France"},
		{"Bob,Rome,4,5,", "Bob,Rome,4,"},
		{"\"Oslo", "Oslo"},
		{"York\",", "York\",6,"},
	}
	want := []string{"Zoë+Genève+2", "Ann+Paris France+3", "Bob+Rome+4", "Eve+Oslo+6", "Tim+New\nYork+6"}
	for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE", "UTF-16BE", "macintosh"} {
		for _, delimiter := range []string{",", ";", "\t", "|", "§", "||", " "} {
			for _, header := range []int{1, dialect.NoHeader} {
				for _, end := range []string{"\n", "\r\n", "\r"} {
					enc, err := encoding.Get(label)
					require.NoError(t, err)
					write := func(s string) []byte {
						s = strings.ReplaceAll(s, ",", delimiter)
						if delimiter == " " {
							s = strings.ReplaceAll(s, "Paris\" France", "Paris\"_France")
						}
						b, err := enc.Encode(strings.ReplaceAll(s, "\n", end))
						require.NoError(t, err)
						return b
					}
					mends[1].to, want[1] = "Paris France", "Ann+Paris France+3"
					if delimiter == " " {
						mends[1].to, want[1] = "Paris_France", "Ann+Paris_France+3"
					}
					in := src
					if header != 1 {
						_, in, _ = strings.Cut(src, "\n")
					}
					name := label + " " + delimiter + " " + end
					p := ingest.Pipeline{Encoding: label, RunID: "first", Policy: ingest.Policy{Bad: ingest.Reject},
						Header: ingest.Columns("name", "city", "n"),
						Dialect: dialect.Dialect{Delimiter: delimiter, Quote: `"`, Escape: dialect.Doubled, Comment: dialect.None,
							LineEnding: map[string]dialect.LineEnding{"\n": dialect.LF, "\r\n": dialect.CRLF, "\r": dialect.CR}[end],
							SkipSpace:  dialect.Off, Preamble: dialect.NoPreamble, HeaderRows: header}}
					var rejects bytes.Buffer
					p.Rejects = ingest.NewRejectWriter(&rejects)
					status, err := p.Run(t.Context(), bytes.NewReader(write(in)), ingest.SinkFunc(new(collect).write))
					require.NoError(t, err, name)
					require.Equal(t, int64(2), status.Delivered, name)

					// Fed back as it is: nothing is delivered, and the file stays what it was.
					first := bytes.Clone(rejects.Bytes())
					for _, pinned := range []bool{true, false} {
						again := ingest.Pipeline{Policy: p.Policy, RunID: "first", Header: p.Header}
						if pinned {
							again.Encoding, again.Dialect = p.Encoding, p.Dialect
						}
						var second bytes.Buffer
						again.Rejects = ingest.NewRejectWriter(&second)
						var c collect
						status, err = again.Run(t.Context(), bytes.NewReader(first), ingest.SinkFunc(c.write))
						require.NoError(t, err, name)
						assert.Empty(t, c.records, name)
						assert.Equal(t, "first", status.Parent, name)
						assert.Len(t, bytes.Split(second.Bytes(), []byte("\n")), len(bytes.Split(first, []byte("\n"))), name)
						assert.InDelta(t, len(first), second.Len(), 60*float64(enc.Unit()), name) // positions and counts of fields change
					}

					// Mended.
					mended := first
					for _, m := range mends {
						from := write(m.from)
						require.Contains(t, string(mended), string(from), name)
						mended = bytes.Replace(mended, from, write(m.to), 1)
					}
					p.RunID = "second"
					p.Rejects = nil
					var c collect
					status, err = p.Run(t.Context(), bytes.NewReader(mended), ingest.SinkFunc(c.write))
					require.NoError(t, err, name)
					var lines []string
					for _, l := range want {
						lines = append(lines, strings.ReplaceAll(l, "\n", end))
					}
					require.Equal(t, lines, c.sorted(), name)
					assert.Equal(t, "first", status.Parent)
				}
			}
		}
	}
}

// What a person's spreadsheet makes of a reject file is still known for what it is.
func TestRejectResaved(t *testing.T) {
	const src = "Name;Ort;n\r\nJ\xe4ger;K\xf6ln;1\r\nM\xfcller;G\xf6ppingen\r\nGr\xfcn;F\xfcrth\r\n"
	var out bytes.Buffer
	p := ingest.Pipeline{Encoding: "windows-1252", RunID: "first", Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&out)}
	p.Dialect = dialect.Dialect{Delimiter: ";", HeaderRows: 1}
	_, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	enc, err := encoding.Get("windows-1252")
	require.NoError(t, err)
	mended, _ := enc.Append(nil, bytes.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte("ppingen"), []byte("ppingen;2")), []byte("rth"), []byte("rth;3")))
	for _, tt := range []struct{ name, text string }{
		{"UTF-8", string(mended)},
		{"UTF-8 with a mark", "\ufeff" + string(mended)},
		{"commas", strings.ReplaceAll(string(mended), ";", ",")},
		{"commas and quotes", "\"" + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSuffix(string(mended), "\r\n"), ";", "\",\""), "\r\n", "\"\r\n\"") + "\"\r\n"},
		{"tabs", strings.ReplaceAll(string(mended), ";", "\t")},
	} {
		var c collect
		status, err := ingest.Run(t.Context(), strings.NewReader(tt.text), ingest.SinkFunc(c.write))
		require.NoError(t, err, tt.name)
		assert.Equal(t, []string{"Müller+Göppingen+2", "Grün+Fürth+3"}, c.sorted(), tt.name)
		assert.Equal(t, "first", status.Parent, tt.name)
	}
	// What the caller pins holds for a reject file, too.
	raw := ingest.Pipeline{Policy: ingest.Policy{Long: ingest.Keep, Short: ingest.Keep}}
	raw.Dialect = dialect.Dialect{Delimiter: "#", HeaderRows: dialect.NoHeader}
	status, err := raw.Run(t.Context(), strings.NewReader(string(mended)), ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	assert.Equal(t, "#", status.Found.Dialect.Delimiter)
	assert.Equal(t, int64(3), status.Delivered)
}

func TestRejectFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rejects.csv")
	run := func(src string) (*ingest.RejectFile, error) {
		f := ingest.NewRejectFile(path)
		p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: f, Dialect: dialect.Dialect{Delimiter: ",", HeaderRows: 1}}
		_, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(new(collect).write))
		require.NoError(t, f.Close())
		return f, err
	}
	f, err := run("a,b\n1,2\n")
	require.NoError(t, err)
	assert.False(t, f.Made())
	assert.NoFileExists(t, path)
	f, err = run("a,b\n1\n")
	require.NoError(t, err)
	assert.True(t, f.Made())
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(body), "too_few_fields")
	_, err = run("a,b\n1\n")
	require.ErrorIs(t, err, fs.ErrExist)
	assert.ErrorContains(t, err, "move the file away")
	path = filepath.Join(path, "below a file")
	_, err = run("a,b\n1\n")
	assert.Error(t, err)

	one := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(io.Discard), Dialect: dialect.Dialect{Delimiter: ",", HeaderRows: 1}}
	_, err = one.Run(t.Context(), strings.NewReader("a,b\n1\n"), ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	_, err = one.Run(t.Context(), strings.NewReader("a,b\n1\n"), ingest.SinkFunc(new(collect).write))
	assert.ErrorContains(t, err, "one run")
}

// With several header rows, or names that need quotes, the reject file has one row of good names.
func TestRejectHeader(t *testing.T) {
	var out bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&out), RunID: "r"}
	p.Dialect = dialect.Dialect{Delimiter: ",", HeaderRows: 2}
	_, err := p.Run(t.Context(), strings.NewReader("Who,\"A \"\"b\"\"\"\n,(x)\n1,2\n3\n"), ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	lines := strings.Split(out.String(), "\n")
	assert.Equal(t, `Who,"A ""b"" (x)",sluice_code,sluice_message,sluice_origin`, lines[0])
	assert.True(t, strings.HasPrefix(lines[1], "3,too_few_fields,the record has 1 field the table 2 columns"), lines[1])
	var c collect
	status, err := (&ingest.Pipeline{}).Run(t.Context(), strings.NewReader(strings.Replace(out.String(), "\n3,", "\n3,4,", 1)), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, []string{"3+4"}, c.sorted())
	assert.Equal(t, []string{"Who", `A "b" (x)`}, status.Found.Header.Names())
}

// A record too large for the reject file is named there, and cannot be taken for one that is whole.
func TestRejectTooLarge(t *testing.T) {
	var out bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&out), Limits: ingest.Limits{Record: 100}}
	p.Dialect = dialect.Dialect{Delimiter: ",", HeaderRows: 1}
	var c collect
	status, err := p.Run(t.Context(), strings.NewReader("a\n1\n"+strings.Repeat("x", 10000)+"\n2\n"), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2"}, c.sorted())
	assert.Equal(t, map[ingest.Code]int64{ingest.CodeRecordTooLarge: 1}, status.Rejects)
	assert.NotContains(t, out.String(), "xxx")
	c = collect{}
	again := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
	status, err = again.Run(t.Context(), strings.NewReader(out.String()), ingest.SinkFunc(c.write))
	require.NoError(t, err)
	assert.Empty(t, c.records)
	assert.Equal(t, map[ingest.Code]int64{ingest.CodeRecordTooLarge: 1}, status.Rejects)
}

func TestRejectWriterErrors(t *testing.T) {
	boom := errors.New("disk full")
	for _, tt := range []struct {
		w    ingest.RejectSink
		d    dialect.Dialect
		text string
	}{
		{ingest.NewRejectWriter(writerFunc(func([]byte) (int, error) { return 0, boom })), dialect.Dialect{Delimiter: ","}, "disk full"},
		{ingest.NewRejectWriter(new(bytes.Buffer)), dialect.Dialect{Delimiter: "e"}, "RejectSink of another kind"},
		{ingest.RejectFunc(func(context.Context, *ingest.Found, []*ingest.RecordError) error { return boom }), dialect.Dialect{Delimiter: ","}, "disk full"},
	} {
		tt.d.HeaderRows = 1
		p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Dialect: tt.d, Rejects: tt.w}
		status, err := p.Run(t.Context(), strings.NewReader("a,bec\n1\n"), ingest.SinkFunc(new(collect).write))
		require.ErrorIs(t, err, ingest.ErrSink)
		assert.ErrorContains(t, err, tt.text)
		assert.Equal(t, ingest.CodeRejectSink, status.Code)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
