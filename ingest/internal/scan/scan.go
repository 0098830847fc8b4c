// Package scan finds rows and fields in bytes. It is the only hot code of the module, and the seam
// behind which faster kernels go: a kernel has to give what [Grammar.Row] gives.
//
// It knows nothing of characters. The bytes are either the source itself, where no byte of a structural
// character can be part of another one, or a mask of it with one byte for each code unit, or text that
// is already UTF-8; the caller says in a [Config] what delimiter, quote and escape look like there.
//
// A row is one of
//
//	record    fields with delimiters between them, up to a line end outside quotes or the end of input
//	blank     a line with nothing on it but spaces and tabs
//	comment   a line that begins with the comment mark
//	unclosed  the first line of what would be a record if its quote were ever closed
//
// Where the delimiter is any run of spaces, those at either end of a line are none.
//
// A quote opens a field only at the field's start; elsewhere in an unquoted field it is text. Inside a
// quoted field a quote is doubled or escaped (text), or stands before a delimiter or a line end, with
// spaces between them or not (it closes), or is astray. A stray quote is text, and the row says so.
//
// Where the first stray quote of a field is on the line on which the field began, and stands where one
// would open a field, the one that opened this field was astray: the field is read again as unquoted.
// So `"04:00,x,"Mom, and Dad"` has three fields. A run of doubled quotes with a stray one behind it is
// judged by where it begins, for so does a quoted field begin whose text begins with a quote.
//
// A field is unclosed when the input ends in it, when it holds more lines than the limit, when a stray
// quote is not followed by a closing one on its own line, or when, on a later line than the one on
// which the field began, a stray quote stands where one would open a field. A record of several lines is
// unclosed too where the number of columns is known, the record does not have it, and its first line does
// when it is read by itself, the quote that runs over its end being text. This is what keeps a lost quote
// from eating the rows below it: it shows that the reader is on the wrong side of the quotes.
package scan

import "bytes"

// A Config is a dialect spelt in the bytes that are scanned. Empty: there is none.
type Config struct {
	Delimiter   []byte // required
	Open, Close []byte // the quotes; both or neither
	Escape      []byte // a character that takes the meaning from the structural one behind it
	Comment     []byte
	Doubled     bool // two closing quotes inside a quoted field are one, as text
	LF, CR      bool // which of them ends a line; CR LF does where LF does
	SkipSpace   bool // spaces before a field belong to the delimiter; a delimiter " " is then any run of them
	MaxLines    int  // line ends in one quoted field
	MaxFields   int  // that are given of a row; those beyond are only counted; 0: any number
	Columns     int  // fields of a record that is as it should be; 0: not known
}

// A Grammar scans rows of one dialect. It is immutable and may be used by many goroutines.
type Grammar struct {
	Config
	special [256]bool // the bytes that can end a stretch of unquoted text
	inside  [256]bool // the same for quoted text
	runs    bool      // any run of spaces is one delimiter
	simple  bool      // delimiter and quotes are single bytes, spaces mean nothing
	quote   byte      // if simple: the quote, or, where there is none, the delimiter
	fast    bool      // quick can be used
	quick   quick
	comment []byte // a line end and the comment mark
}

// New compiles a Config.
func New(c Config) *Grammar {
	g := &Grammar{Config: c, runs: c.SkipSpace && string(c.Delimiter) == " "}
	for _, b := range []byte{'\n', '\r'} {
		g.special[b], g.inside[b] = true, true
	}
	g.special[c.Delimiter[0]] = true
	g.simple, g.quote = len(c.Delimiter) == 1 && len(c.Open) <= 1 && bytes.Equal(c.Open, c.Close) && !c.SkipSpace, c.Delimiter[0]
	if len(c.Open) == 1 {
		g.quote = c.Open[0]
	}
	if len(c.Close) > 0 {
		g.inside[c.Close[0]] = true
	}
	if len(c.Escape) > 0 {
		g.special[c.Escape[0]], g.inside[c.Escape[0]] = true, true
	}
	g.quick, g.fast = g.compile()
	g.comment = append([]byte{g.quick.eol}, c.Comment...)
	return g
}

// A Kind says what a row is.
type Kind uint8

const (
	More     Kind = iota // the bytes end before the row does
	Record               // Fields are valid
	Blank                // one field: the line
	Comment              // no fields
	Unclosed             // no fields; the row is the first line of a record whose quote is not closed
)

