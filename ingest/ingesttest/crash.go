package ingesttest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// A CrashTest says which sink is to survive crashes, and which ones.
type CrashTest struct {
	// Place makes an empty store, and gives what Open opens it by: a path, a URL. It is called in the process of the test, once
	// for each file, and may use t.TempDir and t.Cleanup. What the test does before it calls Crash is done in the loading
	// processes as well, and they do not clean up: what is made belongs here.
	Place func(t *testing.T) string

	// Open opens a store. It is called in each loading process, and to look into the store in that of the test.
	Open func(place string) (*CrashStore, error)

	// Pipeline is how a file is loaded. The test sets RunID, Ledger, BatchBytes and Workers, and Reject for Policy.Bad.
	// A Lease of 0 is 300 ms here: a process that takes over waits for it.
	Pipeline ingest.Pipeline

	// Points are those that the sink itself has, as it calls CrashPoint. Those that every sink has are: "claim", "write",
	// "enter" and "release", before these methods are called, and "claimed", "written", "entered" and "released", after they
	// have succeeded.
	Points []string

	// Refuses says which records the store refuses; they are to be among the rejects. The fields are those of CrashColumns,
	// and one record in some hundreds has a negative amount. Default: it takes all.
	Refuses func(record []string) bool

	// Upsert says that the store keeps one record for each id, the last one of the file. The file has ids that come again
	// then.
	Upsert bool

	// Whole says that the store shows all records of a file or none.
	Whole bool

	// Fault is what happens instead of kill -9 of the loading process: to the server, to the network. It is called at random
	// times while a file is loaded, by one goroutine, and returns when it is over, with its name for the report; "" says that
	// nothing has happened. The process is to carry on: Pipeline.Retry says how often it tries. An error ends the test.
	Fault func() (name string, err error)

	// MayFail says which errors may end a run, beside ErrOwned where two processes want it: those of the trouble that the test
	// makes. Each counts as a kill. Default: none.
	MayFail func(error) bool

	// Kills is how many crashes there are. Default 15, or what the environment variable SLUICE_KILLS says; then one that is set
	// here is multiplied by as much as the default is.
	Kills int

	// Size is how long a file is, in bytes. It is to take some tenths of a second to load. Default 2 MB.
	Size int

	// Seed makes the same files and the same choices again, although not the same moments. Default: a random one; errors
	// tell it.
	Seed uint64
}

// A CrashStore is a store that is open.
type CrashStore struct {
	// Sink is the sink of the test. It is used for one run.
	Sink ingest.Sink

	// Ledger is what Pipeline.Ledger is to be. A batch may come twice then: the sink has to tell by Record.Key. Default: the
	// sink is a Ledger.
	Ledger ingest.Ledger

	// Stored reads back every record that is stored, in any order, with the fields of CrashColumns in that order. It may be
	// called before the first Open.
	Stored func() ([][]string, error)

	// Entries reads back what the ledger has of a run: all windows in the order of the source, with their Rejects, of which
	// Offset is looked at. Default: it is only looked at what a further run of the same file makes of it.
	Entries func(run string) ([]*ingest.LedgerEntry, error)

	// Close closes the store. Default: nothing is done.
	Close func() error
}

func (s *CrashStore) close() error {
	if s.Close == nil {
		return nil
	}
	return s.Close()
}

// CrashColumns gives the columns of the files that Crash makes: id, name, note and amount. All fields have a value. An id has
// at most 16 characters; an amount is a decimal number with two digits behind the point.
func CrashColumns() []string { return []string{"id", "name", "note", "amount"} }

// A CrashReport says what a sink has survived.
type CrashReport struct {
	Kills int            // all of them
	How   map[string]int // the same by what was done; "woken up too late" and "canceled" are none
	Files int
	Rows  int64
	Bytes int64
	Took  time.Duration
}

// String gives it in a line.
func (r CrashReport) String() string {
	var how []string
	for _, h := range slices.SortedFunc(maps.Keys(r.How), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.How[b], r.How[a]), cmp.Compare(a, b))
	}) {
		how = append(how, fmt.Sprintf("%d %s", r.How[h], h))
	}
	return fmt.Sprintf("%d kills, %d files, %d rows, %d MB, %v: %s",
		r.Kills, r.Files, r.Rows, r.Bytes/1_000_000, r.Took.Round(100*time.Millisecond), strings.Join(how, ", "))
}

