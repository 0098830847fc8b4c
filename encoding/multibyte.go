package encoding

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// doubleCodec is an encoding of ASCII, single characters at or above 0x80, and lead bytes followed by trail bytes.
type doubleCodec struct {
	plainASCII
	one   [256]int32  // characters of one byte, for bytes at or above 0x80
	lead  [256]bool   // bytes that begin some character of two bytes
	two   []int32     // characters of two bytes, at (lead-firstLead)*trails + trail-firstTrail
	three []int32     // EUC-JP: JIS X 0212 after ss3, at (second-0xA1)*94 + third-0xA1
	four  fourDecoder // gb18030: characters of four bytes
}

const (
	firstLead, lastLead   = 0x81, 0xFE
	firstTrail, lastTrail = 0x40, 0xFE
	trails                = lastTrail - firstTrail + 1

	ss3 = 0x8F // "single shift three": EUC-JP's prefix of a character of JIS X 0212
)

// newDoubleCodec asks x/text for every character there is.
func newDoubleCodec(e *Encoding) *doubleCodec {
	c := &doubleCodec{two: make([]int32, (lastLead-firstLead+1)*trails)}
	all := func(prefix []byte, lo, hi int, each func(b byte, r rune)) {
		var src []byte
		for b := lo; b <= hi; b++ {
			src = append(append(src, prefix...), byte(b), '\n')
		}
		text, _ := e.from.NewDecoder().Bytes(src) // x/text's decoders replace, they do not fail
		lines := bytes.Split(text, []byte("\n"))
		for b := lo; b <= hi; b++ {
			each(byte(b), oneRune(lines[b-lo]))
		}
	}
	all(nil, 0x80, 0xFF, func(b byte, r rune) { c.one[b] = r })
	for l := firstLead; l <= lastLead; l++ {
		row := c.two[(l-firstLead)*trails:][:trails]
		if c.one[l] != malformed || e.name == "EUC-JP" && l == ss3 {
			fill(row)
			continue
		}
		all([]byte{byte(l)}, firstTrail, lastTrail, func(b byte, r rune) {
			row[b-firstTrail] = r
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

func fill(row []int32) {
	for i := range row {
		row[i] = malformed
	}
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
	if firstTrail <= t && t <= lastTrail {
		if r := c.two[int(b-firstLead)*trails+int(t-firstTrail)]; r != malformed {
			return r, 2
		}
	}
	if t < utf8.RuneSelf {
		if c.four != nil && isDigit(t) && len(src) >= 4 && firstLead <= src[2] && src[2] <= lastLead && isDigit(src[3]) {
			return c.four([4]byte(src)), 4
		}
		return malformed, 1 // the ASCII character stays
	}
	return malformed, 2
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
		return c.jis.two[int(b|0x80-firstLead)*trails+int(src[1]|0x80-firstTrail)], 2
	}
	return rune(b), 1
}
