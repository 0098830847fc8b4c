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
	digitBits      = 3.32
	integerBits    = 1.5 // how many digits
	signBits       = 1.0 // where a decimal point or a currency sign stands
	flagBits       = 3.0
	dateBits       = 14.0 // a day within half a century
	timeBits       = 13.0
	urlBits        = 4.0 // a character of a URL
	jsonBits       = 3.5 // a character of JSON
	commaSpaceBits = 2.0 // that a comma and a space in a phrase cost less than each of them
	paddingBits    = 0.5 // a space or TAB at either end of a field
	queryBits      = 1.0 // = and & in a URL
	joinBits       = 2.5 // _ - or . within a name
	listBits       = 2.5 // ; or | within a list

	quotedPunctuationBits = 4.0  // within quotes, which are there because of it
	strayBits             = 10.0 // a quote within quotes that should have been escaped
	unclosedBits          = 12.0 // a quote that opens and never closes
	idleQuoteBits         = 40.0 // a field in quotes that nothing but themselves speaks for: more than they could save
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
	bits['\t'], bits['='] = 16, 3 // no text has TABs; settings and queries have =
	bits[0xc2] = 8                // begins signs (§ ¦ £), not letters
	return bits
}()

// firstByte returns -1 where there is none.
func firstByte(s string) int {
	if s == "" {
		return -1
	}
	return int(s[0])
}

// protectedBits is what a byte costs that quotes or an escape protect.
var protectedBits = func() (bits [256]float64) {
	for b := range bits {
		bits[b] = min(charBits[b], quotedPunctuationBits)
	}
	return bits
}()

// kindWeights says how likely a kind is before anything of a column was seen; they sum to about 2.
var kindWeights = [kinds]float64{
	kindEmpty: .2, kindInteger: .3, kindDecimal: .2, kindLocal: .05, kindAmount: .05, kindDate: .1, kindTime: .05,
	kindMoment: .1, kindFlag: .1, kindWord: .3, kindName: .15, kindPhrase: .2, kindText: .15, kindURL: .05,
	kindEmail: .05, kindHex: .05, kindJSON: .05, kindPair: .05,
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
	case " ":
		bits = 14
	case ":":
		bits = 12
	case "~", "^", "\x01", "\x1f", "||", "::", "¦", "§":
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

// rarely says how likely a field is to have quotes around it, or spaces before it, before any was seen.
var rarely = [2]float64{.85, .15}

// chance says how likely a field is to be of its kind, with or without quotes and spaces, given those above it in its
// column.
func (c *column) chance(k kind, f cell) float64 {
	q, s := 0, 0
	if f.flags&quoted != 0 {
		q = 1
	}
	if f.flags&spaced != 0 {
		s = 1
	}
	all := c.seen + 1
	p := (c.kinds[k] + kindWeights[k]) * (c.quoted[q] + rarely[q]) * (c.spaced[s] + rarely[s]) / ((c.seen + 2) * all * all)
	c.seen = all
	c.kinds[k]++
	c.quoted[q]++
	c.spaced[s]++
	return p
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

// protectedText returns the bits of a text in quotes or with escapes: a character and what protects it are
// one.
func (g grammar) protectedText(b []byte, quoted bool) float64 {
	total := lengthBits(len(b))
	costs := &charBits
	if quoted {
		costs = &protectedBits
	}
	escape, closing := firstByte(g.escape), firstByte(g.close)
	for i := 0; i < len(b); i++ {
		if c := int(b[i]); c != escape && c != closing {
			total += costs[c]
			continue
		}
		at := costs
		switch {
		case startsWith(b[i:], g.escape):
			at = &protectedBits
			i += len(g.escape)
		case startsWith(b[i:], g.close):
			if i += len(g.close); !g.doubled || !startsWith(b[i:], g.close) {
				total += strayBits
			}
			i += len(g.close) - 1
		}
		if i < len(b) {
			total += at[b[i]]
		}
	}
	return total
}
