package ingest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluicecsv/sluice/dialect"
)

// A State says how far a run is.
type State string

const (
	Waiting  State = "waiting"  // a Snapshot that has seen no run
	Sniffing State = "sniffing" // nothing has been delivered
	Running  State = "running"
	Done     State = "done"     // everything is stored
	Paused   State = "paused"   // it waits until it is to go on
	Failed   State = "failed"   // an error ended it
	Canceled State = "canceled" // its context ended
	Stopped  State = "stopped"  // somebody has stopped it, and it can go on later
	Undone   State = "undone"   // what it stored has been deleted; only in a ledger
)

// A Stage is a part of a run that can be what the rest waits for.
type Stage string

const (
	StageSource Stage = "source" // reading and splitting
	StageParse  Stage = "parse"  // decoding and finding fields
	StageSink   Stage = "sink"   // writing, rejects included
)

// A Status is a snapshot of a run. Its counts are of windows that are stored, so that a row is counted
// once, whatever happens: Read = Delivered + Rejected + Filtered + Skipped. It holds no value of any
// record.
type Status struct {
	Run    string `json:"run"`
	Parent string `json:"parent,omitempty"` // the run whose mended rejects are read
	Source string `json:"source,omitempty"`
	State  State  `json:"state"`
	Code   Code   `json:"code,omitempty"`  // of the error that ended the run
	Error  string `json:"error,omitempty"` // the same in words
	Found  *Found `json:"found,omitempty"` // nil while sniffing

	Read      int64          `json:"read"`              // rows below the header
	Earlier   int64          `json:"earlier,omitempty"` // of those, the ones that earlier runs of the same RunID have stored
	Delivered int64          `json:"delivered"`
	Rejected  int64          `json:"rejected"`
	Filtered  int64          `json:"filtered"`
	Skipped   int64          `json:"skipped"`           // comments, and what the Policy skips
	Rejects   map[Code]int64 `json:"rejects,omitempty"` // Rejected by code
	// Tolerated counts what a policy let pass or mended: rows for CodeTooFewFields, CodeTooManyFields,
	// CodeStrayQuote and CodeBlank, rows that were kept or skipped for CodeRepeatedHeader, CodeBelow and
	// CodeOtherTable, characters for CodeNUL, CodeControl and CodeInvisible, cells for CodeEncoding. Cells for
	// CodeMixed are those in Found.Encoding.Mixed, whatever the policy, those of the header included.
	Tolerated map[Code]int64 `json:"tolerated,omitempty"`
	// Repaired counts the records that Policy.Repair has mended, by what was done; they are among Delivered or
	// Filtered, or among Rejected for another reason.
	Repaired map[dialect.RepairKind]int64 `json:"repaired,omitempty"`
	// Repairs describes the first of them, at most MaxProblems, in the order of the source.
	Repairs []Repair `json:"repairs,omitempty"`
	// Changes tells where the source stops being what it was, at most MaxProblems, in the order of the source.
	Changes []Change `json:"changes,omitempty"`
	// Problems describes the first rejects, at most MaxProblems, in the order of the source.
	Problems []RecordError `json:"problems,omitempty"`

	Size     int64 `json:"size"`     // bytes of the source as it lies there, packed or not; -1 unknown
	Consumed int64 `json:"consumed"` // of those, what is stored
	Stored   int64 `json:"stored"`   // the offset up to which everything is stored, in what the source unpacks to

	Retries int64 `json:"retries,omitempty"` // calls of the sink or the ledger that were made again, see Retry

	Started    time.Time     `json:"started"`
	Elapsed    time.Duration `json:"elapsed_ns"`
	Rate       float64       `json:"bytes_per_second"` // of Consumed, by this run
	ETA        time.Duration `json:"eta_ns"`           // time left at this rate; -1 unknown
	Bottleneck Stage         `json:"bottleneck,omitempty"`
}

// over says that the run has ended.
func (s *Status) over() bool { return s.State != Sniffing && s.State != Running && s.State != Paused }

