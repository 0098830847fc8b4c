//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// A lock is held for moments. One that is older is that of a process that was killed.
const (
	lockStale = 10 * time.Second
	lockPoll  = 5 * time.Millisecond
)

// lock keeps other processes away from a run's lease.
func (l *FileLedger) lock(ctx context.Context, run string) (unlock func(), err error) {
	path := l.path(run, ".lock")
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if err == nil {
			return func() { os.Remove(path) }, f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > lockStale {
			os.Remove(path)
			continue
		}
		if !sleep(ctx, lockPoll) {
			return nil, context.Cause(ctx)
		}
	}
}
