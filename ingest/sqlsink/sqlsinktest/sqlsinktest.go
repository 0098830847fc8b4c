// Package sqlsinktest asks a sink that is built on package sqlsink what every such sink promises, with a real database: that
// each window is stored once, with its rows, its rejects and its place in the ledger, whatever the mode.
package sqlsinktest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A Sink is what is tested: a *sqlsink.Sink, or one with it inside.
type Sink interface {
	ingest.Sink
	ingest.Ledger
	Runs(ctx context.Context) ([]ingest.LedgerRun, error)
	Request(ctx context.Context, run string, r ingest.Request) error
	Undo(ctx context.Context, run string) (sqlsink.Undone, error)
}

// A Database is an empty one to test with.
type Database struct {
	// DB is to look with, and to make tables with.
	DB *sql.DB

	// New makes a sink for a table, and gives its settings, which may be changed until it is used. The sinks of a test write
	// into the same database.
	New func(t *testing.T, table string) (Sink, *sqlsink.Sink)

	// Text is the type of a column of text that can be a key, such as VARCHAR(100).
	Text string

	// Types of the column v that refuse what is not a whole number, and what has more than three characters. Where "",
	// the database refuses neither.
	Int, Short string

	// Strict says that Int refuses by its type alone, so that tables made like another refuse it as well.
	Strict bool

	// AnyKey says that Upsert is not refused where there is no unique index of the key.
	AnyKey bool

	// NUL says that a text with a NUL character is refused.
	NUL bool

	// Blind says that the sink cannot tell the records that the database refuses: what is asked about them is left out.
	Blind bool
}

// Run asks everything, each question in a subtest with a database of its own.
func Run(t *testing.T, open func(t *testing.T) Database) {
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			c := &candidate{T: t, Database: open(t)}
			if q.selective && c.Blind {
				t.Skip("the sink cannot tell what is refused")
			}
			q.ask(c)
		})
	}
}

// questions are all that are asked.
var questions = []struct {
	name      string
	selective bool // about records that are refused
	ask       func(c *candidate)
}{
	{"Append", false, appends},
	{"Create", false, creates},
	{"Columns in another order", false, order},
	{"Run and offset columns", false, origin},
	{"Without a ledger", false, noLedger},
	{"Ledger", false, ledger},
	{"A window is stored once", false, once},
	{"An owner before", false, epochs},
	{"Rivals", false, rivals},
	{"Many runs", false, manyRuns},
	{"Requests", false, requests},
	{"Settings", false, settings},
	{"Whole", false, whole},
	{"Replace", false, replace},
	{"Upsert", false, upsert},
	{"Resume", false, resume},
	{"Undo", false, undo},
	{"A stage that is left", false, leftover},
	{"Rivals for a stage", false, rivalStages},
	{"Refused", true, refused},
	{"Refused by a stage", true, refusedStaged},
	{"Contended", true, contended},
	{"Refused again", true, refusedAgain},
	{"Refused without a ledger", true, refusedUnentered},
	{"Refused too often", true, budget},
}

// lease is longer than a test.
const lease = time.Minute

// candidate is a database under test.
type candidate struct {
	*testing.T
	Database
}

func (c *candidate) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *candidate) exec(query string) {
	c.Helper()
	_, err := c.DB.ExecContext(c.Context(), query)
	c.must(err)
}

// rows checks what a query gives, as rows of fields with a "|" between them.
func (c *candidate) rows(query string, want ...string) {
	c.Helper()
	got, err := ingesttest.ReadSQL(c.Context(), c.DB, query)
	c.must(err)
	lines := make([]string, len(got))
	for i, r := range got {
		lines[i] = strings.ReplaceAll(strings.Join(r, "|"), ingesttest.Null, "null")
	}
	if fmt.Sprint(lines) != fmt.Sprint(want) {
		c.Errorf("%s:\ngot  %q\nwant %q", query, lines, want)
	}
}

// fails checks that an error is one that holds another and says something.
func (c *candidate) fails(err, kind error, says ...string) {
	c.Helper()
	if err == nil {
		c.Errorf("no error, and it should say %q", says)
		return
	}
	if kind != nil && !errors.Is(err, kind) {
		c.Errorf("the error is not %q: %v", kind, err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			c.Errorf("the error does not say %q: %v", s, err)
		}
	}
}

// A session is a run that writes with a sink.
type session struct {
	c      *candidate
	sink   Sink
	claim  *ingest.Claim
	writer ingest.SelectiveWriter
	header []string
}

// start claims a run and opens a writer.
func (c *candidate) start(sink Sink, run string, header ...string) *session {
	c.Helper()
	claim, err := sink.Claim(c.Context(), entry(run, header...), lease)
	c.must(err)
	s := &session{c: c, sink: sink, claim: claim, header: header}
	s.open()
	return s
}

func (s *session) open() {
	s.c.Helper()
	w, err := s.sink.Open(s.c.Context(), s.claim.Found)
	s.c.must(err)
	s.writer = w.(ingest.SelectiveWriter)
}

// entry is a run to be claimed.
func entry(run string, header ...string) *ingest.LedgerRun {
	return &ingest.LedgerRun{
		Run: run, Parent: "parent", Owner: "me",
		Source:   ingest.SourceIdentity{Name: "people.csv", Size: 77, Head: "ab", Tail: "cd"},
		Settings: []byte(`{"workers":2}`),
		Found:    &ingest.Found{Run: run, Header: ingest.Columns(header...)},
	}
}

// window makes a batch of the run from lines whose fields have a "|" between them.
func (s *session) window(offset int64, lines ...string) *ingest.Batch {
	records := make([][]string, len(lines))
	for i, l := range lines {
		records[i] = strings.Split(l, "|")
		for j, f := range records[i] {
			if f == "null" {
				records[i][j] = ingesttest.Null
			}
		}
	}
	return ingesttest.NewWindow(s.claim.Run, s.header, offset, records...)
}

func (s *session) write(offset int64, lines ...string) {
	s.c.Helper()
	s.c.must(s.writer.Write(s.c.Context(), s.window(offset, lines...)))
}

// end closes the writer and gives the run back.
func (s *session) end(state ingest.State) {
	s.c.Helper()
	s.c.must(s.writer.Close(s.c.Context(), nil))
	s.c.must(s.sink.Release(s.c.Context(), s.claim, state, ""))
}
