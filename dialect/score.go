package dialect

import (
	"bytes"
	"hash/maphash"
	"math"
)

// A reading is what the text looks like under one grammar.
type reading struct {
	grammar
	bits    float64
	columns int  // fields that most records have
	fits    int  // records that have so many
	rows    int  // rows that are not blank
	filled  int  // fields that are not empty
	quotes  int  // fields that are enclosed in quotes
	needed  int  // of them, fields with something in them that would mean something without quotes
	broken  int  // fields with a stray or unclosed quote
	escapes int  // quotes and other characters that were escaped
	spaced  int  // fields that begin after spaces, without those of the first column
	inner   int  // fields that are not in the first column and not empty
	spacedQ bool // spaces stand before a quote
}

// score weighs t, which was read by g.
func score(t *table, g grammar) reading {
	o := t.outline()
	r := reading{grammar: g, escapes: t.escapes, rows: o.rows, columns: t.usual(o)}
	r.fits = o.counts[r.columns]
	r.bits = dialectBits(g) + newCountBits*float64(len(o.counts)) + aroundBits*float64(o.around)

	t.columns = room(t.columns, min(r.columns, maxColumns))
	columns := t.columns[:min(r.columns, maxColumns)]
	clear(columns)
	var rest column
	clear(t.seen)
	for i, row := range t.rows {
		if row.blank {
			continue
		}
		outside := i < o.first || i > o.last || i == o.incomplete
		remark := !outside && (o.counts[len(row.cells)] == 0 || len(row.cells) != r.columns && t.remark(row))
		if !outside && !remark {
			r.notice(t.text, row)
		}
		text, novel := t.novelText(row)
		bits := 0.0
		switch {
		case text == 0: // a line that comes again says nothing new
		case outside:
			bits = text + titleBits
		case remark:
			bits = text + remarkBits
		default:
			chance := 1.0
			for j, f := range row.cells {
				k, v := g.value(t.text, f)
				if k == kindText && f.flags&quoted == 0 && len(row.cells) > 1 {
					v -= listSaves(t.text[f.start:f.end]) // a line that is a list would be a record
				}
				bits += v
				switch {
				case i == o.first:
					bits += nameBits // names say nothing about the kinds below them
				case j < len(columns):
					chance *= columns[j].chance(k, f)
				default:
					chance *= rest.chance(k, f)
				}
				if chance < 1e-200 {
					bits, chance = bits-math.Log2(chance), 1
				}
			}
			bits -= math.Log2(chance)
			bits = min(g.countBits(len(row.cells), o)+bits*novel, text+literalBits)
		}
		r.bits += bits
		t.rows[i].bits = float32(bits)
	}
	if !r.proven() {
		r.bits += idleQuoteBits * float64(max(r.quotes, 1))
	}
	return r
}

// proven reports whether the quotes are what they are taken for. Other quotes than `"` also stand around a
// title or a word that is meant otherwise, and are part of the text there.
func (r *reading) proven() bool {
	return r.open == "" || r.open == `"` || r.needed > 0 || 2*r.quotes > r.filled
}

// goOn adds what the same grammar makes of a text further down the file.
func (r *reading) goOn(further reading) {
	r.bits += further.bits - dialectBits(r.grammar)
	r.filled += further.filled
	r.quotes += further.quotes
	r.needed += further.needed
	r.broken += further.broken
	r.escapes += further.escapes
	r.spaced += further.spaced
	r.inner += further.inner
	r.spacedQ = r.spacedQ || further.spacedQ
}

// maxColumns bounds the memory for kinds; what stands further right shares one column.
const maxColumns = 2048

// notice counts what is told and asked later.
func (r *reading) notice(text []byte, row row) {
	for j, f := range row.cells {
		if f.end > f.start {
			r.filled++
		}
		if f.flags&quoted != 0 {
			r.quotes++
			if r.needsQuotes(text[f.start:f.end]) && f.flags&stray == 0 {
				r.needed++
			}
		}
		if f.flags&(stray|unclosed) != 0 {
			r.broken++
		}
		if j > 0 && (f.end > f.start || f.flags&quoted != 0) {
			r.inner++
			if f.flags&spaced != 0 {
				r.spaced++
				r.spacedQ = r.spacedQ || f.flags&quoted != 0
			}
		}
	}
}

// needsQuotes reports whether a delimiter, a line end or a quote stands in a field.
func (g grammar) needsQuotes(field []byte) bool {
	return g.delimiter != "" && bytes.Contains(field, []byte(g.delimiter)) || bytes.IndexByte(field, '\n') >= 0 || bytes.IndexByte(field, '\r') >= 0 || bytes.Contains(field, []byte(g.close))
}

// An outline says where the table lies in the text and how many fields its rows have.
type outline struct {
	rows        int         // that are not blank
	first, last int         // rows with more than one field; all rows where there is none
	incomplete  int         // the last row, where it may be cut and does not fit; or -1
	around      int         // 1 for lines above the table, and 1 for lines below it
	counts      map[int]int // rows from first to last by their number of fields, without comments
	total       int         // their sum
}

