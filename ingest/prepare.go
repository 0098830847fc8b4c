package ingest

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
)

// prepare finds out everything that must be known before the first record, and gives a splitter that
// stands there. With an error the splitter has what was found until then.
func prepare(ctx context.Context, s *resolved, in *source) (*splitter, error) {
	sp := &splitter{s: s, in: in, line: 1, patience: patienceLimit(s)}
	found := &Found{Run: s.RunID, Source: in.name, Container: in.container}
	sp.found = found
	enc, seen, err := sp.sniffEncoding(ctx)
	if err != nil {
		return sp, err
	}
	found.DecidedAt = int64(seen)
	sample := sp.buf[:min(len(sp.buf), s.SampleSize)]
	if len(sample) == 0 && sp.err != nil {
		return sp, sp.err
	}
	text := decodeSample(enc, sample[found.Encoding.BOM:])
	known := s.Dialect
	origin, mended := findOrigin(text)
	if mended {
		// Rejects come back in the form of the file they come from, and say which that is; a few bad
		// rows are not enough to sniff it again.
		found.Parent = origin.Run
		known = origin.Dialect.Merge(s.Dialect)
		known.Preamble = dialect.NoPreamble
		if s.Dialect.HeaderRows > 0 {
			known.HeaderRows = origin.Dialect.HeaderRows
		}
		// But a program may have saved them in its own encoding. What is well-formed UTF-8 is UTF-8.
		isUTF8 := found.Encoding.Label == "UTF-8" && found.Encoding.Confidence >= doubtful
		if s.encoding == nil && origin.Encoding != enc.Name() && found.Encoding.BOM == 0 && !isUTF8 {
			if e, err := encoding.Get(origin.Encoding); err == nil {
				enc = e
				found.Encoding = encoding.Guess{Label: e.Name(), Confidence: 1, Evidence: []string{"the file says so: it holds the rejects of an earlier run"}}
				text = decodeSample(enc, sample)
			}
		}
	}
	if err := recogniseText(text); err != nil {
		return sp, err
	}
	found.Dialect = dialect.Sniff(text, known)
	if mended {
		found.Dialect.Confidence = 1
		if found.Dialect.HeaderRows < 1 {
			found.trailer = trailerFields
			found.Dialect.Columns = max(0, found.Dialect.Columns-trailerFields)
		}
	}
	if found.Dialect.Confidence < s.MinConfidence && len(text) > 0 {
		return sp, unsure("dialect", found.Dialect.Dialect.String(), found.Dialect.Confidence, s.MinConfidence)
	}
	sp.open = found.Encoding.ASCII && s.encoding == nil
	if !sp.open && found.Encoding.Confidence < s.MinConfidence && len(sample) > 0 {
		return sp, unsure("encoding", found.Encoding.Label, found.Encoding.Confidence, s.MinConfidence)
	}
	sp.rescue = runnerUp(found.Encoding)
	if sp.lens, err = newLens(enc, found.Dialect.Dialect, &s.Limits); err != nil {
		return sp, err
	}
	sp.drop(found.Encoding.BOM)
	if err := sp.readHeader(ctx); err != nil {
		return sp, err
	}
	return sp, nil
}

// A sample that leaves the encoding in doubt is made longer, up to sampleGrowth times.
const (
	doubtful     = 0.6 // confidence
	sampleGrowth = 16
)

// sniffEncoding settles the encoding, as far as the sample goes, and says how many bytes it looked at.
func (sp *splitter) sniffEncoding(ctx context.Context) (*encoding.Encoding, int, error) {
	for size := sp.s.SampleSize; ; size *= 2 {
		if err := sp.fill(ctx, size); err != nil {
			return nil, 0, err
		}
		sample := sp.buf[:min(len(sp.buf), size)]
		if sp.s.encoding != nil {
			enc := sp.pinned(sample)
			return enc, len(sample), nil
		}
		g := encoding.Sniff(sample)
		if g.Confidence < doubtful && !g.ASCII && len(sample) == size && size < sampleGrowth*sp.s.SampleSize {
			continue
		}
		sp.found.Encoding = g
		enc, err := encoding.Get(g.Label)
		if err != nil {
			return nil, 0, &RunError{Code: CodeUnsure, Kind: ErrUnsure, Reason: "the encoding was sniffed but cannot be decoded: pin another one", Err: err}
		}
		return enc, len(sample), nil
	}
}

// pinned gives the encoding that the caller has named.
func (sp *splitter) pinned(sample []byte) *encoding.Encoding {
	enc := sp.s.encoding
	label := strings.ToLower(strings.TrimSpace(sp.s.Encoding))
	if be, err := encoding.Get("UTF-16BE"); err == nil && label == "utf-16" && bytes.HasPrefix(sample, be.BOM()) {
		enc = be // the label names the family, the mark the byte order
	}
	g := encoding.Guess{Label: enc.Name(), Confidence: 1, Evidence: []string{"pinned by the caller"}}
	if bom := enc.BOM(); len(bom) > 0 && bytes.HasPrefix(sample, bom) {
		g.BOM = len(bom)
	}
	sp.found.Encoding = g
	return enc
}

// sniffOn goes on looking for the encoding beyond a sample that was ASCII, as a run would, but only so far.
func (sp *splitter) sniffOn(ctx context.Context) error {
	for size := sp.s.SampleSize; sp.open && size <= sampleGrowth*sp.s.SampleSize; size *= 2 {
		if err := sp.fill(ctx, size); err != nil {
			return err
		}
		if err := sp.decide(ctx); err != nil {
			return err
		}
	}
	return nil
}

// decodeSample decodes a sample that may end within a character.
func decodeSample(enc *encoding.Encoding, sample []byte) []byte {
	sample = sample[:len(sample)-len(sample)%enc.Unit()]
	text, invalid := enc.Append(nil, sample)
	if invalid > 0 {
		text = bytes.TrimSuffix(text, []byte(string(utf8.RuneError)))
	}
	return text
}
