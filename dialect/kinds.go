package dialect

import (
	"bytes"
	"math"
	"strings"
)

// A kind is what a field looks like. Fields of one column tend to be of one kind, which is what tells a
// right cut from a wrong one: van den Burg, Nazábal, Sutton, "Wrangling messy CSV files by detecting row
// and type patterns", 2019.
type kind uint8

const (
	kindEmpty kind = iota
	kindInteger
	kindDecimal // with a point
	kindLocal   // with a decimal comma or digit groups
	kindAmount  // with a currency or a per cent sign
	kindDate
	kindTime
	kindMoment // date and time
	kindFlag   // true, no, NA, null
	kindWord   // letters
	kindName   // letters, digits, and _ - . between them
	kindPhrase // words
	kindText   // anything else
	kindURL
	kindEmail
	kindHex  // uuids, hashes, addresses of machines
	kindJSON // an object or a list
	kindPair // two decimals with a comma between, as of a place
	kinds
)

// typed reports whether fields of the kind follow a form that column names do not have.
func (k kind) typed() bool {
	switch k {
	case kindInteger, kindDecimal, kindLocal, kindAmount, kindDate, kindTime, kindMoment, kindFlag, kindURL, kindEmail, kindHex, kindJSON, kindPair:
		return true
	}
	return false
}

// numeric reports whether fields of the kind are numbers.
func (k kind) numeric() bool { return k >= kindInteger && k <= kindAmount }

// Classes of bytes; a field's kind depends first on which classes occur in it.
const (
	isDigit uint16 = 1 << iota
	isLower
	isUpper
	isHigh // part of a character beyond ASCII
	isSpace
	isJoin // _ - .
	isSign // +
	isComma
	isColon
	isSlash
	isAt
	isMoney   // $ %
	isSimple  // punctuation of prose: ' ( ) & ! ?
	isQuote   // "
	isBracket // { } [ ] < >
	isOther

	isLetter = isLower | isUpper | isHigh
)

var classes = func() (c [256]uint16) {
	for b := range 256 {
		switch {
		case b >= '0' && b <= '9':
			c[b] = isDigit
		case b >= 'a' && b <= 'z':
			c[b] = isLower
		case b >= 'A' && b <= 'Z':
			c[b] = isUpper
		case b >= 0x80:
			c[b] = isHigh
		default:
			c[b] = isOther
		}
	}
	for class, chars := range map[uint16]string{
		isSpace: " ", isJoin: "_-.", isSign: "+", isComma: ",", isColon: ":", isSlash: "/", isAt: "@",
		isMoney: "$%", isSimple: "'()&!?", isQuote: `"`, isBracket: "{}[]<>",
	} {
		for i := range len(chars) {
			c[chars[i]] = class
		}
	}
	return c
}()

// scanBytes returns which classes of bytes occur in b and what its characters cost as running text.
func scanBytes(b []byte) (mask uint16, cost float64) {
	var all, tenths uint32
	for _, c := range b {
		x := classAndCost[c]
		all |= x
		tenths += x >> 16
	}
	return uint16(all), float64(tenths) / 10
}

// classAndCost has the class of a byte in its lower half, and in the upper one what it costs, in tenths of a bit: one
// look is quicker than two, and whole numbers add up quicker than others.
var classAndCost = func() (both [256]uint32) {
	for b := range both {
		both[b] = uint32(classes[b]) | uint32(math.Round(10*charBits[b]))<<16
	}
	return both
}()

// textBits returns what the characters of b cost as running text.
func textBits(b []byte) float64 {
	_, cost := scanBytes(b)
	return cost
}

// classify returns the kind of a field and the bits its value takes for one who knows the kind.
func classify(b []byte) (kind, float64) {
	all := len(b)
	// As bytes.Trim does, which takes several times as long where there is nothing to trim.
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	n := len(b)
	padding := float64(all-n) * paddingBits
	if n == 0 {
		return kindEmpty, padding
	}
	k, bits := classifyTrimmed(b)
	return k, bits + padding
}

