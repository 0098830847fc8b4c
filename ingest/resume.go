package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// A resumption is what a run has to do with its ledger. A run that has none has a nil resumption.
//
// What a splitter knows between two windows is in a Mark, and that of the last window of each span is kept. So a run can
// go on behind any span, with batches of another size, another number of workers, and find the rows that it would have
// found.
type resumption struct {
	Ledger
	sinks bool           // the sink is the ledger, and enters windows itself
	known *LedgerRun     // as it was before this run; nil: it is new
	now   SourceIdentity // the source
	claim *Claim

	found   *Found      // what the ledger knew of the source when the run was claimed
	decided atomic.Bool // it knows the encoding since
}

// newResumption gives that of a run of a sink.
func newResumption(s *resolved, sink Sink) *resumption {
	if s.Ledger != nil {
		return &resumption{Ledger: s.Ledger}
	}
	if l, ok := sink.(Ledger); ok {
		return &resumption{Ledger: l, sinks: true}
	}
	return nil
}

// find looks for the run in the ledger, before the source is sniffed: what the run began with counts. It says whether
// there is a ledger.
func (r *run) find() (bool, error) {
	l := r.resumption
	err := r.ask("find", func() (err error) {
		l.known, err = l.Find(r.ctx, r.s.RunID)
		return err
	})
	switch {
	case errors.Is(err, ErrNoLedger):
		return false, nil
	case err != nil:
		return false, err
	}
	if l.now, err = r.in.identify(); err != nil {
		return false, err
	}
	if l.known == nil || l.known.Found == nil || l.known.State == Undone {
		return true, nil
	}
	if err := r.in.compare(l.known.Source, l.now); err != nil {
		return false, err
	}
	// Neither the dialect nor the encoding is sniffed again: the source may have grown.
	var before struct {
		SampleSize int `json:"sample_size"`
	}
	if json.Unmarshal(l.known.Settings, &before) == nil && before.SampleSize > 0 {
		r.s.SampleSize = before.SampleSize
	}
	r.s.began = l.known.Found
	r.s.Dialect = r.s.began.Dialect.Dialect.Merge(r.s.Dialect)
	return true, nil
}

// take claims the run, when everything is known of it and nothing is written.
func (r *run) take(sp *splitter) error {
	l := r.resumption
	settings, err := json.Marshal(r.s.Pipeline)
	if err != nil {
		return &RunError{Code: CodeSettings, Kind: ErrSettings, Reason: "the settings cannot be kept as JSON", Err: err}
	}
	mine := &LedgerRun{
		Run: r.s.RunID, Parent: sp.found.Parent, Source: l.now, Settings: settings, Found: sp.found, State: Running,
		Owner: owner(),
	}
	claim := func() error {
		return r.ask("claim", func() (err error) {
			l.claim, err = l.Claim(r.ctx, mine, r.s.Lease)
			return err
		})
	}
	err = claim()
	if errors.Is(err, ErrOwned) {
		// Its owner may be dead: then the lease is not renewed.
		left := r.s.Lease
		var owned *OwnedError
		if errors.As(err, &owned) {
			left = min(left, owned.Left)
		}
		if stop := r.brake.rest(r.ctx, left+left/8); stop != nil {
			return stop
		}
		if r.ctx.Err() == nil {
			err = claim()
		}
	}
	if err != nil {
		return err
	}
	if l.known == nil && len(l.claim.Stored.spans) > 0 {
		// It began with another source, maybe, which this one was not compared with.
		return &SinkError{Code: CodeOwned, Op: "claim", Err: fmt.Errorf("%w: it has begun meanwhile: run it again", ErrOwned)}
	}
	if l.found = l.claim.Found; l.found == nil {
		l.found = sp.found
	}
	return sp.adopt(l.found)
}

// owner names this process, for people.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// sleep waits, and says whether it did: not if the context has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// adopt takes over what the run found when it began. The encoding may be decided later, where the sample is ASCII.
func (sp *splitter) adopt(began *Found) error {
	now := sp.found
	differs := func(what string) error {
		return settings("the run began with another %s, and goes on with that only: take out what pins it, or use another Pipeline.RunID", what)
	}
	switch {
	case now.Dialect.Dialect != began.Dialect.Dialect:
		return differs("dialect")
	case !slices.Equal(now.Header, began.Header):
		return differs("header")
	case now.Table != began.Table:
		return changed("the table begins at byte %d, and began at byte %d", now.Table.Offset, began.Table.Offset)
	}
	found := *now
	found.Dialect = began.Dialect
	sp.found = &found
	if began.Undecided {
		// What is stored is ASCII: it may go on in any encoding in which that is the same.
		if !readsASCII(sp.enc) {
			return differs("encoding")
		}
		return nil
	}
	found.Encoding, found.DecidedAt, found.Undecided = began.Encoding, began.DecidedAt, false
	sp.open, sp.rescue = false, runnerUp(found.Encoding)
	if now.Encoding.Label == began.Encoding.Label && now.Encoding.Mixed == began.Encoding.Mixed {
		return nil
	}
	if !now.Undecided { // else it was decided by another process while this one waited for its lease
		return differs("encoding")
	}
	enc, err := encoding.Get(began.Encoding.Label)
	if err != nil {
		return undecodable(err)
	}
	return sp.focus(enc, sp.columns)
}

