package ingest

import (
	"bytes"
	"fmt"
	"unicode/utf8"
	"unsafe"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// parsed is what became of a window: a batch to be written, rejects to be kept, and the count of both.
type parsed struct {
	parser  *parser // that made it
	batch   *Batch
	rejects []*RecordError
	counts
	stop    *RecordError // the record at which the run ends; nothing behind it was looked at
	changes []Change
	repairs []Repair
	runs    []widthRun
	section Section // what the window ends in
	blank   bool    // its last row is blank
}

// parser makes a batch of a window. It has two roads with one result. On the quick one the window is
// decoded as a whole and its fields are found in the text. On the careful one, for windows with bytes that
// are no character in the encoding, the fields are found in the source and decoded one by one.
type parser struct {
	s   *resolved
	w   *window
	out *parsed
	b   *Batch

	*scan.Index // the batch's fields, with those of the row in hand at their end

	text, extra []byte
	decoded     []byte    // room for a text that is not the source itself
	irregular   irregular // what the row in hand may hold
	odds        scan.Odds // to look for that
	invalid     []int     // columns of the record in hand with bytes that are no character
	mixed       []int     // and those in the other encoding of a mixed source
	row         int       // in hand, from the window's first
	source      []byte    // the row in hand: in UTF-8 on the quick road, as it stands in the source on the careful one
	undecoded   bool      // source is not UTF-8
	end         int       // of the row in hand, in the text or, on the careful road, in the view
	filled      int       // from there on nothing but white space is in the window
	section     Section
	blank       bool       // the row before is blank
	cellsInHand [][]byte   // see cells
	reason      string     // of the last reject
	rest        scan.Index // see each
	stopAt      int        // the row at which the run ends, whatever the policy; -1: none
}

// parse never fails: what is wrong with a window is in its rejects. If stopAt is not negative the run ends
// at that row: nothing behind it is looked at.
func parse(s *resolved, w *window, stopAt int) *parsed {
	p := w.memory.parser()
	p.s, p.w, p.stopAt = s, w, stopAt
	p.reset()
	switch {
	case w.Oversize:
		p.out.read++
		p.blank = false
		p.reject(CodeRecordTooLarge, 0, "the record has more than %d bytes, which is the limit: shorten it", s.Limits.Record)
	case !p.quick():
		p.reset()
		p.careful()
	}
	p.publish()
	p.out.delivered = int64(p.b.Len())
	p.out.section, p.out.blank = p.section, p.blank
	return p.out
}

func (p *parser) reset() {
	p.b = &Batch{found: p.w.found, nulls: p.s.nulls, window: p.w.Window, places: &places{bytes: p.w.raw, find: p.w.rowEnds}}
	p.out = &parsed{parser: p, batch: p.b, counts: counts{rejects: map[Code]int64{}, tolerated: map[Code]int64{}, repaired: map[dialect.RepairKind]int64{}}}
	if p.w.memory == nil { // a Filter may have kept strings of the road before
		p.Index, p.decoded, p.extra = nil, nil, nil
	}
	if p.Index == nil {
		p.Index = p.w.memory.index()
	}
	p.Clear()
	p.text, p.extra, p.row, p.undecoded = p.decoded[:0], p.extra[:0], 0, false
	p.section, p.blank, p.reason = p.w.Section, p.w.Blank, ""
	p.irregular, p.invalid, p.mixed = irregular{}, p.invalid[:0], p.mixed[:0]
}

// free gives back what a window was read and parsed with, for another one. Nobody may look at it any more. Where there are
// rejects it does nothing: they point into the window, and may be kept.
func (out *parsed) free() {
	p := out.parser
	w, m := p.w, p.w.memory
	if m == nil || out.rejected > 0 {
		return
	}
	b := out.batch
	b.text, b.fields, b.ends = [2]string{}, nil, b.ends[:1]
	w.block.leave()
	spoil(p.decoded)
	spoil(p.extra)
	m.free(p.Index)
	p.Index, p.s, p.w, p.b, p.out, p.text, p.source = nil, nil, nil, nil, nil, nil, nil
	m.parsers.Put(p)
}

// publish makes what is in the parser's buffers readable through the batch. What has been published is
// never written again, only appended to.
func (p *parser) publish() {
	p.b.text = [2]string{unsafe.String(unsafe.SliceData(p.text), len(p.text)), unsafe.String(unsafe.SliceData(p.extra), len(p.extra))}
	p.b.fields, p.b.ends = p.Fields, p.Ends
}

// scanRow scans the row in hand, as the splitter took it.
func (w *window) scanRow(g *scan.Grammar, b []byte, i, row int, unclosed *[]int, fs *[]scan.Field) scan.Row {
	if len(*unclosed) > 0 && (*unclosed)[0] == row {
		*unclosed = (*unclosed)[1:]
		return g.Line(b, i, true)
	}
	return g.Row(b, i, true, fs)
}

// rowEnds finds where the rows end in the source.
func (w *window) rowEnds() []rowEnd {
	if w.Oversize {
		return []rowEnd{{end: len(w.raw)}}
	}
	view, unclosed := w.lens.view(nil, w.raw), w.Unclosed
	ends := make([]rowEnd, w.Rows)
	var last rowEnd
	for i, row := 0, 0; row < len(ends); row++ {
		found := w.scanRow(w.lens.raw, view, i, row, &unclosed, nil)
		i = found.End
		last = rowEnd{i * w.lens.unit, last.lines + found.Lines}
		ends[row] = last
	}
	ends[len(ends)-1].end = len(w.raw)
	return ends
}

// over says that the run ends before the row in hand.
func (p *parser) over() bool { return p.out.stop != nil || p.stopAt >= 0 && p.row > p.stopAt }

// careful is the careful road.
func (p *parser) careful() {
	l := p.w.lens
	view, unclosed := l.view(nil, p.w.raw), p.w.Unclosed
	p.undecoded, p.filled = true, len(bytes.TrimRight(view, spaces))
	p.irregular = irregular{true, true, true}
	var fields []scan.Field
	at := 0
	for ; p.row < int(p.w.Rows) && !p.over(); p.row++ {
		fields = fields[:0]
		row := p.w.scanRow(l.raw, view, at, p.row, &unclosed, &fields)
		p.source, p.end = p.w.raw[at*l.unit:row.End*l.unit], row.End
		if row.End == len(view) {
			p.source = p.w.raw[at*l.unit:] // with what may be left of a code unit
		}
		at = row.End
		first := len(p.Fields)
		p.invalid, p.mixed = p.invalid[:0], p.mixed[:0]
		for i, f := range fields {
			p.cell(i, f, p.w.raw[f.Start()*l.unit:f.End()*l.unit])
		}
		if len(p.w.raw)%l.unit > 0 && p.row == int(p.w.Rows)-1 && len(fields) > 0 {
			// The source ends within a code unit.
			row.Kind = scan.Record
			if len(p.invalid) == 0 || p.invalid[len(p.invalid)-1] != len(fields)-1 {
				p.invalid = append(p.invalid, len(fields)-1)
			}
			p.text = append(p.text, string(utf8.RuneError)...)
			last := &p.Fields[len(p.Fields)-1]
			if !last.Escaped() {
				*last = scan.NewField(last.Start(), len(p.text), last.Quoted(), false)
			}
		}
		p.record(row, first)
	}
}

// cell decodes one field and adds it to the record in hand.
func (p *parser) cell(column int, f scan.Field, raw []byte) {
	l := p.w.lens
	start := len(p.text)
	text, mixed, invalid := l.decode(p.text, raw)
	switch {
	case mixed:
		p.mixed = append(p.mixed, column)
	case invalid > 0:
		p.invalid = append(p.invalid, column)
		if p.s.Policy.Encoding == Rescue && l.unit == 1 {
			text, _ = p.w.rescue.Append(text[:start], raw)
		}
	}
	p.text = text
	if f.Escaped() {
		at := len(p.extra)
		p.extra = l.text.Unescape(p.extra, p.text[start:], f.Quoted())
		p.text = p.text[:start]
		p.Fields = append(p.Fields, scan.NewField(at, len(p.extra), f.Quoted(), true))
		return
	}
	p.Fields = append(p.Fields, scan.NewField(start, len(p.text), f.Quoted(), false))
}

// record decides what becomes of the row in hand, whose fields are the batch's from first on.
func (p *parser) record(row scan.Row, first int) {
	p.out.read++
	policy := &p.s.Policy
	if p.w.joined && p.row == 0 {
		p.drop(first)
		p.out.skipped++
		return
	}
	if row.Kind == scan.Comment {
		p.out.skipped++
		return
	}
	row, mended := p.repair(row, first)
	afterBlank := p.blank && !mended
	p.blank = row.Kind == scan.Blank
	switch row.Kind {
	case scan.Blank:
		if policy.Blank == Skip {
			p.out.skipped++
			p.drop(first)
			return
		}
		if !p.tolerate(CodeBlank, first, 0, 1, "nothing stands on the line: delete it") {
			return
		}
	case scan.Unclosed:
		p.reject(CodeUnclosedQuote, 0, "a quote opens a field and is never closed: close it, or double it if it is text")
		return
	}
	if row.Count > p.s.Limits.Columns+p.w.found.trailer {
		p.drop(first)
		p.reject(CodeTooManyColumns, 0, "the record has %d fields, the limit is %d: check that its line ends are right", row.Count, p.s.Limits.Columns)
		return
	}
	if p.w.found.trailer > 0 && !p.dropTrailer(first) {
		return
	}
	if row.Kind == scan.Record && !p.below(first, afterBlank) {
		return
	}
	if row.Stray && !p.tolerate(CodeStrayQuote, first, 0, 1, "a quoted field has a quote inside that is not escaped: double it") {
		return
	}
	if !p.width(row, first) {
		return
	}
	for _, column := range p.invalid {
		if column < len(p.Fields)-first &&
			!p.tolerate(CodeEncoding, first, column+1, 1, "the cell has bytes that are no character in %s: type it again", labels(p.w.found.Encoding)) {
			return
		}
	}
	if p.irregular.any() && !p.characters(first) {
		return
	}
	for _, column := range p.mixed {
		if column < len(p.Fields)-first {
			p.out.tolerated[CodeMixed]++
		}
	}
	p.accept(first)
}

// accept makes the row in hand a record of the batch.
func (p *parser) accept(first int) {
	record := uint32(len(p.Ends) - 1)
	p.at(record, p.row)
	n := len(p.Fields) - first
	short := n < p.columns()
	if short {
		p.b.short = append(p.b.short, note{record, uint32(n)})
		p.Fields = append(p.Fields, make([]scan.Field, p.columns()-n)...)
	}
	p.Ends = append(p.Ends, uint32(len(p.Fields)))
	if keep := p.s.Filter; keep != nil {
		p.publish()
		p.w.inHand = p.row
		if !keep(p.b.Record(int(record))) {
			p.out.filtered++
			p.Ends = p.Ends[:record+1]
			p.drop(first)
			if short {
				p.b.short = p.b.short[:len(p.b.short)-1]
			}
		}
	}
}

// at notes which row of the window a record is, and those behind it as far as nothing else is noted.
func (p *parser) at(record uint32, row int) {
	if n := len(p.b.rows); n > 0 {
		last := p.b.rows[n-1]
		if int(last.n+record-last.record) == row {
			return
		}
		if last.record == record { // that one was filtered
			p.b.rows = p.b.rows[:n-1]
		}
	}
	p.b.rows = append(p.b.rows, note{record, uint32(row)})
}

// labels names what a source is written in.
func labels(g encoding.Guess) string {
	if g.Mixed != "" {
		return g.Label + " or " + g.Mixed
	}
	return g.Label
}

// width sees to it that a record has as many fields as the table has columns, and none beyond its limit.
func (p *parser) width(row scan.Row, first int) bool {
	n, columns := len(p.Fields)-first, p.columns()
	policy := &p.s.Policy
	switch {
	case row.Kind == scan.Blank:
	case n == columns:
		p.ofWidth(n)
	case n < columns:
		p.ofWidth(n)
		if !p.tolerate(CodeTooFewFields, first, 0, 1, "the record has %s, the table %s: add what is missing", plural(n, "field"), plural(columns, "column")) {
			return false
		}
	case n > columns:
		if policy.Long == Strip && p.stripEmpty(first, columns) {
			p.out.tolerated[CodeTooManyFields]++
			p.ofWidth(columns)
			break
		}
		p.ofWidth(n)
		advice := "quote the field that has a delimiter inside"
		if p.w.found.Dialect.Quote == dialect.None {
			advice = "take the delimiter out of the field that has one inside"
		}
		if !p.tolerate(CodeTooManyFields, first, columns+1, 1, "the record has %s, the table %s: %s", plural(n, "field"), plural(columns, "column"), advice) {
			return false
		}
	}
	for i, f := range p.Fields[first:] {
		if size := f.End() - f.Start(); size > p.s.Limits.Field {
			return p.tolerate(CodeFieldTooLarge, first, i+1, 1, "the field has %d bytes, the limit is %d: shorten it", size, p.s.Limits.Field)
		}
	}
	return true
}

// plural spells a number of things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stripEmpty takes the surplus fields off a record if there is nothing in them.
func (p *parser) stripEmpty(first, columns int) bool {
	for _, f := range p.Fields[first+columns:] {
		if f.Start() != f.End() {
			return false
		}
	}
	p.Fields = p.Fields[:first+columns]
	return true
}

// characters sees to the irregular characters of a record.
func (p *parser) characters(first int) bool {
	for i, f := range p.Fields[first:] {
		value := p.value(f)
		found, _ := findIrregular(value, &p.odds)
		if !found.any() {
			continue
		}
		change := false
		for _, kind := range []struct {
			code Code
			is   bool
			what string
		}{
			{CodeNUL, found.nul, "a NUL character"},
			{CodeControl, found.control, "a control character"},
			{CodeInvisible, found.invisible, "a zero-width or no-break space"},
		} {
			if !kind.is {
				continue
			}
			n := int64(0)
			for _, r := range string(value) {
				if irregularRune(r) == kind.code {
					n++
				}
			}
			if !p.tolerate(kind.code, first, i+1, n, "the cell has %s: take it out", kind.what) {
				return false
			}
			change = change || p.s.Policy.on(kind.code) != Keep
		}
		if change {
			start := len(p.extra)
			for _, r := range string(value) {
				switch code := irregularRune(r); {
				case code == "" || p.s.Policy.on(code) == Keep:
					p.extra = utf8.AppendRune(p.extra, r)
				case p.s.Policy.on(code) == Replace:
					p.extra = append(p.extra, ' ')
				}
			}
			p.Fields[first+i] = scan.NewField(start, len(p.extra), f.Quoted(), true)
		}
	}
	return true
}

func (p *parser) value(f scan.Field) []byte {
	if f.Escaped() {
		return p.extra[f.Start():f.End()]
	}
	return p.text[f.Start():f.End()]
}

// tolerate counts what the policy lets pass; otherwise it rejects the record in hand and says false.
func (p *parser) tolerate(c Code, first, column int, n int64, reason string, args ...any) bool {
	if a := p.s.Policy.on(c); a != Stop && a != Reject {
		p.out.tolerated[c] += n
		return true
	}
	p.drop(first)
	p.reject(c, column, reason, args...)
	return false
}

// drop takes the fields of the record in hand off the batch.
func (p *parser) drop(first int) { p.Fields = p.Fields[:first] }

// reject makes a reject of the row in hand; under Stop, and at stopAt, the last one.
func (p *parser) reject(c Code, column int, reason string, args ...any) {
	if reason = fmt.Sprintf(reason, args...); reason == p.reason {
		reason = p.reason // rejects of a kind share their words: there may be one for every two bytes
	}
	p.reason = reason
	start, end := p.b.places.row(p.row)
	e := &RecordError{
		Position: p.position(),
		Code:     c, Column: column, Reason: reason, Raw: p.w.raw[start:end:end], Truncated: int64(len(p.w.raw)) < p.w.Length,
	}
	if column > 0 && column <= len(p.b.found.Header) {
		e.ColumnName = p.b.found.Header[column-1].Name
	}
	p.out.rejects = append(p.out.rejects, e)
	p.out.counts.rejects[c]++
	p.out.rejected++
	if p.row == p.stopAt || p.s.Policy.on(c) == Stop {
		p.out.stop = e
	}
}

// change tells of a change at the record in hand.
func (p *parser) change(c Code, first int, reason string) {
	if len(p.out.changes) < MaxProblems {
		p.out.changes = append(p.out.changes, Change{Position: p.position(), Code: c, Fields: len(p.Fields) - first, Reason: reason})
	}
}

// position gives the place of the row in hand.
func (p *parser) position() Position { return p.b.position(p.row) }
