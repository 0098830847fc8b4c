package encoding

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Reading is a cell that spoke for or against an encoding, read in it and in its rival.
type Reading struct {
	Text    string // in the encoding of the guess, shortened and with U+FFFD for control characters
	Instead string // in the rival, likewise
	// Weight is how much more likely Text is than Instead, as the natural logarithm of the ratio; below 0 if it is less
	// likely.
	Weight float64
}

// Explain gives the cells that decided a guess about a sample, those with the most weight first, at most n; and the rival:
// the best of the runners-up that would read them otherwise. There is none, and no cell, where no cell decided: with a byte
// order mark, UTF-16, UTF-32, ISO-2022-JP, ASCII, or where all runners-up read the same text.
//
// Unlike [Guess.Evidence], what it gives is the sample's own text, up to some 40 characters of a cell: it is for whoever may
// see the file. It takes several times as long as Sniff.
func (g Guess) Explain(sample []byte, n int) (rival string, cells []Reading) {
	ours := lookup(g.Label)
	if ours == nil || g.ASCII || g.BOM > 0 && g.Mixed == "" || ours.Unit() > 1 || ours.kind == kindISO2022 {
		return "", nil
	}
	sample = sample[max(0, min(len(sample), g.BOM)):]
	for _, r := range g.RunnersUp {
		theirs := lookup(r.Label)
		if r.Same || r.Label == g.Mixed || theirs == nil || theirs.Unit() > 1 {
			continue
		}
		others := false
		for start, end := range distinctCells(sample, maxExplained) {
			if end == len(sample) && others {
				break // it may end within a character
			}
			others = true
			cell, ours := sample[start:end], ours
			if other := lookup(g.Mixed); other != nil && !utf8.Valid(cell) {
				ours = other
			}
			text, _ := ours.Append(nil, cell)
			instead, _ := theirs.Append(nil, cell)
			if !bytes.Equal(text, instead) {
				cells = append(cells, Reading{brief(text), brief(instead), weigh(cell, ours) - weigh(cell, theirs)})
			}
		}
		if len(cells) > 0 {
			rival = theirs.name
			break
		}
	}
	slices.SortStableFunc(cells, func(a, b Reading) int { return cmp.Compare(math.Abs(b.Weight), math.Abs(a.Weight)) })
	return rival, cells[:max(0, min(n, len(cells)))]
}

const maxExplained = 1000 // different cells

// weigh is the logarithm of the likelihood of a cell in an encoding, as Sniff has it.
func weigh(cell []byte, e *Encoding) float64 {
	if e.kind == kindUTF8 {
		// See utf8Count.confidence: other text is well-formed once in some ten characters, and UTF-8 is rarely broken.
		c := countUTF8(cell)
		return math.Ln10 * float64(c.good-3*c.broken)
	}
	for i := range legacy {
		if legacy[i].enc != e {
			continue
		}
		ev := gather(cell)
		defer evidences.Put(ev)
		legacy[i].prepare()
		var t tally
		t.reset(&legacy[i])
		t.add(ev, 0, len(ev.parts))
		return -float64(t.cost-t.prior) / nat
	}
	return 0
}

// brief shortens a text that is not ASCII to 40 characters or so around the first that is not, with U+FFFD for control
// characters, which a terminal might obey.
func brief(text []byte) string {
	const before, length = 10, 40
	runes := []rune(string(text))
	for i, r := range runes {
		if unicode.IsControl(r) {
			runes[i] = utf8.RuneError
		}
	}
	first := max(0, slices.IndexFunc(runes, func(r rune) bool { return r >= utf8.RuneSelf })-before)
	cut := func(at int) string {
		if at > 0 && at < len(runes) {
			return "…"
		}
		return ""
	}
	last := min(len(runes), first+length)
	return cut(first) + string(runes[first:last]) + cut(last)
}