func (t *table) outline() outline {
	o := outline{first: -1, last: -1, incomplete: -1, counts: map[int]int{}}
	for i, row := range t.rows {
		if row.blank {
			continue
		}
		o.rows++
		if len(row.cells) > 1 {
			if o.first < 0 {
				o.first = i
			}
			o.last = i
		}
	}
	if o.first < 0 {
		o.first, o.last = 0, len(t.rows)-1
	}
	if n := len(t.rows); n > 1 && t.rows[n-1].ending == "" {
		o.incomplete = n - 1
	}
	if o.first > 0 && t.lines(t.rows[:o.first]) {
		o.around++
	}
	if t.lines(t.rows[o.last+1:]) {
		o.around++
	}

	// Lines that may be comments count where they fit, and where there are no others.
	remarks := map[int]int{}
	for i := o.first; i <= o.last; i++ {
		switch row := t.rows[i]; {
		case row.blank || i == o.incomplete:
		case t.remark(row):
			remarks[len(row.cells)]++
		default:
			o.counts[len(row.cells)]++
		}
	}
	alone := len(o.counts) == 0
	for n, rows := range remarks {
		if alone || o.counts[n] > 0 {
			o.counts[n] += rows
		}
	}
	if o.incomplete >= 0 && o.incomplete <= o.last {
		if n := len(t.rows[o.incomplete].cells); len(o.counts) == 0 || o.counts[n] > 0 {
			o.counts[n]++
			o.incomplete = -1
		}
	}
	for _, rows := range o.counts {
		o.total += rows
	}
	return o
}

// usual returns the number of fields that says most about the table: frequent first, then large, for a
// single field is what any line has.
func usual(counts map[int]int) int {
	best, most := 0, -1.0
	for n, rows := range counts {
		weight := float64(rows) * float64(rows) * (float64(n-1) + 1e-3)
		if weight > most || weight == most && n > best {
			best, most = n, weight
		}
	}
	return best
}

// usual returns the number of fields that most records have; where another table with more columns stands below the
// first one, under its names and some more, that of the first.
func (t *table) usual(o outline) int {
	most := usual(o.counts)
	if len(o.counts) < 2 {
		return most
	}
	var first, next row
	above := 0
	for _, r := range t.rows[o.first : o.last+1] {
		switch n := len(r.cells); {
		case r.blank || o.counts[n] == 0:
			continue
		case above == 0:
			first = r
		case n == most:
			next = r
		case n != len(first.cells):
			return most
		}
		if next.cells != nil {
			break
		}
		above++
	}
	if n := len(first.cells); n > 1 && n < most && above > 2 && 2*above > o.counts[most] && 2*t.common(first, next) > n {
		return n
	}
	return most
}

// common counts the cells of a that stand at the same place in b.
func (t *table) common(a, b row) int {
	n := 0
	for j, c := range a.cells[:min(len(a.cells), len(b.cells))] {
		d := b.cells[j]
		if c.end > c.start && bytes.Equal(t.text[c.start:c.end], t.text[d.start:d.end]) {
			n++
		}
	}
	return n
}

// countBits returns the bits of a row's number of fields. The delimiters of a number that is rare cost what
// they would as text, for they may be that.
func (g grammar) countBits(n int, o outline) float64 {
	share := float64(o.counts[n]) / float64(o.total)
	delimiter := 0.0
	for i := range len(g.delimiter) {
		delimiter += charBits[g.delimiter[i]]
	}
	return float64(n-1)*delimiter*(1-share) - math.Log2(share)
}

// novelText returns what the row costs as running text, without physical lines that came before, and the
// share of its bytes that stand on the others.
func (t *table) novelText(r row) (bits, share float64) {
	known := 0
	for b := t.text[r.start:r.end]; len(b) > 0; {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line = b[:i+1]
		}
		b = b[len(line):]
		h := maphash.Bytes(seed, line)
		if t.seen[h] {
			known += len(line)
			continue
		}
		t.seen[h] = true
		said := line
		if drawn(line) {
			said = line[:1]
		}
		bits += textBits(said) + lengthBits(len(line))
	}
	return bits, 1 - float64(known)/float64(max(r.end-r.start, 1))
}

// drawn reports whether a line is nothing but one sign over and over, which is none that cuts fields as a rule.
func drawn(line []byte) bool {
	line = bytes.TrimRight(line, "\r\n")
	return len(line) > 2 && bytes.IndexByte([]byte("-=_*#+~."), line[0]) >= 0 && len(bytes.Trim(line, string(line[:1]))) == 0
}

var seed = maphash.MakeSeed()

// lines reports whether there is more in the rows than blank lines and what may be comments.
func (t *table) lines(rows []row) bool {
	for _, r := range rows {
		if !r.blank && !t.remark(r) {
			return true
		}
	}
	return false
}

// remark reports whether a row begins as a comment does.
func (t *table) remark(r row) bool {
	for _, prefix := range t.remarks {
		if startsWith(t.text[r.start:r.end], prefix) {
			return true
		}
	}
	return false
}
