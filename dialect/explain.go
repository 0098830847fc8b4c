package dialect

import (
	"fmt"
	"math"
)

// maxRunnersUp are told; the others are far behind as a rule.
const maxRunnersUp = 5

// explain puts what was found into words.
func (s *sniffing) explain() Guess {
	g := Guess{Columns: s.best.columns, Bits: math.Round(s.best.bits), known: s.pinned}
	if s.best.rows == 0 || s.start == len(s.table.rows) {
		g.Columns = 0
	}
	found := s.best.dialect()
	found.Comment = s.comment
	found.LineEnding = lineEnding(s.table.rows)
	found.Preamble = s.preamble()
	found.HeaderRows = NoHeader
	if s.headerRows > 0 {
		found.HeaderRows = s.headerRows
	}
	g.Dialect = found.Merge(s.pinned)

	g.Confidence = s.confidence()
	g.HeaderConfidence = s.headerWhy.confidence()
	if s.pinned.HeaderRows != 0 {
		g.HeaderConfidence = 1
	}
	g.RunnersUp = s.runnersUp(found)
	g.Evidence = s.evidence(g)
	return g
}

// confidence weighs the best reading against the next one that differs in delimiter, quote or escape.
func (s *sniffing) confidence() float64 {
	if s.pinned.Delimiter != "" && s.pinned.Quote != "" && s.pinned.Escape != "" {
		return 1
	}
	difference := math.Inf(1)
	best := s.best.dialect()
	for _, r := range s.readings[1:] {
		if d := r.dialect(); d.Delimiter != best.Delimiter || d.Quote != best.Quote || d.Escape != best.Escape {
			difference = r.bits - s.best.bits
			break
		}
	}
	p := confidence(difference)
	switch {
	case s.sep != "" || s.pinned.Delimiter != "":
		p = max(p, .9)
	case s.best.rows == 0:
		p = 0
	case s.best.columns < 2:
		p = min(p, .3)
	case s.best.rows < 2:
		p = min(p, .55)
	case s.decimals():
		p = min(p, .5)
	}
	if s.best.rows > 0 && s.best.columns > 1 {
		p *= .3 + .7*float64(s.best.fits)/float64(s.best.rows)
	}
	return p
}

// decimals reports whether each row that the comma cuts may as well be one number with a decimal comma.
func (s *sniffing) decimals() bool {
	if s.best.delimiter != "," || s.best.columns != 2 {
		return false
	}
	for _, r := range s.table.rows {
		if len(r.cells) > 1 {
			if k, _ := classify(s.body[r.start:r.end]); k != kindLocal {
				return false
			}
		}
	}
	return true
}

func (s *sniffing) runnersUp(found Dialect) []Candidate {
	type said struct{ delimiter, quote, escape string }
	seen := map[said]bool{{found.Delimiter, found.Quote, found.Escape}: true}
	var list []Candidate
	for _, r := range s.readings[1:] {
		d := r.dialect()
		key := said{d.Delimiter, d.Quote, d.Escape}
		if seen[key] || len(list) == maxRunnersUp {
			continue
		}
		seen[key] = true
		list = append(list, Candidate{Dialect: d, Confidence: 1 - confidence(r.bits-s.best.bits), Columns: r.columns, Bits: math.Round(r.bits)})
	}
	return list
}

// evidence never quotes the file: only characters of the dialect, counts and line numbers.
func (s *sniffing) evidence(g Guess) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }

	if s.sep != "" {
		say("line 1 names the delimiter %s", charName(s.sep))
	}
	r := s.best
	switch {
	case g.Columns == 0:
		say("the sample has no record")
		return list
	case r.columns == 1:
		say("nothing cuts the lines regularly: one column, so that the delimiter is assumed")
	default:
		say("delimiter %s gives %d fields in %d of %s", charName(g.Delimiter), r.columns, r.fits, plural(r.rows, "line"))
	}
	switch {
	case r.quotes > 0:
		say("%s enclosed in %s", plural(r.quotes, "field"), charName(g.Quote))
	case s.pinned.Quote == "":
		say("no field is enclosed in quotes, so that the quote is assumed")
	}
	if r.escapes > 0 {
		say("%s escaped", plural(r.escapes, "character"))
	}
	if r.broken > 0 {
		say("%s with a quote that is neither escaped nor closes", plural(r.broken, "field"))
	}
	if g.Preamble > 0 {
		say("the table begins on line %d", g.Preamble+1)
	}
	if known(g.Comment) {
		n, first := 0, 0
		for _, row := range s.table.rows {
			if s.commented(row) {
				if n++; n == 1 {
					first = row.line + s.above + 1
				}
			}
		}
		if n > 0 {
			say("%s with %s, the first of them line %d", plural(n, "line begins", "lines begin"), charName(g.Comment), first)
		}
	}
	h := s.headerWhy
	switch {
	case s.headerRows > 0:
		if s.headerRows > 1 {
			say("header of %d records: those below the first one are no data of their columns either", s.headerRows)
		}
		say("header: %d of %s hold a type that the first record does not; %d of its fields are usual column names", h.names, plural(r.columns, "column"), h.words)
	case h.same > 0:
		say("no header: %s of the first record are of the type of their column", plural(h.same, "field"))
	case h.repeated > 0:
		say("no header: %s of the first record come again in their column", plural(h.repeated, "field"))
	default:
		say("no header: the first record looks like the others")
	}
	return list
}
