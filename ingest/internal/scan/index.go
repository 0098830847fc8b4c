package scan

import (
	"bytes"
	"math/bits"
	"strings"
	"unsafe"
)

// The quick road. Where quotes are regular, rows and fields follow from where the structural bytes are, 64 at
// a time, without a look at what is between them (Langdale and Lemire, "Parsing Gigabytes of JSON per
// Second", 2019). Quotes are regular where each one that opens a field stands at its beginning, and each one
// that closes it, or a quote that is doubled, stands before a delimiter, a line end or the quote it doubles.
// The first byte that is not regular ends the quick road, at the row it stands in; [Grammar.Row] takes that one.

// An Index is what the quick road finds of rows: Fields as [Grammar.Row] gives them.
type Index struct {
	Fields []Field  // with room behind them that Grow made
	Ends   []uint32 // for each row, how many Fields there are up to its end; the same

	// The blocks with odd bytes in the rows, in their order; they do not overlap. A byte is odd if it is below 0x20 or
	// above 0x7e, and neither a delimiter that is structure nor a line end nor a CR; nor a tab, if that is the delimiter.
	OddBlocks []OddBlock

	// What may be in the rows; each is set, never cleared. See [Grammar.Index] for how exact they are.
	Odd     bool // odd bytes: always where the delimiter, but for a tab, is one as text
	Long    bool // line ends inside quotes
	Doubled bool // fields with doubled quotes

	cursor cursor
	work   work
}

// An OddBlock says which of 64 bytes are odd: bit i of Odd stands for b[At+i].
type OddBlock struct {
	At  uint32
	Odd uint64
}

// work is room to work in.
type work struct {
	blocks [32]block
	last   [64]byte // what is left behind whole blocks, and zeros
}

// room is what the kernels may write behind the fields and rows they find.
const room = 64 + 16

// quick is what the quick road looks for.
type quick struct {
	needles
	quotes  uint64 // all ones if there are quotes
	crs     uint64 // all ones if a CR before eol belongs to the line end
	doubled uint64 // all ones if a doubled quote is one, as text
	loneCR  uint64 // all ones if a CR by itself ends a line: it is not regular
	control uint64 // all ones if the delimiter is a control character: as text it is odd
}

// compile says what the quick road looks for, and whether there is one for the dialect.
func (g *Grammar) compile() (q quick, ok bool) {
	q.delim, q.cr = g.Delimiter[0], '\r'
	q.eol = '\n'
	if !g.LF {
		q.eol = '\r'
	} else {
		q.crs = ^uint64(0)
	}
	if len(g.Open) > 0 {
		q.quote, q.quotes = g.Open[0], ^uint64(0)
	}
	if g.Doubled {
		q.doubled = ^uint64(0)
	}
	if g.LF && g.CR {
		q.loneCR = ^uint64(0)
	}
	if q.delim != '\t' && (q.delim < ' ' || q.delim > '~') {
		q.control = ^uint64(0)
	}
	return q, g.simple && q.delim != q.eol && q.delim != '\r'
}

// state is what a block has to know of the bytes before it.
type state struct {
	inside   uint64 // all ones inside quotes
	begin    uint64 // 1: a field begins at the first byte of the block
	closed   uint64 // 1: the byte before it is a quote that closes a field, or the first half of a doubled one
	closedCR uint64 // 1: it is a CR behind such a quote
	cr       uint64 // 1: it is a CR
	escaped  uint64 // 1: the field that the block begins in has a doubled quote
}

// step gives the delimiters and line ends that are structure, and where regularity ends.
type step struct {
	sep, eol  uint64
	shut      uint64 // of sep: behind a closing quote, or a CR behind one
	crlf      uint64 // of eol: behind a CR
	escaped   uint64 // of sep: the field before it has a doubled quote
	inner     uint64 // line ends inside quotes
	irregular uint64
}

