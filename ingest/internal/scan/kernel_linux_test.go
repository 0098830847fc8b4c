package scan

import (
	"bytes"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarded gives a page between two that must not be touched.
func guarded(t *testing.T) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(memory)) })
	require.NoError(t, syscall.Mprotect(memory[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(memory[2*page:], syscall.PROT_NONE))
	return memory[page : 2*page]
}

// TestMasksBetweenGuards puts b at the end of what may be read, and at the beginning.
func TestMasksBetweenGuards(t *testing.T) {
	b := guarded(t)
	copy(b, randomText(rand.New(rand.NewPCG(3, 3)), len(b)))
	eachKernel(t, func(t *testing.T, k kernel) {
		for n := range 301 {
			sameMasks(t, k, b[:n], rfc)
			sameMasks(t, k, b[len(b)-n:], rfc)
		}
		sameMasks(t, k, b, rfc)
	})
}

// TestNarrowBetweenGuards does the same with units, and puts what is written there, too.
func TestNarrowBetweenGuards(t *testing.T) {
	src, dst := guarded(t), guarded(t)
	copy(src, randomUnits(rand.New(rand.NewPCG(6, 6)), len(src)))
	eachKernel(t, func(t *testing.T, k kernel) {
		for n := range 301 {
			sameNarrow(t, k, src[:n])
			sameNarrow(t, k, src[len(src)-n:])
			want := make([]byte, n/2)
			for _, big := range []bool{false, true} {
				narrowNaive(want, src[:n], big)
				k.narrow(dst[:n/2], src[:n], big)
				require.Equal(t, want, dst[:n/2])
				k.narrow(dst[len(dst)-n/2:], src[:n], big)
				require.Equal(t, want, dst[len(dst)-n/2:])
			}
		}
		sameNarrow(t, k, src)
	})
}

// TestIndexBetweenGuards does it with tables.
func TestIndexBetweenGuards(t *testing.T) {
	b := guarded(t)
	g := New(configs["rfc"])
	for _, row := range []string{"a,b,,d\r\n", "\"a\",\"b\"\"\"\n", "\n", ",", "some text,\"and, more\"\r\n"} {
		copy(b, bytes.Repeat([]byte(row), len(b)/len(row)+1))
		for n := range 301 {
			sameAsRow(t, g, b[:n:n], 0, n)
			sameAsRow(t, g, b[len(b)-n:], 0, n)
			sameAsRow(t, g, b, len(b)-n, len(b))
		}
		whole(t, g, b, len(b))
	}
}
