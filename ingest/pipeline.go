package ingest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"regexp"
	"runtime"
	"time"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
)

// A Pipeline says how a source is read. The zero Pipeline works: it sniffs everything and stops at the
// first bad record. A Pipeline is only read, so it may serve any number of runs at once, as far as what
// hangs in it does: a RejectWriter serves one run. Apart from the functions in it it can be stored as JSON.
type Pipeline struct {
	// Encoding is a label of the WHATWG list, of a Mac or DOS code page, UTF-16 or UTF-32. All of the source
	// is in it then. Default: sniffed; then a source may also mix UTF-8 with another one, cell by cell.
	Encoding string `json:"encoding,omitempty"`

	// Dialect pins what is known of the file's dialect. Its zero fields are sniffed.
	Dialect dialect.Dialect `json:"dialect,omitzero"`

	// Header names the columns, whatever the file's own header says; a header row in the file is
	// passed over. Default: from the file; without a header row column_1, column_2, ...
	Header Header `json:"header,omitempty"`

	// Null lists unquoted values that mean "no value", such as "NULL" or "\\N". The empty unquoted field
	// always does. Record.Null tells; Field gives the value as it stands.
	Null []string `json:"null,omitempty"`

	// SampleSize is how many bytes are looked at before anything is decided; up to 16 times as many where
	// they leave the encoding in doubt, or only one or two lines show it. Default 64 KiB.
	SampleSize int `json:"sample_size,omitempty"`

	// MinConfidence is the confidence, from 0 to 1, below which a run ends with ErrUnsure before anything
	// is written. If it is the encoding, and the sample is ASCII, that is before the first window with
	// another character: those before it are the same in any encoding. Default 0: the best guess will do.
	MinConfidence float64 `json:"min_confidence,omitempty"`

	Policy Policy `json:"policy,omitzero"` // what is done about what is irregular
	Limits Limits `json:"limits,omitzero"` // what no source may exceed

	// A batch ends at the first record boundary behind BatchBytes of the source or BatchRecords rows.
	BatchBytes   int `json:"batch_bytes,omitempty"`   // default 512 KiB, or what a Sizer asks for
	BatchRecords int `json:"batch_records,omitempty"` // default 32,768, more if a Sizer asks for large batches: it also bounds the rejects of a batch

	// A run holds at most Workers + Queue + 1 batches at a time.
	Workers int `json:"workers,omitempty"` // writers at work at the same time, over the whole run; default runtime.GOMAXPROCS
	Queue   int `json:"queue,omitempty"`   // batches that wait for a worker; default four for each worker, one if a Sizer asks for large batches; -1: none

	// Reuse lets a run use the memory of its batches again, which makes it up to twice as fast. A batch, its records and
	// their strings are valid then until Write returns, those that Records gives until the loop asks for the next one, and
	// those that a Filter sees until it returns. Who keeps something keeps a copy: strings.Clone, Record.Clone and Batch.Clone
	// make one. A Record that is read later panics; a string becomes another one, sooner or later, and bytes of 0xff at once
	// with the race detector. Rejects may be kept. Default: a batch is never used again.
	Reuse bool `json:"reuse,omitempty"`

	// Pin is what the source was found to be before, see Found.Pin: what it says is not sniffed, and a source
	// that is something else ends the run with a *DriftError before anything is written. Default: none.
	Pin *Pin `json:"pin,omitempty"`

	// Member names the file to read in a zip archive that holds several.
	Member string `json:"member,omitempty"`

	// RunID names the run in its status, in the rejects it writes, and in the ledger, where a run of the same name goes on:
	// letters, digits, "-", "_" and ".", at most 64. Default: made up, different each time, so that no run goes on.
	RunID string `json:"run_id,omitempty"`

	// ReportEvery is the time between two snapshots for the Reporter. Default 500 ms.
	ReportEvery time.Duration `json:"report_every_ns,omitempty"`

	// Filter says which records are delivered; nil: all. The workers call it at the same time, and some of the
	// records come to it twice. It must not keep the record.
	Filter func(Record) bool `json:"-"`

	// Rejects keeps the records that are not delivered. Default: they are counted, and the first ones are
	// described in the Status.
	Rejects RejectSink `json:"-"`

	// Ledger remembers what is stored, so that a run can go on, for a Sink that is no Ledger itself: see FileLedger. That of
	// a Sink that is one is not used then. Default: the Sink, if it is a Ledger; else none.
	Ledger Ledger `json:"-"`

	// Lease is how long a run in a ledger belongs to a process that does not renew it, because it was killed or cut off.
	// Whoever wants to take it over waits for that time, and fails with ErrOwned if it was renewed meanwhile. At least
	// 10 ms; default 15 s.
	Lease time.Duration `json:"lease_ns,omitempty"`

	// Retry says what is done about errors that may pass.
	Retry Retry `json:"retry,omitzero"`

	// Control stops and pauses the runs that it is given to.
	Control *Control `json:"-"`

	// Reporter sees the run's progress.
	Reporter Reporter `json:"-"`
}

