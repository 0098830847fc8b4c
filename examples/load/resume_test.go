package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

// A place is a database for a test, and how the program is told of it.
type place struct {
	database
	args, env []string
	proxy     *servertest.Proxy // to a server that is far away
}

// everywhere runs a test in each kind of database. Slowly is for those whose program is to take its time: the servers are
// some milliseconds away.
func everywhere(t *testing.T, slowly bool, test func(t *testing.T, p place)) {
	server := func(t *testing.T, s *servertest.Server, k *kind) {
		db := s.Database(t)
		p := place{database: database{address: db.URL(), kind: k}}
		if slowly {
			p.proxy = servertest.NewProxy(t, s.Addr())
			p.proxy.Delay(10 * time.Millisecond)
			db = db.Via(p.proxy)
		}
		p.env = []string{"DATABASE_URL=" + db.URL()}
		test(t, p)
	}
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "out.db")
		test(t, place{database: database{address: path, kind: &sqlite}, args: []string{"-db", path}})
	})
	t.Run("PostgreSQL", func(t *testing.T) { server(t, servertest.SharedPostgres(t), &postgres) })
	t.Run("MariaDB", func(t *testing.T) { server(t, servertest.SharedMariaDB(t), &mysql) })
}

// command is the program, not yet started, with its rejects in a directory.
func (p place) command(t *testing.T, rejects string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t, slices.Concat(p.args, []string{"-rejects", rejects}, args)...)
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// load runs the program to its end.
func (p place) load(t *testing.T, rejects string, args ...string) (report, log string, code int) {
	t.Helper()
	return finish(t, p.command(t, rejects, args...))
}

// ask gives the rows that a query gives; none where the table is not there.
func (p place) ask(t *testing.T, table, query string) [][]string {
	t.Helper()
	to := &target{database: p.database, table: table}
	defer to.close()
	if there, err := to.there(t.Context()); err != nil || !there {
		return nil
	}
	rows, err := ingesttest.ReadSQL(t.Context(), to.db, query)
	require.NoError(t, err)
	return rows
}

// count gives the number of rows of a table, "" while it is not there.
func (p place) count(t *testing.T, table string) string {
	t.Helper()
	if rows := p.ask(t, table, "SELECT count(*) FROM "+table); rows != nil {
		return rows[0][0]
	}
	return ""
}

func TestLoad_readme(t *testing.T) {
	messy := filepath.Join("..", "..", "testdata", "messy")
	everywhere(t, false, func(t *testing.T, p place) {
		dir := t.TempDir()
		report, log, code := p.load(t, dir, filepath.Join(messy, "bank-statement.csv"), filepath.Join(messy, "euckr-contacts.csv"), filepath.Join(messy, "short-reject.csv"))
		require.Equal(t, 0, code, report+log)
		assert.Equal(t, 3, strings.Count(report, "loaded into table"))
		assert.Equal(t, [][]string{{"1", "Ann", "Oslo"}, {"3", "Cy", "Rome"}, {"5", "Ed", "Kyiv"}}, p.ask(t, "short_reject", "SELECT * FROM short_reject ORDER BY id"))
		assert.Equal(t, "7", p.count(t, "euckr_contacts"))
		assert.Equal(t, "5", p.count(t, "bank_statement"))
		assert.FileExists(t, filepath.Join(dir, "short-reject.rejects.csv"))
	})
}

// big makes a file with so many rows, of which one in a thousand is preceded by a bad one.
func big(t *testing.T, rows int) (path string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("id,name,note\n")
	for i := range rows {
		if i%1000 == 0 {
			fmt.Fprintf(&text, "short %d\n", i)
		}
		fmt.Fprintf(&text, "%d,name %d,%s\n", i, i%97, "something that takes some room")
	}
	return file(t, t.TempDir(), "big.csv", text.String())
}

// eachOnce asks whether all ids of a big file are different.
const eachOnce = "SELECT count(*), count(DISTINCT id) FROM big"

