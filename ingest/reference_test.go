package ingest_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest"
	xenc "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// The reference reads a table the slow and obvious way: the whole source is decoded to characters that
// know where they stand, and then read one after the other by the rules of the package comment of
// internal/scan. It shares no code with the pipeline.

// A char is a character of the source, or a part of it that is none.
type char struct {
	r        rune
	at, size int // in the source
	bad      bool
}

// refEncodings are the encodings the reference can decode.
var refEncodings = []string{"UTF-8", "windows-1252", "UTF-16LE", "Shift_JIS", "UTF-16BE", "GBK"}

var refBOM = map[string]string{"UTF-8": "\xef\xbb\xbf", "UTF-16LE": "\xff\xfe", "UTF-16BE": "\xfe\xff"}

// decode gives the characters of a source behind its byte order mark. If it ends within a code unit, rest
// is what is left.
func decode(label string, src []byte) (chars []char, rest int) {
	at := 0
	if bom := refBOM[label]; bom != "" && bytes.HasPrefix(src, []byte(bom)) {
		at = len(bom)
	}
	for at < len(src) {
		c := char{at: at, bad: true, r: utf8.RuneError}
		switch b := src[at:]; label {
		case "UTF-8":
			c.r, c.size = utf8.DecodeRune(b)
			c.bad = c.r == utf8.RuneError && c.size == 1
		case "windows-1252":
			c.r, c.size = charmap.Windows1252.DecodeByte(b[0]), 1
			c.bad = c.r == utf8.RuneError
		case "UTF-16LE", "UTF-16BE":
			if len(b) < 2 {
				return chars, len(b)
			}
			var order binary.ByteOrder = binary.LittleEndian
			if label == "UTF-16BE" {
				order = binary.BigEndian
			}
			c.r, c.size = rune(order.Uint16(b)), 2
			c.bad = utf16.IsSurrogate(c.r)
			if c.bad && len(b) >= 4 {
				if r := utf16.DecodeRune(c.r, rune(order.Uint16(b[2:]))); r != utf8.RuneError {
					c.r, c.size, c.bad = r, 4, false
				}
			}
		case "Shift_JIS":
			c.r, c.size, c.bad = decodeDouble(japanese.ShiftJIS, b)
		case "GBK":
			c.r, c.size, c.bad = decodeDouble(simplifiedchinese.GBK, b)
		}
		chars = append(chars, c)
		at += c.size
	}
	return chars, 0
}

// decodeDouble reads a character of one or two bytes.
func decodeDouble(enc xenc.Encoding, b []byte) (r rune, size int, bad bool) {
	one := func(b ...byte) rune {
		text, _ := enc.NewDecoder().Bytes(b)
		r, size := utf8.DecodeRune(text)
		if size != len(text) {
			return utf8.RuneError
		}
		return r
	}
	if b[0] < 0x80 {
		return rune(b[0]), 1, false
	}
	if r := one(b[0]); r != utf8.RuneError {
		return r, 1, false
	}
	if len(b) == 1 {
		return utf8.RuneError, 1, true
	}
	if r := one(b[0], b[1]); r != utf8.RuneError {
		return r, 2, false
	}
	lead := false
	for trail := 0x40; trail < 0xff; trail++ {
		lead = lead || one(b[0], byte(trail)) != utf8.RuneError
	}
	if b[1] < 0x80 || !lead {
		return utf8.RuneError, 1, true // what is ASCII, and what may begin a character, stays
	}
	return utf8.RuneError, 2, true
}

// A refRow is a row with what is in it.
type refRow struct {
	kind       string // "record", "blank", "comment", "unclosed", "too large"
	stray, bad bool
	fields     []refField
	position   ingest.Position
	end        int // byte behind it
}

type refField struct {
	text   string
	quoted bool
}

// A reference reads the rows of a table without preamble and header.
type reference struct {
	encoding    string
	mixed       string          // the encoding of the fields that are not in the first one, or ""
	dialect     dialect.Dialect // every field known
	maxRecord   int             // bytes
	maxLines    int             // in a quoted field
	columns     int             // of most records; 0 or 1: no record is measured by it
	src         []byte
	chars       []char
	size        int // of the source
	open, close string
}

