// Package encoding finds out which character encoding some bytes are in, and turns them into UTF-8.
//
// [Sniff] looks at a sample and says what it found, how sure it is and why. [Get] knows an encoding by any of its usual
// names. An [Encoding] decodes whole records ([Encoding.Append]), shows where ASCII characters are without decoding
// ([Encoding.Mask]) and writes text back ([Encoding.Encode]). [NewReader] does the simple thing: any encoding in, UTF-8 out.
//
// # Names
//
// Names are those of the WHATWG Encoding Standard, and as there ISO-8859-1 and ASCII mean windows-1252, ISO-8859-9 means
// windows-1254, GB2312 means GBK, EUC-KR includes the letters that windows-949 added, and UTF-16 means UTF-16LE. Beyond
// the standard there are UTF-32, the DOS and EBCDIC code pages that golang.org/x/text has (IBM437, IBM850, IBM037, ...),
// the numbers Windows gives its code pages (65001, 1252, cp1251), and the names that Python and chardet use. The labels
// that the standard gives to "replacement" (ISO-2022-KR, HZ-GB-2312, ...) are refused: nothing can decode them here.
//
// # What decoding promises
//
// The result is always valid UTF-8. A part that does not fit the encoding becomes one U+FFFD and is counted; a part is as
// long as the standard's decoders make it, with one rule kept strictly: an ASCII character that cannot end a longer
// character is never taken with the broken one before it. So a line ending always survives.
//
// The tables come from golang.org/x/text. The walk over the bytes is our own, because a splitter, a decoder and a reader
// have to agree, to the byte, on where each character begins.
package encoding

