package encoding

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readAll decodes with NewReader.
func readAll(t *testing.T, r io.Reader, label string) string {
	t.Helper()
	d, err := NewReader(r, label)
	require.NoError(t, err)
	out, err := io.ReadAll(d)
	require.NoError(t, err)
	return string(out)
}

func TestReader(t *testing.T) {
	for _, c := range []struct{ label, in, want string }{
		{"utf-8", "", ""},
		{"utf-8", "\xEF\xBB\xBF", ""},
		{"utf-8", "\xEF\xBB\xBFé,\xEF\xBB\xBF", "é,\uFEFF"},
		{"utf-8", "\xEF\xBB", "\uFFFD"},
		{"utf-8", "é\xE9,", "é\uFFFD,"},
		{"utf-16le", "\xFF\xFEa\x00", "a"},
		{"utf-16le", "a\x00", "a"},
		{"utf-16be", "\xFE\xFF\x00a\x00", "a\uFFFD"},
		{"utf-32le", "\xFF\xFE\x00\x00a\x00\x00\x00", "a"},
		{"windows-1252", "\xEF\xBB\xBF", "ï»¿"},
		{"latin1", "caf\xE9", "café"},
		{"shift_jis", "\x83\x5C\x83", "ソ\uFFFD"},
		{"iso-2022-jp", "\x1B$B$\"$\"\x1B(B,", "ああ,"},
		{"gb18030", "\x84\x31\x95\x33\x94\x39\xFC\x36", "\U0001F600"},
	} {
		assert.Equal(t, c.want, readAll(t, strings.NewReader(c.in), c.label), "%s %q", c.label, c.in)
		assert.Equal(t, c.want, readAll(t, iotest.OneByteReader(strings.NewReader(c.in)), c.label), "%s %q", c.label, c.in)
		assert.Equal(t, c.want, readAll(t, iotest.DataErrReader(strings.NewReader(c.in)), c.label), "%s %q", c.label, c.in)
	}
}

func TestReaderLong(t *testing.T) {
	text := strings.Repeat("Müller,Łódź,東京,\U0001F600\n", 3000)
	for _, label := range []string{"utf-8", "utf-16be", "utf-32le", "gb18030"} {
		raw, err := get(t, label).Encode(text)
		require.NoError(t, err)
		assert.True(t, readAll(t, bytes.NewReader(raw), label) == text, label)
		assert.True(t, readAll(t, iotest.HalfReader(bytes.NewReader(raw)), label) == text, label)
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	d, err := NewReader(io.MultiReader(strings.NewReader("abcd\xE2\x82"), iotest.ErrReader(broken)), "utf-8")
	require.NoError(t, err)
	n, err := d.Read(nil)
	assert.Zero(t, n)
	require.NoError(t, err)
	out, err := io.ReadAll(d)
	require.ErrorIs(t, err, broken)
	assert.Equal(t, "abcd", string(out))
	_, err = d.Read(make([]byte, 1))
	require.ErrorIs(t, err, broken, "again")

	d, err = NewReader(idle{}, "utf-8")
	require.NoError(t, err)
	_, err = io.ReadAll(d)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

// idle reads nothing, for ever.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func FuzzReader(f *testing.F) {
	f.Add([]byte("a,\x83|\x1B$B$\"\x1B(B;\x94\x39\xFC\x36\"\xE2\x82"))
	f.Add([]byte("\xFF\xFEa\x00,\x00\x3D\xD8\x00\xDE\n\x00"))
	f.Add([]byte("\xEF\xBB\xBF\xE2\x82\xAC"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, e := range encodings {
			want, _ := e.Append(nil, bytes.TrimPrefix(src, e.BOM()))
			require.True(t, utf8.Valid(want), e.Name())
			require.Equal(t, string(want), readAll(t, bytes.NewReader(src), e.Name()), e.Name())
			require.Equal(t, string(want), readAll(t, iotest.OneByteReader(bytes.NewReader(src)), e.Name()), e.Name())
		}
	})
}
