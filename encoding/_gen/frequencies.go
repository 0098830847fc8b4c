package main

import (
	"cmp"
	"slices"
)

// frequencies is how probable a character is.
type frequencies map[rune]float64

// unseen is the probability of a character that no source has.
const unseen = 6e-6

func newFrequencies(texts []text) frequencies {
	f, sum := make(frequencies), 0.0
	for word, weight := range all(texts) {
		for _, r := range word {
			if r >= 0x80 {
				f[r] += weight
				sum += weight
			}
		}
	}
	for r := range f {
		f[r] /= sum
	}
	return f
}

// append writes the figures of ranges of characters: the number of ranges, and for each its first character, its length
// and the figures.
func (f frequencies) append(bin []byte, ranges [][2]rune) []byte {
	bin = appendUint(bin, len(ranges))
	for _, span := range ranges {
		bin = appendUint(bin, int(span[0]))
		bin = appendUint(bin, int(span[1]-span[0]+1))
		for r := span[0]; r <= span[1]; r++ {
			bin = append(bin, quantise(max(f[r], unseen)))
		}
	}
	return bin
}

// most gives the n most frequent characters.
func (f frequencies) most(n int) string {
	all := make([]rune, 0, len(f))
	for r := range f {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b rune) int { return cmp.Or(cmp.Compare(f[b], f[a]), cmp.Compare(a, b)) })
	return string(all[:min(n, len(all))])
}
