package encoding

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExplain(t *testing.T) {
	utf8Half := "1,Jürgen\n2,Größe\n3,Köln\n4,Zürich\n5,Jäger\n"
	legacyHalf := "6,M\xFCller\n7,K\xF6nig\n8,G\xE4rtner\n9,Br\xFCckner\n"
	for _, tt := range []struct {
		name, sample  string
		rival         string
		text, instead string // of the first cell
	}{
		{"windows-1252", "id,name\n1,M\xFCller\n2,Ann\n3,M\xFCller\n", "*", "Müller", "*"},
		{"Shift_JIS", "1,\x93\x8C\x8B\x9E\x93\x73\n2,\x91\xE5\x8D\xE3\n", "*", "東京都", "*"},
		{"UTF-8", "1,Zoë\n2,東京都\n", "windows-1252", "東京都", "æ\u009D±äº¬é\u0083½"},
		{"a mixture", utf8Half + legacyHalf, "*", "*", "*"},
		{"a long cell", "1," + strings.Repeat("plain ", 20) + "caf\xE9 cr\xE8me br\xFBl\xE9e" + strings.Repeat(" plain", 20) + "\n", "*", "… plain café crème brûlée plain plain pla…", "*"},
		{"ASCII", "id,name\n1,Ann\n", "", "", ""},
		{"empty", "", "", "", ""},
		{"a byte order mark", "\uFEFF1,Zoë\n", "", "", ""},
		{"UTF-16", "1\x00,\x00\xE9\x00\n\x00", "", "", ""},
		{"ISO-2022-JP", "1,\x1B$B$\"$$\x1B(B\n", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := Sniff([]byte(tt.sample))
			rival, cells := g.Explain([]byte(tt.sample), 3)
			if tt.rival == "" {
				assert.Empty(t, rival)
				assert.Empty(t, cells)
				return
			}
			if tt.rival != "*" {
				assert.Equal(t, tt.rival, rival)
			}
			assert.NotEqual(t, g.Label, rival)
			require.NotEmpty(t, cells)
			assert.LessOrEqual(t, len(cells), 3)
			seen := map[string]bool{}
			for _, c := range cells {
				assert.NotEqual(t, c.Text, c.Instead)
				assert.False(t, seen[c.Text], c.Text)
				seen[c.Text] = true
				assert.LessOrEqual(t, utf8.RuneCountInString(c.Text), 42)
				assert.NotContains(t, c.Text, "\uFFFD")
			}
			if tt.text != "*" {
				assert.Equal(t, tt.text, cells[0].Text)
				assert.Positive(t, cells[0].Weight)
			}
			if tt.instead != "*" && tt.name != "UTF-8" {
				assert.Equal(t, tt.instead, cells[0].Instead)
			}
		})
	}
}

func TestExplainOdd(t *testing.T) {
	sample := []byte("1,M\xFCller\n2,\x1B[2JZo\xEB\n")
	g := Sniff(sample)
	_, cells := g.Explain(sample, -1)
	assert.Empty(t, cells)
	g.BOM = -1
	_, cells = g.Explain(sample, 9)
	require.NotEmpty(t, cells)
	for _, c := range cells {
		assert.NotContains(t, c.Text+c.Instead, "\x1B", "a terminal obeys it")
	}
	// A cell is never cut within a character, however long it is.
	raw, err := get(t, "Shift_JIS").Encode("x" + strings.Repeat("東京都さくらソフトウェア", 800) + "\n終わり\n")
	require.NoError(t, err)
	_, cells = Sniff(raw).Explain(raw, 9)
	require.NotEmpty(t, cells)
	for _, c := range cells {
		assert.NotContains(t, c.Text, "\uFFFD")
	}
}

// In a mixture the cells of both encodings are explained.
func TestExplainMixed(t *testing.T) {
	raw := inPart(t, "windows-1250", rowsOf(wordsPolish, 60), func(i int) bool { return i%2 == 0 })
	g := Sniff(raw)
	require.Equal(t, "windows-1250", g.Mixed)
	rival, cells := g.Explain(raw, 1000)
	assert.NotEqual(t, g.Mixed, rival)
	assert.Greater(t, len(cells), 40)
}

// What is explained is what decided: the weights of all cells lean to the guess.
func TestExplainLeans(t *testing.T) {
	for _, c := range mixes {
		raw, err := get(t, c.label).Encode(table(c.words))
		require.NoError(t, err)
		g := Sniff(raw)
		_, cells := g.Explain(raw, 1000)
		sum := 0.0
		for _, cell := range cells {
			sum += cell.Weight
		}
		assert.Positive(t, sum, "%s: %v", c.label, g)
	}
}
