package ingest

import (
	"context"
	"sync"
	"time"
)

// A Control stops and pauses the runs whose Pipeline has it. The zero Control is ready. All methods can be called at any
// time, from any goroutine, and return at once.
//
// To end a run on the spot cancel its context. What is being written then is rolled back by a store that can do so.
type Control struct {
	mu     sync.Mutex
	asked  Request
	brakes map[*brake]struct{}
}

// Stop lets the runs store what they have read, and end with ErrStopped. Runs that begin later end at once: there is no way
// back. A run that has a ledger can be run again, with another Control, and goes on.
func (c *Control) Stop() { c.ask(RequestStop) }

// Pause lets the runs store what they have read, and wait. Runs that begin later wait before their first batch.
func (c *Control) Pause() { c.ask(RequestPause) }

// Continue lets runs that are paused go on, but for those that are paused through their ledger.
func (c *Control) Continue() { c.ask(RequestNone) }

func (c *Control) ask(what Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == RequestStop {
		return
	}
	c.asked = what
	for b := range c.brakes {
		b.set(&b.byControl, what)
	}
}

// join makes the control's word count for a run.
func (c *Control) join(b *brake) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.brakes == nil {
		c.brakes = map[*brake]struct{}{}
	}
	c.brakes[b] = struct{}{}
	b.set(&b.byControl, c.asked)
}

func (c *Control) leave(b *brake) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.brakes, b)
}

// A brake holds a run before its next batch, or ends it there.
type brake struct {
	mu        sync.Mutex
	byControl Request // what the Control asks
	byLedger  Request // what is asked through the ledger
	changed   chan struct{}
}

// ask notes what is asked through the ledger.
func (b *brake) ask(what Request) { b.set(&b.byLedger, what) }

func (b *brake) set(which *Request, what Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if *which == what {
		return
	}
	*which = what
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// look gives what is asked, and a channel that is closed when that changes.
func (b *brake) look() (Request, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	for _, r := range []Request{RequestStop, RequestPause} {
		if b.byControl == r || b.byLedger == r {
			return r, b.changed
		}
	}
	return RequestNone, b.changed
}

// stopped is the error by which a run ends that is asked to. Next is what becomes of it.
func stopped(next string) error {
	return &RunError{Code: CodeStopped, Kind: ErrStopped, Reason: "the run was stopped; " + next}
}

// hold returns when the run may go on, or with the error by which it ends. Ledger says that it can go on then.
func (b *brake) hold(ctx context.Context, t *tracker, ledger bool) error {
	for {
		asked, changed := b.look()
		switch asked {
		case RequestNone:
			return nil
		case RequestStop:
			if ledger {
				return stopped("what it has read is stored, and it goes on from there when it is run again")
			}
			return stopped("what it has read is stored, and without a ledger it would begin from the start again")
		}
		t.update(func(s *Status) { s.State = Paused })
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		t.update(func(s *Status) { s.State = Running })
	}
}

// rest waits for so long, and no longer than to the end of the context. It gives the error by which the run ends if it is
// asked to stop meanwhile.
func (b *brake) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		asked, changed := b.look()
		if asked == RequestStop {
			return stopped("another process has it, and nothing was done")
		}
		select {
		case <-changed:
		case <-t.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
