package ingest

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
)

// prepare finds out everything that must be known before the first record, and gives a splitter that
// stands there. With an error the splitter has what was found until then.
func prepare(ctx context.Context, s *resolved, in *source) (*splitter, error) {
	sp := &splitter{s: s, in: in, line: 1, patience: patienceLimit(s), until: math.MaxInt64}
	found := &Found{Run: s.RunID, Source: in.name, Container: in.container}
	sp.found = found
	enc, seen, err := sp.sniffEncoding(ctx)
	if err != nil {
		return sp, err
	}
	found.DecidedAt = int64(seen)
	sample := sp.buf[:min(len(sp.buf), max(s.SampleSize, found.Encoding.BOM))]
	if len(sample) == 0 && sp.err != nil {
		return sp, sp.err
	}
	text := decodeSample(enc, second(found.Encoding), sample[found.Encoding.BOM:])
	known := s.Dialect
	if s.Pin != nil {
		known = s.Pin.Dialect.Merge(s.Dialect)
	}
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
			}
		}
		if e, err := encoding.Get(origin.Mixed); err == nil && s.encoding == nil && e.Unit() == 1 && enc.Identity() {
			found.Encoding.Mixed = e.Name()
		}
		text = decodeSample(enc, second(found.Encoding), sample[found.Encoding.BOM:])
	}
	if err := recogniseText(text); err != nil {
		return sp, err
	}
	var further [][]byte
	if known.Delimiter == "" || known.Quote == "" || known.Escape == "" || known.SkipSpace == "" {
		further = sp.further(enc, len(sample)) // these it has a say in
	}
	found.Dialect = dialect.Sniff(text, known, further...)
	if g := found.Encoding; g.Mixed != "" && !mixable(g, found.Dialect.Dialect) {
		found.Encoding = g.Unmixed(sample)
		if enc, err = encoding.Get(found.Encoding.Label); err != nil {
			return sp, undecodable(err)
		}
		text = decodeSample(enc, nil, sample[found.Encoding.BOM:])
		found.Dialect = dialect.Sniff(text, known, further...)
	}
	if s.keepSample {
		found.Text = text
	}
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
	rest := sample[found.Encoding.BOM:]
	sp.open = s.encoding == nil && found.Encoding.Mixed == "" && (found.Encoding.ASCII || enc.Identity() && plainLen(rest) == len(rest))
	if s.began != nil {
		sp.open = s.encoding == nil && s.began.Undecided
	}
	found.Undecided = sp.open
	if !sp.open && found.Encoding.Confidence < s.MinConfidence && len(sample) > 0 {
		return sp, unsure("encoding", found.Encoding.Label, found.Encoding.Confidence, s.MinConfidence)
	}
	columns := found.Dialect.Columns
	if mended || columns == 1 || found.Dialect.Confidence < doubtful {
		columns = 0 // rejects differ by what was added to them, and any line may be the only field of a record
	}
	if err := sp.focus(enc, columns); err != nil {
		return sp, err
	}
	sp.rescue = runnerUp(found.Encoding)
	sp.drop(found.Encoding.BOM)
	if err := sp.readHeader(ctx); err != nil {
		return sp, err
	}
	if s.Reuse {
		sp.memory = new(memory) // what was read before this stays: the header rows are kept
	}
	sp.learned = &learned{sample: text, dialect: found.Dialect.Dialect, columns: found.width()}
	if s.Pin != nil && !mended {
		return sp, s.Pin.check(sp.found, sample, func() dialect.Dialect { return dialect.Sniff(text, s.Dialect).Dialect })
	}
	return sp, nil
}

// learned is what the columns hold, found out when it is first asked for: most sources never need it.
type learned struct {
	once    sync.Once
	sample  []byte
	dialect dialect.Dialect
	columns int
	profile *dialect.Profile
}

func (l *learned) learn() *dialect.Profile {
	l.once.Do(func() {
		l.profile = dialect.Learn(l.sample, l.dialect, l.columns)
		l.sample = nil
	})
	return l.profile
}

