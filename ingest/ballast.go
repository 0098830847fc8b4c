package ingest

import (
	"runtime/debug"
	"sync"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// The collector begins a cycle when the heap has doubled, but in a process that has little on it that is after 4 MiB: a run
// whose batches are not used again leaves that much garbage several hundred times a second, and with two workers half of the
// time goes into it; where they are, what the sink leaves counts as much. While long sources are read a block that nobody
// touches makes the heap look larger. It takes no memory itself; it lets garbage grow by its size. Where the process has more
// on its heap anyway it changes nothing.
const (
	ballastSize      = 4 << 20
	ballastSizeReuse = 16 << 20 // with Pipeline.Reuse, by which the heap is smaller by more than that
	ballastFrom      = 8 << 20  // of a source: shorter ones are over before it pays
	ballastLimit     = 1 << 30  // of the process, as GOMEMLIMIT sets it: below it memory is dear
)

// ballast is shared by all runs of the process.
var ballast struct {
	sync.Mutex
	runs  int
	block []byte
}

// takeBallast is called once in a run, and what it gives at its end.
func takeBallast(size int) (release func()) {
	if limit := debug.SetMemoryLimit(-1); limit < ballastLimit {
		return func() {}
	}
	ballast.Lock()
	defer ballast.Unlock()
	ballast.runs++
	if len(ballast.block) < size {
		ballast.block = scan.Bytes(size)
	}
	return func() {
		ballast.Lock()
		defer ballast.Unlock()
		if ballast.runs--; ballast.runs == 0 {
			ballast.block = nil
		}
	}
}