// Limits are what no source may exceed. Where one is hit there is an error or a reject with a position,
// never a silent cut. A zero field takes its default.
type Limits struct {
	Record      int     `json:"record,omitempty"`       // bytes of a record in the source; default 1 MiB, at most 256 MiB
	Field       int     `json:"field,omitempty"`        // bytes of a field, as UTF-8; default: as Record allows
	Header      int     `json:"header,omitempty"`       // bytes of what stands above the first data record; default 1 MiB
	Columns     int     `json:"columns,omitempty"`      // of a table, and fields of a record; default 16,384
	QuotedLines int     `json:"quoted_lines,omitempty"` // line ends inside one quoted field; default 1,000
	Unpacked    int64   `json:"unpacked,omitempty"`     // bytes that a compressed source unpacks to; default 1 TiB
	Ratio       float64 `json:"ratio,omitempty"`        // of unpacked to packed bytes, from the 16th MiB on; default 250
}

// Found is what is known about a source before its first record. It is not to be changed.
type Found struct {
	Run       string         `json:"run"`
	Parent    string         `json:"parent,omitempty"` // the run whose mended rejects this source is
	Source    string         `json:"source,omitempty"` // its name, where it has one
	Container string         `json:"container,omitempty"`
	Encoding  encoding.Guess `json:"encoding"` // with Mixed, cells that are not UTF-8 are read in that encoding
	Dialect   dialect.Guess  `json:"dialect"`
	Header    Header         `json:"header"`
	HeaderRaw []byte         `json:"-"`     // the header rows as they stand in the source
	Table     Position       `json:"table"` // where the first row below the header begins

	// Sample is what the encoding was decided by, as it stands in the source or in what that unpacks to: for
	// encoding.Guess.Explain and a preview. Only Pipeline.Sniff sets it, at most 16 times SampleSize.
	Sample []byte `json:"-"`

	// Text is the sample that the dialect was sniffed in, in UTF-8: for dialect.Guess.Explain. Only Pipeline.Sniff
	// sets it.
	Text []byte `json:"-"`

	// DecidedAt is the offset up to which the encoding was looked for: beyond the sample where that held
	// ASCII only, or too little else.
	DecidedAt int64 `json:"decided_at"`

	// Undecided says that there was ASCII only: any encoding may come, and the first byte that is not ASCII decides it.
	Undecided bool `json:"undecided,omitempty"`

	trailer    int             // fields at the end of a row that a RejectWriter added, see dropTrailer
	headerRows [][]byte        // HeaderRaw, row by row
	names      [][]string      // the fields of the header rows
	folded     map[string]bool // names, see foldName
}

// Run uses the zero Pipeline: everything is sniffed, and the run stops at the first bad record.
func Run(ctx context.Context, src io.Reader, sink Sink) (Status, error) {
	var p Pipeline
	return p.Run(ctx, src, sink)
}

