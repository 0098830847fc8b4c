package ingest

import (
	"bytes"
	"slices"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// A Repair is a record that Policy.Repair has mended.
type Repair struct {
	Position
	Kind   dialect.RepairKind `json:"kind"`
	Column int                `json:"column,omitempty"` // the first one that is touched, from 1
}

// repair mends the record in hand, if it is bad and the policy says so and it can be done. It gives the row
// as if it had been written well.
func (p *parser) repair(row scan.Row, first int) (scan.Row, bool) {
	if !p.s.Policy.Repair || p.w.found.trailer > 0 || p.section == SectionOther || !p.suspect(row, first) {
		return row, false
	}
	text := p.source
	if p.undecoded {
		var mixed bool
		var invalid int
		if text, mixed, invalid = p.w.lens.decode(nil, text); mixed || invalid > 0 {
			return row, false // it would have to be decoded cell by cell, and they are not known
		}
	}
	text = bytes.TrimRight(text, "\r\n")
	if row.Kind == scan.Record && row.Count == p.columns() && !row.Stray && !p.cutInQuotes(first) && p.w.learn().Fits(p.cells(first)) {
		return row, false
	}
	mended, ok := p.w.learn().Repair(text)
	if !ok || len(mended.Cells) != p.columns() {
		return row, false
	}
	p.drop(first)
	for _, c := range mended.Cells {
		start := len(p.extra)
		p.extra = append(p.extra, c.Text...)
		p.Fields = append(p.Fields, scan.NewField(start, len(p.extra), c.Quoted, true))
	}
	p.out.repaired[mended.Kind]++
	if len(p.out.repairs) < MaxProblems {
		p.out.repairs = append(p.out.repairs, Repair{Position: p.position(), Kind: mended.Kind, Column: mended.Column})
	}
	row.Kind, row.Count, row.Stray = scan.Record, len(mended.Cells), false
	return row, true
}

// suspect says that the row in hand may be one to be mended: it has the wrong number of fields, or quotes in
// the wrong places.
func (p *parser) suspect(row scan.Row, first int) bool {
	switch {
	case row.Kind == scan.Unclosed:
		return true
	case row.Kind != scan.Record:
		return false
	case row.Count != p.columns(), row.Stray:
		return true
	}
	quote := p.w.lens.text.Open
	return len(quote) > 0 && slices.ContainsFunc(p.Fields[first:], func(f scan.Field) bool {
		return !f.Quoted() && bytes.Contains(p.value(f), quote)
	})
}

// cutInQuotes says that a delimiter of the record in hand may have been meant to stand in quotes: one of the
// fields beside it holds the quote that opens, which may be text elsewhere, and another the one that closes.
func (p *parser) cutInQuotes(first int) bool {
	quote, odd := p.w.lens.text.Open, 0
	for _, f := range p.Fields[first:] {
		if !f.Quoted() && len(quote) > 0 && bytes.Count(p.value(f), quote)%2 == 1 {
			odd++
		}
	}
	return odd > 1
}
