//go:build !purego

package scan

// kernels are those of this platform, best first. Every arm64 CPU that Go runs on has NEON.
var kernels = []kernel{
	ofMasks("neon", masksBy(blocksNEON), narrowBy(unitsNEON), true),
	plain,
}

// blocksNEON fills count blocks from 64 * count bytes, and neither reads nor writes anything else.
// There is at least one.
//
//go:noescape
func blocksNEON(blocks *block, b *byte, count int, n needles)

// unitsNEON fills 32 * count bytes from 64 * count, and neither reads nor writes anything else. There are at least
// 64.
//
//go:noescape
func unitsNEON(dst, src *byte, count int, big bool)
