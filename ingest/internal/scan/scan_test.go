package scan

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// configs are dialects by the name they have in the tables.
var configs = map[string]Config{
	"rfc":       {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4},
	"tab":       {Delimiter: []byte("\t"), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4},
	"unit":      {Delimiter: []byte("\x1f"), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4},
	"space":     {Delimiter: []byte(" "), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4},
	"runs":      {Delimiter: []byte(" "), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, SkipSpace: true, MaxLines: 4},
	"colons":    {Delimiter: []byte("::"), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4},
	"three":     {Delimiter: []byte("<|>"), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4},
	"spacepipe": {Delimiter: []byte(" |"), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, SkipSpace: true, MaxLines: 4},
	"typo":      {Delimiter: []byte(";"), Open: []byte("“"), Close: []byte("”"), Doubled: true, LF: true, MaxLines: 4},
	"guillemet": {Delimiter: []byte("¦"), Open: []byte("»"), Close: []byte("»"), Doubled: true, LF: true, MaxLines: 4},
	"backslash": {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Escape: []byte(`\`), Doubled: true, LF: true, MaxLines: 4},
	"strict":    {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), LF: true, MaxLines: 4},
	"plain":     {Delimiter: []byte(","), LF: true},
	"escaped":   {Delimiter: []byte("|"), Escape: []byte(`\`), LF: true},
	"longesc":   {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Escape: []byte("¬"), LF: true, MaxLines: 4},
	"skip":      {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, SkipSpace: true, MaxLines: 4},
	"hash":      {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Comment: []byte("#"), Doubled: true, LF: true, MaxLines: 4},
	"slashes":   {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Comment: []byte("//"), Doubled: true, LF: true, MaxLines: 4},
	"cr":        {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, CR: true, MaxLines: 4},
	"mixed":     {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, CR: true, MaxLines: 4},
	"wide":      {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, MaxLines: 4, MaxFields: 1, Columns: 3},
	"wideskip":  {Delimiter: []byte(","), Open: []byte(`"`), Close: []byte(`"`), Comment: []byte("#"), Doubled: true, LF: true, CR: true, SkipSpace: true, MaxLines: 4, Columns: 3},
	"wideruns":  {Delimiter: []byte(" "), Open: []byte(`"`), Close: []byte(`"`), Doubled: true, LF: true, SkipSpace: true, MaxLines: 4, Columns: 3},
	"widetypo":  {Delimiter: []byte("::"), Open: []byte("“"), Close: []byte("”"), Doubled: true, LF: true, MaxLines: 4, Columns: 3},
}

// rows is the table. A row is written as its kind (R record, B blank, C comment, U unclosed), its number of
// line ends, "!" if it has a stray quote, and its fields: <text> or, if quoted, "text".
var rows = []struct {
	config, in string
	want       []string
}{
	// fields and line ends
	{"rfc", "", []string{`B0 <>`}},
	{"rfc", "a", []string{`R0 <a>`}},
	{"rfc", "a,b\nc,d", []string{`R1 <a> <b>`, `R0 <c> <d>`}},
	{"rfc", "a,b\r\nc,d\r\n", []string{`R1 <a> <b>`, `R1 <c> <d>`}},
	{"rfc", ",\n,,\n", []string{`R1 <> <>`, `R1 <> <> <>`}},
	{"rfc", "a\rb,c\n", []string{`R1 <a\rb> <c>`}},
	{"rfc", "a\r\r\nb\n", []string{`R1 <a\r>`, `R1 <b>`}},
	{"rfc", "a,b\r", []string{`R1 <a> <b>`}}, // half a CR LF
	{"rfc", "\x00,\xff\n", []string{`R1 <\x00> <\xff>`}},
	{"cr", "a,b\rc\n,d\r", []string{`R1 <a> <b>`, `R1 <c\n> <d>`}},
	{"cr", "a\r\nb\r", []string{`R1 <a>`, `R1 <\nb>`}},
	{"mixed", "a\rb\nc\r\nd\n\re", []string{`R1 <a>`, `R1 <b>`, `R1 <c>`, `R1 <d>`, `B1 <>`, `R0 <e>`}},
	{"mixed", "a\r", []string{`R1 <a>`}},
	{"mixed", "\"a\rb\r\nc\nd\"\r", []string{`R4 "a\rb\r\nc\nd"`}},

	// delimiters
	{"tab", "a\tb\n\t\n", []string{`R1 <a> <b>`, `R1 <> <>`}},
	{"space", "a  b\n", []string{`R1 <a> <> <b>`}},
	{"space", " \n", []string{`R1 <> <>`}},
	{"space", "\"a\" \"b\"\n", []string{`R1 "a" "b"`}},
	{"runs", "a   b \"c d\"  e\n", []string{`R1 <a> <b> "c d" <e>`}},
	{"runs", "  a b\n   \n", []string{`R1 <a> <b>`, `B1 <>`}},
	{"runs", "a  b  \n \"c\" d \r\n\"e f\" ", []string{`R1 <a> <b>`, `R1 "c" <d>`, `R0 "e f"`}},
	{"runs", "a \"\" \nb \r", []string{`R1 <a> ""`, `R1 <b>`}},
	{"runs", "a \t\n", []string{`R1 <a> <\t>`}},
	{"colons", "a::b:c:::d:\n", []string{`R1 <a> <b:c> <:d:>`}},
	{"colons", "\"a::b\"::\"c\"\n:", []string{`R1 "a::b" "c"`, `R0 <:>`}},
	{"three", "a<|>b<|c<|><|>\n", []string{`R1 <a> <b<|c> <> <>`}},
	{"spacepipe", "a |b |  |  c\n", []string{`R1 <a> <b> <> <c>`}},
	{"spacepipe", "    \n", []string{`B1 <>`}},
	{"guillemet", "a¦»b¦c»¦d\n", []string{`R1 <a> "b¦c" <d>`}},
	{"guillemet", "a\xc2¦b\n", []string{`R1 <a\xc2> <b>`}},

	// quotes
	{"rfc", "\"a,b\",\"\"\n", []string{`R1 "a,b" ""`}},
	{"rfc", "\"a\"\"b\",\"\"\"\",\"\"\"c\"\"\"\n", []string{`R1 "a\"b" "\"" "\"c\""`}},
	{"rfc", "\"a\nb\",\"c\r\nd\"\n", []string{`R3 "a\nb" "c\r\nd"`}},
	{"rfc", "\"a\rb\"\n", []string{`R1 "a\rb"`}},
	{"rfc", "a\"b,c\"\n", []string{`R1 <a\"b> <c\">`}},
	{"rfc", "5\" pipe, \"x\"\n", []string{`R1 <5\" pipe> < \"x\">`}},
	{"rfc", "\"a\" ,\"b\"\t\n", []string{`R1 "a" "b"`}},
	{"rfc", "\"a\"", []string{`R0 "a"`}},
	{"rfc", "\"a\"  ", []string{`R0 "a"`}},
	{"rfc", "\"a\"\r", []string{`R1 "a"`}},
	{"strict", "\"a\"\"b\",c\n", []string{`R1! "a\"\"b" <c>`}},
	{"strict", "\"\",\"\"\n", []string{`R1 "" ""`}},
	{"plain", "\"a,b\"\n", []string{`R1 <\"a> <b\">`}},
	{"typo", "“a;b”;“c“d”;e\n", []string{`R1 "a;b" "c“d" <e>`}},
	{"typo", "“a””b”;\"c\"\n", []string{`R1 "a”b" <\"c\">`}},
	{"typo", "“a\n“b”;c\n", []string{`R2 "a\n“b" <c>`}},
	{"typo", "a“b”;”c\n", []string{`R1 <a“b”> <”c>`}},
	{"typo", "“a\xe2\x80b”\n", []string{`R1 "a\xe2\x80b"`}},

	// space before fields
	{"skip", "a, \"b, c\",  d \n", []string{`R1 <a> "b, c" <d >`}},
	{"skip", "  \"a\",b\n", []string{`R1 "a" <b>`}},
	{"skip", " \n", []string{`B1 <>`}},
	{"skip", "a, ", []string{`R0 <a> <>`}},

	// escapes
	{"backslash", "\"a\\\"b\",c\\,d\n", []string{`R1 "a\"b" <c,d>`}},
	{"backslash", "\"a\\\\\",\"b\"\"c\"\n", []string{`R1 "a\\" "b\"c"`}},
	{"backslash", "C:\\temp,\"C:\\new\"\n", []string{`R1 <C:\\temp> "C:\\new"`}},
	{"backslash", "a\\\nb\\", []string{`R1 <a\\>`, `R0 <b\\>`}},
	{"backslash", "\\\"a\\\",b\n", []string{`R1 <\"a\"> <b>`}},
	{"backslash", "\"a\\\nb\"\n", []string{`R2 "a\\\nb"`}},
	{"escaped", "a\\|b|c\\\nd\n", []string{`R2 <a|b> <c\nd>`}},
	{"escaped", "a\\\r\nb|\\\\|\\x\n", []string{`R2 <a\r\nb> <\\> <\\x>`}},
	{"escaped", "a\\\n", []string{`R1 <a\n>`}},
	{"longesc", "\"a¬\"b\",¬,,c\xc2\n", []string{`R1 "a\"b" <,> <c\xc2>`}},

	// comments and blank lines
	{"hash", "#a,\"b\n#\na,#b\n #c\n#d", []string{`C1`, `C1`, `R1 <a> <#b>`, `R1 < #c>`, `C0`}},
	{"hash", "\"a\n#b\"\n", []string{`R2 "a\n#b"`}},
	{"slashes", "//a\n/b\n/", []string{`C1`, `R1 </b>`, `R0 </>`}},
	{"rfc", "\n \t\n\r\na\n\n", []string{`B1 <>`, `B1 < \t>`, `B1 <>`, `R1 <a>`, `B1 <>`}},
	{"rfc", "\"\"\n", []string{`R1 ""`}},
	{"rfc", "a\n\x1a", []string{`R1 <a>`, `B0 <\x1a>`}},
	{"rfc", "\x1a\na\n", []string{`R1 <\x1a>`, `R1 <a>`}},
	{"rfc", "a\x1a", []string{`R0 <a\x1a>`}},
	{"colons", ":\n", []string{`R1 <:>`}},

	// stray quotes
	{"rfc", "\"a\"b\",c\n", []string{`R1! "a\"b" <c>`}},
	{"rfc", "\"a \"b\" c\",d\n", []string{`R1! "a \"b\" c" <d>`}},
	{"rfc", "\"a\"b\"\"c\",d\n", []string{`R1! "a\"b\"c" <d>`}},
	{"rfc", "\"a\nb\"c\",d\n", []string{`R2! "a\nb\"c" <d>`}},
	{"rfc", "x,\"a\"b,\"c\"\n", []string{`R1! <x> "a\"b,\"c"`}},
	{"rfc", "\"\"a\",b\n", []string{`R1! "\"a" <b>`}},
	// that show that the one before them opened nothing
	{"rfc", "1,\"04:00,3,\"Mom, and Dad\",\"u\",\n", []string{`R1! <1> <\"04:00> <3> "Mom, and Dad" "u" <>`}},
	{"rfc", "\"a,\"b,\"c,d\n", []string{`U1`}},
	{"rfc", "\"a,\"b,\"c,d\"\n", []string{`R1! <\"a> <\"b> "c,d"`}},
	{"rfc", "\"a,\"b\nc\",\"d\"", []string{`R1! <\"a> "b\nc" "d"`}},
	{"rfc", "\"a\"\"b,\"c\"\n", []string{`R1! <\"a\"\"b> "c"`}},
	{"rfc", "\"a,\"\",\"\"b,\"c\"\n", []string{`R1! <\"a> "" "\"b,\"c"`}},
	{"rfc", "\"a,\"\"\"b\"\"\",c\n", []string{`R1! <\"a> "\"b\"" <c>`}},
	{"rfc", "\"a,\"\"b\"c\",d\n", []string{`R1! "a,\"b\"c" <d>`}},
	{"rfc", "\"a\"b,\"c\",d\n", []string{`R1! "a\"b,\"c" <d>`}},
	{"rfc", "\"a, \"b\",c\n", []string{`R1! "a, \"b" <c>`}},
	{"rfc", "\"a\n,\"b\",c\n", []string{`U1`, `R1 <> "b" <c>`}},
	{"rfc", "\"{\"a\":1,\"b\":2}\"\n", []string{`R1! "{\"a\":1,\"b\":2}"`}},
	{"rfc", "\"The \"big\" one\",\"x\"\n", []string{`R1! "The \"big\" one" "x"`}},
	{"strict", "\"a,\"\"b\",c\n", []string{`R1! <\"a> "\"b" <c>`}},
	{"skip", "\"a, \"b, c\",d\n", []string{`R1! <\"a> "b, c" <d>`}},
	{"skip", " \" \"a\",b\n", []string{`R1! " \"a" <b>`}},
	{"runs", "\"a  \"b c\" d\n", []string{`R1! <\"a> "b c" <d>`}},
	{"colons", "\"a:\"b::\"c\"\n", []string{`R1! "a:\"b::\"c"`}},
	{"colons", "\"a::\"b::c\"::d\n", []string{`R1! <\"a> "b::c" <d>`}},
	{"guillemet", "»a¦»b¦c»¦d\n", []string{`R1! <»a> "b¦c" <d>`}},
	{"typo", "“a;“b;c”;d”e\n", []string{`R1 "a;“b;c" <d”e>`}},
	{"backslash", "\"a\\\"b,\"c\",d\n", []string{`R1! <\"a\"b> "c" <d>`}},
	{"backslash", "\"a\\,\"b\",d\n", []string{`R1! "a,\"b" <d>`}},
	{"cr", "\"a,\"b,c\"\r", []string{`R1! <\"a> "b,c"`}},

	// quotes that are not closed: at the end of the input,
	{"rfc", "\"", []string{`U0`}},
	{"rfc", "x,\"a\nb,c\n", []string{`U1`, `R1 <b> <c>`}},
	{"rfc", "x,\"a\r\nb,c", []string{`U1`, `R0 <b> <c>`}},
	{"rfc", "x,\"a\"\"", []string{`U0`}},
	// beyond the limit of lines,
	{"rfc", "\"a\n1\n2\n3\n4\"\n", []string{`R5 "a\n1\n2\n3\n4"`}},
	{"rfc", "\"a\n1\n2\n3\n4\n5\"\n", []string{`U1`, `R1 <1>`, `R1 <2>`, `R1 <3>`, `R1 <4>`, `R1 <5\">`}},
	{"rfc", "\"1\n2\n3\",\"4\n5\n6\n7\"\n", []string{`R6 "1\n2\n3" "4\n5\n6\n7"`}},
	// for a stray quote that is alone on its line,
	{"rfc", "\"a\"b\nc,d\n\"e\"\n", []string{`U1`, `R1 <c> <d>`, `R1 "e"`}},
	{"rfc", "\"a\nb\"c\nd\"\n", []string{`U1`, `R1 <b\"c>`, `R1 <d\">`}},
	// for a quote that would open a field on a later line.
	{"rfc", "x,\"a\ny,\"b\"\nz,c\n", []string{`U1`, `R1 <y> "b"`, `R1 <z> <c>`}},
	{"rfc", "\"a\n\"b\",c\n", []string{`U1`, `R1 "b" <c>`}},
	{"skip", "\"a\nb, \"c\"\n", []string{`U1`, `R1 <b> "c"`}},
	{"runs", "\"a\nb  \"c\"\n", []string{`U1`, `R1 <b> "c"`}},
	{"colons", "\"a\nb::\"c\"\n", []string{`U1`, `R1 <b> "c"`}},
	{"cr", "\"a\rb,\"c\"\r", []string{`U1`, `R1 <b> "c"`}},
	{"mixed", "\"a\r\nb,\"c\"\r", []string{`U1`, `R1 <b> "c"`}},
	{"rfc", "\"a\nb,\"\"\"c\"\"\"\n", []string{`U1`, `R1 <b> "\"c\""`}},
	{"backslash", "\"a\nb\\,\"c\",d\n", []string{`R2! "a\nb,\"c" <d>`}},
	// for a first line that has the columns which the record does not have.
	{"wide", "1,\"a,x\n2,b,5\"\n", []string{`U1`, `R1 <2>`}},
	{"wide", "1,\"\"\",x\n2,5\",y\n", []string{`R2 <1>`}},
	{"wide", "1,\"\"\",x\n2,5\",y,z\n", []string{`U1`, `R1 <2>`}},
	{"wide", "1,x,\"\"\"\n2,5\",y\n", []string{`U1`, `R1 <2>`}},
	{"wide", "1,\"a\nb\"\n", []string{`R2 <1>`}},
	{"wide", "1,\"a\nb\",c,d\n", []string{`R2 <1>`}},
	{"wide", "1,2,\"a\nb\"\n", []string{`R2 <1>`}},
	{"wide", "1,\"a\nb\",\"c\nd\",e\n", []string{`R3 <1>`}},
	{"wide", "\"a,\"b\",c\nd\"\n", []string{`R1! <\"a>`, `R1 <d\">`}},
	{"wideskip", "1,\"a, #x\r2,b,5\",y,\n", []string{`U1`, `R1 <2> <b> <5\"> <y> <>`}},
	{"wideskip", "1,\"a,\"\"\r\n2,b,5\",y,\n", []string{`U1`, `R1 <2> <b> <5\"> <y> <>`}},
	{"wideruns", "1 \"a x \n2 b \"\" 5\" y z\n", []string{`U1`, `R1 <2> <b> "" <5\"> <y> <z>`}},
	{"widetypo", "1::“a::x\n“2”::b::y\n", []string{`U1`, `R1 "2" <b> <y>`}},
	{"widetypo", "1::“a::x\n2::“b”::y\n", []string{`R2 <1> "a::x\n2::“b" <y>`}},
	{"widetypo", "“1::a::x\n“2”::b::y\n", []string{`R2 "1::a::x\n“2" <b> <y>`}},
	{"widetypo", "1::a::“x\n“2”::b::y\n", []string{`U1`, `R1 "2" <b> <y>`}},
	{"widetypo", "1::“a::“x\n”::2::b\n", []string{`R2 <1> "a::“x\n" <2> <b>`}},
}

// all scans the whole of in.
func all(t *testing.T, g *Grammar, in []byte) (found []Row, shown []string) {
	t.Helper()
	for i := 0; i < len(in) || len(found) == 0; {
		var fs []Field
		row := g.Row(in, i, true, &fs)
		require.NotEqual(t, More, row.Kind, "at %d", i)
		require.True(t, row.End > i || len(in) == 0, "no progress at %d", i)
		assert.Equal(t, row, g.Row(in, i, true, nil), "with and without fields, at %d", i)
		found, shown = append(found, row), append(shown, show(g, in, row, fs))
		i = row.End
	}
	return found, shown
}

func show(g *Grammar, in []byte, row Row, fs []Field) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%c%d", "MRBCU"[row.Kind], row.Lines)
	if row.Stray {
		b.WriteByte('!')
	}
	for _, f := range fs {
		raw := in[f.Start():f.End()]
		text := g.Unescape(nil, raw, f.Quoted())
		if !f.Escaped() && !bytes.Equal(text, raw) && !row.Stray {
			b.WriteString(" NOT-MARKED-AS-ESCAPED")
		}
		if !f.Escaped() {
			text = raw
		}
		quoted := strconv.Quote(string(text))
		if !f.Quoted() {
			quoted = "<" + quoted[1:len(quoted)-1] + ">"
		}
		b.WriteString(" " + quoted)
	}
	return b.String()
}

func TestRow(t *testing.T) {
	for _, tt := range rows {
		t.Run(fmt.Sprintf("%s %q", tt.config, tt.in), func(t *testing.T) {
			g := New(configs[tt.config])
			found, shown := all(t, g, []byte(tt.in))
			assert.Equal(t, tt.want, shown)
			steady(t, g, []byte(tt.in), found)
		})
	}
}

// steady asserts that more bytes never change an answer: from every prefix of in, a row is found as it is
// in the whole, or not yet.
func steady(t *testing.T, g *Grammar, in []byte, found []Row) {
	t.Helper()
	start := 0
	for _, row := range found {
		for n := start; n <= len(in); n++ {
			early := g.Row(in[:n:n], start, false, nil)
			if early.Kind != More && early != row {
				assert.Equal(t, row, early, "row at %d, with the first %d bytes of %q", start, n, in)
			}
			if n < row.End && early.Kind != More {
				assert.Fail(t, "a row that is longer than the bytes", "row at %d of %d bytes", start, n)
			}
		}
		// What decides stands at most one byte behind the row, or where the quote was given up.
		if enough := max(row.End, row.Seen) + 1; enough < len(in) && row.Kind != Unclosed {
			assert.NotEqual(t, More, g.Row(in[:enough], start, false, nil).Kind, "row at %d is known with %d bytes", start, enough)
		}
		start = row.End
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		config, in string
		eof        bool
		want       Row
	}{
		{"rfc", "\"a\nb", false, Row{End: 3, Lines: 1, Kind: Unclosed}},
		{"rfc", "a\rb\r\nc", false, Row{End: 5, Lines: 1, Kind: Unclosed}},
		{"rfc", "ab", false, Row{}},
		{"rfc", "ab\r", false, Row{}},
		{"rfc", "ab\r", true, Row{End: 3, Lines: 1, Kind: Unclosed}},
		{"rfc", "ab", true, Row{End: 2, Kind: Unclosed}},
		{"mixed", "a\rb", false, Row{End: 2, Lines: 1, Kind: Unclosed}},
		{"mixed", "a\r", false, Row{}},
		{"cr", "a\nb\r", false, Row{End: 4, Lines: 1, Kind: Unclosed}},
	} {
		assert.Equal(t, tt.want, New(configs[tt.config]).Line([]byte(tt.in), 0, tt.eof), "%s %q", tt.config, tt.in)
	}
}

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		config, in string
		want       bool
	}{
		{"colons", "a::b\nc\n", true},
		{"colons", "a\rb\n", true},
		{"colons", "a\"b\n", false},
		{"skip", "a, b\n", true},
		{"wideskip", "a\n", false},
		{"longesc", "a¬b\n", false},
		{"rfc", "a\n", false},
		{"cr", "a\n", false},
		{"typo", "a\"b\n", true},
		{"typo", "a“b\n", false},
	} {
		assert.Equal(t, tt.want, New(configs[tt.config]).Plain([]byte(tt.in)), "%s %q", tt.config, tt.in)
	}
}

