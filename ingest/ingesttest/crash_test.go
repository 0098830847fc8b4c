//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package ingesttest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// A logStore is a database for any number of processes: a file to which transactions are appended, each a line of JSON that
// is written in one piece under a lock. The lock goes with the process that has it, and of a line that was being written then
// the next one cuts off what there is. What can be wrong with a database can be made wrong.
type logStore struct {
	mu   sync.Mutex
	file *os.File
	read int64 // so much is known
	state

	fault string // what is wrong with it
	claim *ingest.Claim
}

// What can be wrong.
const (
	rowsFirst   = "the records are stored before their window, in a transaction of their own"
	ledgerFirst = "the window is stored before its records"
	unfenced    = "who has lost the run writes on"
	lostRejects = "rejects are not stored"
)

// state is what the transactions add up to.
type state struct {
	run     *ingest.LedgerRun
	epoch   int64
	until   time.Time
	entries map[int64]*ingest.LedgerEntry
	records [][]string
}

// A change is a transaction.
type change struct {
	Run     *ingest.LedgerRun     `json:",omitempty"`
	Epoch   int64                 `json:",omitempty"`
	Until   *time.Time            `json:",omitempty"`
	Entry   *ingest.LedgerEntry   `json:",omitempty"`
	Records [][]string            `json:",omitempty"`
	Rejects []*ingest.RecordError `json:",omitempty"`
}

func openLog(path, fault string) (*logStore, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	return &logStore{file: f, fault: fault, state: state{entries: map[int64]*ingest.LedgerEntry{}}}, err
}

// locked does something with the file locked and everything known that is in it.
func (s *logStore) locked(do func() error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syscall.Flock(int(s.file.Fd()), syscall.LOCK_UN)) }()
	if _, err := s.file.Seek(s.read, io.SeekStart); err != nil {
		return err
	}
	for in := bufio.NewReader(s.file); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			if err := s.file.Truncate(s.read); err != nil {
				return err
			}
			return do()
		}
		if err != nil {
			return err
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		s.read += int64(len(line))
		s.apply(&c)
	}
}

// close waits for what is in hand: a call that its run no longer waits for may be.
func (s *logStore) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}

func (s *state) apply(c *change) {
	if c.Run != nil {
		s.run = c.Run
	}
	if c.Epoch > 0 {
		s.epoch = c.Epoch
	}
	if c.Until != nil {
		s.until = *c.Until
	}
	s.records = append(s.records, c.Records...)
	if c.Entry != nil {
		c.Entry.Rejects = c.Rejects
		s.entries[c.Entry.Offset] = c.Entry
		if c.Entry.Found != nil {
			run := *s.run
			run.Found = c.Entry.Found
			s.run = &run
		}
	}
}

func (s *logStore) commit(c change) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err := s.file.WriteAt(line, s.read); err != nil {
		return err
	}
	s.read += int64(len(line))
	s.apply(&c)
	return nil
}

func (s *logStore) Find(context.Context, string) (run *ingest.LedgerRun, err error) {
	err = s.locked(func() error { run = s.run; return nil })
	return run, err
}

// heldError is ErrOwned with the rest of the lease.
type heldError struct{ left time.Duration }

func (e heldError) Error() string        { return fmt.Sprintf("it belongs to another for %v", e.left) }
func (e heldError) Unwrap() error        { return ingest.ErrOwned }
func (e heldError) Until() time.Duration { return e.left }

func (s *logStore) Claim(_ context.Context, run *ingest.LedgerRun, lease time.Duration) (c *ingest.Claim, err error) {
	err = s.locked(func() error {
		if left := time.Until(s.until); left > 0 {
			return heldError{left}
		}
		mine := *run
		if s.run != nil {
			mine = *s.run
			mine.Source, mine.State = run.Source, ingest.Running
		}
		c = &ingest.Claim{LedgerRun: &mine, Epoch: s.epoch + 1}
		for _, e := range s.sorted() {
			if err := c.Stored.Add(e); err != nil {
				return err
			}
		}
		until := time.Now().Add(lease)
		s.claim = c
		return s.commit(change{Run: &mine, Epoch: c.Epoch, Until: &until})
	})
	return c, err
}

func (s *logStore) Renew(_ context.Context, c *ingest.Claim, lease time.Duration) (ingest.Request, error) {
	return "", s.locked(func() error {
		if c.Epoch != s.epoch && s.fault != unfenced {
			return ingest.ErrOwned
		}
		until := time.Now().Add(lease)
		return s.commit(change{Until: &until})
	})
}

func (s *logStore) Enter(context.Context, *ingest.Claim, *ingest.LedgerEntry) error {
	return errors.New("the sink is the ledger")
}

func (s *logStore) Release(_ context.Context, c *ingest.Claim, st ingest.State, _ ingest.Code) error {
	return s.locked(func() error {
		if c.Epoch != s.epoch && s.fault != unfenced {
			return ingest.ErrOwned
		}
		run := *s.run
		run.State = st
		return s.commit(change{Run: &run, Until: &time.Time{}})
	})
}

// sorted gives the entries in the order of the source.
func (s *logStore) sorted() []*ingest.LedgerEntry {
	var all []*ingest.LedgerEntry
	for _, at := range slices.Sorted(maps.Keys(s.entries)) {
		all = append(all, s.entries[at])
	}
	return all
}

func (s *logStore) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return s, nil }

func (s *logStore) Close(context.Context, error) error { return nil }

func (s *logStore) Write(_ context.Context, b *ingest.Batch) error {
	e := b.Entry()
	if e == nil {
		return nil
	}
	window := change{Entry: e, Rejects: e.Rejects}
	rows := change{Records: records(b)}
	if s.fault == lostRejects {
		window.Rejects = nil
	}
	switch s.fault {
	case rowsFirst:
		return s.inTwo(rows, window)
	case ledgerFirst:
		return s.inTwo(window, rows)
	}
	window.Records = rows.Records
	return s.locked(func() error { return s.store(window) })
}

