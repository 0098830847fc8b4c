package ingest

import (
	"math/rand/v2"
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

		// Something is changed, and it may be no character any more.
		if len(b) > 0 {
			b[r.IntN(len(b))] = byte(r.Uint32())
			_, valid = findIrregular(b, &odds)
			require.Equal(t, utf8.Valid(b), valid, "%q", b)
		}
	}
}
