package encoding

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// A codec walks over the characters of an encoding. Decoding, masking and streaming all take the same steps, so they
// cannot disagree on where a character begins.
type codec interface {
	// next reads the character at the start of src, which is not empty. It returns the character, or malformed, or
	// silent, or a pair; and the number of bytes it takes, at least 1. With maxChar bytes in src, what comes after
	// them makes no difference. A codec with state keeps it in s.
	next(src []byte, s *state) (r rune, size int)

	// bulk is next for many characters at once, written to dst: all those at the start of src that it can decode quickly,
	// perhaps none. It stops at what is malformed or rare, and where src ends or dst could get too small. It returns
	// how many bytes it wrote, and how many it read.
	bulk(dst, src []byte) (written, read int)

	// plain is bulk for ASCII characters only.
	plain(dst, src []byte) (written, read int)
}

// maxChar is the most bytes that a character, an escape sequence or a malformed part takes in any encoding.
const maxChar = 4

// What codec.next returns besides characters.
const (
	malformed rune = -1 - iota
	silent         // an escape sequence: it stands for no character
	pair           // and below: pairs[pair-r], two characters in one
)

// pairs are the four characters of Big5 that Unicode writes with two. See https://encoding.spec.whatwg.org/#big5-decoder.
var pairs = []string{"\u00CA\u0304", "\u00CA\u030C", "\u00EA\u0304", "\u00EA\u030C"}

// Append decodes src to UTF-8, appends it to dst and returns the extended slice. src must begin and end where characters
// do, as records do. Every part that does not fit the encoding becomes one U+FFFD; invalid is their number. A U+FFFD that
// was properly written in the source is not counted, nor is a byte order mark treated as one: it is the character U+FEFF.
// A byte that a single-byte encoding leaves undefined, such as 0x81 in windows-1252, does not fit it either: the WHATWG
// standard makes C1 controls of some of these, which no file means. What dst has as spare capacity may be written to, also
// behind the result.
func (e *Encoding) Append(dst, src []byte) (out []byte, invalid int) {
	var s state
	out, _, invalid = e.decode(dst, src, &s, true)
	return out, invalid
}

// decode is Append for a part of a text. It returns how many bytes of src it took: all of them if final is true, else
// all those that cannot mean something else with more bytes after them.
func (e *Encoding) decode(dst, src []byte, s *state, final bool) (out []byte, n, invalid int) {
	c := e.walker()
	dst = slices.Grow(dst, len(src)/e.Unit())
	if e.kind == kindUTF8 {
		whole := len(src)
		if !final {
			whole = wholeUTF8(src)
		}
		if utf8.Valid(src[:whole]) {
			return append(dst, src[:whole]...), whole, 0
		}
	}
	for {
		written, read := c.bulk(dst[len(dst):cap(dst)], src[n:])
		dst, n = dst[:len(dst)+written], n+read
		if n == len(src) || len(src)-n < maxChar && !final {
			break
		}
		r, size := c.next(src[n:], s)
		n += size
		switch {
		case 0 <= r && r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r >= 0:
			dst = utf8.AppendRune(dst, r)
		case r == malformed:
			dst = append(dst, "\uFFFD"...)
			invalid++
		case r <= pair:
			dst = append(dst, pairs[pair-r]...)
		}
	}
	return dst, n, invalid
}

// walker is the encoding's codec, ready for use.
func (e *Encoding) walker() codec {
	e.prepare()
	if e.single != nil {
		return e.single
	}
	return e.codec
}

// What Mask writes for a unit that is not an ASCII character.
const (
	maskOther = 0x80 // any unit that is not looked for
	maskRest  = 0xBF // the units after the first of a character in keep
	maskKeep  = 0xC0 // and above: the first unit of keep[i] is maskKeep+i
)

// Mask appends one byte to dst for each unit of src, so that a splitter can look for structure in any encoding as if it
// were ASCII, and returns the extended slice. src must begin where a character does. A unit that is an ASCII character
// by itself becomes that character. Of a character that is keep[i], the first unit becomes 0xC0+i and the others 0xBF;
// only the first 32 of keep count, and ASCII in it is not looked at. Every other unit becomes 0x80, which includes escape
// sequences and what is malformed. Bytes at the end that make no whole unit are left out.
//
// Mask and [Encoding.Append] find the same ASCII characters in the same order.
func (e *Encoding) Mask(dst, src []byte, keep []rune) []byte {
	c := e.walker()
	if len(keep) > 32 {
		keep = keep[:32]
	}
	unit := e.Unit()
	src = src[:len(src)-len(src)%unit]
	dst = slices.Grow(dst, len(src)/unit)
	var s state
	for n := 0; ; {
		written, read := c.plain(dst[len(dst):cap(dst)], src[n:])
		dst = dst[:len(dst)+written]
		if n += read; n == len(src) {
			return dst
		}
		r, size := c.next(src[n:], &s)
		n += size
		first := maskByte(r, keep)
		dst = append(dst, first)
		rest := byte(maskOther)
		if first >= maskKeep {
			rest = maskRest
		}
		for i := unit; i < size; i += unit {
			dst = append(dst, rest)
		}
	}
}

