package sqlsinktest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// poison is a way in which a database refuses a record for what is in its column v.
type poison struct{ name, column, bad string }

// secret is in every bad value that can be told: no error may say it.
const secret = "sEcReT"

func (c *candidate) poisons() []poison {
	all := []poison{
		{"unique", c.Text + " UNIQUE", "11"}, // as another record
		{"not null", c.Text + " NOT NULL", ingesttest.Null},
		{"check", c.Text + " CHECK (v <> '" + secret + "')", secret},
	}
	if c.Int != "" {
		all = append(all, poison{"type", c.Int, secret})
	}
	if c.Short != "" {
		all = append(all, poison{"too long", c.Short, secret})
	}
	if c.NUL {
		all = append(all, poison{"NUL", c.Text, secret + "\x00"})
	}
	return all
}

// poisoned makes a batch of so many records, whose v are numbers of two digits, but for the bad ones. Record 1 has 11.
func (p *poison) batch(run string, offset int64, n int, bad []int) *ingest.Batch {
	records := make([][]string, n)
	for i := range records {
		v := fmt.Sprint(10 + i)
		if slices.Contains(bad, i) {
			v = p.bad
		}
		records[i] = []string{fmt.Sprint("id", i), v}
	}
	return ingesttest.NewWindow(run, []string{"id", "v"}, offset, records...)
}

func refused(c *candidate) {
	for i, p := range c.poisons() {
		for j, bad := range [][]int{{2}, {0, 59}, {30, 31, 32, 47}, {}} {
			if p.name == "unique" && slices.Contains(bad, 0) {
				bad = []int{4, 59} // the first of two with the same value is taken
			}
			c.Run(fmt.Sprint(p.name, bad), func(t *testing.T) {
				c := &candidate{t, c.Database}
				c.exec("CREATE TABLE poisoned (id " + c.Text + ", v " + p.column + ")")
				defer c.exec("DROP TABLE poisoned")
				p.askRefused(c, fmt.Sprintf("r-%d-%d", i, j), bad)
			})
		}
	}
}

func (p *poison) askRefused(c *candidate, run string, bad []int) {
	sink, _ := c.New(c.T, "poisoned")
	s := c.start(sink, run, "id", "v")
	b := p.batch(run, 1000, 60, bad)

	// Without isolation nothing of it is stored, and a value is not told.
	err := s.writer.Write(c.Context(), b)
	if (err == nil) != (len(bad) == 0) {
		c.Fatalf("Write: %v", err)
	}
	if err != nil {
		c.rows("SELECT COUNT(*) FROM poisoned", "0")
		c.rows("SELECT COUNT(*) FROM sluice_windows WHERE run = '"+run+"'", "0")
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "(11)") {
			c.Errorf("the error tells a value: %v", err)
		}
	}
	got, err := s.writer.WriteGood(c.Context(), b)
	c.must(err)
	c.refusals(b, bad, got)
	c.entered(run, b, 60, bad)
	c.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM poisoned", fmt.Sprintf("%d|%[1]d", 60-len(bad)))
	for _, i := range bad {
		c.rows(fmt.Sprintf("SELECT COUNT(*) FROM poisoned WHERE id = 'id%d'", i), "0")
	}
	s.end(ingest.Done)
}

// refusals checks the errors of the records that are refused.
func (c *candidate) refusals(b *ingest.Batch, bad []int, got []*ingest.RecordError) {
	c.Helper()
	var places []int64
	for _, e := range got {
		places = append(places, e.Offset)
		if e.Code != ingest.CodeRefused || e.Store == "" || e.Err == nil {
			c.Errorf("%+v", e)
		}
		if strings.Contains(e.Error(), secret) || strings.Contains(e.Reason, "(11)") {
			c.Errorf("the error tells a value: %v", e)
		}
		if e.ColumnName != "" && (e.ColumnName != "v" || e.Column != 2) {
			c.Errorf("column %d %q", e.Column, e.ColumnName)
		}
	}
	var want []int64
	for _, i := range bad {
		want = append(want, b.Record(i).Position().Offset)
	}
	if !slices.Equal(places, want) {
		c.Errorf("the records at %d are refused, not those at %d", places, want)
	}
}

// entered checks what the ledger has of a window with records that were refused.
func (c *candidate) entered(run string, b *ingest.Batch, n int, bad []int) {
	c.Helper()
	where := " WHERE run = '" + run + "'"
	c.rows("SELECT row_count, delivered, rejected FROM sluice_windows"+where, fmt.Sprintf("%d|%d|%d", n, n-len(bad), len(bad)))
	rows, err := c.DB.QueryContext(c.Context(), "SELECT byte_offset, line, record, code, store_code, message, raw FROM sluice_rejects"+where+" ORDER BY byte_offset")
	c.must(err)
	defer rows.Close()
	i := 0
	for ; rows.Next(); i++ {
		var offset, line, record int64
		var code, store, message string
		var raw []byte
		c.must(rows.Scan(&offset, &line, &record, &code, &store, &message, &raw))
		if i >= len(bad) {
			continue
		}
		r := b.Record(bad[i])
		if at := r.Position(); at != (ingest.Position{Offset: offset, Line: line, Record: record}) || !bytes.Equal(raw, r.Raw()) {
			c.Errorf("a reject at byte %d, line %d, record %d, not at %s, or other bytes: %q", offset, line, record, at, raw)
		}
		if code != string(ingest.CodeRefused) || store == "" || message == "" {
			c.Errorf("a reject with code %q, store's code %q, message %q", code, store, message)
		}
	}
	c.must(rows.Err())
	if i != len(bad) {
		c.Errorf("%d rejects in the ledger, not %d", i, len(bad))
	}
}