// Fields that were found before a quote turned out not to be closed are taken back.
func TestUnclosedHasNoFields(t *testing.T) {
	fs := []Field{NewField(7, 8, true, true)}
	row := New(configs["rfc"]).Row([]byte("a,b,\"c\nd\n"), 0, true, &fs)
	assert.Equal(t, Unclosed, row.Kind)
	assert.Equal(t, []Field{NewField(7, 8, true, true)}, fs)
	assert.Equal(t, []any{7, 8, true, true}, []any{fs[0].Start(), fs[0].End(), fs[0].Quoted(), fs[0].Escaped()})
}

// Fields that are scanned again, as long and as often as they can be: a step that is not linear makes this run for
// minutes.
func TestLinear(t *testing.T) {
	size := 128 << 10
	if testing.Short() {
		size = 16 << 10
	}
	for _, config := range []string{"rfc", "skip", "strict", "backslash", "colons", "typo", "runs", "wide"} {
		g := New(configs[config])
		for _, unit := range []string{`"a,`, `"a::`, `"a `, `"a,  `, `"a,"",""b,`, `"a,"""",`, `""a,`, `"a,"b,`, `\,"a,`, `"a\,`, "“a;", `"a,""b,""c"d,`, `"""`} {
			for _, end := range []string{"", "\n", ",\"b\n", "\n\n,\"b\",\n"} {
				in := []byte(strings.Repeat(unit, size/len(unit)) + end)
				assert.NotEqual(t, More, g.Row(in, 0, true, nil).Kind)
				in = append([]byte(`"`), in...)
				assert.NotEqual(t, More, g.Row(in, 0, true, nil).Kind)
			}
		}
	}
}

