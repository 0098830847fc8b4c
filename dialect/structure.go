package dialect

import (
	"bytes"
	"slices"
)

// look finds what stands around the table that the best reading sees, and whether it has a header.
func (s *sniffing) look() {
	s.comment = s.findComment()
	if known(s.comment) && s.table.comment == "" {
		s.table.comment = s.comment
		s.table.read(s.best.grammar)
		bits := s.best.bits // compares with the other readings only as it was
		s.best = score(s.table, s.best.grammar)
		s.best.bits = bits
	}
	s.start = s.findStart()
	top := s.records(s.start, headerRecords+maxHeaderRows)
	s.headerWhy = weighHeader(s.body, top[:min(len(top), headerRecords)])
	switch {
	case s.headerWhy.bits > 0:
		s.headerRows = headerRows(s.body, top)
	case len(top) > 1 && len(top[0].cells) == len(top[1].cells) && s.headerWhy.same == 0 && namesAgain(s.body, top[1:]):
		s.headerWhy = weighHeader(s.body, top[1:]) // the first record names groups of columns, not all of them
		s.headerRows = 1 + headerRows(s.body, top[1:])
	}
}

// comments that are looked for. One line is enough for the common ones; the others are also used for
// other things and must stand on two lines, or above the table. Where ## begins comments, # may begin a header.
var comments = []struct {
	prefix string
	common bool
}{{"#", true}, {"##", true}, {"//", true}, {"%", false}, {";", false}, {"--", false}, {"!", false}}

// findComment returns what begins lines that don't fit the table, or None.
func (s *sniffing) findComment() string {
	if s.pinned.Comment != "" {
		return s.pinned.Comment
	}
	best, most, least := None, 0, 0
	for _, c := range comments {
		d := s.best.dialect().Merge(s.pinned)
		if d.Comment = c.prefix; d.Validate() != nil {
			continue
		}
		outside, fits, above := 0, 0, 0
		aboveTable := true
		for _, r := range s.table.rows {
			if r.blank {
				continue
			}
			switch text := s.body[r.start:r.end]; {
			case !bytes.HasPrefix(text, []byte(c.prefix)):
				aboveTable = aboveTable && len(r.cells) != s.best.columns
			case !c.common && len(text) > len(c.prefix) && len(bytes.Trim(text, c.prefix)) == 0:
				// A line is drawn, with nothing said.
			case len(r.cells) == s.best.columns && s.best.columns > 1,
				s.best.columns == 1 && !remark(text, c.prefix),
				aboveTable && outside == 0 && s.commentedHeader(r, c.prefix):
				fits++
			default:
				outside++
				if aboveTable {
					above++
				}
			}
		}
		enough := c.common && outside > 0 || above > 0 || outside > 1
		if enough && outside > fits && (outside > most || outside == most && fits < least) {
			best, most, least = c.prefix, outside, fits
		}
	}
	return best
}

// remark reports whether a line says something to a person after its prefix.
func remark(line []byte, prefix string) bool {
	rest := line[len(prefix):]
	return len(rest) == 0 || rest[0] == ' ' && bytes.IndexByte(bytes.TrimSpace(rest), ' ') > 0
}

// commentedHeader reports whether r is a header whose first name begins with the prefix (#id,name).
func (s *sniffing) commentedHeader(r row, prefix string) bool {
	n := len(r.cells)
	return n > 1 && n >= s.best.columns-1 && n <= s.best.columns+1 && s.body[r.start+len(prefix)] != ' '
}

// commented reports whether r is a comment.
func (s *sniffing) commented(r row) bool {
	return s.table.comment != "" && bytes.HasPrefix(s.body[r.start:r.end], []byte(s.table.comment))
}

// findStart returns the first row of the table: the header, if there is one.
func (s *sniffing) findStart() int {
	rows := s.table.rows
	if s.pinned.Preamble != 0 {
		for i, r := range rows {
			if r.line+s.above >= s.pinned.Preamble {
				return i
			}
		}
		return len(rows)
	}
	for i, r := range rows {
		if r.blank || s.empty(r) {
			continue
		}
		if s.fitsTable(i) {
			return i
		}
	}
	for i, r := range rows {
		if !r.blank {
			return i
		}
	}
	return len(rows)
}

// empty reports whether all fields of r are empty.
func (s *sniffing) empty(r row) bool { return s.filled(r) == 0 }

func (s *sniffing) filled(r row) int {
	n := 0
	for _, c := range r.cells {
		if !isSpaces(s.body[c.start:c.end]) {
			n++
		}
	}
	return n
}

