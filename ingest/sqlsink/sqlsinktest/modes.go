package sqlsinktest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

func settings(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ", name " + c.Text + ")")
	for _, row := range []struct {
		name string
		set  func(s *sqlsink.Sink)
		says string
	}{
		{"a mode that is none", func(s *sqlsink.Sink) { s.Mode = "all" }, `Mode is "all"`},
		{"a conflict that is none", func(s *sqlsink.Sink) { s.OnConflict = "all" }, `OnConflict is "all"`},
		{"upsert without a key", func(s *sqlsink.Sink) { s.Mode = sqlsink.Upsert }, "Key names 0 columns"},
		{"a key without upsert", func(s *sqlsink.Sink) { s.Key = []string{"id"} }, "Key names 1 columns"},
		{"a conflict without upsert", func(s *sqlsink.Sink) { s.OnConflict = sqlsink.Keep }, "which only Upsert asks for"},
		{"a budget below none", func(s *sqlsink.Sink) { s.Budget = -1 }, "Budget is -1"},
	} {
		sink, set := c.New(c.T, "people")
		row.set(set)
		_, err := sink.Claim(c.Context(), entry(row.name, "id", "name"), lease)
		c.fails(err, nil, row.says)
	}
	for _, row := range []struct {
		name string
		set  func(s *sqlsink.Sink)
		says string
	}{
		{"a key that is not there", func(s *sqlsink.Sink) { s.Mode, s.Key = sqlsink.Upsert, []string{"nr"} }, `"nr", which the file does not have`},
		{"a column twice", func(s *sqlsink.Sink) { s.RunColumn = "NAME" }, `a column "NAME"`},
	} {
		sink, set := c.New(c.T, "people")
		row.set(set)
		claim, err := sink.Claim(c.Context(), entry(row.name, "id", "name"), lease)
		c.must(err)
		_, err = sink.Open(c.Context(), claim.Found)
		c.fails(err, nil, row.says)
	}
	sink, set := c.New(c.T, "people")
	set.Mode = sqlsink.Whole
	_, err := sink.Open(c.Context(), entry("unclaimed", "id").Found)
	c.fails(err, nil, "needs the ledger")

	// Before anything is written it is seen whether it could be moved into the table.
	if !c.AnyKey {
		sink, set = c.New(c.T, "people")
		set.Mode, set.Key = sqlsink.Upsert, []string{"id"}
		claim, err := sink.Claim(c.Context(), entry("no-index", "id", "name"), lease)
		c.must(err)
		_, err = sink.Open(c.Context(), claim.Found)
		c.fails(err, nil, "needs a unique index")
	}

	// A run goes on as it was begun.
	sink, _ = c.New(c.T, "people")
	c.start(sink, "r1", "id").end(ingest.Failed)
	sink, set = c.New(c.T, "people")
	set.Mode = sqlsink.Replace
	_, err = sink.Claim(c.Context(), entry("r1", "id"), lease)
	c.fails(err, nil, `Mode "append"`)
	sink, _ = c.New(c.T, "others")
	_, err = sink.Claim(c.Context(), entry("r1", "id"), lease)
	c.fails(err, nil, `Table "people"`)
}

// noStage checks that nothing is left of a run but its records.
func (c *candidate) noStage(table string) {
	c.Helper()
	if _, err := c.DB.ExecContext(c.Context(), "SELECT * FROM "+table); err == nil {
		c.Errorf("the table %s is left", table)
	}
}

