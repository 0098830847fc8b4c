package main

import (
	"cmp"
	"encoding/binary"
	"iter"
	"maps"
	"math"
	"slices"
	"unicode"
)

// pairs is how probable a letter is behind another one. Letters stand in lower case.
type pairs struct {
	latin   bool      // the ASCII letters are told apart
	letters []rune    // those beyond ASCII, the most frequent first
	prob    []float64 // for each left and right class
	beyond  float64   // the part of all characters that is beyond ASCII
}

// The classes of characters: what is no letter; the ASCII letters; those in pairs.letters; all other letters.
const (
	boundary = 0
	ascii    = 1 // and, if they are told apart, the 25 behind it
)

const (
	maxLetters = 96
	rare       = 5e-4 // the share of the letters beyond ASCII that a letter needs to be told apart
	smoothing  = 2e-5 // the weight of what is known of a letter without the one before
	mixture    = 0.02 // the part of that in every probability
	unknown    = 5e-3 // the least share of the letters that are not told apart, of those beyond ASCII
	others     = 50   // how many these are
)

func lower(r rune) rune {
	if r == 'İ' { // or else it would be an ASCII letter
		return r
	}
	return unicode.ToLower(r)
}

// newPairs counts the pairs of letters in texts.
func newPairs(texts []text, script *unicode.RangeTable) *pairs {
	p := &pairs{latin: script == unicode.Latin, letters: alphabet(texts, script)}
	k := p.classes()
	pair, left, right := make([]float64, k*k), make([]float64, k), make([]float64, k)
	total := 0.0
	for word, weight := range all(texts) {
		last := boundary
		step := func(c int) {
			pair[last*k+c] += weight
			left[last] += weight
			right[c] += weight
			total += weight
			last = c
		}
		for _, r := range word {
			step(p.class(r))
		}
		step(boundary)
	}
	for c := range right {
		right[c] /= total
		if c >= p.first() {
			p.beyond += right[c]
		}
	}
	right[k-1] = max(right[k-1], unknown*p.beyond) / others
	p.prob = make([]float64, k*k)
	for l := range k {
		for r := range k {
			prob := (pair[l*k+r]/total + smoothing*right[r]) / (left[l]/total + smoothing)
			if r == k-1 {
				prob /= others
			}
			p.prob[l*k+r] = (1-mixture)*prob + mixture*right[r]
		}
	}
	return p
}

// alphabet gives the letters beyond ASCII that are not rare.
func alphabet(texts []text, script *unicode.RangeTable) []rune {
	counts, sum := make(map[rune]float64), 0.0
	for word, weight := range all(texts) {
		for _, r := range word {
			if r = lower(r); r >= 0x80 && r != 'ª' && r != 'º' && r != 'µ' && (unicode.Is(script, r) || unicode.IsMark(r)) {
				counts[r] += weight
				sum += weight
			}
		}
	}
	var letters []rune
	for r, n := range counts {
		if n >= rare*sum {
			letters = append(letters, r)
		}
	}
	slices.SortFunc(letters, func(a, b rune) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return letters[:min(len(letters), maxLetters)]
}

// costs gives what pairs cost, see README.md; of two ASCII letters only by how much they differ from those of common.
func (p *pairs) costs(common *pairs) []byte {
	k, first := p.classes(), p.first()
	costs := make([]byte, k*k)
	for l := range k {
		for r := range k {
			likelihood := p.prob[l*k+r]
			switch {
			case l < first && r >= first:
				likelihood /= p.beyond
			case l < ascii || r < ascii || l >= first || r >= first:
			case p.latin:
				likelihood /= common.prob[l*common.classes()+r]
			default:
				likelihood = 1
			}
			costs[l*k+r] = quantise(likelihood)
		}
	}
	return costs
}

func (p *pairs) classes() int { return p.first() + len(p.letters) + 1 }

// first is the class of the first letter beyond ASCII.
func (p *pairs) first() int {
	if p.latin {
		return ascii + 26
	}
	return ascii + 1
}

func (p *pairs) class(r rune) int {
	switch r = lower(r); {
	case r < 0x80 && p.latin:
		return ascii + int(r-'a')
	case r < 0x80:
		return ascii
	}
	if i := slices.Index(p.letters, r); i >= 0 {
		return p.first() + i
	}
	return p.classes() - 1
}

func (p *pairs) append(bin []byte, common *pairs) []byte {
	latin := 0
	if p.latin {
		latin = 1
	}
	bin = appendUint(bin, latin)
	bin = appendString(bin, string(p.letters))
	return append(bin, p.costs(common)...)
}

// quantise gives the negative natural logarithm of a likelihood in sixteenths, plus 64.
func quantise(p float64) byte {
	return byte(max(0, min(255, 64+math.Round(-16*math.Log(p)))))
}

func appendUint(bin []byte, n int) []byte { return binary.AppendUvarint(bin, uint64(n)) }

func appendString(bin []byte, s string) []byte { return append(appendUint(bin, len(s)), s...) }

// all gives the words of texts with their weights, in the same order each time.
func all(texts []text) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, t := range texts {
			for _, w := range slices.Sorted(maps.Keys(t)) {
				if !yield(w, t[w]) {
					return
				}
			}
		}
	}
}