// Crash asks what [Exam] cannot: whether each record of a file is stored exactly once, however often the process that loads
// it dies. It loads files in processes of its own and kills them: at random times; at points around and within the methods of
// the sink; one of two that want the same run at the same time; one that was stopped, had its run taken over and
// wakes up again; and some runs are canceled in between. Whoever takes over has another batch size, another number of workers, and sometimes reads the file as a
// stream. When a file is loaded to its end,
//
//   - the store has its records, each once, and no other;
//   - the ledger has windows that cover each byte of the table once, with the right sums, and each reject once;
//   - a further run finds nothing to do.
//
// If a file is done before there were enough kills, another one is loaded into another store.
//
// The loading processes are the test binary again, in which the same test calls Crash with the same CrashTest; there it does not
// return. So a test calls it once; a subtest counts as one.
func Crash(t *testing.T, c CrashTest) CrashReport {
	t.Helper()
	report, err := crash(t, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	return report
}

// crashing are the tests that have called Crash, by name.
var crashing sync.Map

func crash(t *testing.T, test CrashTest) (CrashReport, error) {
	test.Pipeline.Policy.Bad = ingest.Reject
	test.Pipeline.Lease = cmp.Or(test.Pipeline.Lease, 300*time.Millisecond)
	if os.Getenv(crashEnv) != "" {
		test.load(t)
	}
	if _, again := crashing.LoadOrStore(t.Name(), true); again {
		return CrashReport{}, errors.New("ingesttest: a test calls Crash once: use subtests")
	}
	t.Cleanup(func() { crashing.Delete(t.Name()) })

	kills, err := test.kills()
	if err != nil {
		return CrashReport{}, err
	}
	test.Kills = kills
	test.Size = cmp.Or(test.Size, 2_000_000)
	test.Seed = cmp.Or(test.Seed, rand.Uint64())
	c := &crasher{CrashTest: test, t: t, rnd: rand.New(rand.NewPCG(test.Seed, 0)), folder: t.TempDir()}
	c.report.How = map[string]int{}
	began := time.Now()
	err = c.all()
	c.report.Took = time.Since(began)
	if err != nil {
		err = fmt.Errorf("ingesttest: Crash with Seed %d, after %d kills: %w", test.Seed, c.report.Kills, err)
	}
	return c.report, err
}

// usualKills is how many there are.
const usualKills = 15

func (c *CrashTest) kills() (int, error) {
	set := os.Getenv("SLUICE_KILLS")
	if set == "" {
		return cmp.Or(c.Kills, usualKills), nil
	}
	n, err := strconv.Atoi(set)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("ingesttest: SLUICE_KILLS is %q: it is a number of kills", set)
	}
	return (n*cmp.Or(c.Kills, usualKills) + usualKills - 1) / usualKills, nil
}

// A crasher is a CrashTest under way.
type crasher struct {
	CrashTest
	t      *testing.T
	rnd    *rand.Rand // of the test's own goroutine
	folder string
	report CrashReport

	enters bool // windows are entered in a ledger that is not the sink

	// How long a run takes that nothing happens to, until it has claimed its run, and from there on.
	startup, work time.Duration
}

const (
	// killsPerFile is how often a run is to die until it is done, on average.
	killsPerFile = 10

	// maxRounds is how often the loading of a file is begun. One that has not come to its end then makes no progress.
	maxRounds = 20 * killsPerFile
)

// all loads file after file.
func (c *crasher) all() error {
	if err := c.file(false); err != nil {
		return fmt.Errorf("where nothing happens: %w", err)
	}
	for c.report.Kills < c.Kills {
		if err := c.file(true); err != nil {
			return err
		}
	}
	return nil
}

// A crashRun is a file on its way into a store.
type crashRun struct {
	*crashFile
	id    string
	place string
	done  bool // a loading process says so
}

