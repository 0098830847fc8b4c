package ingest

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Code names a kind of failure. Codes are stable: programs may store and compare them.
type Code string

// Codes of records that are not delivered, with the setting that decides about them.
const (
	CodeUnclosedQuote  Code = "unclosed_quote"    // a quote that never closes; the record is its first line (Policy.Unclosed, Limits.QuotedLines, Limits.Record)
	CodeStrayQuote     Code = "stray_quote"       // a quote inside a quoted field that neither closes it nor is escaped (Policy.StrayQuote)
	CodeTooFewFields   Code = "too_few_fields"    // fewer fields than columns (Policy.Short)
	CodeTooManyFields  Code = "too_many_fields"   // more fields than columns (Policy.Long)
	CodeEncoding       Code = "invalid_encoding"  // bytes that are no character in the source's encoding, or in either of two (Policy.Encoding)
	CodeNUL            Code = "nul"               // a NUL character (Policy.NUL)
	CodeControl        Code = "control_character" // a control character other than TAB, CR, LF and NUL (Policy.Control)
	CodeInvisible      Code = "invisible_space"   // a zero-width or no-break space (Policy.Invisible)
	CodeBlank          Code = "blank_line"        // a line with nothing on it (Policy.Blank)
	CodeRecordTooLarge Code = "record_too_large"  // Limits.Record (Policy.TooLarge)
	CodeFieldTooLarge  Code = "field_too_large"   // Limits.Field (Policy.TooLarge)
	CodeTooManyColumns Code = "too_many_columns"  // Limits.Columns (Policy.TooLarge)
	CodeRepeatedHeader Code = "repeated_header"   // the header again, in the middle of the table (Policy.RepeatedHeader)
	CodeBelow          Code = "below_table"       // totals, notes and the like below the table (Policy.Below)
	CodeOtherTable     Code = "other_table"       // a record of another table below the first one (Policy.Below)
	CodeRefused        Code = "refused"           // a record that the store refuses (Policy.Refused)
)

// CodeMixed is the code of what is irregular but never bad: it is only counted, in Status.Tolerated.
const CodeMixed Code = "mixed_encoding" // a cell that is not UTF-8 but in the second encoding of the source (Found.Encoding.Mixed)

// Codes of failures that end a run.
const (
	CodeSettings     Code = "settings"         // a Pipeline that cannot work
	CodeFormat       Code = "not_text"         // the source is a spreadsheet, a PDF, an image
	CodeArchive      Code = "archive"          // an archive that cannot be read straight
	CodeUnsure       Code = "unsure"           // MinConfidence
	CodeDrift        Code = "drift"            // the source is not what Pipeline.Pin says, or stops being it (Policy.Drift)
	CodeHeader       Code = "header"           // a header that cannot be used
	CodeRead         Code = "read"             // the source's Read failed
	CodeTooLarge     Code = "source_too_large" // Limits.Unpacked, Limits.Ratio
	CodeSink         Code = "sink"             // the sink's error
	CodeRejectSink   Code = "reject_sink"      // the reject sink's error
	CodePanic        Code = "panic"            // a function of the caller's panicked
	CodeRejects      Code = "too_many_rejects" // Policy.MaxRejects, Policy.MaxRejectShare
	CodeConservation Code = "conservation"     // a bug in this package: records are missing from the count
	CodeCanceled     Code = "canceled"         // the run's context ended
	CodeStopped      Code = "stopped"          // somebody has stopped the run; it can go on later
	CodeLedger       Code = "ledger"           // the ledger failed
	CodeOwned        Code = "owned"            // the run belongs to another process
	CodeChanged      Code = "source_changed"   // the source is not the one that the run began with
)

// Sentinels for errors.Is. Every error of a run matches at least one, or wraps the error of the source,
// the sink or the context it comes from.
var (
	ErrSettings  = errors.New("unusable settings")
	ErrFormat    = errors.New("not delimited text")
	ErrUnsure    = errors.New("not sure enough of what was sniffed")
	ErrHeader    = errors.New("unusable header")
	ErrDrift     = errors.New("not what it was") // any *DriftError
	ErrRead      = errors.New("cannot read the source")
	ErrTooLarge  = errors.New("larger than the limit")
	ErrBadRecord = errors.New("bad record") // any *RecordError
	ErrRejects   = errors.New("too many rejects")
	ErrSink      = errors.New("sink failed") // any *SinkError
	ErrPanic     = errors.New("panic")       // a *SinkError of a function that panicked
	ErrInternal  = errors.New("internal error")
	ErrStopped   = errors.New("stopped")

	// ErrOwned is the error of a run that another process has claimed; an *OwnedError says which.
	ErrOwned = errors.New("the run belongs to another process")

	// ErrNoLedger is what Ledger.Find gives for a sink that could be a ledger, but is not to be one.
	ErrNoLedger = errors.New("the sink keeps no ledger")

	// ErrSourceChanged says that a run was to go on with another source than it began with.
	ErrSourceChanged = errors.New("the source has changed")
)

// A Position is a place in the source. Offset is what a run is resumed by; Line and Record are for people.
type Position struct {
	Offset int64 `json:"offset"` // bytes from the start of the source (of what it unpacks to), from 0
	Line   int64 `json:"line"`   // physical line, from 1
	Record int64 `json:"record"` // row below the header, from 1; blank lines and comments are rows as well; 0: none
}

// String gives "line 4 (record 3, byte 120)".
func (p Position) String() string {
	if p.Record > 0 {
		return fmt.Sprintf("line %d (record %d, byte %d)", p.Line, p.Record, p.Offset)
	}
	return fmt.Sprintf("line %d (byte %d)", p.Line, p.Offset)
}

