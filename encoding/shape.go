package encoding

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A glyph is what a byte shows in an encoding.
type glyph struct {
	rune  rune
	class class
	high  bool // not ASCII
	latin bool // a Latin letter
	sign  signHabits
	cost  cost // of a sign; 0 for letters and ASCII
}

// class is what a character is to the shape of a word.
type class uint8

const (
	other class = iota // spaces, ASCII punctuation
	digit              // ASCII digits
	odd                // ASCII punctuation that does not stand next to a letter in plain text
	sign               // what is no letter beyond ASCII
	mark               // accents and vowel signs, part of the letter before
	caseless
	lower
	upper
)

func (g *glyph) letter() bool { return g.class >= mark }

func newGlyph(r rune) glyph {
	g := glyph{rune: r, high: r < 0 || r >= utf8.RuneSelf, latin: unicode.Is(unicode.Latin, r)}
	switch {
	case isLetterSign(r):
		g.class = sign
	case unicode.IsUpper(r):
		g.class = upper
	case unicode.IsLower(r):
		g.class = lower
	case unicode.IsLetter(r):
		g.class = caseless
	case unicode.IsMark(r):
		g.class = mark
	case '0' <= r && r <= '9':
		g.class = digit
	case strings.ContainsRune("[]{}<>\\^_`~=@", r):
		g.class = odd
	case g.high:
		g.class = sign
	}
	if g.class == sign {
		g.sign, g.cost = habitsOf(r), signCost(r)
	}
	return g
}

// shape is the cost of a word beside its letters, in any language: of its signs, and of how characters stand together. The
// figures, here and below, are rounded guesses.
func (m *singleModel) shape(word []triple) cost {
	sum, capitals := cost(0), false
	for i, t := range word {
		left, char, right := &m.glyphs[t.left], &m.glyphs[t.char], &m.glyphs[t.right]
		// Capitals come in whole words: they cost once.
		if !left.letter() && !left.sign.joins {
			capitals = false
		}
		switch {
		case capitals:
			if left.class == upper && char.class == lower && right.class != upper {
				sum += 4 * nat
			}
		case left.class == upper && char.class == upper:
			capitals = true
			if left.high || char.high {
				sum += costCapitals
			}
		case char.high && char.class == upper && right.class == upper && !right.high:
			capitals = true
			sum += costCapitals
		}
		switch {
		case !char.high:
		case char.class == sign:
			next := byte(0)
			if i+1 < len(word) && word[i+1].left == t.right {
				next = word[i+1].char
			}
			sum += signPlace(left, char, right, next, t.again)
		default:
			sum += letterPlace(left, char, right)
		}
	}
	return sum
}

const costCapitals = 1.5 * nat

// letterPlace is the cost of a letter or mark beyond ASCII between two characters.
func letterPlace(left, char, right *glyph) cost {
	sum := cost(0)
	if char.class == mark {
		if !left.letter() {
			return 6 * nat
		}
		return 0
	}
	if left.class == digit || right.class == digit {
		sum += 5 * nat
	}
	if left.class == odd || right.class == odd {
		sum += 2.5 * nat
	}
	if !char.latin && left.latin {
		sum += 3 * nat
	}
	if !char.latin && right.latin {
		sum += 3 * nat
	}
	if !left.letter() && !right.letter() && !left.sign.joins && !right.sign.joins {
		sum += 3.5 * nat // a word of one letter
	}
	if left.class == lower && char.class == upper {
		sum += 4 * nat
	}
	if char.class == lower && right.class == upper && !right.high { // else the pair counts with the next triple
		sum += 4 * nat
		if left.class == upper {
			sum += 2 * nat
		}
	}
	return sum
}
