package dialect

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var literals = []struct {
	give    Dialect
	literal string
	words   string
}{
	{Dialect{}, `dialect.Dialect{}`, "nothing known"},
	{
		Dialect{Delimiter: ";", Quote: `"`, Escape: Doubled, LineEnding: CRLF, Preamble: NoPreamble, HeaderRows: 1},
		`dialect.Dialect{Delimiter: ";", Quote: "\"", Escape: dialect.Doubled, LineEnding: dialect.CRLF, Preamble: dialect.NoPreamble, HeaderRows: 1}`,
		`delimiter ";", quote '"', quotes doubled, CRLF line ends, no preamble, 1 row of header`,
	},
	{
		Dialect{Delimiter: "\t", Quote: None, Escape: None, Comment: None, LineEnding: LF, SkipSpace: Off, Preamble: 3, HeaderRows: NoHeader},
		`dialect.Dialect{Delimiter: "\t", Quote: dialect.None, Escape: dialect.None, Comment: dialect.None, LineEnding: dialect.LF, SkipSpace: dialect.Off, Preamble: 3, HeaderRows: dialect.NoHeader}`,
		"delimiter TAB, no quote, no escape, no comment, LF line ends, 3 lines of preamble, no header",
	},
	{
		Dialect{Delimiter: " ", Quote: "“”", Escape: `\`, Comment: "//", LineEnding: Mixed, SkipSpace: On, Preamble: 1, HeaderRows: 2},
		`dialect.Dialect{Delimiter: " ", Quote: "“”", Escape: "\\", Comment: "//", LineEnding: dialect.Mixed, SkipSpace: dialect.On, Preamble: 1, HeaderRows: 2}`,
		`delimiter space, spaces after it skipped, quote "“”", escape "\\", comment "//", MIXED line ends, 1 line of preamble, 2 rows of header`,
	},
	{
		Dialect{Delimiter: "\x1f", LineEnding: CR},
		`dialect.Dialect{Delimiter: "\x1f", LineEnding: dialect.CR}`,
		`delimiter "\x1f", CR line ends`,
	},
}

func TestGoString(t *testing.T) {
	for _, test := range literals {
		assert.Equal(t, test.literal, fmt.Sprintf("%#v", test.give))
		assert.Equal(t, test.give, parseLiteral(t, test.literal))
	}
}

func TestString(t *testing.T) {
	for _, test := range literals {
		assert.Equal(t, test.words, test.give.String())
	}
}

// parseLiteral evaluates a literal of a Dialect as the compiler would.
func parseLiteral(t *testing.T, literal string) Dialect {
	expr, err := parser.ParseExpr(literal)
	require.NoError(t, err)
	composite, ok := expr.(*ast.CompositeLit)
	require.True(t, ok)
	texts := map[string]string{"None": None, "Doubled": Doubled, "LF": string(LF), "CRLF": string(CRLF), "CR": string(CR), "Mixed": string(Mixed), "On": string(On), "Off": string(Off)}
	numbers := map[string]int{"NoPreamble": NoPreamble, "NoHeader": NoHeader}

	var d Dialect
	for _, e := range composite.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		require.True(t, ok)
		var text string
		var number int
		switch v := pair.Value.(type) {
		case *ast.BasicLit:
			if v.Kind == token.INT {
				number, err = strconv.Atoi(v.Value)
			} else {
				text, err = strconv.Unquote(v.Value)
			}
			require.NoError(t, err)
		case *ast.SelectorExpr:
			require.Equal(t, "dialect", v.X.(*ast.Ident).Name)
			text, number = texts[v.Sel.Name], numbers[v.Sel.Name]
			require.True(t, text != "" || number != 0, v.Sel.Name)
		default:
			t.Fatalf("unexpected %T", v)
		}
		switch key := pair.Key.(*ast.Ident).Name; key {
		case "Delimiter":
			d.Delimiter = text
		case "Quote":
			d.Quote = text
		case "Escape":
			d.Escape = text
		case "Comment":
			d.Comment = text
		case "LineEnding":
			d.LineEnding = LineEnding(text)
		case "SkipSpace":
			d.SkipSpace = Toggle(text)
		case "Preamble":
			d.Preamble = number
		case "HeaderRows":
			d.HeaderRows = number
		default:
			t.Fatalf("unknown field %s", key)
		}
	}
	return d
}

func TestMerge(t *testing.T) {
	found := Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled, Comment: None, LineEnding: LF, SkipSpace: Off, Preamble: NoPreamble, HeaderRows: 1}
	pinned := Dialect{Delimiter: ";", Quote: "'", Escape: `\`, Comment: "#", LineEnding: CR, SkipSpace: On, Preamble: 2, HeaderRows: NoHeader}
	assert.Equal(t, found, found.Merge(Dialect{}))
	assert.Equal(t, pinned, found.Merge(pinned))
	assert.Equal(t, pinned, Dialect{}.Merge(pinned))
}

func TestGuessAsJSON(t *testing.T) {
	g := Sniff([]byte("a;b\n1;2,5\n3;4,5\n"), Dialect{})
	data, err := json.Marshal(g)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	for _, name := range []string{"delimiter", "quote", "line_ending", "columns", "confidence", "header_confidence", "evidence", "runners_up"} {
		assert.Contains(t, fields, name)
	}
	var again Guess
	require.NoError(t, json.Unmarshal(data, &again))
	assert.Equal(t, g, again)
	assert.True(t, strings.HasPrefix(fmt.Sprintf("%#v", g), "dialect.Dialect{Delimiter:"))
}
