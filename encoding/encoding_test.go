package encoding

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"

	xenc "golang.org/x/text/encoding"
	xunicode "golang.org/x/text/encoding/unicode"
)

// get is Get for a label that must be there.
func get(t testing.TB, label string) *Encoding {
	t.Helper()
	e, err := Get(label)
	require.NoError(t, err)
	return e
}

func TestGet(t *testing.T) {
	for _, c := range []struct{ labels, want string }{
		{"utf-8 UTF8 utf-8-sig UTF_8_SIG utf-8-bom unicode-1-1-utf-8 65001 cp65001", "UTF-8"},
		{"utf-16 utf-16le UTF-16-LE ucs-2 1200", "UTF-16LE"},
		{"utf-16be utf_16_be unicodefffe 1201", "UTF-16BE"},
		{"utf-32 utf-32le ucs-4", "UTF-32LE"},
		{"utf-32be UTF-32-BE", "UTF-32BE"},
		{"windows-1252 cp1252 1252 CP-1252 latin1 latin-1 iso-8859-1 us-ascii ascii l1", "windows-1252"},
		{"windows-1250 cp1250 x-cp1250 windows1250", "windows-1250"},
		{"iso-8859-2 latin2 latin_2 iso8859-2 l2", "ISO-8859-2"},
		{"iso-8859-15 latin-9 latin9 l9", "ISO-8859-15"},
		{"iso-8859-9 cp1254 latin5", "windows-1254"},
		{"iso-8859-11 tis-620 cp874 windows-874", "windows-874"},
		{"iso-8859-8-i logical", "ISO-8859-8-I"},
		{"iso-8859-8 visual", "ISO-8859-8"},
		{"macintosh mac x-mac-roman mac-roman MacRoman mac_roman 10000", "macintosh"},
		{"x-mac-cyrillic mac-cyrillic mac_cyrillic maccyrillic x-mac-ukrainian", "x-mac-cyrillic"},
		{"koi8-r cskoi8r", "KOI8-R"},
		{"koi8-u koi8-ru", "KOI8-U"},
		{"ibm850 cp850 IBM-850 850 ibm00850 dos-850 csIBM850", "IBM850"},
		{"ibm437 cp437 437", "IBM437"},
		{"IBM866 cp866 866", "IBM866"},
		{"IBM037 cp037 ibm-37", "IBM037"},
		{"cp1047 IBM1047", "IBM1047"},
		{"ibm01140 cp1140", "IBM1140"},
		{"shift_jis sjis ms932 cp932 windows-31j Shift-JIS", "Shift_JIS"},
		{"euc-jp euc_jp", "EUC-JP"},
		{"iso-2022-jp ISO_2022_JP", "ISO-2022-JP"},
		{"euc-kr cp949 uhc windows-949 ks_c_5601-1987", "EUC-KR"},
		{"gbk gb2312 cp936 chinese", "GBK"},
		{"gb18030 GB-18030", "gb18030"},
		{"big5 cp950 big5-hkscs", "Big5"},
	} {
		for _, label := range strings.Fields(c.labels) {
			for _, l := range []string{label, strings.ToUpper(label), " \t" + label + "\n"} {
				e, err := Get(l)
				if assert.NoError(t, err, "%q", l) {
					assert.Equal(t, c.want, e.Name(), "%q", l)
				}
			}
		}
	}
	for _, e := range encodings {
		assert.Same(t, e, get(t, e.Name()))
	}
}

func TestGetUnknown(t *testing.T) {
	for _, label := range []string{"", "0", "klingon", "IBM420_ltr", "IBM424_rtl", "ISO-2022-KR", "hz-gb-2312", "replacement", "utf-7", "cp", "ibm"} {
		e, err := Get(label)
		assert.Nil(t, e, label)
		require.ErrorIs(t, err, ErrUnknown, label)
		assert.Contains(t, err.Error(), fmt.Sprintf("%q", label))
		assert.Contains(t, err.Error(), "convert the file")
	}
	_, err := NewReader(strings.NewReader(""), "klingon")
	require.ErrorIs(t, err, ErrUnknown)
}

