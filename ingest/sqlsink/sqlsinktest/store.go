package sqlsinktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

func appends(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ", name " + c.Text + ")")
	sink, _ := c.New(c.T, "people")
	s := c.start(sink, "r1", "id", "name")
	s.write(0, "1|Ann", "2|null", "3|\"")
	c.rows("SELECT id, name FROM people ORDER BY id", "1|Ann", "2|null", "3|\"") // seen at once
	s.write(100, "4|O'Hara, the \"x\"\nnext line", "5|")
	s.write(200) // of which nothing is delivered
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprintf("%d|%s", 10000+i, "ä日本"))
	}
	s.write(300, many...)
	s.end(ingest.Done)
	c.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM people", "3005|3005")
	c.rows("SELECT name FROM people WHERE id IN ('4', '5', '12999') ORDER BY id", "ä日本", "O'Hara, the \"x\"\nnext line", "")
	c.rows("SELECT byte_offset, delivered, filtered FROM sluice_windows ORDER BY byte_offset", "0|3|0", "100|2|0", "200|0|1", "300|3000|0")
}

func creates(c *candidate) {
	sink, set := c.New(c.T, "made")
	set.Create = true
	set.Types = map[string]string{"id": "INTEGER"}
	set.RunColumn, set.OffsetColumn = "run_id", "at"
	s := c.start(sink, "r1", "id", "Name", "name")
	s.write(0, "7|x|y")
	s.end(ingest.Done)
	c.rows("SELECT id + 1, run_id, at FROM made", "8|r1|0")
	// Once more, with the table there.
	s = c.start(sink, "r2", "id", "Name", "name")
	s.write(5, "8|x|y")
	s.end(ingest.Done)
	c.rows("SELECT id, run_id, at FROM made ORDER BY id", "7|r1|0", "8|r2|5")
}

func order(c *candidate) {
	c.exec("CREATE TABLE people (name " + c.Text + ", extra " + c.Text + " DEFAULT 'd', id " + c.Text + ")")
	for _, mode := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole} {
		sink, set := c.New(c.T, "people")
		set.Mode = mode
		s := c.start(sink, string(mode), "id", "name")
		s.write(0, string(mode)+"|Ann")
		s.end(ingest.Done)
	}
	c.rows("SELECT id, name, extra FROM people ORDER BY id", "append|Ann|d", "whole|Ann|d")
}

func origin(c *candidate) {
	c.exec("CREATE TABLE people (at BIGINT, id " + c.Text + ", run " + c.Text + ")")
	for _, mode := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole} {
		sink, set := c.New(c.T, "people")
		set.Mode, set.RunColumn, set.OffsetColumn = mode, "run", "at"
		s := c.start(sink, string(mode), "id")
		s.write(20, "a", "bc", "d")
		s.end(ingest.Done)
		c.rows("SELECT at, id FROM people WHERE run = '"+string(mode)+"' ORDER BY at", "20|a", "22|bc", "25|d")
	}
}

func noLedger(c *candidate) {
	sink, set := c.New(c.T, "plain")
	set.Create, set.NoLedger = true, true
	if _, err := sink.Find(c.Context(), "r"); !errors.Is(err, ingest.ErrNoLedger) {
		c.Errorf("Find: %v", err)
	}
	w, err := sink.Open(c.Context(), &ingest.Found{Run: "r", Header: ingest.Columns("a")})
	c.must(err)
	for range 2 { // nothing tells that it is the same
		c.must(w.Write(c.Context(), ingesttest.NewWindow("r", []string{"a"}, 0, []string{"1"})))
	}
	c.must(w.Close(c.Context(), nil))
	c.rows("SELECT a FROM plain", "1", "1")
	if _, err := c.DB.ExecContext(c.Context(), "SELECT * FROM sluice_runs"); err == nil {
		c.Error("there is a ledger")
	}
}

