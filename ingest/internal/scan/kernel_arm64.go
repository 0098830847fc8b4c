//go:build !purego

package scan

// kernels are those of this platform, best first. Every arm64 CPU that Go runs on has NEON.
var kernels = []kernel{
	ofMasks("neon", masksNEON, narrowNEON, true),
	plain,
}

func masksNEON(blocks []block, b []byte, n needles) {
	if blocks = blocks[:len(b)/64]; len(blocks) > 0 {
		blocksNEON(&blocks[0], &b[0], len(blocks), n)
	}
}

// blocksNEON fills count blocks from 64 * count bytes, and neither reads nor writes anything else.
// There is at least one.
//
//go:noescape
func blocksNEON(blocks *block, b *byte, count int, n needles)

func narrowNEON(dst, src []byte, big bool) {
	dst = dst[:len(src)/2]
	whole := len(src) / 64
	if whole > 0 {
		unitsNEON(&dst[0], &src[0], whole, big)
	}
	narrowPlain(dst[32*whole:], src[64*whole:], big)
}

// unitsNEON fills 32 * count bytes from 64 * count, and neither reads nor writes anything else. There are at least
// 64.
//
//go:noescape
func unitsNEON(dst, src *byte, count int, big bool)
