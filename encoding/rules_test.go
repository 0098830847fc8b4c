package encoding

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cellCost is the cost of a text in an encoding; in a single-byte one, as far as its shape and its signs go.
func cellCost(t *testing.T, label, text string) cost {
	t.Helper()
	raw, err := get(t, label).Encode(text)
	require.NoError(t, err)
	ev := new(evidence)
	ev.text = append(ev.text, '\n')
	ev.add(raw, false)
	for i := range legacy {
		if l := &legacy[i]; l.enc.name == label {
			l.prepare()
			if l.double != nil {
				return l.double.cost(ev, 0, 1)
			}
			return l.single.shape(ev.triples)
		}
	}
	t.Fatal(label)
	return 0
}

// Each row is a rule: the first text is more natural than the second.
func TestShapeRules(t *testing.T) {
	for _, tt := range []struct{ label, natural, odd string }{
		{"windows-1252", "café", "cafÉ"},
		{"windows-1252", "CAFÉ", "CAFé"},
		{"windows-1252", "ÉCOLES", "éCOLES"},
		{"windows-1252", "GENÈVE", "GENèVE"},
		{"windows-1252", "aéb", "a5éb"},
		{"windows-1252", "aéb", "a_éb"},
		{"windows-1252", "né", "é"},
		{"windows-1251", "кот", "kоt"},
		{"windows-1258", "a\u0301", "5\u0301"},
		{"windows-1252", "20°C", "20°x"},
		{"windows-1252", "20°C", "x°C"},
		{"windows-1252", "l·l", "a·b"},
		{"windows-1252", "it’s", "it’x"},
		{"windows-1252", "we’re", "we’rx"},
		{"windows-1252", "you’ll", "you’lx"},
		{"windows-1252", "€5", "€x"},
		{"windows-1252", "¥5", "5¥"},
		{"windows-1252", "5¢", "¢5"},
		{"windows-1252", "m²", "a²"},
		{"windows-1252", "¿q", "q¿"},
		{"windows-1252", "¿q", "¿"},
		{"windows-1252", "wait…", "…wait"},
		{"windows-1252", "Acme™", "™Acme"},
		{"windows-1252", "5º", "º"},
		{"windows-1252", "µm", "µx"},
		{"windows-1252", "½5", "½x"},
		{"windows-1252", "“a", "a“"},
		{"windows-1252", "a”", "”a"},
		{"windows-1252", "Paris–Nice", "Paris£Nice"},
		{"windows-1252", "5€", "5¤"},
		{"IBM437", "5½", "5╬"},
		{"windows-1252", "5½", "5¸"},
		{"Shift_JIS", "ｶﾀｶﾅ", "ｶaﾀaｶaﾅ"},
		{"Shift_JIS", "東京", "a東京b"},
	} {
		assert.Less(t, cellCost(t, tt.label, tt.natural), cellCost(t, tt.label, tt.odd), "%s: %s and %s", tt.label, tt.natural, tt.odd)
	}
}

// A sign that a text has anyway is no surprise, where it may stand.
func TestKnownSign(t *testing.T) {
	left, right := newGlyph('5'), newGlyph(' ')
	for _, r := range "½±×§" {
		char := newGlyph(r)
		assert.Less(t, signPlace(&left, &char, &right, 0, true), signPlace(&left, &char, &right, 0, false), "%c", r)
	}
	letter, odd := newGlyph('x'), newGlyph('½')
	assert.Equal(t, signPlace(&letter, &odd, &letter, 0, false), signPlace(&letter, &odd, &letter, 0, true), "not within a word")
}

// Greek words of several syllables have an accent, unless they are in capitals.
func TestGreekAccent(t *testing.T) {
	m := newSingleModel(singleOf(t, "windows-1253"), languagesOf("Greek"))
	for text, want := range map[string]cost{"λέλαι": 0, "λελαι": 2.5 * nat, "και": 0, "ΛΕΛΑΙ": 0} {
		raw, err := get(t, "windows-1253").Encode(text)
		require.NoError(t, err)
		ev := gather(raw)
		assert.Equal(t, want, m.languages[0].accent(ev.triples), text)
		evidences.Put(ev)
	}
}

func singleOf(t *testing.T, label string) *singleTable {
	e := get(t, label)
	e.prepare()
	return e.single
}

// A word of another language than the rest costs a little, not what it would in theirs.
func TestForeignWord(t *testing.T) {
	m := newSingleModel(singleOf(t, "windows-1252"), languagesOf("German Spanish"))
	sums := func(text string) []cost {
		raw, err := get(t, "windows-1252").Encode(text)
		require.NoError(t, err)
		ev := gather(raw)
		defer evidences.Put(ev)
		out := make([]cost, 2)
		m.add(out, ev, 0, len(ev.parts))
		return out
	}
	german, spanish := sums("Müller,Köln"), sums("Peña,Ibáñez")
	assert.Less(t, german[0], german[1])
	assert.Less(t, spanish[1], spanish[0])
	for _, s := range [][]cost{german, spanish} {
		assert.LessOrEqual(t, max(s[0], s[1]), min(s[0], s[1])+2*foreign)
	}
}

// Beyond the limit of the evidence a part counts for a byte that no other has.
func TestGatherRareByte(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "M\xFCller%c%c%c\n", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)
	}
	ev := gather([]byte(b.String() + "5 \xA4\nL\xFCders\n"))
	defer evidences.Put(ev)
	assert.Equal(t, 1, ev.count[0xA4])
	assert.Less(t, ev.count[0xFC], 1000)
}

// What makes a mixture clear; each row takes away one thing.
func TestMixtureIsClear(t *testing.T) {
	clear := cellCount{good: 40, goodLines: 40, legacy: 20, legacyLines: 20}
	require.True(t, clear.clear())
	for name, change := range map[string]func(*cellCount){
		"two cells of UTF-8":    func(c *cellCount) { c.good, c.goodLines = 2, 2 },
		"two legacy cells":      func(c *cellCount) { c.legacy, c.legacyLines = 2, 2 },
		"two lines of UTF-8":    func(c *cellCount) { c.goodLines = 2 },
		"two legacy lines":      func(c *cellCount) { c.legacyLines = 2 },
		"one in forty is UTF-8": func(c *cellCount) { c.good, c.legacy, c.legacyLines = 5, 200, 200 },
		"much damage":           func(c *cellCount) { c.damaged = 6 },
		"accidents enough":      func(c *cellCount) { c.accidents = 11 },
	} {
		c := clear
		change(&c)
		assert.False(t, c.clear(), name)
	}
}

// Polish and Czech capitals are well-formed UTF-8 now and then, with letters that stand in no Latin word.
func TestStrangersAreNotUTF8(t *testing.T) {
	for _, text := range []string{"SPÓŁKA", "ÓŻ,SPÓŁKA,ŹRÓDŁO"} {
		raw, err := get(t, "windows-1250").Encode("id,firma\n1," + text + "\n")
		require.NoError(t, err)
		g := Sniff(raw)
		out, _ := get(t, g.Label).Append(nil, raw)
		assert.Contains(t, string(out), text, "%v", g)
	}
	for _, text := range []string{"Müller", "Łódź", "5 kΩ", "μm", "Hawaiʻi", "Məmmədov", "Сergey", "акӣ", "שלום", "a שלום b", "Tаҷik"} {
		assert.Equal(t, "UTF-8", Sniff([]byte("id,name\n1,"+text+"\n")).Label, text)
	}
}
