package scan

// Odds is room to look for bytes that are out of the ordinary in.
type Odds struct {
	masks  [16]uint64
	blocks [16]block
	last   [64]byte // what is left behind whole blocks, and spaces
}

// OddsPiece is how many bytes Find takes at a time.
const OddsPiece = 64 * len(Odds{}.masks)

// Find looks at the first bytes of b, OddsPiece at most. In the masks bit i of mask k stands for b[64*k+i]: it is
// set where that is below 0x20 or above 0x7e, and neither a tab nor a LF nor a CR. They hold until the next call.
func (o *Odds) Find(b []byte) (masks []uint64) {
	b = b[:min(len(b), OddsPiece)]
	whole := len(b) / 64
	masks = o.masks[:whole]
	chosen.odd(o, masks, b)
	if rest := b[64*whole:]; len(rest) > 0 {
		for n := copy(o.last[:], rest); n < len(o.last); n++ {
			o.last[n] = ' '
		}
		masks = o.masks[:whole+1]
		chosen.odd(o, masks[whole:], o.last[:])
	}
	return masks
}

// oddBy is odd by the masks of a kernel.
func oddBy(find func([]block, []byte, needles)) func(o *Odds, masks []uint64, b []byte) {
	return func(o *Odds, masks []uint64, b []byte) {
		blocks := o.blocks[:len(masks)]
		find(blocks, b, needles{delim: '\t', eol: '\n', quote: '\n', cr: '\r'})
		for i := range masks {
			masks[i] = blocks[i].odd
		}
	}
}