func ledger(c *candidate) {
	sink, set := c.New(c.T, "people")
	set.Create = true
	if r, err := sink.Find(c.Context(), "r1"); r != nil || err != nil {
		c.Errorf("before there are tables: %v %v", r, err)
	}
	if all, err := sink.Runs(c.Context()); len(all) > 0 || err != nil {
		c.Errorf("before there are tables: %v %v", all, err)
	}
	s := c.start(sink, "r1", "id")
	if r, err := sink.Find(c.Context(), "r2"); r != nil || err != nil {
		c.Errorf("another run: %v %v", r, err)
	}
	b := s.window(10, "a", "b")
	e := *b.Entry()
	e.CRC, e.Rows, e.Rejected, e.Skipped = 1<<32-1, 5, 2, 1
	e.After = ingest.Mark{Line: 9, Record: 8, Patience: 7, Blank: true}
	e.Found = &ingest.Found{Run: "r1", Header: ingest.Columns("id"), DecidedAt: 42}
	e.Rejects = []*ingest.RecordError{
		{Position: ingest.Position{Offset: 10, Line: 2, Record: 1}, Code: ingest.CodeNUL, Column: 1, ColumnName: "id", Reason: "has a NUL", Raw: []byte("x\x00\xff\n")},
		{Position: ingest.Position{Offset: 14, Line: 3, Record: 2}, Code: ingest.CodeBlank, Reason: "is blank", Err: errors.New("the cause \x00")},
	}
	e = *e.Refuse(nil)
	c.must(s.writer.Write(c.Context(), b.WithEntry(&e)))
	c.rows("SELECT run, byte_offset, byte_length, first_record, row_count, delivered, rejected, filtered, skipped, crc, epoch FROM sluice_windows",
		fmt.Sprintf("r1|10|%d|1|5|2|2|0|1|4294967295|1", e.Length))
	c.rows("SELECT byte_offset, line, record, code, column_number, column_name, message FROM sluice_rejects ORDER BY byte_offset",
		"10|2|1|nul|1|id|has a NUL", "14|3|2|blank_line|0||the cause \ufffd")
	var raw []byte
	c.must(c.DB.QueryRowContext(c.Context(), "SELECT raw FROM sluice_rejects WHERE byte_offset = 10").Scan(&raw))
	if string(raw) != "x\x00\xff\n" {
		c.Errorf("raw is %q", raw)
	}
	var after, notes string
	c.must(c.DB.QueryRowContext(c.Context(), "SELECT after_json, notes_json FROM sluice_windows").Scan(&after, &notes))
	var mark ingest.Mark
	var noted ingest.Notes
	c.must(json.Unmarshal([]byte(after), &mark))
	c.must(json.Unmarshal([]byte(notes), &noted))
	if mark != e.After || noted.Rejects[ingest.CodeNUL] != 1 || len(noted.Problems) != 2 {
		c.Errorf("after %s, notes %s", after, notes)
	}

	r, err := sink.Find(c.Context(), "r1")
	c.must(err)
	want := entry("r1", "id")
	if r.State != ingest.Running || r.Owner != "me" || r.Parent != "parent" || r.Source != want.Source || string(r.Settings) != string(want.Settings) {
		c.Errorf("%+v", r)
	}
	if r.Found == nil || r.Found.DecidedAt != 42 || !reflect.DeepEqual(r.Found.Header, want.Found.Header) {
		c.Errorf("found %+v", r.Found)
	}
	var lag, left int64
	c.must(c.DB.QueryRowContext(c.Context(), "SELECT started, lease_until - started FROM sluice_runs").Scan(&lag, &left))
	if lag = time.Now().UnixMilli() - lag; lag < -60_000 || lag > 60_000 {
		c.Errorf("it began %d ms ago", lag)
	}
	if left < lease.Milliseconds()-10 || left > 2*lease.Milliseconds() {
		c.Errorf("the lease is of %d ms", left)
	}
	c.must(s.writer.Close(c.Context(), nil))
	c.must(sink.Release(c.Context(), s.claim, ingest.Failed, ingest.CodeRead))
	c.rows("SELECT state, code, table_name, mode, lease_until FROM sluice_runs", "failed|read|people|append|0")
	all, err := sink.Runs(c.Context())
	c.must(err)
	if len(all) != 1 || all[0].State != ingest.Failed {
		c.Errorf("%+v", all)
	}

	// The run goes on with what is in the ledger, whatever the caller says.
	other := entry("r1", "other")
	other.Owner = "you"
	again, err := sink.Claim(c.Context(), other, lease)
	c.must(err)
	if again.Epoch != 2 || again.Owner != "you" || again.Found.Header[0].Name != "id" || again.Stored.Rows() != 5 {
		c.Errorf("%+v, %d rows", again, again.Stored.Rows())
	}
	c.must(sink.Enter(c.Context(), again, &ingest.LedgerEntry{Offset: 500, Length: 5, Rows: 3, Skipped: 3}))
	c.must(sink.Enter(c.Context(), again, &ingest.LedgerEntry{Offset: 500, Length: 5, Rows: 3, Skipped: 3}))
	c.rows("SELECT COUNT(*) FROM sluice_windows", "2")
}

func once(c *candidate) {
	sink, set := c.New(c.T, "people")
	set.Create = true
	s := c.start(sink, "r1", "id")
	s.write(0, "a", "b")
	s.write(0, "a", "b")
	// Another process of the same owner's, and many at once.
	var all sync.WaitGroup
	errs := make([]error, 6)
	b := s.window(50, "c", "d")
	for i := range errs {
		w, err := sink.Open(c.Context(), s.claim.Found)
		c.must(err)
		all.Go(func() {
			errs[i] = w.Write(c.Context(), b)
			errs[i] = errors.Join(errs[i], w.Close(c.Context(), nil))
		})
	}
	all.Wait()
	c.must(errors.Join(errs...))
	s.end(ingest.Done)
	c.rows("SELECT id FROM people ORDER BY id", "a", "b", "c", "d")
	c.rows("SELECT byte_offset FROM sluice_windows ORDER BY byte_offset", "0", "50")
}

