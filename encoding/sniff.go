package encoding

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Guess is what [Sniff] found in a sample.
type Guess struct {
	// Label is the canonical name of the encoding, which [Get] knows.
	Label string `json:"label"`
	// Mixed is the canonical name of a second encoding, if some cells of the sample are in Label, which is UTF-8 then, and
	// others in this one: two files that were put together, or rows that were pasted in. What is well-formed UTF-8 is UTF-8,
	// cell by cell; what is not is in this encoding. It is empty unless that is clear, see [Sniff].
	Mixed string `json:"mixed,omitempty"`
	// Confidence is how probable it is that Label and Mixed give the right text for the sample, from 0 to 1. Encodings that
	// give the same text are no doubt: an ASCII sample has 1. It is an estimate; few characters make it low. Where it is
	// low and there is more of the text at hand, ask again with a longer sample.
	Confidence float64 `json:"confidence"`
	// BOM is the length in bytes of the byte order mark that the sample begins with; 0 if there is none.
	BOM int `json:"bom"`
	// ASCII says that all characters of the sample are ASCII, in bytes. So nothing was decided: UTF-8 is assumed, and
	// what comes after the sample may be in any encoding that includes ASCII.
	ASCII bool `json:"ascii"`
	// Evidence says in short sentences what spoke for Label. There is nothing of the sample's text in it.
	Evidence []string `json:"evidence,omitempty"`
	// RunnersUp are the next best, best first. It is empty only where Label is certain. If there are two encodings, Mixed is
	// among them too, as that of all cells.
	RunnersUp []Candidate `json:"runners_up,omitempty"`
}

// Candidate is an encoding that a sample may be in.
type Candidate struct {
	Label      string  `json:"label"`
	Confidence float64 `json:"confidence"` // from 0 to 1; Label's and those of the candidates need not add up to 1
	// Same says that it reads the words that were looked at as the same text: which of the two it is makes no difference
	// so far.
	Same bool `json:"same,omitempty"`
}

// Sniff guesses the encoding of a text from its beginning; 64 KiB is a good size. The sample may end within a character.
// It never fails: an empty sample is an ASCII one. It takes time linear in the length of the sample, keeps nothing of
// it, and gives the same answer for the same bytes, always.
//
// The first of these that applies decides:
//
//  1. a byte order mark;
//  2. UTF-16 or UTF-32 in either order, by where the zero bytes stand and whether ASCII punctuation comes out;
//  3. the escape sequences of ISO-2022-JP;
//  4. no byte at or above 0x80: ASCII;
//  5. UTF-8 mixed with a legacy encoding, also behind the byte order mark of UTF-8: at least three different cells, on
//     three lines, and one in twenty of those that are not ASCII, are well-formed, and as many are not and read well in one
//     legacy encoding, which must be one that rarely looks like UTF-8 in cells as long as these;
//  6. UTF-8, if what is not ASCII is well-formed, or at least twice as often well-formed as not; a lone letter of another
//     script in a word of ASCII letters does not count as well-formed, as with Polish capitals in windows-1250;
//  7. of the legacy encodings the one whose text looks most like a language that is written in it.
func Sniff(sample []byte) Guess {
	for _, sniff := range []func([]byte) (Guess, bool){sniffMark, sniffWide, sniffISO2022JP, sniffASCII, sniffUTF8} {
		if g, ok := sniff(sample); ok {
			return g
		}
	}
	return sniffLegacy(sample)
}

func sniffMark(sample []byte) (Guess, bool) {
	for _, mark := range marks {
		rest, ok := bytes.CutPrefix(sample, mark.bytes)
		if !ok || mark.label == "UTF-32LE" && !isUTF32LE(rest) {
			continue
		}
		g := Guess{Label: mark.label, Confidence: 1, BOM: len(mark.bytes),
			Evidence: []string{"it begins with the byte order mark of " + mark.label}}
		if mark.label == "UTF-8" {
			c := countUTF8(rest)
			if mixed, ok := sniffMixed(rest, c); ok {
				mixed.BOM, mixed.Evidence = g.BOM, append(g.Evidence, mixed.Evidence...)
				return mixed, true
			}
			if c.broken > 0 {
				g.Confidence = max(0.5, c.confidence())
				g.Evidence = append(g.Evidence, c.String())
				g.RunnersUp = rescuers(rest, 1-g.Confidence)
			}
		}
		return g, true
	}
	return Guess{}, false
}

// isUTF32LE says whether all of p are characters of UTF-32LE, so that FF FE 00 00 was not a UTF-16LE mark and a NUL.
func isUTF32LE(p []byte) bool {
	for n := 0; len(p)-n >= 4; n += 4 {
		if r, _ := (utf32Codec{}).next(p[n:], nil); r == malformed {
			return false
		}
	}
	return true
}