// Every label of https://encoding.spec.whatwg.org/#names-and-labels, but for those of "replacement" and of encodings that
// TestGet has.
func TestGetWHATWG(t *testing.T) {
	const labels = `unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8
866 cp866 csibm866 ibm866
csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2
csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3
csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4
csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988
arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987
csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek
csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 visual
csiso88598i iso-8859-8-i logical
csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6
iso-8859-13 iso8859-13 iso885913
iso-8859-14 iso8859-14 iso885914
csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9
iso-8859-16
cskoi8r koi koi8 koi8-r koi8_r
koi8-ru koi8-u
csmacintosh mac macintosh x-mac-roman
dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874
cp1250 windows-1250 x-cp1250
cp1251 windows-1251 x-cp1251
ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252
cp1253 windows-1253 x-cp1253
cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254
cp1255 windows-1255 x-cp1255
cp1256 windows-1256 x-cp1256
cp1257 windows-1257 x-cp1257
cp1258 windows-1258 x-cp1258
x-mac-cyrillic x-mac-ukrainian
chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk
gb18030
big5 big5-hkscs cn-big5 csbig5 x-x-big5
cseucpkdfmtjapanese euc-jp x-euc-jp
csiso2022jp iso-2022-jp
csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis
cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949
unicodefffe utf-16be
csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le
x-user-defined`
	for line := range strings.Lines(labels) {
		group := strings.Fields(line)
		want := get(t, group[0])
		for _, label := range group {
			assert.Same(t, want, get(t, label), label)
		}
	}
}