// readsASCII says that an encoding reads ASCII as it is.
func readsASCII(enc *encoding.Encoding) bool {
	const ascii = "\t\n\r !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"
	text, invalid := enc.Append(nil, []byte(ascii))
	return invalid == 0 && string(text) == ascii
}

// changed is the error of a source that is not the one that the run began with.
func changed(format string, args ...any) error {
	return &RunError{Code: CodeChanged, Kind: ErrSourceChanged,
		Reason: "the source is not the one that this run began with: " + fmt.Sprintf(format, args...) + ": give it a Pipeline.RunID of its own"}
}

// seed counts what is stored already. Skips says that it is not read again.
func (r *run) seed(all *Coverage, skips bool) {
	r.mu.Lock()
	r.rows += all.Rows()
	r.mu.Unlock()
	r.tracker.seed(all, skips)
}

// short says that a source has ended before what is stored of it.
func (sp *splitter) short() error {
	if end := sp.offset + int64(len(sp.buf)); sp.eof && sp.err == nil && end < sp.until && sp.until != math.MaxInt64 {
		return changed("it ends at byte %d, and what is behind byte %d is stored", end, sp.until)
	}
	return nil
}

// arrived is at the end of a window that is the last one before what is stored: its rows must be as many as they were.
func (sp *splitter) arrived() error {
	switch {
	case sp.offset > sp.until:
		return changed("a record goes on beyond byte %d, where one began that is stored", sp.until)
	case sp.row != sp.untilRow:
		return changed("row %d begins at byte %d, and row %d began there, which is stored", sp.row, sp.offset, sp.untilRow)
	}
	return nil
}

// pass steps over what is stored, from where the splitter stands on.
func (sp *splitter) pass(ctx context.Context, e *LedgerEntry) error {
	if !sp.in.rereads() {
		sp.in.from(e.end())
		sp.buf, sp.looked, sp.masks, sp.mask, sp.block = nil, false, nil, nil, nil
		sp.eof, sp.held, sp.err, sp.content = false, nil, nil, 0
	} else if err := sp.reread(ctx, e); err != nil {
		return err
	}
	sp.offset, sp.line, sp.row, sp.patience = e.end(), e.After.Line, e.After.Record, e.After.Patience
	if e.After.Cut {
		return sp.joinLine(ctx)
	}
	return nil
}

// reread reads what is stored once more, and sees to it that it is the same.
func (sp *splitter) reread(ctx context.Context, e *LedgerEntry) error {
	crc := uint32(0)
	for left := e.Length; left > 0; {
		if len(sp.buf) == 0 {
			if err := sp.fill(ctx, sp.s.BatchBytes); err != nil {
				return err
			}
			if len(sp.buf) == 0 && sp.err != nil {
				return sp.err
			}
			if len(sp.buf) == 0 {
				return changed("it ends at byte %d, and %d are stored", sp.offset, e.end())
			}
		}
		n := int(min(left, int64(len(sp.buf))))
		crc = crc32.Update(crc, castagnoli, sp.buf[:n])
		sp.drop(n)
		left -= int64(n)
	}
	if crc != e.CRC {
		return changed("what is stored of it, from byte %d to byte %d, was different", e.Offset, e.end())
	}
	return nil
}

// joinLine is for a source that ended within a line and has grown: it must have ended at the end of a record.
func (sp *splitter) joinLine(ctx context.Context) error {
	if err := sp.fill(ctx, readAhead); err != nil {
		return err
	}
	if len(sp.buf) < sp.unit {
		return sp.err
	}
	if row := sp.raw.Line(sp.look(), 0, sp.eof); row.Lines == 0 || !scan.IsBlank(sp.look()[:row.End]) || row.End > 2 {
		return changed("the last record that is stored had no line end, and goes on at byte %d", sp.offset)
	}
	sp.joined = true
	return nil
}