// file makes a file, and loads it until it is done.
func (c *crasher) file(crashes bool) error {
	number := c.report.Files
	path := filepath.Join(c.folder, fmt.Sprintf("%d.csv", number))
	f, err := newCrashFile(path, c.Size, c.Upsert, c.rnd)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	r := &crashRun{crashFile: f, id: fmt.Sprintf("crash-%d", number), place: c.Place(c.t)}
	var what []string
	for round := 0; !r.done; round++ {
		if round == maxRounds {
			return fmt.Errorf("file %d is begun %d times and not done: %s", number, round, strings.Join(what, ", "))
		}
		before := maps.Clone(c.report.How)
		if crashes && c.report.Kills < c.Kills {
			err = c.round(r)
		} else {
			err = c.undisturbed(r)
		}
		for how, n := range c.report.How {
			if n > before[how] {
				what = append(what, how)
			}
		}
		if err == nil && c.Whole {
			err = c.allOrNothing(r)
		}
		if err != nil {
			return fmt.Errorf("file %d (%s): %w", number, strings.Join(what, ", "), err)
		}
	}
	if err := c.verify(r); err != nil {
		return fmt.Errorf("file %d is done (%s): %w", number, strings.Join(what, ", "), err)
	}
	c.report.Files++
	c.report.Rows += f.rows
	c.report.Bytes += int64(len(f.text))
	return nil
}

// round loads a file until the process dies, or is done.
func (c *crasher) round(r *crashRun) error {
	switch n := c.rnd.IntN(12); {
	case c.Fault != nil:
		return c.faulty(r)
	case n < 3:
		return c.killed(r)
	case n < 4:
		return c.canceled(r)
	case n < 8:
		return c.atPoint(r)
	case n < 10 || !canFreeze:
		return c.rivals(r)
	}
	return c.frozen(r)
}

// undisturbed loads a file and does nothing.
func (c *crasher) undisturbed(r *crashRun) error {
	began := time.Now()
	p, err := c.start(r, crashOrders{})
	if err != nil {
		return err
	}
	p.begun()
	claimed := time.Now()
	<-p.ended
	ended := time.Now()
	if err := c.judge(r, p, false); err != nil {
		return err
	}
	if r.done && c.work == 0 {
		c.startup, c.work = claimed.Sub(began), ended.Sub(claimed)
	}
	return nil
}

// killed kills a process at a random time.
func (c *crasher) killed(r *crashRun) error {
	p, err := c.start(r, crashOrders{})
	if err != nil {
		return err
	}
	if c.rnd.IntN(6) == 0 {
		p.killIn(c.upTo(2 * c.startup))
	} else if p.begun() {
		p.killIn(c.upTo(c.stretch()))
	}
	return c.judge(r, p, false)
}

// canceled ends the context of a run at a random time.
func (c *crasher) canceled(r *crashRun) error {
	p, err := c.start(r, crashOrders{CancelAfter: 1 + c.upTo(c.startup+c.stretch())})
	if err != nil {
		return err
	}
	<-p.ended
	return c.judge(r, p, false)
}

// atPoint lets a process kill itself at a point.
func (c *crasher) atPoint(r *crashRun) error {
	points := append([]string{"claim", "claimed", "write", "write", "write", "written", "written", "written", "release", "released"}, c.Points...)
	if c.enters {
		points = append(points, "enter", "entered")
	}
	p, err := c.start(r, crashOrders{Point: points[c.rnd.IntN(len(points))]})
	if err != nil {
		return err
	}
	<-p.ended
	return c.judge(r, p, false)
}

// rivals lets two processes do the same, one of which has to die before the other can begin.
func (c *crasher) rivals(r *crashRun) error {
	var both [2]*loading
	for i := range both {
		p, err := c.start(r, crashOrders{})
		if err != nil {
			return err
		}
		both[i] = p
	}
	first := 0
	select {
	case <-both[0].claimed:
	case <-both[1].claimed:
		first = 1
	case <-both[0].ended:
	case <-both[1].ended:
	}
	both[first].killIn(c.upTo(c.stretch()))
	if second := both[1-first]; c.rnd.IntN(4) > 0 && second.begun() {
		second.killIn(c.upTo(c.stretch()))
	}
	for _, p := range both {
		<-p.ended
	}
	return errors.Join(c.judge(r, both[0], true), c.judge(r, both[1], true))
}