func whole(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ", v " + c.Text + ")")
	c.exec("INSERT INTO people VALUES ('0', 'before')")
	sink, set := c.New(c.T, "people")
	set.Mode = sqlsink.Whole
	s := c.start(sink, "r1", "id", "v")
	first := s.writer
	s.open() // another worker's
	s.write(100, "3|c", "4|d")
	c.must(first.Write(c.Context(), s.window(0, "1|a", "2|b")))
	c.must(first.Write(c.Context(), s.window(0, "1|a", "2|b"))) // again
	c.must(first.Close(c.Context(), nil))
	c.rows("SELECT id FROM people", "0")
	s.end(ingest.Done)
	c.rows("SELECT id, v FROM people ORDER BY id", "0|before", "1|a", "2|b", "3|c", "4|d")
	c.rows("SELECT state, mode FROM sluice_runs", "done|whole")
	c.noStage(sqlsink.StageTable("r1"))
	// Once more is nothing more.
	c.must(sink.Release(c.Context(), s.claim, ingest.Done, ""))
	c.rows("SELECT COUNT(*) FROM people", "5")

	// What the table does not take as a whole is not in it, and can be mended.
	c.exec("CREATE TABLE strict (id " + c.Text + " PRIMARY KEY)")
	c.exec("INSERT INTO strict VALUES ('" + secret + "')")
	sink, set = c.New(c.T, "strict")
	set.Mode = sqlsink.Whole
	s = c.start(sink, "r2", "id")
	s.write(0, "x", secret)
	err := sink.Release(c.Context(), s.claim, ingest.Done, "")
	c.fails(err, nil, "nothing of the run is in it")
	if err != nil && strings.Contains(err.Error(), secret) {
		c.Errorf("the error tells a value: %v", err)
	}
	c.rows("SELECT id FROM strict", secret)
	c.rows("SELECT state FROM sluice_runs WHERE run = 'r2'", "running")
	c.exec("DELETE FROM strict")
	s.end(ingest.Done)
	c.rows("SELECT COUNT(*) FROM strict", "2")
}

func replace(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + " PRIMARY KEY, v " + c.Text + ")")
	c.exec("INSERT INTO people VALUES ('1', 'before'), ('9', 'before')")
	sink, set := c.New(c.T, "people")
	set.Mode = sqlsink.Replace
	s := c.start(sink, "r1", "id", "v")
	s.write(50, "2|b")
	s.write(0, "1|a")
	c.rows("SELECT id, v FROM people ORDER BY id", "1|before", "9|before")
	s.end(ingest.Done)
	c.rows("SELECT id, v FROM people ORDER BY id", "1|a", "2|b")

	// A file without records leaves an empty table.
	s = c.start(sink, "r2", "id", "v")
	s.end(ingest.Done)
	c.rows("SELECT COUNT(*) FROM people", "0")
}

func upsert(c *candidate) {
	for i, row := range []struct {
		conflict sqlsink.Conflict
		want     []string
	}{
		{"", []string{"1|a2|kept", "2|b3|kept", "3|c1|d", "4|before|kept"}},
		{sqlsink.Update, []string{"1|a2|kept", "2|b3|kept", "3|c1|d", "4|before|kept"}},
		{sqlsink.Keep, []string{"1|before|kept", "2|before|kept", "3|c1|d", "4|before|kept"}},
	} {
		table := fmt.Sprint("people", i)
		c.exec("CREATE TABLE " + table + " (extra " + c.Text + " DEFAULT 'd', v " + c.Text + ", id " + c.Text + " PRIMARY KEY)")
		c.exec("INSERT INTO " + table + " VALUES ('kept', 'before', '1'), ('kept', 'before', '2'), ('kept', 'before', '4')")
		sink, set := c.New(c.T, table)
		set.Mode, set.Key, set.OnConflict = sqlsink.Upsert, []string{"id"}, row.conflict
		s := c.start(sink, table, "id", "v")
		s.write(200, "2|b3")
		s.write(0, "1|a1", "2|b1", "3|c1")
		s.write(100, "2|b2", "1|a2")
		c.rows("SELECT COUNT(*) FROM "+table, "3")
		s.end(ingest.Done)
		c.rows("SELECT id, v, extra FROM "+table+" ORDER BY id", row.want...)
	}

	// A key of several columns, of which all are the key; in a table that is made.
	sink, set := c.New(c.T, "pairs")
	set.Mode, set.Key, set.Create, set.OffsetColumn = sqlsink.Upsert, []string{"a", "b"}, true, "at"
	s := c.start(sink, "pairs", "a", "b")
	s.write(0, "1|1", "1|2", "1|1")
	s.end(ingest.Done)
	c.rows("SELECT a, b, at FROM pairs ORDER BY a, b", "1|1|8", "1|2|4")
	s = c.start(sink, "pairs-again", "a", "b")
	s.write(1000, "1|2", "2|1")
	s.end(ingest.Done)
	c.rows("SELECT a, b, at FROM pairs ORDER BY a, b", "1|1|8", "1|2|1000", "2|1|1004")

	// Types are the table's: what it takes for equal is equal.
	c.exec("CREATE TABLE numbers (id INTEGER PRIMARY KEY, v " + c.Text + ")")
	sink, set = c.New(c.T, "numbers")
	set.Mode, set.Key = sqlsink.Upsert, []string{"id"}
	s = c.start(sink, "numbers", "id", "v")
	s.write(0, "7|a", "007|b")
	s.end(ingest.Done)
	c.rows("SELECT id, v FROM numbers", "7|b")

	// A key without a value is equal to none, where the table takes it.
	c.exec("CREATE TABLE nulls (id " + c.Text + " UNIQUE, v " + c.Text + ")")
	sink, set = c.New(c.T, "nulls")
	set.Mode, set.Key = sqlsink.Upsert, []string{"id"}
	s = c.start(sink, "nulls", "id", "v")
	s.write(0, "null|a", "null|b", "1|c")
	s.end(ingest.Done)
	c.rows("SELECT id, v FROM nulls ORDER BY v", "null|a", "null|b", "1|c")
}