// inTwo stores something in two transactions.
func (s *logStore) inTwo(first, second change) error {
	if err := s.locked(func() error { return s.store(first) }); err != nil {
		return err
	}
	CrashPoint("between")
	return s.locked(func() error { return s.store(second) })
}

func (s *logStore) store(c change) error {
	if s.claim.Epoch != s.epoch && s.fault != unfenced {
		return ingest.ErrOwned
	}
	return s.commit(c)
}

func (s *logStore) stored() (all [][]string, err error) {
	err = s.locked(func() error { all = s.records; return nil })
	return all, err
}

// logTest is the crash test of a store in a file.
func logTest(fault string) CrashTest {
	return CrashTest{
		Place: func(t *testing.T) string { return filepath.Join(t.TempDir(), "log") },
		Open: func(path string) (*CrashStore, error) {
			s, err := openLog(path, fault)
			return &CrashStore{
				Sink:   s,
				Stored: s.stored,
				Entries: func(string) ([]*ingest.LedgerEntry, error) {
					return s.sorted(), s.locked(func() error { return nil })
				},
				Close: s.close,
			}, err
		},
		Pipeline: ingest.Pipeline{Lease: 100 * time.Millisecond},
		Points:   []string{"between"},
		Size:     300_000,
	}
}

// The tests count kills, and count on the usual number.
func init() { os.Unsetenv("SLUICE_KILLS") }

func TestCrash(t *testing.T) {
	t.Parallel()
	r := Crash(t, logTest(""))
	assert.GreaterOrEqual(t, r.Kills, 15)
	assert.Greater(t, r.Files, 1)
	assert.Greater(t, r.Rows, int64(1000))
}

// A sink that takes a batch twice without harm does with a ledger beside it.
func TestCrashFileLedger(t *testing.T) {
	t.Parallel()
	c := logTest("")
	c.Kills = 5
	c.Open = func(path string) (*CrashStore, error) {
		s, err := openLog(path, "")
		return &CrashStore{
			Sink: ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
				all := records(b)
				for i, r := range b.All() {
					all[i] = append(all[i], r.Key())
				}
				return s.locked(func() error { return s.commit(change{Records: all}) })
			}),
			Ledger: ingest.NewFileLedger(path + ".ledger"),
			Stored: func() (once [][]string, err error) {
				all, err := s.stored()
				seen := map[string]bool{}
				for _, r := range all {
					if key := r[len(r)-1]; !seen[key] {
						seen[key] = true
						once = append(once, r[:len(r)-1])
					}
				}
				return once, err
			},
			Close: s.close,
		}, err
	}
	Crash(t, c)
}

// What is wrong with a sink is found.
func TestCrashFinds(t *testing.T) {
	for fault, says := range map[string]string{
		rowsFirst:   "there that should not",
		ledgerFirst: "are missing",
		lostRejects: "rejects, and the ledger has 0",
		unfenced:    "",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			c := logTest(fault)
			c.Kills = 500 // long before that: one in forty or so finds who writes on
			_, err := crash(t, c)
			require.Error(t, err)
			assert.ErrorContains(t, err, says)
		})
	}
}

// failing is a store whose disk is full for the twentieth batch that a process writes.
type failing struct {
	*logStore
	writes atomic.Int64
}

var errFull = errors.New("disk full")

func (f *failing) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return f, nil }

func (f *failing) Write(ctx context.Context, b *ingest.Batch) error {
	if f.writes.Add(1) == 20 {
		return errFull
	}
	return f.logStore.Write(ctx, b)
}

// Which errors may end a run is for the test to say.
func TestCrashMayFail(t *testing.T) {
	for name, mayFail := range map[string]func(error) bool{
		"it may":     func(err error) bool { return errors.Is(err, errFull) },
		"it may not": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := logTest("")
			c.Kills, c.MayFail = 10, mayFail
			c.Open = func(path string) (*CrashStore, error) {
				s, err := openLog(path, "")
				return &CrashStore{Sink: &failing{logStore: s}, Stored: s.stored, Close: s.close}, err
			}
			r, err := crash(t, c)
			if mayFail == nil {
				assert.ErrorContains(t, err, "the run ends with an error: ingest: write")
				assert.ErrorContains(t, err, "disk full")
				return
			}
			require.NoError(t, err)
			assert.NotZero(t, r.How["that failed"])
		})
	}
}

// The faults of other things than the process are counted, and one that cannot be made ends the test.
func TestCrashFault(t *testing.T) {
	c := logTest("")
	c.Kills = 4
	c.Fault = func() (string, error) { return "nothing much", nil }
	t.Run("works", func(t *testing.T) {
		r := Crash(t, c)
		assert.Equal(t, 4, r.Kills)
		assert.Equal(t, 4, r.How["nothing much"])
	})
	c.Fault = func() (string, error) { return "", errFull }
	t.Run("fails", func(t *testing.T) {
		_, err := crash(t, c)
		assert.ErrorIs(t, err, errFull)
	})
}

func TestCrashKills(t *testing.T) {
	for _, row := range []struct {
		env  string
		set  int
		want int
	}{
		{"", 0, 15}, {"", 2, 2}, {"150", 0, 150}, {"150", 2, 20}, {"1", 0, 1}, {"1", 2, 1}, {"many", 0, 0}, {"0", 5, 0},
	} {
		t.Setenv("SLUICE_KILLS", row.env)
		got, err := (&CrashTest{Kills: row.set}).kills()
		assert.Equal(t, row.want, got, row)
		assert.Equal(t, row.want == 0, err != nil, row)
	}
}