// Writers that write the same keys in different orders are in each other's way, and each key is stored once.
func contended(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + " PRIMARY KEY, v " + c.Text + ")")
	sink, _ := c.New(c.T, "people")
	s := c.start(sink, "r1", "id", "v")
	var all sync.WaitGroup
	var refused atomic.Int64
	const writers, keys = 4, 30
	for k := range writers {
		w, err := sink.Open(c.Context(), s.claim.Found)
		c.must(err)
		lines := make([]string, keys)
		for i := range lines {
			lines[i] = fmt.Sprintf("%d|%d", (i*7*(k+1)+11*k)%31, k) // 31 is prime
		}
		b := s.window(int64(k)*10_000, lines...)
		all.Go(func() {
			got, err := w.(ingest.SelectiveWriter).WriteGood(c.Context(), b)
			if err = errors.Join(err, w.Close(c.Context(), nil)); err != nil {
				c.Error(err)
			}
			refused.Add(int64(len(got)))
		})
	}
	all.Wait()
	s.end(ingest.Done)
	var stored, delivered, rejected int64
	c.must(c.DB.QueryRowContext(c.Context(), "SELECT COUNT(*) FROM people").Scan(&stored))
	c.must(c.DB.QueryRowContext(c.Context(), "SELECT SUM(delivered), SUM(rejected) FROM sluice_windows").Scan(&delivered, &rejected))
	if stored != delivered || rejected != refused.Load() || stored+rejected != writers*keys || stored > 31 {
		c.Errorf("%d stored, %d delivered, %d rejected, %d refused", stored, delivered, rejected, refused.Load())
	}
}

// What is refused when it is put aside is not refused when all is done.
func refusedStaged(c *candidate) {
	if !c.Strict {
		c.Skip("the types refuse nothing by themselves")
	}
	c.exec("CREATE TABLE numbers (id " + c.Text + ", v " + c.Int + ")")
	sink, set := c.New(c.T, "numbers")
	set.Mode = sqlsink.Whole
	s := c.start(sink, "r1", "id", "v")
	b := s.window(10, "1|1", "2|"+secret, "3|3")
	got, err := s.writer.WriteGood(c.Context(), b)
	c.must(err)
	c.refusals(b, []int{1}, got)
	s.end(ingest.Done)
	c.rows("SELECT id FROM numbers ORDER BY id", "1", "3")
}

// A batch that was stored already, as after a commit in doubt, gives the same refusals again.
func refusedAgain(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ", v " + c.Text + " NOT NULL)")
	sink, _ := c.New(c.T, "people")
	s := c.start(sink, "r1", "id", "v")
	b := s.window(10, "1|x", "2|null", "3|null", "4|x")
	for range 3 {
		got, err := s.writer.WriteGood(c.Context(), b)
		c.must(err)
		var offsets []int64
		for _, e := range got {
			offsets = append(offsets, e.Offset)
			if e.Code != ingest.CodeRefused || e.Store == "" || len(e.Raw) == 0 {
				c.Errorf("%+v", e)
			}
		}
		if want := []int64{b.Record(1).Position().Offset, b.Record(2).Position().Offset}; !slices.Equal(offsets, want) {
			c.Errorf("the records at %d are refused, not at %d", offsets, want)
		}
	}
	// All of a window, and none of the next one.
	for offset, lines := range map[int64][]string{100: {"5|null", "6|null"}, 200: {"7|y", "8|y"}} {
		_, err := s.writer.WriteGood(c.Context(), s.window(offset, lines...))
		c.must(err)
	}
	s.end(ingest.Done)
	c.rows("SELECT id FROM people ORDER BY id", "1", "4", "7", "8")
	c.rows("SELECT byte_offset, delivered, rejected FROM sluice_windows ORDER BY byte_offset", "10|2|2", "100|0|2", "200|2|0")
	c.rows("SELECT COUNT(*) FROM sluice_rejects", "4")
}

func refusedUnentered(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ", v " + c.Text + " NOT NULL)")
	sink, set := c.New(c.T, "people")
	set.NoLedger = true
	w, err := sink.Open(c.Context(), &ingest.Found{Run: "r", Header: ingest.Columns("id", "v")})
	c.must(err)
	b := ingesttest.NewBatch([]string{"id", "v"}, []string{"1", "x"}, []string{"2", ingesttest.Null}, []string{"3", "y"})
	got, err := w.(ingest.SelectiveWriter).WriteGood(c.Context(), b)
	c.must(err)
	c.refusals(b, []int{1}, got)
	c.must(w.Close(c.Context(), nil))
	c.rows("SELECT id, v FROM people ORDER BY id", "1|x", "3|y")
}

func budget(c *candidate) {
	c.exec("CREATE TABLE people (id " + c.Text + ", v " + c.Text + " NOT NULL)")
	sink, set := c.New(c.T, "people")
	set.Budget = 2
	s := c.start(sink, "r1", "id", "v")
	all := make([]string, 200)
	for i := range all {
		all[i] = "x|null"
	}
	_, err := s.writer.WriteGood(c.Context(), s.window(0, all...))
	c.fails(err, nil, "raise Budget", "nothing of the batch is stored")
	c.rows("SELECT COUNT(*) FROM people", "0")
	c.rows("SELECT COUNT(*) FROM sluice_windows", "0")
	s.write(0, "1|x")
	s.end(ingest.Done)
}
