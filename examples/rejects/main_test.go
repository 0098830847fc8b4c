package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/encoding"
)

// The file of the round trip: three records are bad. Two of them will be mended, "Weiß" will not.
const (
	header = "Nr;Name;Straße;Betrag;Datum\r\n"
	orders = `1;Müller;Hauptstraße 5;12.50;2024-01-02
2;Jäger;Königsallee 11;8.00;2024-01-03
3;Größe;Am Höfchen 3;extra;7.25;2024-01-04
4;"Öztürk; Söhne";Mühlenweg 8;19.99;2024-01-05
5;Schäfer;Süderstraße 2
6;Köhler;Bäckergasse 7;4.10;2024-01-07
7;Weiß;Grüner Weg 1;3.30
8;Böhm;Schloßplatz 9;6.60;2024-01-09
9;Krüger;Dürerstraße 4;5.55;2024-01-10
`
)

func TestRun_roundTrip(t *testing.T) {
	for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE"} {
		for _, delimiter := range []string{",", ";"} {
			for _, hasHeader := range []bool{true, false} {
				name := label + " " + delimiter
				text := strings.ReplaceAll(orders, "\n", "\r\n")
				if hasHeader {
					text, name = header+text, name+" header"
				}
				t.Run(name, func(t *testing.T) {
					enc, err := encoding.Get(label)
					require.NoError(t, err)
					roundTrip(t, enc, delimiter, strings.ReplaceAll(text, ";", delimiter), hasHeader)
				})
			}
		}
	}
}

func roundTrip(t *testing.T, enc *encoding.Encoding, delimiter, text string, hasHeader bool) {
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.csv")
	write(t, enc, path, text)

	// The first run leaves three of nine out.
	first, code := load(t, path)
	assert.Equal(t, 0, code)
	assert.Equal(t, []string{"1", "2", "4", "6", "8", "9"}, first.ids)
	assert.Contains(t, first.text, `"Öztürk`+delimiter+` Söhne"`)
	assert.Contains(t, first.text, "6 records, 3 rejected")
	assert.Empty(t, first.parent)

	// The file of rejects has what the records have, and three columns more.
	path = filepath.Join(dir, "orders.rejects.csv")
	rejects := read(t, enc, path)
	lines := strings.Split(strings.TrimSuffix(rejects, "\r\n"), "\r\n")
	if hasHeader {
		assert.Equal(t, strings.ReplaceAll("Nr;Name;Straße;Betrag;Datum;sluice_code;sluice_message;sluice_origin", ";", delimiter), lines[0])
		lines = lines[1:]
	}
	require.Len(t, lines, 3)
	extra := lines[2][strings.Index(lines[2], "too_few_fields"):]
	assert.Contains(t, extra, first.run)

	// Two are mended; the second is written anew, without the three columns.
	mended := replace(t, rejects, "Am Höfchen 3"+delimiter+"extra", "Am Höfchen 3")
	mended = replace(t, mended, lines[1], strings.ReplaceAll("5;Schäfer;Süderstraße 2;9.90;2024-01-06", ";", delimiter))
	write(t, enc, path, mended)
	second, code := load(t, "-mended", path)
	assert.Equal(t, 0, code)
	assert.Equal(t, []string{"3", "5"}, second.ids)
	assert.Contains(t, second.text, `["5" "Schäfer" "Süderstraße 2" "9.90" "2024-01-06"]`)
	assert.Equal(t, first.run, second.parent)

	// The third is rejected again, with the three columns once.
	path = filepath.Join(dir, "orders.rejects.rejects.csv")
	again := read(t, enc, path)
	assert.Equal(t, 1, strings.Count(again, "sluice1"), again)
	assert.LessOrEqual(t, strings.Count(again, "sluice_code"), 1, again)
	assert.Contains(t, again, second.run)
	assert.NotContains(t, again, first.run)

	// When all is mended nothing is left over.
	write(t, enc, path, replace(t, again, "3.30", "3.30"+delimiter+"2024-01-08"))
	third, code := load(t, "-mended", path)
	assert.Equal(t, 0, code)
	assert.Equal(t, []string{"7"}, third.ids)
	assert.Contains(t, third.text, `["7" "Weiß" "Grüner Weg 1" "3.30" "2024-01-08"]`)
	assert.Equal(t, second.run, third.parent)
	assert.NoFileExists(t, filepath.Join(dir, "orders.rejects.rejects.rejects.csv"))
}

