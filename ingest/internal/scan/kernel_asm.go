//go:build !purego && (amd64 || arm64)

package scan

// masksBy makes the masks of a kernel of assembly that fills count blocks, at least one, from 64 * count bytes.
func masksBy(assembly func(blocks *block, b *byte, count int, n needles)) func([]block, []byte, needles) {
	return func(blocks []block, b []byte, n needles) {
		if blocks = blocks[:len(b)/64]; len(blocks) > 0 {
			assembly(&blocks[0], &b[0], len(blocks), n)
		}
	}
}

// narrowBy makes the narrow of a kernel of assembly that fills 32 * count bytes from 64 * count, at least 64. What is
// left is for the plain one.
func narrowBy(assembly func(dst, src *byte, count int, big bool)) func(dst, src []byte, big bool) {
	return func(dst, src []byte, big bool) {
		dst = dst[:len(src)/2]
		whole := len(src) / 64
		if whole > 0 {
			assembly(&dst[0], &src[0], whole, big)
		}
		narrowPlain(dst[32*whole:], src[64*whole:], big)
	}
}
