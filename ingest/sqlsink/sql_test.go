package sqlsink

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

func TestQuery(t *testing.T) {
	parts := []any{"UPDATE t SET a = ", param{7}, ", b = ", in(2 * time.Second), " WHERE c = ", param{"x"}}
	for _, row := range []struct {
		name string
		f    Flavor
		want string
		args int
	}{
		{"its own clock", Flavor{Placeholder: Dollar, NowMillis: "now()"}, "UPDATE t SET a = $1, b = (now() + 2000) WHERE c = $2", 2},
		{"our clock", Flavor{Placeholder: Dollar}, "UPDATE t SET a = $1, b = $2 WHERE c = $3", 3},
		{"question marks", Flavor{Placeholder: Question}, "UPDATE t SET a = ?, b = ? WHERE c = ?", 3},
		{"at", Flavor{Placeholder: At, NowMillis: "now()"}, "UPDATE t SET a = @p1, b = (now() + 2000) WHERE c = @p2", 2},
	} {
		query, args := row.f.query(parts...)
		assert.Equal(t, row.want, query, row.name)
		require.Len(t, args, row.args, row.name)
		assert.Equal(t, 7, args[0])
		assert.Equal(t, "x", args[len(args)-1])
		if row.args == 3 {
			assert.InDelta(t, time.Now().UnixMilli()+2000, args[1], 5000)
		}
	}
}

func TestCreateColumns(t *testing.T) {
	s := &Sink{Table: "t", Quote: Backtick, Mode: Upsert, Key: []string{"id"}, Types: map[string]string{"n": "INT NOT NULL"}, RunColumn: "run", OffsetColumn: "at"}
	s.DB = new(fake).db(t)
	found := &ingest.Found{Run: "r", Header: ingest.Columns("id", "n", "name")}
	s.keep(&ingest.Claim{LedgerRun: &ingest.LedgerRun{Run: "r", Found: found}, Epoch: 1})
	w, err := s.newWriter(found)
	require.NoError(t, err)
	assert.Equal(t, "CREATE TABLE IF NOT EXISTS `t` (`id` VARCHAR(255), `n` INT NOT NULL, `name` TEXT, `run` VARCHAR(255), `at` BIGINT, PRIMARY KEY (`id`))", w.create())
}

func TestMoveSQL(t *testing.T) {
	stage := StageTable("r")
	assert.Equal(t, stage, StageTable("r"))
	assert.NotEqual(t, stage, StageTable("R"))
	assert.Less(t, len(stage), 63)
	ranked := func(quote, order string) string {
		return fmt.Sprintf("(SELECT x.*, ROW_NUMBER() OVER (PARTITION BY %[1]sid%[1]s ORDER BY %[1]ssluice_offset%[1]s%[2]s) AS sluice_rank FROM %[1]s%[3]s%[1]s x) s WHERE (sluice_rank = 1 OR %[1]sid%[1]s IS NULL)", quote, order, stage)
	}
	inOrder := func(quote string) string { return " ORDER BY " + quote + "sluice_offset" + quote }
	for _, row := range []struct {
		name string
		sink *Sink
		want []string
	}{
		{"whole", &Sink{Mode: Whole}, []string{`INSERT INTO "t" ("id", "v") SELECT "id", "v" FROM "` + stage + `" ORDER BY "sluice_offset"`}},
		{"offset column", &Sink{Mode: Whole, Schema: "s", OffsetColumn: "at"}, []string{`INSERT INTO "s"."t" ("id", "v", "at") SELECT "id", "v", "at" FROM "s"."` + stage + `" ORDER BY "at"`}},
		{"update", &Sink{Mode: Upsert, Key: []string{"id"}},
			[]string{`INSERT INTO "t" ("id", "v") SELECT "id", "v" FROM ` + ranked(`"`, " DESC") + inOrder(`"`) + ` ON CONFLICT ("id") DO UPDATE SET "v" = excluded."v"`}},
		{"keep", &Sink{Mode: Upsert, Key: []string{"id"}, OnConflict: Keep},
			[]string{`INSERT INTO "t" ("id", "v") SELECT "id", "v" FROM ` + ranked(`"`, "") + inOrder(`"`) + ` ON CONFLICT ("id") DO NOTHING`}},
		{"update in MySQL", &Sink{Mode: Upsert, Key: []string{"id"}, Quote: Backtick},
			[]string{
				"UPDATE `t` t JOIN (SELECT * FROM " + ranked("`", " DESC") + ") s ON t.`id` = s.`id` SET t.`v` = s.`v`",
				"INSERT INTO `t` (`id`, `v`) SELECT `id`, `v` FROM " + ranked("`", " DESC") + " AND NOT EXISTS (SELECT 1 FROM `t` t WHERE t.`id` = s.`id`)" + inOrder("`"),
			}},
		{"keep in MySQL", &Sink{Mode: Upsert, Key: []string{"id"}, OnConflict: Keep, Quote: Backtick},
			[]string{"INSERT INTO `t` (`id`, `v`) SELECT `id`, `v` FROM " + ranked("`", "") + " AND NOT EXISTS (SELECT 1 FROM `t` t WHERE t.`id` = s.`id`)" + inOrder("`")}},
	} {
		s := row.sink
		s.Table = "t"
		assert.Equal(t, row.want, s.moveSQL(s.flavor(), s.Mode, "r", s.columns(ingest.Columns("id", "v"))), row.name)
	}
}

