package scan

import "os"

// needles are the bytes a kernel looks for. They may be equal to one another.
type needles struct{ delim, eol, quote, cr byte }

// A block says where they are in 64 bytes: bit i stands for byte i.
type block struct {
	delim, eol, quote, cr uint64
	odd                   uint64 // bytes below 0x20 or above 0x7e that are neither delim nor eol nor cr
}

// A kernel does what is done to every byte, 64 of them at a time. All kernels give the same.
type kernel struct {
	name string

	// masks fills blocks[i] from b[64*i:64*i+64], for len(b)/64 blocks; it panics where blocks has fewer.
	// The bytes behind the last whole block are not read, the blocks behind it not written. Assembly is
	// not preempted: what is long is given in pieces, so that a collection need not wait for all of it.
	masks func(blocks []block, b []byte, n needles)

	// index moves a cursor on by some blocks, at least one, and notes the fields and rows in them. The last
	// one may be cut short. It stops at a block that is irregular.
	index func(c *cursor)

	// count does the same, but only counts rows. It stops at a line end inside quotes, too.
	count func(c *cursor)

	// narrow fills dst[i] from the unit of 16 bits at src[2*i], for len(src)/2 units: it is the unit, or 0xff where
	// that is more than a byte holds. It panics where dst has fewer bytes, and does not write those behind.
	narrow func(dst, src []byte, big bool)

	// odd fills masks as Odds.Find says, from the first 64*len(masks) bytes of b.
	odd func(o *Odds, masks []uint64, b []byte)

	usable bool // on this CPU, as far as GODEBUG lets it
}

// chosen is the kernel of this process: the first of kernels that is usable, or the one whose name the
// environment variable SLUICE_SCAN holds. It is there to find out in the field whether a kernel is to
// blame, so it stops nothing: a name that is not known, or not usable here, is as good as none.
// With the build tag purego there is no kernel but plain.
var chosen = choose(kernels, os.Getenv("SLUICE_SCAN"))

// choose gives the kernel of that name, or else the first one, of those that are usable. There is one: plain.
func choose(kernels []kernel, name string) (k kernel) {
	for i := len(kernels) - 1; i >= 0; i-- {
		if kernels[i].usable {
			k = kernels[i]
			if k.name == name {
				return k
			}
		}
	}
	return k
}

// ofMasks makes a kernel of what finds needles, and of what narrows.
func ofMasks(name string, masks func([]block, []byte, needles), narrow func(dst, src []byte, big bool), usable bool) kernel {
	return kernel{
		name: name, masks: masks, narrow: narrow, usable: usable,
		index: func(c *cursor) { c.indexMasks(masks) },
		count: func(c *cursor) { c.countMasks(masks) },
		odd:   oddBy(masks),
	}
}
