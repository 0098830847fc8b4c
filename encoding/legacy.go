package encoding

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/saintfish/chardet"
)

// evidence is what tells one legacy encoding from another: the cells that are not valid UTF-8, each distinct one once.
// So neither the share of such cells nor a value that stands in every row makes a difference.
type evidence struct {
	text  []byte   // the cells, each ended by a line feed
	cut   bool     // the last cell may end within a character
	cells int      // how many
	chars int      // bytes at or above 0x80 in them
	count [256]int // how often each byte is in them
}

// maxEvidence limits the bytes that are looked at; chardet would not read more for single-byte encodings.
const maxEvidence = 8 << 10

// gather takes the cells out of a sample. It cuts where no encoding in question has a trail byte: at commas, semicolons,
// double quotes and control characters. ASCII cells tell nothing, and other cells that are valid UTF-8 rather are strays in
// a legacy file than legacy text that happens to be.
func gather(sample []byte) *evidence {
	ev := new(evidence)
	seen := make(map[uint64]struct{})
	for n := 0; n < len(sample) && len(ev.text) < maxEvidence; {
		start, ascii := n, true
		hash := uint64(14695981039346656037) // FNV-1a: the same in every run of the program
		for ; n < len(sample) && !isCut(sample[n]); n++ {
			ascii = ascii && sample[n] < utf8.RuneSelf
			hash = (hash ^ uint64(sample[n])) * 1099511628211
		}
		cell := sample[start:n]
		n++ // past the end if the sample ends in this cell
		if ascii || utf8.Valid(cell) {
			continue
		}
		if _, ok := seen[hash]; ok {
			continue
		}
		seen[hash] = struct{}{}
		ev.text = append(appendEvidence(ev.text, cell), '\n')
		ev.cells++
		ev.cut = n > len(sample)
	}
	for _, b := range ev.text {
		ev.count[b]++
		if b >= utf8.RuneSelf {
			ev.chars++
		}
	}
	return ev
}

// appendEvidence appends a cell up to a total of maxEvidence bytes. It leaves out the middle of long ASCII, which tells
// nothing, and so sees more of a file whose delimiter is not one of the safe ones.
func appendEvidence(text, cell []byte) []byte {
	const side = 3 // a character has at most that many ASCII bytes in a row
	for n := 0; n < len(cell) && len(text) < maxEvidence; {
		run := asciiLen(cell[n:])
		if run > 2*side {
			text = append(text, cell[n:n+side]...)
			n += run - side
			run = side
		}
		text = append(text, cell[n:n+run]...)
		if n += run; n < len(cell) {
			text = append(text, cell[n])
			n++
		}
	}
	return text
}

func isCut(b byte) bool { return b < ' ' || b == ',' || b == ';' || b == '"' }

// scored is an encoding with the likelihood of the evidence in it.
type scored struct {
	enc      *Encoding
	language string  // the one that its text looks most like
	score    float64 // natural logarithm of the likelihood, plus a constant; more is better
}

// candidates scores all legacy encodings that are worth asking, best first. This is the seam: nothing else knows how the
// likelihood of a text is found.
//
// Here it is that of its non-ASCII characters, each by itself, in the language that fits best (see languages), times that
// of its shape: upper and lower case, words of one script, signs outside of words.
func candidates(ev *evidence) []scored {
	all := make([]scored, 0, len(legacy))
	for i := range legacy {
		l := &legacy[i]
		l.enc.prepare()
		s := scored{enc: l.enc, score: math.Inf(-1)}
		if l.double != nil {
			s.language, s.score = l.double.language, l.double.score(ev, l.enc.codec)
		} else {
			m := l.model()
			for j, language := range l.languages {
				if score := m.letters(ev, j); score > s.score {
					s.language, s.score = language.name, score
				}
			}
			s.score += m.shape(ev)
		}
		s.score += l.prior
		all = append(all, s)
	}
	better := func(a, b scored) int { return cmp.Compare(b.score, a.score) }
	slices.SortStableFunc(all, better) // equal scores stay in the order of legacy
	if all[0].score-all[1].score < clear && ev.chars >= enough {
		witness(all, ev)
		slices.SortStableFunc(all, better)
	}
	return all
}

const (
	clear         = 6.0 // a margin at which chardet is not asked
	enough        = 16  // bytes that are not ASCII; with fewer chardet misleads
	witnessWeight = 1.0 // what chardet's full confidence adds to a score
)

// witness adds what saintfish/chardet thinks. Its list comes in an order that varies between runs, so only its figures are
// used; labels that we have no encoding for (IBM420_ltr, IBM424_rtl, ...) fall away.
func witness(all []scored, ev *evidence) {
	results, err := chardet.NewTextDetector().DetectAll(ev.text)
	if err != nil {
		return // it recognised nothing
	}
	confidence := make(map[*Encoding]int)
	for _, r := range results {
		if e := lookup(r.Charset); e != nil {
			confidence[e] = max(confidence[e], r.Confidence)
		}
	}
	for i := range all {
		all[i].score += witnessWeight * float64(confidence[all[i].enc]) / 100
	}
}

