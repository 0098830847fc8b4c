package dialect

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// A RepairKind says what was done to a row.
type RepairKind string

const (
	RepairDropped     RepairKind = "empty_cell_dropped" // a surplus cell, or several at the end, that were empty
	RepairSplit       RepairKind = "cells_split"        // two cells had no delimiter between them, or a cell that is always empty had none
	RepairJoined      RepairKind = "cells_joined"       // delimiters that were text cut a cell that was not in quotes
	RepairDelimiter   RepairKind = "other_delimiter"    // the row was written with another delimiter
	RepairQuoteKept   RepairKind = "quote_kept"         // a quote that neither opens nor closes a cell was kept as text
	RepairQuoteClosed RepairKind = "quote_closed"       // a quote that was never closed ends with the row
)

// A Cell is one cell of a row that was repaired.
type Cell struct {
	Text   []byte // without the quotes around it, and unescaped; it may share memory with the row
	Quoted bool   // it stood in quotes
}

// Repaired is a row that fits its table again.
type Repaired struct {
	Cells  []Cell     // as many as the table has columns
	Kind   RepairKind // where several things were done, the first, but RepairDelimiter before others
	Column int        // from 1, the first that was touched
}

// Limits of a repair.
const (
	maxRepairBytes   = 64 << 10
	maxRepairColumns = 1024
	maxFaults        = 2        // of one row, without cells that are joined
	maxJoined        = 2        // delimiters within a cell of a column that has a form of its own
	maxSplit         = 64       // bytes of the cell by whose form two of them are told apart
	workPerByte      = 16       // steps, of which looking at a byte takes about one
	leastWork        = 32 << 10 // steps, for a short row
)

// Prices of what is done to a row, in bits on the scale of [traits.bits].
const (
	faultBits     = 8.0
	joinMoreBits  = 1.0  // for each delimiter
	joinTypedBits = 12.0 // for each piece that is a number, a date or the like
	otherBits     = 10.0 // another delimiter
	strangeBits   = 24.0 // a cell that surprises more does not belong in its column
	misfitBits    = 12.0 // a cell that does not
	clearBits     = 6.0  // by which the best reading has to be better than the next one, for each fault
)

// otherDelimiters are what a row is read by where the table's own delimiter does not fit.
var otherDelimiters = []string{",", ";", "\t", "|", ":", "~", "^", " "}

// Repair reads a row that does not fit the table as what it was meant to be: UTF-8, without its line end.
// Either its number of fields is wrong, or a quote is astray or not closed, or cells lie in columns of
// another type. The answer is false where no reading fits all columns, and where more than one does and
// none is clearly better; so it is for a row that needs no repair, for one of more than 64 KiB, and for
// tables of more than 1,024 columns.
//
// A reading gives each column a cell, from left to right. Each fault has its price, and each cell
// surprises its column more or less. The cheapest path through all readings with up to two faults is found
// by dynamic programming (Viterbi, "Error bounds for convolutional codes", 1967) over the places where
// cells can begin, and so is the next one that has other cells. Readings that leave a fault unexplained
// compete, too. The work for each delimiter and number of faults is bounded by 32,768 steps and 16 for each
// byte of the row; a row that takes more is not repaired.
//
// The cells share memory with record where nothing in them was escaped.
func (p *Profile) Repair(record []byte) (Repaired, bool) {
	if len(record) > maxRepairBytes || p.columns > maxRepairColumns || p.columns < 2 || p.grammar.delimiter == "" {
		return Repaired{}, false
	}
	s := searches.Get().(*search)
	defer s.release()
	s.Profile, s.text = p, record
	s.first, s.second = path{bits: math.Inf(1)}, path{bits: math.Inf(1)}

	// A reading with two faults is looked for where it may be as good as the best one with a single fault.
	for faults := uint8(1); faults <= maxFaults && s.first.bits > 2*faultBits; faults++ {
		if !s.read(p.grammar, p.skips, faults) {
			return Repaired{}, false
		}
	}
	for _, d := range otherDelimiters {
		if d == p.grammar.delimiter || p.strict < 2 || bytes.Count(record, []byte(d)) < p.columns-1 {
			continue
		}
		g := p.grammar
		g.delimiter, g.runs = d, false
		s.read(g, p.skips && d != " ", 0)
	}
	clear := s.second.bits-s.first.bits >= clearBits*float64(max(s.first.repairs, 1))
	filled := slices.ContainsFunc(s.reading.Cells, func(c Cell) bool { return len(c.Text) > 0 })
	if s.first.misfit || s.reading.Kind == "" || !clear || !filled {
		return Repaired{}, false
	}
	return s.reading, true
}