// maskByte is what Mask writes for the first unit of r.
func maskByte(r rune, keep []rune) byte {
	if 0 <= r && r < utf8.RuneSelf {
		return byte(r)
	}
	if r >= 0 {
		if i := slices.Index(keep, r); i >= 0 {
			return maskKeep + byte(i)
		}
	}
	return maskOther
}

// highBits are those that are zero in eight bytes of ASCII.
const highBits = 0x8080_8080_8080_8080

// plainASCII is part of a codec whose ASCII characters are bytes that mean nothing else at the start of a character.
type plainASCII struct{}

func (plainASCII) bulk(dst, src []byte) (written, read int) {
	n := copyASCII(dst, src)
	return n, n
}

func (plainASCII) plain(dst, src []byte) (written, read int) {
	n := copyASCII(dst, src)
	return n, n
}

// copyASCII copies the bytes below 0x80 that src begins with, as far as dst has room, and returns their number.
func copyASCII(dst, src []byte) int {
	n := 0
	for ; len(src)-n >= 8 && len(dst)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(src[n:])
		if w&highBits != 0 {
			break
		}
		binary.LittleEndian.PutUint64(dst[n:], w)
	}
	for n < len(src) && n < len(dst) && src[n] < utf8.RuneSelf {
		dst[n] = src[n]
		n++
	}
	return n
}

// noASCII is part of a codec without a quick way.
type noASCII struct{}

func (noASCII) bulk(_, _ []byte) (written, read int)  { return 0, 0 }
func (noASCII) plain(_, _ []byte) (written, read int) { return 0, 0 }

// asciiLen is the number of bytes below 0x80 that p begins with, found eight at a time.
func asciiLen(p []byte) int {
	n := 0
	for ; len(p)-n >= 8; n += 8 {
		if w := binary.LittleEndian.Uint64(p[n:]) & highBits; w != 0 {
			return n + bits.TrailingZeros64(w)/8
		}
	}
	for n < len(p) && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// basicUTF8 is r, a character of the basic plane, in UTF-8, its first byte lowest, and its length. Two conditional moves
// and some shifts are quicker than branches where scripts are mixed.
func basicUTF8(r uint32) (text, size uint32) {
	text = r
	two := 0x80C0 | r>>6 | r&0x3F<<8
	three := 0x8080E0 | r>>12 | r>>6&0x3F<<8 | r&0x3F<<16
	if r >= 0x80 {
		text = two
	}
	if r >= 0x800 {
		text = three
	}
	return text, 3 - (r-0x80)>>31 - (r-0x800)>>31 // each shift gives 1 where the difference is below zero
}

// singleTable is a single-byte encoding: a character for each byte, malformed where there is none.
type singleTable struct {
	runes [256]int32
	utf8  [256]uint32 // as of basicUTF8, with the length from bit 24 on; hole for malformed
	ascii bool        // ASCII is where it is in ASCII
}

// hole has a length that no eight characters have together.
const hole = 0x80 << 24

func newSingleTable(m *charmap.Charmap) *singleTable {
	t := &singleTable{ascii: true}
	for i := range t.runes {
		r := m.DecodeByte(byte(i))
		if r == utf8.RuneError {
			t.runes[i], t.utf8[i] = malformed, hole
			continue
		}
		text, size := basicUTF8(uint32(r)) // x/text's tables have room for three bytes
		t.runes[i], t.utf8[i] = r, text|size<<24
		t.ascii = t.ascii && (i >= utf8.RuneSelf || r == rune(i))
	}
	return t
}

func (t *singleTable) next(src []byte, _ *state) (rune, int) { return t.runes[src[0]], 1 }

func (t *singleTable) bulk(dst, src []byte) (written, read int) {
	if t.ascii {
		written, read = t.runs(dst, src)
	}
	for read < len(src) && len(dst)-written >= 4 {
		text := t.utf8[src[read]]
		if text == hole {
			break
		}
		binary.LittleEndian.PutUint32(dst[written:], text)
		written += int(text >> 24)
		read++
	}
	return written, read
}

// runs is bulk for tables with ASCII in them, as long as there is much of it to do.
func (t *singleTable) runs(dst, src []byte) (written, read int) {
	room, whole := len(dst), len(src)
	for len(src) >= 16 && len(dst) >= 48 {
		low, high := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		binary.LittleEndian.PutUint64(dst, low)
		binary.LittleEndian.PutUint64(dst[8:], high)
		if (low|high)&highBits == 0 {
			dst, src = dst[16:], src[16:]
			continue
		}
		ascii := bits.TrailingZeros64(low&highBits) / 8
		dst, src = dst[ascii:], src[ascii:]
		// Eight characters, ASCII or not. Each is written with four bytes: what is too much, the next one writes over.
		low = binary.LittleEndian.Uint64(src)
		window, n := (*[36]byte)(dst), uint32(0)
		for range 8 {
			text := t.utf8[byte(low)]
			binary.LittleEndian.PutUint32(window[n%32:], text)
			n += text >> 24
			low >>= 8
		}
		if n >= hole>>24 {
			break
		}
		dst, src = dst[n:], src[8:]
	}
	ascii := copyASCII(dst, src)
	return room - len(dst) + ascii, whole - len(src) + ascii
}

func (t *singleTable) plain(dst, src []byte) (written, read int) {
	if !t.ascii {
		return 0, 0
	}
	return plainASCII{}.plain(dst, src)
}