func sniffASCII(sample []byte) (Guess, bool) {
	if asciiLen(sample) < len(sample) {
		return Guess{}, false
	}
	return Guess{Label: "UTF-8", Confidence: 1, ASCII: true,
		Evidence:  []string{"all of it is ASCII, so UTF-8 is only assumed"},
		RunnersUp: []Candidate{{Label: "windows-1252", Confidence: 1, Same: true}}}, true
}

// wide are the encodings of more than one byte a unit.
var wide = []struct {
	label string
	unit  int
	codec codec
	ascii int // which byte of a unit holds an ASCII character; the others are zero then
}{
	{"UTF-32LE", 4, utf32Codec{}, 0},
	{"UTF-32BE", 4, utf32Codec{big: true}, 3},
	{"UTF-16LE", 2, utf16Codec{}, 0},
	{"UTF-16BE", 2, utf16Codec{big: true}, 1},
}

// sniffWide finds UTF-16 and UTF-32 without a byte order mark. In a table of any language the delimiters, line endings
// and digits are ASCII; so of the bytes that look like those and stand where an ASCII character would, most must be with
// zeros only. In an 8-bit text with NUL bytes few are: padding comes in runs, and a NUL unit counts against.
func sniffWide(sample []byte) (Guess, bool) {
	if bytes.IndexByte(sample, 0) < 0 {
		return Guess{}, false
	}
	for _, w := range wide {
		units, ascii, structure, looks, bad := 0, 0, 0, 0, 0
		tolerance := len(sample) / w.unit / 50
		for n := 0; len(sample)-n >= w.unit && bad <= tolerance; {
			r, size := w.codec.next(sample[n:min(n+4, len(sample))], nil)
			if r == malformed && len(sample)-n < maxChar {
				break // cut by the end of the sample
			}
			units++
			if isStructure(sample[n+w.ascii]) {
				looks++
			}
			switch {
			case r == malformed || r < ' ' && r != '\t' && r != '\n' && r != '\r' || 0xE000 <= r && r < 0xF900 || r&0xFFFE == 0xFFFE:
				bad++
			case r < 0x7F:
				ascii++
				if isStructure(sample[n+w.ascii]) {
					structure++
				}
			}
			n += size
		}
		if units == 0 || bad > tolerance {
			continue
		}
		if ascii*2 >= units || structure > 0 && structure*2 >= looks {
			confidence := 1 - 1/float64(units+2) - float64(bad)/float64(units)
			return Guess{Label: w.label, Confidence: max(0, confidence),
				Evidence: []string{fmt.Sprintf("without a byte order mark; in units of %d bytes %d of %d are ASCII and %d are no characters",
					w.unit, ascii, units, bad)},
				RunnersUp: []Candidate{{Label: "windows-1252", Confidence: 1 - max(0, confidence)}}}, true
		}
	}
	return Guess{}, false
}

// isStructure says whether a byte is likely to be there for the table's sake.
func isStructure(b byte) bool {
	switch b {
	case '\t', '\n', '\r', ' ', '"', ',', ';', '|':
		return true
	}
	return isDigit(b)
}

func sniffISO2022JP(sample []byte) (Guess, bool) {
	if bytes.IndexByte(sample, escape) < 0 {
		return Guess{}, false
	}
	e := byName["iso-2022-jp"]
	e.prepare()
	var s state
	escapes, chars, bad := 0, 0, 0
	for n := 0; n < len(sample); {
		r, size := e.codec.next(sample[n:], &s)
		switch {
		case r == malformed && len(sample)-n >= maxChar:
			bad++
		case r == silent:
			escapes++
		case r >= 0x80:
			chars++
		}
		n += size
	}
	if chars == 0 || bad*10 > chars {
		return Guess{}, false
	}
	confidence := 1 - 1/float64(10*chars+10) - float64(bad)/float64(chars+bad)
	return Guess{Label: e.name, Confidence: confidence,
		Evidence:  []string{fmt.Sprintf("%d of its escape sequences, %d characters written with them and %d broken ones", escapes, chars, bad)},
		RunnersUp: []Candidate{{Label: "UTF-8", Confidence: 1 - confidence}}}, true
}

// utf8Count is how much of a text is UTF-8, apart from ASCII.
type utf8Count struct {
	good   int  // well-formed characters
	broken int  // malformed parts
	cut    bool // the text ends within a character
}

func countUTF8(p []byte) (c utf8Count) {
	whole := wholeUTF8(p)
	c.cut = whole < len(p)
	for n := 0; n < whole; {
		if p[n] < utf8.RuneSelf {
			n += asciiLen(p[n:whole])
			continue
		}
		r, size := utf8Codec{}.next(p[n:whole], nil)
		if r == malformed || isStranger(p, n, size, r) {
			c.broken++
		} else {
			c.good++
		}
		n += size
	}
	return c
}

