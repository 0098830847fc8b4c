package ingesttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// patience is how long the exam waits for an answer: "soon", on a busy machine.
const patience = 5 * time.Second

// candidate is a Subject in the exam.
type candidate struct {
	Subject
	patience time.Duration
	made     int // records
}

// A fault is what no sink may do, whatever it is asked.
type fault string

func (f fault) Error() string { return string(f) }

// header gives the columns for questions that do not ask about columns.
func (c *candidate) header() []string {
	if c.Columns != nil {
		return c.Columns
	}
	return []string{"id", "name", "note"}
}

// records makes n records, each different from all that were made before.
func (c *candidate) records(n int) [][]string {
	all := make([][]string, n)
	for i := range all {
		c.made++
		all[i] = make([]string, len(c.header()))
		for j := range all[i] {
			all[i][j] = fmt.Sprintf("%d.%d", c.made, j)
		}
	}
	return all
}

// batch makes a batch of records with the candidate's columns.
func (c *candidate) batch(records ...[]string) *ingest.Batch { return NewBatch(c.header(), records...) }

// call calls the sink. A panic, and a call that hangs, is a fault.
func (c *candidate) call(what string, f func() error) error {
	answer := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				answer <- fault(fmt.Sprintf("%s panics: %v", what, v))
			}
		}()
		answer <- f()
	}()
	limit := time.NewTimer(c.patience)
	defer limit.Stop()
	select {
	case err := <-answer:
		return err
	case <-limit.C:
		return fault(fmt.Sprintf("%s hangs: there is no answer after %v", what, c.patience))
	}
}

func isFault(err error) bool {
	var f fault
	return errors.As(err, &f)
}

// open opens a writer for columns, which must work.
func (c *candidate) open(header []string) (ingest.Writer, error) {
	var w ingest.Writer
	err := c.call("Open", func() (err error) {
		w, err = c.Sink.Open(context.Background(), &ingest.Found{Run: "exam", Header: ingest.Columns(header...)})
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("Open fails: %w", err)
	case w == nil:
		return nil, errors.New("Open gives neither a Writer nor an error")
	}
	return w, nil
}

// tryWrite writes a batch, which may fail.
func (c *candidate) tryWrite(ctx context.Context, w ingest.Writer, b *ingest.Batch) error {
	return c.call("Write", func() error { return w.Write(ctx, b) })
}

// write writes a batch, which must work.
func (c *candidate) write(w ingest.Writer, b *ingest.Batch) error {
	if err := c.tryWrite(context.Background(), w, b); err != nil {
		return fmt.Errorf("Write of a batch of %d records fails: %w", b.Len(), err)
	}
	return nil
}

// close closes a writer, which must work.
func (c *candidate) close(w ingest.Writer, cause error) error {
	if err := c.call("Close", func() error { return w.Close(context.Background(), cause) }); err != nil {
		return fmt.Errorf("Close fails: %w", err)
	}
	return nil
}

// holds compares what is stored with what is to be, in any order.
func (c *candidate) holds(when string, want [][]string) error {
	got, err := c.Stored()
	if err != nil {
		return fmt.Errorf("%s: Subject.Stored fails: %w", when, err)
	}
	count := map[string]int{}
	for _, r := range want {
		count[c.key(r)]++
	}
	for _, r := range got {
		count[c.key(r)]--
	}
	var lost, extra []string
	nlost, nextra := 0, 0
	for k, n := range count {
		switch {
		case n > 0:
			lost, nlost = append(lost, k), nlost+n
		case n < 0:
			extra, nextra = append(extra, k), nextra-n
		}
	}
	if nlost+nextra == 0 {
		return nil
	}
	sort.Strings(lost)
	sort.Strings(extra)
	return fmt.Errorf("%s: of %d records that should be stored %d are missing%s, and %d are there that should not%s",
		when, len(want), nlost, first(lost), nextra, first(extra))
}

// holdsBeforeClose is holds for a store that can be looked into while a writer is open.
func (c *candidate) holdsBeforeClose(when string, want [][]string) error {
	if c.Undoes {
		return nil
	}
	return c.holds(when, want)
}

// key makes a record comparable.
func (c *candidate) key(record []string) string {
	fields := make([]string, len(record))
	for i, f := range record {
		switch {
		case f != Null:
			fields[i] = fmt.Sprintf("%q", f)
		case c.NoNull:
			fields[i] = `""`
		default:
			fields[i] = "Null"
		}
	}
	return strings.Join(fields, ", ")
}

// first gives an example.
func first(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	k := keys[0]
	if len(k) > 200 {
		k = strings.ToValidUTF8(k[:200], "") + "..."
	}
	return " (such as " + k + ")"
}

// witness is a sink between a run and the candidate that remembers what was acknowledged.
type witness struct {
	c       *candidate
	onWrite func(n int) // after the n-th acknowledgement

	mu     sync.Mutex
	acked  [][]string
	writes int
	open   int
	closed chan struct{} // closed with the last writer
}

func newWitness(c *candidate) *witness { return &witness{c: c, closed: make(chan struct{})} }

func (w *witness) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	to, err := w.c.Sink.Open(ctx, found)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open++
	return &witnessWriter{w, to}, nil
}

// waitClosed waits until all writers are closed; a run that was canceled does not.
func (w *witness) waitClosed() error {
	return w.c.call("the end of a canceled run", func() error {
		<-w.closed
		return nil
	})
}

func (w *witness) acknowledged() [][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acked)
}

type witnessWriter struct {
	w  *witness
	to ingest.Writer
}

func (t *witnessWriter) Write(ctx context.Context, b *ingest.Batch) error {
	if err := t.to.Write(ctx, b); err != nil {
		return err
	}
	t.w.mu.Lock()
	t.w.acked = append(t.w.acked, records(b)...)
	t.w.writes++
	n := t.w.writes
	t.w.mu.Unlock()
	if t.w.onWrite != nil {
		t.w.onWrite(n)
	}
	return nil
}

func (t *witnessWriter) Close(ctx context.Context, cause error) error {
	defer func() {
		t.w.mu.Lock()
		defer t.w.mu.Unlock()
		if t.w.open--; t.w.open == 0 {
			close(t.w.closed)
		}
	}()
	return t.to.Close(ctx, cause)
}

// countdown is a context that ends when it is asked for the n-th time whether it has. So a Write is
// canceled at every place where it looks, one after the other.
type countdown struct {
	context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	left int
}

func newCountdown(n int) *countdown {
	ctx, cancel := context.WithCancel(context.Background())
	return &countdown{Context: ctx, cancel: cancel, left: n}
}

func (c *countdown) asked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		c.cancel()
	}
}

func (c *countdown) Done() <-chan struct{} {
	c.asked()
	return c.Context.Done()
}

func (c *countdown) Err() error {
	c.asked()
	return c.Context.Err()
}

// ended says whether it was asked often enough.
func (c *countdown) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left <= 0
}