func (r *reference) rows(src []byte) []refRow {
	chars, rest := decode(r.encoding, src)
	r.src, r.chars, r.size = src, chars, len(src)-rest
	if r.maxRecord == 0 {
		r.maxRecord = 1 << 20
	}
	if unit := 2; strings.HasPrefix(r.encoding, "UTF-16") {
		r.maxRecord -= r.maxRecord % unit
	}
	if r.maxLines == 0 {
		r.maxLines = 1000
	}
	r.open, r.close = "", ""
	if q := []rune(r.dialect.Quote); r.dialect.Quote != dialect.None {
		r.open, r.close = string(q[0]), string(q[len(q)-1])
	}
	var rows []refRow
	line := int64(1)
	place := func(at int) ingest.Position {
		return ingest.Position{Offset: int64(at), Line: line, Record: int64(len(rows) + 1)}
	}
	for i := 0; i < len(chars); {
		row, next := r.limited(i)
		row.position, row.end = place(chars[i].at), r.at(next)
		for j := i; j < next; {
			n := r.lineEnd(j)
			if n > 0 {
				line++
			}
			j += max(n, 1)
		}
		rows = append(rows, row)
		i = next
	}
	if rest == 0 {
		return rows
	}
	// Part of a code unit: it spoils the record that it stands in, or is one by itself.
	if n := len(rows); n > 0 && r.lineEnd(len(chars)-1) == 0 {
		last := &rows[n-1]
		last.end = len(src)
		if last.kind == "record" || last.kind == "blank" {
			last.kind, last.bad = "record", true
		}
		return rows
	}
	return append(rows, refRow{kind: "record", bad: true, position: place(r.size), end: len(src)})
}

// at gives the byte at which the i-th character begins.
func (r *reference) at(i int) int {
	if i < len(r.chars) {
		return r.chars[i].at
	}
	return r.size
}

// limited reads the row at i, or its first line where the row is too large.
func (r *reference) limited(i int) (refRow, int) {
	row, next := r.row(i)
	if r.fits(i, next) {
		return row, next
	}
	next = r.line(i)
	if r.fits(i, next) {
		return refRow{kind: "unclosed"}, next
	}
	return refRow{kind: "too large"}, next
}

// fits says whether a row is within the limit; so must be the character behind a CR, where an LF would
// belong to the row.
func (r *reference) fits(i, next int) bool {
	size := r.at(next) - r.at(i)
	if next < len(r.chars) && r.is(next-1, '\r') && r.dialect.LineEnding != dialect.CR {
		size++
	}
	return size <= r.maxRecord
}

func (r *reference) row(i int) (refRow, int) {
	if r.dialect.Comment != dialect.None && r.has(i, r.dialect.Comment) {
		return refRow{kind: "comment"}, r.line(i)
	}
	row, next, broken := r.record(i, -1)
	if broken >= 0 && row.kind == "record" && r.columns > 1 && len(row.fields) != r.columns {
		line := *r
		line.chars = r.chars[:r.line(i)]
		if alone, _, _ := line.record(i, broken); alone.kind == "record" && len(alone.fields) == r.columns {
			return refRow{kind: "unclosed"}, r.line(i)
		}
	}
	return row, next
}

// record reads a row that is no comment, of which the quote at the given place opens no field. It says where the
// quote is that runs over the first line, -1 if none does.
func (r *reference) record(i, text int) (_ refRow, next, broken int) {
	row, start := refRow{kind: "record"}, i
	broken = -1
	for {
		for r.dialect.SkipSpace == dialect.On && r.is(i, ' ') && !(len(r.dialect.Delimiter) > 1 && r.has(i, r.dialect.Delimiter)) {
			i++
		}
		f := refField{quoted: r.open != "" && r.has(i, r.open) && i != text}
		first := i
		if f.quoted {
			content, end, found := r.quoted(i+1, &row)
			switch found {
			case "unclosed":
				return refRow{kind: "unclosed"}, r.line(start), broken
			case "closed":
				if broken < 0 && end > r.line(start) {
					broken = i
				}
				f.text, i = content, end
			case "astray":
				f.quoted = false
			}
		}
		if !f.quoted {
			f.text, i = r.unquoted(i)
		}
		if anyBad(r.chars[first:i]) && !r.other(first, i, &f) {
			row.bad = true
		}
		row.fields = append(row.fields, f)
		if !r.has(i, r.dialect.Delimiter) {
			break
		}
		i += utf8.RuneCountInString(r.dialect.Delimiter)
		if r.dialect.Delimiter == " " && r.dialect.SkipSpace == dialect.On {
			for r.is(i, ' ') {
				i++
			}
			if i == len(r.chars) || r.lineEnd(i) > 0 {
				break
			}
		}
	}
	end := i + r.lineEnd(i)
	blank := len(row.fields) == 1
	for j := start; j < end; j++ {
		last := j == len(r.chars)-1 && r.is(j, 0x1a)
		blank = blank && (r.is(j, ' ') || r.is(j, '\t') || r.is(j, '\r') || r.is(j, '\n') || last)
	}
	if blank {
		row.kind = "blank"
	}
	return row, end, broken
}

func anyBad(chars []char) bool {
	return slices.ContainsFunc(chars, func(c char) bool { return c.bad })
}