// FuzzRow holds, for any bytes, what the splitter and the parser build on: rows cover the input, more
// bytes never change an answer, fields are in order and within their row, and a row found by itself is the
// row found in the whole.
func FuzzRow(f *testing.F) {
	names := slices.Sorted(maps.Keys(configs))
	for _, tt := range rows {
		f.Add(uint8(slices.Index(names, tt.config)), []byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, config uint8, in []byte) {
		if len(in) > 256 {
			in = in[:256]
		}
		g := New(configs[names[int(config)%len(names)]])
		found, _ := all(t, g, in)
		steady(t, g, in, found)
		start := 0
		for _, row := range found {
			if row.Kind != Unclosed {
				var fs, alone []Field
				g.Row(in, start, true, &fs)
				assert.Equal(t, row, g.Row(in[:row.End], start, true, &alone), "by itself")
				assert.Equal(t, fs, alone)
				at := start
				for _, field := range fs {
					assert.LessOrEqual(t, at, field.Start())
					assert.LessOrEqual(t, field.Start(), field.End())
					at = field.End()
				}
				assert.LessOrEqual(t, at, row.End)
			}
			start = row.End
		}
		if g.Plain(in) {
			for _, row := range found {
				assert.LessOrEqual(t, row.Lines, 1)
				assert.NotEqual(t, Unclosed, row.Kind)
			}
		}
	})
}

func TestNextEscaped(t *testing.T) {
	for n := range 40 {
		for at := range n + 1 { // n: none is
			fs := make([]Field, n)
			for i := range fs {
				fs[i] = NewField(i, i+1, true, i == at)
			}
			for from := range n + 1 {
				want := at
				if from > at {
					want = n
				}
				assert.Equal(t, want, NextEscaped(fs, from), "%d fields, the one at %d, from %d on", n, at, from)
			}
		}
	}
}
