//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package ingest

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPoll is how long a lock that another process has is waited for before it is asked for again.
const lockPoll = 5 * time.Millisecond

// lock keeps other processes away from a run's lease. It goes with the process that has it.
func (l *FileLedger) lock(ctx context.Context, run string) (unlock func(), err error) {
	f, err := os.OpenFile(l.path(run, ".jsonl"), os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			err = &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		case sleep(ctx, lockPoll):
			continue
		default:
			err = context.Cause(ctx)
		}
		f.Close()
		return nil, err
	}
}
