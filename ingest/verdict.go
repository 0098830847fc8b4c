package ingest

import (
	"bytes"
	"fmt"
)

// verdict decides, window by window in the order of the source, whether the run goes on.
type verdict struct {
	s         *resolved
	rejected  int64
	section   Section  // that the window before ended in
	blank     bool     // its last row is blank
	run       widthRun // that it ended with
	beginning []byte   // of that run, as far as it is needed to tell of it
	drifts    int      // that were told
}

// shareFrom is the row from which on the share of rejects counts before the end.
const shareFrom = 1000

// begin is called before pass. It gives a copy, which knows of the windows before only.
func (v *verdict) begin(w *window) verdict {
	for i, e := range w.behind {
		v.rejected += e.Rejected
		if i == len(w.behind)-1 {
			m := e.After
			v.section, v.blank = m.Section, m.Blank
			v.run, v.beginning = widthRun{fields: m.Fields, rows: m.Records, at: m.Since}, nil
		}
	}
	before := *v
	before.beginning = bytes.Clone(v.beginning)
	return before
}

// pass gives what is to be delivered of a window, and the error if the run ends in it.
func (v *verdict) pass(w *window, out *parsed) (*parsed, error) {
	if w.Section != v.section || w.Blank != v.blank {
		// It was read as if the table went on; as a rule it does.
		w.Section, w.Blank = v.section, v.blank
		out = parse(v.s, w, -1)
	}
	v.section, v.blank = out.section, out.blank
	out, stop := v.limit(w, out)
	changes, row := v.drift(w, out)
	if row >= 0 && v.s.Policy.Drift == Stop {
		out, changes = parse(v.s, w, row), changes[:1]
		stop = &DriftError{Change: &changes[0]}
	}
	out.changes = append(out.changes, changes...)
	return out, stop
}

// limit ends a window where there are too many rejects. It gives the error of that, or of the record that stops
// the run.
func (v *verdict) limit(w *window, out *parsed) (*parsed, error) {
	p := &v.s.Policy
	for _, e := range out.rejects {
		v.rejected++
		var stop error
		switch {
		case p.MaxRejects > 0 && v.rejected > p.MaxRejects:
			stop = tooManyRejects(p.MaxRejects, e)
		case p.MaxRejectShare > 0 && e.Record >= shareFrom && float64(v.rejected) > p.MaxRejectShare*float64(e.Record):
			stop = &RunError{Code: CodeRejects, Kind: ErrRejects, At: e.Position, Reason: v.shareReason(v.rejected, e.Record), Err: e}
		default:
			continue
		}
		if e != out.stop {
			out = parse(v.s, w, int(e.Record-w.Record))
		}
		return out, stop
	}
	if out.stop != nil {
		return out, out.stop
	}
	return out, nil
}

// atEnd looks at the rejects of a source that is stored: the share is of all rows now, and the store may have refused some
// after the turn of their window.
func (v *verdict) atEnd(s Status) error {
	p := &v.s.Policy
	switch {
	case p.MaxRejects > 0 && s.Rejected > p.MaxRejects:
		return tooManyRejects(p.MaxRejects, nil)
	case p.MaxRejectShare > 0 && float64(s.Rejected) > p.MaxRejectShare*float64(s.Read):
		return &RunError{Code: CodeRejects, Kind: ErrRejects, Reason: v.shareReason(s.Rejected, s.Read)}
	}
	return nil
}

// tooManyRejects is the error of the reject above Policy.MaxRejects, nil if that is not known.
func tooManyRejects(limit int64, last *RecordError) error {
	e := &RunError{Code: CodeRejects, Kind: ErrRejects,
		Reason: fmt.Sprintf("more than %d records rejected, which is the limit: mend the file, or raise Policy.MaxRejects", limit)}
	if last != nil {
		e.At, e.Err = last.Position, last
	}
	return e
}

func (v *verdict) shareReason(rejected, rows int64) string {
	return fmt.Sprintf("%d of %d records rejected, a share above the limit of %g: mend the file, check its dialect, or raise Policy.MaxRejectShare", rejected, rows, v.s.Policy.MaxRejectShare)
}
