package scan

import (
	"encoding/binary"
	"math/bits"
)

// plain is the kernel that is on every platform, and that the others are compared with.
var plain = func() kernel {
	k := ofMasks("plain", masksPlain, narrowPlain, true)
	k.odd = oddPlain
	return k
}()

// A lanes holds four masks of 16 bytes, side by side: where the delimiters, line ends, quotes and carriage
// returns are. An odd byte is none of the first two, and has the bits of both.
type lanes uint64

const (
	laneDelim lanes = 1 << (16 * iota)
	laneEOL
	laneQuote
	laneCR

	laneOdd = laneDelim | laneEOL
)

// A lanesTable has for each byte its lanes, at bit 0 of each. Looking a byte up finds all needles at once,
// which is twice as fast as comparing eight bytes in a word with one needle after the other.
type lanesTable [256]lanes

// oddLanes is the table of no needles.
var oddLanes = func() (t lanesTable) {
	for i := range t {
		if i < 0x20 || i > 0x7e {
			t[i] = laneOdd
		}
	}
	return t
}()

func masksPlain(blocks []block, b []byte, n needles) {
	t := oddLanes
	t[n.delim], t[n.eol], t[n.cr] = 0, 0, 0
	t[n.delim] |= laneDelim
	var both uint64 // all ones, if what is a delimiter is a line end as well
	if n.delim == n.eol {
		both = ^uint64(0) // in its lanes it is a delimiter only, for with the bits of both it would be odd
	} else {
		t[n.eol] |= laneEOL
	}
	t[n.quote] |= laneQuote
	t[n.cr] |= laneCR

	blocks = blocks[:len(b)/64]
	for i := range blocks {
		c := (*[64]byte)(b[64*i:])
		k0 := t.look((*[16]byte)(c[0:]))
		k1 := t.look((*[16]byte)(c[16:]))
		k2 := t.look((*[16]byte)(c[32:]))
		k3 := t.look((*[16]byte)(c[48:]))
		delim := join(k0, k1, k2, k3)
		eol := join(k0>>16, k1>>16, k2>>16, k3>>16)
		odd := delim & eol
		delim &^= odd
		m := &blocks[i] // word by word: as a whole it would be made elsewhere, and copied; see step
		m.delim, m.eol = delim, eol&^odd|delim&both
		m.quote = join(k0>>32, k1>>32, k2>>32, k3>>32)
		m.cr = join(k0>>48, k1>>48, k2>>48, k3>>48)
		m.odd = odd
	}
}

// look gives the lanes of 16 bytes. Those of one byte are moved up by one bit for each byte before it: at most
// by 15, so that they stay in their lanes. The two halves do not wait for each other.
func (t *lanesTable) look(c *[16]byte) lanes {
	lo := t[c[7]]
	lo = lo<<1 | t[c[6]]
	lo = lo<<1 | t[c[5]]
	lo = lo<<1 | t[c[4]]
	lo = lo<<1 | t[c[3]]
	lo = lo<<1 | t[c[2]]
	lo = lo<<1 | t[c[1]]
	lo = lo<<1 | t[c[0]]
	hi := t[c[15]]
	hi = hi<<1 | t[c[14]]
	hi = hi<<1 | t[c[13]]
	hi = hi<<1 | t[c[12]]
	hi = hi<<1 | t[c[11]]
	hi = hi<<1 | t[c[10]]
	hi = hi<<1 | t[c[9]]
	hi = hi<<1 | t[c[8]]
	return hi<<8 | lo
}

// join makes one mask of the lowest lanes of four times 16 bytes.
func join(k0, k1, k2, k3 lanes) uint64 {
	return uint64(uint16(k0)) | uint64(uint16(k1))<<16 | uint64(uint16(k2))<<32 | uint64(k3)<<48
}

// oddPlain takes eight bytes at a time. Most have nothing odd, and that is quickly seen; line ends and tabs are
// told by looking at them.
func oddPlain(_ *Odds, masks []uint64, b []byte) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i := range masks {
		block, mask := (*[64]byte)(b[64*i:]), uint64(0)
		for at := 0; at < 64; at += 8 {
			x := binary.LittleEndian.Uint64(block[at:])
			// In seven bits: 0x60 more carries what is not below 0x20 into the eighth, 1 more carries 0x7f.
			y := x &^ highs
			for odd := (^(y + 0x60*ones) | (y + ones) | x) & highs; odd != 0; odd &= odd - 1 {
				k := bits.TrailingZeros64(odd) / 8
				if c := block[at+k]; c != '\n' && c != '\r' && c != '\t' {
					mask |= 1 << (at + k)
				}
			}
		}
		masks[i] = mask
	}
}

// narrowPlain takes 32 bytes at a time. Most text has no unit above 0xff in them, and that is quickly seen.
func narrowPlain(dst, src []byte, big bool) {
	dst = dst[:len(src)/2]
	for len(src) >= 32 && len(dst) >= 16 {
		w0, w1 := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		w2, w3 := binary.LittleEndian.Uint64(src[16:]), binary.LittleEndian.Uint64(src[24:])
		if big {
			w0, w1, w2, w3 = swap(w0), swap(w1), swap(w2), swap(w3)
		}
		if (w0|w1|w2|w3)&^lower != 0 {
			w0, w1, w2, w3 = saturate(w0), saturate(w1), saturate(w2), saturate(w3)
		}
		binary.LittleEndian.PutUint64(dst, pack(w0)|pack(w1)<<32)
		binary.LittleEndian.PutUint64(dst[8:], pack(w2)|pack(w3)<<32)
		dst, src = dst[16:], src[32:]
	}
	for i := range dst {
		low, high := src[2*i], src[2*i+1]
		if big {
			low, high = high, low
		}
		if high > 0 {
			low = 0xff
		}
		dst[i] = low
	}
}

// lower are the lower bytes of four units.
const lower = 0x00ff_00ff_00ff_00ff

// swap turns around the bytes of four units.
func swap(w uint64) uint64 { return w>>8&lower | w&lower<<8 }

// saturate makes 0xff of the units that are above that.
func saturate(w uint64) uint64 {
	over := (w>>8&lower + lower) &^ lower // 0x100 where the upper byte is not zero
	return w&lower | (over - over>>8)
}

// pack makes four bytes of four units that hold no more.
func pack(w uint64) uint64 {
	w |= w >> 8
	return w&0xffff | w>>16&0xffff_0000
}
