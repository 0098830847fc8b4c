package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
)

// The tests run the program as a person does: this test binary is the program when asLoad is set.
const asLoad = "SLUICE_TEST_RUN_AS_LOAD"

func TestMain(m *testing.M) {
	if os.Getenv(asLoad) != "" {
		main()
	}
	servertest.Main(m)
}

// command is the program, not yet started.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asLoad+"=1", "DATABASE_URL=")
	return cmd
}

// load runs the program and gives its report.
func load(t *testing.T, args ...string) (report, log string, code int) {
	t.Helper()
	return finish(t, command(t, args...))
}

// finish runs a command to its end.
func finish(t *testing.T, cmd *exec.Cmd) (report, log string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// table reads a table of a database.
func table(t *testing.T, db, name string) [][]string {
	t.Helper()
	sink, err := sqlitesink.Open(db, "unused")
	require.NoError(t, err)
	defer sink.Close()
	rows, err := ingesttest.ReadSQL(t.Context(), sink.DB, `SELECT * FROM "`+name+`" ORDER BY rowid`)
	require.NoError(t, err)
	return rows
}

// file writes a file into a directory.
func file(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

const (
	// windows-1252, semicolons, titles above the table, one bad record.
	customers = "Kundenliste;;\r\n\r\nNr;Name;Stra\xdfe;Ort\r\n1;M\xfcller;Hauptstra\xdfe 5;K\xf6ln\r\n2;J\xe4ger;K\xf6nigsallee 11;D\xfcsseldorf\r\n" +
		"3;zu wenig\r\n4;\"Gro\xdf; S\xf6hne\";M\xfchlenweg 8;M\xfcnchen\r\n5;Sch\xe4fer;S\xfcderstra\xdfe 2;L\xfcbeck\r\n"
	// No header, TAB, a blank line.
	readings = "2024-01-01\t12.5\tok\n2024-01-02\t13.5\tok\n\n2024-01-03\t14.5\tok\n"
)

// UTF-16LE with a mark, commas, quotes.
var cities = utf16LE("id,city,note\n1,Αθήνα,\"a, b\"\n2,Łódź,\"\"\n3,東京,\n")

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestLoad_threeFiles(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "out.db")
	report, log, code := load(t, "-db", db, file(t, dir, "Kunden 2024.csv", customers),
		file(t, dir, "cities.csv", cities), file(t, dir, "1-readings.tsv", readings))
	assert.Equal(t, 0, code)

	assert.Equal(t, [][]string{
		{"1", "Müller", "Hauptstraße 5", "Köln"},
		{"2", "Jäger", "Königsallee 11", "Düsseldorf"},
		{"4", "Groß; Söhne", "Mühlenweg 8", "München"},
		{"5", "Schäfer", "Süderstraße 2", "Lübeck"},
	}, table(t, db, "kunden_2024"))
	assert.Equal(t, [][]string{{"1", "Αθήνα", "a, b"}, {"2", "Łódź", ""}, {"3", "東京", ingesttest.Null}}, table(t, db, "cities"))
	assert.Equal(t, [][]string{{"2024-01-01", "12.5", "ok"}, {"2024-01-02", "13.5", "ok"}, {"2024-01-03", "14.5", "ok"}}, table(t, db, "t_1_readings"))

	for _, want := range []string{
		`found     windows-1252, delimiter ";", CRLF line ends`,
		"4 columns, a header row, 2 lines above the table",
		"rows      5 read: 4 loaded, 1 rejected",
		"rejected  1 × too few fields",
		"line 6: the record has 2 fields, the table 4 columns",
		"they are in " + filepath.Join(dir, "Kunden 2024.rejects.csv"),
		"done      loaded into table kunden_2024 of " + db,
		`found     UTF-16LE, delimiter ",", LF line ends`,
		`found     UTF-8, delimiter TAB, LF line ends`,
		"the columns are called column_1 to column_3",
		"rows      4 read: 3 loaded, 1 skipped",
	} {
		assert.Contains(t, report, want)
	}
	assert.Equal(t, 3, strings.Count(log, "ingest: done"), "no terminal: log lines")

	// The rejected record is mended, and goes into the same table.
	rejects := filepath.Join(dir, "Kunden 2024.rejects.csv")
	text, err := os.ReadFile(rejects)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(rejects, bytes.Replace(text, []byte("3;zu wenig"), []byte("3;B\xf6hm;Am H\xf6fchen 3;Ulm"), 1), 0o644))
	report, _, code = load(t, "-db", db, rejects)
	assert.Equal(t, 1, code)
	assert.Contains(t, report, "is already in")
	report, _, code = load(t, "-db", db, "-append", rejects)
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, "mended rejects of run ")
	assert.Equal(t, []string{"3", "Böhm", "Am Höfchen 3", "Ulm"}, table(t, db, "kunden_2024")[4])
	assert.NoFileExists(t, filepath.Join(dir, "Kunden 2024.rejects.rejects.csv"))
}