// The program is killed in the middle of a file, and started again: every row is there once, and every reject.
func TestLoad_killed(t *testing.T) {
	everywhere(t, true, func(t *testing.T, p place) {
		t.Parallel()
		rows, read := 300_000, "300,300 read: 300,000 loaded, 300 rejected"
		if testing.Short() && p.proxy == nil { // with the race detector SQLite takes minutes for so many
			rows, read = 60_000, "60,060 read: 60,000 loaded, 60 rejected"
		}
		path, dir := big(t, rows), t.TempDir()
		first := p.command(t, dir, path)
		require.NoError(t, first.Start())
		require.Eventually(t, func() bool { return len(p.count(t, "big")) > 1 }, 30*time.Second, time.Millisecond)
		require.NoError(t, first.Process.Kill())
		require.Error(t, first.Wait())
		stored, err := strconv.Atoi(p.count(t, "big"))
		require.NoError(t, err)
		require.Less(t, stored, rows, "it was too quick to be killed")

		report, log, code := p.load(t, dir, path)
		require.Equal(t, 0, code, report+log)
		said := regexp.MustCompile(`resumed   goes on where it ended: (\S+) rows were stored`).FindStringSubmatch(report)
		require.NotNil(t, said, report)
		before, err := strconv.Atoi(strings.ReplaceAll(said[1], ",", ""))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, before, stored, "a commit that was on its way may have arrived")
		assert.Contains(t, report, read)
		exact := [][]string{{fmt.Sprint(rows), fmt.Sprint(rows)}}
		assert.Equal(t, exact, p.ask(t, "big", eachOnce))

		rejects := filepath.Join(dir, "big.rejects.csv")
		kept, err := os.ReadFile(rejects)
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(kept)), "\n")
		require.Len(t, lines, 1+rows/1000)
		for i, line := range lines[1:] {
			assert.True(t, strings.HasPrefix(line, fmt.Sprintf("short %d,too_few_fields,", i*1000)), line)
		}

		// It is done now; what is missing is only the file of the rejects.
		require.NoError(t, os.Remove(rejects))
		report, log, code = p.load(t, dir, path)
		require.Equal(t, 0, code, report+log)
		assert.Contains(t, report, "all of it was loaded into table big of ")
		assert.NotContains(t, report, "resumed")
		assert.Equal(t, exact, p.ask(t, "big", eachOnce))
		again, err := os.ReadFile(rejects)
		require.NoError(t, err)
		assert.Equal(t, string(kept), string(again))
	})
}

// All connections are lost in the middle of a file: the program opens others.
func TestLoad_lost(t *testing.T) {
	const rows = 300_000
	path := big(t, rows)
	everywhere(t, true, func(t *testing.T, p place) {
		if p.proxy == nil {
			t.Skip("there is no connection that could be lost")
		}
		t.Parallel()
		p.proxy.ResetAfter(1 << 20)
		report, log, code := p.load(t, t.TempDir(), path)
		require.Equal(t, 0, code, report+log)
		assert.Contains(t, report, "tried again")
		assert.Equal(t, [][]string{{fmt.Sprint(rows), fmt.Sprint(rows)}}, p.ask(t, "big", eachOnce))
	})
}

func TestLoad_again(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "out.db")
	path := file(t, dir, "a.csv", "id,n\n1,x\n2,y\n3\n")
	for range 2 {
		report, _, code := load(t, "-db", db, path)
		assert.Equal(t, 0, code, report)
		assert.Contains(t, report, "3 read: 2 loaded, 1 rejected")
	}
	report, _, code := load(t, "-db", db, "-append", path)
	assert.Equal(t, 0, code, report)
	assert.Contains(t, report, "all of it was loaded into table a of "+db+" before, and nothing is doubled")
	assert.Len(t, table(t, db, "a"), 2)

	t.Run("by another name", func(t *testing.T) {
		for range 2 {
			report, _, code := load(t, "-db", db, "-append", "-run", "again", "-rejects", filepath.Join(dir, "again"), path)
			assert.Equal(t, 0, code, report)
		}
		assert.Len(t, table(t, db, "a"), 4)
		_, log, code := load(t, "-db", db, "-run", "again", path, path)
		assert.Equal(t, 2, code)
		assert.Contains(t, log, "-run names the load of one file")
		_, log, code = load(t, "-db", db, "-run", "no good", path)
		assert.Equal(t, 2, code)
		assert.Contains(t, log, "-run: use up to 64 letters")
	})
	t.Run("it has grown", func(t *testing.T) {
		file(t, dir, "a.csv", "id,n\n1,x\n2,y\n3\n4,z\n5\n")
		report, _, code := load(t, "-db", db, path)
		assert.Equal(t, 0, code, report)
		assert.Contains(t, report, "goes on where it ended: 2 rows were stored")
		assert.Equal(t, []string{"4", "z"}, table(t, db, "a")[4])
		kept, err := os.ReadFile(filepath.Join(dir, "a.rejects.csv"))
		require.NoError(t, err)
		assert.Len(t, strings.Split(strings.TrimSpace(string(kept)), "\n"), 3)
	})
	t.Run("it has changed", func(t *testing.T) {
		file(t, dir, "a.csv", "id,n\n7,x\n8,y\n9,z\n10,z\n11,z\n12,z\n")
		report, _, code := load(t, "-db", db, path)
		assert.Equal(t, 1, code)
		assert.Contains(t, report, "the source is not the one that this run began with")
		assert.Contains(t, report, "-append -run NAME loads it as a new one")
		assert.Len(t, table(t, db, "a"), 5)
		report, _, code = load(t, "-db", db, "-append", "-run", "new", "-rejects", filepath.Join(dir, "new"), path)
		assert.Equal(t, 0, code, report)
		assert.Len(t, table(t, db, "a"), 11)
	})
	t.Run("it is read another way", func(t *testing.T) {
		path := file(t, dir, "b.csv", "id,n\n1,x\n")
		_, _, code := load(t, "-db", db, path)
		require.Equal(t, 0, code)
		report, _, code := load(t, "-db", db, "-delimiter", ";", path)
		assert.Equal(t, 1, code)
		assert.Contains(t, report, "use another -run")
		assert.Contains(t, report, "1 row of this file stored in table b")
	})
	t.Run("the table is gone", func(t *testing.T) {
		path := file(t, dir, "c.csv", "id,n\n1,x\n")
		_, _, code := load(t, "-db", db, path)
		require.Equal(t, 0, code)
		to := target{database: database{address: db, kind: &sqlite}, table: "c"}
		require.NoError(t, to.open())
		_, err := to.db.Exec("DROP TABLE c")
		require.NoError(t, err)
		require.NoError(t, to.close())
		report, _, code := load(t, "-db", db, path)
		assert.Equal(t, 1, code)
		assert.Contains(t, report, `the ledger says that 1 row was stored in table "c", which is not in `)
		report, _, code = load(t, "-db", db, "-run", "c-2", path)
		assert.Equal(t, 0, code, report)
		assert.Len(t, table(t, db, "c"), 1)
	})
}

