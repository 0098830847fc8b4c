package dialect

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExplain(t *testing.T) {
	plain := strings.Repeat("4711\n", 40)
	for _, test := range []struct {
		name, text string
		known      Dialect
		want       string // what would have changed the answer
		heaviest   int    // the line that spoke most for it; 0: not asked
	}{
		{"one quoted field", "id;name;n\n1;Ann;3\n2;Bob;4\n3;\"Eve; and her; two; brothers\";5\n4;Joe;6\n", Dialect{}, `also without these lines it would not be no quote, no escape`, 4},
		{"one escape", "id,note\n1,plain\n2,\"a 5\\\" pipe, long\"\n3,plain\n", Dialect{}, "without line 3 it would be quotes doubled", 3},
		{"below a sep line", "sep=,\nid,note\n1,plain\n2,\"a 5\\\" pipe, long\"\n3,plain\n", Dialect{}, "without line 4 it would be quotes doubled", 4},
		{"a record of several lines", "id,note\n1,plain\n2,\"a 5\\\" pipe, \nlong\"\n3,plain\n", Dialect{}, "without lines 3–4 it would be quotes doubled", 3},
		{"a few rows in a column of numbers", plain + "7;oak;1,5;x\n8;elm;2,5;y\n9;ash;3,5;z\n" + plain, Dialect{}, "", 0},
		{"one column", "n\n1\n2\n", Dialect{}, "", 0},
		{"one line", "a;b,c", Dialect{}, "", 0},
		{"pinned quote", "a;b,c\nd;e,f\n", Dialect{Quote: None}, "", 0},
		{"all pinned", "a;b,c\nd;e,f\n", Dialect{Delimiter: ";", Quote: None, Escape: None}, "no other dialect came into question", 0},
		{"plain sep", "sep=;\na;b\n", Dialect{}, "no other dialect came into question", 0},
		{"sep against the odds", "sep=x\n\"a;b\"\n\"c;d\"\n", Dialect{}, "", 0},
		{"nothing", "", Dialect{}, "no other dialect came into question", 0},
		{"blank lines", "\n\n\r\n", Dialect{}, "", 0},
		{"pinned comment", "!\"x;y\nid;\"n\"\n!a,b\n1;2\n", Dialect{Comment: "!"}, "", 0},
		{"comments", "#\"x;y\nid;\"n\"\n#a,b\n1;2\n", Dialect{}, "", 0},
		{"escaped lone CR", "a\\\rb\tc\n\\\n\td\n", Dialect{LineEnding: LF}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := Sniff([]byte(test.text), test.known)
			e := g.Explain([]byte(test.text))
			checkExplanation(t, g, e, test.text)
			if test.want != "" {
				assert.Equal(t, test.want, e.String(), "%+v", e)
			}
			if test.heaviest > 0 {
				require.NotEmpty(t, e.For)
				assert.Equal(t, test.heaviest, e.For[0].First, "%+v", e)
			}
		})
	}
}

func checkExplanation(t *testing.T, g Guess, e Explanation, text string) {
	t.Helper()
	if len(g.RunnersUp) == 0 {
		assert.Equal(t, Explanation{}, e)
		return
	}
	assert.NotEqual(t, Dialect{}, e.Rival)
	assert.InDelta(t, g.RunnersUp[0].Bits-g.Bits, e.Margin, 1.1, "what is explained is what decided")
	assert.LessOrEqual(t, len(e.For), maxFor)
	assert.LessOrEqual(t, len(e.Against), maxAgainst)
	physical := len(lines([]byte(text), math.MaxInt))
	for _, list := range [][]Lines{e.For, e.Against} {
		for i, l := range list {
			assert.Positive(t, l.First)
			assert.LessOrEqual(t, l.First, l.Last)
			assert.LessOrEqual(t, l.Last, physical)
			if i > 0 {
				assert.GreaterOrEqual(t, math.Abs(list[i-1].RivalBits-list[i-1].Bits)+.11, math.Abs(l.RivalBits-l.Bits))
			}
		}
	}
}