// Run reads src to its end and gives its records to sink. It returns when everything is stored, or with
// an error; the Status is right in both cases and says up to which byte everything is stored.
//
// The source may be gzip, bzip2 or zip. If it has a size (a Len, Stat or Size method) progress is known;
// if it is an io.ReaderAt and an io.Seeker as well, zip is read in place, otherwise through a temporary
// file. While ctx is alive no Read is under way when Run returns. Run does not close src, with one
// exception: when ctx ends while a Read hangs and src is an io.Closer.
//
// When ctx ends, Run returns within a tenth of a second, even if a Read or a Write hangs; the goroutine
// in the hanging call ends as soon as that call returns, and the writers are closed then.
func (p *Pipeline) Run(ctx context.Context, src io.Reader, sink Sink) (Status, error) {
	s, err := p.sized(sink).resolve()
	if err == nil && (isNil(src) || isNil(sink)) {
		err = settings("the source or the sink is nil: did opening it fail?")
	}
	if err != nil {
		return Status{State: Failed, Code: CodeOf(err), Error: err.Error(), Size: -1}, err
	}
	return newRun(s, src, sink).run(ctx)
}

// sized gives the pipeline with the sizes that the sink asks for.
func (p *Pipeline) sized(sink Sink) *Pipeline {
	z, ok := sink.(Sizer)
	if !ok || isNil(sink) || p.BatchBytes != 0 {
		return p
	}
	q := *p
	q.BatchBytes = z.BatchBytes()
	if q.BatchRecords == 0 {
		q.BatchRecords = max(defaultBatchRecords, q.BatchBytes/(defaultBatchBytes/defaultBatchRecords))
	}
	if q.Queue == 0 {
		q.Queue = cmp.Or(q.Workers, runtime.GOMAXPROCS(0))
	}
	return &q
}

// Records reads src record by record, in the caller's goroutine. A record stays valid for good, but with Reuse. A bad
// record comes as a *RecordError with a zero Record: under Stop it is the last thing that comes; under
// Reject the loop may go on, and if there is a reject sink it takes the record instead. Any other error is
// the last thing that comes. There are no workers, no reports and no status.
func (p *Pipeline) Records(ctx context.Context, src io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s, err := p.resolve()
		if err == nil && isNil(src) {
			err = settings("the source is nil: did opening it fail?")
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
		pull(ctx, s, src, yield)
	}
}

// Sniff reads the head of src, at most some 64 times SampleSize, and says what a run would make of it. With
// an error that ends a run before its first record it gives what was found until then, or nil.
func (p *Pipeline) Sniff(ctx context.Context, src io.Reader) (*Found, error) {
	s, err := p.resolve()
	if err == nil && isNil(src) {
		err = settings("the source is nil: did opening it fail?")
	}
	if err != nil {
		return nil, err
	}
	s.keepSample = true
	in := newSource(src)
	defer in.release()
	if err := in.open(ctx, s); err != nil {
		return nil, err
	}
	sp, err := prepare(ctx, s, in)
	if err == nil {
		err = sp.sniffOn(ctx)
	}
	if sp.found.Encoding.Label == "" {
		return nil, err // not even that
	}
	return sp.found, err
}

// Validate says what is wrong with the settings, before the first byte is read.
func (p *Pipeline) Validate() error {
	_, err := p.resolve()
	return err
}

// isNil says that there is nothing in an interface, or a nil pointer or function.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return r.IsNil()
	}
	return false
}

// resolved is a Pipeline with every default filled in and every setting checked.
type resolved struct {
	Pipeline
	encoding   *encoding.Encoding // nil: to be sniffed
	nulls      map[string]bool
	keepSample bool   // see Found.Sample
	began      *Found // what a run that goes on found when it began; else nil
}

const (
	defaultBatchBytes   = 512 << 10
	defaultBatchRecords = 32768
)