func TestLedgerDDL(t *testing.T) {
	for _, row := range []struct {
		name string
		sink *Sink
		has  []string
	}{
		{"standard", &Sink{}, []string{`"sluice_runs" (run VARCHAR(255) NOT NULL, parent TEXT`, "raw BLOB, PRIMARY KEY (run, byte_offset))"}},
		{"PostgreSQL", &Sink{Placeholder: Dollar, Schema: "s"}, []string{`"s"."sluice_windows" (run`, "raw BYTEA"}},
		{"MySQL", &Sink{Quote: Backtick}, []string{"`sluice_rejects` (run", "notes_json LONGTEXT", "raw LONGBLOB"}},
		{"SQL Server", &Sink{Placeholder: At, Quote: Bracket}, []string{"[sluice_runs] (run NVARCHAR(255)", "raw VARBINARY(MAX)"}},
	} {
		ddl := row.sink.LedgerDDL()
		assert.Len(t, ddl, 3)
		for _, h := range row.has {
			assert.Contains(t, strings.Join(ddl, ";\n"), h, row.name)
		}
		assert.NotContains(t, strings.Join(ddl, ""), "{")
	}
}

type stateError string

func (e stateError) Error() string    { return "an error" }
func (e stateError) SQLState() string { return string(e) }

func TestExplainStandard(t *testing.T) {
	for _, row := range []struct {
		err  error
		want Problem
	}{
		{stateError("23505"), Problem{Row: -1, Code: "23505", Data: true}},
		{fmt.Errorf("wrapped: %w", stateError("22001")), Problem{Row: -1, Code: "22001", Data: true}},
		{stateError("40001"), Problem{Row: -1, Code: "40001", AtOnce: true}},
		{stateError("40003"), Problem{Row: -1, Code: "40003"}},
		{stateError("08006"), Problem{Row: -1, Code: "08006", Transient: true, Lost: true}},
		{stateError("53100"), Problem{Row: -1, Code: "53100", Transient: true}},
		{stateError("4"), Problem{Row: -1, Code: "4"}},
		{stateError(""), Problem{Row: -1}},
		{driver.ErrBadConn, Problem{Row: -1, Transient: true, Lost: true}},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, Problem{Row: -1, Transient: true, Lost: true}},
		{context.DeadlineExceeded, Problem{Row: -1}},
		{io.EOF, Problem{Row: -1}},
		{nil, Problem{Row: -1}},
	} {
		assert.Equal(t, row.want, new(Sink).explain(row.err), "%v", row.err)
	}
}

func TestTransient(t *testing.T) {
	s := &Sink{Table: "t"}
	for _, row := range []struct {
		err  error
		want bool
	}{
		{stateError("40001"), true},
		{stateError("53300"), true},
		{stateError("23505"), false},
		{errDown, false},
		{fmt.Errorf("%w: %w", ErrInDoubt, stateError("08006")), false},
	} {
		e := s.fail(t.Context(), "insert", "it fails", row.err)
		assert.Equal(t, row.want, e.Transient(), "%v", row.err)
		if e.again = true; errors.Is(row.err, ErrInDoubt) {
			assert.True(t, e.Transient(), "the ledger knows")
		}
	}
}

// What the database says of values that are not at hand is not told.
func TestHidden(t *testing.T) {
	e := (&Sink{Table: "t"}).fail(t.Context(), "release", "it fails", fmt.Errorf("Key (a)=(secret): %w", stateError("23505")))
	assert.NotContains(t, e.Error(), "secret")
	assert.Contains(t, errors.Unwrap(e).Error(), "secret")
}

func TestLedgerIsOff(t *testing.T) {
	s := &Sink{DB: new(fake).db(t), Table: "t", NoLedger: true}
	c := &ingest.Claim{LedgerRun: &ingest.LedgerRun{Run: "r"}}
	for name, call := range map[string]func() error{
		"Find":    func() error { _, err := s.Find(t.Context(), "r"); return err },
		"Claim":   func() error { _, err := s.Claim(t.Context(), c.LedgerRun, time.Minute); return err },
		"Renew":   func() error { _, err := s.Renew(t.Context(), c, time.Minute); return err },
		"Enter":   func() error { return s.Enter(t.Context(), c, &ingest.LedgerEntry{}) },
		"Release": func() error { return s.Release(t.Context(), c, ingest.Done, "") },
		"Runs":    func() error { _, err := s.Runs(t.Context()); return err },
		"Request": func() error { return s.Request(t.Context(), "r", ingest.RequestStop) },
		"Undo":    func() error { _, err := s.Undo(t.Context(), "r"); return err },
	} {
		assert.ErrorIs(t, call(), ingest.ErrNoLedger, name)
	}
	_, err := new(Sink).Find(t.Context(), "r")
	assert.ErrorContains(t, err, "DB is nil")
}