// A run that ends early goes on with what is stored, in another process.
func resume(c *candidate) {
	for _, mode := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole, sqlsink.Upsert, sqlsink.Replace} {
		table := "resumed_" + string(mode)
		c.exec("CREATE TABLE " + table + " (id " + c.Text + " PRIMARY KEY)")
		begin := func() *session {
			sink, set := c.New(c.T, table)
			set.Mode = mode
			if mode == sqlsink.Upsert {
				set.Key = []string{"id"}
			}
			return c.start(sink, table, "id")
		}
		s := begin()
		s.write(0, "1", "2")
		s.end(ingest.Canceled)
		s = begin()
		if s.claim.Stored.Rows() != 2 || s.claim.Epoch != 2 {
			c.Errorf("%s: %d rows, epoch %d", mode, s.claim.Stored.Rows(), s.claim.Epoch)
		}
		s.write(50, "3")
		s.end(ingest.Done)
		c.rows("SELECT id FROM "+table+" ORDER BY id", "1", "2", "3")
	}

	// One that is done goes on where its source has grown.
	for _, mode := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole, sqlsink.Upsert, sqlsink.Replace} {
		table := "grown_" + string(mode)
		c.exec("CREATE TABLE " + table + " (id " + c.Text + " PRIMARY KEY)")
		c.exec("INSERT INTO " + table + " VALUES ('0')")
		sink, set := c.New(c.T, table)
		set.Mode = mode
		if mode == sqlsink.Upsert {
			set.Key = []string{"id"}
		}
		want := []string{"0", "1", "2"}
		if mode == sqlsink.Replace {
			want = want[1:]
		}
		s := c.start(sink, table, "id")
		s.write(0, "1", "2")
		s.end(ingest.Done)
		c.rows("SELECT id FROM "+table+" ORDER BY id", want...)
		s = c.start(sink, table, "id") // it has not grown
		s.end(ingest.Done)
		c.rows("SELECT id FROM "+table+" ORDER BY id", want...)
		s = c.start(sink, table, "id")
		s.write(50, "3")
		s.end(ingest.Failed)
		s = c.start(sink, table, "id")
		s.end(ingest.Done)
		c.rows("SELECT id FROM "+table+" ORDER BY id", append(want, "3")...)
	}

	// Without its stage a run cannot go on, and is undone.
	sink, set := c.New(c.T, "resumed_whole")
	set.Mode = sqlsink.Whole
	s := c.start(sink, "lost", "id")
	s.write(0, "7")
	s.end(ingest.Failed)
	c.exec("DROP TABLE " + sqlsink.StageTable("lost"))
	claim, err := sink.Claim(c.Context(), entry("lost", "id"), lease)
	c.must(err)
	_, err = sink.Open(c.Context(), claim.Found)
	c.fails(err, nil, "undo the run")
}