// A search looks for readings of one row.
type search struct {
	*Profile
	text          []byte
	first, second path     // the best so far, which have other cells
	reading       Repaired // that first stands for

	g      grammar
	skips  bool // spaces after a delimiter of g belong to it
	faults uint8
	work   int           // steps that may still be taken
	states []state       // that were found
	known  map[place]int // where they are
	counts map[int]int   // see count
	cells  map[span]seen // what was looked at
}

// A span is a stretch of the row that may be a cell.
type span struct {
	start, end int32 // without quotes
	quoted     bool
}

type seen struct {
	facts
	text uint64 // hash of what it says
}

// A place is where a cell begins, the column it falls on, and how many faults may still be found.
type place struct {
	pos    int32
	column int16
	faults uint8
}

// A state holds the best path from a place to the end of the row, and the next one that has other cells.
type state struct {
	paths [2]path
	n     uint8
}

type path struct {
	bits float64
	hash uint64 // of the cells
	step step
	tail uint8 // which path of the next place it goes on with

	repairs uint8 // up to maxFaults

	// A cell does not belong in its column. Such a reading repairs nothing, but where it is not clearly worse
	// than one that does, the row may as well be broken in a way that is not known here.
	misfit bool
}

// A step gives a column its cell, or goes over an empty one.
type step struct {
	span
	next   place
	skip   bool // over a cell, which falls on no column
	hole   bool // over a column, which has no cell
	misfit bool // see path
	repair RepairKind
}

var searches = sync.Pool{New: func() any {
	return &search{cells: map[span]seen{}, known: map[place]int{}, counts: map[int]int{}}
}}

// release makes s ready for another row.
func (s *search) release() {
	if len(s.cells)+len(s.states)+len(s.counts) > 1<<12 {
		return // clearing a large map takes long, each time
	}
	s.Profile, s.text, s.reading = nil, nil, Repaired{}
	clear(s.cells)
	searches.Put(s)
}

// read finds the best readings by a grammar; false where they take too much work.
func (s *search) read(g grammar, skips bool, faults uint8) bool {
	s.states = s.states[:0]
	clear(s.known)
	clear(s.counts)
	s.g, s.skips, s.faults = g, skips, faults
	s.work = leastWork + workPerByte*len(s.text)
	found := s.best(s.begin())
	if s.work <= 0 {
		return false
	}
	for i := range found.n {
		p := found.paths[i]
		other := g.delimiter != s.grammar.delimiter
		if other {
			p.bits += otherBits
		}
		switch {
		case p.bits < s.first.bits:
			if p.hash != s.first.hash {
				s.second = s.first
			}
			if s.first, s.reading = p, s.repaired(i); other {
				s.reading.Kind, s.reading.Column = RepairDelimiter, 1
			}
		case p.bits < s.second.bits && p.hash != s.first.hash:
			s.second = p
		}
	}
	return true
}

// begin returns the place of the first cell.
func (s *search) begin() place {
	pos := 0
	if s.g.runs {
		pos = s.spaces(0)
	}
	return place{pos: int32(pos), faults: s.faults}
}

