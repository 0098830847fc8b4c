package ingest

import "fmt"

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
		var reason string
		switch {
		case p.MaxRejects > 0 && v.rejected > p.MaxRejects:
			reason = fmt.Sprintf("more than %d records rejected, which is the limit: mend the file, or raise Policy.MaxRejects", p.MaxRejects)
		case p.MaxRejectShare > 0 && e.Record >= shareFrom && float64(v.rejected) > p.MaxRejectShare*float64(e.Record):
			reason = v.shareReason(v.rejected, e.Record)
		default:
			continue
		}
		if e != out.stop {
			out = parse(v.s, w, int(e.Record-w.Record))
		}
		return out, &RunError{Code: CodeRejects, Kind: ErrRejects, At: e.Position, Reason: reason, Err: e}
	}
	if out.stop != nil {
		return out, out.stop
	}
	return out, nil
}

// share looks at the share of rejects at the end of a source.
func (v *verdict) share(s Status) error {
	if p := &v.s.Policy; p.MaxRejectShare > 0 && float64(s.Rejected) > p.MaxRejectShare*float64(s.Read) {
		return &RunError{Code: CodeRejects, Kind: ErrRejects, Reason: v.shareReason(s.Rejected, s.Read)}
	}
	return nil
}

func (v *verdict) shareReason(rejected, rows int64) string {
	return fmt.Sprintf("%d of %d records rejected, a share above the limit of %g: mend the file, check its dialect, or raise Policy.MaxRejectShare", rejected, rows, v.s.Policy.MaxRejectShare)
}
