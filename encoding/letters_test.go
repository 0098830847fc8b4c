package encoding

import (
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLetters(t *testing.T) {
	assert.Less(t, len(lettersBin), 600<<10)
	all := letters()
	require.NotEmpty(t, all.languages)
	require.NotEmpty(t, all.charsets)
	for name, l := range all.languages {
		assert.Less(t, l.classes(), 256, name)
		assert.Len(t, l.costs, l.classes()*l.classes(), name)
		for _, r := range l.letters {
			assert.GreaterOrEqual(t, r, rune(0x80), name)
			if upper := unicode.ToUpper(r); unicode.ToLower(upper) == r {
				assert.Equal(t, l.class(r), l.class(upper), "%s %c", name, r)
			}
		}
		assert.EqualValues(t, boundary, l.class(' '), name)
		assert.EqualValues(t, boundary, l.class('€'), name)
		assert.EqualValues(t, boundary, l.class(malformed), name)
		assert.EqualValues(t, l.classes()-1, l.class('ლ'), name)
	}
}

// Figures of a kind everybody knows, so that a table that is shifted or upside down is noticed.
func TestLettersMakeSense(t *testing.T) {
	pair := func(language string, left, right rune) cost {
		l := letters().languages[language]
		return cost(l.costs[int(l.class(left))*l.classes()+int(l.class(right))]) - offset
	}
	for _, tt := range []struct {
		language           string
		likely, lessLikely string
	}{
		{"German", "fü", "fé"}, {"German", "öß", "öä"}, {"French", "iè", "iü"}, {"Spanish", "ñi", "ñt"}, {"Polish", "wł", "wű"},
		{"Turkish", "ığ", "ıo"}, {"Russian", "ст", "сь"}, {"Russian", "ов", "оы"}, {"Greek", "ος", "οά"}, {"Thai", "กา", "าำ"},
	} {
		likely, less := []rune(tt.likely), []rune(tt.lessLikely)
		assert.Less(t, pair(tt.language, likely[0], likely[1]), pair(tt.language, less[0], less[1]), "%s %s %s", tt.language, tt.likely, tt.lessLikely)
	}
	for _, tt := range []struct {
		charset            string
		likely, lessLikely rune
	}{
		{"Japanese", 'の', '的'}, {"Japanese", '田', '们'}, {"Chinese, simplified", '国', '國'}, {"Chinese, traditional", '國', '国'}, {"Korean", '이', '뷁'},
	} {
		likely, ok := letters().charsets[tt.charset].cost(tt.likely)
		require.True(t, ok)
		less, _ := letters().charsets[tt.charset].cost(tt.lessLikely)
		assert.Less(t, likely, less, "%s %c %c", tt.charset, tt.likely, tt.lessLikely)
	}
	_, ok := letters().charsets["Korean"].cost('Ж')
	assert.False(t, ok)
}