func classifyTrimmed(b []byte) (kind, float64) {
	n := len(b)
	mask, text := scanBytes(b)
	text += lengthBits(n)

	if mask&isDigit != 0 && n <= 40 {
		if mask == isDigit|isJoin && n > 7 && ipv4(b) { // 1.2.3.4 is a version
			return kindHex, 32
		}
		if k, bits := number(b, mask); k != kindText {
			return k, bits
		}
		if x, y, ok := bytes.Cut(b, []byte(",")); ok && mask&^(isDigit|isJoin|isComma|isSpace) == 0 {
			y = bytes.TrimLeft(y, " ")
			kx, bitsX := number(x, mask)
			ky, bitsY := number(y, mask)
			if kx == kindDecimal && ky == kindDecimal {
				return kindPair, bitsX + bitsY + charBits[',']
			}
		}
		if mask&(isColon|isJoin|isSlash|isSpace) != 0 && mask&(isOther|isQuote|isBracket|isAt) == 0 {
			if k, bits := moment(b); k != kindText {
				return k, bits
			}
		}
	}
	if n <= longestFlag {
		var lower [longestFlag]byte
		for i, c := range b {
			if classes[c] == isUpper {
				c |= 0x20
			}
			lower[i] = c
		}
		if flags[string(lower[:n])] {
			return kindFlag, flagBits
		}
	}
	if mask&isHigh == 0 && mask&isDigit != 0 && n >= 16 && hex(b) {
		return kindHex, float64(n) * 4
	}
	if n == 17 && mask&(isColon|isJoin) != 0 && mac(b) {
		return kindHex, 48
	}
	if mask&^isLetter == 0 {
		return kindWord, text
	}
	if mask&isColon != 0 && mask&isSpace == 0 && url(b) {
		return kindURL, min(text, float64(n)*urlBits-float64(bytes.Count(b, []byte("="))+bytes.Count(b, []byte("&")))*(urlBits-queryBits))
	}
	if mask&isAt != 0 && mask&isLetter != 0 && mask&(isSpace|isColon|isSlash|isComma|isOther|isQuote|isBracket) == 0 && email(b) {
		return kindEmail, text - charBits['@']
	}
	if mask&^(isLetter|isDigit|isJoin) == 0 {
		joins := 0
		for _, c := range b {
			if classes[c] == isJoin {
				joins++
			}
		}
		return kindName, text - float64(joins)*(charBits['_']-joinBits)
	}
	if mask&^(isLetter|isDigit|isJoin|isSpace|isSimple|isComma|isSlash) == 0 {
		return kindPhrase, text - float64(bytes.Count(b, []byte(", ")))*commaSpaceBits
	}
	if (b[0] == '{' || b[0] == '[') && (b[n-1] == '}' || b[n-1] == ']') && n > 1 {
		return kindJSON, min(text, float64(n)*jsonBits)
	}
	return kindText, min(text, setting(b, text))
}

// setting returns the bits of a text like key=value, of which the value has a kind of its own.
func setting(b []byte, text float64) float64 {
	key, value, ok := bytes.Cut(b, []byte("="))
	if !ok || bytes.IndexByte(value, '=') >= 0 {
		return text
	}
	mask, bits := scanBytes(key)
	if mask == 0 || mask&^(isLetter|isDigit|isJoin) != 0 {
		return text
	}
	_, v := classify(value)
	return bits + lengthBits(len(key)) + charBits['='] + v
}

// listSaves returns how many bits a list of three or more names that are alike (b2;c3;d7), with the same sign between,
// takes less than a text. Numbers and names side by side are cells rather.
func listSaves(b []byte) float64 {
	i := bytes.IndexAny(b, ";|")
	if i < 0 {
		return 0
	}
	separator, items, alike := b[i:i+1], 0, uint16(0)
	for more := true; more; items++ {
		var item []byte
		item, b, more = bytes.Cut(b, separator)
		mask, _ := scanBytes(item)
		mask &^= isJoin
		if mask&isLetter == 0 || mask&^(isLetter|isDigit) != 0 || items > 0 && mask&isDigit != alike {
			return 0
		}
		alike = mask & isDigit
	}
	if items < 3 {
		return 0
	}
	return float64(items-1) * (charBits[separator[0]] - listBits)
}

const longestFlag = 5

var flags = map[string]bool{
	"true": true, "false": true, "yes": true, "no": true,
	"na": true, "n/a": true, "nan": true, "null": true, "none": true, `\n`: true, "-": true, "inf": true, "-inf": true,
	"ja": true, "nein": true, "oui": true, "non": true, "si": true,
}

