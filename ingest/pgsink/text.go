package pgsink

import (
	"encoding/binary"
	"strconv"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// text is the text format of COPY: a line for each record, tabs between the values, \N for none (PostgreSQL's manual, COPY,
// "Text Format"). Every record can be written in it.
type text struct{}

func (text) options() string { return "FORMAT text, ENCODING 'UTF8'" }
func (text) header() string  { return "" }
func (text) trailer() string { return "" }

func (text) append(dst []byte, p *sqlsink.Part, record int) ([]byte, bool) {
	r := p.Batch.Record(record)
	for c := range p.Batch.Header() {
		if r.Null(c) {
			dst = append(dst, `\N`...)
		} else {
			dst = appendText(dst, r.Field(c))
		}
		dst = append(dst, '\t')
	}
	if p.Run {
		dst = appendText(dst, p.Batch.Found().Run)
		dst = append(dst, '\t')
	}
	if p.Offset {
		dst = strconv.AppendInt(dst, r.Position().Offset, 10)
		dst = append(dst, '\t')
	}
	dst[len(dst)-1] = '\n'
	return dst, true
}

// appendText appends a value, with a backslash where a character means something else.
func appendText(dst []byte, value string) []byte {
	from := len(dst)
	dst = append(dst, value...)
	if i := special(dst[from:]); i >= 0 {
		return appendEscaped(dst[:from+i], value[i:])
	}
	return dst
}

// special gives a place before which no character is to be escaped, and at most eight bytes before one that is, or is a
// control character below CR; -1 if there is none.
func special(b []byte) int {
	const each = 0x0101010101010101
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		s := w ^ each*'\\'
		// A byte below n borrows from its top bit when n is taken off, unless that was set: Hacker's Delight, 6-1.
		if ((w-each*('\r'+1))&^w|(s-each)&^s)&(each*0x80) != 0 {
			return i
		}
	}
	for ; i < len(b); i++ {
		if b[i] <= '\r' || b[i] == '\\' {
			return i
		}
	}
	return -1
}

func appendEscaped(dst []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\v':
			dst = append(dst, `\v`...)
		case '\\':
			dst = append(dst, `\\`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