// A Row is what [Grammar.Row] found.
type Row struct {
	End   int // of the row, behind its line end; undefined for More
	Seen  int // of Unclosed: how far the closing quote was looked for
	Lines int // line ends in the row, its own included
	Count int // fields of a Record, also those beyond MaxFields
	Kind  Kind
	Stray bool // a quoted field of the record has a stray quote in it
}

// A Field is a stretch of bytes: the content of a field, without the quotes around it.
// Offsets are below 1 GiB; the two bits above them are flags.
type Field struct{ start, end uint32 }

const flag = 1 << 31

// NewField makes a Field. Escaped is the caller's to interpret: as scanned it says that the stretch
// holds doubled quotes or escapes.
func NewField(start, end int, quoted, escaped bool) Field {
	f := Field{uint32(start), uint32(end)}
	if quoted {
		f.start |= flag
	}
	if escaped {
		f.end |= flag
	}
	return f
}

func (f Field) Start() int    { return int(f.start &^ flag) }
func (f Field) End() int      { return int(f.end &^ flag) }
func (f Field) Len() int      { return int((f.end - f.start) &^ flag) } // the flags are beyond what is taken off
func (f Field) Quoted() bool  { return f.start&flag != 0 }
func (f Field) Escaped() bool { return f.end&flag != 0 }

// Place gives all but Quoted in one.
func (f Field) Place() (start, end int, escaped uint32) {
	return int(f.start &^ flag), int(f.end &^ flag), f.end >> 31
}

// NextEscaped gives the index of the next field from i on that is Escaped, len(fs) if there is none.
func NextEscaped(fs []Field, i int) int {
	for ; len(fs)-i >= 8; i += 8 { // most have none
		f := fs[i : i+8 : i+8]
		if (f[0].end|f[1].end|f[2].end|f[3].end|f[4].end|f[5].end|f[6].end|f[7].end)&flag != 0 {
			break
		}
	}
	for i < len(fs) && !fs[i].Escaped() {
		i++
	}
	return i
}

// Row scans the row that starts at b[i] and appends its fields to fs; with a nil fs it only finds where
// the row ends. More asks for more bytes behind the same ones, and then what fs holds is undefined; with
// eof there are none, and it is never the answer. The cost is linear in the row, or, for a quote that is
// not closed, in what was looked at for the close: see [Row.Seen].
func (g *Grammar) Row(b []byte, i int, eof bool, fs *[]Field) Row { return g.row(b, i, eof, fs, -1) }

// row is Row, but if text is not negative the row is no comment, and a quote at b[text] opens no field.
func (g *Grammar) row(b []byte, i int, eof bool, fs *[]Field, text int) Row {
	if len(g.Comment) > 0 && text < 0 {
		if is, more := at(b, i, g.Comment, eof); more {
			return Row{Kind: More}
		} else if is {
			return g.line(b, i, eof, Comment)
		}
	}
	row := Row{Kind: Record}
	start, count, first := i, 0, 0
	over := -1 // where the quote is that runs over the end of the first line
	if fs != nil {
		first = len(*fs)
	}
fields:
	for {
		// Fields that end with a delimiter or LF and need no closer look.
		for g.simple && i < len(b) {
			var f Field
			end := i
			if b[i] == g.quote {
				if f, end = g.simpleQuoted(b, i); end < 0 {
					break
				}
			} else {
				for end < len(b) && !g.special[b[end]] {
					end++
				}
				if end == len(b) || b[end] != g.Delimiter[0] && (b[end] != '\n' || !g.LF) {
					break
				}
				f = NewField(i, end, false, false)
			}
			if fs != nil && (g.MaxFields == 0 || count < g.MaxFields) {
				*fs = append(*fs, f)
			}
			count++
			i = end + 1
			if b[end] == '\n' {
				row.Lines++
				break fields
			}
		}
		if g.SkipSpace {
			for i < len(b) && b[i] == ' ' {
				if len(g.Delimiter) > 1 { // it may begin with a space itself
					if is, more := at(b, i, g.Delimiter, eof); more {
						return Row{Kind: More}
					} else if is {
						break
					}
				}
				i++
			}
		}
		opens := false
		if len(g.Open) > 0 && i != text {
			var more bool
			if opens, more = at(b, i, g.Open, eof); more {
				return Row{Kind: More}
			}
		}
		var s span
		if opens {
			s = g.quoted(b, i+len(g.Open), eof, &row)
			if over < 0 && row.Lines > 0 {
				over = i
			}
			opens = s.then != astray
		}
		if !opens {
			s = g.unquoted(b, i, eof, &row)
		}
		switch s.then {
		case needMore:
			return Row{Kind: More}
		case gaveUp:
			if fs != nil {
				*fs = (*fs)[:first]
			}
			return g.unclosed(b, start, eof, s.next)
		}
		if fs != nil && (g.MaxFields == 0 || count < g.MaxFields) {
			*fs = append(*fs, NewField(s.start, s.end, opens, s.escaped))
		}
		count++
		i = s.next
		if s.then == delimiter && g.runs {
			i, s.then = g.behindRun(b, i, eof)
			if s.then == needMore {
				return Row{Kind: More}
			}
		}
		if s.then != delimiter {
			if s.then == lineEnd {
				row.Lines++
			}
			break
		}
	}
	if over >= 0 && g.Columns > 0 && count != g.Columns && g.fits(b[:i], start, over) {
		if fs != nil {
			*fs = (*fs)[:first]
		}
		return g.unclosed(b, start, eof, i)
	}
	row.End, row.Count = i, count
	if count == 1 && IsBlank(b[start:i]) {
		row.Kind = Blank
	}
	return row
}

