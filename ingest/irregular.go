package ingest

import (
	"math/bits"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// irregular says which kinds of irregular characters a text has.
type irregular struct{ nul, control, invisible bool }

func (i irregular) any() bool { return i.nul || i.control || i.invisible }

// irregularRune gives the code of an irregular character, "" for a regular one. The zero-width joiner and
// non-joiner are regular: scripts and emoji need them.
func irregularRune(r rune) Code {
	switch {
	case r == 0:
		return CodeNUL
	case r == '\t' || r == '\n' || r == '\r':
		return ""
	case r < ' ', r >= 0x7f && r < 0xa0:
		return CodeControl
	case r == 0xa0, r == 0x2007, r == 0x202f, r == 0x200b, r == 0x2060, r == 0xfeff:
		return CodeInvisible
	}
	return ""
}

// findIrregular looks for irregular characters. Valid says that b is well-formed UTF-8; if it is not, nothing is known of
// what is behind the first fault. Only bytes that are not those of ordinary ASCII are looked at one by one.
func findIrregular(b []byte, odds *scan.Odds) (found irregular, valid bool) {
	for from, behind := 0, 0; from < len(b); from += scan.OddsPiece {
		for i, odd := range odds.Find(b[from:]) {
			if behind = found.among(b, from+64*i, odd, behind); behind < 0 {
				return found, false
			}
		}
	}
	return found, true
}

// findIrregularIn does the same where it is known which bytes to look at. These may be tabs. Where there are some there may
// be many, which findIrregular does not look at one by one.
func findIrregularIn(blocks []scan.OddBlock, b []byte, odds *scan.Odds) (found irregular, valid bool) {
	behind := 0
	for _, block := range blocks {
		at := int(block.At)
		if b[at+bits.TrailingZeros64(block.Odd)] == '\t' {
			rest, valid := findIrregular(b[at:], odds)
			return irregular{found.nul || rest.nul, found.control || rest.control, found.invisible || rest.invisible}, valid
		}
		if behind = found.among(b, at, block.Odd, behind); behind < 0 {
			return found, false
		}
	}
	return found, true
}

// among notes what the odd ones of the 64 bytes from b[base] on are, but for those before behind: they belong to a character
// that began earlier. It gives where the last character ends, or -1 if there are bytes that are no character.
func (i *irregular) among(b []byte, base int, odd uint64, behind int) int {
	for odd &= ^uint64(0) << max(behind-base, 0); odd != 0; odd &= ^uint64(0) << (behind - base) {
		at := base + bits.TrailingZeros64(odd)
		c, n := irregularAt(b[at:])
		if n == 0 {
			return -1
		}
		switch c {
		case CodeNUL:
			i.nul = true
		case CodeControl:
			i.control = true
		case CodeInvisible:
			i.invisible = true
		}
		behind = at + n
	}
	return behind
}

// irregularAt gives the code of the character at the beginning of b, and how long it is: 0 if there is none. Most of those
// beyond ASCII are told by their first byte to be regular.
func irregularAt(b []byte) (c Code, n int) {
	switch lead := b[0]; {
	case lead < utf8.RuneSelf:
		return irregularRune(rune(lead)), 1
	case lead > 0xc2 && lead < 0xe0 && len(b) > 1 && b[1]&0xc0 == 0x80:
		return "", 2
	}
	r, n := utf8.DecodeRune(b)
	if n == 1 {
		return "", 0
	}
	return irregularRune(r), n
}