// number recognises integers, decimals, digit groups, currencies and percentages.
func number(b []byte, mask uint16) (kind, float64) {
	if len(b) == 0 || mask&^(isDigit|isJoin|isSign|isComma|isMoney|isHigh|isLetter|isSpace) != 0 {
		return kindText, 0
	}
	amount := false
	if len(b) > 1 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, sign := range currencies {
		if mask&(isMoney|isHigh|isUpper) == 0 {
			break
		}
		if rest, ok := bytes.CutPrefix(b, []byte(sign)); ok {
			b, amount = bytes.TrimLeft(rest, " -"), true
		} else if rest, ok := bytes.CutSuffix(b, []byte(sign)); ok {
			b, amount = bytes.TrimRight(rest, " "), true
		}
	}
	digits, points, commas, sinceComma, grouped := 0, 0, 0, 0, true
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			digits++
			sinceComma++
		case c == '.':
			if points++; points > 1 && commas > 0 {
				return kindText, 0
			}
			if commas > 0 && sinceComma != 3 {
				return kindText, 0
			}
			if points > 1 && sinceComma != 3 {
				return kindText, 0
			}
			sinceComma = 0
		case c == ',':
			if commas > 0 && sinceComma != 3 {
				return kindText, 0
			}
			if commas++; points > 0 && commas > 1 {
				return kindText, 0
			}
			if digits > 3 && commas == 1 && points == 0 {
				grouped = false
			}
			sinceComma = 0
		case (c == 'e' || c == 'E') && digits > 0 && i+1 < len(b):
			exp := b[i+1:]
			if exp[0] == '-' || exp[0] == '+' {
				exp = exp[1:]
			}
			if len(exp) == 0 || len(exp) > 3 || !allDigits(exp) {
				return kindText, 0
			}
			digits += len(exp)
			points = max(points, 1)
			i = len(b)
		default:
			return kindText, 0
		}
	}
	if digits == 0 || b[len(b)-1] == ',' || commas > 1 && (!grouped || points == 0 && sinceComma != 3) {
		return kindText, 0
	}
	bits := float64(digits)*digitBits + integerBits
	switch {
	case amount:
		return kindAmount, bits + signBits
	case commas > 0 || points > 1:
		return kindLocal, bits + 2*signBits
	case points > 0:
		return kindDecimal, bits + signBits
	}
	return kindInteger, bits
}

var currencies = []string{"$", "€", "£", "¥", "%", "EUR", "USD"}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// moment recognises dates, times of day, and both together.
func moment(b []byte) (kind, float64) {
	if rest, ok := clock(b); ok && len(rest) == 0 {
		return kindTime, timeBits
	}
	rest, ok := date(b)
	if !ok {
		return kindText, 0
	}
	if len(rest) == 0 {
		return kindDate, dateBits
	}
	if rest[0] == 'T' || rest[0] == ' ' || rest[0] == ',' || rest[0] == ':' {
		rest = bytes.TrimLeft(rest[1:], " ")
		if rest, ok = clock(rest); ok && len(rest) == 0 {
			return kindMoment, dateBits + timeBits
		}
	}
	return kindText, 0
}

// date cuts a date from the front of b: three numbers, or two and the name of a month.
func date(b []byte) ([]byte, bool) {
	var lens, values [3]int
	var separator byte
	names := 0
	for part := range 3 {
		if len(b) == 0 {
			return b, part == 2 && separator == '-' && lens[0] == 4 && lens[1] == 2 && values[1] <= 12
		}
		if n, month := monthName(b); n > 0 {
			names++
			lens[part], values[part] = 2, month
			b = b[n:]
		} else {
			n := 0
			for n < len(b) && n < 5 && b[n] >= '0' && b[n] <= '9' {
				values[part] = values[part]*10 + int(b[n]-'0')
				n++
			}
			if n == 0 || n == 3 || n == 5 {
				return b, false
			}
			lens[part] = n
			b = b[n:]
		}
		if part == 2 || len(b) == 0 {
			continue
		}
		c := b[0]
		switch {
		case c == ',' && names > 0 && len(b) > 1 && b[1] == ' ':
			b = b[2:]
		case c == ' ' && names == 0 && !startsMonth(b[1:]):
			return b, false
		case c == '-' || c == '/' || c == '.' || c == ' ':
			if separator != 0 && separator != c {
				return b, false
			}
			separator = c
			b = b[1:]
		default:
			return b, false
		}
	}
	if lens[2] == 0 || names > 1 {
		return b, false
	}
	day, month := values[2], values[1]
	if lens[0] != 4 {
		day, month = min(values[0], values[1]), max(values[0], values[1])
		if month > 12 {
			day, month = month, day
		}
		if lens[2] == 1 {
			return b, false
		}
	}
	return b, day >= 0 && day <= 31 && month <= 12
}

func startsMonth(b []byte) bool { n, _ := monthName(b); return n > 0 }