func TestProperties(t *testing.T) {
	for _, c := range []struct {
		label            string
		unit             int
		identity, single bool
		unsafe           string // printable ASCII that can be part of something longer
		bom              string
	}{
		{"UTF-8", 1, true, false, "", "\xEF\xBB\xBF"},
		{"UTF-16LE", 2, false, false, printable, "\xFF\xFE"},
		{"UTF-16BE", 2, false, false, printable, "\xFE\xFF"},
		{"UTF-32LE", 4, false, false, printable, "\xFF\xFE\x00\x00"},
		{"UTF-32BE", 4, false, false, printable, "\x00\x00\xFE\xFF"},
		{"windows-1252", 1, false, true, "", ""},
		{"IBM850", 1, false, true, "", ""},
		{"IBM037", 1, false, true, printable, ""},
		{"Shift_JIS", 1, false, false, printable[0x20:], ""},
		{"Big5", 1, false, false, printable[0x20:], ""},
		{"GBK", 1, false, false, printable[0x20:], ""},
		{"gb18030", 1, false, false, "0123456789" + printable[0x20:], "\x84\x31\x95\x33"},
		{"EUC-KR", 1, false, false, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", ""},
		{"EUC-JP", 1, false, false, "", ""},
		{"ISO-2022-JP", 1, false, false, printable, ""},
	} {
		e := get(t, c.label)
		assert.Equal(t, c.unit, e.Unit(), c.label)
		assert.Equal(t, c.identity, e.Identity(), c.label)
		assert.Equal(t, c.single, e.SingleByte(), c.label)
		assert.Equal(t, c.bom, string(e.BOM()), c.label)
		var unsafe []byte
		for b := byte(' '); b < 0x7F; b++ {
			if !e.Safe(b) {
				unsafe = append(unsafe, b)
			}
		}
		assert.Equal(t, c.unsafe, string(unsafe), c.label)
		assert.False(t, e.Safe(0x80), c.label)
		assert.Equal(t, c.unsafe != printable || c.label == "ISO-2022-JP", e.Safe('\n'), c.label)
		if bom := e.BOM(); bom != nil {
			out, invalid := e.Append(nil, bom)
			assert.Equal(t, "\uFEFF", string(out), c.label)
			assert.Zero(t, invalid, c.label)
		}
	}
	assert.False(t, get(t, "ISO-2022-JP").Safe(0x1B))
}

var printable = func() string {
	var b []byte
	for c := byte(' '); c < 0x7F; c++ {
		b = append(b, c)
	}
	return string(b)
}()

// repertoire is what an encoding can write: all of the small alphabets, every seventh of the rest.
func repertoire(e *Encoding) []rune {
	var all []rune
	step := rune(1)
	for r := rune(0); r < 0x2B000; r += step {
		if r == 0x3400 {
			step = 7
		}
		if unicode.IsPrint(r) || r < 0x20 {
			if _, err := e.Encode(string(r)); err == nil {
				all = append(all, r)
			}
		}
	}
	return all
}

// xDecoder is x/text's decoder of the encoding.
func xDecoder(e *Encoding) *xenc.Decoder {
	x := e.from
	switch e.kind {
	case kindUTF8:
		x = xunicode.UTF8
	case kindUTF16LE:
		x = xunicode.UTF16(xunicode.LittleEndian, xunicode.IgnoreBOM)
	case kindUTF16BE:
		x = xunicode.UTF16(xunicode.BigEndian, xunicode.IgnoreBOM)
	case kindUTF32LE:
		x = utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case kindUTF32BE:
		x = utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	}
	return x.NewDecoder()
}

// What x/text decodes, we decode to the same; what we encode, we decode to what it was.
func TestAppendLikeXText(t *testing.T) {
	for _, e := range encodings {
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			runes := repertoire(e)
			require.Greater(t, len(runes), 100)
			rnd := rand.New(rand.NewPCG(1, 2))
			var text strings.Builder
			for _, r := range runes {
				text.WriteRune(r)
				for range rnd.IntN(4) {
					text.WriteByte(" ,;\"ab\n"[rnd.IntN(7)])
				}
			}
			for range 2000 {
				text.WriteRune(runes[rnd.IntN(len(runes))])
			}
			raw, err := e.Encode(text.String())
			require.NoError(t, err)

			out, invalid := e.Append([]byte("before"), raw)
			assert.True(t, string(out) == "before"+text.String(), "round trip")
			assert.Zero(t, invalid)

			want, _, err := transform.Bytes(xDecoder(e), raw)
			require.NoError(t, err)
			assert.True(t, string(out[len("before"):]) == string(want), "same as x/text")
		})
	}
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		label, in, want string
		invalid         int
	}{
		{"UTF-8", "", "", 0},
		{"UTF-8", "h\u00e9,\U0001F600\uFFFD", "h\u00e9,\U0001F600\uFFFD", 0},
		{"UTF-8", "\xEF\xBB\xBFa", "\uFEFFa", 0},
		{"UTF-8", "a\xE9,b", "a\uFFFD,b", 1},
		{"UTF-8", "\xE2\x82", "\uFFFD", 1},
		{"UTF-8", "\xE2\x82\n\xF0\x9F\x98,\xF0\x9F\xE2", "\uFFFD\n\uFFFD,\uFFFD\uFFFD", 4},
		{"UTF-8", "\xC0\x80\xED\xA0\x80\xE0\x9F\xF4\x90\xF0\x8F\xFF", strings.Repeat("\uFFFD", 12), 12},
		{"UTF-16LE", "a\x00\n\x00\x3D\xD8\x00\xDE", "a\n\U0001F600", 0},
		{"UTF-16LE", "\x3D\xD8\n\x00\x00\xDEa\x00b", "\uFFFD\n\uFFFDa\uFFFD", 3},
		{"UTF-16LE", "\xFD\xFF", "\uFFFD", 0},
		{"UTF-16BE", "\x00a\xD8\x3D\xDE\x00\xD8\x3D", "a\U0001F600\uFFFD", 1},
		{"UTF-32LE", "a\x00\x00\x00\x00\xF6\x01\x00\x00\xD8\x00\x00\x00\x00\x11\x00\xFF\xFF\xFF\xFFab", "a\U0001F600" + strings.Repeat("\uFFFD", 4), 4},
		{"UTF-32BE", "\x00\x00\x00a\x00\x01\xF6\x00", "a\U0001F600", 0},
		{"windows-1252", "caf\xE9 \x80 \x81", "caf\u00e9 \u20ac \uFFFD", 1},
		{"windows-1253", "\xC1\xAA", "\u0391\uFFFD", 1},
		{"windows-874", "\xA1\xDB\xFF", "\u0e01\uFFFD\uFFFD", 2},
		{"IBM037", "\xC1\x6B\xC2\x25", "A,B\n", 0},
		{"Shift_JIS", "\x83\x5C\x83|\xB1\x80", "\u30bd\u30dd\uff71\u0080", 0},
		{"Shift_JIS", "\x83\n\x83,\x83\"\x83", "\uFFFD\n\uFFFD,\uFFFD\"\uFFFD", 4},
		{"Shift_JIS", "\x85\x7C\x85\x9F\xFF\xA0", "\uFFFD|\uFFFD\uFFFD\uFFFD", 4}, // nothing at 857C: the bar stays
		{"EUC-JP", "\xA4\xA2\x8E\xB1\x8F\xB0\xA1", "\u3042\uff71\u4e02", 0},
		{"EUC-JP", "\xA4\n\x8E,\x8F\xA1,\x8F;\xA4\x8F\xB0", "\uFFFD\n\uFFFD,\uFFFD,\uFFFD;\uFFFD\uFFFD", 6},
		{"EUC-KR", "\xB0\xA1\x81A", "\uac00\uac02", 0},
		{"EUC-KR", "\xB0\n\xB0|\xB0\xFF", "\uFFFD\n\uFFFD|\uFFFD", 3},
		{"GBK", "\xD6\xD0\x81|\x80", "\u4e2d\u4e85\u20ac", 0},
		{"GBK", "\xD6\n\xD6\x31\xD0\x30\xFF", "\uFFFD\n\uFFFD1\uFFFD0\uFFFD", 4},
		{"gb18030", "\xD6\xD0\x94\x39\xFC\x36\x84\x31\xA4\x37\xFF", "\u4e2d\U0001F600\uFFFD\uFFFD", 1},
		{"gb18030", "\x94\x39\n\x94\x39\xFC,\xFE\x39\xFE\x39\x94\x39\xFC", "\uFFFD9\n\uFFFD9\uFFFD,\uFFFD\uFFFD9\uFFFD", 6},
		{"Big5", "\xA4\xA4\x88\x62\x88\x64\x88\xA3\x88\xA5", "\u4e2d\u00CA\u0304\u00CA\u030C\u00EA\u0304\u00EA\u030C", 0},
		{"Big5", "\xA4\n\xA4,\xA4\x80\xFF", "\uFFFD\n\uFFFD,\uFFFD\uFFFD", 4},
		{"ISO-2022-JP", "a,\x1B$B$\"\x1B(B,\x1B(I1\x1B(J\\~|\x1B$(D0!\x1B(B", "a,\u3042,\uff71\u00a5\u203e|\u4e02", 0},
		{"ISO-2022-JP", "\x1B$@$\"\nab\r\x1B(Ia\nb", "\u3042\nab\r\uFFFD\nb", 1},
		{"ISO-2022-JP", "\x1B$B$\n$\t$ !\x0E\x80\x1B$B!", "\uFFFD\n$\t$ !\uFFFD\uFFFD\uFFFD", 4},
		{"ISO-2022-JP", "\x1B", "\uFFFD", 1},
		{"ISO-2022-JP", "\x1B$", "\uFFFD$", 1},
	} {
		e := get(t, c.label)
		out, invalid := e.Append(nil, []byte(c.in))
		assert.Equal(t, c.want, string(out), "%s %q", c.label, c.in)
		assert.Equal(t, c.invalid, invalid, "%s %q", c.label, c.in)
	}
}

