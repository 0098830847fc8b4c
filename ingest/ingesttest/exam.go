package ingesttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// A question is one part of the exam. It gets a candidate with an empty store.
type question struct {
	name  string
	needs func(*candidate) string // says what is missing to ask this; nil: nothing
	ask   func(*candidate) error
}

// questions is the exam. What a sink got wrong once is a new question.
var questions = []question{
	{"nothing written", nil, askNothing},
	{"batches of all sizes", nil, askSizes},
	{"a batch without records", nil, askEmptyBatch},
	{"a batch is left as it is", nil, askImmutable},
	{"values", nil, askValues},
	{"no value and empty value", nil, askNull},
	{"a long value", nil, askLong},
	{"names of columns", needsAnyColumns, askNames},
	{"many columns", needsAnyColumns, askWide},
	{"several writers", nil, askWriters},
	{"closed with a cause", nil, askCause},
	{"a record that the store refuses", needsPoison, askPoison},
	{"canceled before a write", nil, askCanceled},
	{"canceled within a write", nil, askCanceling},
	{"canceled while the store hangs", needsBlock, askBlocked},
	{"runs with one worker and many", nil, askRuns},
	{"a run that fails", nil, askFailedRun},
	{"a run that is canceled", nil, askCanceledRun},
}

func needsAnyColumns(c *candidate) string {
	if c.Columns != nil {
		return "the sink takes Subject.Columns only"
	}
	return ""
}

func needsPoison(c *candidate) string {
	if c.Poison == nil {
		return "there is no Subject.Poison"
	}
	return ""
}

func needsBlock(c *candidate) string {
	if c.Block == nil {
		return "there is no Subject.Block"
	}
	return ""
}

// one writes batches with one writer, closes it well, and looks after each step.
func (c *candidate) one(header []string, batches ...*ingest.Batch) error {
	w, err := c.open(header)
	if err != nil {
		return err
	}
	var want [][]string
	for _, b := range batches {
		if err := c.write(w, b); err != nil {
			return err
		}
		want = append(want, records(b)...)
		if err := c.holdsBeforeClose("when Write has returned nil", want); err != nil {
			return err
		}
	}
	if err := c.close(w, nil); err != nil {
		return err
	}
	return c.holds("when the writer is closed", want)
}

func askNothing(c *candidate) error { return c.one(c.header()) }

func askSizes(c *candidate) error {
	var batches []*ingest.Batch
	for _, n := range []int{1, 2, 3, 10, 127, 1000, 1} {
		batches = append(batches, c.batch(c.records(n)...))
	}
	return c.one(c.header(), batches...)
}

func askEmptyBatch(c *candidate) error {
	return c.one(c.header(), c.batch(), c.batch(c.records(2)...), c.batch())
}

func askImmutable(c *candidate) error {
	b := c.batch(c.records(5)...)
	before, raw := records(b), bytes.Clone(b.Record(2).Raw())
	if err := c.one(c.header(), b); err != nil {
		return err
	}
	if !reflect.DeepEqual(before, records(b)) || !bytes.Equal(raw, b.Record(2).Raw()) {
		return errors.New("the sink has changed a batch")
	}
	return nil
}