// MaxProblems is how many rejects a Status describes, and how many repairs and changes.
const MaxProblems = 20

// Progress gives the part of the source that is stored, from 0 to 1; -1 when the size is not known.
func (s Status) Progress() float64 {
	switch {
	case s.State == Done:
		return 1
	case s.Size < 0:
		return -1
	case s.Size == 0:
		return 0
	}
	return min(1, float64(s.Consumed)/float64(s.Size))
}

// MarshalJSON adds Progress to the fields.
func (s Status) MarshalJSON() ([]byte, error) {
	type fields Status
	return json.Marshal(struct {
		fields
		Progress float64 `json:"progress"`
	}{fields(s), s.Progress()})
}

// A Reporter sees snapshots of a run. It is called in a goroutine of its own, every
// Pipeline.ReportEvery and once at the end. It can neither slow nor fail a run: while it is busy it
// misses snapshots, a panic ends its reports, and at the end of a run it gets 40 ms to take the last
// one, which Run returns as well.
type Reporter interface {
	Report(Status)
}

// A ReporterFunc is a Reporter.
type ReporterFunc func(Status)

func (f ReporterFunc) Report(s Status) { f(s) }

// MultiReporter reports to several reporters, each in its own goroutine: none waits for another.
func MultiReporter(rs ...Reporter) Reporter { return multi(rs) }

type multi []Reporter

// Report is there to make a multi a Reporter; a run calls the reporters one by one.
func (m multi) Report(s Status) {
	for _, r := range m {
		r.Report(s)
	}
}

// reporters takes MultiReporters apart.
func reporters(r Reporter) []Reporter {
	m, ok := r.(multi)
	switch {
	case r == nil:
		return nil
	case !ok:
		return []Reporter{r}
	}
	var all []Reporter
	for _, r := range m {
		all = append(all, reporters(r)...)
	}
	return all
}

// MarshalJSON gives the latest Status.
func (s *Snapshot) MarshalJSON() ([]byte, error) { return json.Marshal(s.Status()) }

// LogReporter logs the start of a run, what was found, its progress and its end. Nil: slog.Default().
// Values never reach the log.
func LogReporter(l *slog.Logger) Reporter {
	if l == nil {
		l = slog.Default()
	}
	return &logReporter{log: l, found: map[string]bool{}}
}

type logReporter struct {
	log   *slog.Logger
	mu    sync.Mutex
	found map[string]bool // the runs under way whose findings were logged
}

func (r *logReporter) Report(s Status) {
	run := slog.String("run", s.Run)
	r.mu.Lock()
	first := s.Found != nil && !r.found[s.Run]
	if first {
		r.found[s.Run] = true
	}
	if s.over() {
		delete(r.found, s.Run)
	}
	r.mu.Unlock()
	if first {
		r.log.Info("ingest: found", run,
			slog.String("source", s.Source),
			slog.String("encoding", labels(s.Found.Encoding)),
			slog.String("encoding_confidence", percent(s.Found.Encoding.Confidence)),
			slog.String("dialect", s.Found.Dialect.Dialect.String()),
			slog.String("dialect_confidence", percent(s.Found.Dialect.Confidence)),
			slog.Int("columns", len(s.Found.Header)))
	}
	counts := slog.Group("rows", slog.Int64("read", s.Read), slog.Int64("delivered", s.Delivered),
		slog.Int64("rejected", s.Rejected), slog.Int64("filtered", s.Filtered), slog.Int64("skipped", s.Skipped))
	switch s.State {
	case Done:
		r.log.Info("ingest: done", run, counts, slog.Duration("elapsed", s.Elapsed))
	case Stopped:
		r.log.Info("ingest: stopped", run, counts, slog.Int64("stored", s.Stored))
	case Paused:
		r.log.Info("ingest: paused", run, counts, slog.Int64("stored", s.Stored))
	case Failed, Canceled:
		r.log.Error("ingest: "+string(s.State), run, slog.String("code", string(s.Code)), slog.String("error", s.Error),
			counts, slog.Int64("stored", s.Stored))
	case Running:
		r.log.Info("ingest: running", run, counts, slog.Int64("stored", s.Stored),
			slog.String("progress", percent(s.Progress())), slog.Duration("eta", s.ETA), slog.String("bottleneck", string(s.Bottleneck)))
	}
}