// repaired returns the reading that path i from the beginning stands for.
func (s *search) repaired(i uint8) Repaired {
	r := Repaired{Cells: make([]Cell, 0, s.columns)}
	at := s.begin()
	for int(at.pos) <= len(s.text) || int(at.column) < s.columns {
		p := s.states[s.known[at]].paths[i]
		if p.step.repair != "" && r.Kind == "" {
			r.Kind, r.Column = p.step.repair, min(int(at.column)+1, s.columns)
		}
		if !p.step.skip {
			r.Cells = append(r.Cells, Cell{Text: s.decode(p.step.span), Quoted: p.step.quoted})
		}
		at, i = p.step.next, p.tail
	}
	return r
}

// best returns the best readings of what stands from a place on.
func (s *search) best(at place) state {
	if i, ok := s.known[at]; ok {
		return s.states[i]
	}
	var st state
	s.work -= 16
	pos, column := int(at.pos), int(at.column)
	switch {
	case s.work <= 0:
		return st
	case pos > len(s.text) && column == s.columns:
		return state{n: 1}
	case column == s.columns:
		if s.blank(pos) {
			s.take(&st, at, step{next: place{pos: int32(len(s.text) + 1)}, skip: true, repair: RepairDropped}, faultBits)
		}
	default:
		lost, price := step{next: place{pos: at.pos}, repair: RepairSplit}, faultBits
		if !s.traits[column].bare {
			lost.hole, lost.misfit = true, true // it is not known where the cell begins
			price += misfitBits
		}
		s.take(&st, at, lost, price)
		if pos <= len(s.text) {
			s.readings(&st, at)
		}
	}
	s.known[at] = len(s.states)
	s.states = append(s.states, st)
	return st
}

// readings adds those that begin with a cell at a place.
func (s *search) readings(st *state, at place) {
	start := int(at.pos)
	if i := s.spaces(start); s.skips && (start > 0 || s.opens(i)) {
		start = i
	}
	if s.opens(start) {
		if !s.quotedCells(st, at, start+len(s.g.open)) {
			s.keptQuote(st, at, start)
		}
		return
	}
	end := s.literal(start)
	s.take(st, at, s.cell(start, end, s.after(end)), 0)
	surplus := step{next: place{pos: int32(s.after(end))}, skip: true, repair: RepairDropped}
	if start == end {
		s.take(st, at, surplus, faultBits)
		return
	}
	surplus.misfit = true
	s.take(st, at, surplus, faultBits+misfitBits)
	s.split(st, at, start, end)
	s.join(st, at, start, end, RepairJoined, faultBits)
}

func (s *search) cell(start, end, next int) step {
	return step{span: span{start: int32(start), end: int32(end)}, next: place{pos: int32(next)}}
}

func (s *search) quotedCell(start, end, next int) step {
	c := s.cell(start, end, next)
	c.quoted = true
	return c
}

// with returns the step with a fault.
func (c step) with(r RepairKind) step {
	c.repair = r
	return c
}

// take adds the readings that go on from a step. A step with a fault needs one that is left, but for cells
// that are joined.
func (s *search) take(st *state, at place, c step, price float64) {
	s.work -= 8
	c.next.faults = at.faults
	if c.repair != "" && c.repair != RepairJoined {
		if at.faults == 0 {
			return
		}
		c.next.faults--
	}
	if c.next.column = at.column; !c.skip {
		c.next.column++
	}
	text := uint64(0)
	if !c.skip && !c.hole {
		t := &s.traits[at.column]
		meant := c.span
		if c.repair == RepairQuoteKept {
			meant = s.trimQuotes(meant)
		}
		f := s.look(meant)
		bits := t.bits(&f.facts, c.quoted)
		if t.misfit(&f.facts) || bits > strangeBits {
			if c.next.faults == 0 {
				return
			}
			c.next.faults--
			c.misfit = true
			bits = min(bits, strangeBits) + misfitBits
		}
		price += bits
		if text = f.text; meant != c.span {
			text = s.look(c.span).text
		}
	}
	rest := s.best(c.next)
	for i := range rest.n {
		p := path{bits: price + rest.paths[i].bits, hash: rest.paths[i].hash, step: c, tail: i, misfit: c.misfit || rest.paths[i].misfit}
		if p.repairs = rest.paths[i].repairs; c.repair != "" && p.repairs < maxFaults {
			p.repairs++
		}
		if !c.skip {
			p.hash = (p.hash<<7 | p.hash>>57 ^ text) * 0x9e3779b97f4a7c15
		}
		st.add(p)
	}
}