// leftmost reports whether the first n fields of r are filled.
func (s *sniffing) leftmost(r row, n int) bool {
	return !slices.ContainsFunc(r.cells[:n], func(c cell) bool { return isSpaces(s.body[c.start:c.end]) })
}

// fitsTable reports whether row i can be the first of the table.
func (s *sniffing) fitsTable(i int) bool {
	r, columns := s.table.rows[i], s.best.columns
	n := len(r.cells)
	if n == columns {
		return !s.title(i) && !(s.alone(i) && s.headerBelow(i))
	}
	// A ragged header, or a title with delimiters in it?
	return n > 1 && 2*n >= columns && !(n < columns && (s.prose(r) || s.detached(i))) && !s.headerBelow(i)
}

// detached reports whether row i, which is too short for the table, is no ragged header but one of the lines above it:
// there are a few more of its length or a blank line, and then the table begins with a header, and all its rows fit.
// Otherwise the columns may have become more. The lines are no table of their own.
func (s *sniffing) detached(i int) bool {
	const few = 12
	rows, n := s.table.rows, len(s.table.rows[i].cells)
	j, lines, apart := i+1, 1, false
	for ; j < len(rows) && j <= i+few && len(rows[j].cells) <= n; j++ {
		switch {
		case rows[j].blank:
			apart = true
		case !s.empty(rows[j]):
			lines++
		}
	}
	if j == i+1 && (i == 0 || len(rows[i-1].cells) > n) {
		return false
	}
	if s.asked++; s.asked > maxPreamble {
		return false
	}
	below := s.records(j, headerRecords)
	if slices.ContainsFunc(below[:min(len(below), 10)], func(r row) bool { return len(r.cells) != s.best.columns }) {
		return false
	}
	least := 4.0 // bits, without a blank line
	if apart {
		least = 0
	}
	return weighHeader(s.body, s.records(i, lines)).typed <= 0 && weighHeader(s.body, below).bits > least
}

// headerBelow reports whether what follows row i begins with a header of its own. It and detached are asked a few
// times only, so that the time stays linear.
func (s *sniffing) headerBelow(i int) bool {
	if s.asked++; s.asked > maxPreamble {
		return false
	}
	for j := i + 1; j < len(s.table.rows) && j <= i+maxPreamble; j++ {
		if r := s.table.rows[j]; !r.blank && len(r.cells) == s.best.columns {
			return weighHeader(s.body, s.records(j, headerRecords)).typed > 0
		}
	}
	return false
}

// alone reports whether a blank line or one that does not fit the table follows row i.
func (s *sniffing) alone(i int) bool {
	return i+1 < len(s.table.rows) && len(s.table.rows[i+1].cells) != s.best.columns && !s.commented(s.table.rows[i+1])
}

// prose reports whether a field of r has five words or more.
func (s *sniffing) prose(r row) bool {
	return slices.ContainsFunc(r.cells, func(c cell) bool {
		return len(bytes.Fields(s.body[c.start:c.end])) > 4
	})
}

// maxPreamble bounds the rows between a title and the header below it.
const maxPreamble = 50

// title reports whether row i has text in its first fields only, in a table of three columns or more whose
// next rows are full: spreadsheets pad their title rows with empty fields. With two fields or more it may
// also be a ragged header, unless there is another one below it.
func (s *sniffing) title(i int) bool {
	r := s.table.rows[i]
	n, filled := len(r.cells), s.filled(r)
	if n < 3 || filled > 1 && (filled*2 > n || !s.leftmost(r, filled) || !s.headerBelow(i)) {
		return false
	}
	full, rows := 0, 0
	for _, r := range s.records(i+1, 10) {
		rows++
		if s.filled(r)*2 > len(r.cells) {
			full++
		}
	}
	return full > 0 && full*2 >= rows
}

// records returns up to n rows from the given one on, without comments and blank lines.
func (s *sniffing) records(from, n int) []row {
	var list []row
	for _, r := range s.table.rows[min(from, len(s.table.rows)):] {
		if len(list) == n {
			break
		}
		if !r.blank && !s.empty(r) {
			list = append(list, r)
		}
	}
	return list
}

// preamble returns the number of physical lines above the table.
func (s *sniffing) preamble() int {
	lines := s.above
	if s.start < len(s.table.rows) {
		lines += s.table.rows[s.start].line
	}
	if lines == 0 {
		return NoPreamble
	}
	return lines
}

// isSpaces reports whether b is nothing but white space.
func isSpaces(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 }
