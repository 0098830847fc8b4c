package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A FileLedger keeps a ledger in a directory, for sinks that have no transactions: an HTTP service, a queue, files. A run of
// such a sink delivers each record at least once: what was being written in a crash comes again when the run goes on, with
// the same Record.Key.
//
// Each run has two files, named after its ID: run-ID.jsonl, with a line of JSON for each window and each change of its
// state, synced to the disk line by line, and run-ID.lease. Rejects are counted there and not kept: that is for
// Pipeline.Rejects. One machine can use a directory at a time, with any number of processes.
//
// NewFileLedger makes one; the zero FileLedger has no directory.
type FileLedger struct {
	dir string
	mu  sync.Mutex
}

// NewFileLedger gives the ledger in a directory. It is made, with the first run, if there is none.
func NewFileLedger(dir string) *FileLedger { return &FileLedger{dir: dir} }

// fileLine is a line of a run's file: what is known of the run from here on, or a window, or that there is another owner.
type fileLine struct {
	Time  time.Time    `json:"time"`
	Epoch int64        `json:"epoch"`
	Run   *LedgerRun   `json:"run,omitempty"`
	Entry *LedgerEntry `json:"entry,omitempty"`
}

// fileLease is what a run's lease file holds.
type fileLease struct {
	Epoch int64     `json:"epoch"`
	Until time.Time `json:"until"`
	Owner string    `json:"owner,omitempty"`
	Asked Request   `json:"asked,omitempty"`
}

// Find gives a run.
func (l *FileLedger) Find(_ context.Context, run string) (*LedgerRun, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, err := l.read(run)
	return known.run, err
}

// Claim enters a run, or takes it over.
func (l *FileLedger) Claim(ctx context.Context, run *LedgerRun, lease time.Duration) (*Claim, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.MkdirAll(l.dir, 0o777); err != nil {
		return nil, err
	}
	unlock, err := l.lock(ctx, run.Run)
	if err != nil {
		return nil, err
	}
	defer unlock()
	now := time.Now()
	held, err := l.lease(run.Run)
	switch {
	case err != nil:
		return nil, err
	case held.Until.After(now):
		return nil, &OwnedError{Run: run.Run, Owner: held.Owner, Left: held.Until.Sub(now)}
	}
	known, err := l.read(run.Run)
	if err != nil {
		return nil, err
	}
	if known.torn {
		if err := os.Truncate(l.path(run.Run, ".jsonl"), known.size); err != nil {
			return nil, err
		}
	}
	epoch := max(held.Epoch, known.epoch) + 1
	asked := held.Asked
	if asked == RequestStop {
		asked = RequestNone
	}
	if err := l.setLease(run.Run, fileLease{epoch, now.Add(lease), run.Owner, asked}); err != nil {
		return nil, err
	}
	// An owner before may be about to enter a window. What stands in front of this line counts, and is read below; what comes
	// behind it does not.
	if err := l.append(run.Run, fileLine{Time: now, Epoch: epoch}); err != nil {
		return nil, err
	}
	if known, err = l.read(run.Run); err != nil {
		return nil, err
	}
	mine := *run
	if known.run != nil && known.run.State != Undone {
		mine = *known.run
		mine.Source, mine.Owner, mine.State = run.Source, run.Owner, Running
	}
	claim := &Claim{LedgerRun: &mine, Epoch: epoch}
	for _, at := range slices.Sorted(maps.Keys(known.entries)) {
		if err := claim.Stored.Add(known.entries[at]); err != nil {
			return nil, err
		}
	}
	return claim, l.append(run.Run, fileLine{Time: now, Epoch: epoch, Run: &mine})
}

// Renew makes the lease longer.
func (l *FileLedger) Renew(ctx context.Context, c *Claim, lease time.Duration) (Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	unlock, err := l.lock(ctx, c.Run)
	if err != nil {
		return RequestNone, err
	}
	defer unlock()
	held, err := l.mine(c)
	if err != nil {
		return RequestNone, err
	}
	if held.Until.IsZero() {
		return RequestNone, &OwnedError{Run: c.Run} // it was released
	}
	held.Until = time.Now().Add(lease)
	return held.Asked, l.setLease(c.Run, held)
}

// Enter enters a window.
func (l *FileLedger) Enter(_ context.Context, c *Claim, e *LedgerEntry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.mine(c); err != nil {
		return err
	}
	return l.append(c.Run, fileLine{Time: time.Now(), Epoch: c.Epoch, Entry: e})
}