// add keeps the best two paths that have other cells.
func (st *state) add(p path) {
	for i := range st.n {
		if st.paths[i].hash == p.hash {
			if st.paths[i].bits <= p.bits {
				return
			}
			st.paths[i] = p
			if i == 1 && p.bits < st.paths[0].bits {
				st.paths[0], st.paths[1] = st.paths[1], st.paths[0]
			}
			return
		}
	}
	switch {
	case st.n == 0 || p.bits < st.paths[0].bits:
		st.paths[0], st.paths[1] = p, st.paths[0]
		st.n = min(st.n+1, 2)
	case st.n == 1 || p.bits < st.paths[1].bits:
		st.paths[1] = p
		st.n = 2
	}
}

// quotedCells adds what begins with a cell in quotes, whose content starts at start. It reports whether the
// cell closes with no stray quote in it.
func (s *search) quotedCells(st *state, at place, start int) (sound bool) {
	size := len(s.g.close)
	stray := false // a quote so far is text, and not escaped
	for i := start; s.work > 0; {
		first, n := s.quotes(i)
		if n == 0 {
			break
		}
		behind := first + n*size
		last := behind - size
		next, ends := s.ends(behind)
		switch {
		case ends && n%2 == 1 && stray:
			s.take(st, at, s.quotedCell(start, last, next).with(RepairQuoteKept), faultBits)
			return sound
		case ends && n%2 == 1:
			s.take(st, at, s.quotedCell(start, last, next), 0)
			if next > len(s.text) || s.opens(s.spaces(next)) {
				return true
			}
			sound, stray = true, true // or it is text in a cell that ends at the next one
		case stray:
		case ends:
			s.take(st, at, s.quotedCell(start, last, next).with(RepairQuoteKept), faultBits)
		case n%2 == 1:
			s.take(st, at, s.quotedCell(start, last, behind).with(RepairSplit), faultBits)
			stray = true
		default:
			for end := first; end < last; end += 2 * size {
				s.take(st, at, s.quotedCell(start, end, end+size).with(RepairSplit), faultBits)
			}
		}
		i = behind
	}
	if !stray && start < len(s.text) && (s.traits[at.column].idle || s.g.needsQuotes(s.text[start:])) {
		s.take(st, at, s.quotedCell(start, len(s.text), len(s.text)+1).with(RepairQuoteClosed), faultBits)
	}
	return sound
}

// keptQuote adds what begins with a cell whose first quote is text. A cell that has one at its end, too, is
// in quotes, and the last cell of a row was not closed where quotes stand without need.
func (s *search) keptQuote(st *state, at place, start int) {
	end := s.literal(start)
	content := s.text[start+len(s.g.open) : max(end, start+len(s.g.open))]
	if len(content) > 0 && (endsWith(content, s.g.close) || end == len(s.text) && s.traits[at.column].idle && !bytes.Contains(content, []byte(s.g.close))) {
		return
	}
	s.take(st, at, s.cell(start, end, s.after(end)).with(RepairQuoteKept), faultBits)
	s.join(st, at, start, end, RepairQuoteKept, 2*faultBits)
}

// split adds what begins with a cell that ends where no delimiter stands. That can be told where it or the
// next one has a form of its own, and at a quote.
func (s *search) split(st *state, at place, start, end int) {
	if at.faults == 0 || int(at.column)+1 >= s.columns {
		return
	}
	left, right := &s.traits[at.column], &s.traits[at.column+1]
	from, to := end, start
	if right.marked() {
		from, to = max(start, end-min(right.longest+2, maxSplit)), end
	}
	if left.marked() {
		from, to = start, min(end, start+min(left.longest+2, maxSplit))
	}
	s.work -= end - start
	first, last := s.spaces(start), start+len(bytes.TrimRight(s.text[start:end], " "))
	for i := start + 1; i < end && s.work > 0; i++ {
		c := s.cell(start, i, i).with(RepairSplit)
		c.misfit = i <= first || i >= last // one of the two is nothing but spaces
		if !s.opens(i) {
			if i < from || i > to || !utf8.RuneStart(s.text[i]) {
				continue
			}
			f := s.look(span{start: int32(i), end: int32(end)})
			if right.marked() && right.misfit(&f.facts) {
				continue
			}
			c.misfit = c.misfit || f.kind.numeric() && s.inNumber(start, i) || s.inWord(i) && !(right.holds(f) && left.holds(s.look(c.span)))
		}
		s.take(st, at, c, faultBits)
	}
}

