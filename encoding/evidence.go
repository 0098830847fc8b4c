package encoding

import (
	"sync"
	"unicode/utf8"
)

// evidence is what tells one legacy encoding from another: the parts of cells that are not ASCII, each distinct one
// once. So neither the share of such cells nor a value that stands in every row makes a difference.
type evidence struct {
	text    []byte // the parts, each between line feeds
	chars   int    // bytes at or above 0x80 in them
	count   [256]int
	triples []triple
	parts   []part
	seen    [2 << 10]uint64 // a hash table of parts
	tallies [len(legacy)]tally
}

// A part is a word, or several with signs that may belong to characters between them.
type part struct {
	text    int  // where it ends in evidence.text
	triples int  // and in evidence.triples
	cut     bool // it may end within a character
}

// A triple is a byte at or above 0x80 with the bytes before and behind it; or, with a char below 0x80, two ASCII letters
// of a word with such a byte, which say something of its language.
type triple struct {
	left, char, right byte
	again             bool // char stood in an earlier part
}

const (
	// maxEvidence limits the bytes that are looked at; beyond it a part counts only for a byte that was not yet seen, of
	// which there are 128 at most.
	maxEvidence = 8 << 10
	// maxPart limits those of one part.
	maxPart = 512
	// margin is how much ASCII is taken along on both sides of other bytes: a word. No character has that many ASCII bytes.
	margin = 12
)

var evidences = sync.Pool{New: func() any { return new(evidence) }}

// gather takes the evidence out of a sample. It cuts it into words where no encoding in question has a trail byte: at
// spaces, punctuation and control characters below the digits; and within long ASCII, which tells nothing. Parts that are
// valid UTF-8 are left out: they rather are strays in a legacy file than legacy text that happens to be valid.
//
// Who is done with the evidence gives it back by evidences.Put.
func gather(sample []byte) *evidence {
	ev := evidences.Get().(*evidence)
	ev.reset()
	for end := 0; ; {
		high := end + asciiLen(sample[end:])
		if high == len(sample) {
			return ev
		}
		start := high
		for start > end && high-start < margin && !isCut(sample[start-1]) {
			start--
		}
		end = partEnd(sample, high)
		if isUTF8(sample[start:end]) {
			continue
		}
		ev.add(sample[start:end], end == len(sample))
	}
}

// partEnd gives the end of the part that has a byte at or above 0x80 at high.
func partEnd(sample []byte, high int) int {
	end, ascii := high+1, 0
	for ; end < len(sample) && !isCut(sample[end]); end++ {
		if sample[end] >= utf8.RuneSelf {
			ascii = 0
		} else if ascii++; ascii > 2*margin {
			return end + 1 - ascii + margin
		}
	}
	return end
}

// isCut says whether a byte is white space or punctuation in every encoding.
func isCut(b byte) bool { return b < '0' || b == ':' || b == ';' || b == '?' }

// start gives where a part begins.
func (ev *evidence) start(index int) part {
	if index == 0 {
		return part{text: 1}
	}
	return ev.parts[index-1]
}

func (ev *evidence) reset() {
	ev.text, ev.triples, ev.parts = append(ev.text[:0], '\n'), ev.triples[:0], ev.parts[:0]
	ev.chars = 0
	clear(ev.count[:])
	clear(ev.seen[:])
}

// add adds a part, unless it is known or there is enough; cut says that the sample ends with it.
func (ev *evidence) add(word []byte, cut bool) {
	if len(word) > maxPart {
		word, cut = word[:maxPart], true
	}
	if len(ev.text)+len(word) > maxEvidence && !ev.hasNew(word) || !ev.first(word) {
		return
	}
	start := len(ev.text)
	ev.text = append(append(ev.text, word...), '\n')
	// Letters of an ASCII word that only a sign like | keeps apart from others are left out: they tell nothing.
	run, high := len(ev.triples), false
	endRun := func() {
		if !high {
			ev.triples = ev.triples[:run]
		}
		run, high = len(ev.triples), false
	}
	for i := start; i < len(ev.text)-1; i++ {
		b := ev.text[i]
		if b >= utf8.RuneSelf {
			ev.chars++
			ev.triples = append(ev.triples, triple{ev.text[i-1], b, ev.text[i+1], ev.count[b] > 0})
			high = true
		} else if isASCIILetter(rune(b)) {
			if isASCIILetter(rune(ev.text[i+1])) {
				ev.triples = append(ev.triples, triple{left: b, char: ev.text[i+1]})
			}
		} else {
			endRun()
		}
	}
	endRun()
	for _, b := range word {
		ev.count[b]++
	}
	ev.parts = append(ev.parts, part{len(ev.text), len(ev.triples), cut})
}

// different is how many different bytes at or above 0x80 there are.
func (ev *evidence) different() int {
	n := 0
	for _, count := range ev.count[utf8.RuneSelf:] {
		if count > 0 {
			n++
		}
	}
	return n
}

// hasNew says whether a part has a byte at or above 0x80 that no other has.
func (ev *evidence) hasNew(word []byte) bool {
	for _, b := range word {
		if b >= utf8.RuneSelf && ev.count[b] == 0 {
			return true
		}
	}
	return false
}

// first says whether a part was not seen before, and keeps its hash. When the table is full it forgets.
func (ev *evidence) first(word []byte) bool {
	hash := uint64(14695981039346656037) // FNV-1a: the same in every run of the program
	for _, b := range word {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	hash |= 1 // 0 is a free place
	const tries = 8
	at := hash >> 32
	for i := range uint64(tries) {
		switch place := &ev.seen[(at+i)%uint64(len(ev.seen))]; *place {
		case hash:
			return false
		case 0:
			*place = hash
			return true
		}
	}
	ev.seen[at%uint64(len(ev.seen))] = hash
	return true
}
