package encoding

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// Encode writes s in the encoding, without a byte order mark. A character it does not have, or a part of s that is not
// valid UTF-8, gives an error that wraps [ErrUnencodable] and names it, and no bytes. Decoding the result gives s.
func (e *Encoding) Encode(s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		for i, r := range s {
			if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
				return nil, fmt.Errorf("encoding: %w: byte %d of the text is not valid UTF-8, so %s cannot hold it; pass valid UTF-8",
					ErrUnencodable, i, e.name)
			}
		}
	}
	switch e.kind {
	case kindUTF8:
		return []byte(s), nil
	case kindUTF16LE, kindUTF16BE, kindUTF32LE, kindUTF32BE:
		return e.encodeUnits(s), nil
	case kindSingle, kindEBCDIC:
		m := e.from.(*charmap.Charmap)
		out := make([]byte, 0, len(s))
		for _, r := range s {
			b, ok := m.EncodeRune(r)
			if !ok || r == utf8.RuneError {
				return nil, e.unencodable(r)
			}
			out = append(out, b)
		}
		return out, nil
	}
	if e.kind == kindISO2022 {
		if i := strings.IndexAny(s, "\x0E\x0F\x1B"); i >= 0 {
			return nil, e.unencodable(rune(s[i])) // they would switch character sets
		}
	}
	out, n, err := transform.Bytes(e.from.NewEncoder(), []byte(s))
	if err != nil {
		r, _ := utf8.DecodeRuneInString(s[n:]) // it stops at the first that it does not have
		return nil, e.unencodable(r)
	}
	return out, nil
}

func (e *Encoding) encodeUnits(s string) []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	if e.kind == kindUTF16BE || e.kind == kindUTF32BE {
		order = binary.BigEndian
	}
	out := make([]byte, 0, len(s)*e.Unit())
	for _, r := range s {
		switch hi, lo := utf16.EncodeRune(r); {
		case e.Unit() == 4:
			out = order.AppendUint32(out, uint32(r))
		case hi != utf8.RuneError:
			out = order.AppendUint16(order.AppendUint16(out, uint16(hi)), uint16(lo))
		default:
			out = order.AppendUint16(out, uint16(r))
		}
	}
	return out
}

func (e *Encoding) unencodable(r rune) error {
	return fmt.Errorf("encoding: %w: %s has no %U %q; write the file in UTF-8, or replace the character", ErrUnencodable, e.name, r, r)
}
