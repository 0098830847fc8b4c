package encoding

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

type utf8Codec struct{ plainASCII }

func (utf8Codec) next(src []byte, _ *state) (rune, int) {
	r, size := utf8.DecodeRune(src)
	if r == utf8.RuneError && size == 1 {
		return malformed, brokenUTF8(src)
	}
	return r, size
}

// brokenUTF8 is the length of the malformed part that p begins with: the longest start of a well-formed sequence, at
// least one byte. That is "maximal subpart" in the Unicode Standard, section 3.9, and what the WHATWG decoder does.
func brokenUTF8(p []byte) int {
	n, lo, hi := 0, byte(0x80), byte(0xBF) // trail bytes wanted, and the range of the first of them
	switch c := p[0]; {
	case 0xC2 <= c && c <= 0xDF:
		n = 1
	case c == 0xE0:
		n, lo = 2, 0xA0
	case c == 0xED:
		n, hi = 2, 0x9F
	case 0xE1 <= c && c <= 0xEF:
		n = 2
	case c == 0xF0:
		n, lo = 3, 0x90
	case c == 0xF4:
		n, hi = 3, 0x8F
	case 0xF1 <= c && c <= 0xF3:
		n = 3
	}
	size := 1
	for size <= n && size < len(p) && lo <= p[size] && p[size] <= hi {
		lo, hi = 0x80, 0xBF
		size++
	}
	return size
}

// wholeUTF8 is the length of p without a sequence that its end cuts short.
func wholeUTF8(p []byte) int {
	for i := len(p) - 1; i >= 0 && i > len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				break
			}
			return i
		}
	}
	return len(p)
}

type utf16Codec struct{ big bool }

func (c utf16Codec) unit(p []byte) rune {
	if c.big {
		return rune(binary.BigEndian.Uint16(p))
	}
	return rune(binary.LittleEndian.Uint16(p))
}

// ascii reads four units at a time.
func (c utf16Codec) ascii(dst, src []byte) ([]byte, int) {
	const notASCII = 0xFF80_FF80_FF80_FF80
	n := 0
	for ; len(src)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(src[n:])
		if c.big {
			w = w>>8&0x00FF_00FF_00FF_00FF | w&0x00FF_00FF_00FF_00FF<<8
		}
		if w&notASCII != 0 {
			break
		}
		dst = append(dst, byte(w), byte(w>>16), byte(w>>32), byte(w>>48))
	}
	return dst, n
}

func (c utf16Codec) next(src []byte, _ *state) (rune, int) {
	if len(src) < 2 {
		return malformed, 1
	}
	r := c.unit(src)
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(src) >= 4 {
		if r = utf16.DecodeRune(r, c.unit(src[2:])); r != utf8.RuneError {
			return r, 4
		}
	}
	return malformed, 2
}

type utf32Codec struct {
	noASCII
	big bool
}

func (c utf32Codec) next(src []byte, _ *state) (rune, int) {
	if len(src) < 4 {
		return malformed, len(src)
	}
	u := binary.LittleEndian.Uint32(src)
	if c.big {
		u = binary.BigEndian.Uint32(src)
	}
	if u > utf8.MaxRune || !utf8.ValidRune(rune(u)) {
		return malformed, 4
	}
	return rune(u), 4
}
