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

	// ascii appends the ASCII characters at the start of src to dst, as many as it finds quickly, perhaps none, and
	// returns how many bytes of src they take. It is next for the common case, many at once.
	ascii(dst, src []byte) (out []byte, n int)
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
// standard makes C1 controls of some of these, which no file means.
func (e *Encoding) Append(dst, src []byte) (out []byte, invalid int) {
	var s state
	out, _, invalid = e.decode(dst, src, &s, true)
	return out, invalid
}

// decode is Append for a part of a text. It returns how many bytes of src it took: all of them if final is true, else
// all those that cannot mean something else with more bytes after them.
func (e *Encoding) decode(dst, src []byte, s *state, final bool) (out []byte, n, invalid int) {
	e.prepare()
	dst = slices.Grow(dst, len(src)/e.Unit())
	if e.single != nil {
		dst, invalid = e.single.decode(dst, src, e.kind == kindSingle)
		return dst, len(src), invalid
	}
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
		var run int
		dst, run = e.codec.ascii(dst, src[n:])
		n += run
		if n == len(src) || len(src)-n < maxChar && !final {
			break
		}
		r, size := e.codec.next(src[n:], s)
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
	e.prepare()
	if len(keep) > 32 {
		keep = keep[:32]
	}
	unit := e.Unit()
	src = src[:len(src)-len(src)%unit]
	dst = slices.Grow(dst, len(src)/unit)
	if e.single != nil {
		for _, b := range src {
			dst = append(dst, maskByte(rune(e.single.runes[b]), keep))
		}
		return dst
	}
	var s state
	for n := 0; ; {
		var run int
		dst, run = e.codec.ascii(dst, src[n:])
		if n += run; n == len(src) {
			return dst
		}
		r, size := e.codec.next(src[n:], &s)
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

// plainASCII is part of a codec whose ASCII characters are bytes that mean nothing else at the start of a character.
type plainASCII struct{}

func (plainASCII) ascii(dst, src []byte) ([]byte, int) {
	n := asciiLen(src)
	return append(dst, src[:n]...), n
}

// noASCII is part of a codec without a quick way.
type noASCII struct{}

func (noASCII) ascii(dst, _ []byte) ([]byte, int) { return dst, 0 }

// asciiLen is the number of bytes below 0x80 that p begins with, found eight at a time.
func asciiLen(p []byte) int {
	const high = 0x8080808080808080
	n := 0
	for ; len(p)-n >= 8; n += 8 {
		if w := binary.LittleEndian.Uint64(p[n:]) & high; w != 0 {
			return n + bits.TrailingZeros64(w)/8
		}
	}
	for n < len(p) && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// singleTable is a single-byte encoding: a character for each byte, malformed where there is none.
type singleTable struct {
	runes [256]int32
	utf8  [256][4]byte // the character in UTF-8; its length stands in the last byte
}

func newSingleTable(m *charmap.Charmap) *singleTable {
	t := new(singleTable)
	for i := range t.runes {
		r := m.DecodeByte(byte(i))
		u := utf8.AppendRune(t.utf8[i][:0], r) // at most three bytes: all of these are in the basic plane
		t.utf8[i][3] = byte(len(u))
		if r == utf8.RuneError {
			r = malformed
		}
		t.runes[i] = r
	}
	return t
}

func (t *singleTable) decode(dst, src []byte, ascii bool) (out []byte, invalid int) {
	for n := 0; n < len(src); {
		if ascii && src[n] < utf8.RuneSelf {
			run := asciiLen(src[n:])
			dst = append(dst, src[n:n+run]...)
			n += run
			continue
		}
		if t.runes[src[n]] == malformed {
			invalid++
		}
		u := &t.utf8[src[n]]
		dst = append(dst, u[:u[3]]...)
		n++
	}
	return dst, invalid
}