// What is needed is counted by reading the sample without it: the rival wins there, and not with one line more.
func TestExplainNeeded(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "%d,x%d|y,%d\n", i*7919%1000, i, i*31%100)
		if i%3 == 0 {
			fmt.Fprintf(&text, "%d\\, or less,x|y,%d\n", i, i)
		}
	}
	sample := []byte(text.String())
	g := Sniff(sample, Dialect{})
	e := g.Explain(sample)
	require.Greater(t, e.Needed, maxFor, "%+v", e)
	assert.Equal(t, fmt.Sprintf("without the %d lines that speak most for it, it would be no quote, no escape", e.Needed), strings.Replace(e.String(), e.Rival.String(), "no quote, no escape", 1))

	pair := contest{text: sample}
	pair.ours, pair.theirs = pair.grammar(g.Dialect, g.Bits), pair.grammar(g.RunnersUp[0].Dialect, g.RunnersUp[0].Bits)
	all, margin := pair.lines()
	assert.Positive(t, margin)
	slices.SortStableFunc(all, func(a, b stretch) int { return int(math.Copysign(1, b.weight()-a.weight())) })
	without := func(n int) []byte {
		var rest []byte
		for i, line := range lines(sample, math.MaxInt) {
			if !slices.ContainsFunc(all[:n], func(s stretch) bool { return s.First == i }) {
				rest = append(append(rest, line...), '\n')
			}
		}
		return rest
	}
	assert.Negative(t, pair.margin(without(e.Needed)))
	assert.GreaterOrEqual(t, pair.margin(without(e.Needed-1)), 0.0)
}

// The share of the lines and what is aside of them make up the margin.
func TestExplainAddsUp(t *testing.T) {
	sample := []byte("id;net\n1;1,50\n2;\"2,50\"\n3;12,00\n")
	g := Sniff(sample, Dialect{Quote: `"`})
	e := g.Explain(sample)
	sum := e.Aside
	for _, l := range slices.Concat(e.For, e.Against) {
		sum += l.RivalBits - l.Bits
	}
	assert.Len(t, slices.Concat(e.For, e.Against), 4)
	assert.InDelta(t, e.Margin, sum, .5)
}

func TestExplainHasNoValues(t *testing.T) {
	text := "sep=,\nTopsecretTitle\n# topsecretComment\nTopsecretName,n\n\"topsecret \"\"value\"\"\",1\nTopsecret \"x,2\n\"topsecret,3\n"
	g := Sniff([]byte(text), Dialect{})
	e := g.Explain([]byte(text))
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	assert.NotEmpty(t, e.For)
	assert.NotContains(t, strings.ToLower(string(raw)+e.String()), "topsecret")
}

// A guess may have been stored in between, changed, or come from another sample.
func FuzzExplain(f *testing.F) {
	f.Add("a;b,c\n1;2,3\n", "x\ty\n", "", "", "", "")
	f.Add("sep=;\na;b\n", "\"a\nb\",c\r\n\r", ";", "“”", `\`, "#")
	f.Add("a b\\\r\n", "", " ", "none", "doubled", "//")
	f.Add("", "a\\\rb\\\n", "||", "'", "", "")
	f.Fuzz(func(t *testing.T, text, other, delimiter, quote, escape, comment string) {
		pinned := Dialect{Delimiter: delimiter, Quote: quote, Escape: escape, Comment: comment}
		g := Sniff([]byte(text), pinned)
		e := g.Explain([]byte(text))
		checkExplanation(t, g, e, text)
		assert.Equal(t, e, g.Explain([]byte(text)), "not deterministic")
		_ = g.Explain([]byte(other)).String()
		g.Dialect, g.known = pinned, Dialect{}
		g.RunnersUp = append(g.RunnersUp, Candidate{Dialect: Dialect{Delimiter: quote}})
		_ = g.Explain([]byte(other)).String()
	})
}
