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
		fused("avx512vbmi2", indexVBMI2, countAVX512, masksAVX512, cpu.hasVBMI2),
		fused("avx512", indexAVX512, countAVX512, masksAVX512, cpu.hasAVX512),
		fused("avx2", indexAVX2, countAVX2, masksAVX2, cpu.hasAVX2),
		plain,
	}
}

// fused makes a kernel in which index and count are done in one turn, with no masks written in between. It leaves to these
// what is not a whole block, and a control character as delimiter, which is an odd byte where it is no structure: that is
// too rare to be seen to in there.
//
// Where AVX-512 is there AVX2 is, too, and what narrow takes is mostly the way to memory and back.
func fused(name string, index, count func(*cursor), masks func([]block, []byte, needles), usable bool) kernel {
	k := ofMasks(name, masks, narrowAVX2, usable)
	k.index = func(c *cursor) {
		if len(c.b)-c.at < 64 || c.control != 0 {
			c.indexMasks(masks)
			return
		}
		index(c)
		if c.begin != 0 && c.irregular == 0 {
			c.fields[c.n].start = c.startsAt(c.at)
		}
	}
	k.count = func(c *cursor) {
		if len(c.b)-c.at < 64 {
			c.countMasks(masks)
			return
		}
		count(c)
	}
	return k
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
// 64.
//
//go:noescape
func unitsAVX2(dst, src *byte, count int, big bool)

// indexVBMI2, indexAVX512 and indexAVX2 take whole blocks, as far as there are any and room is left, up to one that is not
// regular. They leave it open whether the field that begins behind the last one is quoted.
//
//go:noescape
func indexVBMI2(c *cursor)

//go:noescape
func indexAVX512(c *cursor)

//go:noescape
func indexAVX2(c *cursor)

// countAVX512 and countAVX2 take whole blocks, as far as there are any, up to one that is not regular or has a line end inside
// quotes.
//
//go:noescape
func countAVX512(c *cursor)

//go:noescape
func countAVX2(c *cursor)