// A record that the database does not take is a reject like any other.
func TestLoad_refused(t *testing.T) {
	everywhere(t, false, func(t *testing.T, p place) {
		to := &target{database: p.database, table: "people"}
		require.NoError(t, to.open())
		_, err := to.db.Exec("CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20))")
		require.NoError(t, err)
		require.NoError(t, to.close())

		dir := t.TempDir()
		report, log, code := p.load(t, dir, "-append", file(t, t.TempDir(), "people.csv", "id,name\n1,Ann\n2,Bo\n1,Cy\nx,y,z\n3,Di\n"))
		require.Equal(t, 0, code, report+log)
		assert.Contains(t, report, "5 read: 3 loaded, 2 rejected")
		assert.Equal(t, [][]string{{"1", "Ann"}, {"2", "Bo"}, {"3", "Di"}}, p.ask(t, "people", "SELECT id, name FROM people ORDER BY id"))
		kept, err := os.ReadFile(filepath.Join(dir, "people.rejects.csv"))
		require.NoError(t, err)
		assert.Regexp(t, `^id,name,sluice_code.*\n1,Cy,refused,.*\nx,y,z,too_many_fields,.*\n$`, string(kept))
	})
}

// Each is told, also where there are many.
func TestLoad_refusesMany(t *testing.T) {
	everywhere(t, false, func(t *testing.T, p place) {
		to := &target{database: p.database, table: "people"}
		require.NoError(t, to.open())
		_, err := to.db.Exec("CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20))")
		require.NoError(t, err)
		require.NoError(t, to.close())

		text := []byte("id,name\n")
		for i := range 6000 {
			text = fmt.Appendf(text, "%d,Ann\n", i-i%20/19) // every 20th is there already
		}
		report, log, code := p.load(t, t.TempDir(), "-append", file(t, t.TempDir(), "people.csv", string(text)))
		require.Equal(t, 0, code, report+log)
		assert.Contains(t, report, "6,000 read: 5,700 loaded, 300 rejected")
		assert.Equal(t, "5700", p.count(t, "people"))
	})
}

func TestHolds(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		all, some string
		want      bool
	}{
		{"h\na\nb\n", "", true},
		{"h\na\nb\n", "h\nb\n", true},
		{"h\na\nb\n", "h\na\nb\n", true},
		{"h\na\nb", "a\nb", true},
		{"h\na\nb\n", "h\nb\na\n", false},
		{"h\na\nb\n", "h\nA\n", false},
		{"h\na\nb\n", "h\na\nb\nc\n", false},
		{"h\na\nb\n", "h\na", false},
		{"", "h\n", false},
	} {
		got, err := holds(file(t, dir, "all", tt.all), file(t, dir, "some", tt.some))
		require.NoError(t, err)
		assert.Equal(t, tt.want, got, "%q %q", tt.all, tt.some)
	}
	got, err := holds(filepath.Join(dir, "all"), filepath.Join(dir, "none"))
	require.NoError(t, err)
	assert.True(t, got, "there is nothing to lose")
	_, err = holds(filepath.Join(dir, "none"), filepath.Join(dir, "all"))
	assert.Error(t, err)
}
