package ingest

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// A Section says what a row stands in. A file may hold more than its table: totals and notes below it, the
// header again where two exports were put behind one another, another table.
type Section string

const (
	SectionTable Section = ""      // the table
	SectionAside Section = "aside" // what follows a blank line and does not fit the table: totals, notes, a title. The table may go on behind it
	SectionOther Section = "other" // another table, up to the end or to the header of the first one
)

// below decides, row by row, whether a record belongs to the table. It reports whether the record in hand
// goes on as one. Afterblank says that the row above it is a blank one.
func (p *parser) below(first int, afterBlank bool) bool {
	f := p.w.found
	if f.trailer > 0 || f.Dialect.HeaderRows < 1 && !afterBlank && p.section == SectionTable && !p.nearEnd() {
		return true // records to be mended; or nothing can be told
	}
	suspect := afterBlank || p.section != SectionTable
	switch {
	case p.namesColumn(first):
		if p.headerAgain() {
			p.section = SectionTable
			p.change(CodeRepeatedHeader, first, "the header stands here again: two files may have been put behind one another")
			return p.outside(CodeRepeatedHeader, first, "the header again: take it out")
		}
	case !suspect && !(p.nearEnd() && p.mayEnd(first)):
		return true
	}
	cells := p.cells(first)
	profile := p.w.learn()
	switch {
	case p.section == SectionOther:
	case p.anotherHeader(cells, profile, suspect):
		p.section = SectionOther
		p.change(CodeOtherTable, first, "another table begins here: put it into a file of its own")
	case p.section == SectionAside:
		if own, foreign := profile.Match(cells); len(cells) == p.w.learned.columns && own >= foreign {
			p.section = SectionTable
		}
	case afterBlank && p.note(cells, profile):
		p.section = SectionAside
		p.change(CodeBelow, first, "below a blank line stands what does not fit the table: totals or notes")
	case p.nearEnd() && profile.Totals(cells):
		p.change(CodeBelow, first, "the last record gives totals")
		return p.outside(CodeBelow, first, "the record gives totals: take it out")
	case p.nearEnd() && p.lastWords(cells, profile):
		p.change(CodeBelow, first, "the last line is a note")
		return p.outside(CodeBelow, first, "the line is a note below the table: take it out")
	}
	switch p.section {
	case SectionOther:
		return p.outside(CodeOtherTable, first, "the record is part of another table below the first one: put it into a file of its own")
	case SectionAside:
		return p.outside(CodeBelow, first, "the record stands below the table and does not fit it: take it out")
	}
	return true
}

// columns gives the number of fields that a record is to have: those of the header, also where the caller gave it.
func (p *parser) columns() int { return len(p.b.found.Header) }

// cells gives the fields of the record in hand.
func (p *parser) cells(first int) [][]byte {
	p.cellsInHand = p.cellsInHand[:0]
	for _, f := range p.Fields[first:] {
		p.cellsInHand = append(p.cellsInHand, p.value(f))
	}
	return p.cellsInHand
}

// namesColumn says that one of the first two fields is the name of its column: what a header that comes
// again begins with, and hardly any record.
func (p *parser) namesColumn(first int) bool {
	for _, row := range p.w.found.names {
		for i, f := range p.Fields[first:min(len(p.Fields), first+2)] {
			if i < len(row) && row[i] != "" && string(p.value(f)) == row[i] {
				return true
			}
		}
	}
	return false
}

// headerAgain says that the row in hand is a row of the header byte for byte. In a table of one column it
// may be a value.
func (p *parser) headerAgain() bool {
	if p.columns() < 2 {
		return false
	}
	start, end := p.b.places.row(p.row)
	row := trimLineEnd(p.w.raw[start:end])
	for _, header := range p.w.found.headerRows {
		if bytes.Equal(row, trimLineEnd(header)) {
			return true
		}
	}
	return false
}

// trimLineEnd takes the line end off a row of the source, whatever its encoding. What is left is only good
// for a comparison.
func trimLineEnd(row []byte) []byte { return bytes.TrimRight(row, "\r\n\x00") }

// anotherHeader says that a record is the header of another table: texts where the table has numbers, with
// names of the header among them, or below something that does not belong to the table either.
func (p *parser) anotherHeader(cells [][]byte, profile *dialect.Profile, suspect bool) bool {
	if len(cells) < 2 || !profile.Heading(cells) {
		return false
	}
	if suspect {
		return true
	}
	same := 0
	for _, c := range cells {
		if p.b.found.folded[foldName(string(c))] {
			same++
		}
	}
	return same > 1 && same*2 >= len(cells)
}

// foldName spells a name of a column as others may have written it.
func foldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// note says that a record below a blank line is none of the table: a line of text, or totals.
func (p *parser) note(cells [][]byte, profile *dialect.Profile) bool {
	columns := p.w.learned.columns
	if columns < 2 || len(cells) == columns {
		return profile.Totals(cells)
	}
	own, foreign := profile.Match(cells)
	return len(cells) == 1 && own == 0 || foreign > own
}

// lastWords says that the last record is a line of text, and no record that was cut: two words or more, mostly
// letters, in a column of numbers, dates or codes.
func (p *parser) lastWords(cells [][]byte, profile *dialect.Profile) bool {
	if p.columns() < 3 || len(cells) != 1 || len(bytes.Fields(cells[0])) < 2 {
		return false
	}
	letters := 0
	for _, r := range string(cells[0]) {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	_, foreign := profile.Match(cells)
	return foreign > 0 && 2*letters > utf8.RuneCount(cells[0])
}

// mayEnd says that the record in hand may be a line of text or totals. It is asked first, because for an ordinary
// table nothing has to be learned then.
func (p *parser) mayEnd(first int) bool {
	fields := p.Fields[first:]
	return len(fields) == 1 || slices.ContainsFunc(fields[:min(len(fields), 8)], func(f scan.Field) bool {
		return dialect.TotalWord(p.value(f))
	})
}

// nearEnd says that nothing but blank lines follows the row in hand.
func (p *parser) nearEnd() bool {
	return p.w.last && p.end >= p.filled
}

// outside does what the policy says about a record that is none of the table, and reports whether it is
// delivered.
func (p *parser) outside(c Code, first int, reason string) bool {
	switch p.s.Policy.on(c) {
	case Keep:
		p.out.tolerated[c]++
		return true
	case Skip:
		p.out.tolerated[c]++
		p.out.skipped++
		p.drop(first)
		return false
	}
	p.drop(first)
	p.reject(c, 0, "%s", reason)
	return false
}