// fits says whether the first line of the record that starts at b[i] has the columns of the table, if the quote
// at b[over] is text.
func (g *Grammar) fits(b []byte, i, over int) bool {
	line := b[:g.line(b, i, true, Record).End]
	row := g.row(line, i, true, nil, over)
	return row.Kind == Record && row.Count == g.Columns
}

// unclosed gives up the record that starts at b[i], of which all up to seen was looked at.
func (g *Grammar) unclosed(b []byte, i int, eof bool, seen int) Row {
	row := g.line(b, i, eof, Unclosed)
	row.Seen = seen
	return row
}

// simpleQuoted takes a quoted field that has nothing between its quotes that could have a meaning there, and
// gives where the delimiter or LF behind it stands; -1 if it needs a closer look.
func (g *Grammar) simpleQuoted(b []byte, i int) (f Field, end int) {
	if g.quote == g.Delimiter[0] || len(g.Escape) > 0 {
		return f, -1
	}
	n := bytes.IndexByte(b[i+1:], g.quote)
	end = i + 1 + n + 1
	if n < 0 || end == len(b) || b[end] != g.Delimiter[0] && (b[end] != '\n' || !g.LF) {
		return f, -1
	}
	if text := b[i+1 : end-1]; bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return f, -1
	}
	return NewField(i+1, end-1, true, false), end
}

// behindRun says what stands behind the spaces that are left of a delimiter, and where it ends.
func (g *Grammar) behindRun(b []byte, i int, eof bool) (int, then) {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	n, more := g.lineEnd(b, i, eof)
	switch {
	case more || i == len(b) && !eof:
		return i, needMore
	case i == len(b):
		return i, inputEnd
	case n > 0:
		return i + n, lineEnd
	}
	return i, delimiter
}

// Line scans one line whatever stands on it: the way to step over a row that was given up.
// Its Kind is Unclosed, or More.
func (g *Grammar) Line(b []byte, i int, eof bool) Row { return g.line(b, i, eof, Unclosed) }

func (g *Grammar) line(b []byte, i int, eof bool, k Kind) Row {
	if !g.LF || !g.CR { // one character ends all lines
		end := byte('\n')
		if !g.LF {
			end = '\r'
		}
		n := bytes.IndexByte(b[i:], end)
		switch {
		case n >= 0:
			return Row{End: i + n + 1, Lines: 1, Kind: k}
		case !eof:
			return Row{Kind: More}
		case bytes.HasSuffix(b[i:], []byte{'\r'}): // half a CR LF
			return Row{End: len(b), Lines: 1, Kind: k}
		}
		return Row{End: len(b), Kind: k}
	}
	for {
		for i < len(b) && b[i] != '\n' && b[i] != '\r' {
			i++
		}
		if i == len(b) {
			if !eof {
				return Row{Kind: More}
			}
			return Row{End: i, Kind: k}
		}
		n, more := g.lineEnd(b, i, eof)
		if more {
			return Row{Kind: More}
		}
		if n > 0 {
			return Row{End: i + n, Lines: 1, Kind: k}
		}
		i++
	}
}

// then says what stands behind a field.
type then uint8

const (
	delimiter then = iota
	lineEnd
	inputEnd
	needMore
	gaveUp
	astray // was the quote that opened the field
)