// Where tables are not dropped in a transaction, a process that is killed leaves the stage of a run that is done, or undone.
func leftover(c *candidate) {
	for _, row := range []struct {
		mode sqlsink.Mode
		undo bool
	}{
		{sqlsink.Whole, false}, {sqlsink.Replace, false}, {sqlsink.Whole, true}, {sqlsink.Replace, true},
	} {
		table := fmt.Sprintf("left_%s_%t", row.mode, row.undo)
		c.exec("CREATE TABLE " + table + " (id " + c.Text + ")")
		sink, set := c.New(c.T, table)
		set.Mode = row.mode
		s := c.start(sink, table, "id")
		s.write(0, "1", "2")
		state := ingest.Done
		if row.undo {
			state = ingest.Failed
		}
		s.end(state)
		c.exec("CREATE TABLE kept_" + table + " AS SELECT '7' AS id, byte_offset AS sluice_offset FROM sluice_windows WHERE run = '" + table + "'")
		if row.undo {
			_, err := sink.Undo(c.Context(), table)
			c.must(err)
		}
		c.exec("CREATE TABLE " + sqlsink.StageTable(table) + " AS SELECT * FROM kept_" + table)
		s = c.start(sink, table, "id")
		if row.undo {
			s.write(0, "1", "2")
		}
		s.end(ingest.Done)
		c.rows("SELECT id FROM "+table+" ORDER BY id", "1", "2")
		c.noStage(sqlsink.StageTable(table))
	}
}

// An owner before, which wakes up too late, makes and drops the stage at the same time as the one that has taken over.
func rivalStages(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ")")
	for i := range 20 {
		run := fmt.Sprint("r", i)
		var sinks [2]Sink
		for j := range sinks {
			var set *sqlsink.Sink
			sinks[j], set = c.New(c.T, "people")
			set.Mode = sqlsink.Replace
		}
		before, after := sinks[0], sinks[1]
		claim, err := before.Claim(c.Context(), entry(run, "id"), 0) // it ends at once
		c.must(err)
		var late, undone sync.WaitGroup
		late.Go(func() {
			w, err := before.Open(c.Context(), claim.Found)
			switch {
			case err == nil:
				_ = w.Close(c.Context(), nil)
			case !errors.Is(err, ingest.ErrOwned):
				c.Error("who is late:", err)
			}
		})
		s := c.start(after, run, "id")
		s.write(0, "1", "2")
		late.Wait()
		s.end(ingest.Done)
		c.rows("SELECT id FROM people ORDER BY id", "1", "2")

		// It is undone and begun anew at the same time.
		undone.Go(func() {
			if _, err := before.Undo(c.Context(), run); err != nil && !errors.Is(err, ingest.ErrOwned) {
				c.Error("who undoes it:", err)
			}
		})
		s = c.start(after, run, "id")
		if s.claim.Stored.Rows() == 0 {
			s.write(0, "1", "2")
		}
		undone.Wait()
		s.end(ingest.Done)
		c.rows("SELECT id FROM people ORDER BY id", "1", "2")
	}
}