// entry makes what the ledger is to know of a window, as far as it was read; nil if there is no ledger, or nothing was.
// Before is the verdict on the windows before it; stop, what ends the run in it.
func (r *run) entry(w *window, out *parsed, before verdict, stop error) *LedgerEntry {
	if r.resumption == nil {
		return nil
	}
	stopped := out.stop != nil
	if stopped {
		// The record that stops the run is not done with: it is read again when the run goes on, maybe under another policy.
		last := int(out.stop.Record - w.Record)
		if last == 0 {
			return nil
		}
		out = parse(r.s, w, last-1)
	}
	changes, _ := before.drift(w, out)
	if stopped {
		out.changes = append(out.changes, changes...) // otherwise it has them
	}
	e := &LedgerEntry{
		Offset: w.Offset, Length: w.Length, Record: w.Record, Rows: out.read, CRC: w.crc,
		Delivered: out.delivered, Rejected: out.rejected, Filtered: out.filtered, Skipped: out.skipped, Rejects: out.rejects,
		After: Mark{Line: w.Line + w.lines, Record: w.Record + out.read, Patience: w.Patience, Section: out.section, Blank: out.blank, Cut: w.cut},
		Notes: Notes{Tolerated: out.tolerated, Repaired: out.repaired, Repairs: out.repairs, Changes: out.changes},
	}
	if e.Rows < w.Rows {
		_, end := out.batch.places.of(int(e.Rows) - 1)
		e.Length, e.After.Line, e.After.Cut = int64(end.end), w.Line+int64(end.lines), false
	}
	if run := before.run; run.fields > 0 {
		e.After.Fields, e.After.Records, e.After.Since = run.fields, run.rows, run.at
		if errors.Is(stop, ErrDrift) {
			e.After.Records = min(run.rows, driftRows-1) // the next one stops the run again, unless the policy is another
		}
	}
	if !w.Oversize {
		e.CRC = crc32.Checksum(w.raw[:e.Length], castagnoli)
	}
	e.Notes.note(e.Rejects)
	if l := r.resumption; w.found.Undecided != l.found.Undecided && !l.decided.Load() {
		e.Found = w.found
	}
	return e
}

// entered is called when a window is stored, but for the records that the store refuses.
func (r *run) entered(e *LedgerEntry, refused []*RecordError) error {
	l := r.resumption
	if l == nil || e == nil {
		return nil
	}
	if !l.sinks {
		if len(refused) > 0 {
			e = e.Refuse(refused)
		}
		if err := r.ask("enter", func() error { return l.Enter(r.ctx, l.claim, e) }); err != nil {
			return err
		}
	}
	if e.Found != nil {
		l.decided.Store(true)
	}
	return nil
}

// ask calls the ledger.
func (r *run) ask(op string, f func() error) error { return r.insist(r.ctx, op, 0, nowhere, f) }

// keep renews the lease, and does what is asked of the run.
func (r *run) keep() {
	l := r.resumption
	for r.keeping.Err() == nil {
		var asked Request
		err := r.call("renew", 0, nowhere, func() (err error) {
			asked, err = l.Renew(r.keeping, l.claim, r.s.Lease)
			return err
		})
		switch {
		case r.keeping.Err() != nil:
			return
		case errors.Is(err, ErrOwned), errors.Is(err, ErrPanic):
			r.fail(err)
			r.cancel(err)
			return
		case err == nil: // otherwise it is tried again: who is not the owner any more cannot enter anything
			r.brake.ask(asked)
		}
		sleep(r.keeping, r.s.Lease/3)
	}
}

// release gives the run back.
func (r *run) release(ctx context.Context) error {
	l := r.resumption
	state, code := Done, Code("")
	if err := r.failure(); err != nil {
		state, code = stateOf(err), CodeOf(err)
	}
	giveBack := func() error { return l.Release(context.WithoutCancel(ctx), l.claim, state, code) }
	err := r.insist(ctx, "release", 0, nowhere, giveBack)
	if state != Done {
		return nil // it is not done, whatever the ledger says: its lease will end
	}
	if err != nil {
		// A store that did not make it visible may still note that: then nobody has to wait for the lease.
		state, code = stateOf(err), CodeOf(err)
		_ = r.call("release", 0, nowhere, giveBack)
	}
	return err
}

// stateOf gives the state that a run ends in.
func stateOf(err error) State {
	switch CodeOf(err) {
	case CodeCanceled:
		return Canceled
	case CodeStopped:
		return Stopped
	}
	return Failed
}
