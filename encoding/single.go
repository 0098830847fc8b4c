package encoding

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// singleModel is a single-byte encoding made ready to tell how likely a text in it is.
type singleModel struct {
	glyphs    [256]glyph
	signs     [256]cost // of what is no letter; 0 for letters
	languages []spelling
}

// spelling is a language in an encoding.
type spelling struct {
	*language
	class  [256]uint8
	width  int // language.classes
	vowels *[256]vowel
}

// vowel is what a letter is to the accent that a Greek word has if it has more than one syllable and is not in capitals.
// (So it has been since the reform of 1982.)
type vowel uint8

const (
	plain vowel = iota + 1
	accented
)

// class is what a character is to the shape of a word.
type class uint8

const (
	other class = iota // spaces, ASCII punctuation
	digit              // ASCII digits
	odd                // ASCII punctuation that does not stand next to a letter in plain text
	sign               // signs beyond ASCII
	mark               // accents and vowel signs, part of the letter before
	caseless
	lower
	upper
)

// glyph is what a byte shows in an encoding.
type glyph struct {
	class  class
	high   bool // not ASCII
	latin  bool // of the letters
	opens  bool // of the signs: a letter may stand behind it
	closes bool // of the signs: a letter may stand before it
	joins  bool // of the signs: both may
	money  bool // of the signs: a currency
}

func (g glyph) letter() bool { return g.class >= mark }

func newSingleModel(t *singleTable, languages []*language) *singleModel {
	m := &singleModel{languages: make([]spelling, len(languages))}
	catalan := slices.ContainsFunc(languages, func(l *language) bool { return l.name == "Catalan" })
	for i, r := range t.runes {
		m.glyphs[i] = classify(r)
		m.glyphs[i].joins = m.glyphs[i].joins || r == '·' && catalan // as in col·lecció
		if !m.glyphs[i].letter() {
			m.signs[i] = signCost(r)
		}
	}
	for j, l := range languages {
		s := &m.languages[j]
		s.language, s.width = l, l.classes()
		if l.name == "Greek" {
			s.vowels = new([256]vowel)
		}
		for i, r := range t.runes {
			s.class[i] = l.class(r)
			switch {
			case s.vowels == nil:
			case strings.ContainsRune("αεηιουωϊϋ", r):
				s.vowels[i] = plain
			case strings.ContainsRune("άέήίόύώΐΰ", r):
				s.vowels[i] = accented
			}
		}
	}
	return m
}

func classify(r rune) glyph {
	g := glyph{high: r < 0 || r >= utf8.RuneSelf, latin: unicode.Is(unicode.Latin, r)}
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
		g.joins = strings.ContainsRune("’\u00AD\u200C\u200D\u200E\u200F", r)
		g.opens = strings.ContainsRune("«‹“‘„‚¿¡–°±µ\u00A0\u200E\u200F", r)
		g.closes = strings.ContainsRune("»›”’®™©º²³…–°\u00A0\u200E\u200F", r)
		g.money = unicode.Is(unicode.Sc, r)
	}
	return g
}

// commonSigns are those that are common in any language, the most frequent first.
const commonSigns = "’–€₪฿°“”„«»\u00A0£…‘—®™©²½×§¿¡ºª·№•±µ³‧¥¢"

// signCost is the cost of a character that is no letter.
func signCost(r rune) cost {
	switch {
	case 0 <= r && r < utf8.RuneSelf:
		return 0
	case r == malformed || unicode.IsControl(r):
		return 14 * nat
	case 0x2500 <= r && r < 0x2600: // frames and blocks of the DOS code pages
		return 12 * nat
	}
	if at := strings.IndexRune(commonSigns, r); at >= 0 {
		rank := utf8.RuneCountInString(commonSigns[:at])
		return cost(nat * (3.9 + math.Log(float64(rank+2)/2)))
	}
	return 9.5 * nat
}

// add adds the cost of some parts of the evidence to that in each of the languages. Single words may be of another one.
func (m *singleModel) add(sums []cost, ev *evidence, from, to int) {
	var room [maxLanguages]cost
	words := room[:len(sums)]
	start := ev.start(from).triples
	for _, part := range ev.parts[from:to] {
		triples := ev.triples[start:part.triples]
		start = part.triples
		best := cost(math.MaxInt32)
		for i := range words {
			words[i] = m.languages[i].cost(triples)
			best = min(best, words[i])
		}
		shared := m.signsAndShape(triples)
		for i := range sums {
			sums[i] += shared + min(words[i], best+foreign)
		}
	}
}

// maxLanguages is how many languages an encoding is tried with at most.
const maxLanguages = 24

// foreign is the cost of a word in another language than the rest.
const foreign = 3 * nat

// cost is the cost of the letters of a word.
func (s *spelling) cost(word []triple) cost {
	sum := cost(0)
	for _, t := range word {
		char := int(s.class[t.char])
		if char == boundary {
			continue
		}
		sum += cost(s.costs[int(s.class[t.left])*s.width+char]) - offset
		if t.char >= utf8.RuneSelf && t.right < utf8.RuneSelf {
			sum += cost(s.costs[char*s.width+int(s.class[t.right])]) - offset
		}
	}
	if s.vowels != nil {
		sum += s.accent(word)
	}
	return sum
}

// accent is the cost of a word of several syllables without an accent.
func (s *spelling) accent(word []triple) cost {
	syllables := 0
	for _, t := range word {
		switch s.vowels[t.char] {
		case accented:
			return 0
		case plain:
			if s.vowels[t.left] == 0 { // two vowels in a row are one syllable, as a rule
				syllables++
			}
		}
	}
	if syllables > 1 {
		return 2.5 * nat
	}
	return 0
}

// signsAndShape is the cost of a word in any language, beside its letters.
func (m *singleModel) signsAndShape(word []triple) cost {
	sum := cost(0)
	for _, t := range word {
		if t.char < utf8.RuneSelf {
			continue
		}
		sum += m.signs[t.char] + shape(m.glyphs[t.left], m.glyphs[t.char], m.glyphs[t.right])
	}
	return sum
}

// shape is the cost of the way that a character beyond ASCII stands between two others, beside that of the letters
// themselves. The figures are rounded guesses.
func shape(left, char, right glyph) cost {
	sum := cost(0)
	switch {
	case char.class == mark:
		if !left.letter() {
			sum += 6 * nat
		}
	case char.letter():
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
		if !left.letter() && !right.letter() && !left.joins && !right.joins {
			sum += 3.5 * nat // a word of one letter
		}
		switch {
		case left.class == lower && char.class == upper:
			sum += 4 * nat
		case left.class == upper && char.class == upper:
			sum += 0.75 * nat
		}
		switch {
		case right.high: // this pair counts with the next triple
		case left.class == upper && char.class == lower && right.class == upper:
			sum += 6 * nat
		case char.class == lower && right.class == upper:
			sum += 4 * nat
		case char.class == upper && right.class == upper:
			sum += 0.75 * nat
		}
	default:
		before, after := left.letter(), right.letter()
		switch {
		case before && after && char.joins:
		case before && after && !(char.opens && char.closes):
			sum += 5 * nat
		case before && after:
			sum += 2 * nat
		case before && !char.closes, after && !char.opens:
			sum += 2 * nat
		case char.money && (left.class == digit || right.class == digit):
			sum -= 1.5 * nat
		}
		if left.high && !left.letter() {
			sum += 1 * nat
		}
	}
	return sum
}