func TestLoad_tableThatIsThere(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "out.db")
	a, b := file(t, dir, "a.csv", "id,n\n1,x\n2,y\n"), file(t, dir, "b.csv", "id;n\n3;z\n")
	other := file(t, t.TempDir(), "a.csv", "id,n\n3,z\n4,z\n")

	_, _, code := load(t, "-db", db, a)
	assert.Equal(t, 0, code)
	report, _, code := load(t, "-db", db, other)
	assert.Equal(t, 1, code)
	assert.Contains(t, report, `table "a" is already in `+db+`: load into another one with -table, or add to it with -append`)
	assert.Len(t, table(t, db, "a"), 2)

	_, _, code = load(t, "-db", db, "-append", other)
	assert.Equal(t, 0, code)
	assert.Len(t, table(t, db, "a"), 4)

	// With -table all files go into one, which must be new.
	report, _, code = load(t, "-db", db, "-table", "all", a, b)
	assert.Equal(t, 0, code, report)
	assert.Equal(t, [][]string{{"1", "x"}, {"2", "y"}, {"3", "z"}}, table(t, db, "all"))
	report, _, code = load(t, "-db", db, "-table", "All", b)
	assert.Equal(t, 1, code)
	assert.Contains(t, report, "is already in")
}

func TestLoad_failures(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "out.db")
	good := file(t, dir, "good.csv", "id,n\n1,x\n2,y\n")
	bad := file(t, dir, "bad.csv", "id,n\n1,x\n2\n")
	pdf := file(t, dir, "scan.csv", "%PDF-1.7\n")
	empty := file(t, dir, "empty.csv", "")

	for _, tt := range []struct {
		name string
		args []string
		code int
		want string // in the report, or in what goes to standard error
	}{
		{"missing file", []string{"-db", db, filepath.Join(dir, "missing.csv")}, 1, "no such file"},
		{"PDF", []string{"-db", db, pdf}, 1, "the file is PDF, not delimited text"},
		{"a directory", []string{"-db", db, dir}, 1, "is a directory"},
		{"short", []string{"-db", db, "-short", "stop", good}, 2, "use keep or reject"},
		{"a quote that is none", []string{"-db", db, "-quote", ",", "-delimiter", ",", good}, 2, "ialect"},
		{"no database", []string{good}, 2, "usage: load"},
		{"no file", []string{"-db", db}, 2, "usage: load"},
		{"unknown encoding", []string{"-db", db, "-encoding", "klingon", good}, 2, "klingon"},
		{"not a database", []string{"-db", bad, good}, 1, "no SQLite database"},
		{"no directory for rejects", []string{"-db", db, "-rejects", good, bad}, 1, "good.csv"},
		{"empty file", []string{"-db", db, empty}, 0, "there is nothing in it to load"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, log, code := load(t, tt.args...)
			assert.Equal(t, tt.code, code)
			assert.Contains(t, report+log, tt.want)
			assert.NoFileExists(t, db, "nothing is made for nothing")
		})
	}

	for _, path := range []string{filepath.Join(dir, "missing.csv"), dir} {
		t.Run("only the error of "+filepath.Base(path), func(t *testing.T) {
			report, log, code := load(t, "-db", db, path)
			assert.Equal(t, 1, code)
			assert.Regexp(t, `^.*\n  failed    .*\n\n$`, report)
			assert.Empty(t, log)
		})
	}
	t.Run("the others are loaded", func(t *testing.T) {
		report, _, code := load(t, "-db", db, pdf, good)
		assert.Equal(t, 1, code)
		assert.Contains(t, report, "  failed    the file is PDF, not delimited text: ")
		assert.Len(t, table(t, db, "good"), 2)
	})
	t.Run("rejects of an earlier run are safe", func(t *testing.T) {
		report, _, code := load(t, "-db", db, "-rejects", filepath.Join(dir, "new"), bad)
		assert.Equal(t, 0, code, report)
		path := filepath.Join(dir, "new", "bad.rejects.csv")
		require.FileExists(t, path)
		require.NoError(t, os.WriteFile(path, []byte("half mended"), 0o644))
		report, _, code = load(t, "-db", db, "-rejects", filepath.Join(dir, "new"), "-append", bad)
		assert.Equal(t, 1, code)
		assert.Contains(t, report, "holds rejects of an earlier run")
		assert.Len(t, table(t, db, "bad"), 1)
	})
	t.Run("pinned", func(t *testing.T) {
		report, _, code := load(t, "-db", db, "-table", "pinned", "-delimiter", `\t`, "-encoding", "windows-1250", good)
		assert.Equal(t, 0, code, report)
		assert.Contains(t, report, "windows-1250, delimiter TAB")
	})
}

