package scan

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oddsNaive is what Find is compared with.
func oddsNaive(b []byte) []uint64 {
	b = b[:min(len(b), OddsPiece)]
	masks := make([]uint64, (len(b)+63)/64)
	for i, c := range b {
		if (c < ' ' || c > '~') && c != '\t' && c != '\n' && c != '\r' {
			masks[i/64] |= 1 << (i % 64)
		}
	}
	return masks
}

// eachOdds makes a kernel the chosen one.
func eachOdds(t *testing.T, test func(t *testing.T, o *Odds)) {
	defer func(k kernel) { chosen = k }(chosen)
	eachKernel(t, func(t *testing.T, k kernel) {
		chosen = k
		test(t, &Odds{})
	})
}

func TestOdds(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []uint64
	}{
		{"nothing", "", nil},
		{"ordinary", "Ann, ~\t\r\n", []uint64{0}},
		{"control characters", "a\x00\x1f\x7f\n\x0b", []uint64{0b101110}},
		{"beyond ASCII", "é\x80\xff", []uint64{0b1111}},
		{"in the last byte of a block", strings.Repeat("a", 63) + "\x00b", []uint64{1 << 63, 0}},
		{"behind whole blocks", strings.Repeat("\x00", 64) + "\x01", []uint64{^uint64(0), 1}},
		{"more than a piece", strings.Repeat("\x00", OddsPiece+1), oddsNaive([]byte(strings.Repeat("\x00", OddsPiece)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachOdds(t, func(t *testing.T, o *Odds) {
				assert.Equal(t, c.want, append([]uint64(nil), o.Find([]byte(c.in))...))
			})
		})
	}
}

// TestOddsOfBytes puts each byte in each place, beside others that are next to the ends of what is ordinary.
func TestOddsOfBytes(t *testing.T) {
	others := []byte("a\x1f \x20~\x7f\x80\xff\n\t\r\x00")
	r := rand.New(rand.NewPCG(6, 6))
	eachOdds(t, func(t *testing.T, o *Odds) {
		b := make([]byte, 130)
		for c := range 256 {
			for at := range 70 {
				for i := range b {
					b[i] = others[r.IntN(len(others))]
				}
				b[at] = byte(c)
				n := at + 1 + r.IntN(len(b)-at)
				require.Equal(t, oddsNaive(b[:n]), o.Find(b[:n:n]), "%q", b[:n])
			}
		}
	})
}

func BenchmarkOdds(b *testing.B) {
	text := []byte(strings.Repeat("100234,Ann Miller,2026-11-02,London\n", 1000))
	defer func(k kernel) { chosen = k }(chosen)
	for _, k := range kernels {
		if k.usable {
			b.Run(k.name, func(b *testing.B) {
				chosen = k
				b.SetBytes(int64(len(text)))
				var o Odds
				for b.Loop() {
					for rest := text; len(rest) > 0; rest = rest[min(len(rest), OddsPiece):] {
						o.Find(rest)
					}
				}
			})
		}
	}
}
