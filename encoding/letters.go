package encoding

import (
	_ "embed"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// lettersBin is made by encoding/_gen, whose README.md names the sources and their licences. It holds the number of
// languages, and for each its name, whether it tells the ASCII letters apart, its other letters and its costs; then the number
// of charsets, and for each its name, the number of its ranges, and for each of these its first character, its length and
// its costs. Numbers are unsigned varints, and a text stands behind its length.
//
//go:embed letters.bin
var lettersBin []byte

// Logarithms of likelihoods are natural, negative and in sixteenths: a cost. 160 is a probability of 1 in 22,000.
type cost int32

const (
	nat    = 16
	offset = 4 * nat // what the figures of lettersBin have too much, so as not to be negative
)

// language is how probable letters are behind each other in a language.
type language struct {
	name    string
	latin   bool   // the ASCII letters are told apart
	letters []rune // those beyond ASCII, in lower case, the most frequent first
	costs   []byte // for each class of the left letter, for each class of the right one; plus offset
}

// The classes of characters in a language: what is no letter; the ASCII letters; language.letters; and all other letters.
const (
	boundary = 0
	ascii    = 1 // and, if they are told apart, the 25 behind it
)

func (l *language) classes() int {
	if l.latin {
		return ascii + 26 + len(l.letters) + 1
	}
	return ascii + 1 + len(l.letters) + 1
}

// class gives the class of a character.
func (l *language) class(r rune) uint8 {
	last := l.classes() - 1
	switch {
	case r == 'İ': // its lower case is an ASCII letter
	case r >= 0:
		r = unicode.ToLower(r)
	}
	switch {
	case 'a' <= r && r <= 'z' && l.latin:
		return uint8(ascii + r - 'a')
	case 'a' <= r && r <= 'z':
		return ascii
	case r < 0x80 || !unicode.IsLetter(r) && !unicode.IsMark(r) || isLetterSign(r):
		return boundary
	}
	if i := slices.Index(l.letters, r); i >= 0 {
		return uint8(last - len(l.letters) + i)
	}
	return uint8(last)
}

// isLetterSign says whether a character is a sign, and a letter only by its category: ordinals and the prefix micro.
func isLetterSign(r rune) bool { return r == 'ª' || r == 'º' || r == 'µ' }

// charset is how probable the characters of a language are that has thousands.
type charset struct {
	name   string
	ranges []charsetRange
}

type charsetRange struct {
	first rune
	costs []byte // plus offset
}

// cost gives the cost of a character; false if there is no figure for it.
func (c *charset) cost(r rune) (cost, bool) {
	for i := range c.ranges {
		if at := uint32(r - c.ranges[i].first); at < uint32(len(c.ranges[i].costs)) {
			return cost(c.ranges[i].costs[at]) - offset, true
		}
	}
	return 0, false
}

// letters are the languages and charsets of lettersBin, by name.
var letters = sync.OnceValue(func() (all struct {
	languages map[string]*language
	charsets  map[string]*charset
}) {
	all.languages, all.charsets = make(map[string]*language), make(map[string]*charset)
	bin := lettersBin
	number := func() int {
		n, size := binary.Uvarint(bin)
		bin = bin[size:]
		return int(n)
	}
	figures := func(n int) []byte {
		b := bin[:n:n]
		bin = bin[n:]
		return b
	}
	text := func() string { return string(figures(number())) }
	for range number() {
		l := &language{name: text(), latin: number() == 1, letters: []rune(text())}
		l.costs = figures(l.classes() * l.classes())
		all.languages[l.name] = l
	}
	for range number() {
		c := &charset{name: text()}
		for range number() {
			c.ranges = append(c.ranges, charsetRange{first: rune(number()), costs: figures(number())})
		}
		all.charsets[c.name] = c
	}
	return all
})

// languagesOf finds languages by a list of their names.
func languagesOf(names string) []*language {
	var all []*language
	for name := range strings.FieldsSeq(names) {
		all = append(all, letters().languages[name])
	}
	return all
}
