package ingest

import (
	"bytes"
	"strings"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// The quick road takes stretches of a window: their fields are found in one go, and a row costs no more than a
// look at whether it is like the others. What is not, in any way, is taken by itself.

// A stretch is this long, and a shorter one follows a row that had to be taken by itself: there may be more.
const (
	stretch      = 32 << 10
	shortStretch = 512
)

// A pace says where the next stretch begins, and how long it is.
type pace struct {
	next, length int
	pause        int // bytes that were taken row by row before the last stretch that did not pay
}

// went notes that a stretch gave the rows in from:end, and whether that was all of it. One that gives hardly a row
// is more work than the row: the more of them there are, the longer rows are taken by themselves before the next one.
func (p *pace) went(from, end int, whole bool) {
	const pays, longest = 64, 1 << 10
	if p.length = min(2*p.length, stretch); !whole {
		p.length = shortStretch
	}
	if p.pause = min(2*p.pause+pays, longest); end-from >= pays {
		p.pause = 0
	}
	p.next = end + p.pause
}

// alone notes a row of n bytes that was taken by itself. Those behind it may be as long.
func (p *pace) alone(n int) { p.length = min(max(p.length, 2*n), stretch) }

// quick is the quick road. It gives up, with false, where the window has bytes that are no character, or
// where the text does not have the rows that the source has.
func (p *parser) quick() bool {
	enc, raw := p.w.lens.enc, p.w.raw
	if enc.Identity() {
		p.text = raw
	} else {
		var invalid int
		if n := len(raw) + len(raw)/8; cap(p.decoded) < n {
			p.decoded = scan.Bytes(n)
		}
		if p.text, invalid = enc.Append(p.decoded[:0], raw); invalid > 0 {
			return false
		}
		p.decoded = p.text
	}
	p.publish()
	p.filled = len(bytes.TrimRight(p.text, spaces))
	at, valid := p.indexed()
	if !valid {
		return false
	}
	rows := int(p.w.Rows)
	p.Grow(min((rows-p.row)*p.columns(), len(p.text)+1), rows-p.row)
	g, unclosed := p.w.lens.text, p.w.Unclosed
	for pace := (pace{length: stretch}); p.row < rows && !p.over(); {
		if at >= pace.next {
			until := rows
			if len(unclosed) > 0 {
				until = unclosed[0]
			}
			end, whole, valid := p.stretch(at, min(at+pace.length, len(p.text)), until)
			if !valid {
				return false
			}
			if pace.went(at, end, whole); end > at {
				at = end
				continue
			}
		}
		first := len(p.Fields)
		row := p.w.scanRow(g, p.text, at, p.row, &unclosed, &p.Fields)
		p.source, p.end = p.text[at:row.End], row.End
		at = row.End
		pace.alone(len(p.source))
		if !p.inspect(p.source) {
			return false
		}
		p.unescape(first)
		p.record(row, first)
		p.row++
	}
	return p.over() || at == len(p.text)
}

// unescape puts the content of escaped fields, from first on, where it can be read.
func (p *parser) unescape(first int) {
	fields := p.Fields[first:]
	for i := scan.NextEscaped(fields, 0); i < len(fields); i = scan.NextEscaped(fields, i+1) {
		f, start := fields[i], len(p.extra)
		p.extra = p.w.lens.text.Unescape(p.extra, p.text[f.Start():f.End()], f.Quoted())
		fields[i] = scan.NewField(start, len(p.extra), f.Quoted(), true)
	}
}

// indexed takes what the splitter has indexed, up to the first row about which there is something to be done. It
// gives the end of that, and says whether all bytes up to there are characters.
func (p *parser) indexed() (end int, valid bool) {
	x := p.w.index
	p.w.index = nil // the batch keeps the window
	if x == nil || p.w.last || p.stopAt >= 0 {
		return 0, true
	}
	p.w.memory.free(p.Index)
	if p.Index, end = x, len(p.text); !p.inspectIndexed(end) {
		return 0, false
	}
	alike, rows := 0, len(p.Ends)-1
	if !p.oneByOne(end) {
		alike = p.alike(0, rows)
	}
	if alike < rows {
		if end = 0; alike > 0 {
			end = p.start(alike)
		}
		p.Fields, p.Ends = p.Fields[:p.Ends[alike]], p.Ends[:alike+1]
	}
	p.takeAlike(0, alike)
	if p.Doubled {
		p.unescape(0)
	}
	return end, true
}

// inspect looks for characters that are irregular. Valid says that there are no bytes that are no character.
func (p *parser) inspect(text []byte) (valid bool) {
	p.irregular, valid = findIrregular(text, &p.odds)
	return valid
}

// inspectIndexed does the same with the rows of the Index, the last of which ends at p.text[end]. Where nothing is to be
// looked at it takes no time.
func (p *parser) inspectIndexed(end int) (valid bool) {
	p.irregular, valid = findIrregularIn(p.OddBlocks, p.text[:end], &p.odds)
	return valid
}

// takeAlike accepts rows from a record on, that are alike.
func (p *parser) takeAlike(record, rows int) {
	if rows > 0 {
		p.at(uint32(record), p.row)
		p.out.read += int64(rows)
		p.ofWidths(p.columns(), rows)
		p.row += rows
	}
}

// stretch takes rows in text[at:to], but none from row until on, and says where they end: at itself if the row
// there has to be taken by itself. Whole says that there was no such row; valid, no bytes that are no character.
func (p *parser) stretch(at, to, until int) (end int, whole, valid bool) {
	if p.stopAt >= 0 {
		until = min(until, p.stopAt+1)
	}
	if p.w.last {
		to = min(to, p.filled-1) // the last row is looked at for totals and notes
	}
	if at >= to || p.row >= until {
		return at, false, true
	}
	g := p.w.lens.text
	first, record := len(p.Fields), len(p.Ends)-1
	p.OddBlocks, p.Odd, p.Long, p.Doubled = p.OddBlocks[:0], false, false, false
	if end = g.Index(p.text, at, to, p.Index); end == at {
		return at, false, true
	}
	if !p.inspectIndexed(end) {
		return at, false, false
	}
	alike, one := 0, p.oneByOne(end-at)
	if !one {
		alike = p.alike(record, min(len(p.Ends)-1-record, until-p.row))
	}
	p.takeAlike(record, alike)
	whole = alike == len(p.Ends)-1-record
	if !whole {
		at = p.start(record + alike)
		p.setAside(record + alike)
	}
	if p.Doubled {
		p.unescape(first)
	}
	if !whole {
		end = p.each(at, end, until, one)
	}
	return end, whole || one, true
}

// oneByOne says that in a stretch of n bytes something is to be done about each row, or may be.
func (p *parser) oneByOne(n int) bool {
	g := p.w.lens.text
	return p.columns() == 0 || p.columns() > p.s.Limits.Columns || n > p.s.Limits.Field || p.w.found.trailer > 0 || p.s.Filter != nil ||
		p.section != SectionTable || p.blank || p.irregular.any() || p.Long && g.Columns > 0 && g.Columns != p.columns()
}

// alike says how many of the next rows are records like most: there is nothing to be done about them.
func (p *parser) alike(record, rows int) int {
	columns := uint32(p.columns())
	fields, ends := p.Fields, p.Ends[record:record+rows+1]
	first, second, named := p.nameLengths()
	from := ends[0]
	if columns > 1 && !p.Long && named && first >= 0 {
		// Most tables: no more is to be asked of a row, and so it is asked less than below.
		for i, to := range ends[1:] {
			two := fields[from:to]
			if len(two) != int(columns) {
				return i
			}
			if (two[0].Len() == first || two[1].Len() == second) && p.mayName(two) {
				return i
			}
			from = to
		}
		return rows
	}
	for i, to := range ends[1:] {
		if to-from != columns {
			return i
		}
		f, g := fields[from], fields[to-1]
		if columns > 1 {
			g = fields[from+1]
		} else if !f.Quoted() && (f.Start() == f.End() || p.text[f.Start()] <= ' ') {
			return i // it may be blank
		}
		if named && (f.Len() == first || g.Len() == second || first < 0) && p.mayName(fields[from:to]) {
			return i
		}
		if p.Long && tooLong(fields[from], fields[:cap(fields)][to], p.s.Limits.QuotedLines) {
			return i // it may be unclosed
		}
		from = to
	}
	return rows
}

// nameLengths gives the lengths of the names of the first two columns, by which most rows can be told from a header
// that comes again; first is negative where they cannot. Named says that there are names.
func (p *parser) nameLengths() (first, second int, named bool) {
	names := p.w.found.names
	if p.w.found.Dialect.HeaderRows < 1 || len(names) == 0 {
		return 0, 0, false
	}
	quote := string(p.w.lens.text.Open)
	two := names[0][:min(2, len(names[0]))]
	if len(names) > 1 || len(two) == 0 || quote != "" && strings.Contains(strings.Join(two, ""), quote) {
		return -1, 0, true
	}
	return len(two[0]), len(two[len(two)-1]), true
}

// mayName says that one of the first two fields may be the name of its column.
func (p *parser) mayName(fields []scan.Field) bool {
	for _, row := range p.w.found.names {
		for i, name := range row[:min(len(row), len(fields), 2)] {
			f := fields[i]
			switch {
			case f.Escaped():
				if quote := p.w.lens.text.Open; bytes.Contains([]byte(name), quote) {
					return true
				}
			case name != "" && f.Len() == len(name) && string(p.text[f.Start():f.End()]) == name:
				return true
			}
		}
	}
	return false
}

// setAside takes the rows from a record on off the batch, for each.
func (p *parser) setAside(record int) {
	first := p.Ends[record]
	p.rest.Fields = append(p.rest.Fields[:0], p.Fields[first:]...)
	p.rest.Ends = p.rest.Ends[:0]
	for _, end := range p.Ends[record+1:] {
		p.rest.Ends = append(p.rest.Ends, end-first)
	}
	p.Fields, p.Ends = p.Fields[:first], p.Ends[:record+1]
}

// each takes the rows that were set aside, of which the first begins at text[at] and the last ends at end, one by
// one: all of them, or only the next ones that are not alike, but none from row until on. It says how far it came.
func (p *parser) each(at, end, until int, all bool) int {
	g, from := p.w.lens.text, uint32(0)
	for i, to := range p.rest.Ends {
		if p.row >= until || p.over() {
			return at
		}
		next := end
		if i+1 < len(p.rest.Ends) {
			next = startOf(p.rest.Fields[to])
		}
		row := scan.Row{End: next, Count: int(to - from), Kind: scan.Record}
		if !all && i > 0 && row.Count == p.columns() {
			return at
		}
		p.source, p.end = p.text[at:next], next
		if p.Long && (len(p.source) > p.s.Limits.QuotedLines || g.Columns > 0 && g.Columns != row.Count) {
			return at // it may be unclosed
		}
		if row.Count == 1 && scan.IsBlank(p.source) {
			row.Kind = scan.Blank
		}
		first := len(p.Fields)
		p.Fields = append(p.Fields, p.rest.Fields[from:to]...)
		if p.Doubled {
			p.unescape(first)
		}
		p.record(row, first)
		p.row++
		at, from = next, to
	}
	return end
}

// start says where the row behind some records of the stretch in hand begins.
func (p *parser) start(record int) int { return startOf(p.Fields[:cap(p.Fields)][p.Ends[record]]) }

// tooLong says that a row may have more line ends inside quotes than the limit: it is as long. A quote before its first
// field, or before that of the next one, does not count.
func tooLong(first, next scan.Field, limit int) bool { return next.Start()-first.Start() >= limit }

// startOf says where a field begins, its quote included.
func startOf(f scan.Field) int {
	if f.Quoted() {
		return f.Start() - 1
	}
	return f.Start()
}
