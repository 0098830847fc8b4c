package pgsink

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// binaryFormat is the binary format of COPY (PostgreSQL's manual, COPY, "Binary Format"), with an encoder for each
// column. It costs PostgreSQL half of what text does: it has nothing to take apart, and no numbers and dates to read.
type binaryFormat []encoder

// An encoder appends a value as PostgreSQL would have read it, its length first. It says no where it is not certain what
// PostgreSQL would read, or that it would read it at all. What it appends then is cut off.
type encoder func(dst []byte, value string) ([]byte, bool)

// encoders are those of the types that have one; see the send and receive functions of each in PostgreSQL's source,
// src/backend/utils/adt.
var encoders = map[uint32]encoder{
	pgtype.TextOID:        appendString,
	pgtype.VarcharOID:     appendString,
	pgtype.BPCharOID:      appendString,
	pgtype.BoolOID:        appendBool,
	pgtype.Int2OID:        appendInt2,
	pgtype.Int4OID:        appendInt4,
	pgtype.Int8OID:        appendInt8,
	pgtype.Float4OID:      appendFloat4,
	pgtype.Float8OID:      appendFloat8,
	pgtype.NumericOID:     appendNumeric,
	pgtype.DateOID:        appendDate,
	pgtype.TimestampOID:   appendTimestamp,
	pgtype.TimestamptzOID: appendTimestamptz,
}

// newBinary makes the format for columns of some types, if each has an encoder.
func newBinary(types []uint32) (binaryFormat, bool) {
	f := make(binaryFormat, len(types))
	for i, t := range types {
		if f[i] = encoders[t]; f[i] == nil {
			return nil, false
		}
	}
	return f, true
}

func (binaryFormat) options() string { return "FORMAT binary" }

// header is a signature, no flags, and no extension.
func (binaryFormat) header() string {
	return "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
}

func (binaryFormat) trailer() string { return "\xff\xff" }

func (f binaryFormat) append(dst []byte, p *sqlsink.Part, record int) ([]byte, bool) {
	r := p.Batch.Record(record)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f)))
	ok := true
	fields := len(p.Batch.Header())
	for c := range fields {
		if r.Null(c) {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
		} else if dst, ok = f[c](dst, r.Field(c)); !ok {
			return nil, false
		}
	}
	c := fields
	if p.Run {
		if dst, ok = f[c](dst, p.Batch.Found().Run); !ok {
			return nil, false
		}
		c++
	}
	if p.Offset {
		dst, ok = f[c](dst, strconv.FormatInt(r.Position().Offset, 10))
	}
	return dst, ok
}

func appendString(dst []byte, value string) ([]byte, bool) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...), true
}

func appendUint16(dst []byte, v uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, 0, 0, 0, 2), v)
}

func appendUint32(dst []byte, v uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), v)
}

func appendUint64(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 8), v)
}

func appendBool(dst []byte, value string) ([]byte, bool) {
	switch value {
	case "1", "t", "T", "true", "TRUE", "True", "y", "Y", "yes", "YES", "Yes":
		return append(dst, 0, 0, 0, 1, 1), true
	case "0", "f", "F", "false", "FALSE", "False", "n", "N", "no", "NO", "No":
		return append(dst, 0, 0, 0, 1, 0), true
	}
	return dst, false
}

func appendInt2(dst []byte, value string) ([]byte, bool) {
	v, err := strconv.ParseInt(value, 10, 16)
	return appendUint16(dst, uint16(v)), err == nil
}

func appendInt4(dst []byte, value string) ([]byte, bool) {
	v, err := strconv.ParseInt(value, 10, 32)
	return appendUint32(dst, uint32(v)), err == nil
}

func appendInt8(dst []byte, value string) ([]byte, bool) {
	v, err := strconv.ParseInt(value, 10, 64)
	return appendUint64(dst, uint64(v)), err == nil
}

func appendFloat4(dst []byte, value string) ([]byte, bool) {
	v, ok := parseFloat(value, 32, 0x1p-126)
	return appendUint32(dst, math.Float32bits(float32(v))), ok
}

func appendFloat8(dst []byte, value string) ([]byte, bool) {
	v, ok := parseFloat(value, 64, 0x1p-1022)
	return appendUint64(dst, math.Float64bits(v)), ok
}

