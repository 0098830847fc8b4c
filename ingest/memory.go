package ingest

import (
	"sync"
	"sync/atomic"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// memory is what a run with Pipeline.Reuse makes its batches of: what one batch no longer needs is there for the next
// one, and as a rule still in the cache of the processor that needs it. It is empty where the pipeline does not reuse: the
// nil memory makes everything anew. All of it is safe for use by several goroutines.
type memory struct{ blocks, parsers, indexes sync.Pool }

// A block is what a part of the source is read into, or decoded into.
type block struct {
	bytes []byte
	users atomic.Int32 // the splitter, and windows
	home  *memory      // nil: it is not used again
}

// block gives a block of n bytes, which hold anything, and which the caller is the only user of.
func (m *memory) block(n int) *block {
	b := &block{home: m}
	if m != nil {
		if old, _ := m.blocks.Get().(*block); old != nil && cap(old.bytes) >= n {
			b = old
		}
	}
	if b.bytes == nil {
		b.bytes = scan.Bytes(n)
	}
	b.bytes = b.bytes[:n]
	b.users.Store(1)
	return b
}

// share notes one more user.
func (b *block) share() *block {
	b.users.Add(1)
	return b
}

// leave is called by each user when it needs the block no longer.
func (b *block) leave() {
	if b != nil && b.home != nil && b.users.Add(-1) == 0 {
		spoil(b.bytes)
		b.home.blocks.Put(b)
	}
}

// spoil overwrites what is given back, with the race detector: who still looks at it is to see that.
func spoil(b []byte) {
	if spoils {
		b = b[:cap(b)]
		for i := range b {
			b[i] = 0xff
		}
	}
}

// index gives an Index without rows.
func (m *memory) index() *scan.Index {
	if m != nil {
		if x, _ := m.indexes.Get().(*scan.Index); x != nil {
			x.Clear()
			return x
		}
	}
	return &scan.Index{Ends: []uint32{0}}
}

// free takes an Index back.
func (m *memory) free(x *scan.Index) {
	if m != nil {
		m.indexes.Put(x)
	}
}

// parser gives a parser that has nothing in hand.
func (m *memory) parser() *parser {
	if m != nil {
		if p, _ := m.parsers.Get().(*parser); p != nil {
			return p
		}
	}
	return &parser{}
}
