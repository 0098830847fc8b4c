package dialect

import (
	"bytes"
	"unicode/utf8"
)

// A grammar is the part of a dialect that cuts text into records and fields.
type grammar struct {
	delimiter   string // "" for one field a line
	open, close string // "" for no quoting
	doubled     bool   // a closing quote inside quotes is written twice
	escape      string // takes the next character literally, inside quotes and outside; "" for none
	runs        bool   // the delimiter is a space, and so is any run of them; at either end of a line they are none
	ending      LineEnding
}

// A cell is a field as it stands in the text, without its enclosing quotes.
type cell struct {
	start, end int32
	flags      cellFlags
}

type cellFlags uint8

const (
	quoted   cellFlags = 1 << iota // enclosed in quotes, and properly closed
	spaced                         // spaces between the delimiter and the field
	stray                          // quoted, with a quote inside that neither closes nor is escaped
	unclosed                       // begins with a quote that never closes, or is astray: read as literal text
)

// A row is a record, a comment, a title or a blank line: whatever ends with a line end outside quotes.
type row struct {
	cells      []cell
	start, end int // byte offsets in the text, without the line end
	line, last int // physical, from 0
	ending     LineEnding
	bits       float32 // what it takes of the description, once that was scored
	blank      bool    // nothing but white space, or a comment that is known to be one
}

// A table is a text read by a grammar. It is used again for the next grammar, which ends the life of its
// rows.
type table struct {
	comment string   // begins a comment, as far as known; "" otherwise
	remarks []string // what may begin one where it is not known
	text    []byte
	cells   []cell
	rows    []row
	grammar grammar         // by which they were read
	escapes int             // times the escape character or a doubled quote was needed
	seen    map[uint64]bool // hashes of rows that were weighed: one that comes again says nothing new
	columns []column        // scratch of score
}

// A quoted field that runs on for longer than this without a proper close is read again as literal text.
const (
	maxQuotedLines = 200
	maxQuotedBytes = 32 << 10
)

// read cuts t.text by g, as package ingest does, but that it does not know the number of columns and whether
// spaces belong to the delimiter. Text that was scanned in vain for a closing quote is scanned again as literal
// text, but in total no more of it than the text is long, so that the time stays linear.
func (t *table) read(g grammar) {
	if t.seen == nil {
		t.seen = map[uint64]bool{}
	}
	lines := bytes.Count(t.text, []byte("\n")) + bytes.Count(t.text, []byte("\r")) + 1
	fields := lines
	if g.delimiter != "" {
		fields += bytes.Count(t.text, []byte(g.delimiter))
	}
	t.rows = room(t.rows, lines)
	t.cells = room(t.cells, fields)
	t.escapes, t.grammar = 0, g
	s := scanner{text: t.text, g: g, budget: len(t.text), table: t}
	s.mark(g.delimiter)
	s.mark(g.escape)
	s.stops['\n'], s.stops['\r'] = true, true
	if s.meant = s.stops; g.close != "" {
		s.meant[g.close[0]] = true
	}

	for pos := 0; pos < len(t.text); {
		r := row{start: pos, line: s.line}
		before := len(t.cells)
		comment := t.comment != "" && s.has(pos, t.comment)
		if comment {
			pos = s.commentLine(pos)
		} else {
			pos = s.record(pos)
		}
		r.cells = t.cells[before:len(t.cells):len(t.cells)]
		r.end, r.last = pos, s.line
		r.blank = comment || len(r.cells) == 1 && isSpaces(t.text[r.start:r.end])
		r.ending, pos = s.lineEnd(pos)
		if r.ending != "" {
			s.line++
		}
		t.rows = append(t.rows, r)
	}
}

// room returns an empty slice that can hold n, in the memory of s where that is enough.
func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, 0, n)
	}
	return s[:0]
}

type scanner struct {
	text   []byte
	g      grammar
	stops  [256]bool // first bytes of what ends or bends an unquoted field
	meant  [256]bool // and of a closing quote
	line   int
	budget int  // bytes that may still be scanned twice
	closed int  // quoted fields so far
	broken bool // one of them has a line end in it
	table  *table
}

