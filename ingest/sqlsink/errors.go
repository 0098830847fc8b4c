package sqlsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/ingest"
)

// ErrInDoubt is the error of a commit that failed: whether the batch is stored is not known, as the
// connection may have been lost before or behind the commit. Any other error says that nothing of the
// batch is stored.
var ErrInDoubt = errors.New("not known whether the batch is stored")

// An Error is a failure of a Sink. Its text has what the database says, with the values of the records in
// hand left out as "…"; Err is the driver's own error, which may have them.
type Error struct {
	Op     string // "open", "create", "prepare", "connect", "begin", "insert", "commit", "ledger", "stage", "release", "undo"
	Table  string
	Reason string // what is wrong and what to do
	Err    error  // the cause, or nil

	said    string // Err without values
	problem Problem
	again   bool // where a commit is in doubt, it may be done again: what was done is found
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sqlsink: %s: table %q: %s", e.Op, e.Table, e.Reason)
	switch {
	case e.said != "":
		b.WriteString(": " + e.said)
	case e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Transient says that the same may succeed later: the connection was lost, the server is starting, the disk is full. A
// commit that is in doubt is transient where there is a ledger, which is asked before the batch is stored again.
func (e *Error) Transient() bool {
	if errors.Is(e.Err, ErrInDoubt) {
		return e.again
	}
	return e.problem.Transient || e.problem.AtOnce
}

// problem gives what an error of the sink means.
func problem(err error) Problem {
	var e *Error
	if errors.As(err, &e) {
		return e.problem
	}
	return Problem{Row: -1}
}

// fail makes the error of an operation on the database.
func (s *Sink) fail(ctx context.Context, op, reason string, err error) *Error {
	e := &Error{Op: op, Table: s.Table, Reason: reason, problem: s.explain(err)}
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		// It is the driver's own time that is up: a connection that is not made in time is that error, too (package net).
		e.problem.Transient, e.problem.Lost = true, true
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = errors.Join(ctx.Err(), err) // the driver says it in words of its own
	}
	e.Err = err
	if e.problem.Data && (op == "release" || op == "undo") { // about rows of which none is at hand
		e.hide()
	}
	return e
}

// hide keeps to itself what the database says, which may have values that are not at hand, but for its code.
func (e *Error) hide() {
	e.said = "see the error that this one wraps"
	if e.problem.Code != "" {
		e.said += " (" + e.problem.Code + ")"
	}
}

// fail makes the error of an operation on some records.
func (w *writer) fail(ctx context.Context, op, reason string, err error, in part) *Error {
	e := w.sink.fail(ctx, op, reason, err)
	e.said = redact(e.Err.Error(), in.fields(), slices.Concat(w.into.Columns, []string{w.sink.Table, w.sink.Schema, w.into.Table}))
	return e
}

// part is a stretch of a batch.
type part struct {
	batch    *ingest.Batch
	from, to int
}

// whole gives a batch as a part.
func whole(b *ingest.Batch) part { return part{b, 0, b.Len()} }

// String says where in the source the part is.
func (p part) String() string {
	if p.from == p.to {
		return p.batch.String()
	}
	first, last := p.batch.Record(p.from).Position(), p.batch.Record(p.to-1).Position()
	if p.to-p.from == 1 {
		return "the record at " + first.String()
	}
	return fmt.Sprintf("the %d records from line %d to line %d", p.to-p.from, first.Line, last.Line)
}

// one says that one record of the part is meant.
func (p part) one() string {
	if p.to-p.from == 1 {
		return p.String()
	}
	return "one of " + p.String()
}

// fields gives every field of the part.
func (p part) fields() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := p.from; i < p.to; i++ {
			r := p.batch.Record(i)
			for c := range r.Len() {
				if !yield(r.Field(c)) {
					return
				}
			}
		}
	}
}

// enough is how many bytes of a long value are taken for the value: databases cut values short in what
// they say.
const enough = 24

// redact takes the values out of a message, where they stand as words of their own. Known names stay.
func redact(message string, values func(yield func(string) bool), names []string) string {
	hide := make([]bool, len(message))
	for v := range values {
		if v == "" || slices.Contains(names, v) {
			continue
		}
		start := v[:min(len(v), enough)]
		for at := 0; ; at++ {
			i := strings.Index(message[at:], start)
			if i < 0 {
				break
			}
			at += i
			end := at + commonPrefix(message[at:], v)
			for end < len(message) && !utf8.RuneStart(message[end]) {
				end--
			}
			if boundary(message, at) && (boundary(message, end) || len(v) > enough) {
				for j := at; j < end; j++ {
					hide[j] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(message) {
		switch {
		case !hide[i]:
			b.WriteByte(message[i])
		case i == 0 || !hide[i-1]:
			b.WriteString("…")
		}
	}
	return b.String()
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// boundary says that no word goes on at i.
func boundary(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i:])
	return !wordRune(before) || !wordRune(after)
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