func epochs(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ")")
	before, _ := c.New(c.T, "people")
	after, _ := c.New(c.T, "people")
	claim, err := before.Claim(c.Context(), entry("r1", "id"), 0) // it ends at once
	c.must(err)
	old := &session{c: c, sink: before, claim: claim, header: []string{"id"}}
	old.open()
	old.write(0, "a")
	s := c.start(after, "r1", "id")
	if s.claim.Epoch != 2 || s.claim.Stored.Rows() != 1 {
		c.Errorf("epoch %d, %d rows", s.claim.Epoch, s.claim.Stored.Rows())
	}
	c.fails(old.writer.Write(c.Context(), old.window(20, "b")), ingest.ErrOwned, "another has claimed the run")
	_, err = old.writer.WriteGood(c.Context(), old.window(20, "b"))
	c.fails(err, ingest.ErrOwned)
	_, err = before.Renew(c.Context(), claim, lease)
	c.fails(err, ingest.ErrOwned)
	c.fails(before.Release(c.Context(), claim, ingest.Done, ""), ingest.ErrOwned)
	c.must(old.writer.Close(c.Context(), nil))
	c.rows("SELECT state, epoch FROM sluice_runs", "running|2")
	s.write(20, "b")
	s.end(ingest.Done)
	c.rows("SELECT id FROM people ORDER BY id", "a", "b")
	c.rows("SELECT byte_offset, epoch FROM sluice_windows ORDER BY byte_offset", "0|1", "20|2")
}

func rivals(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ")")
	var all sync.WaitGroup
	var won atomic.Int32
	for range 5 {
		sink, _ := c.New(c.T, "people")
		all.Go(func() { // also when there are no tables yet
			_, err := sink.Claim(c.Context(), entry("r1", "id"), lease)
			var owned *ingest.OwnedError
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ingest.ErrOwned):
				c.Error(err)
			case !errors.As(err, &owned) || owned.Left <= lease/2 || owned.Left > lease:
				c.Errorf("the lease's rest: %v", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		c.Errorf("%d have the run", won.Load())
	}
	c.rows("SELECT epoch FROM sluice_runs", "1")
}

func manyRuns(c *candidate) {
	sink, set := c.New(c.T, "people")
	set.Create, set.RunColumn = true, "run"
	var all sync.WaitGroup
	for i := range 4 {
		s := c.start(sink, fmt.Sprint("r", i), "id")
		all.Go(func() {
			for k := range 5 {
				if err := s.writer.Write(c.Context(), s.window(int64(k)*10, "a", "b")); err != nil {
					c.Error(err)
				}
				if _, err := sink.Renew(c.Context(), s.claim, lease); err != nil {
					c.Error(err)
				}
			}
			if err := errors.Join(s.writer.Close(c.Context(), nil), sink.Release(c.Context(), s.claim, ingest.Done, "")); err != nil {
				c.Error(err)
			}
		})
	}
	all.Wait()
	c.rows("SELECT run, COUNT(*) FROM people GROUP BY run ORDER BY run", "r0|10", "r1|10", "r2|10", "r3|10")
	c.rows("SELECT COUNT(*) FROM sluice_windows", "20")
}

func requests(c *candidate) {
	sink, set := c.New(c.T, "people")
	set.Create = true
	other, _ := c.New(c.T, "people")
	s := c.start(sink, "r1", "id")
	for _, want := range []ingest.Request{ingest.RequestNone, ingest.RequestPause, ingest.RequestNone, ingest.RequestStop} {
		c.must(other.Request(c.Context(), "r1", want))
		if got, err := sink.Renew(c.Context(), s.claim, lease); got != want || err != nil {
			c.Errorf("%q, not %q: %v", got, want, err)
		}
	}
	s.end(ingest.Stopped)
	_, err := sink.Renew(c.Context(), s.claim, lease) // late
	c.fails(err, ingest.ErrOwned, "given back")
	c.rows("SELECT state, lease_until FROM sluice_runs", "stopped|0")
	for _, row := range []struct{ asked, seen ingest.Request }{{ingest.RequestStop, ""}, {ingest.RequestPause, ingest.RequestPause}} {
		c.must(other.Request(c.Context(), "r1", row.asked))
		s = c.start(sink, "r1", "id")
		if got, err := sink.Renew(c.Context(), s.claim, lease); got != row.seen || err != nil {
			c.Errorf("taken up again: %q, not %q: %v", got, row.seen, err)
		}
		s.end(ingest.Stopped)
	}
	c.fails(other.Request(c.Context(), "nobody", ingest.RequestStop), nil, "there is no run")
	c.fails(other.Request(c.Context(), "r1", "jump"), nil, "nothing that can be asked")
}