// printed is what the program printed, and what stands in it.
type printed struct {
	text        string
	ids         []string
	run, parent string
}

var (
	id     = regexp.MustCompile(`(?m)^\["(\d+)"`)
	runID  = regexp.MustCompile(`(?m)^run (\S+):`)
	parent = regexp.MustCompile(`rejects of run (\S+)\n`)
)

func load(t *testing.T, args ...string) (p printed, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	require.Empty(t, errs.String())
	p.text = out.String()
	for _, m := range id.FindAllStringSubmatch(p.text, -1) {
		p.ids = append(p.ids, m[1])
	}
	if m := runID.FindStringSubmatch(p.text); m != nil {
		p.run = m[1]
	}
	if m := parent.FindStringSubmatch(p.text); m != nil {
		p.parent = m[1]
	}
	return p, code
}

func write(t *testing.T, enc *encoding.Encoding, path, text string) {
	t.Helper()
	b, err := enc.Encode(text)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b, 0o644))
}

func read(t *testing.T, enc *encoding.Encoding, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	text, invalid := enc.Append(nil, b)
	require.Zero(t, invalid)
	return string(text)
}

func replace(t *testing.T, text, old, new string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, old), "%q in %q", old, text)
	return strings.Replace(text, old, new, 1)
}

func TestRun_failures(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.csv"), filepath.Join(dir, "bad.csv")
	require.NoError(t, os.WriteFile(good, []byte("id,name\n1,Ann\n2,Bo\n"), 0o644))
	require.NoError(t, os.WriteFile(bad, []byte("id,name\n1,Ann\n2,Bo\n3\n4,Di\n"), 0o644))
	beingMended := filepath.Join(dir, "bad.rejects.csv")
	require.NoError(t, os.WriteFile(beingMended, []byte("half mended"), 0o644))

	for _, tt := range []struct {
		name, want string
		args       []string
		code       int
	}{
		{"no file", "usage: rejects", nil, 2},
		{"unknown flag", "usage: rejects", []string{"-x"}, 2},
		{"missing file", "no such file", []string{filepath.Join(dir, "missing.csv")}, 1},
		{"missing mended file", "no such file", []string{"-mended", filepath.Join(dir, "missing.csv")}, 1},
		{"not mended", "holds no rejects", []string{"-mended", good}, 1},
		{"earlier rejects", "the rejects of an earlier run are not overwritten", []string{bad}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, tt.code, run(t.Context(), tt.args, &out, &errs))
			assert.Contains(t, errs.String(), tt.want)
		})
	}
	got, err := os.ReadFile(beingMended)
	require.NoError(t, err)
	assert.Equal(t, "half mended", string(got))
}

// cancelWriter cancels a context when something is written to it.
type cancelWriter struct{ cancel func() }

func (w cancelWriter) Write(p []byte) (int, error) {
	w.cancel()
	return len(p), nil
}

// Ctrl-C in the middle of a file leaves no rejects that are not whole; the next run finds them all.
func TestRun_interrupted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.csv")
	require.NoError(t, os.WriteFile(path, []byte("id,name\n1\n"+strings.Repeat("2,Bo\n", 1<<17)+"3\n"), 0o644))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{path}, cancelWriter{cancel}, &errs))
	assert.Contains(t, errs.String(), "canceled")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1)

	again, code := load(t, path)
	assert.Equal(t, 0, code)
	assert.Contains(t, again.text, "2 rejected")
}
