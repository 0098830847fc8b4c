package scan

// pieceToNarrow is how many bytes a kernel narrows at a time: it takes some microseconds.
const pieceToNarrow = 64 << 10

// Narrow appends one byte to dst for each whole unit of 16 bits in src, little-endian or big-endian, and returns the
// extended slice: the unit itself where it is below 0x80, which is ASCII, and a byte of 0x80 or above for any other.
// An odd byte at the end of src is left out. So a place in what is appended is half the place in src, and a
// [Grammar] finds the structure of UTF-16 in it. Dst and src must not overlap.
func Narrow(dst, src []byte, big bool) []byte {
	n := len(src) / 2
	if cap(dst)-len(dst) < n {
		dst = append(Bytes(len(dst) + n)[:0], dst...)
	}
	for src = src[:2*n]; len(src) > 0; {
		piece := src[:min(len(src), pieceToNarrow)]
		at := len(dst)
		dst = dst[:at+len(piece)/2]
		chosen.narrow(dst[at:], piece, big)
		src = src[len(piece):]
	}
	return dst
}