type span struct {
	start, end, next int
	escaped          bool
	then             then
}

func (g *Grammar) unquoted(b []byte, i int, eof bool, row *Row) span {
	s := span{start: i}
	for {
		for i < len(b) && !g.special[b[i]] {
			i++
		}
		if i == len(b) {
			s.end, s.next, s.then = i, i, inputEnd
			if !eof {
				s.then = needMore
			}
			return s
		}
		if b[i] == '\n' || b[i] == '\r' {
			n, more := g.lineEnd(b, i, eof)
			if more || n > 0 {
				s.end, s.next, s.then = i, i+n, lineEnd
				if more {
					s.then = needMore
				}
				return s
			}
		}
		if is, more := at(b, i, g.Delimiter, eof); more || is {
			s.end, s.next, s.then = i, i+len(g.Delimiter), delimiter
			if more {
				s.then = needMore
			}
			return s
		}
		n, more := g.escape(b, i, eof)
		if more {
			s.then = needMore
			return s
		}
		i += max(n, 1)
		if n > 0 {
			s.escaped = true
			if b[i-1] == '\n' || b[i-1] == '\r' {
				row.Lines++
			}
		}
	}
}

// quoted scans a field behind its opening quote. If that turns out to be astray the field is scanned again
// by unquoted, and so are the bytes up to the stray quote that told. It is done once for each byte: all
// quotes between the two are escaped, and where a doubled one opens a field, its second half closes that
// field or is its first stray quote.
func (g *Grammar) quoted(b []byte, i int, eof bool, row *Row) (s span) {
	s.start = i
	from := i // nothing from here on is escaped, but by doubling
	first, stray := row.Lines, false
	for {
		for i < len(b) && !g.inside[b[i]] {
			i++
		}
		if i == len(b) {
			s.next, s.then = i, needMore
			if eof {
				s.then = gaveUp
			}
			return s
		}
		if b[i] == '\n' || b[i] == '\r' {
			n, more := g.lineEnd(b, i, eof)
			if more {
				s.then = needMore
				return s
			}
			if n > 0 {
				row.Lines++
				if stray || row.Lines-first > g.MaxLines {
					s.next, s.then = i, gaveUp
					return s
				}
			}
			i += max(n, 1)
			continue
		}
		n, more := g.escape(b, i, eof)
		if more {
			s.then = needMore
			return s
		}
		if n > 0 {
			s.escaped = true
			i += n
			from = i
			continue
		}
		closes, more := at(b, i, g.Close, eof)
		if more {
			s.then = needMore
			return s
		}
		if !closes {
			i++
			continue
		}
		after := i + len(g.Close)
		if g.Doubled {
			if is, more := at(b, after, g.Close, eof); more {
				s.then = needMore
				return s
			} else if is {
				s.escaped = true
				i = after + len(g.Close)
				continue
			}
		}
		s.end = i
		if s.next, s.then = g.behind(b, after, eof); s.then != gaveUp {
			return s
		}
		if (row.Lines > first || !stray) && g.opening(b, i, from) {
			if row.Lines == first {
				s.then, row.Stray = astray, true
			}
			return s
		}
		stray, row.Stray = true, true
		i = after
	}
}

// behind looks at what follows a quote inside a quoted field: a delimiter or a line end, perhaps after
// spaces, make it the closing one. Otherwise it answers gaveUp.
func (g *Grammar) behind(b []byte, i int, eof bool) (int, then) {
	for {
		if i == len(b) {
			if eof {
				return i, inputEnd
			}
			return i, needMore
		}
		if is, more := at(b, i, g.Delimiter, eof); more {
			return i, needMore
		} else if is {
			return i + len(g.Delimiter), delimiter
		}
		switch n, more := g.lineEnd(b, i, eof); {
		case more:
			return i, needMore
		case n > 0:
			return i + n, lineEnd
		}
		if b[i] != ' ' && b[i] != '\t' {
			return i, gaveUp
		}
		i++
	}
}

// opening says whether the stray quote at b[i], or the run of quotes that it ends, stands where one would open
// a field: behind a delimiter or a line end, or the space that may follow them. None of them is before from.
func (g *Grammar) opening(b []byte, i, from int) bool {
	if !bytes.Equal(g.Open, g.Close) {
		return false // a closing quote of its own shape opens nothing
	}
	for bytes.HasSuffix(b[from:i], g.Close) {
		i -= len(g.Close)
	}
	if bytes.HasSuffix(b[from:i], g.Delimiter) {
		return true
	}
	for g.SkipSpace && i > from && b[i-1] == ' ' {
		i--
	}
	return i > from && (b[i-1] == '\n' && g.LF || b[i-1] == '\r' && g.CR) || bytes.HasSuffix(b[from:i], g.Delimiter)
}