func (s *scanner) mark(special string) {
	if special != "" {
		s.stops[special[0]] = true
	}
}

// commentLine returns the end of a line in which nothing means anything.
func (s *scanner) commentLine(pos int) int {
	for pos < len(s.text) && !s.endsLine(pos) {
		pos++
	}
	return pos
}

// record reads fields up to a line end, and returns where it stands.
func (s *scanner) record(pos int) int {
	first := true
	for {
		from := pos
		if s.skipsSpace(pos, first) {
			for pos < len(s.text) && s.text[pos] == ' ' {
				pos++
			}
		}
		c := cell{start: int32(pos)}
		if pos > from && !s.g.runs {
			c.flags = spaced
		}
		end, ok := -1, false
		if s.g.open != "" && s.has(pos, s.g.open) {
			if end, ok = s.quotedField(pos, &c); !ok {
				c.flags |= unclosed
			}
		}
		if ok {
			pos = end
		} else {
			pos = s.literalField(pos)
			c.end = int32(pos)
		}
		s.table.cells = append(s.table.cells, c)
		first = false
		if s.g.delimiter == "" || !s.has(pos, s.g.delimiter) {
			return pos
		}
		pos += len(s.g.delimiter)
		if s.g.runs {
			for s.has(pos, " ") {
				pos++
			}
			if pos == len(s.text) || s.endsLine(pos) {
				return pos
			}
		}
	}
}

// skipsSpace reports whether spaces at pos, where a field begins, are no part of it: after a delimiter,
// and on a line's first field where a quote follows.
func (s *scanner) skipsSpace(pos int, first bool) bool {
	if pos >= len(s.text) || s.text[pos] != ' ' {
		return false
	}
	if s.g.delimiter == " " || s.g.delimiter == "" {
		return s.g.runs
	}
	if !first {
		return true
	}
	for pos < len(s.text) && s.text[pos] == ' ' {
		pos++
	}
	return s.g.open != "" && s.has(pos, s.g.open)
}

// literalField returns the end of a field in which quotes mean nothing.
func (s *scanner) literalField(pos int) int {
	for pos < len(s.text) {
		if !s.stops[s.text[pos]] {
			pos++
			continue
		}
		switch {
		case s.endsLine(pos), s.g.delimiter != "" && s.has(pos, s.g.delimiter):
			return pos
		case s.g.escape != "" && s.has(pos, s.g.escape):
			pos = s.escaped(pos)
		default:
			pos++
		}
	}
	return pos
}

// quotedField returns the end of a field that begins with a quote, spaces after it included; false when
// it has no proper close: one that stands before a delimiter or a line end. A quote that should have been
// escaped needs one on its own line. Where the first of these stands directly behind a delimiter, as one that
// opens a field does, or any of them on a later line than the first, the quote before it opened nothing. At the
// end of the text no close is asked for where other fields were seen to go on as this one does.
func (s *scanner) quotedField(pos int, c *cell) (int, bool) {
	line, escapes, begin := s.line, s.table.escapes, pos
	limit := min(len(s.text), pos+maxQuotedBytes, pos+s.budget)
	pos += len(s.g.open)
	from := pos // nothing from here on is escaped, but by doubling
	c.start = int32(pos)
	for pos < limit {
		b := s.text[pos]
		if !s.meant[b] {
			pos++
			continue
		}
		switch {
		case (b == '\n' || b == '\r') && s.endsLine(pos):
			_, pos = s.lineEnd(pos)
			s.line++
			if s.line-line > maxQuotedLines || c.flags&stray != 0 {
				limit = pos
			}
		case s.g.escape != "" && b == s.g.escape[0] && s.has(pos, s.g.escape):
			pos = s.escaped(pos)
			from = pos
		case b == s.g.close[0] && s.has(pos, s.g.close):
			after := pos + len(s.g.close)
			if s.g.doubled && s.has(after, s.g.close) {
				s.table.escapes++
				pos = after + len(s.g.close)
				continue
			}
			next := after
			for next < len(s.text) && s.text[next] == ' ' && s.g.delimiter != " " {
				next++
			}
			if next >= len(s.text) || s.endsLine(next) || s.g.delimiter != "" && s.has(next, s.g.delimiter) {
				c.end = int32(pos)
				c.flags |= quoted
				s.closed++
				s.broken = s.broken || s.line > line
				return next, true
			}
			later := s.line > line
			if (later || c.flags&stray == 0) && s.opens(pos, from, later) {
				limit = pos
			} else {
				pos = after
			}
			c.flags |= stray
		default:
			pos++
		}
	}
	if pos >= len(s.text) && c.flags&stray == 0 && s.closed > 0 && (s.broken || s.line == line) {
		c.end = int32(len(s.text)) // the sample was cut within quotes
		c.flags |= quoted
		return len(s.text), true
	}
	s.budget -= pos - begin
	s.line, s.table.escapes = line, escapes
	c.start = int32(begin)
	c.flags &^= stray
	return 0, false
}