// parseFloat reads a decimal number; the nearest one, as the C library does. What is smaller than the smallest normal
// number is left to PostgreSQL, which takes some of it and refuses some, and so are hexadecimal ones and infinity.
func parseFloat(value string, bits int, smallest float64) (float64, bool) {
	for i := range len(value) {
		switch c := value[i]; {
		case '0' <= c && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(value, bits)
	if err != nil || math.Abs(v) < smallest && strings.ContainsAny(value, "123456789") {
		return 0, false
	}
	return v, true
}

// appendNumeric appends a decimal number in groups of four digits, counted from the point.
func appendNumeric(dst []byte, value string) ([]byte, bool) {
	digits, negative := strings.CutPrefix(value, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || len(value) > 1000 {
		return dst, false
	}
	const group = 4
	before, behind := (len(whole)+group-1)/group, (len(fraction)+group-1)/group
	sign := uint16(0)
	if negative {
		sign = 0x4000
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(8+2*(before+behind)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(before+behind))
	dst = binary.BigEndian.AppendUint16(dst, uint16(before-1)) // of the first group, as a power of 10,000
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(fraction)))
	v := uint16(0)
	for i := range len(whole) {
		d := whole[i] - '0'
		if d > 9 {
			return dst, false
		}
		v = v*10 + uint16(d)
		if (len(whole)-1-i)%group == 0 {
			dst = binary.BigEndian.AppendUint16(dst, v)
			v = 0
		}
	}
	for i := range behind * group {
		d := byte(0)
		if i < len(fraction) {
			d = fraction[i] - '0'
		}
		if d > 9 {
			return dst, false
		}
		v = v*10 + uint16(d)
		if i%group == group-1 {
			dst = binary.BigEndian.AppendUint16(dst, v)
			v = 0
		}
	}
	return dst, true
}

// epoch is PostgreSQL's: 2000-01-01, in seconds since 1970.
const epoch = 946_684_800

func appendDate(dst []byte, value string) ([]byte, bool) {
	seconds, rest, ok := cutDate(value)
	const day = 24 * 60 * 60
	return appendUint32(dst, uint32((seconds-epoch)/day)), ok && rest == ""
}

func appendTimestamp(dst []byte, value string) ([]byte, bool) {
	seconds, rest, ok := cutDate(value)
	if !ok {
		return dst, false
	}
	micros := int64(0)
	if rest != "" {
		micros, rest, ok = cutTime(rest)
	}
	return appendUint64(dst, uint64((seconds-epoch)*1e6+micros)), ok && rest == ""
}

// appendTimestamptz leaves times without a zone to PostgreSQL: it knows that of the session.
func appendTimestamptz(dst []byte, value string) ([]byte, bool) {
	seconds, rest, ok := cutDate(value)
	if !ok {
		return dst, false
	}
	micros, rest, ok := cutTime(rest)
	if !ok {
		return dst, false
	}
	zone, ok := parseZone(rest)
	return appendUint64(dst, uint64((seconds-zone-epoch)*1e6+micros)), ok
}

// cutDate cuts a date of ISO 8601 off, 2006-01-02, which PostgreSQL reads alike under every DateStyle. It gives the seconds
// since 1970.
func cutDate(value string) (seconds int64, rest string, ok bool) {
	if len(value) < 10 || value[4] != '-' || value[7] != '-' {
		return 0, "", false
	}
	century, a := twoDigits(value)
	of, b := twoDigits(value[2:])
	month, c := twoDigits(value[5:])
	day, d := twoDigits(value[8:])
	year := century*100 + of
	if !(a && b && c && d) || year < 1 {
		return 0, "", false
	}
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, "", false
	}
	return int64(daysBefore(year, month)+day-1) * 24 * 60 * 60, value[10:], true
}

// daysIn gives the days of a month.
func daysIn(year, month int) int {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return [...]int{1: 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month]
}

// daysBefore gives the days from 1970 to the first of a month. Years begin in March here, so that the day that is not
// always there is their last one; five months have 153 days from then on (P. Baum, Date Algorithms, 2017).
func daysBefore(year, month int) int {
	if month < 3 {
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*month-457)/5 - 719_469 + 1
}

// cutTime cuts a time off, with a space or a T before it: 15:04:05, with up to six digits of a second behind a point.
func cutTime(value string) (micros int64, rest string, ok bool) {
	if len(value) < 9 || value[0] != ' ' && value[0] != 'T' || value[3] != ':' || value[6] != ':' {
		return 0, "", false
	}
	hour, a := twoDigits(value[1:])
	minute, b := twoDigits(value[4:])
	second, c := twoDigits(value[7:])
	if !(a && b && c) || hour > 23 || minute > 59 || second > 59 {
		return 0, "", false
	}
	micros = int64(hour*3600+minute*60+second) * 1e6
	rest, point := strings.CutPrefix(value[9:], ".")
	if !point {
		return micros, rest, true
	}
	i, unit := 0, int64(1e5)
	for ; i < len(rest) && '0' <= rest[i] && rest[i] <= '9'; i++ {
		micros += int64(rest[i]-'0') * unit
		unit /= 10
	}
	return micros, rest[i:], 1 <= i && i <= 6
}

// parseZone reads a zone: Z, +02, -03:30. It gives seconds east of Greenwich.
func parseZone(value string) (seconds int64, ok bool) {
	if value == "Z" {
		return 0, true
	}
	if len(value) != 3 && (len(value) != 6 || value[3] != ':') {
		return 0, false
	}
	hours, ok := twoDigits(value[1:])
	minutes := 0
	if ok && len(value) == 6 {
		minutes, ok = twoDigits(value[4:])
	}
	seconds = int64(hours*3600 + minutes*60)
	if value[0] == '-' {
		seconds = -seconds
	} else if value[0] != '+' {
		return 0, false
	}
	return seconds, ok && hours <= 14 && minutes <= 59
}

// twoDigits reads two digits, of at least two bytes.
func twoDigits(s string) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}