func percent(share float64) string {
	if share < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// A Snapshot is a Reporter that keeps the latest Status: for a status page, which turns it into JSON.
// The zero Snapshot is ready.
type Snapshot struct {
	mu     sync.Mutex
	status Status
}

func (s *Snapshot) Report(st Status) {
	s.mu.Lock()
	s.status = st
	s.mu.Unlock()
}

// Status gives the latest snapshot; before the first, one whose State is Waiting.
func (s *Snapshot) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State == "" {
		return Status{State: Waiting, Size: -1, ETA: -1}
	}
	return s.status
}

// tracker holds the counts of a run. Everything in it is behind mu.
type tracker struct {
	mu     sync.Mutex
	status Status

	next int64 // the window up to which all are stored
	done map[int64]place

	// Bytes that were stored before this run took over and are not read again: those it has come to, and those it has not.
	passed, ahead int64

	busy    map[Stage]time.Duration // time spent, by all who work at a stage
	since   time.Time               // when the splitter began with the window in hand; zero: it waits
	writers int                     // at work, or having been
}

// place is where a window ends: in what the source unpacks to, and in the source as it lies there.
type place struct{ offset, packed int64 }

func newTracker(s *resolved) *tracker {
	return &tracker{
		status: Status{Run: s.RunID, State: Sniffing, Size: -1, ETA: -1, Started: time.Now(),
			Rejects: map[Code]int64{}, Tolerated: map[Code]int64{}, Repaired: map[dialect.RepairKind]int64{}},
		done: map[int64]place{},
		busy: map[Stage]time.Duration{},
	}
}

// seed counts what was stored before this run took over. Skips says that it is not read again.
func (t *tracker) seed(all *Coverage, skips bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.status
	var notes Notes
	for _, e := range all.spans {
		s.Read += e.Rows
		s.Delivered += e.Delivered
		s.Rejected += e.Rejected
		s.Filtered += e.Filtered
		s.Skipped += e.Skipped
		notes.add(&e.Notes)
		if skips {
			t.ahead += e.Length
		}
	}
	sum(&s.Rejects, notes.Rejects)
	sum(&s.Tolerated, notes.Tolerated)
	sum(&s.Repaired, notes.Repaired)
	s.Problems, s.Repairs, s.Changes = notes.Problems, notes.Repairs, notes.Changes
	s.Earlier = s.Read
}

// pass notes that the run has come to windows that were stored before, which take a number as one window does.
func (t *tracker) pass(seq int64, end place, e *LedgerEntry, skips bool) {
	t.stored(seq, end, &counts{})
	if !skips {
		return // it was read, which is work
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed += e.Length
	t.ahead -= e.Length
}

// counts is what became of the rows of one window.
type counts struct {
	read, delivered, rejected, filtered, skipped int64
	rejects, tolerated                           map[Code]int64
	repaired                                     map[dialect.RepairKind]int64
}

// check holds law 1 for a window.
func (c *counts) check(w *window) error {
	if c.read == c.delivered+c.rejected+c.filtered+c.skipped {
		return nil
	}
	return &RunError{Code: CodeConservation, Kind: ErrInternal, At: w.start(), Reason: "a window's rows do not add up: please report this"}
}

// stored counts a window whose batch is written and whose rejects are kept. It gives the number of rejects so far.
func (t *tracker) stored(seq int64, end place, c *counts) (rejected int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.status
	s.Read += c.read
	s.Delivered += c.delivered
	s.Rejected += c.rejected
	s.Filtered += c.filtered
	s.Skipped += c.skipped
	for k, n := range c.rejects {
		s.Rejects[k] += n
	}
	for k, n := range c.tolerated {
		s.Tolerated[k] += n
	}
	for k, n := range c.repaired {
		s.Repaired[k] += n
	}
	t.done[seq] = end
	for {
		p, ok := t.done[t.next]
		if !ok {
			return s.Rejected
		}
		delete(t.done, t.next)
		t.next++
		s.Stored, s.Consumed = p.offset, p.packed
	}
}

func (t *tracker) problems(rejects []*RecordError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	more := make([]RecordError, min(len(rejects), MaxProblems))
	for i := range more {
		more[i] = *rejects[i]
		more[i].Raw, more[i].Err = nil, nil // values stay out of a status
	}
	t.status.Problems = inOrder(t.status.Problems, more, func(p *RecordError) int64 { return p.Offset })
}

func (t *tracker) changes(changes []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Changes = addChanges(t.status.Changes, changes)
}

func (t *tracker) repairs(repairs []Repair) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Repairs = inOrder(t.status.Repairs, repairs, func(r *Repair) int64 { return r.Offset })
}

