package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cell is written "text" if it is quoted, else <text>, with ! if it has a stray quote and ? if it begins with
// one that opened nothing.
func TestReadQuotes(t *testing.T) {
	doubled := grammar{delimiter: ",", open: `"`, close: `"`, doubled: true}
	for _, tt := range []struct {
		g    grammar
		text string
		want []string
	}{
		{doubled, "\"a,b\",\"c\"\"d\",e\"f\n", []string{`"a,b" "c\"\"d" <e\"f>`}},
		{doubled, "\"The \"big\" one\",\"x\"\n", []string{`!"The \"big\" one" "x"`}},
		{doubled, "\"{\"a\":1,\"b\":2}\"\n", []string{`!"{\"a\":1,\"b\":2}"`}},
		{doubled, "1,\"04:00,3,\"Mom, and Dad\",\"u\",\n", []string{`<1> ?<\"04:00> <3> "Mom, and Dad" "u" <>`}},
		{doubled, "\"a,\"\"\"b\"\"\",c\n", []string{`?<\"a> "\"\"b\"\"" <c>`}},
		{doubled, "\"a, \"b\" c\",d\n", []string{`!"a, \"b\" c" <d>`}},
		{doubled, "\"a\"b,\"c\",d\n", []string{`!"a\"b,\"c" <d>`}},
		{doubled, "\"a\nb,\"c\"\n", []string{`?<\"a>`, `<b> "c"`}},
		{doubled, "\"a\nb, \"c\"\n", []string{`?<\"a>`, `<b> "c"`}},
		{doubled, "\"a\nb,\"\"\"c\"\nlonger\n", []string{`?<\"a>`, `<b> "\"\"c"`, `<longer>`}},
		{doubled, "\"a\"b\nc\n\"d\ne\"\n", []string{`?<\"a\"b>`, `<c>`, `"d\ne"`}},
		{grammar{delimiter: ",", open: `"`, close: `"`, escape: `\`}, "\"a\\,\"b\",d\n", []string{`!"a\\,\"b" <d>`}},
		{grammar{delimiter: ",", open: `"`, close: `"`, escape: `\`}, "\"a\\\"b,\"c\",d\n", []string{`?<\"a\\\"b> "c" <d>`}},
		{grammar{delimiter: "", open: `"`, close: `"`, doubled: true}, "\"a,\"b\"\n", []string{`!"a,\"b"`}},
		{grammar{delimiter: ";", open: "“", close: "”", doubled: true}, "“a;“b”;c\n", []string{`"a;“b" <c>`}},
	} {
		table := table{text: []byte(tt.text)}
		table.read(tt.g)
		var got []string
		for _, r := range table.rows {
			var cells []string
			for _, c := range r.cells {
				text := strconv.Quote(tt.text[c.start:c.end])
				if c.flags&quoted == 0 {
					text = "<" + text[1:len(text)-1] + ">"
				}
				if c.flags&stray != 0 {
					text = "!" + text
				}
				if c.flags&unclosed != 0 {
					text = "?" + text
				}
				cells = append(cells, text)
			}
			got = append(got, strings.Join(cells, " "))
		}
		assert.Equal(t, tt.want, got, fmt.Sprintf("%q", tt.text))
	}
}

// Whatever a text holds and a grammar says, the rows are the text, and their cells stand in them in order.
func FuzzTokenize(f *testing.F) {
	for _, text := range []string{"a,b\n1,2\n", "\"a\nb\",c\r\n\"d", "\"a,\"b,\"c,\"d\n", "a\\,b,\"c\\\"d\"\r", "  1  2 \n3 4\n", "“a;“b”;c\n", "# x\n\n;;\n"} {
		for choice := range uint8(16) {
			f.Add([]byte(text), ",", `"`, choice)
		}
		f.Add([]byte(text), " ", "'", uint8(4))
		f.Add([]byte(text), "||", "“”", uint8(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, delimiter, quote string, choice uint8) {
		d := Dialect{Delimiter: delimiter, Quote: quote, Escape: Doubled, LineEnding: []LineEnding{LF, CRLF, CR, Mixed}[choice%4]}
		if choice&4 > 0 {
			d.Escape = `\`
		}
		if delimiter == "" || quote == "" || quote == None || d.Validate() != nil {
			t.Skip()
		}
		g := newGrammar(delimiter, quote, d.Escape, d)
		g.runs = delimiter == " " && choice&8 > 0
		table := table{text: text}
		if choice&8 > 0 {
			table.comment = "#"
		}
		table.read(g)
		at := 0
		for i, r := range table.rows {
			require.Equal(t, at, r.start, "row %d", i)
			require.LessOrEqual(t, r.start, r.end)
			at = r.end + map[LineEnding]int{LF: 1, CR: 1, CRLF: 2}[r.ending]
			before := int32(r.start)
			for _, c := range r.cells {
				require.LessOrEqual(t, before, c.start)
				require.LessOrEqual(t, c.start, c.end)
				before = c.end
			}
			require.LessOrEqual(t, int(before), r.end)
		}
		require.Equal(t, len(text), at)
	})
}