// other reads the field between two characters in the other encoding, and says whether it fits that.
func (r *reference) other(first, end int, f *refField) bool {
	if r.mixed == "" {
		return false
	}
	sub := *r
	field, _ := decode(r.mixed, r.src[r.at(first):r.at(end)])
	sub.chars = append(field, r.chars[end:]...)
	if f.quoted {
		f.text, _, _ = sub.quoted(1, &refRow{})
	} else {
		f.text, _ = sub.unquoted(0)
	}
	return !anyBad(field)
}

// unquoted reads up to a delimiter or a line end.
func (r *reference) unquoted(i int) (string, int) {
	var text strings.Builder
	for i < len(r.chars) && r.lineEnd(i) == 0 && !r.has(i, r.dialect.Delimiter) {
		n := r.escaped(i)
		if n > 0 {
			i++
		}
		for range max(n, 1) {
			text.WriteRune(r.chars[i].r)
			i++
		}
	}
	return text.String(), i
}

// quoted reads from behind an opening quote to behind the closing one and the spaces that follow it. It finds
// the quote "closed" or "unclosed", or that it was "astray".
func (r *reference) quoted(i int, row *refRow) (_ string, next int, found string) {
	var text strings.Builder
	start, lines, stray := i, 0, false
	for i < len(r.chars) {
		take := 1
		switch {
		case r.lineEnd(i) > 0:
			if lines++; stray || lines > r.maxLines {
				return "", i, "unclosed"
			}
			take = r.lineEnd(i)
		case r.escaped(i) > 0:
			take = r.escaped(i)
			i++
			start = i + take
		case !r.has(i, r.close):
		case r.doubles() && r.has(i+1, r.close):
			i++
		case r.closes(i + 1):
			for i++; i < len(r.chars) && r.lineEnd(i) == 0 && !r.has(i, r.dialect.Delimiter); i++ {
			}
			return text.String(), i, "closed"
		case lines > 0 && r.opens(start, i):
			return "", i, "unclosed"
		case !stray && r.opens(start, i):
			row.stray = true
			return "", i, "astray"
		default:
			stray, row.stray = true, true
		}
		for range take {
			text.WriteRune(r.chars[i].r)
			i++
		}
	}
	return "", i, "unclosed"
}

// closes says whether nothing but spaces stands between i and a delimiter, a line end or the end.
func (r *reference) closes(i int) bool {
	for ; i < len(r.chars) && r.lineEnd(i) == 0 && !r.has(i, r.dialect.Delimiter); i++ {
		if !r.is(i, ' ') && !r.is(i, '\t') {
			return false
		}
	}
	return true
}

// opens says whether a quote at i, or the run of quotes that it ends, would open a field, if one that began at
// start were over.
func (r *reference) opens(start, i int) bool {
	if r.open != r.close {
		return false
	}
	for i > start && r.has(i-1, r.close) {
		i--
	}
	n := utf8.RuneCountInString(r.dialect.Delimiter)
	for {
		switch {
		case i-n >= start && r.has(i-n, r.dialect.Delimiter):
			return true
		case i > start && (r.is(i-1, '\n') || r.is(i-1, '\r')) && r.lineEnd(i-1) == 1:
			return true
		case i > start && r.is(i-1, ' ') && r.dialect.SkipSpace == dialect.On:
			i--
		default:
			return false
		}
	}
}

// escaped gives the number of characters that an escape at i takes the meaning from, 0 if none.
func (r *reference) escaped(i int) int {
	e := r.dialect.Escape
	if e == dialect.None || e == dialect.Doubled || !r.has(i, e) {
		return 0
	}
	for _, s := range []string{e, r.close, r.open, r.dialect.Delimiter} {
		if s != "" && r.has(i+1, s) {
			return utf8.RuneCountInString(s)
		}
	}
	if r.open == "" {
		return r.lineEnd(i + 1)
	}
	return 0
}

func (r *reference) doubles() bool { return r.dialect.Escape != dialect.None }

// lineEnd gives the number of characters of the line end at i, 0 if none is there.
func (r *reference) lineEnd(i int) int {
	end := r.dialect.LineEnding
	switch {
	case r.is(i, '\n') && end != dialect.CR:
		return 1
	case r.is(i, '\r') && end == dialect.CR:
		return 1
	case r.is(i, '\r') && r.is(i+1, '\n'):
		return 2
	case r.is(i, '\r') && (end == dialect.Mixed || i == len(r.chars)-1):
		return 1
	}
	return 0
}

// line gives the end of the line at i.
func (r *reference) line(i int) int {
	for i < len(r.chars) && r.lineEnd(i) == 0 {
		i++
	}
	return i + r.lineEnd(i)
}

func (r *reference) is(i int, c rune) bool {
	return i >= 0 && i < len(r.chars) && !r.chars[i].bad && r.chars[i].r == c
}

func (r *reference) has(i int, s string) bool {
	for _, c := range s {
		if !r.is(i, c) {
			return false
		}
		i++
	}
	return true
}