// frozen stops a process until its lease has ended and another one has taken over. Then it goes on, and must not write.
func (c *crasher) frozen(r *crashRun) error {
	first, err := c.start(r, crashOrders{})
	if err != nil {
		return err
	}
	if first.begun() {
		first.in(c.upTo(c.stretch()), func() { _ = freeze(first.cmd.Process) }) // one that has ended need not be stopped
		first.in(c.Pipeline.Lease*5/4, func() {})
	}
	second, err := c.start(r, crashOrders{})
	if err != nil {
		return err
	}
	second.in(c.upTo(c.startup+c.stretch()), func() { _ = thaw(first.cmd.Process) })
	_ = thaw(first.cmd.Process)
	if c.rnd.IntN(4) > 0 && second.begun() {
		second.killIn(c.upTo(c.stretch()))
	}
	<-first.ended
	<-second.ended
	select {
	case <-first.claimed:
		c.report.How["woken up too late"]++
	default:
	}
	return errors.Join(c.judge(r, first, true), c.judge(r, second, true))
}

// faulty lets a process live, and other things break. Sometimes its context ends, in the middle of that or not.
func (c *crasher) faulty(r *crashRun) error {
	var o crashOrders
	if c.rnd.IntN(4) == 0 {
		o.CancelAfter = 1 + c.upTo(c.startup+c.work)
	}
	p, err := c.start(r, o)
	if err != nil {
		return err
	}
	p.begun()
	var broken error
	for c.report.Kills < c.Kills && broken == nil && p.in(c.upTo(c.stretch()), func() {
		var name string
		if name, broken = c.Fault(); broken == nil && name != "" {
			c.count(name)
		}
	}) {
	}
	if broken != nil {
		p.kill()
	}
	<-p.ended
	if broken != nil {
		return fmt.Errorf("what Fault returns: %w", broken)
	}
	return c.judge(r, p, false)
}

func (c *crasher) upTo(d time.Duration) time.Duration {
	return time.Duration(c.rnd.Int64N(int64(d) + 1))
}

// stretch is the time within which a process is to die.
func (c *crasher) stretch() time.Duration { return 2 * c.work / killsPerFile }

func (c *crasher) count(how string) {
	c.report.Kills++
	c.report.How[how]++
}

// judge says what is to be thought of how a process has ended.
func (c *crasher) judge(r *crashRun, p *loading, rivals bool) error {
	switch o := p.outcome; {
	case o == nil && p.died != "":
		c.count("at " + p.died)
	case o == nil && p.killed:
		c.count("at a random time")
	case o == nil:
		return fmt.Errorf("the loading process died by itself: %v\n%s", p.cmd.ProcessState, p.output.String())
	case !p.killed && p.cmd.ProcessState.ExitCode() != 0: // the race detector
		return fmt.Errorf("the loading process ended with %v\n%s", p.cmd.ProcessState, p.output.String())
	case o.Error == "":
		r.done = true
		return r.compare(o.Status, c.expect(r))
	case rivals && o.Owned:
	case o.Canceled:
		c.report.How["canceled"]++
	case o.MayFail:
		c.count("that failed")
	default:
		return fmt.Errorf("the run ends with an error: %s\n%s", o.Error, p.output.String())
	}
	return nil
}

// An expectation is what becomes of the rows of a file.
type expectation struct {
	records   [][]string // that are in the store
	delivered int64
	rejects   []int64 // offsets
}

func (c *crasher) expect(r *crashRun) (x expectation) {
	x.rejects = slices.Clone(r.rejects)
	last := map[string]int{}
	for i, record := range r.records {
		switch at, again := last[record[0]]; {
		case c.Refuses != nil && c.Refuses(record):
			x.rejects = append(x.rejects, r.offsets[i])
			continue
		case c.Upsert && again:
			x.records[at] = record
		default:
			last[record[0]] = len(x.records)
			x.records = append(x.records, record)
		}
		x.delivered++
	}
	slices.Sort(x.rejects)
	return x
}

