package dialect

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name string
		give Dialect
		want string // part of the message; "" for none
	}{
		{"nothing known", Dialect{}, ""},
		{"RFC 4180", Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled, Comment: None, LineEnding: CRLF, SkipSpace: Off, Preamble: NoPreamble, HeaderRows: 1}, ""},
		{"two characters", Dialect{Delimiter: "::", Quote: "“”", Escape: `\`, Comment: "//", LineEnding: Mixed, SkipSpace: On, Preamble: 7, HeaderRows: NoHeader}, ""},
		{"no quoting", Dialect{Delimiter: "\t", Quote: None, Escape: None}, ""},
		{"delimiter is a line end", Dialect{Delimiter: "\n"}, "set LineEnding"},
		{"delimiter contains a line end", Dialect{Delimiter: ",\r"}, "set LineEnding"},
		{"delimiter is none", Dialect{Delimiter: None}, "still needs one"},
		{"delimiter is spaces", Dialect{Delimiter: "  "}, "SkipSpace On"},
		{"delimiter is not UTF-8", Dialect{Delimiter: "\xa6"}, "not valid UTF-8"},
		{"delimiter is the quote", Dialect{Delimiter: "'", Quote: "'"}, "contains the quote"},
		{"delimiter contains the quote", Dialect{Delimiter: `","`, Quote: `"`}, "contains the quote"},
		{"delimiter contains the closing quote", Dialect{Delimiter: "”", Quote: "“”"}, "contains the quote"},
		{"quote is three characters", Dialect{Quote: `"""`}, "one or two"},
		{"quote twice the same", Dialect{Quote: `""`}, "give it once"},
		{"quote is a line end", Dialect{Quote: "\n"}, "line end"},
		{"escape is two characters", Dialect{Escape: `\\`}, "more than one character"},
		{"escape is the quote", Dialect{Quote: `"`, Escape: `"`}, "use Doubled"},
		{"escape is the delimiter", Dialect{Delimiter: `\`, Escape: `\`}, "part of the delimiter"},
		{"doubled what", Dialect{Quote: None, Escape: Doubled}, "cannot be doubled"},
		{"comment is the delimiter", Dialect{Delimiter: ";", Comment: ";"}, "use None"},
		{"comment contains the quote", Dialect{Quote: "'", Comment: "'#"}, "contains the quote"},
		{"line ending", Dialect{LineEnding: "unix"}, `"unix" is not known`},
		{"skip space", Dialect{SkipSpace: "yes"}, `"yes" is not known`},
		{"preamble", Dialect{Preamble: -2}, "NoPreamble"},
		{"header rows", Dialect{HeaderRows: -3}, "NoHeader"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.give.Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrDialect)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestValidateTellsAll(t *testing.T) {
	err := Dialect{LineEnding: "x", SkipSpace: "y", Preamble: -9}.Validate()
	for _, field := range []string{"LineEnding", "SkipSpace", "Preamble"} {
		assert.ErrorContains(t, err, field)
	}
}
