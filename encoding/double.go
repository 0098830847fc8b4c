package encoding

import (
	"unicode"
	"unicode/utf8"
)

// doubleModel is an encoding of more than one byte to a character made ready to tell how likely a text in it is.
type doubleModel struct {
	*charset
	codec codec
}

func newDoubleModel(e *Encoding, c *charset) *doubleModel { return &doubleModel{c, e.codec} }

// Costs of what charset has no figure for, and of where characters stand.
const (
	costBroken   = 14 * nat // what is no character
	costCut      = 8 * nat  // what the sample cuts: as much as a common character
	costStrange  = 11 * nat // letters of other scripts
	costHalfKana = 8 * nat
	costSign     = 1 * nat   // beside that in a single-byte encoding
	costRun      = 1.5 * nat // that characters beyond ASCII begin
	costBeside   = 2 * nat   // that they stand next to an ASCII letter
)

// cost is the cost of some parts of the evidence.
func (m *doubleModel) cost(ev *evidence, from, to int) cost {
	sum := cost(0)
	start := ev.start(from).text
	for _, part := range ev.parts[from:to] {
		sum += m.word(ev.text[start:part.text-1], part.cut)
		start = part.text
	}
	return sum
}

// word is the cost of one part.
func (m *doubleModel) word(text []byte, cut bool) cost {
	sum, last := cost(0), '\n'
	for n := 0; n < len(text); {
		r, size := m.codec.next(text[n:], nil)
		n += size
		switch {
		case 0 <= r && r < utf8.RuneSelf:
			if isASCIILetter(r) && (last < 0 || last >= utf8.RuneSelf) {
				sum += costBeside
			}
		case r == malformed && cut && n-size+maxChar > len(text):
			return sum + costCut
		default:
			sum += m.char(r)
			if isHalfKana(r) && isHalfKana(last) {
				sum -= costHalfKana / 2 // they come in words
			}
			if 0 <= last && last < utf8.RuneSelf {
				sum += costRun
				if isASCIILetter(last) {
					sum += costBeside
				}
			}
		}
		last = r
	}
	return sum
}

// char is the cost of a character beyond ASCII.
func (m *doubleModel) char(r rune) cost {
	switch {
	case r == malformed || r == silent || 0xE000 <= r && r < 0xF900:
		return costBroken
	case isHalfKana(r):
		return costHalfKana
	}
	if c, ok := m.charset.cost(r); ok {
		return c
	}
	if !unicode.IsLetter(r) {
		return signCost(r) + costSign
	}
	return costStrange
}

func isHalfKana(r rune) bool { return 0xFF61 <= r && r < 0xFFA0 }

func isASCIILetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
