package ingest

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// What is found eight bytes at a time is what is found character by character.
func TestFindIrregular(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var odds scan.Odds
	pieces := []string{"a", "b", "\n", "\r\n", "\t", "é", "日", "—", "•", " ", "~", "\x7f", "\x00", "\x01", "\x1f", "\u00a0", "\u0085", "\u200b", "\ufeff", "\u2060", "\U0001f600"}
	// blocks are what an Index may note of b.
	blocks := func(b []byte) (blocks []scan.OddBlock) {
		for at := 0; at < len(b); {
			block, n := scan.OddBlock{At: uint32(at)}, 64-r.IntN(8)*r.IntN(8)
			for i, c := range b[at:min(at+n, len(b))] {
				if c < ' ' && c != '\n' && c != '\r' || c > '~' {
					block.Odd |= 1 << i
				}
			}
			if block.Odd != 0 {
				blocks = append(blocks, block)
			}
			at += n
		}
		return blocks
	}
	for n := range 3000 {
		few := 10
		if n%3 > 0 {
			few = len(pieces)
		}
		var b []byte
		for range r.IntN(60) * r.IntN(60) {
			b = append(b, pieces[r.IntN(few)]...)
		}
		if n%3 == 1 && len(b) > 0 {
			at := r.IntN(len(b))
			for ; at > 0 && !utf8.RuneStart(b[at]); at-- {
			}
			b = append(b[:at:at], append([]byte(pieces[11+r.IntN(10)]), b[at:]...)...)
		}
		var want irregular
		for _, c := range string(b) {
			switch irregularRune(c) {
			case CodeNUL:
				want.nul = true
			case CodeControl:
				want.control = true
			case CodeInvisible:
				want.invisible = true
			}
		}
		got, valid := findIrregular(b, &odds)
		require.True(t, valid, "%q", b)
		require.Equal(t, want, got, "%q", b)
		got, valid = findIrregularIn(blocks(b), b, &odds)
		require.True(t, valid, "%q", b)
		require.Equal(t, want, got, "%q", b)

		// Something is changed, and it may be no character any more.
		if len(b) > 0 {
			b[r.IntN(len(b))] = byte(r.Uint32())
			_, valid = findIrregular(b, &odds)
			require.Equal(t, utf8.Valid(b), valid, "%q", b)
			_, valid = findIrregularIn(blocks(b), b, &odds)
			require.Equal(t, utf8.Valid(b), valid, "%q", b)
		}
	}
}

// What is known of odd bytes is about the rows in hand, and is not kept for those that come after them.
func TestOddBlocksAreForgotten(t *testing.T) {
	m := &memory{}
	m.free(&scan.Index{Fields: make([]scan.Field, 1), Ends: []uint32{0, 1}, OddBlocks: []scan.OddBlock{{At: 0, Odd: 1}}, Odd: true, Long: true, Doubled: true})
	x := m.index()
	require.Equal(t, []any{0, []uint32{0}, 0, false, false, false}, []any{len(x.Fields), x.Ends, len(x.OddBlocks), x.Odd, x.Long, x.Doubled})

	p := Pipeline{Policy: Policy{NUL: Keep, Bad: Reject}}
	s, err := p.resolve()
	require.NoError(t, err)
	odd, plain := strings.Repeat("\"é\n\",\x00\n", 400), strings.Repeat("some text,b\n", 10_000)
	in := newSource(strings.NewReader("a,b\n" + odd + plain))
	defer in.release()
	require.NoError(t, in.open(context.Background(), s))
	sp, err := prepare(context.Background(), s, in)
	require.NoError(t, err)
	w, err := sp.next(context.Background())
	require.NoError(t, err)
	require.LessOrEqual(t, len(sp.index.OddBlocks), shortStretch/64+1)
	parser := parse(s, w, -1).parser
	require.Empty(t, parser.OddBlocks)
	require.False(t, parser.irregular.any())
}
