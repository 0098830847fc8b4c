package dialect

import (
	"bytes"
	"math"
)

// The right dialect is the one under which the text has the shortest description (Rissanen's minimum
// description length). A description says how many fields each record has, of which kind each field is,
// given the kinds seen above it in its column, and what stands in it, given its kind. A delimiter that
// comes at the expected place costs nothing; one in running text costs what a character costs there. So a
// cut pays when it is regular and when what it leaves is simpler. All weights are bits and stand here.
const (
	digitBits   = 3.32
	integerBits = 1.5 // how many digits
	signBits    = 1.0 // where a decimal point or a currency sign stands
	flagBits    = 3.0
	dateBits    = 14.0 // a day within half a century
	timeBits    = 13.0
	urlBits     = 4.0 // a character of a URL
	jsonBits    = 3.5 // a character of JSON
	paddingBits = 0.5 // a space or TAB at either end of a field
	joinBits    = 2.5 // _ - or . within a name

	quotedPunctuationBits = 4.0  // within quotes, which are there because of it
	strayBits             = 10.0 // a quote within quotes that should have been escaped
	unclosedBits          = 12.0 // a quote that opens and never closes
	nameBits              = 1.0  // a field of the first record
	literalBits           = 3.0  // a line that is no record
	aroundBits            = 6.0  // there is something above the table, or below it
	titleBits             = 1.0  // a line of it
	remarkBits            = 1.0  // a line that looks like a comment
	newCountBits          = 3.0  // another number of fields
)

// lengthBits says where a word or text of n bytes ends.
func lengthBits(n int) float64 {
	if n < len(shortLengths) {
		return shortLengths[n]
	}
	return math.Log2(float64(n + 1))
}

var shortLengths = func() (bits [128]float64) {
	for n := range bits {
		bits[n] = math.Log2(float64(n + 1))
	}
	return bits
}()

// charBits is what a byte costs in running text.
var charBits = func() (bits [256]float64) {
	for b := range 256 {
		switch classes[b] {
		case isLower:
			bits[b] = 4.2
		case isUpper:
			bits[b] = 4.7
		case isDigit:
			bits[b] = 4.0
		case isHigh:
			bits[b] = 3.2
		case isSpace:
			bits[b] = 2.4
		case isJoin, isSimple:
			bits[b] = 5.5
		default:
			bits[b] = 6.5
		}
		if b < ' ' {
			bits[b] = 9
		}
	}
	bits['|'], bits[';'], bits['\n'], bits['\r'] = 8, 7, 5, 0
	return bits
}()

// kindWeights says how likely a kind is before anything of a column was seen; they sum to about 2.
var kindWeights = [kinds]float64{
	kindEmpty: .2, kindInteger: .3, kindDecimal: .2, kindLocal: .05, kindAmount: .05, kindDate: .1, kindTime: .05,
	kindMoment: .1, kindFlag: .1, kindWord: .3, kindName: .15, kindPhrase: .2, kindText: .15, kindURL: .05,
	kindEmail: .05, kindHex: .05, kindJSON: .05,
}

// dialectBits is the price of a delimiter before anything was seen.
func dialectBits(g grammar) float64 {
	bits := 16.0
	switch g.delimiter {
	case ",":
		bits = 0.5
	case "\t":
		bits = 2.5
	case ";":
		bits = 3
	case "|":
		bits = 3.5
	case "":
		bits = 12
	case " ", ":":
		bits = 12
	case "~", "^", "\x01", "\x1f", "||", "::", "¦":
		bits = 8
	}
	switch {
	case g.runs:
		bits++
	case g.open == "":
		bits += 10
	case g.open == "'":
		bits += 3
	case g.open != `"`:
		bits += 5
	}
	if g.escape != "" {
		bits += 2
	}
	return bits
}

// A column remembers what was seen in it.
type column struct {
	seen   float64
	kinds  [kinds]float64
	quoted [2]float64
	spaced [2]float64
}

// cost returns the bits of a field given those above it in its column.
func (c *column) cost(k kind, bits float64, f cell) float64 {
	q, s := 0, 0
	if f.flags&quoted != 0 {
		q = 1
	}
	if f.flags&spaced != 0 {
		s = 1
	}
	p := (c.kinds[k] + kindWeights[k]) / (c.seen + 2)
	p *= (c.quoted[q] + rarely[q]) / (c.seen + 1) * (c.spaced[s] + rarely[s]) / (c.seen + 1)
	c.seen++
	c.kinds[k]++
	c.quoted[q]++
	c.spaced[s]++
	return bits - math.Log2(p)
}

// value returns the kind of a field, and the bits of what stands in it.
func (g grammar) value(text []byte, f cell) (kind, float64) {
	b := text[f.start:f.end]
	k, bits := classify(b)
	if (k == kindText || k == kindPhrase || f.flags&stray != 0) && (f.flags&quoted != 0 || g.escape != "" && bytes.Contains(b, []byte(g.escape))) {
		bits = g.protectedText(b, f.flags&quoted != 0)
	}
	if f.flags&unclosed != 0 {
		bits += unclosedBits
	}
	return k, bits
}

// rarely says how likely a field is to have quotes around it, or spaces before it, before any was seen.
var rarely = [2]float64{.85, .15}

// protectedText returns the bits of a text in quotes or with escapes: a character and what protects it are
// one.
func (g grammar) protectedText(b []byte, quoted bool) float64 {
	total := lengthBits(len(b))
	for i := 0; i < len(b); i++ {
		protected := quoted
		switch {
		case g.escape != "" && b[i] == g.escape[0]:
			protected = true
			i++
		case g.close != "" && b[i] == g.close[0] && bytes.HasPrefix(b[i:], []byte(g.close)):
			if i += len(g.close); !g.doubled || !bytes.HasPrefix(b[i:], []byte(g.close)) {
				total += strayBits
			}
			i += len(g.close) - 1
		}
		switch {
		case i == len(b):
		case protected:
			total += min(charBits[b[i]], quotedPunctuationBits)
		default:
			total += charBits[b[i]]
		}
	}
	return total
}

