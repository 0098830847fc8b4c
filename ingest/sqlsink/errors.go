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
	Op     string // "open", "create", "prepare", "connect", "begin", "insert", "commit"
	Table  string
	Reason string // what is wrong and what to do
	Err    error  // the cause, or nil

	said string // Err without values
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

// fail makes the error of an operation on the database. In is what of a batch it was about, or nil.
func (w *writer) fail(ctx context.Context, op, reason string, err error, in *part) error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = errors.Join(ctx.Err(), err) // the driver says it in words of its own
	}
	e := &Error{Op: op, Table: w.sink.Table, Reason: reason, Err: err}
	if in != nil {
		e.said = redact(err.Error(), in.fields(), append(w.columns, w.sink.Table, w.sink.Schema))
	}
	return e
}

// part is a stretch of a batch.
type part struct {
	batch    *ingest.Batch
	from, to int
}

// String says where in the source the part is.
func (p *part) String() string {
	first, last := p.batch.Record(p.from).Position(), p.batch.Record(p.to-1).Position()
	if p.to-p.from == 1 {
		return "the record at " + first.String()
	}
	return fmt.Sprintf("the %d records from line %d to line %d", p.to-p.from, first.Line, last.Line)
}

// one says that one record of the part is meant.
func (p *part) one() string {
	if p.to-p.from == 1 {
		return p.String()
	}
	return "one of " + p.String()
}

// fields gives every field of the part.
func (p *part) fields() func(yield func(string) bool) {
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
