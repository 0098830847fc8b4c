package ingesttest

import (
	"io"
	"os"
	"sync"
	"time"
)

// Chunks gives what r has in pieces of at most n bytes.
func Chunks(r io.Reader, n int) io.Reader { return &chunks{r: r, n: max(n, 1)} }

// OneByte gives what r has byte by byte.
func OneByte(r io.Reader) io.Reader { return Chunks(r, 1) }

// Dribble gives what r has in pieces of at most n bytes, and waits before each.
func Dribble(r io.Reader, n int, wait time.Duration) io.Reader {
	return &chunks{r: r, n: max(n, 1), wait: wait}
}

type chunks struct {
	r    io.Reader
	n    int
	wait time.Duration
}

func (c *chunks) Read(p []byte) (int, error) {
	time.Sleep(c.wait)
	return c.r.Read(p[:min(len(p), c.n)])
}

// Break gives the first n bytes of r and then fails with err. It fails as well where r ends before.
func Break(r io.Reader, n int64, err error) io.Reader {
	return &broken{r: io.LimitReader(r, n), err: err}
}

type broken struct {
	r   io.Reader
	err error
}

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

// A Staller is a source that hangs. See Stall.
type Staller struct {
	r       io.Reader
	hanging chan struct{}
	closed  chan struct{}
	hang    sync.Once
	close   sync.Once
}

// Stall gives what r has, and where r ends it hangs, until it is closed; then it fails with os.ErrClosed.
// To end it with a context: context.AfterFunc(ctx, func() { s.Close() }).
func Stall(r io.Reader) *Staller {
	return &Staller{r: r, hanging: make(chan struct{}), closed: make(chan struct{})}
}

// Read reads, or hangs.
func (s *Staller) Read(p []byte) (int, error) {
	select {
	case <-s.closed:
		return 0, os.ErrClosed
	default:
	}
	n, err := s.r.Read(p)
	if n > 0 || err != io.EOF {
		if err == io.EOF {
			err = nil // the next Read hangs
		}
		return n, err
	}
	s.hang.Do(func() { close(s.hanging) })
	<-s.closed
	return 0, os.ErrClosed
}

// Hanging gives a channel that is closed when a Read begins to hang.
func (s *Staller) Hanging() <-chan struct{} { return s.hanging }

// Closed gives a channel that is closed by Close.
func (s *Staller) Closed() <-chan struct{} { return s.closed }

// Close frees a Read that hangs. It may be called more than once.
func (s *Staller) Close() error {
	s.close.Do(func() { close(s.closed) })
	return nil
}
