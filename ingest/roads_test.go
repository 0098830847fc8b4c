package ingest

import (
	"bytes"
	"context"
	"testing"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/stretchr/testify/require"
)

// roadEncodings are one of each way to find structure: in the source itself or in a mask of it, of one,
// two and four bytes a unit.
var roadEncodings = []string{"UTF-8", "windows-1252", "UTF-16LE", "UTF-16BE", "UTF-32LE", "Shift_JIS", "GBK", "gb18030", "Big5", "EUC-KR", "EUC-JP", "IBM037", "IBM437"}

var roadDialects = []dialect.Dialect{
	{Delimiter: ",", Quote: `"`, Escape: dialect.Doubled, Comment: dialect.None, LineEnding: dialect.LF, SkipSpace: dialect.Off},
	{Delimiter: "|", Quote: "'", Escape: `\`, Comment: "#", LineEnding: dialect.Mixed, SkipSpace: dialect.On},
	{Delimiter: "、", Quote: "“”", Escape: dialect.Doubled, Comment: "~", LineEnding: dialect.LF, SkipSpace: dialect.Off},
	{Delimiter: "::", Quote: dialect.None, Escape: "^", Comment: dialect.None, LineEnding: dialect.CR, SkipSpace: dialect.Off},
	{Delimiter: "é", Quote: `"`, Escape: dialect.None, Comment: "//", LineEnding: dialect.CRLF, SkipSpace: dialect.On},
	{Delimiter: "\x1f", Quote: `"`, Escape: dialect.Doubled, Comment: dialect.None, LineEnding: dialect.LF, SkipSpace: dialect.Off},
}

var roadTexts = []string{
	"a,b\n\"c\",\"d\"\"e\"\n\n",
	"a| 'b\\'c'|d\r#x\r\n'e\rf'|'g'h'\n",
	"a、“b、c”、“d””e”\n~x\n“f\n",
	"a::b^::c::^^\rd^\re\r",
	"aé \"béc\" éd\r\n//x\r\n\"y\nz\"é\x00é\u00a0\r\n",
	"表|ソ,構\n十\\|能、“貼\n",
	"\u0a0aa,\u0d0d\n\u2028\"\n",
	"x,\"never\nclosed\n",
	"a\x1f\"b\x1fc\"\n\"d\"\x1fe\nf\x1f\x1e\n",
	"é,a\nb,ü\nc,d\ne,\x00\nf,some text\n\"g\n\",\u00a0\nh,日本\ni,\u2060\nj,é\n",
}

// FuzzRoads holds the two roads of the parser against each other: wherever the quick one is taken, the
// careful one comes to the same batch, rejects and counts. So it is with the windows: a splitter that indexes cuts the same
// ones as one that counts.
func FuzzRoads(f *testing.F) {
	for _, text := range roadTexts {
		for i, label := range roadEncodings {
			enc, err := encoding.Get(label)
			require.NoError(f, err)
			raw, err := enc.Encode(text)
			if err != nil {
				raw = []byte(text)
			}
			for d := range roadDialects {
				f.Add(raw, uint8(i), uint8(d), uint8(i+d))
				f.Add(raw, uint8(0), uint8(d), uint8(i<<3+d))
			}
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, enc, d, choice uint8) {
		if len(src) > 4<<10 || bytes.Contains(src, []byte(originMark)) {
			t.Skip()
		}
		p := Pipeline{Encoding: roadEncodings[int(enc)%len(roadEncodings)], Dialect: roadDialects[int(d)%len(roadDialects)], BatchBytes: 40,
			Policy: Policy{Bad: Reject, Repair: true}, Null: []string{"a"}, RunID: "run"}
		p.Dialect.Preamble, p.Dialect.HeaderRows = dialect.NoPreamble, dialect.NoHeader
		if choice&1 > 0 {
			p.Policy = Policy{Bad: Reject, Short: Keep, Long: Keep, StrayQuote: Keep, NUL: Strip, Control: Reject, Invisible: Replace, Blank: Keep}
		}
		if choice&2 > 0 {
			p.Limits = Limits{Record: 64, QuotedLines: 2, Field: 20, Columns: 5}
		}
		if choice&4 > 0 {
			p.Policy.Blank = Stop
		}
		s, err := p.resolve()
		require.NoError(t, err)
		ctx := context.Background()
		var both [2]*splitter
		for i := range both {
			in := newSource(bytes.NewReader(src))
			defer in.release()
			if err := in.open(ctx, s); err != nil {
				t.Skip(err)
			}
			sp, err := prepare(ctx, s, in)
			if err != nil {
				t.Skip(err)
			}
			if other := int(choice>>3) % len(roadEncodings); other > 0 && sp.enc.Identity() {
				sp.found.Encoding.Mixed = roadEncodings[other]
				if mixable(sp.found.Encoding, p.Dialect) {
					sp.other = second(sp.found.Encoding)
				}
			}
			both[i] = sp
		}
		counts, indexes := both[0], both[1]
		indexes.indexes = true
		for {
			w, err := counts.next(ctx)
			require.NoError(t, err)
			indexed, err := indexes.next(ctx)
			require.NoError(t, err)
			if w == nil {
				require.Nil(t, indexed)
				return
			}
			require.Equal(t, w.Window, indexed.Window)
			require.Equal(t, w.raw, indexed.raw)
			require.Equal(t, []any{w.lines, w.cut, w.last}, []any{indexed.lines, indexed.cut, indexed.last})
			if !w.Oversize {
				sameRoads(t, s, w)
				sameRoads(t, s, indexed)
			}
		}
	})
}

// sameView holds the view of a source in UTF-16 against the mask of it: what is ASCII is the same, and all else is not.
func sameView(t *testing.T, label string, src []byte) {
	t.Helper()
	enc, err := encoding.Get(label)
	require.NoError(t, err)
	l, err := newLens(enc, roadDialects[0], &Limits{}, 0)
	require.NoError(t, err)
	require.True(t, l.narrow)
	view, mask := l.view([]byte("+"), src), enc.Mask([]byte("+"), src, nil)
	require.Len(t, view, len(mask))
	for i, m := range mask {
		if view[i] != m && (view[i] < utf8.RuneSelf || m < utf8.RuneSelf) {
			require.Equal(t, mask, view, "%s: unit %d", label, i-1)
		}
	}
}

var viewEncodings = []string{"UTF-16LE", "UTF-16BE"}

func TestViewIsMask(t *testing.T) {
	var units []byte // each behind another one of another kind
	for i := range 1 << 16 {
		units = append(units, byte(i), byte(i>>8), byte(i>>8), byte(i), ',', 0)
	}
	for _, src := range [][]byte{nil, {'a'}, []byte("a\x00b"), []byte("a\x00\x3d\xd8"), []byte("\x3d\xd8\x00\xde\x00\xde,\x00\n"), units, units[1:]} {
		for _, label := range viewEncodings {
			sameView(t, label, src)
		}
	}
	for _, c := range []struct {
		label   string
		dialect int
		narrow  bool
	}{
		{"UTF-8", 0, false}, {"UTF-16LE", 0, true}, {"UTF-16BE", 1, true}, {"UTF-16BE", 3, true},
		{"UTF-16LE", 2, false}, {"UTF-16BE", 4, false}, // structure beyond ASCII
		{"UTF-32LE", 0, false}, {"Shift_JIS", 1, false}, {"windows-1252", 0, false},
	} {
		enc, err := encoding.Get(c.label)
		require.NoError(t, err)
		l, err := newLens(enc, roadDialects[c.dialect], &Limits{}, 0)
		require.NoError(t, err)
		require.Equal(t, c.narrow, l.narrow, "%s, dialect %d", c.label, c.dialect)
	}
}

func FuzzView(f *testing.F) {
	for _, text := range roadTexts {
		for _, label := range viewEncodings {
			enc, err := encoding.Get(label)
			require.NoError(f, err)
			raw, err := enc.Encode(text)
			require.NoError(f, err)
			f.Add(raw)
			f.Add(raw[1:])
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, label := range viewEncodings {
			sameView(t, label, src)
		}
	})
}

func sameRoads(t *testing.T, s *resolved, w *window) {
	quick := &parser{s: s, w: w, stopAt: -1}
	quick.reset()
	if !quick.quick() {
		return
	}
	careful := &parser{s: s, w: w, stopAt: -1}
	careful.reset()
	careful.careful()
	careful.publish()
	quick.publish()
	require.Equal(t, careful.out.counts, quick.out.counts, "%s %q", w.lens.enc.Name(), w.raw)
	require.Equal(t, careful.out.rejects, quick.out.rejects)
	require.Equal(t, careful.out.stop, quick.out.stop)
	require.Equal(t, careful.out.repairs, quick.out.repairs)
	require.Equal(t, careful.out.changes, quick.out.changes)
	require.Equal(t, careful.out.runs, quick.out.runs)
	require.Equal(t, careful.section, quick.section)
	require.Equal(t, careful.blank, quick.blank)
	require.Equal(t, careful.b.Len(), quick.b.Len())
	for i, want := range careful.b.All() {
		got := quick.b.Record(i)
		require.Equal(t, want.Fields(), got.Fields())
		require.Equal(t, want.Position(), got.Position())
		require.Equal(t, want.Raw(), got.Raw())
		for j := range want.Len() {
			require.Equal(t, want.Quoted(j), got.Quoted(j))
			require.Equal(t, want.Null(j), got.Null(j))
		}
	}
}
