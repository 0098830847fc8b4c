package encoding

import (
	"encoding/binary"
	"math/bits"
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

// word reads four units, the first of them lowest.
func (c utf16Codec) word(p []byte) uint64 {
	w := binary.LittleEndian.Uint64(p)
	if c.big {
		w = w>>8&0x00FF_00FF_00FF_00FF | w&0x00FF_00FF_00FF_00FF<<8
	}
	return w
}

// notASCII are the bits that are zero in four units of ASCII.
const notASCII = 0xFF80_FF80_FF80_FF80

// pack makes four bytes of four units of ASCII, or as many of them as come before another unit.
func pack(w uint64) uint32 {
	w |= w >> 8
	return uint32(w&0xFFFF | w>>16&0xFFFF_0000)
}

// bulk turns big-endian text around first, a piece at a time, but for long stretches of ASCII.
func (c utf16Codec) bulk(dst, src []byte) (written, read int) {
	if !c.big {
		return bulkUTF16LE(dst, src)
	}
	var piece [256]byte
	for limit := 32; ; limit = len(piece) {
		n := c.ascii(dst[written:], src)
		written, read, src = written+n, read+2*n, src[2*n:]
		size := 0
		for ; len(src)-size >= 8 && size < limit; size += 8 {
			binary.LittleEndian.PutUint64(piece[size:], c.word(src[size:]))
		}
		w, r := bulkUTF16LE(dst[written:], piece[:size])
		written, read, src = written+w, read+r, src[r:]
		if r == 0 || r+16 < size { // it met what is rare
			return written, read
		}
	}
}

func bulkUTF16LE(dst, src []byte) (written, read int) {
	room, whole := len(dst), len(src)
	for len(src) >= 16 && len(dst) >= 24 {
		low, high := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		binary.LittleEndian.PutUint64(dst, uint64(pack(low))|uint64(pack(high))<<32)
		if (low|high)&notASCII == 0 {
			n := 8 + utf16Codec{}.ascii(dst[8:], src[16:])
			dst, src = dst[n:], src[2*n:]
			continue
		}
		ascii := bits.TrailingZeros64(low&notASCII) / 16
		dst, src = dst[ascii:], src[2*ascii:]
		low = binary.LittleEndian.Uint64(src)
		// Four characters, ASCII or not. Each is written with four bytes: what is too much, the next one writes over.
		window := (*[20]byte)(dst)
		n := uint32(0)
		for range 4 {
			r := uint32(uint16(low))
			if utf16.IsSurrogate(rune(r)) {
				return room - len(dst) + int(n), whole - len(src)
			}
			text, size := basicUTF8(r)
			binary.LittleEndian.PutUint32(window[n%16:], text)
			n += size
			low >>= 16
			src = src[2:]
		}
		dst = dst[n:]
	}
	written, read = utf16Codec{}.plain(dst, src)
	return room - len(dst) + written, whole - len(src) + read
}

// ascii writes the ASCII that src begins with, 16 units at a time, and returns their number.
func (c utf16Codec) ascii(dst, src []byte) int {
	room, other := len(dst), uint64(notASCII)
	if c.big {
		other = bits.RotateLeft64(notASCII, 8) // notASCII, turned around
	}
	for len(src) >= 32 && len(dst) >= 16 {
		w0, w1 := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		w2, w3 := binary.LittleEndian.Uint64(src[16:]), binary.LittleEndian.Uint64(src[24:])
		if (w0|w1|w2|w3)&other != 0 {
			break
		}
		if c.big {
			w0, w1, w2, w3 = w0>>8, w1>>8, w2>>8, w3>>8
		}
		binary.LittleEndian.PutUint64(dst, uint64(pack(w0))|uint64(pack(w1))<<32)
		binary.LittleEndian.PutUint64(dst[8:], uint64(pack(w2))|uint64(pack(w3))<<32)
		dst, src = dst[16:], src[32:]
	}
	return room - len(dst)
}

func (c utf16Codec) plain(dst, src []byte) (written, read int) {
	n := c.ascii(dst, src)
	for ; len(src)-2*n >= 8 && len(dst)-n >= 4; n += 4 {
		w := c.word(src[2*n:])
		if w&notASCII != 0 {
			break
		}
		binary.LittleEndian.PutUint32(dst[n:], pack(w))
	}
	return n, 2 * n
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