// rank turns scores into confidences, in the same order: the share of a candidate in the likelihood of all, where of those
// that read the evidence as the same text only the best counts; and less with few characters.
func rank(scores []scored, ev *evidence) []Candidate {
	const temperature = 2     // characters are not as independent as the score has it
	const negligible = 1.0e-6 // too little to matter whether the text is the same
	out := make([]Candidate, len(scores))
	sum := 0.0
	for i, s := range scores {
		share := math.Exp((s.score - scores[0].score) / temperature)
		out[i] = Candidate{Label: s.enc.name, Confidence: share}
		if share < negligible || !slices.ContainsFunc(scores[:i], func(better scored) bool { return sameText(better.enc, s.enc, ev) }) {
			sum += share
		}
	}
	trust := float64(ev.chars) / float64(ev.chars+2)
	for i := range out {
		out[i].Confidence *= trust / sum
	}
	return out
}

// sameText says whether two encodings read the evidence as the same text.
func sameText(a, b *Encoding, ev *evidence) bool {
	switch {
	case a.single == nil && b.single == nil:
		textA, _ := a.Append(nil, ev.text)
		textB, _ := b.Append(nil, ev.text)
		return bytes.Equal(textA, textB)
	case a.single == nil || b.single == nil:
		return false
	}
	for i := 0x80; i < 0x100; i++ {
		if ev.count[i] > 0 && a.single.runes[i] != b.single.runes[i] {
			return false
		}
	}
	return true
}

// class is what a character is to the shape of a word.
type class uint8

const (
	other  class = iota // spaces, ASCII punctuation
	digit               // ASCII digits
	odd                 // ASCII punctuation that does not stand next to a letter in plain text
	sign                // non-ASCII signs that do not stand within words
	joiner              // signs that do
	mark                // accents and vowel signs, part of the letter before
	caseless
	lower
	upper
)

func (c class) letter() bool { return c >= caseless }

// script is what the letters of a word have in common.
type script uint8

var scripts = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Hebrew, unicode.Arabic, unicode.Thai}

const latin script = 1 // the index in scripts, plus one

// glyph is what a byte shows in an encoding.
type glyph struct {
	class  class
	script script
	high   bool // not ASCII
}

// model is a single-byte encoding made ready to score.
type model struct {
	glyphs [256]glyph
	logP   [][128]float64 // for each language, of the bytes at or above 0x80
}

func newModel(t *singleTable, languages []*language) *model {
	m := new(model)
	for i, r := range t.runes {
		m.glyphs[i] = classify(r)
	}
	m.logP = make([][128]float64, len(languages))
	for j, l := range languages {
		for i := range m.logP[j] {
			m.logP[j][i] = l.logP(t.runes[0x80+i])
		}
	}
	return m
}

func classify(r rune) glyph {
	if 0 <= r && r < utf8.RuneSelf {
		switch {
		case isDigit(byte(r)):
			return glyph{class: digit}
		case strings.ContainsRune("[]{}<>\\^_`~=@", r):
			return glyph{class: odd}
		case !unicode.IsLetter(r):
			return glyph{class: other}
		}
	}
	g := glyph{class: sign, high: r < 0 || r >= utf8.RuneSelf}
	switch {
	case strings.ContainsRune("’·–\u00AD\u200C\u200D", r):
		g.class = joiner
		return g
	case r == 'ª' || r == 'º': // ordinal signs, letters only by their category
		return g
	case unicode.IsUpper(r):
		g.class = upper
	case unicode.IsLower(r):
		g.class = lower
	case unicode.IsLetter(r):
		g.class = caseless
	case unicode.IsMark(r):
		g.class = mark
	}
	for i, table := range scripts {
		if unicode.Is(table, r) {
			g.script = script(i + 1)
		}
	}
	return g
}

// letters is the likelihood of the non-ASCII characters in a language, without their order.
func (m *model) letters(ev *evidence, language int) float64 {
	sum := 0.0
	for i, p := range m.logP[language] {
		sum += float64(ev.count[0x80+i]) * p
	}
	return sum
}

// shape is the likelihood of how non-ASCII characters stand together and next to ASCII.
func (m *model) shape(ev *evidence) float64 {
	sum := 0.0
	var last glyph
	for i, b := range ev.text {
		g := m.glyphs[b]
		switch {
		case g.high: // then a byte follows: the last one is a line feed
			sum += step(last, g, m.glyphs[ev.text[i+1]])
		case last.high:
			sum += step(last, g, glyph{})
		}
		if g.class != mark { // a letter with its marks is one letter
			last = g
		}
	}
	return sum
}

// step is the logarithm of the likelihood of a character, given the one before and the one after. One of the first two is
// not ASCII. The figures are rounded guesses.
func step(last, g, next glyph) float64 {
	switch {
	case g.class == mark:
		if !last.class.letter() {
			return -6
		}
	case g.class.letter() && g.high && (last.class == digit || next.class == digit):
		return -5
	case g.class.letter() && g.high && (last.class == odd || next.class == odd):
		return -2.5
	case g.class.letter() && last.class.letter():
		switch {
		case g.script != last.script:
			return -5
		case last.class == lower && g.class == upper:
			return -4
		case last.high && g.high && g.script == latin:
			return -1.2 // two accented letters in a row
		case last.class == upper && g.class == upper:
			return -0.7
		}
		return -0.1
	case g.class.letter() && g.high && !next.class.letter() && next.class != mark && last.class != joiner && next.class != joiner:
		return -3.5 // a word of one letter
	case g.class == lower && g.high:
		return -0.9 // at the start of a word; names and titles begin with a capital
	case g.class == upper && g.high:
		return -0.5
	case g.class == sign && last.class.letter() && next.class.letter():
		return -5
	case g.class == sign && g.high && last.high:
		return -1
	}
	return 0
}