// hash is FNV-1a.
func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// A reading is what the text looks like under one grammar.
type reading struct {
	grammar
	bits    float64
	columns int  // fields that most records have
	fits    int  // records that have so many
	rows    int  // rows that are not blank
	quotes  int  // fields that are enclosed in quotes
	broken  int  // fields with a stray or unclosed quote
	escapes int  // quotes and other characters that were escaped
	spaced  int  // fields that begin after spaces, without those of the first column
	inner   int  // fields that are not in the first column and not empty
	spacedQ bool // spaces stand before a quote
}

// score weighs t, which was read by g.
func score(t *table, g grammar) reading {
	r := reading{grammar: g, bits: dialectBits(g), escapes: t.escapes}
	counts := map[int]int{}
	first, last := -1, -1 // rows with more than one field
	for i, row := range t.rows {
		if row.blank {
			continue
		}
		r.rows++
		if len(row.cells) > 1 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	incomplete := -1
	if n := len(t.rows); n > 1 && t.rows[n-1].ending == "" {
		incomplete = n - 1
	}
	if first < 0 {
		first, last = 0, len(t.rows)-1
	}
	// Lines of one field above the first record and below the last one are titles and footers. Lines that
	// may be comments don't count, unless there are no others.
	remarks := map[int]int{}
	for i := first; i <= last; i++ {
		if row := t.rows[i]; !row.blank && i != incomplete {
			if t.remark(row) {
				remarks[len(row.cells)]++
			} else {
				counts[len(row.cells)]++
			}
		}
	}
	if len(counts) == 0 {
		counts = remarks
	} else {
		for n, rows := range remarks {
			if counts[n] > 0 {
				counts[n] += rows
			}
		}
	}
	if incomplete >= 0 && incomplete <= last {
		if n := len(t.rows[incomplete].cells); len(counts) == 0 || counts[n] > 0 {
			counts[n]++
			incomplete = -1
		}
	}
	total := 0
	for _, rows := range counts {
		total += rows
	}
	r.columns = usual(counts)
	r.fits = counts[r.columns]
	r.bits += newCountBits * float64(len(counts))

	delimiterBits := 0.0
	for i := range len(g.delimiter) {
		delimiterBits += charBits[g.delimiter[i]]
	}
	if first > 0 && !t.allBlank(t.rows[:first]) {
		r.bits += aroundBits
	}
	if !t.allBlank(t.rows[last+1:]) {
		r.bits += aroundBits
	}
	columns := make([]column, min(r.columns, maxColumns))
	var rest column
	clear(t.seen)
	for i, row := range t.rows {
		if row.blank {
			continue
		}
		n := len(row.cells)
		text := t.novelText(row)
		if text == 0 {
			continue // a line that comes again says nothing new
		}
		switch {
		case i < first || i > last || i == incomplete:
			r.bits += text + titleBits
			continue
		case counts[n] == 0 || n != r.columns && t.remark(row):
			r.bits += text + remarkBits
			continue
		}
		share := float64(counts[n]) / float64(total)
		bits := -math.Log2(share) + float64(n-1)*delimiterBits*(1-share)
		for j, f := range row.cells {
			r.notice(j, f)
			k, v := g.value(t.text, f)
			switch {
			case i == first:
				bits += v + nameBits // names say nothing about the kinds below them
			case j < len(columns):
				bits += columns[j].cost(k, v, f)
			default:
				bits += rest.cost(k, v, f)
			}
		}
		r.bits += min(bits, text+literalBits)
	}
	return r
}

// novelText returns what the row costs as running text, without physical lines that came before.
func (t *table) novelText(r row) float64 {
	bits := 0.0
	for b := t.text[r.start:r.end]; len(b) > 0; {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line = b[:i+1]
		}
		b = b[len(line):]
		if h := hash(line); !t.seen[h] {
			t.seen[h] = true
			_, text := scanBytes(line)
			bits += text + lengthBits(len(line))
		}
	}
	return bits
}

// allBlank reports whether there is nothing in the rows but blank lines and what may be comments.
func (t *table) allBlank(rows []row) bool {
	for _, r := range rows {
		if !r.blank && !t.remark(r) {
			return false
		}
	}
	return true
}

// remark reports whether a row begins as a comment does in most files.
func (t *table) remark(r row) bool {
	return r.start < r.end && t.text[r.start] == '#' || bytes.HasPrefix(t.text[r.start:r.end], []byte("//"))
}

// maxColumns bounds the memory for kinds; what stands further right shares one column.
const maxColumns = 2048

func (r *reading) notice(column int, f cell) {
	if f.flags&quoted != 0 {
		r.quotes++
	}
	if f.flags&(stray|unclosed) != 0 {
		r.broken++
	}
	if column > 0 && (f.end > f.start || f.flags&quoted != 0) {
		r.inner++
		if f.flags&spaced != 0 {
			r.spaced++
			r.spacedQ = r.spacedQ || f.flags&quoted != 0
		}
	}
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

// lines cuts text at every line end, whatever stands in quotes; at most n of them.
func lines(text []byte, n int) [][]byte {
	var all [][]byte
	start := 0
	for i := 0; i < len(text) && len(all) < n; i++ {
		if text[i] == '\n' || text[i] == '\r' {
			all = append(all, text[start:i])
			if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			start = i + 1
		}
	}
	if start < len(text) && len(all) < n {
		all = append(all, text[start:])
	}
	return all
}