// step finds the structure of the next block. Its results are not returned: so many words would be copied two at a time,
// which has to wait until each of them has been stored by itself.
func (s *state) step(q *quick, m *block, t *step) {
	quote, cr := m.quote&q.quotes, m.cr&q.crs
	inside := prefixXor(quote) ^ s.inside
	opening, closing := quote&inside, quote&^inside
	t.eol = m.eol &^ inside
	t.inner = m.eol & inside
	t.sep = m.delim&^inside | t.eol
	begin := t.sep<<1 | s.begin
	closed := closing<<1 | s.closed
	closedCR := closed & cr
	doubled := opening & closed & q.doubled
	behindCR := closedCR<<1 | s.closedCR
	t.irregular = opening&^(begin|doubled) | closed&^(t.sep|doubled|closedCR) | behindCR&^m.eol |
		(cr<<1|s.cr)&^m.eol&q.loneCR
	t.shut = t.sep & (closed | behindCR)
	t.crlf = t.eol & (cr<<1 | s.cr)
	open, carry := bits.Add64(^t.sep, doubled, s.escaped)
	t.escaped = open & t.sep
	s.inside, s.begin, s.escaped = uint64(int64(inside)>>63), t.sep>>63, carry
	s.closed, s.closedCR, s.cr = closing>>63, closedCR>>63, cr>>63
}

// prefixXor gives for each bit whether the number of bits up to it, itself included, is odd.
func prefixXor(x uint64) uint64 {
	if x == 0 {
		return 0
	}
	x ^= x << 1
	x ^= x << 2
	x ^= x << 4
	x ^= x << 8
	x ^= x << 16
	return x ^ x<<32
}

// Grow makes room for so many fields and rows, and for what the kernels may write behind them.
func (x *Index) Grow(fields, rows int) {
	x.Fields, x.Ends = grow(x.Fields, fields, room), grow(x.Ends, rows, room)
}

// grow makes room for n more, and for what may be written behind them. It is for types without pointers: the collector does
// not look for any in what Bytes gives, nor is it cleared. It is aligned for them, because there is more of it than the
// allocator packs together.
func grow[T Field | uint32 | OddBlock](s []T, n, behind int) []T {
	if cap(s)-len(s) >= n+behind {
		return s
	}
	size := max(len(s)+n, 2*len(s)) + 2*behind // so that the last ones do not need more
	var t T
	grown := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(Bytes(size*int(unsafe.Sizeof(t)))))), size)
	return grown[:copy(grown, s)]
}

// Bytes allocates n bytes without clearing them, which for a window takes a tenth of the time that it takes to
// read one: they are to be written before they are read.
func Bytes(n int) []byte {
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), n)
}

// Index finds the fields of whole rows in b[from:to], where b[from] begins a row and is the first one, and
// appends them to x. It gives the end of the last row: the row behind it is for [Grammar.Row], because it ends
// beyond to, or not at all, or is a comment or not regular.
//
// A row is the record that Row makes of it but for three things that only its number of fields, or its lines,
// can tell: a row of one field may be blank, a row has its fields beyond MaxFields, too, and one with line ends
// inside quotes may have more of them than MaxLines, or not the right number of fields, and be unclosed then.
// Behind the last of its Fields stands where the one behind it begins.
//
// Odd, Long and Doubled are about all that was looked at: the blocks of 64 bytes from b[from] on, up to to or
// through the first block that is not regular. So they never miss what is in the rows found, but may tell of what
// is behind them. OddBlocks are about these rows only. All kernels give the same.
//
// The memory of b is only read, and nothing outside b[from:to] is. A kernel may go over all of that without being
// preempted: 32 KiB at a time take some ten microseconds at worst, so more should be given in pieces.
func (g *Grammar) Index(b []byte, from, to int, x *Index) (end int) {
	if !g.fast {
		return from
	}
	if to = g.regular(b, from, to); to == from {
		return from
	}
	x.Grow(1, 1)
	x.OddBlocks = grow(x.OddBlocks, (to-from+63)/64, 1)
	c := x.start(g, b[:to], from)
	c.fields[c.n].start = c.startsAt(from)
	for c.at < to && c.irregular == 0 {
		if len(c.fields)-c.n <= room || len(c.ends)-c.row <= room {
			first, row := len(x.Fields), len(x.Ends)
			x.Fields, x.Ends = c.fields[:c.n+1], c.ends[:c.row]
			x.Grow(room, room)
			c.fields, c.ends = x.Fields[:cap(x.Fields)], x.Ends[:cap(x.Ends)]
			x.Fields, x.Ends = x.Fields[:first], x.Ends[:row]
		}
		chosen.index(c)
	}
	x.Odd = x.Odd || c.odd != 0 || c.noted > len(x.OddBlocks)
	x.Long, x.Doubled = x.Long || c.inner != 0, x.Doubled || c.escapes != 0
	if end = from; c.row > len(x.Ends) {
		x.Fields, x.Ends = c.fields[:c.ends[c.row-1]], c.ends[:c.row]
		next := c.fields[len(x.Fields)]
		if end = next.Start(); next.Quoted() {
			end--
		}
	}
	x.OddBlocks = c.odds[:c.noted]
	x.CutOdd(end)
	return end
}