// monthName returns the length of an English month's name or its first three letters, and its number.
func monthName(b []byte) (int, int) {
	if len(b) < 3 || classes[b[0]]&(isUpper|isLower) == 0 {
		return 0, 0
	}
	for i, name := range months {
		for _, n := range []int{len(name), 3} {
			if len(b) >= n && bytes.EqualFold(b[:n], []byte(name[:n])) {
				return n, i + 1
			}
		}
	}
	return 0, 0
}

var months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// clock cuts a time of day from the front of b: hours and minutes, perhaps seconds, a fraction, a half of
// the day and a zone.
func clock(b []byte) ([]byte, bool) {
	two := func(limit int, exact bool) bool {
		n, v := 0, 0
		for n < len(b) && n < 2 && b[n] >= '0' && b[n] <= '9' {
			v = v*10 + int(b[n]-'0')
			n++
		}
		b = b[n:]
		return n > 0 && (n == 2 || !exact) && v < limit
	}
	skip := func(c byte) bool {
		if len(b) > 0 && b[0] == c {
			b = b[1:]
			return true
		}
		return false
	}
	if !two(25, false) || len(b) == 0 {
		return b, false
	}
	separator := b[0]
	if separator != ':' && separator != '.' || !skip(separator) || !two(60, true) {
		return b, false
	}
	if skip(separator) {
		if !two(61, true) {
			return b, false
		}
		if skip('.') || skip(',') {
			for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
				b = b[1:]
			}
		}
	} else if separator == '.' {
		return b, false // 10.39 is a number
	}
	rest := bytes.TrimLeft(b, " ")
	if len(rest) >= 2 && (rest[1]|0x20) == 'm' && ((rest[0]|0x20) == 'a' || (rest[0]|0x20) == 'p') {
		b = rest[2:]
	}
	if skip('Z') {
		return b, true
	}
	if skip(' '); bytes.HasPrefix(b, []byte("UTC")) || bytes.HasPrefix(b, []byte("GMT")) {
		b = b[3:]
	}
	if skip('+') || skip('-') {
		if !two(25, true) {
			return b, false
		}
		skip(':')
		if len(b) > 0 && !two(60, true) {
			return b, false
		}
	}
	return b, true
}

func hex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') && c != '-' {
			return false
		}
	}
	return true
}

// ipv4 reports whether b is four numbers below 256 with points between.
func ipv4(b []byte) bool {
	for part := range 4 {
		n, v := 0, 0
		for n < len(b) && n < 3 && classes[b[n]] == isDigit {
			v = v*10 + int(b[n]-'0')
			n++
		}
		if b = b[n:]; n == 0 || v > 255 {
			return false
		}
		if part < 3 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
	}
	return len(b) == 0
}

// mac reports whether b, of 17 bytes, is the address of a network card: six pairs of hexadecimal digits with the
// same sign between, : or -.
func mac(b []byte) bool {
	for i, c := range b {
		if i%3 == 2 {
			if c != b[2] || c != ':' && c != '-' {
				return false
			}
		} else if c == '-' || !hex(b[i:i+1]) {
			return false
		}
	}
	return true
}

// url reports whether b begins with a scheme and has no character that RFC 3986 excludes.
func url(b []byte) bool {
	scheme := bytes.Index(b, []byte("://"))
	if scheme < 1 {
		return false
	}
	for _, c := range b[:scheme] {
		if classes[c]&(isLower|isUpper|isDigit) == 0 {
			return false
		}
	}
	return bytes.IndexFunc(b, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"<>\\^`{|}", r) }) < 0
}

func email(b []byte) bool {
	at := bytes.IndexByte(b, '@')
	return at > 0 && bytes.IndexByte(b[at+1:], '.') > 0
}

// isMissing reports whether a text stands for a value that is missing.
func isMissing(b []byte) bool {
	if len(b) > longestMissing {
		return false
	}
	var lower [longestMissing]byte
	for i, c := range b {
		if classes[c] == isUpper {
			c |= 0x20
		}
		lower[i] = c
	}
	return missing[string(lower[:len(b)])]
}

const longestMissing = 16 // bytes

var missing = wordSet(`- -- --- – — … ? ?? . .. n/a na n.a. n.a #n/a none null nil nan (null) <null> \n missing unknown unavailable unspecified
	undefined tbd tba pending empty nothing unbekannt offen keine fehlt k.a. inconnu aucun nc n.c. nd n.d. s/d s/n desconocido ninguno
	sconosciuto nessuno onbekend geen brak`)

// wordSet makes a set of the words of a text.
func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
