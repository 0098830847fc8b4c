package scan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// narrowNaive is what all kernels are compared with.
func narrowNaive(dst, src []byte, big bool) {
	for i := range len(src) / 2 {
		low, high := src[2*i], src[2*i+1]
		if big {
			low, high = high, low
		}
		dst[i] = byte(min(int(high)<<8|int(low), 0xff))
	}
}

// sameNarrow compares a kernel with the naive one on src, and looks for bytes written behind the last one.
func sameNarrow(t *testing.T, k kernel, src []byte) {
	t.Helper()
	const untouched = "untouched"
	n := len(src) / 2
	want, got := make([]byte, n, n+len(untouched)), []byte(strings.Repeat(untouched, n/len(untouched)+2))
	got = got[len(got)-n-len(untouched):]
	for _, big := range []bool{false, true} {
		narrowNaive(want, src, big)
		k.narrow(got, src, big)
		if !bytes.Equal(want, got[:n]) { // require.Equal for each of them would take most of the time
			require.Equal(t, want, got[:n], "%x, big-endian: %v", src, big)
		}
		require.Equal(t, untouched, string(got[n:]))
	}
}

func TestNarrow(t *testing.T) {
	long := strings.Repeat("a\x00,\x00\xe9\x00\x2c\x2c", 20)
	for _, c := range []struct{ name, in, little, big string }{
		{"nothing", "", "", ""},
		{"less than a unit", "a", "", ""},
		{"one", "a\x00", "a", "\xff"},
		{"an odd byte", "a\x00b", "a", "\xff"},
		{"ASCII", "\x00\x00\n\x00,\x00\x7f\x00", "\x00\n,\x7f", "\x00\xff\xff\xff"},
		{"Latin-1", "\x80\x00\xac\x00\xff\x00", "\x80\xac\xff", "\xff\xff\xff"},
		{"beyond a byte", "\x00\x01,\x01\xff\x7f\x00\x80,\xac\xff\xff", "\xff\xff\xff\xff\xff\xff", "\x01\xff\xff\x80\xff\xff"},
		{"halves of a pair", "\x3d\xd8\x00\xde\x00\xde", "\xff\xff\xff", "\xff\xde\xde"},
		{"big-endian", "\x00a\x00,\x2c\x2c\x00\n", "\xff\xff\xff\xff", "a,\xff\n"},
		{"long", long, strings.Repeat("a,\xe9\xff", 20), strings.Repeat("\xff\xff\xff\xff", 20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachKernel(t, func(t *testing.T, k kernel) {
				got := make([]byte, len(c.in)/2)
				k.narrow(got, []byte(c.in), false)
				assert.Equal(t, c.little, string(got))
				k.narrow(got, []byte(c.in), true)
				assert.Equal(t, c.big, string(got))
				sameNarrow(t, k, []byte(c.in))
			})
			assert.Equal(t, "+"+c.little, string(Narrow([]byte("+"), []byte(c.in), false)))
			assert.Equal(t, "+"+c.big, string(Narrow([]byte("+"), []byte(c.in), true)))
		})
	}
}

// TestNarrowOfUnits puts each unit in each place.
func TestNarrowOfUnits(t *testing.T) {
	src := make([]byte, 2<<16)
	for i := range 1 << 16 {
		src[2*i], src[2*i+1] = byte(i), byte(i>>8)
	}
	eachKernel(t, func(t *testing.T, k kernel) {
		for start := range 64 {
			sameNarrow(t, k, src[2*start:])
		}
	})
}

// TestNarrowOfSlices is about where src begins and how long it is.
func TestNarrowOfSlices(t *testing.T) {
	b := randomUnits(rand.New(rand.NewPCG(4, 4)), 64+300)
	eachKernel(t, func(t *testing.T, k kernel) {
		for start := range 64 {
			for n := range 301 {
				sameNarrow(t, k, b[start:start+n:start+n])
			}
		}
	})
}

// TestNarrowOfTooFewBytes is about memory that is not the kernel's to write.
func TestNarrowOfTooFewBytes(t *testing.T) {
	eachKernel(t, func(t *testing.T, k kernel) {
		assert.Panics(t, func() { k.narrow(make([]byte, 63), make([]byte, 128), false) })
		assert.Panics(t, func() { k.narrow(nil, make([]byte, 2), true) })
		assert.NotPanics(t, func() { k.narrow(nil, make([]byte, 1), true) })
	})
}

// TestNarrowInPieces is about what is longer than a piece, and about where it is appended.
func TestNarrowInPieces(t *testing.T) {
	src := randomUnits(rand.New(rand.NewPCG(5, 5)), 2*pieceToNarrow+101)
	for _, n := range []int{pieceToNarrow - 2, pieceToNarrow, pieceToNarrow + 1, pieceToNarrow + 2, len(src)} {
		want := make([]byte, n/2)
		narrowNaive(want, src[:n], true)
		assert.Equal(t, want, Narrow(nil, src[:n], true))
		room := append(make([]byte, 0, len(src)), "before"...)
		got := Narrow(room, src[:n], true)
		assert.Equal(t, append([]byte("before"), want...), got)
		assert.Same(t, &room[0], &got[0])
		assert.Equal(t, make([]byte, 8), got[len(got):len(got)+8], "behind it nothing is written")
	}
}

// randomUnits makes n bytes in which zero, what is next to the ends of a byte, and ASCII are frequent.
func randomUnits(r *rand.Rand, n int) []byte {
	const alphabet = "\x00\x00\x00\x00a,\n\"\x01\x7f\x80\x81\xd8\xde\xfe\xff"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return b
}

func FuzzNarrow(f *testing.F) {
	f.Add([]byte(strings.Repeat("a\x00,\x00\x2c\x2c\xe9\x00", 20)))
	f.Add([]byte(strings.Repeat("\x00a\x80\x00\xff", 41)))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, k := range kernels {
			if k.usable {
				sameNarrow(t, k, src)
			}
		}
	})
}

func BenchmarkNarrow(b *testing.B) {
	for _, text := range []struct{ name, units string }{
		{"ascii", "4\x007\x001\x001\x00,\x00x\x00.\x00\n\x00"},
		{"mixed", "a\x00,\x00\xe9\x00\x2c\x2c1\x00.\x005\x00\n\x00"},
	} {
		src := []byte(strings.Repeat(text.units, 1<<20/len(text.units)))
		dst := make([]byte, len(src)/2)
		for _, k := range kernels {
			for _, n := range []int{1 << 6, 1 << 12, 1 << 20} {
				b.Run(fmt.Sprintf("%s/%s/%d", text.name, k.name, n), func(b *testing.B) {
					if !k.usable {
						b.Skip("not usable here")
					}
					b.SetBytes(int64(n))
					for b.Loop() {
						k.narrow(dst, src[:n], false)
					}
				})
			}
		}
	}
}