// Clear takes off all rows and what is said of them. The room stays.
func (x *Index) Clear() {
	x.Fields, x.Ends, x.OddBlocks = x.Fields[:0], append(x.Ends[:0], 0), x.OddBlocks[:0]
	x.Odd, x.Long, x.Doubled = false, false, false
}

// CutOdd takes what is in b[end:] off the OddBlocks.
func (x *Index) CutOdd(end int) {
	n := len(x.OddBlocks)
	for n > 0 && int(x.OddBlocks[n-1].At) >= end {
		n--
	}
	if x.OddBlocks = x.OddBlocks[:n]; n > 0 {
		last := &x.OddBlocks[n-1]
		if last.Odd &= 1<<(end-int(last.At)) - 1; last.Odd == 0 {
			x.OddBlocks = x.OddBlocks[:n-1]
		}
	}
}

// Count counts whole rows as Index finds them, but only up to one that has a line end inside quotes. It gives where
// they end and how many there are; x lends it room to work in, and of what it holds only Odd is set. As to pieces see
// Index.
func (g *Grammar) Count(b []byte, from, to int, x *Index) (end, rows int) {
	if !g.fast {
		return from, 0
	}
	to = g.regular(b, from, to)
	c := x.start(g, b[:to], from)
	c.row = 0
	for c.at < to && c.irregular == 0 {
		chosen.count(c)
	}
	x.Odd = x.Odd || c.odd != 0
	return c.end, c.row
}

// start puts the cursor at a row.
func (x *Index) start(g *Grammar, b []byte, from int) *cursor {
	x.cursor = cursor{quick: g.quick, state: state{begin: 1}, work: &x.work, odd: g.quick.control, b: b, at: from, end: from,
		fields: x.Fields[:cap(x.Fields)], n: len(x.Fields), ends: x.Ends[:cap(x.Ends)], row: len(x.Ends),
		odds: x.OddBlocks[:cap(x.OddBlocks)], noted: len(x.OddBlocks)}
	return &x.cursor
}

// A cursor is the quick road on its way.
type cursor struct {
	quick
	state
	b         []byte // up to where rows are looked for
	at        int    // of the next block in b
	end       int    // of the last row that is counted
	fields    []Field
	n         int // of fields
	ends      []uint32
	row       int        // of ends
	odds      []OddBlock // if rows are not only counted: with room for one more than there are blocks
	noted     int        // of odds
	odd       uint64     // not 0: see Index.Odd
	inner     uint64     // see Index.Long
	escapes   uint64     // see Index.Doubled
	irregular uint64     // where the last block is not
	*work
}

// startsAt gives the start of the field that begins at b[i].
func (c *cursor) startsAt(i int) uint32 {
	if c.quotes != 0 && i < len(c.b) && c.b[i] == c.quote {
		return uint32(i+1) | flag
	}
	return uint32(i)
}

// find gives the masks of some blocks, at least one. Only the last one may be cut short.
func (c *cursor) find(masks func([]block, []byte, needles)) []block {
	if rest := len(c.b) - c.at; rest >= 64 {
		found := c.blocks[:min(rest/64, len(c.blocks))]
		masks(found, c.b[c.at:c.at+64*len(found)], c.needles)
		return found
	}
	m := &c.blocks[0]
	n := copy(c.last[:], c.b[c.at:])
	clear(c.last[n:])
	masks(c.blocks[:1], c.last[:], c.needles)
	valid := uint64(1)<<n - 1
	m.delim, m.eol, m.quote, m.cr, m.odd = m.delim&valid, m.eol&valid, m.quote&valid, m.cr&valid, m.odd&valid
	return c.blocks[:1]
}

// plain says that there are no quotes about: so it is in most blocks of most tables.
func (c *cursor) plain(m *block) bool {
	return m.quote&c.quotes|m.cr&c.crs|c.inside|c.closed|c.closedCR|c.cr == 0
}

