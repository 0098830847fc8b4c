package ingest

import "fmt"

// verdict decides, window by window in the order of the source, whether the run goes on.
type verdict struct {
	s        *resolved
	rejected int64
}

// shareFrom is the row from which on the share of rejects counts before the end.
const shareFrom = 1000

// pass gives what is to be delivered of a window, and the error if the run ends in it.
func (v *verdict) pass(w *window, out *parsed) (*parsed, error) {
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
