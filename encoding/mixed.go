package encoding

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"slices"
	"unicode/utf8"
)

// cellCount is how the different cells of a text are written that are not ASCII.
type cellCount struct {
	good, goodLines     int     // well-formed UTF-8, and the lines that one of them was first seen on
	legacy, legacyLines int     // not even damaged UTF-8
	damaged             int     // UTF-8 with something broken in it, or cut off
	accidents           float64 // how many are well-formed by accident if all of them are in a legacy encoding, at most
}

// countCells counts the cells of a text. A character is rarely well-formed UTF-8 by accident, so where some are, next to
// what is malformed, it rather is UTF-8 that was damaged.
func countCells(p []byte) (c cellCount) {
	leads := leadsOf(p)
	var lastGood, lastLegacy int // where the last new cell of a kind began
	for at, end := range distinctCells(p, maxCells) {
		cell := p[at:end]
		newLine := func(last *int) int {
			n := 0
			if *last == 0 || bytes.ContainsAny(p[*last:at], "\r\n") {
				n = 1
			}
			*last = end
			return n
		}
		switch u := countUTF8(cell); {
		case u.broken == 0 && !u.cut:
			c.good++
			c.goodLines += newLine(&lastGood)
		case u.broken > 0 && u.broken >= 2*u.good,
			u.broken+u.good == 0 && end < len(p) && !leads[cell[asciiLen(cell)]]:
			c.legacy++
			c.legacyLines += newLine(&lastLegacy)
			c.accidents += accident(cell)
		case u.good > 0 && (u.broken <= 1 || u.broken < u.good):
			c.damaged++
		} // what is in between tells nothing
	}
	return c
}

// maxCells is how many different cells are counted.
const maxCells = 4 << 10

// distinctCells gives where the cells of a text are that are not ASCII, each different one once, and not more than most.
func distinctCells(p []byte, most int) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		seen := make(map[string]struct{})
		for next := 0; len(seen) < most; {
			start := next + asciiLen(p[next:])
			if start == len(p) {
				return
			}
			end := start
			for start > next && !endsCell(p[start-1]) {
				start--
			}
			for end < len(p) && !endsCell(p[end]) {
				end++
			}
			next = end
			if _, ok := seen[string(p[start:end])]; ok {
				continue
			}
			seen[string(p[start:end])] = struct{}{}
			if !yield(start, end) {
				return
			}
		}
	}
}

// leadsOf gives the bytes that well-formed characters of UTF-8 begin with in a text. A cell that ends in another one, as
// René does in windows-1252, was not cut.
func leadsOf(p []byte) (leads [256]bool) {
	for n := 0; n < len(p); {
		n += asciiLen(p[n:])
		if r, size := utf8.DecodeRune(p[n:]); size > 1 {
			leads[p[n]] = true
			n += size
		} else if r == utf8.RuneError {
			n++
		}
	}
	return leads
}

// endsCell says whether a byte stands between cells in most dialects. In no encoding in question is it a trail byte.
func endsCell(b byte) bool { return b < ' ' || b == ',' || b == ';' || b == '"' }

// accident is how many cells that are well-formed UTF-8 there are in a legacy encoding for one like this, which is not. At
// most one in five pairs of bytes at or above 0x80 is a character of UTF-8 in one of those encodings (it is two characters
// of a single-byte one, or one of GBK or EUC, where that is most frequent), and a byte that stands alone never is.
func accident(cell []byte) float64 {
	p := 1.0
	for n := 0; n < len(cell); {
		n += asciiLen(cell[n:])
		run := 0
		for n+run < len(cell) && cell[n+run] >= utf8.RuneSelf {
			run++
		}
		if run == 1 {
			return 0
		}
		p *= math.Pow(0.2, float64(run/2))
		n += run
	}
	return p / (1 - p)
}

// clear says whether there are cells of both kinds beyond doubt: neither a few of one that are strays, nor damage, nor
// accidents.
func (c cellCount) clear() bool {
	const several, share = 3, 20 // cells or lines; of all cells one in so many
	return min(c.good, c.goodLines, c.legacy, c.legacyLines) >= several &&
		share*min(c.good, c.legacy) >= c.good+c.legacy &&
		4*c.damaged <= c.legacy &&
		float64(c.good) >= 4*c.accidents && float64(c.legacy) >= 10*c.accidents
}

// confidence is the probability that both kinds are there, if that is clear.
func (c cellCount) confidence() float64 {
	return (1 - 0.5/float64(1+min(c.good, c.legacy))) * (1 - c.accidents/float64(c.legacy+c.good))
}

// sniffMixed finds UTF-8 that is mixed with a legacy encoding.
func sniffMixed(sample []byte, c utf8Count) (Guess, bool) {
	if c.good == 0 || c.broken == 0 {
		return Guess{}, false
	}
	cells := countCells(sample)
	if !cells.clear() {
		return Guess{}, false
	}
	ev := gather(sample)
	defer evidences.Put(ev)
	scores := candidates(ev)
	best, all := scores[0], rank(scores, ev)
	const readable = 6 // what a character costs at most in text that is read as it was written
	if all[0].Confidence < 0.5 || -best.score > readable*float64(ev.chars) || ev.different() < 2 {
		return Guess{}, false
	}
	g := Guess{Label: "UTF-8", Mixed: best.enc.name, Confidence: cells.confidence() * all[0].Confidence,
		Evidence: []string{
			fmt.Sprintf("of the distinct cells that are not ASCII %d are UTF-8 and %d are not, on %d lines or more", cells.good, cells.legacy, cells.legacyLines),
			fmt.Sprintf("as %s those look most like %s", best.enc.name, best.language),
		}}
	g.RunnersUp = share(all, 1-g.Confidence)
	return g, true
}

// Unmixed is what to make of a sample if it cannot be read as the mixture that g says it is: all UTF-8, so that the other
// cells show as broken; or the other encoding if at least four in five cells are in that. The confidence is the share of
// cells that come out right. A guess that is no mixture stays as it is.
func (g Guess) Unmixed(sample []byte) Guess {
	if g.Mixed == "" {
		return g
	}
	cells := countCells(sample[min(len(sample), g.BOM):])
	g.Evidence = append(slices.Clip(g.Evidence), fmt.Sprintf("it is not read as a mixture with %s", g.Mixed))
	share := float64(cells.good) / float64(max(1, cells.good+cells.legacy))
	if share > 0.2 || g.BOM > 0 {
		g.Mixed, g.Confidence = "", g.Confidence*share
		return g
	}
	legacy := sniffLegacy(sample)
	legacy.Evidence = append(g.Evidence, legacy.Evidence...)
	legacy.Confidence *= 1 - share
	return legacy
}