// addChanges adds to changes. A drift is told late, and again when a run goes on that it has stopped.
func addChanges(all, more []Change) []Change {
	all = inOrder(all, more, func(c *Change) int64 { return c.Offset })
	return slices.CompactFunc(all, func(a, b Change) bool { return a.Offset == b.Offset && a.Code == b.Code })
}

// inOrder adds to descriptions, in the order of the source, of which a status has MaxProblems.
func inOrder[T any](all, more []T, offset func(*T) int64) []T {
	if len(more) == 0 {
		return all
	}
	all = append(all, more...)
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(offset(&a), offset(&b)) })
	return all[:min(MaxProblems, len(all))]
}

func (t *tracker) spend(stage Stage, d time.Duration) {
	t.mu.Lock()
	t.busy[stage] += d
	t.mu.Unlock()
}

// splitting says that the splitter begins with a window, or with false that it has one.
func (t *tracker) splitting(begins bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.since.IsZero() {
		t.busy[StageSource] += time.Since(t.since)
	}
	t.since = time.Time{}
	if begins {
		t.since = time.Now()
	}
}

// update changes the status.
func (t *tracker) update(f func(*Status)) {
	t.mu.Lock()
	f(&t.status)
	t.mu.Unlock()
}

// snapshot gives a Status that shares nothing with the run that changes.
func (t *tracker) snapshot() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.status
	s.Rejects, s.Tolerated, s.Repaired = maps.Clone(s.Rejects), maps.Clone(s.Tolerated), maps.Clone(s.Repaired)
	s.Problems, s.Changes, s.Repairs = slices.Clone(s.Problems), slices.Clone(s.Changes), slices.Clone(s.Repairs)
	if !s.over() {
		s.Elapsed = time.Since(s.Started)
	}
	if sec := s.Elapsed.Seconds(); sec > 0 {
		s.Rate = max(0, float64(s.Consumed-t.passed)) / sec
	}
	if s.Size >= 0 && s.Rate > 0 {
		s.ETA = time.Duration(max(0, float64(s.Size-s.Consumed-t.ahead)) / s.Rate * float64(time.Second))
	}
	if s.State == Done {
		s.ETA = 0
	}
	if s.State != Sniffing {
		s.Bottleneck = t.bottleneck()
	}
	return s
}

// bottleneck gives the stage that was busy for the longest time, the workers' share of it being divided
// by their number.
func (t *tracker) bottleneck() Stage {
	source, n := t.busy[StageSource], time.Duration(max(t.writers, 1))
	if !t.since.IsZero() {
		source += time.Since(t.since)
	}
	parse, sink := t.busy[StageParse]/n, t.busy[StageSink]/n
	switch {
	case sink >= source && sink >= parse:
		return StageSink
	case parse >= source:
		return StageParse
	}
	return StageSource
}