// isStranger says whether a well-formed character of UTF-8 rather is two of a legacy encoding: a letter of another script,
// or one that no language is written with, alone in a word of ASCII letters. In Polish and Czech capitals there are many:
// SPÓŁKA in windows-1250 is well-formed, with a letter of Tajik. Greek is left out, as in µm and kΩ, and so is what Russian
// has, which people mix up with Latin letters that look the same.
func isStranger(p []byte, at, size int, r rune) bool {
	if size != 2 || r < 0x28C || 0x2B0 <= r && r < 0x460 {
		return false
	}
	before, behind := byte(0), byte(0)
	if at > 0 {
		before = p[at-1]
	}
	if at+size < len(p) {
		behind = p[at+size]
	}
	return before < utf8.RuneSelf && behind < utf8.RuneSelf && (isASCIILetter(rune(before)) || isASCIILetter(rune(behind)))
}

// isUTF8 says whether p is well-formed UTF-8 that does not rather look like something else.
func isUTF8(p []byte) bool { return utf8.Valid(p) && countUTF8(p).broken == 0 }

// confidence grows with what is well-formed and falls with what is not, fast: text of a legacy encoding is well-formed
// by accident once in some ten characters, and the more there are the less likely is it that all are.
func (c utf8Count) confidence() float64 {
	good, broken := float64(c.good), float64(c.broken)
	return (1 - 0.1/(1+good)) * good / (good + 2*broken)
}

func (c utf8Count) String() string {
	return fmt.Sprintf("well-formed characters of UTF-8: %d; broken parts: %d", c.good, c.broken)
}

func sniffUTF8(sample []byte) (Guess, bool) {
	c := countUTF8(sample)
	if g, ok := sniffMixed(sample, c); ok {
		return g, true
	}
	g := Guess{Label: "UTF-8", Confidence: c.confidence(), Evidence: []string{c.String()}}
	if c.good == 0 && c.broken == 0 && len(sample) >= longSample {
		// All there is besides ASCII is the beginning of a character at the very end.
		g.Confidence = 0.5
		g.Evidence = []string{"ASCII, and at the end what may be the beginning of a UTF-8 character"}
	} else if c.good == 0 || c.good < 2*c.broken {
		return Guess{}, false
	}
	if c.broken == 0 && !c.cut {
		g.RunnersUp = rescuer(1 - g.Confidence)
	} else {
		g.RunnersUp = rescuers(sample, 1-g.Confidence)
	}
	return g, true
}

// longSample is a length in bytes from which on a sample's end rather cut a UTF-8 character than being the only place
// where a legacy encoding shows.
const longSample = 1024

// rescuers are the encodings that what is not UTF-8 in a UTF-8 text may be in, with a confidence of all together.
func rescuers(sample []byte, confidence float64) []Candidate {
	ev := gather(sample)
	defer evidences.Put(ev)
	if ev.chars == 0 {
		return rescuer(confidence)
	}
	return share(rank(candidates(ev), ev), confidence)
}

// rescuer is the most common legacy encoding, where nothing tells which it could be.
func rescuer(confidence float64) []Candidate {
	return []Candidate{{Label: "windows-1252", Confidence: confidence}}
}

// runnersUp gives the best behind the first; at least one of them reads the sample otherwise, if there is one.
func runnersUp(all []Candidate) []Candidate {
	best := all[1 : 1+maxRunnersUp]
	differs := func(c Candidate) bool { return !c.Same }
	if !slices.ContainsFunc(best, differs) {
		if i := slices.IndexFunc(all[1:], differs); i >= 0 {
			best[maxRunnersUp-1] = all[1+i]
		}
	}
	return best
}

// share gives the best of all, with a confidence of all together.
func share(all []Candidate, confidence float64) []Candidate {
	all = all[:min(len(all), maxRunnersUp)]
	for i := range all {
		all[i].Confidence *= confidence
		all[i].Same = false // as each other, not as the first guess
	}
	return all
}

// maxRunnersUp is how many runners-up a guess has at most.
const maxRunnersUp = 4

func sniffLegacy(sample []byte) Guess {
	ev := gather(sample)
	defer evidences.Put(ev)
	scores := candidates(ev)
	all := rank(scores, ev)
	best := scores[0]
	return Guess{Label: all[0].Label, Confidence: all[0].Confidence,
		Evidence: []string{
			fmt.Sprintf("distinct words that are neither ASCII nor UTF-8: %d, with bytes at or above 0x80: %d", len(ev.parts), ev.chars),
			fmt.Sprintf("as %s they look most like %s", best.enc.name, best.language),
		},
		RunnersUp: runnersUp(all)}
}
