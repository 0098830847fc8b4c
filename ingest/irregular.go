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
			if odd == 0 {
				continue
			}
			base := from + 64*i
			odd &= ^uint64(0) << max(behind-base, 0) // the rest of a character that begins in the block before
			for odd != 0 {
				at := base + bits.TrailingZeros64(odd)
				c, n := irregularAt(b[at:])
				if n == 0 {
					return found, false
				}
				switch c {
				case CodeNUL:
					found.nul = true
				case CodeControl:
					found.control = true
				case CodeInvisible:
					found.invisible = true
				}
				behind = at + n
				odd &= ^uint64(0) << (behind - base)
			}
		}
	}
	return found, true
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