// opens reports whether a quote at pos, or the run of quotes that it ends, stands where one opens a field, none of
// them before from; spaces: also behind spaces. In prose that was never escaped (`, "as he said" `) these mean little.
func (s *scanner) opens(pos, from int, spaces bool) bool {
	if s.g.open != s.g.close {
		return false // a closing quote of its own shape opens nothing
	}
	for endsWith(s.text[from:pos], s.g.close) {
		pos -= len(s.g.close)
	}
	for spaces && pos > from && s.text[pos-1] == ' ' && s.g.delimiter != " " {
		pos--
	}
	before := s.text[from:pos]
	return endsWith(before, s.g.delimiter) || endsWith(before, "\n") || endsWith(before, "\r")
}

// escaped returns the position after an escape character and the character it protects. Where there are
// quotes, line ends stand in them and an escape protects none.
func (s *scanner) escaped(pos int) int {
	pos += len(s.g.escape)
	if pos >= len(s.text) || s.g.open != "" && s.endsLine(pos) {
		return pos
	}
	c := s.text[pos]
	if s.meant[c] && s.special(pos) {
		s.table.escapes++
	}
	if c == '\n' || c == '\r' {
		_, pos = s.lineEnd(pos)
		s.line++
		return pos
	}
	if c < utf8.RuneSelf {
		return pos + 1
	}
	_, size := utf8.DecodeRune(s.text[pos:])
	return pos + size
}

// special reports whether what stands at pos would mean something if it were not escaped.
func (s *scanner) special(pos int) bool {
	return s.has(pos, s.g.escape) || s.g.close != "" && s.has(pos, s.g.close) ||
		s.g.delimiter != "" && s.has(pos, s.g.delimiter) || s.endsLine(pos)
}

// endsLine reports whether a line end stands at pos.
func (s *scanner) endsLine(pos int) bool {
	switch s.text[pos] {
	case '\n':
		return s.g.ending != CR
	case '\r':
		return s.g.ending == "" || s.g.ending == CR || s.g.ending == Mixed || s.has(pos+1, "\n")
	}
	return false
}

// lineEnd returns which line end stands at pos, "" at the end of the text, and the position after it.
func (s *scanner) lineEnd(pos int) (LineEnding, int) {
	switch {
	case pos >= len(s.text):
		return "", pos
	case s.text[pos] == '\n':
		return LF, pos + 1
	case s.g.ending != CR && s.has(pos+1, "\n"):
		return CRLF, pos + 2
	}
	return CR, pos + 1
}

func (s *scanner) has(pos int, what string) bool { return has(s.text, pos, what) }

// has reports whether a string, which is not empty, stands at pos.
func has(text []byte, pos int, what string) bool {
	n := len(what)
	return len(text)-pos >= n && text[pos] == what[0] && (n == 1 || string(text[pos:pos+n]) == what)
}