// compare compares the status of a run that is done with what is in the file.
func (r *crashRun) compare(s ingest.Status, want expectation) error {
	if s.State != ingest.Done || s.Read != r.rows || s.Delivered != want.delivered || s.Rejected != int64(len(want.rejects)) {
		return fmt.Errorf("the run is %s and has read %d rows, delivered %d and rejected %d, where the file has %d, %d and %d",
			s.State, s.Read, s.Delivered, s.Rejected, r.rows, want.delivered, len(want.rejects))
	}
	return nil
}

// allOrNothing looks for a part of a file in the store.
func (c *crasher) allOrNothing(r *crashRun) (err error) {
	store, err := c.Open(r.place)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	defer func() { err = errors.Join(err, store.close()) }()
	rows, err := store.Stored()
	if want := len(c.expect(r).records); err == nil && len(rows) != want && (r.done || len(rows) != 0) {
		err = fmt.Errorf("%d of %d records are to be seen", len(rows), want)
	}
	return err
}

// verify looks at everything that is left of a run that is done.
func (c *crasher) verify(r *crashRun) (err error) {
	store, err := c.Open(r.place)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	defer func() { err = errors.Join(err, store.close()) }()
	c.enters = store.Ledger != nil
	want := c.expect(r)
	has := candidate{Subject: Subject{Stored: store.Stored}}
	if err := has.holds("the store", want.records); err != nil {
		return err
	}
	if store.Entries != nil {
		entries, err := store.Entries(r.id)
		if err != nil {
			return fmt.Errorf("reading the ledger: %w", err)
		}
		if err := r.covered(entries, want); err != nil {
			return err
		}
	}
	file, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer file.Close()
	p := c.Pipeline
	p.RunID, p.Ledger = r.id, store.Ledger
	status, err := p.Run(c.t.Context(), file, store.Sink)
	if err != nil {
		return fmt.Errorf("a further run: %w", err)
	}
	if err := r.compare(status, want); err != nil {
		return fmt.Errorf("a further run: %w", err)
	}
	if status.Earlier != status.Read {
		return fmt.Errorf("a further run finds that %d of %d rows are stored", status.Earlier, status.Read)
	}
	return has.holds("the store after a further run", want.records)
}

// covered says what is wrong with the entries of a run: each byte of the table is to be in one window.
func (r *crashRun) covered(entries []*ingest.LedgerEntry, want expectation) error {
	at, row, delivered := r.table, int64(1), int64(0)
	var rejects []int64
	for _, e := range entries {
		switch {
		case e.Offset != at || e.Record != row:
			return fmt.Errorf("the ledger has a window at byte %d, row %d, where byte %d, row %d is to come", e.Offset, e.Record, at, row)
		case e.Length <= 0 || at+e.Length > int64(len(r.text)):
			return fmt.Errorf("the ledger has a window of %d bytes at byte %d of %d", e.Length, at, len(r.text))
		case e.CRC != checksum(r.text[at:at+e.Length]):
			return fmt.Errorf("the window at byte %d has another CRC than what is there", at)
		case e.Rows != e.Delivered+e.Rejected+e.Filtered+e.Skipped:
			return fmt.Errorf("the rows of the window at byte %d do not add up", at)
		case e.Rejected != int64(len(e.Rejects)):
			return fmt.Errorf("the window at byte %d has %d rejects, and the ledger has %d", at, e.Rejected, len(e.Rejects))
		}
		for _, reject := range e.Rejects {
			rejects = append(rejects, reject.Offset)
		}
		at, row, delivered = at+e.Length, row+e.Rows, delivered+e.Delivered
	}
	switch {
	case at != int64(len(r.text)):
		return fmt.Errorf("the ledger ends at byte %d of %d", at, len(r.text))
	case row-1 != r.rows || delivered != want.delivered:
		return fmt.Errorf("the ledger has %d rows, %d of them delivered, where the file has %d and %d", row-1, delivered, r.rows, want.delivered)
	case !slices.Equal(rejects, want.rejects):
		return fmt.Errorf("the ledger's %d rejects are others than the file's %d", len(rejects), len(want.rejects))
	}
	return nil
}

// A syncBuffer is a buffer that several goroutines write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
