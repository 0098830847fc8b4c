package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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