func TestMask(t *testing.T) {
	keep := []rune{'§', '\U0001F600', 'あ'}
	for _, c := range []struct{ label, in, want string }{
		{"UTF-8", "a,§\U0001F600é\xE9\n", "a,\xC0\xBF\xC1\xBF\xBF\xBF\x80\x80\x80\n"},
		{"UTF-16LE", "a\x00,\x00\xA7\x00\x3D\xD8\x00\xDE\x2C\x2C\n\x00x", "a,\xC0\xC1\xBF\x80\n"},
		{"UTF-32BE", "\x00\x00\x00,\x00\x01\xF6\x00\x00\x11\x00\x00x", ",\xC1\x80"},
		{"windows-1252", "a,\xA7\xE9\n", "a,\xC0\x80\n"},
		{"IBM037", "\xC1\x6B\xB5\x25", "A,\xC0\n"},
		{"Shift_JIS", "\x83\x5C,\x83|\x82\xA0\x83,|\n", "\x80\x80,\x80\x80\xC2\xBF\x80,|\n"},
		{"Big5", "\x88\x62|", "\x80\x80|"},
		{"gb18030", "\x94\x39\xFC\x36\x81\x30\x81\n9", "\xC1\xBF\xBF\xBF\x800\x80\n9"},
		{"ISO-2022-JP", "a,\x1B$B$\"!,\n$\"", "a,\x80\x80\x80\xC2\xBF\x80\x80\n$\""},
	} {
		assert.Equal(t, "+"+c.want, string(get(t, c.label).Mask([]byte("+"), []byte(c.in), keep)), "%s %q", c.label, c.in)
	}
	assert.Equal(t, "\x80\x80", string(get(t, "UTF-8").Mask(nil, []byte("é"), append(make([]rune, 32), 'é'))), "the 33rd is not looked for")
}