// inNumber reports whether a cut at i leaves a number on its left and the digits of one on either side, with or
// without a point or comma between them: it could be anywhere.
func (s *search) inNumber(start, i int) bool {
	left, right := s.text[i-1], s.text[i]
	switch {
	case (left == '.' || left == ',') && i-start > 1:
		left = s.text[i-2]
	case (right == '.' || right == ',') && i+1 < len(s.text):
		right = s.text[i+1]
	}
	return classes[left] == isDigit && classes[right] == isDigit && s.look(span{start: int32(start), end: int32(i)}).kind.numeric()
}

// inWord reports whether a cut at i has small letters on both sides: where it falls tells nothing.
func (s *search) inWord(i int) bool {
	return classes[s.text[i-1]] == isLower && classes[s.text[i]] == isLower
}

// holds reports whether the column is an enumeration, and a cell one of its values.
func (t *traits) holds(f seen) bool {
	_, ok := t.values[f.hash]
	return ok
}

// join adds what begins with a cell that goes on behind one or more delimiters.
func (s *search) join(st *state, at place, start, end int, repair RepairKind, price float64) {
	t := &s.traits[at.column]
	most := s.count(int(at.pos)) - (s.columns - int(at.column)) + int(at.faults)
	if t.strict() {
		most = min(most, maxJoined)
	}
	for piece := start; most > 0 && s.work > 0; most-- {
		price += s.piece(t, piece, end)
		if piece = s.after(end); piece > len(s.text) || s.opens(s.spaces(piece)) {
			return
		}
		end = s.literal(piece)
		price += joinMoreBits
		if !isSpaces(s.text[piece:end]) {
			c := s.cell(start, end, s.after(end)).with(repair)
			c.misfit = endsWith(s.text[start:end], s.g.close) // which may have lost the one it began with
			s.take(st, at, c, price+s.piece(t, piece, end))
		}
	}
}

// piece returns the price of a part of a cell that is joined: one that looks like the value of another column
// may be that.
func (s *search) piece(t *traits, start, end int) float64 {
	f := s.look(span{start: int32(start), end: int32(end)})
	if t.strict() || t.allowed[f.kind] || !f.kind.typed() || f.kind == kindFlag {
		return 0
	}
	return joinTypedBits
}

// look returns what is seen of a span.
func (s *search) look(c span) seen {
	f, ok := s.cells[c]
	if !ok {
		b := s.text[c.start:c.end]
		s.work -= 2 * len(b)
		f = seen{facts: measure(b, s.g.open)}
		f.text = f.hash
		if s.escaped(c) {
			f.text = maphash.Bytes(seed, s.decode(c))
		}
		s.cells[c] = f
	}
	return f
}

// escaped reports whether decode changes a cell.
func (s *search) escaped(c span) bool {
	b := s.text[c.start:c.end]
	return s.g.escape != "" && bytes.Contains(b, []byte(s.g.escape)) || c.quoted && s.g.doubled && bytes.Contains(b, []byte(s.g.close+s.g.close))
}

// decode returns what a cell says.
func (s *search) decode(c span) []byte {
	b := s.text[c.start:c.end]
	if !s.escaped(c) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		switch {
		case s.g.escape != "" && has(b, i, s.g.escape):
			i += len(s.g.escape)
		case c.quoted && s.g.doubled && has(b, i, s.g.close) && has(b, i+len(s.g.close), s.g.close):
			i += len(s.g.close)
		}
		if i < len(b) {
			_, size := utf8.DecodeRune(b[i:])
			out = append(out, b[i:i+size]...)
			i += size
		}
	}
	return out
}