// A sample that leaves the encoding in doubt is made longer, up to sampleGrowth times.
const (
	doubtful     = 0.6 // confidence
	fewLines     = 3   // with fewer that show the encoding, these may be strays
	sampleGrowth = 16
)

// inDoubt says that a longer sample should be looked at.
func inDoubt(g encoding.Guess, sample []byte) bool {
	if g.ASCII {
		return false // nothing is decided yet
	}
	if g.Confidence < doubtful {
		return true
	}
	if e, err := encoding.Get(g.Label); err != nil || e.Unit() > 1 {
		return false // nothing else looks like these
	}
	sample = sample[g.BOM:]
	for lines := 0; lines < fewLines; lines++ {
		at := plainLen(sample)
		if at == len(sample) {
			return lines > 0 || g.BOM == 0 // behind a mark nothing is in doubt as long as it is all ASCII
		}
		sample = sample[at:]
		if end := bytes.IndexAny(sample, "\r\n"); end >= 0 {
			sample = sample[end:]
		} else {
			sample = nil
		}
	}
	return false
}

// sniffEncoding settles the encoding, as far as the sample goes, and says how many bytes it looked at.
func (sp *splitter) sniffEncoding(ctx context.Context) (*encoding.Encoding, int, error) {
	for size := sp.s.SampleSize; ; size *= 2 {
		if err := sp.fill(ctx, size); err != nil {
			return nil, 0, err
		}
		sample := sp.buf[:min(len(sp.buf), size)]
		if sp.s.encoding != nil {
			enc := sp.pinned(sample)
			sp.keep(sample)
			return enc, len(sample), nil
		}
		if began := sp.s.began; began != nil && len(sample) >= began.Encoding.BOM {
			enc, err := encoding.Get(began.Encoding.Label)
			if err != nil {
				return nil, 0, undecodable(err)
			}
			sp.found.Encoding = began.Encoding
			return enc, len(sample), nil
		}
		g := encoding.Sniff(sample)
		if inDoubt(g, sample) && len(sample) == size && size < sampleGrowth*sp.s.SampleSize {
			continue
		}
		sp.found.Encoding = g
		sp.keep(sample)
		enc, err := encoding.Get(g.Label)
		if err != nil {
			return nil, 0, undecodable(err)
		}
		return enc, len(sample), nil
	}
}

func undecodable(err error) error {
	return &RunError{Code: CodeUnsure, Kind: ErrUnsure, Reason: "the encoding was sniffed but cannot be decoded: pin another one", Err: err}
}

// keep keeps a sample if it is asked for.
func (sp *splitter) keep(sample []byte) {
	if sp.s.keepSample {
		sp.found.Sample = slices.Clone(sample)
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

// further gives the text of lines in the middle and at the end of the source, where they can be looked at.
func (sp *splitter) further(enc *encoding.Encoding, sample int) [][]byte {
	var texts [][]byte
	for _, raw := range sp.in.glimpses(sample) {
		text := decodeSample(enc, second(sp.found.Encoding), raw)
		// The first line is cut, and so may be its first character.
		if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
			texts = append(texts, bytes.TrimPrefix(bytes.TrimPrefix(text[i:], []byte("\r")), []byte("\n")))
		}
	}
	return texts
}

// decodeSample decodes a sample that may end within a character. If other is not nil it is mixed: a line that is not in
// enc is in other, which is right for what has a meaning, if not for every cell.
func decodeSample(enc, other *encoding.Encoding, sample []byte) []byte {
	if other != nil {
		var text []byte
		for line := range bytes.Lines(sample) {
			if utf8.Valid(line) {
				text = append(text, line...)
			} else {
				text, _ = other.Append(text, line)
			}
		}
		return text
	}
	sample = sample[:len(sample)-len(sample)%enc.Unit()]
	text, invalid := enc.Append(nil, sample)
	if invalid > 0 {
		text = bytes.TrimSuffix(text, []byte(string(utf8.RuneError)))
	}
	return text
}