func TestEncode(t *testing.T) {
	for _, c := range []struct{ label, in, want string }{
		{"UTF-8", "é", "é"},
		{"UTF-16LE", "é\U0001F600", "\xE9\x00\x3D\xD8\x00\xDE"},
		{"UTF-16BE", "é\U0001F600", "\x00\xE9\xD8\x3D\xDE\x00"},
		{"UTF-32LE", "é\U0001F600", "\xE9\x00\x00\x00\x00\xF6\x01\x00"},
		{"UTF-32BE", "é", "\x00\x00\x00\xE9"},
		{"windows-1252", "é€", "\xE9\x80"},
		{"IBM037", "A,", "\xC1\x6B"},
		{"Shift_JIS", "ソ,", "\x83\x5C,"},
		{"ISO-2022-JP", "aあ", "a\x1B$B$\"\x1B(B"},
	} {
		out, err := get(t, c.label).Encode(c.in)
		require.NoError(t, err, c.label)
		assert.Equal(t, c.want, string(out), c.label)
	}
	for _, c := range []struct{ label, in, names string }{
		{"windows-1252", "abc\u0142", "U+0142"},
		{"windows-1252", "abc\uFFFD", "U+FFFD"},
		{"windows-1253", "\uFFFD", "U+FFFD"},
		{"IBM037", "\u0142", "U+0142"},
		{"Shift_JIS", "あ\u0142", "U+0142"},
		{"EUC-KR", "\U0001F600", "U+1F600"},
		{"ISO-2022-JP", "あ\x1B", "U+001B"},
		{"ISO-2022-JP", "あ\u0142", "U+0142"},
		{"UTF-8", "ab\xE9", "byte 2"},
		{"UTF-16LE", "\xE9", "byte 0"},
		{"GBK", "\uFFFD\xE9", "byte 3"},
	} {
		out, err := get(t, c.label).Encode(c.in)
		assert.Nil(t, out, "%s %q", c.label, c.in)
		require.ErrorIs(t, err, ErrUnencodable, "%s %q", c.label, c.in)
		assert.Contains(t, err.Error(), c.names)
		assert.Contains(t, err.Error(), c.label)
	}
}

