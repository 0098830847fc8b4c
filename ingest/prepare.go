package ingest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
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
		utf8 := found.Encoding.Label == "UTF-8" && found.Encoding.Confidence >= doubtful
		if s.encoding == nil && origin.Encoding != enc.Name() && found.Encoding.BOM == 0 && !utf8 {
			if e, err := encoding.Get(origin.Encoding); err == nil {
				enc = e
				found.Encoding = encoding.Guess{Label: e.Name(), Confidence: 1, Evidence: []string{"the file says so: it holds the rejects of an earlier run"}}
				text = decodeSample(enc, sample)
			}
		}
	}
	if looksBinary(text) {
		return sp, &FormatError{Format: "binary data", Advice: exportAdvice}
	}
	found.Dialect = dialect.Sniff(text, known)
	if mended {
		found.Dialect.Columns = max(0, found.Dialect.Columns-trailerFields)
		found.Dialect.Confidence = 1
	}
	if found.Dialect.Confidence < s.MinConfidence && len(text) > 0 {
		return sp, unsure("dialect", found.Dialect.Dialect.String(), found.Dialect.Confidence, s.MinConfidence)
	}
	sp.open = found.Encoding.ASCII && s.encoding == nil
	if !sp.open && found.Encoding.Confidence < s.MinConfidence && len(sample) > 0 {
		return sp, unsure("encoding", found.Encoding.Label, found.Encoding.Confidence, s.MinConfidence)
	}
	sp.rescue = runnerUp(found.Encoding)
	if sp.lens, err = newLens(enc, found.Dialect.Dialect, s.Limits.QuotedLines); err != nil {
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

// looksBinary says that text is none: a third of it is control characters that no table has.
func looksBinary(text []byte) bool {
	n := 0
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != 0 && !(c >= 0x1c && c <= 0x1f) && c > 3 {
			n++
		}
	}
	return n > 8 && n > len(text)/3
}

// readHeader steps over what stands above the table and takes the header rows.
func (sp *splitter) readHeader(ctx context.Context) error {
	d := &sp.found.Dialect
	for range d.Preamble {
		row, _, err := sp.take(ctx, sp.raw.Line)
		if err != nil {
			return err
		}
		if row.Kind == scan.More {
			break // the source ends here
		}
	}
	var rows [][]string
	for len(rows) < d.HeaderRows {
		var fields []scan.Field
		scanned := func(b []byte, i int, eof bool) scan.Row {
			fields = fields[:0]
			return sp.raw.Row(b, i, eof, &fields)
		}
		row, raw, err := sp.take(ctx, scanned)
		switch {
		case err != nil:
			return err
		case row.Kind == scan.Unclosed:
			return sp.headerError("the header has a quote that never closes: mend it, or pin the dialect")
		}
		if row.Kind == scan.Record {
			sp.found.HeaderRaw = append(sp.found.HeaderRaw, raw...)
			rows = append(rows, sp.cells(raw, fields))
		}
		if row.Kind == scan.More {
			break // the source ends here
		}
	}
	if err := sp.nameColumns(rows); err != nil {
		return err
	}
	sp.row = 1
	sp.found.Table = Position{Offset: sp.offset, Line: sp.line}
	return nil
}

// take scans one row, takes it off the buffer and gives its bytes. At the end of the source its Kind is
// More.
func (sp *splitter) take(ctx context.Context, scanRow func([]byte, int, bool) scan.Row) (scan.Row, []byte, error) {
	for want := readAhead; ; want *= 2 {
		if err := sp.fill(ctx, want); err != nil {
			return scan.Row{}, nil, err
		}
		if len(sp.buf) < sp.unit {
			return scan.Row{}, nil, sp.err
		}
		row := scanRow(sp.look(), 0, sp.eof && sp.err == nil)
		n := row.End * sp.unit
		if row.Kind == scan.More {
			n = len(sp.buf)
		}
		switch {
		case sp.offset+int64(n) > int64(sp.s.Limits.Header):
			return row, nil, sp.headerError(fmt.Sprintf("no header within the first %d bytes: raise Limits.Header, or check that the file is delimited text", sp.s.Limits.Header))
		case row.Kind != scan.More:
			raw := bytes.Clone(sp.buf[:n])
			sp.drop(n)
			sp.line += int64(row.Lines)
			return row, raw, nil
		case sp.eof:
			return row, nil, sp.err
		}
	}
}

func (sp *splitter) headerError(reason string) error {
	return &RunError{Code: CodeHeader, Kind: ErrHeader, At: Position{Offset: sp.offset, Line: sp.line}, Reason: reason}
}

// cells decodes the fields of one row.
func (sp *splitter) cells(raw []byte, fields []scan.Field) []string {
	cells := make([]string, len(fields))
	for i, f := range fields {
		text, _ := sp.enc.Append(nil, raw[f.Start()*sp.unit:f.End()*sp.unit])
		if f.Escaped() {
			text = sp.text.Unescape(nil, text, f.Quoted())
		}
		cells[i] = string(text)
	}
	return cells
}

// visible takes characters out of a column's name that nobody could tell it by, or type.
func visible(r rune) rune {
	switch irregularRune(r) {
	case "":
		return r
	case CodeInvisible:
		if unicode.IsSpace(r) {
			return ' '
		}
	}
	return -1
}

// nameColumns makes the header of the header rows, if there are any.
func (sp *splitter) nameColumns(rows [][]string) error {
	width := 0
	for i := range rows {
		if sp.found.Parent != "" {
			rows[i] = rows[i][:max(0, len(rows[i])-trailerFields)]
		}
		width = max(width, len(rows[i]))
	}
	if width == 0 {
		width = sp.found.Dialect.Columns
	}
	if sp.s.Header != nil {
		sp.found.Header = sp.s.Header
		return nil
	}
	if width > sp.s.Limits.Columns {
		return sp.headerError(fmt.Sprintf("the table has %d columns: raise Limits.Columns if that is right", width))
	}
	header := make(Header, width)
	used := map[string]bool{}
	for i := range header {
		var parts []string
		for _, r := range rows {
			if i < len(r) {
				if part := strings.TrimSpace(strings.Map(visible, r[i])); part != "" {
					parts = append(parts, part)
				}
			}
		}
		given := strings.Join(parts, " ")
		header[i].Name = given
		if given != "" && !used[given] {
			used[given] = true
			continue
		}
		if len(rows) > 0 {
			if sp.s.Policy.Columns == Stop {
				return sp.headerError(fmt.Sprintf("the name of column %d is empty or used twice: give each column a name of its own, or set Policy.Columns to Rename", i+1))
			}
			header[i].Given, header[i].Renamed = given, true
		}
		header[i].Name = "" // until all given names are known
	}
	next := map[string]int{}
	for i := range header {
		if header[i].Name != "" {
			continue
		}
		base, n := header[i].Given, 2
		if base == "" {
			base, n = "column", i+1
		}
		for n = max(n, next[base]); header[i].Name == "" || used[header[i].Name]; n++ {
			header[i].Name = fmt.Sprintf("%s_%d", base, n)
		}
		next[base] = n
		used[header[i].Name] = true
	}
	sp.found.Header = header
	return nil
}