import (
	"errors"
	"fmt"
	"sync"

	xenc "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// ErrUnknown is what [Get] and [NewReader] wrap for a label they do not know or cannot decode.
var ErrUnknown = errors.New("unknown encoding")

// ErrUnencodable is what [Encoding.Encode] wraps for a character that the encoding does not have.
var ErrUnencodable = errors.New("character not in encoding")

// Encoding is one character encoding. It holds no state of any text: one value serves any number of goroutines.
// Values come from [Get], the same pointer for the same encoding each time.
type Encoding struct {
	name string
	kind kind
	from xenc.Encoding // x/text's mapping; nil for UTF-8, UTF-16 and UTF-32

	once   sync.Once // guards what is made from the mapping on first use
	single *singleTable
	codec  codec // all but the single-byte encodings
}

// kind says how an encoding makes characters out of bytes.
type kind uint8

const (
	kindUTF8 kind = iota
	kindUTF16LE
	kindUTF16BE
	kindUTF32LE
	kindUTF32BE
	kindSingle  // a byte is a character; ASCII stays ASCII
	kindEBCDIC  // a byte is a character; nothing is where ASCII has it
	kindDouble  // ASCII, and lead bytes followed by trail bytes
	kindISO2022 // escape sequences switch between character sets
)

// encodings lists every encoding there is, each under its canonical name.
var encodings = []*Encoding{
	{name: "UTF-8", kind: kindUTF8},
	{name: "UTF-16LE", kind: kindUTF16LE},
	{name: "UTF-16BE", kind: kindUTF16BE},
	{name: "UTF-32LE", kind: kindUTF32LE},
	{name: "UTF-32BE", kind: kindUTF32BE},

	{name: "windows-1252", kind: kindSingle, from: charmap.Windows1252},
	{name: "windows-1250", kind: kindSingle, from: charmap.Windows1250},
	{name: "windows-1251", kind: kindSingle, from: charmap.Windows1251},
	{name: "windows-1253", kind: kindSingle, from: charmap.Windows1253},
	{name: "windows-1254", kind: kindSingle, from: charmap.Windows1254},
	{name: "windows-1255", kind: kindSingle, from: charmap.Windows1255},
	{name: "windows-1256", kind: kindSingle, from: charmap.Windows1256},
	{name: "windows-1257", kind: kindSingle, from: charmap.Windows1257},
	{name: "windows-1258", kind: kindSingle, from: charmap.Windows1258},
	{name: "windows-874", kind: kindSingle, from: charmap.Windows874},

	{name: "ISO-8859-2", kind: kindSingle, from: charmap.ISO8859_2},
	{name: "ISO-8859-3", kind: kindSingle, from: charmap.ISO8859_3},
	{name: "ISO-8859-4", kind: kindSingle, from: charmap.ISO8859_4},
	{name: "ISO-8859-5", kind: kindSingle, from: charmap.ISO8859_5},
	{name: "ISO-8859-6", kind: kindSingle, from: charmap.ISO8859_6},
	{name: "ISO-8859-7", kind: kindSingle, from: charmap.ISO8859_7},
	{name: "ISO-8859-8", kind: kindSingle, from: charmap.ISO8859_8},
	{name: "ISO-8859-8-I", kind: kindSingle, from: charmap.ISO8859_8},
	{name: "ISO-8859-10", kind: kindSingle, from: charmap.ISO8859_10},
	{name: "ISO-8859-13", kind: kindSingle, from: charmap.ISO8859_13},
	{name: "ISO-8859-14", kind: kindSingle, from: charmap.ISO8859_14},
	{name: "ISO-8859-15", kind: kindSingle, from: charmap.ISO8859_15},
	{name: "ISO-8859-16", kind: kindSingle, from: charmap.ISO8859_16},
	{name: "KOI8-R", kind: kindSingle, from: charmap.KOI8R},
	{name: "KOI8-U", kind: kindSingle, from: charmap.KOI8U},
	{name: "macintosh", kind: kindSingle, from: charmap.Macintosh},
	{name: "x-mac-cyrillic", kind: kindSingle, from: charmap.MacintoshCyrillic},
	{name: "x-user-defined", kind: kindSingle, from: charmap.XUserDefined},

	{name: "IBM437", kind: kindSingle, from: charmap.CodePage437},
	{name: "IBM850", kind: kindSingle, from: charmap.CodePage850},
	{name: "IBM852", kind: kindSingle, from: charmap.CodePage852},
	{name: "IBM855", kind: kindSingle, from: charmap.CodePage855},
	{name: "IBM858", kind: kindSingle, from: charmap.CodePage858},
	{name: "IBM860", kind: kindSingle, from: charmap.CodePage860},
	{name: "IBM862", kind: kindSingle, from: charmap.CodePage862},
	{name: "IBM863", kind: kindSingle, from: charmap.CodePage863},
	{name: "IBM865", kind: kindSingle, from: charmap.CodePage865},
	{name: "IBM866", kind: kindSingle, from: charmap.CodePage866},

	{name: "IBM037", kind: kindEBCDIC, from: charmap.CodePage037},
	{name: "IBM1047", kind: kindEBCDIC, from: charmap.CodePage1047},
	{name: "IBM1140", kind: kindEBCDIC, from: charmap.CodePage1140},

	{name: "Shift_JIS", kind: kindDouble, from: japanese.ShiftJIS},
	{name: "EUC-JP", kind: kindDouble, from: japanese.EUCJP},
	{name: "EUC-KR", kind: kindDouble, from: korean.EUCKR},
	{name: "GBK", kind: kindDouble, from: simplifiedchinese.GBK},
	{name: "gb18030", kind: kindDouble, from: simplifiedchinese.GB18030},
	{name: "Big5", kind: kindDouble, from: traditionalchinese.Big5},
	{name: "ISO-2022-JP", kind: kindISO2022, from: japanese.ISO2022JP},
}

// Name is the canonical name, as in [Guess.Label].
func (e *Encoding) Name() string { return e.name }

// Unit is the number of bytes in a code unit: 2 for UTF-16, 4 for UTF-32, 1 for all others.
func (e *Encoding) Unit() int {
	switch e.kind {
	case kindUTF16LE, kindUTF16BE:
		return 2
	case kindUTF32LE, kindUTF32BE:
		return 4
	}
	return 1
}

// Identity says whether valid input already is the result: true for UTF-8 only.
func (e *Encoding) Identity() bool { return e.kind == kindUTF8 }

// SingleByte says whether each byte is a character by itself, whatever stands next to it.
func (e *Encoding) SingleByte() bool { return e.kind == kindSingle || e.kind == kindEBCDIC }

// Safe says whether a raw byte b below 0x80 is always the ASCII character b in this encoding, wherever it stands: never
// the trail byte of a longer character, never part of an escape sequence. A splitter may look for such bytes without
// decoding. False for every b at or above 0x80, and for every b where [Encoding.Unit] is not 1.
func (e *Encoding) Safe(b byte) bool {
	if b >= 0x80 {
		return false
	}
	switch e.kind {
	case kindUTF8, kindSingle:
		return true
	case kindISO2022:
		// ISO 2022 leaves the control characters alone whatever set is in use, but for those that switch sets.
		return b < 0x20 && b != escape && b != shiftOut && b != shiftIn
	case kindDouble:
		return !isTrail(e.name, b)
	}
	return false
}

// isTrail says whether an ASCII byte can be part of a longer character in one of the double-byte encodings.
func isTrail(name string, b byte) bool {
	switch name {
	case "Shift_JIS", "Big5", "GBK":
		return 0x40 <= b && b <= 0x7E
	case "gb18030":
		return 0x40 <= b && b <= 0x7E || '0' <= b && b <= '9'
	case "EUC-KR":
		return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
	}
	return false // EUC-JP
}

// BOM is the byte order mark this encoding may begin with: U+FEFF written in it. It is nil for an encoding that has none.
// The caller must not change it.
func (e *Encoding) BOM() []byte {
	for i := range marks {
		if marks[i].label == e.name {
			return marks[i].bytes
		}
	}
	return nil
}

// marks are the byte order marks. UTF-32LE stands before UTF-16LE, whose mark is the beginning of its own.
var marks = []struct {
	label string
	bytes []byte
}{
	{"UTF-8", []byte{0xEF, 0xBB, 0xBF}},
	{"UTF-32LE", []byte{0xFF, 0xFE, 0x00, 0x00}},
	{"UTF-32BE", []byte{0x00, 0x00, 0xFE, 0xFF}},
	{"UTF-16LE", []byte{0xFF, 0xFE}},
	{"UTF-16BE", []byte{0xFE, 0xFF}},
	{"gb18030", []byte{0x84, 0x31, 0x95, 0x33}},
}

// prepare makes the tables, once.
func (e *Encoding) prepare() {
	e.once.Do(func() {
		switch e.kind {
		case kindUTF8:
			e.codec = utf8Codec{}
		case kindUTF16LE, kindUTF16BE:
			e.codec = utf16Codec{big: e.kind == kindUTF16BE}
		case kindUTF32LE, kindUTF32BE:
			e.codec = utf32Codec{big: e.kind == kindUTF32BE}
		case kindSingle, kindEBCDIC:
			e.single = newSingleTable(e.from.(*charmap.Charmap))
		case kindDouble:
			e.codec = newDoubleCodec(e)
		case kindISO2022:
			jis := byName["euc-jp"]
			jis.prepare()
			e.codec = iso2022Codec{jis: jis.codec.(*doubleCodec)}
		}
	})
}

// Get finds an encoding by its label: case does not matter, nor does white space around it. The package comment says
// which labels there are. The error wraps [ErrUnknown] and says what to do.
func Get(label string) (*Encoding, error) {
	if e := lookup(label); e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("encoding: %w %q: use a label such as UTF-8, UTF-16LE, windows-1252, ISO-8859-2, macintosh, IBM850, "+
		"Shift_JIS, EUC-KR, GBK or Big5, leave it empty to have it sniffed, or convert the file to UTF-8 first", ErrUnknown, label)
}
