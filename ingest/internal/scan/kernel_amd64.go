//go:build !purego

package scan

// kernels are those of this platform, best first.
var kernels = kernelsOf(cpu)

var (
	masksAVX512 = masksBy(blocksAVX512)
	masksAVX2   = masksBy(blocksAVX2)
	narrowAVX2  = narrowBy(unitsAVX2)
)

func kernelsOf(cpu x86) []kernel {
	return []kernel{
		{name: "avx512vbmi2", masks: masksAVX512, index: indexFused, count: countFused, narrow: narrowAVX2, odd: oddBy(masksAVX512), usable: cpu.hasVBMI2},
		ofMasks("avx512", masksAVX512, narrowAVX2, cpu.hasAVX512),
		ofMasks("avx2", masksAVX2, narrowAVX2, cpu.hasAVX2),
		plain,
	}
}

// blocksAVX512 fills count blocks from 64 * count bytes, and neither reads nor writes anything else.
// There is at least one.
//
//go:noescape
func blocksAVX512(blocks *block, b *byte, count int, n needles)

// blocksAVX2 fills count blocks from 64 * count bytes, and neither reads nor writes anything else.
// There is at least one.
//
//go:noescape
func blocksAVX2(blocks *block, b *byte, count int, n needles)

// unitsAVX2 fills 32 * count bytes from 64 * count, and neither reads nor writes anything else. There are at least
// 64. Where AVX-512 is there AVX2 is, too, and what it takes is mostly the way to memory and back.
//
//go:noescape
func unitsAVX2(dst, src *byte, count int, big bool)

// indexFused is index where all is done in one turn. A control character as delimiter is an odd byte where it is no
// structure, which is too rare to be seen to in there.
func indexFused(c *cursor) {
	if len(c.b)-c.at < 64 || c.control != 0 {
		c.indexMasks(masksAVX512)
		return
	}
	indexVBMI2(c)
	if c.begin != 0 && c.irregular == 0 {
		c.fields[c.n].start = c.startsAt(c.at)
	}
}

// indexVBMI2 takes whole blocks, as far as there are any and room is left, up to one that is not regular. It
// leaves it open whether the field that begins behind the last one is quoted.
//
//go:noescape
func indexVBMI2(c *cursor)

// countFused is count where all is done in one turn.
func countFused(c *cursor) {
	if len(c.b)-c.at < 64 {
		c.countMasks(masksAVX512)
		return
	}
	countVBMI2(c)
}

// countVBMI2 takes whole blocks, as far as there are any, up to one that is not regular or has a line end inside
// quotes.
//
//go:noescape
func countVBMI2(c *cursor)