// countMasks is the count of kernels that give masks.
func (c *cursor) countMasks(masks func([]block, []byte, needles)) {
	found := c.find(masks)
	for i := range found {
		m := &found[i]
		c.odd |= m.odd
		eol := m.eol
		if c.plain(m) {
			c.begin = (m.delim | m.eol) >> 63
		} else {
			var t step
			c.step(&c.quick, m, &t)
			eol, c.irregular = t.eol, t.irregular|t.inner
			if c.irregular != 0 {
				eol &= c.irregular&-c.irregular - 1
			}
		}
		c.row += bits.OnesCount64(eol)
		if eol != 0 {
			c.end = c.at + bits.Len64(eol)
		}
		if c.at += 64; c.irregular != 0 {
			break
		}
	}
}

// indexMasks is the index of kernels that give masks.
func (c *cursor) indexMasks(masks func([]block, []byte, needles)) {
	found := c.find(masks)
	fields, ends, n, row := c.fields, c.ends, c.n, c.row
	for i := range found {
		m := &found[i]
		if len(fields)-n <= room || len(ends)-row <= room || c.irregular != 0 {
			break
		}
		if !c.plain(m) {
			c.n, c.row = n, row
			c.indexQuotes(m)
			c.at += 64
			n, row = c.n, c.row
			continue
		}
		c.note(m.odd)
		base := uint32(c.at)
		c.at += 64
		sep := m.delim | m.eol
		c.begin = sep >> 63
		for eol := m.eol; sep != 0; sep &= sep - 1 {
			i := bits.TrailingZeros64(sep)
			fields[n].end = base + uint32(i)
			n++
			fields[n].start = base + uint32(i) + 1
			ends[row] = uint32(n)
			row += int(eol >> (i & 63) & 1)
		}
		if c.begin != 0 {
			fields[n].start = c.startsAt(c.at)
		}
	}
	c.n, c.row = n, row
}

// indexQuotes notes what is in a block that is not plain. Fields with an end that takes more than a quote off are few as
// a rule, so they are put right behind all of them.
func (c *cursor) indexQuotes(m *block) {
	var t step
	c.step(&c.quick, m, &t)
	c.note(m.odd | m.delim&^t.sep&c.control)
	c.inner |= t.inner
	c.escapes |= t.escaped
	if c.irregular = t.irregular; t.irregular != 0 {
		before := t.irregular&-t.irregular - 1
		t.sep &= before
		t.eol &= before
	}
	first := c.n
	c.take(m, t.sep, t.eol, t.shut)
	for rare := (t.crlf | t.escaped) & t.sep; rare != 0; rare &= rare - 1 {
		bit := rare & -rare
		f := &c.fields[first+bits.OnesCount64(t.sep&(bit-1))]
		if t.crlf&bit != 0 {
			f.end--
		}
		if t.escaped&bit != 0 {
			f.end |= flag
		}
	}
}

// take notes the fields of a block that end at separators: of these, eol are line ends as well, and shut are behind a
// closing quote.
func (c *cursor) take(m *block, sep, eol, shut uint64) {
	fields, ends, n, row, base := c.fields, c.ends, c.n, c.row, uint32(c.at)
	opens := (m.quote & c.quotes) >> 1 // of separators: a quoted field is behind them; of the last byte it is not known yet
	last := sep >> 63
	for ; sep != 0; sep &= sep - 1 {
		bit := sep & -sep
		end := base + uint32(bits.TrailingZeros64(sep))
		start := end + 1
		if opens&bit != 0 {
			start = (end + 2) | flag
		}
		if shut&bit != 0 {
			end--
		}
		fields[n].end = end
		n++
		fields[n].start = start
		ends[row] = uint32(n)
		if eol&bit != 0 {
			row++
		}
	}
	if last != 0 {
		fields[n].start = c.startsAt(c.at + 64)
	}
	c.n, c.row = n, row
}

// note notes which bytes of a block are odd. In most tables some blocks have such bytes and some have none, so there
// is no branch for it: the next one is written over one that has none.
func (c *cursor) note(odd uint64) {
	noted := c.noted
	c.odds[noted] = OddBlock{uint32(c.at), odd}
	if odd != 0 {
		noted++
	}
	c.noted = noted
}

// regular gives the end of what holds neither a comment nor an escape.
func (g *Grammar) regular(b []byte, from, to int) int {
	if len(g.Escape) > 0 {
		if n := bytes.IndexByte(b[from:to], g.Escape[0]); n >= 0 {
			to = from + n
		}
	}
	if len(g.Comment) > 0 {
		if bytes.HasPrefix(b[from:to], g.comment[1:]) {
			return from
		}
		if n := bytes.Index(b[from:to], g.comment); n >= 0 {
			to = from + n + 1
		}
	}
	return to
}
