package encoding

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// doubleCodec is an encoding of ASCII, single characters at or above 0x80, and lead bytes followed by trail bytes.
type doubleCodec struct {
	plainASCII
	one   [256]int32  // characters of one byte, for bytes at or above 0x80
	lead  [256]bool   // bytes that begin some character of two bytes
	two   []int32     // characters of two bytes, malformed where there are none: see pairIndex
	three []int32     // EUC-JP: JIS X 0212 after ss3, at (second-0xA1)*94 + third-0xA1
	four  fourDecoder // gb18030: characters of four bytes
}

const (
	firstLead, lastLead   = 0x81, 0xFE
	firstTrail, lastTrail = 0x40, 0xFE

	ss3 = 0x8F // "single shift three": EUC-JP's prefix of a character of JIS X 0212
)

// pairIndex is the place in doubleCodec.two of a lead byte, which is at or above 0x80, with any byte after it.
func pairIndex(lead, trail byte) int { return int(lead&0x7F)<<8 | int(trail) }

// newDoubleCodec asks x/text for every character there is.
func newDoubleCodec(e *Encoding) *doubleCodec {
	c := &doubleCodec{two: make([]int32, 0x80<<8)}
	for i := range c.two {
		c.two[i] = malformed
	}
	x, text := e.from.NewDecoder(), make([]byte, 16)
	all := func(prefix []byte, lo, hi int, each func(b byte, r rune)) {
		src := append(slices.Clip(prefix), 0)
		for b := lo; b <= hi; b++ {
			src[len(prefix)] = byte(b)
			n, _, _ := x.Transform(text, src, true) // x/text's decoders replace, they do not fail
			each(byte(b), oneRune(text[:n]))
		}
	}
	all(nil, 0x80, 0xFF, func(b byte, r rune) { c.one[b] = r })
	for l := firstLead; l <= lastLead; l++ {
		if c.one[l] != malformed || e.name == "EUC-JP" && l == ss3 {
			continue
		}
		all([]byte{byte(l)}, firstTrail, lastTrail, func(b byte, r rune) {
			c.two[pairIndex(byte(l), b)] = r
			c.lead[l] = c.lead[l] || r != malformed
		})
	}
	switch e.name {
	case "EUC-JP":
		c.three = make([]int32, 94*94)
		for row := range 94 {
			all([]byte{ss3, byte(0xA1 + row)}, 0xA1, 0xFE, func(b byte, r rune) {
				c.three[row*94+int(b-0xA1)] = r
			})
		}
	case "gb18030":
		c.four = decodeFour
	}
	return c
}

// oneRune is the character that p is, or malformed if p is not a single one.
func oneRune(p []byte) rune {
	r, size := utf8.DecodeRune(p)
	switch {
	case size != len(p):
		if i := slices.Index(pairs, string(p)); i >= 0 {
			return pair - rune(i)
		}
		return malformed
	case r == utf8.RuneError:
		return malformed
	}
	return r
}

func (c *doubleCodec) next(src []byte, _ *state) (rune, int) {
	b := src[0]
	if b < utf8.RuneSelf {
		return rune(b), 1
	}
	if r := c.one[b]; r != malformed {
		return r, 1
	}
	if b == ss3 && c.three != nil {
		return c.nextThree(src)
	}
	if !c.lead[b] || len(src) < 2 {
		return malformed, 1
	}
	t := src[1]
	if r := c.two[pairIndex(b, t)]; r != malformed {
		return r, 2
	}
	if t < utf8.RuneSelf {
		if c.four != nil && isDigit(t) && len(src) >= 4 && firstLead <= src[2] && src[2] <= lastLead && isDigit(src[3]) {
			return c.four([4]byte(src)), 4
		}
		return malformed, 1 // the ASCII character stays
	}
	return malformed, 2
}