// checkMask says whether Mask and Append see the same ASCII characters, and Safe tells the truth about them.
func checkMask(t *testing.T, e *Encoding, src []byte) {
	out, _ := e.Append(nil, src)
	require.True(t, utf8.Valid(out), e.Name())
	mask := e.Mask(nil, src, []rune{'§', 'é', '\U0001F600'})
	require.Len(t, mask, len(src)/e.Unit(), e.Name())
	var ascii []byte
	for _, b := range out {
		if b < 0x80 {
			ascii = append(ascii, b)
		}
	}
	var masked []byte
	for i, m := range mask {
		if m < 0x80 {
			masked = append(masked, m)
		}
		if e.Unit() == 1 && e.Safe(src[i]) && m != src[i] {
			require.Fail(t, "not safe", "%s: %q at %d", e.Name(), src, i)
		}
	}
	require.Equal(t, string(ascii), string(masked), e.Name())
}

func TestMaskOfAllPairs(t *testing.T) {
	for _, e := range encodings {
		for a := range 256 {
			if e.SingleByte() {
				break
			}
			var src []byte
			for b := range 256 {
				src = append(src, byte(a), byte(b), ',', '\n')
			}
			checkMask(t, e, src)
		}
	}
}

func TestConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, e := range encodings {
				out, _ := e.Append(nil, []byte("a,\xE9\xA4\n"))
				assert.True(t, utf8.Valid(out))
				Sniff([]byte("a,\xE9\xA4\n"))
			}
		})
	}
	wg.Wait()
}

func FuzzMask(f *testing.F) {
	f.Add([]byte("a,\x83|\x1B$B$\"\x1B(B;\x94\x39\xFC\x36\"\n"))
	f.Add([]byte("a\x00,\x00\x3D\xD8\x00\xDE\n\x00"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, e := range encodings {
			checkMask(t, e, src)
		}
	})
}

// checkBulk says whether Append, with little room and with much, does what its codec's next does one by one.
func checkBulk(t *testing.T, e *Encoding, src []byte) {
	c := e.walker()
	var want []byte
	var s state
	broken := 0
	for n := 0; n < len(src); {
		r, size := c.next(src[n:], &s)
		n += size
		switch {
		case r >= 0:
			want = utf8.AppendRune(want, r)
		case r == malformed:
			want = append(want, "\uFFFD"...)
			broken++
		case r != silent:
			want = append(want, pairs[pair-r]...)
		}
	}
	for _, room := range []int{0, len(want) / 2, len(want), 4*len(src) + 64} {
		out, invalid := e.Append(append(make([]byte, 0, 1+room), '+'), src)
		require.Equal(t, "+"+string(want), string(out), "%s %q, room for %d", e.Name(), src, room)
		require.Equal(t, broken, invalid, "%s %q", e.Name(), src)
	}
}

// A character that is not like the others, at every place in a run that is decoded at once.
func TestBulk(t *testing.T) {
	for _, e := range encodings {
		unit := e.Unit()
		around, err := e.Encode("0123456789,abcdef\n")
		require.NoError(t, err)
		around = bytes.Repeat(around, 4)
		for i, odd := range []rune{'é', 'я', 'ソ', 'ｿ', '中', '김', '\u00CA', '\U0001F600', '\U00020547', -1} {
			part, err := e.Encode(string(odd))
			if odd < 0 {
				part = bytes.Repeat([]byte{0xDC}, unit) // a lone surrogate, half a character, or some letter
			} else if err != nil {
				continue
			}
			for at := 0; at <= 24*unit; at += unit {
				for _, times := range []int{1, 2, 9} {
					src := slices.Insert(slices.Clone(around), at, bytes.Repeat(part, times)...)
					src = slices.Insert(src, len(src)/unit/2*unit, part...)
					checkBulk(t, e, src[:len(src)-i%3])
				}
			}
		}
	}
}

func FuzzBulk(f *testing.F) {
	f.Add([]byte("0123456789,abcdef,\x83|\x1B$B$\"\x1B(B;\x94\x39\xFC\x36\xE2\x82\xAC,0123456789,abcdef\n\x81"))
	f.Add([]byte("a\x00,\x00c\x00d\x00,\x00\x3D\xD8\x00\xDEe\x00\n\x00f\x00g\x00h\x00\xE9\x00i\x00j\x00k\x00l\x00\x01"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, e := range encodings {
			checkBulk(t, e, src)
		}
	})
}