// A RecordError is a record that was not delivered. It holds the record's bytes but never prints them:
// Error and JSON carry code, column and position only.
type RecordError struct {
	Position
	Code       Code   `json:"code"`
	Column     int    `json:"column,omitempty"`      // from 1; 0: the record as a whole
	ColumnName string `json:"column_name,omitempty"` // of Column
	Reason     string `json:"reason"`                // what is wrong and how to mend it, for who has the file, without values
	Raw        []byte `json:"-"`                     // the record as it stands in the source, its line end included; not to be changed
	Truncated  bool   `json:"truncated,omitempty"`   // Raw is only the beginning (CodeRecordTooLarge)
	Store      string `json:"store,omitempty"`       // the store's own code (CodeRefused): an SQLSTATE, an error number
	Err        error  `json:"-"`                     // the cause, if it is another error
}

func (e *RecordError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ingest: %s", e.Position)
	if e.Column > 0 {
		fmt.Fprintf(&b, ", column %d", e.Column)
		if e.ColumnName != "" {
			fmt.Fprintf(&b, " %q", e.ColumnName)
		}
	}
	fmt.Fprintf(&b, ": %s [%s]", e.Reason, e.Code)
	return b.String()
}

// Unwrap gives the cause; errors.Is(e, ErrBadRecord) is true for every RecordError.
func (e *RecordError) Unwrap() []error {
	if e.Err != nil {
		return []error{ErrBadRecord, e.Err}
	}
	return []error{ErrBadRecord}
}

// A SinkError is a failure, or a panic, of a function the caller gave: a Writer, a Sink, a RejectSink, a
// Ledger, a Filter.
type SinkError struct {
	Code Code // CodeSink, CodeRejectSink, CodeLedger, CodeOwned or CodePanic
	// Op is the function: "open", "write", "close", "reject", or the ledger's "find", "claim", "renew", "enter", "release".
	// A panic may also be in "filter", "retry" or "read".
	Op     string
	First  Position // of the batch or record in hand; zero when there was none
	Last   Position // the same, where a batch has more than one record and the one at fault is not known
	Err    error    // what the function returned; for a panic an error with the value's type
	Panic  any      // the value of a panic
	Stack  []byte   // of a panic
	Writer int      // which of the writers, from 0
}

func (e *SinkError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ingest: %s", e.Op)
	if e.First.Line > 0 {
		fmt.Fprintf(&b, " at %s", e.First)
		if e.Last.Line > 0 && e.Last != e.First {
			fmt.Fprintf(&b, " to line %d (record %d)", e.Last.Line, e.Last.Record)
		}
	}
	fmt.Fprintf(&b, ": %v [%s]", e.Err, e.Code)
	return b.String()
}

// Unwrap gives the function's own error; errors.Is(e, ErrSink) is true, for a panic also ErrPanic.
func (e *SinkError) Unwrap() []error {
	if e.Code == CodePanic {
		return []error{ErrSink, ErrPanic, e.Err}
	}
	return []error{ErrSink, e.Err}
}

// An OwnedError is the error of a Ledger for a run that another process has claimed. errors.Is(e, ErrOwned) is true.
type OwnedError struct {
	Run   string
	Owner string        // who it says it is; "" unknown
	Left  time.Duration // of its lease, when it was asked; 0 or less: nothing, or not known
}

func (e *OwnedError) Error() string {
	if e.Owner == "" || e.Left <= 0 {
		return fmt.Sprintf("the run %q belongs to another process", e.Run)
	}
	return fmt.Sprintf("the run %q belongs to %q for another %v: wait for it, or stop it", e.Run, e.Owner, e.Left.Round(time.Millisecond))
}

// Unwrap gives ErrOwned.
func (e *OwnedError) Unwrap() error { return ErrOwned }

// A RunError ends a run for a reason that is neither a record nor a sink.
type RunError struct {
	Code   Code
	At     Position // zero: the source as a whole
	Reason string   // what, and what to do
	Kind   error    // the sentinel
	Err    error    // the cause, or nil
}

func (e *RunError) Error() string {
	var b strings.Builder
	b.WriteString("ingest: ")
	if e.At.Line > 0 {
		fmt.Fprintf(&b, "%s: ", e.At)
	}
	b.WriteString(e.Reason)
	var last *RecordError
	switch {
	case errors.As(e.Err, &last):
		fmt.Fprintf(&b, "; of the last one: %s [%s]", last.Reason, last.Code)
	case e.Err != nil:
		// What errors.Join puts on lines is one line in a log.
		fmt.Fprintf(&b, ": %s", strings.ReplaceAll(e.Err.Error(), "\n", "; "))
	}
	fmt.Fprintf(&b, " [%s]", e.Code)
	return b.String()
}

// Unwrap gives the sentinel and the cause.
func (e *RunError) Unwrap() []error {
	switch {
	case e.Kind == nil:
		return []error{e.Err}
	case e.Err == nil:
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// A FormatError says that the source is no delimited text, and what it is.
type FormatError struct {
	Format string // "XLSX", "PDF", "HTML", "PNG", ...
	Advice string // what to do
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("ingest: the file is %s, not delimited text: %s [%s]", e.Format, e.Advice, CodeFormat)
}

func (e *FormatError) Unwrap() error { return ErrFormat }

func (e *RecordError) code() Code { return e.Code }
func (e *SinkError) code() Code   { return e.Code }
func (e *RunError) code() Code    { return e.Code }
func (e *FormatError) code() Code { return CodeFormat }
func (e *DriftError) code() Code  { return CodeDrift }

// CodeOf gives the code of an error that a run returned, "" if it has none.
func CodeOf(err error) Code {
	var coded interface{ code() Code }
	if errors.As(err, &coded) {
		return coded.code()
	}
	return ""
}