func askValues(c *candidate) error {
	values := []string{
		"plain", " space before", "space behind ", "\t", "two\nlines", "CR\r\nLF", "a\rb",
		`"`, `""`, "'", "''", "`", `\`, `\\`, `\n`, `\N`, "a,b;c|d\te", "%", "%s %d", "_", "?", "$1", "@p1", ":a", "--", "/*", "#",
		"'); DROP TABLE x; --", "NULL", "null", "None", "NaN", "true", "0", "007", "+1", "-0", "1e5", "1.10", "0x10", "2024-02-30",
		"é", "e\u0301", "ÄÖÜß", "Ελλάδα", "русский", "עברית", "العربية", "日本語", "👩‍👩‍👧‍👦", "\U0010FFFD", "\uFFFD", "\uFEFFx", "\u00a0", "\u200b", "\x01\x7f",
	}
	var all [][]string
	for i := range values {
		r := make([]string, len(c.header()))
		for j := range r {
			r[j] = values[(i+j)%len(values)]
		}
		all = append(all, r)
	}
	return c.one(c.header(), c.batch(all...))
}

func askNull(c *candidate) error {
	cells := []string{"", Null, "x"}
	var all [][]string
	for i := range cells {
		r := make([]string, len(c.header()))
		for j := range r {
			r[j] = cells[(i+j)%len(cells)]
		}
		all = append(all, r)
	}
	short := c.header()[:1] // the fields that are missing have no value
	return c.one(c.header(), c.batch(append(all, short)...))
}

func askLong(c *candidate) error {
	r := c.records(1)[0]
	r[len(r)-1] = strings.Repeat("long ü ", 20_000)
	return c.one(c.header(), c.batch(r))
}

func askNames(c *candidate) error {
	header := []string{"id", "Id", "ID", "id_2", "select", "a b", "a.b", `a"b`, "a`b", "a]b", "a'b", `a\b`, "a;b", "a--b",
		"?", "$1", "@p1", ":x", "%s", "naïve", "名前", "1st", "x'); DROP TABLE x; --"}
	return c.one(header, NewBatch(header, numbered(len(header), 0), numbered(len(header), 1)))
}

func askWide(c *candidate) error {
	header := make([]string, 200)
	for i := range header {
		header[i] = fmt.Sprintf("column_%d", i+1)
	}
	var all [][]string
	for i := range 30 {
		all = append(all, numbered(len(header), i))
	}
	return c.one(header, NewBatch(header, all...))
}

// numbered gives a record in which every field is different.
func numbered(fields, row int) []string {
	r := make([]string, fields)
	for i := range r {
		r[i] = fmt.Sprintf("%d/%d", row, i)
	}
	return r
}

func askWriters(c *candidate) error {
	const writers, batches, size = 4, 5, 50
	var want [][]string
	var all sync.WaitGroup
	open := make([]ingest.Writer, writers)
	errs := make([]error, writers)
	for i := range open {
		var err error
		if open[i], err = c.open(c.header()); err != nil {
			return fmt.Errorf("writer %d of %d: %w", i+1, writers, err)
		}
	}
	for i, w := range open {
		var mine []*ingest.Batch
		for range batches {
			rs := c.records(size)
			want = append(want, rs...)
			mine = append(mine, c.batch(rs...))
		}
		all.Go(func() {
			for _, b := range mine {
				if errs[i] = c.write(w, b); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%d writers at the same time: %w", writers, err)
	}
	for _, w := range open {
		if err := c.close(w, nil); err != nil {
			return err
		}
	}
	return c.holds("when all writers are closed", want)
}

func askCause(c *candidate) error {
	cause := errors.New("the run failed")
	idle, err := c.open(c.header())
	if err != nil {
		return err
	}
	w, err := c.open(c.header())
	if err != nil {
		return err
	}
	want := c.records(20)
	if err := c.write(w, c.batch(want...)); err != nil {
		return err
	}
	for _, w := range []ingest.Writer{idle, w} {
		if err := c.close(w, cause); err != nil {
			return err
		}
	}
	if c.Undoes {
		return c.holds("when the writers are closed with a cause, in a store that takes all back", nil)
	}
	return c.holds("when the writers are closed with a cause: what Write acknowledged stays", want)
}

func askPoison(c *candidate) error {
	w, err := c.open(c.header())
	if err != nil {
		return err
	}
	var want [][]string
	for _, at := range []int{0, 100, 249} { // first, in the middle, last
		good := c.records(250)
		bad := append([][]string{}, good...)
		bad[at] = c.Poison
		err := c.tryWrite(context.Background(), w, c.batch(bad...))
		if isFault(err) {
			return err
		}
		if err == nil {
			return fmt.Errorf("Write returns nil for a batch with Subject.Poison as record %d of %d", at+1, len(bad))
		}
		if err := c.holdsBeforeClose("when Write has failed: nothing of the batch may be there", want); err != nil {
			return err
		}
		if err := c.write(w, c.batch(good...)); err != nil {
			return fmt.Errorf("after a Write that failed: %w", err)
		}
		want = append(want, good...)
	}
	if err := c.close(w, nil); err != nil {
		return err
	}
	return c.holds("when the writer is closed, after batches that failed", want)
}

func askCanceled(c *candidate) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w, err := c.open(c.header())
	if err != nil {
		return err
	}
	var want [][]string
	rs := c.records(100)
	err = c.tryWrite(ctx, w, c.batch(rs...))
	if isFault(err) {
		return err
	}
	if err == nil {
		want = rs
	}
	if err := c.holdsBeforeClose(outcome("a Write that was canceled before it began", err), want); err != nil {
		return err
	}
	if err := c.close(w, nil); err != nil {
		return err
	}
	return c.holds(outcome("a Write that was canceled before it began", err), want)
}

func outcome(what string, err error) string {
	if err == nil {
		return what + " has returned nil, so all of its batch must be stored"
	}
	return what + " has failed, so nothing of its batch may be stored"
}

// mostPlaces is at how many places a Write is canceled.
const mostPlaces = 200

func askCanceling(c *candidate) error {
	w, err := c.open(c.header())
	if err != nil {
		return err
	}
	var want [][]string
	for n := 1; n <= mostPlaces; n++ {
		ctx := newCountdown(n)
		rs := c.records(40)
		b := c.batch(rs...)
		err := c.tryWrite(ctx, w, b)
		if isFault(err) {
			return err
		}
		if err == nil {
			want = append(want, rs...)
		}
		what := fmt.Sprintf("a Write that was canceled when it looked for the %d. time", n)
		if err := c.holdsBeforeClose(outcome(what, err), want); err != nil {
			return err
		}
		if !ctx.ended() {
			ctx.cancel()
			break // it looked at all places
		}
		if err != nil {
			if err := c.write(w, b); err != nil {
				return fmt.Errorf("the same batch again after %s: %w", what, err)
			}
			want = append(want, rs...)
		}
	}
	if err := c.close(w, nil); err != nil {
		return err
	}
	return c.holds("when the writer is closed, after writes that were canceled and came again", want)
}

// soundly is how long a Write is left alone in a store that hangs.
const soundly = 100 * time.Millisecond

func askBlocked(c *candidate) error {
	w, err := c.open(c.header())
	if err != nil {
		return err
	}
	want := c.records(10)
	if err := c.write(w, c.batch(want...)); err != nil {
		return err
	}
	release, err := c.Block()
	if err != nil {
		return fmt.Errorf("Subject.Block fails: %w", err)
	}
	var once sync.Once
	defer once.Do(release)
	ctx, cancel := context.WithTimeout(context.Background(), soundly)
	defer cancel()
	rs := c.records(10)
	b := c.batch(rs...)
	err = c.tryWrite(ctx, w, b)
	if isFault(err) {
		return fmt.Errorf("canceled while the store hangs: %w", err)
	}
	if err == nil && ctx.Err() == nil {
		return errors.New("Subject.Block does not make the store hang: Write returns nil")
	}
	once.Do(release)
	if err == nil {
		want = append(want, rs...)
	}
	if err := c.holdsBeforeClose(outcome("a Write that was canceled while the store hung", err), want); err != nil {
		return err
	}
	if err != nil {
		if err := c.write(w, b); err != nil {
			return fmt.Errorf("the same batch again when the store works again: %w", err)
		}
		want = append(want, rs...)
	}
	if err := c.close(w, nil); err != nil {
		return err
	}
	return c.holds("when the writer is closed", want)
}

// text makes a file of n records and tells how many of them are bad: they have a field too many.
func (c *candidate) text(n int) (text string, bad int64) {
	var b strings.Builder
	for i, r := range c.records(n) {
		if i >= 100 && i < 200 { // some batches have no record at all
			r = append(r, "too many")
			bad++
		}
		writeRecord(&b, r)
	}
	return b.String(), bad
}

// pipeline reads what text made, in many small batches.
func (c *candidate) pipeline(workers int) *ingest.Pipeline {
	return &ingest.Pipeline{
		Encoding:   "UTF-8",
		Dialect:    plain,
		Header:     ingest.Columns(c.header()...),
		BatchBytes: 500,
		Workers:    workers,
		Policy:     ingest.Policy{Bad: ingest.Reject},
	}
}

func askRuns(c *candidate) error {
	var want [][]string
	for _, workers := range []int{1, 2, 8} {
		w := newWitness(c)
		text, bad := c.text(1000)
		var st ingest.Status
		what := fmt.Sprintf("a run with %d workers", workers)
		err := c.call(what, func() (err error) {
			st, err = c.pipeline(workers).Run(context.Background(), strings.NewReader(text), w)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if st.Delivered != 1000-bad {
			return fmt.Errorf("%s has delivered %d records of %d", what, st.Delivered, 1000-bad)
		}
		want = append(want, w.acknowledged()...)
		if err := c.holds("after "+what, want); err != nil {
			return err
		}
	}
	return nil
}

func askFailedRun(c *candidate) error {
	lost := errors.New("the connection is lost")
	w := newWitness(c)
	text, _ := c.text(1000)
	var st ingest.Status
	err := c.call("a run whose source fails", func() (err error) {
		st, err = c.pipeline(2).Run(context.Background(), Break(strings.NewReader(text), int64(len(text)*2/3), lost), w)
		return err
	})
	if !errors.Is(err, lost) {
		return fmt.Errorf("a run whose source fails should end with the source's error, not with: %v", err)
	}
	want := w.acknowledged()
	if int64(len(want)) != st.Delivered {
		return fmt.Errorf("a run whose source fails: %d records were acknowledged, and its status says %d", len(want), st.Delivered)
	}
	if c.Undoes {
		want = nil
	}
	return c.holds("after a run whose source fails", want)
}

func askCanceledRun(c *candidate) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := newWitness(c)
	w.onWrite = func(n int) {
		if n == 5 {
			cancel()
		}
	}
	text, _ := c.text(1000)
	err := c.call("a run that is canceled", func() error {
		_, err := c.pipeline(4).Run(ctx, strings.NewReader(text), w)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("a run that is canceled should end with context.Canceled, not with: %v", err)
	}
	if err := w.waitClosed(); err != nil {
		return err
	}
	want := w.acknowledged()
	if c.Undoes {
		want = nil
	}
	return c.holds("after a run that was canceled", want)
}