func undo(c *candidate) {
	for _, row := range []struct {
		mode  sqlsink.Mode
		run   string // RunColumn
		state ingest.State
		want  sqlsink.Undone
		rows  []string
	}{
		{sqlsink.Append, "run", ingest.Done, sqlsink.Undone{Deleted: 2, Windows: 2}, []string{"0"}},
		{sqlsink.Append, "run", ingest.Failed, sqlsink.Undone{Deleted: 2, Windows: 2}, []string{"0"}},
		{sqlsink.Append, "", ingest.Done, sqlsink.Undone{Windows: 2, Kept: 2, Why: "RunColumn"}, []string{"0", "1", "2"}},
		{sqlsink.Whole, "run", ingest.Done, sqlsink.Undone{Deleted: 2, Windows: 2}, []string{"0"}},
		{sqlsink.Whole, "", ingest.Done, sqlsink.Undone{Windows: 2, Kept: 2, Why: "RunColumn"}, []string{"0", "1", "2"}},
		{sqlsink.Whole, "", ingest.Failed, sqlsink.Undone{Windows: 2}, []string{"0"}},
		{sqlsink.Upsert, "run", ingest.Failed, sqlsink.Undone{Windows: 2}, []string{"0"}},
		{sqlsink.Upsert, "run", ingest.Done, sqlsink.Undone{Windows: 2, Kept: 2, Why: "not known"}, []string{"0", "1", "2"}},
		{sqlsink.Replace, "run", ingest.Failed, sqlsink.Undone{Windows: 2}, []string{"0"}},
		{sqlsink.Replace, "run", ingest.Done, sqlsink.Undone{Windows: 2, Kept: 2, Why: "not known"}, []string{"1", "2"}},
	} {
		name := fmt.Sprint(row.mode, row.run, row.state)
		table := "undone_" + name
		c.exec("CREATE TABLE " + table + " (id " + c.Text + " PRIMARY KEY, run " + c.Text + ")")
		c.exec("INSERT INTO " + table + " VALUES ('0', 'other')")
		sink, set := c.New(c.T, table)
		set.Mode, set.RunColumn = row.mode, row.run
		if row.mode == sqlsink.Upsert {
			set.Key = []string{"id"}
		}
		s := c.start(sink, name, "id")
		s.write(0, "1")
		s.write(10, "2")
		_, err := sink.Undo(c.Context(), name)
		c.fails(err, ingest.ErrOwned)
		s.end(row.state)
		got, err := sink.Undo(c.Context(), name)
		c.must(err)
		if !strings.Contains(got.Why, row.want.Why) || (got.Why == "") != (row.want.Why == "") {
			c.Errorf("%s: why: %q", name, got.Why)
		}
		got.Why = row.want.Why
		if got != row.want {
			c.Errorf("%s: %+v, not %+v", name, got, row.want)
		}
		c.rows("SELECT id FROM "+table+" ORDER BY id", row.rows...)
		c.rows("SELECT state FROM sluice_runs WHERE run = '"+name+"'", "undone")
		c.rows("SELECT COUNT(*) FROM sluice_windows WHERE run = '"+name+"'", "0")
		c.noStage(sqlsink.StageTable(name))

		// Once more is nothing; then it can be run again.
		if got, err := sink.Undo(c.Context(), name); got != (sqlsink.Undone{}) || err != nil {
			c.Errorf("%s: again: %+v %v", name, got, err)
		}
		if row.want.Kept > 0 {
			continue
		}
		s = c.start(sink, name, "id")
		if s.claim.Stored.Rows() != 0 {
			c.Errorf("%s: %d rows are left", name, s.claim.Stored.Rows())
		}
		s.write(0, "1")
		s.end(ingest.Done)
		c.rows("SELECT COUNT(*) FROM "+table+" WHERE id = '1'", "1")
	}
	// What was undone begins anew, with another table and other columns if need be.
	c.exec("CREATE TABLE people (nr " + c.Text + ")")
	sink, _ := c.New(c.T, "people")
	s, err := sink.Claim(c.Context(), entry("append-again", "id"), lease)
	c.must(err)
	c.must(sink.Release(c.Context(), s, ingest.Failed, ""))
	_, err = sink.Undo(c.Context(), "append-again")
	c.must(err)
	again := c.start(sink, "append-again", "nr")
	if again.claim.Epoch != 3 || again.claim.Found.Header[0].Name != "nr" {
		c.Errorf("%+v", again.claim)
	}
	again.end(ingest.Done)
	_, err = sink.Undo(c.Context(), "nobody")
	c.fails(err, nil, "there is no run")
}
