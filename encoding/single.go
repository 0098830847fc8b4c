package encoding

import (
	"math"
	"strings"
	"unicode/utf8"
)

// singleModel is a single-byte encoding made ready to tell how likely a text in it is.
type singleModel struct {
	glyphs    [256]glyph
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

func newSingleModel(t *singleTable, languages []*language) *singleModel {
	m := &singleModel{languages: make([]spelling, len(languages))}
	for i, r := range t.runes {
		m.glyphs[i] = newGlyph(r)
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
		shared := m.shape(triples)
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