var runID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (p *Pipeline) resolve() (*resolved, error) {
	s := &resolved{Pipeline: *p}
	if p.Encoding != "" {
		e, err := encoding.Get(p.Encoding)
		if err != nil {
			return nil, &RunError{Code: CodeSettings, Kind: ErrSettings, Reason: "Pipeline.Encoding", Err: err}
		}
		s.encoding = e
	}
	if p.Pin != nil {
		err := p.Pin.Dialect.Validate()
		if s.encoding == nil && p.Pin.Encoding != "" {
			var wrong error
			s.encoding, wrong = encoding.Get(p.Pin.Encoding)
			err = errors.Join(err, wrong)
		}
		if p.Pin.Columns < 1 {
			err = errors.Join(err, fmt.Errorf("%d columns: make it with Found.Pin of a source that has a table", p.Pin.Columns))
		}
		if err != nil {
			return nil, &RunError{Code: CodeSettings, Kind: ErrSettings, Reason: "Pipeline.Pin", Err: err}
		}
	}
	if err := p.Dialect.Validate(); err != nil {
		return nil, &RunError{Code: CodeSettings, Kind: ErrSettings, Reason: "Pipeline.Dialect", Err: err}
	}
	if p.Header != nil {
		seen := map[string]bool{}
		for i, c := range p.Header {
			if c.Name == "" || seen[c.Name] {
				return nil, settings("Pipeline.Header: the name of column %d is empty or used twice: give each column a name of its own", i+1)
			}
			seen[c.Name] = true
		}
		if len(p.Header) == 0 {
			return nil, settings("Pipeline.Header has no columns: leave it nil to take them from the file")
		}
	}
	var err error
	if s.Policy, err = p.Policy.resolve(); err != nil {
		return nil, err
	}
	if !(p.MinConfidence >= 0 && p.MinConfidence <= 1) {
		return nil, settings("Pipeline.MinConfidence is %v: it goes from 0 to 1", p.MinConfidence)
	}
	for _, f := range []struct {
		name          string
		v             *int
		def, low, top int
	}{
		{"SampleSize", &s.SampleSize, 64 << 10, 1, 64 << 20},
		{"BatchBytes", &s.BatchBytes, defaultBatchBytes, 1, 256 << 20},
		{"BatchRecords", &s.BatchRecords, defaultBatchRecords, 1, 1 << 30},
		{"Workers", &s.Workers, runtime.GOMAXPROCS(0), 1, 1 << 16},
		{"Limits.Record", &s.Limits.Record, 1 << 20, 16, 256 << 20},
		{"Limits.Field", &s.Limits.Field, 1 << 30, 1, 1 << 30},
		{"Limits.Header", &s.Limits.Header, 1 << 20, 16, 256 << 20},
		{"Limits.Columns", &s.Limits.Columns, 16384, 1, 1 << 24},
		{"Limits.QuotedLines", &s.Limits.QuotedLines, 1000, 1, 1 << 30},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if *f.v < f.low || *f.v > f.top {
			return nil, settings("Pipeline.%s is %d: it goes from %d to %d, and 0 is the default of %d", f.name, *f.v, f.low, f.top, f.def)
		}
	}
	switch {
	case s.Queue == 0:
		s.Queue = 4 * s.Workers
	case s.Queue == -1:
		s.Queue = 0
	case s.Queue < 0 || s.Queue > 1<<16:
		return nil, settings("Pipeline.Queue is %d: it goes to 65,536; use -1 for none, 0 for the default", s.Queue)
	}
	if s.Limits.Unpacked == 0 {
		s.Limits.Unpacked = 1 << 40
	}
	if s.Limits.Ratio == 0 {
		s.Limits.Ratio = 250
	}
	if s.Limits.Unpacked < 0 || !(s.Limits.Ratio >= 1) {
		return nil, settings("Pipeline.Limits.Unpacked and Ratio must be positive, and Ratio at least 1")
	}
	if s.ReportEvery == 0 {
		s.ReportEvery = 500 * time.Millisecond
	}
	if s.ReportEvery < 0 {
		return nil, settings("Pipeline.ReportEvery is %v: use a positive time", s.ReportEvery)
	}
	if s.RunID == "" {
		id := make([]byte, 8)
		rand.Read(id) // never fails
		s.RunID = hex.EncodeToString(id)
	}
	if s.Lease == 0 {
		s.Lease = 15 * time.Second
	}
	if s.Lease < 10*time.Millisecond {
		return nil, settings("Pipeline.Lease is %v: use at least 10 ms, or 0 for the default of 15 s", s.Lease)
	}
	if s.Retry, err = p.Retry.resolve(); err != nil {
		return nil, err
	}
	if !runID.MatchString(s.RunID) {
		return nil, settings("Pipeline.RunID: use up to 64 letters, digits, \"-\", \"_\" and \".\"")
	}
	s.nulls = map[string]bool{}
	for _, n := range p.Null {
		s.nulls[n] = true
	}
	return s, nil
}