// Release gives a run back.
func (l *FileLedger) Release(ctx context.Context, c *Claim, state State, _ Code) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	unlock, err := l.lock(ctx, c.Run)
	if err != nil {
		return err
	}
	defer unlock()
	held, err := l.mine(c)
	if err != nil {
		return err
	}
	known, err := l.read(c.Run)
	if err != nil {
		return err
	}
	run := *c.LedgerRun
	if known.run != nil {
		run = *known.run // the encoding may have been decided
	}
	run.State = state
	if err := l.append(c.Run, fileLine{Time: time.Now(), Epoch: c.Epoch, Run: &run}); err != nil {
		return err
	}
	held.Until, held.Owner = time.Time{}, ""
	return l.setLease(c.Run, held)
}

// Request asks something of a run that is under way, in this process or another one: to pause, to stop, or with RequestNone
// to go on. The run sees it when it renews its lease: within a third of Pipeline.Lease. A pause also holds for whoever goes
// on with the run later, until RequestNone; a stop does not.
func (l *FileLedger) Request(ctx context.Context, run string, what Request) error {
	switch what {
	case RequestNone, RequestPause, RequestStop:
	default:
		return fmt.Errorf("ingest: %q is nothing that can be asked of a run", what)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch known, err := l.read(run); {
	case err != nil:
		return err
	case known.run == nil:
		return fmt.Errorf("ingest: no run %q in %s: check the name and the directory", run, l.dir)
	}
	unlock, err := l.lock(ctx, run)
	if err != nil {
		return err
	}
	defer unlock()
	held, err := l.lease(run)
	if err != nil {
		return err
	}
	held.Asked = what
	return l.setLease(run, held)
}

// mine gives the lease of a claim, if that is still its owner's.
func (l *FileLedger) mine(c *Claim) (fileLease, error) {
	held, err := l.lease(c.Run)
	if err == nil && held.Epoch != c.Epoch {
		err = &OwnedError{Run: c.Run, Owner: held.Owner, Left: time.Until(held.Until)}
	}
	return held, err
}

// fileRun is what a run's file says.
type fileRun struct {
	run     *LedgerRun // nil: there is none
	epoch   int64      // of its last owner
	entries map[int64]*LedgerEntry
	size    int64 // bytes of whole lines
	torn    bool  // behind them is a line that was being written in a crash
}

// read reads a run's file. What an owner before has entered after another one had claimed the run does not count: that one
// does not know of it.
func (l *FileLedger) read(run string) (known fileRun, err error) {
	path := l.path(run, ".jsonl")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return known, err
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	known.size, known.torn, known.entries = int64(whole), whole < len(b), map[int64]*LedgerEntry{}
	for line := range bytes.Lines(b[:whole]) {
		var in fileLine
		if err := json.Unmarshal(line, &in); err != nil {
			return known, fmt.Errorf("ingest: %s is damaged: restore it from a copy, or use another Pipeline.RunID: %w", path, err)
		}
		if in.Epoch < known.epoch {
			continue
		}
		known.epoch = in.Epoch
		switch {
		case in.Run != nil && in.Run.Run != run: // of a file system that does not tell capitals from small letters
			return known, fmt.Errorf("ingest: %s is of the run %q: use a Pipeline.RunID that differs in more than capitals", path, in.Run.Run)
		case in.Run != nil:
			known.run = in.Run
			if in.Run.State == Undone {
				clear(known.entries)
			}
		case in.Entry != nil:
			known.entries[in.Entry.Offset] = in.Entry // one that was entered twice counts once
			if in.Entry.Found != nil && known.run != nil {
				known.run.Found = in.Entry.Found
			}
		}
	}
	return known, nil
}

// append appends a line to a run's file, and waits until the disk has it.
func (l *FileLedger) append(run string, line fileLine) error {
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path(run, ".jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		if _, err = f.Write(append(b, '\n')); err != nil {
			err = errors.Join(err, f.Truncate(end)) // the next line must not be behind a part of this one
		}
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func (l *FileLedger) lease(run string) (held fileLease, err error) {
	b, err := os.ReadFile(l.path(run, ".lease"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return held, nil
	case err != nil:
		return held, err
	}
	if err := json.Unmarshal(b, &held); err != nil {
		return held, fmt.Errorf("ingest: %s is damaged: delete it if no process is at work on the run: %w", l.path(run, ".lease"), err)
	}
	return held, nil
}

// setLease replaces a lease at one stroke. The lock is held.
func (l *FileLedger) setLease(run string, held fileLease) error {
	b, err := json.Marshal(held)
	if err != nil {
		return err
	}
	path := l.path(run, ".lease")
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// path gives a run's file. The ID of a run holds nothing that a path could be made of.
func (l *FileLedger) path(run, suffix string) string { return filepath.Join(l.dir, "run-"+run+suffix) }