func (c *doubleCodec) bulk(dst, src []byte) (written, read int) {
	room, whole := len(dst), len(src)
	for len(src) >= 16 && len(dst) >= 16 {
		low, high := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		binary.LittleEndian.PutUint64(dst, low)
		binary.LittleEndian.PutUint64(dst[8:], high)
		if (low|high)&highBits == 0 {
			dst, src = dst[16:], src[16:]
			continue
		}
		ascii := bits.TrailingZeros64(low&highBits) / 8
		dst, src = dst[ascii:], src[ascii:]
		for len(src) >= 2 && len(dst) >= 4 && src[0] >= utf8.RuneSelf {
			r, size := c.one[src[0]], 1
			if r == malformed {
				r, size = c.two[pairIndex(src[0], src[1])], 2
			}
			if uint32(r) > 0xFFFF { // malformed, a pair, or beyond the basic plane
				return room - len(dst), whole - len(src)
			}
			text, length := basicUTF8(uint32(r))
			binary.LittleEndian.PutUint32(dst, text) // what is too much, the next one writes over
			dst, src = dst[length:], src[size:]
		}
	}
	ascii := copyASCII(dst, src)
	return room - len(dst) + ascii, whole - len(src) + ascii
}

func (c *doubleCodec) nextThree(src []byte) (rune, int) {
	switch {
	case len(src) < 2 || src[1] < 0xA1 || src[1] == 0xFF:
		return malformed, 1
	case len(src) < 3 || src[2] < 0xA1 || src[2] == 0xFF:
		return malformed, 2
	}
	return c.three[int(src[1]-0xA1)*94+int(src[2]-0xA1)], 3
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// fourDecoder reads a character of four bytes, each of them in its range.
type fourDecoder func(src [4]byte) rune

// decodeFour asks x/text, which keeps the ranges of gb18030 to itself: such characters are rare.
func decodeFour(src [4]byte) rune {
	if src == [4]byte{0x84, 0x31, 0xA4, 0x37} {
		return utf8.RuneError // U+FFFD itself
	}
	text, _ := simplifiedchinese.GB18030.NewDecoder().Bytes(src[:])
	return oneRune(text)
}

// state is which character set an escape sequence of ISO-2022-JP has switched to.
type state uint8

const (
	inASCII    state = iota
	inRoman          // JIS X 0201, left half: ASCII with a yen sign and an overline
	inKatakana       // JIS X 0201, right half
	inKanji          // JIS X 0208
	inExtra          // JIS X 0212
)

const (
	shiftOut = 0x0E
	shiftIn  = 0x0F
	escape   = 0x1B
)

var escapes = []struct {
	bytes string
	state state
}{
	{"\x1B(B", inASCII},
	{"\x1B(J", inRoman},
	{"\x1B(I", inKatakana},
	{"\x1B$@", inKanji},
	{"\x1B$B", inKanji},
	{"\x1B$(D", inExtra},
}

// iso2022Codec is ISO-2022-JP: RFC 1468, with the extensions of the WHATWG standard and JIS X 0212 of RFC 1554.
// The end of a line switches back to ASCII, as the RFC wants lines to end; so every record can be decoded by itself.
type iso2022Codec struct {
	noASCII
	jis *doubleCodec // EUC-JP: the same character sets, with the high bit set
}

func (c iso2022Codec) next(src []byte, s *state) (rune, int) {
	b := src[0]
	switch {
	case b >= 0x80 || b == shiftOut || b == shiftIn:
		return malformed, 1
	case b == escape:
		for i := range escapes {
			if n := len(escapes[i].bytes); len(src) >= n && string(src[:n]) == escapes[i].bytes {
				*s = escapes[i].state
				return silent, n
			}
		}
		return malformed, 1
	case b == '\n' || b == '\r':
		*s = inASCII
		return rune(b), 1
	case b <= ' ' || b == 0x7F: // the same in every set
		return rune(b), 1
	}
	switch *s {
	case inRoman:
		switch b {
		case '\\':
			return '¥', 1
		case '~':
			return '‾', 1
		}
	case inKatakana:
		if b >= 0x60 {
			return malformed, 1
		}
		return 0xFF61 + rune(b-0x21), 1
	case inKanji, inExtra:
		if len(src) < 2 || src[1] <= ' ' || src[1] >= 0x7F {
			return malformed, 1
		}
		if *s == inExtra {
			return c.jis.three[int(b-0x21)*94+int(src[1]-0x21)], 2
		}
		return c.jis.two[pairIndex(b, src[1]|0x80)], 2
	}
	return rune(b), 1
}
