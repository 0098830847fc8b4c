package ingest

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A Coverage is what is stored of a source, as a ledger has it. The zero Coverage is empty. It takes memory for each
// stretch without a gap, not for each window.
type Coverage struct{ spans []*LedgerEntry }

// Add adds an entry that is behind all those in the coverage. The error, which is ErrInternal, says that it begins within
// one of them.
func (c *Coverage) Add(e *LedgerEntry) error {
	if n := len(c.spans); n > 0 {
		last := c.spans[n-1]
		switch end := last.end(); {
		case e.Offset < end:
			return &RunError{Code: CodeLedger, Kind: ErrInternal, Reason: fmt.Sprintf(
				"the ledger has a window at byte %d within one that ends at byte %d: please report this", e.Offset, end)}
		case e.Offset == end:
			last.join(e)
			return nil
		}
	}
	first := *e
	first.Rejects, first.Found, first.Notes = nil, nil, Notes{}
	first.Notes.add(&e.Notes)
	c.spans = append(c.spans, &first)
	return nil
}

// Rows gives the number of rows that are stored.
func (c *Coverage) Rows() (rows int64) {
	for _, s := range c.spans {
		rows += s.Rows
	}
	return rows
}

// end is the offset behind the window.
func (e *LedgerEntry) end() int64 { return e.Offset + e.Length }

// join adds a window that begins where e ends.
func (e *LedgerEntry) join(next *LedgerEntry) {
	e.CRC = joinCRC(e.CRC, next.CRC, next.Length)
	e.Length += next.Length
	e.Rows += next.Rows
	e.Delivered += next.Delivered
	e.Rejected += next.Rejected
	e.Filtered += next.Filtered
	e.Skipped += next.Skipped
	e.After = next.After
	e.Notes.add(&next.Notes)
}

// add adds what notes tell of what comes behind. It shares nothing with them.
func (n *Notes) add(next *Notes) {
	sum(&n.Tolerated, next.Tolerated)
	sum(&n.Repaired, next.Repaired)
	sum(&n.Rejects, next.Rejects)
	n.Repairs = inOrder(slices.Clip(n.Repairs), next.Repairs, func(r *Repair) int64 { return r.Offset })
	n.Changes = addChanges(slices.Clip(n.Changes), next.Changes)
	n.Problems = inOrder(slices.Clip(n.Problems), next.Problems, func(p *RecordError) int64 { return p.Offset })
}

func sum[K comparable](to *map[K]int64, counts map[K]int64) {
	if *to == nil {
		*to = maps.Clone(counts)
		return
	}
	for k, n := range counts {
		(*to)[k] += n
	}
}

// castagnoli is the table of CRC-32C, which CPUs compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// joinCRC gives the CRC-32C of two texts behind one another, from those of each and the length of the second. A CRC is a
// polynomial over GF(2) modulo that of Castagnoli, so putting n bytes behind a text multiplies its CRC by x^8n.
func joinCRC(first, second uint32, n int64) uint32 {
	const one, x8 = 1 << 31, 1 << (31 - 8) // the highest bit is x^0
	shift, square := uint32(one), uint32(x8)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			shift = timesCRC(shift, square)
		}
		square = timesCRC(square, square)
	}
	return timesCRC(shift, first) ^ second
}

// timesCRC multiplies two polynomials.
func timesCRC(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		if a>>31 == 1 {
			product ^= b
		}
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