// trimQuotes returns c without a quote at either end, which is there by mistake.
func (s *search) trimQuotes(c span) span {
	if b := s.text[c.start:c.end]; startsWith(b, s.g.open) {
		c.start += int32(len(s.g.open))
	} else if endsWith(b, s.g.close) {
		c.end -= int32(len(s.g.close))
	}
	return c
}

// opens reports whether an opening quote stands at i.
func (s *search) opens(i int) bool { return s.g.open != "" && has(s.text, i, s.g.open) }

// ends reports whether a quoted cell can end at i, spaces behind it included, and where the next one begins.
func (s *search) ends(i int) (int, bool) {
	if s.g.delimiter != " " {
		i = s.spaces(i)
	}
	return s.after(i), i == len(s.text) || has(s.text, i, s.g.delimiter)
}

// after returns where the cell behind a delimiter at i begins; behind the end of the text there is none.
func (s *search) after(i int) int {
	if i >= len(s.text) {
		return len(s.text) + 1
	}
	i += len(s.g.delimiter)
	if s.g.runs {
		if i = s.spaces(i); i == len(s.text) {
			i++
		}
	}
	return i
}

// spaces returns the end of the spaces at i.
func (s *search) spaces(i int) int {
	for i < len(s.text) && s.text[i] == ' ' {
		i++
		s.work--
	}
	return i
}

// blank reports whether there are nothing but delimiters and spaces from i on.
func (s *search) blank(i int) bool {
	for i < len(s.text) {
		switch {
		case has(s.text, i, s.g.delimiter):
			i += len(s.g.delimiter)
		case s.text[i] == ' ':
			i++
		default:
			return false
		}
		s.work--
	}
	return true
}

// literal returns the end of an unquoted cell at i.
func (s *search) literal(i int) int {
	return s.find(i, s.g.delimiter)
}

// quotes returns where closing quotes stand next, not escaped, from i on, and how many one after the other
// where one doubles another.
func (s *search) quotes(i int) (first, n int) {
	first = s.find(i, s.g.close)
	for has(s.text, first+n*len(s.g.close), s.g.close) && (n == 0 || s.g.doubled) {
		n++
	}
	s.work -= n
	return first, n
}

// count returns how many cells there are from i on, where one begins, if nothing is wrong with them.
func (s *search) count(i int) int {
	var chain []int
	for i <= len(s.text) && s.work > 0 {
		if _, ok := s.counts[i]; ok {
			break
		}
		chain = append(chain, i)
		i = s.behind(i)
	}
	n := s.counts[i]
	for _, at := range slices.Backward(chain) {
		n++
		s.counts[at] = n
	}
	return n
}

// behind returns where the next cell begins, seen from one at i that has no fault.
func (s *search) behind(i int) int {
	if start := s.spaces(i); s.opens(start) && (start == i || s.skips) {
		for at := start + len(s.g.open); s.work > 0; {
			first, n := s.quotes(at)
			if n == 0 {
				break
			}
			at = first + n*len(s.g.close)
			if next, ends := s.ends(at); ends && n%2 == 1 {
				return next
			}
		}
	}
	return s.after(s.literal(i))
}

// find returns where what stands next from i on, not escaped, or the end of the text.
func (s *search) find(i int, what string) int {
	from := i
	if s.g.escape == "" && i < len(s.text) {
		n := bytes.Index(s.text[i:], []byte(what))
		if n < 0 {
			n = len(s.text) - i
		}
		s.work -= n
		return i + n
	}
	for i < len(s.text) && !has(s.text, i, what) {
		if s.g.escape != "" && has(s.text, i, s.g.escape) {
			if i += len(s.g.escape); i == len(s.text) {
				break
			}
			_, size := utf8.DecodeRune(s.text[i:])
			i += size
			continue
		}
		i++
	}
	s.work -= i - from
	return min(i, len(s.text))
}