// A run that is over before the first file loads none.
func TestRun_canceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	require.NoError(t, err)
	defer stderr.Close()
	var out bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"-db", filepath.Join(dir, "out.db"), "a.csv", "b.csv"}, &out, stderr))
	assert.Equal(t, "not begun: a.csv, b.csv\n", out.String())
}

func TestTarget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.db")
	file, err := databaseOf(path)
	require.NoError(t, err)
	there, err := (&target{database: file, table: "a"}).there(t.Context())
	require.NoError(t, err)
	assert.False(t, there)
	assert.NoFileExists(t, path)

	made := &target{database: file, table: "a"}
	require.NoError(t, made.open())
	_, err = made.db.Exec("CREATE TABLE a (x); CREATE VIEW b AS SELECT * FROM a")
	require.NoError(t, err)
	require.NoError(t, made.close())
	for name, want := range map[string]bool{"a": true, "A": true, "b": true, "c": false} {
		to := &target{database: file, table: name}
		there, err := to.there(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, there, name)
		require.NoError(t, to.close())
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ path, base, table string }{
		{"customers.csv", "customers", "customers"},
		{"/a/b.c/Kunden 2024.CSV", "Kunden 2024", "kunden_2024"},
		{"größe.tsv.gz", "größe", "größe"},
		{"data.2024-01.csv.bz2", "data.2024-01", "data_2024_01"},
		{"2024.csv", "2024", "t_2024"},
		{"--.csv", "--", "t"},
		{".csv", "", "t"},
		{"sqlite_x.csv", "sqlite_x", "t_sqlite_x"},
		{"a\"b;DROP.csv", `a"b;DROP`, "a_b_drop"},
		{"orders.rejects.csv", "orders.rejects", "orders"},
		{"orders.rejects.rejects.csv", "orders.rejects.rejects", "orders"},
		{"stdin", "stdin", "stdin"},
	} {
		assert.Equal(t, tt.base, baseName(tt.path))
		assert.Equal(t, tt.table, tableName(tt.base))
	}
}

func TestLoad_quote(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "out.db")
	path := file(t, dir, "q.csv", "id,name\n1,'a, b'\n2,\"c\"\n")
	report, _, code := load(t, "-db", db, "-quote", "'", path)
	assert.Equal(t, 0, code, report)
	assert.Equal(t, [][]string{{"1", "a, b"}, {"2", `"c"`}}, table(t, db, "q"))
	report, _, code = load(t, "-db", db, "-table", "none", "-quote", "none", "-rejects", filepath.Join(dir, "none"), path)
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, "quote none")
	assert.Equal(t, [][]string{{"2", `"c"`}}, table(t, db, "none"))
}

// Records that lack fields are rejected, and loaded as they are where that is said: at once, or later.
func TestLoad_short(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "out.db")
	path := file(t, dir, "s.csv", "id,name,city\n1,Ann,Rome\n2,Bo\n3,Cy,Ulm\n4,Di,Bonn\n")
	all := [][]string{{"1", "Ann", "Rome"}, {"2", "Bo", ingesttest.Null}, {"3", "Cy", "Ulm"}, {"4", "Di", "Bonn"}}

	report, _, code := load(t, "-db", db, "-table", "kept", "-short", "keep", path)
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, "1 × too few fields was left as it is")
	assert.Equal(t, all, table(t, db, "kept"))

	for _, args := range [][]string{{"-short", "reject", path}, {"-append", "-short", "keep", filepath.Join(dir, "s.rejects.csv")}} {
		report, _, code = load(t, append([]string{"-db", db}, args...)...)
		assert.Equal(t, 0, code, report)
	}
	assert.ElementsMatch(t, all, table(t, db, "s"))
}