// escape gives the length of the escape character at b[i] and what it takes the meaning from, or 0.
// Before anything that has no meaning to lose the escape is text (`C:\temp`).
func (g *Grammar) escape(b []byte, i int, eof bool) (n int, more bool) {
	if len(g.Escape) == 0 {
		return 0, false
	}
	if is, more := at(b, i, g.Escape, eof); more || !is {
		return 0, more
	}
	j := i + len(g.Escape)
	for _, s := range [][]byte{g.Escape, g.Close, g.Open, g.Delimiter} {
		if len(s) == 0 {
			continue
		}
		if is, more := at(b, j, s, eof); more {
			return 0, true
		} else if is {
			return j + len(s) - i, false
		}
	}
	if n, more := g.lineEnd(b, j, eof); more || n > 0 && len(g.Open) == 0 {
		return j + n - i, more
	}
	return 0, false
}

// lineEnd gives the length of the line end at b[i], 0 if there is none.
func (g *Grammar) lineEnd(b []byte, i int, eof bool) (n int, more bool) {
	if i >= len(b) {
		return 0, false
	}
	switch b[i] {
	case '\n':
		if g.LF {
			return 1, false
		}
	case '\r':
		switch {
		case !g.LF:
			return 1, false
		case i+1 == len(b) && !eof:
			return 0, true
		case i+1 == len(b):
			return 1, false
		case b[i+1] == '\n':
			return 2, false
		case g.CR:
			return 1, false
		}
	}
	return 0, false
}

// LineEnd gives the byte that every line end has one of, but for a CR by itself where LF ends lines, too.
func (g *Grammar) LineEnd() byte { return g.quick.eol }

// IsBlank says whether a row of one field holds nothing but spaces, tabs and a line end. The mark that CP/M
// and DOS put at the end of a text (0x1A) is nothing.
func IsBlank(b []byte) bool {
	for i, c := range b {
		switch {
		case c == '\n', c == '\r':
		case c == 0x1a && i == len(b)-1:
		case c == ' ', c == '\t':
		default:
			return false
		}
	}
	return true
}

// Unescape appends the content of a field with its doubled quotes and escapes resolved.
func (g *Grammar) Unescape(dst, b []byte, quoted bool) []byte {
	if g.simple && len(g.Escape) == 0 && quoted && g.Doubled {
		for {
			i := bytes.IndexByte(b, g.quote)
			if i < 0 {
				return append(dst, b...)
			}
			dst = append(dst, b[:i+1]...)
			if b = b[i+1:]; len(b) > 0 && b[0] == g.quote {
				b = b[1:]
			}
		}
	}
	for i := 0; i < len(b); {
		if n, _ := g.escape(b, i, true); n > 0 {
			dst = append(dst, b[i+len(g.Escape):i+n]...)
			i += n
			continue
		}
		if quoted && g.Doubled && bytes.HasPrefix(b[i:], g.Close) && bytes.HasPrefix(b[i+len(g.Close):], g.Close) {
			dst = append(dst, g.Close...)
			i += 2 * len(g.Close)
			continue
		}
		dst = append(dst, b[i])
		i++
	}
	return dst
}

// Plain says that in b every line is a row, because nothing is there that could make it otherwise: no quote, no
// escape. The splitter may then count line ends and look no closer. It is for dialects that are too special for Count,
// and false for others.
func (g *Grammar) Plain(b []byte) bool {
	return !g.fast && g.LF && !g.CR &&
		(len(g.Open) == 0 || bytes.IndexByte(b, g.Open[0]) < 0) &&
		(len(g.Escape) == 0 || bytes.IndexByte(b, g.Escape[0]) < 0)
}

// at says whether s stands at b[i]; more: as far as the bytes go it does, but they end too soon.
func at(b []byte, i int, s []byte, eof bool) (is, more bool) {
	if i < len(b) && b[i] != s[0] {
		return false, false
	}
	if i+len(s) > len(b) {
		return false, !eof && bytes.HasPrefix(s, b[min(i, len(b)):])
	}
	return len(s) == 1 || bytes.Equal(b[i:i+len(s)], s), false
}
