package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// All goroutines of the package are started in this file:
//
//	supervise   one; waits for all others but hanging ones, closes the writers
//	produce     one; reads, sniffs and splits, sends windows, closes the channel
//	work        one for each writer, started when there is a window for it
//	report      one for each reporter
//	keep        one, if there is a ledger; keeps the run's lease
//
// Each ends by itself when its input ends or the run's context does; the one exception is a call into the
// caller's code that hangs, and then the goroutine ends when that call returns. Run waits for none of them
// once its context has ended.

// grace is how long Run waits, after its context has ended, for a tidy end; and for the last report.
const grace = 40 * time.Millisecond

// run is one run of a pipeline.
type run struct {
	s       *resolved
	in      *source
	sink    Sink
	tracker *tracker

	caller      context.Context
	ctx         context.Context // of caller; ends when the run fails, too
	cancel      context.CancelCauseFunc
	reading     context.Context // of ctx; ends also when a record stops the run
	stopReading context.CancelFunc
	keeping     context.Context // of caller, but outlives it; ends before the run is given back, and with run
	stopKeeping context.CancelFunc

	windows  chan *window
	produced chan struct{} // closed when produce has ended
	stopped  chan struct{} // closed when a record stops the run: nothing behind it is delivered
	opening  chan struct{} // holds a token while no Open is under way
	workers  sync.WaitGroup
	keeper   sync.WaitGroup

	// The window whose turn it is owns verdict.
	verdict verdict

	resumption *resumption // nil: there is no ledger
	brake      brake

	rejecting chan struct{} // holds a token while rejects are kept

	mu      sync.Mutex
	closing bool // no worker starts any more
	writers []Writer
	rows    int64 // that produce has cut
	after   error // what ends the run when everything before it is stored: a record, or the source
	err     error // what ended the run, first come
	over    bool  // err is final
}

func newRun(s *resolved, src io.Reader, sink Sink) *run {
	return &run{
		s: s, in: newSource(src), sink: sink, tracker: newTracker(s), verdict: verdict{s: s},
		windows:  make(chan *window, s.Queue),
		produced: make(chan struct{}),
		stopped:  make(chan struct{}),
		opening:  make(chan struct{}, 1),

		resumption: newResumption(s, sink),
		rejecting:  make(chan struct{}, 1),
	}
}

func (r *run) run(ctx context.Context) (Status, error) {
	r.caller = ctx
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	defer r.cancel(nil)
	r.reading, r.stopReading = context.WithCancel(r.ctx)
	defer r.stopReading()
	r.keeping, r.stopKeeping = context.WithCancel(context.WithoutCancel(ctx))
	defer r.stopKeeping()
	over := make(chan struct{})
	reported := r.startReports(over)
	r.s.Control.join(&r.brake)
	defer r.s.Control.leave(&r.brake)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		r.supervise(ctx)
	}()
	select {
	case <-finished:
	case <-ctx.Done():
		if !wait(finished, grace) {
			// A call hangs. Whatever it still does is not part of this run's result.
			r.end(canceled(ctx, nil))
		}
	}
	r.end(nil) // if supervise was left by runtime.Goexit
	close(over)
	wait(reported, grace)
	return r.tracker.snapshot(), r.failure()
}

// wait waits for c to be closed, but not for long, and says whether it is.
func wait(c <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// supervise runs the run and closes its writers.
func (r *run) supervise(ctx context.Context) {
	go r.produce()
	// produce starts workers while it runs.
	select {
	case <-r.produced:
	case <-r.stopped:
	case <-r.ctx.Done():
	}
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	r.stopReading()
	// While the caller's context is alive the source is the caller's: a Read is waited for, not cut off.
	select {
	case <-r.produced:
	case <-ctx.Done():
		if !wait(r.produced, grace/2) {
			r.in.unblock()
		}
	}
	r.workers.Wait()
	if ctx.Err() != nil {
		r.fail(canceled(ctx, nil))
	}
	r.mu.Lock()
	after := r.after
	r.mu.Unlock()
	r.fail(after)
	if r.failure() == nil {
		r.fail(r.finish())
	}
	cause := r.failure()
	for i, w := range r.writers { // no worker is left that could open another
		// What is to be cleaned up is cleaned up also when the run's context has ended.
		err := r.call("close", i, nowhere, func() error { return w.Close(context.WithoutCancel(ctx), cause) })
		if err != nil {
			r.fail(err)
			if cause == nil {
				cause = err // the writers still open must not keep what this one lost
			}
		}
	}
	select {
	case <-r.produced:
		if r.resumption != nil && r.resumption.claim != nil {
			r.stopKeeping()
			r.keeper.Wait() // a lease that is renewed behind its release would keep the next run waiting
			r.fail(r.release(ctx))
		}
	default: // it hangs in a call, and the lease will end
	}
	r.end(nil)
}

// finish is for a run that has come to the end of its source.
func (r *run) finish() error {
	s := r.tracker.snapshot()
	if len(r.writers) == 0 && len(s.Found.Header) > 0 {
		// A table without records is a table: the sink sees its header.
		if _, err := r.openWriter(s.Found); err != nil {
			return err
		}
	}
	if rows := r.rows; s.Read != rows || s.Read != s.Delivered+s.Rejected+s.Filtered+s.Skipped {
		return &RunError{Code: CodeConservation, Kind: ErrInternal,
			Reason: fmt.Sprintf("%d rows in the source, %d read, %d delivered, %d rejected, %d filtered, %d skipped: please report this", rows, s.Read, s.Delivered, s.Rejected, s.Filtered, s.Skipped)}
	}
	return r.verdict.atEnd(s)
}

// produce reads, sniffs, splits and sends.
func (r *run) produce() {
	defer close(r.produced)
	defer close(r.windows)
	err := r.guard("read", func() (first, last Position, writer int) { return }, func() error {
		defer r.in.release()
		if err := r.in.open(r.reading, r.s); err != nil {
			return err
		}
		if r.resumption != nil {
			there, err := r.find()
			if err != nil {
				return err
			}
			if !there {
				r.resumption = nil
			}
		}
		r.tracker.splitting(true)
		sp, err := prepare(r.reading, r.s, r.in)
		r.tracker.update(func(s *Status) {
			s.Source, s.Size = r.in.name, r.in.size
			if sp.found.Encoding.Label != "" {
				s.Found = sp.found
			}
		})
		if err != nil {
			return err
		}
		if r.resumption != nil {
			if err := r.take(sp); err != nil {
				return err
			}
			r.seed(&r.resumption.claim.Stored, !sp.in.rereads())
			r.keeper.Go(r.keep)
		}
		return r.split(sp)
	})
	if err != nil && r.reading.Err() == nil {
		r.endAfter(err) // what was read before is good, and is written
	}
}

func (r *run) split(sp *splitter) error {
	turn := make(chan struct{})
	close(turn)
	before := (<-chan struct{})(turn)
	started := 0
	found := sp.found
	r.tracker.update(func(s *Status) {
		s.State, s.Found, s.Parent = Running, found, found.Parent
		s.Stored = max(s.Stored, found.Table.Offset)
		if sp.mended > 0 {
			s.Tolerated[CodeEncoding] += sp.mended
		}
		if sp.mixed > 0 {
			s.Tolerated[CodeMixed] += sp.mixed
		}
	})
	cut := func() error {
		for {
			if err := r.brake.hold(r.reading, r.tracker, r.resumption != nil); err != nil {
				return err
			}
			r.tracker.splitting(true)
			w, err := sp.next(r.reading)
			r.tracker.splitting(false)
			if w != nil && sp.offset >= sp.until {
				err = sp.arrived()
			}
			if err != nil || w == nil {
				return err
			}
			if found != w.found { // the encoding was decided
				found = w.found
				r.tracker.update(func(s *Status) { s.Found = found })
			}
			w.before, w.after = before, make(chan struct{})
			before = w.after
			r.mu.Lock()
			r.rows += w.Rows
			r.mu.Unlock()
			if started < r.s.Workers && r.start(started) {
				started++
			}
			select {
			case r.windows <- w:
			case <-r.stopped:
				return nil
			case <-r.ctx.Done():
				return nil
			}
		}
	}
	if r.resumption == nil {
		return cut()
	}
	for _, stored := range r.resumption.claim.Stored.spans {
		sp.until, sp.untilRow = stored.Offset, stored.Record
		if err := cut(); err != nil || sp.offset < stored.Offset {
			return err // or the run is over
		}
		if err := sp.pass(r.reading, stored); err != nil {
			return err
		}
		r.tracker.pass(sp.seq, sp.place(), stored, !sp.in.rereads())
		sp.seq++
		sp.behind = append(sp.behind, stored)
	}
	sp.until = math.MaxInt64
	return cut()
}

// start starts a worker, unless the run is over.
func (r *run) start(id int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	r.workers.Add(1)
	r.tracker.update(func(*Status) { r.tracker.writers = id + 1 })
	go func() {
		defer r.workers.Done()
		if err := r.work(id); err != nil {
			r.fail(err)
			r.cancel(err)
		}
	}()
	return true
}

// work parses and writes windows.
func (r *run) work(id int) error {
	var writer Writer
	for {
		var w *window
		var ok bool
		select {
		case w, ok = <-r.windows:
		case <-r.stopped:
			return nil
		case <-r.ctx.Done():
			return nil
		}
		if !ok {
			return nil
		}
		var err error
		if writer == nil && len(w.found.Header) > 0 {
			// Before the window's rejects are kept: if there is nowhere to write to, nothing is.
			if writer, err = r.openWriter(w.found); err != nil {
				return err
			}
		}
		out, err := r.parse(w)
		if err != nil {
			return err
		}
		if out == nil {
			return nil
		}
		if writer == nil && out.batch.Len() > 0 {
			// The sample held no record, so there are no columns; but a policy keeps fields beyond them.
			if writer, err = r.openWriter(w.found); err != nil {
				return err
			}
		}
		if err := r.store(writer, id, w, out); err != nil {
			return err
		}
		if out.stop != nil {
			return nil
		}
	}
}

// store writes what became of a window, and counts it. Without columns and records there is no writer, and nothing that a
// sink could be opened for.
func (r *run) store(writer Writer, id int, w *window, out *parsed) error {
	var refused []*RecordError
	if writer != nil {
		var err error
		if refused, err = r.write(writer, id, out.batch); err != nil {
			return err
		}
	}
	out.refuse(refused)
	rejected := r.tracker.stored(w.seq, w.end, &out.counts)
	if err := r.reject(out.batch.found, refused); err != nil {
		return err
	}
	if writer != nil {
		// Behind the rejects: what is not entered comes again.
		if err := r.entered(out.batch.entry, refused); err != nil {
			return err
		}
	}
	defer out.free()
	if limit := r.s.Policy.MaxRejects; limit > 0 && len(refused) > 0 && rejected > limit {
		return tooManyRejects(limit, refused[len(refused)-1])
	}
	return nil
}

// write gives a batch to a writer, and gives the records that the store refuses.
func (r *run) write(writer Writer, id int, b *Batch) (refused []*RecordError, err error) {
	if r.ctx.Err() != nil {
		return nil, r.ended()
	}
	began := time.Now()
	defer func() { r.tracker.spend(StageSink, time.Since(began)) }()
	write := func() error { return writer.Write(r.ctx, b) }
	if w, ok := writer.(SelectiveWriter); ok && r.s.Policy.Refused == Reject {
		write = func() (err error) {
			refused, err = w.WriteGood(r.ctx, b)
			if err == nil && (len(refused) > b.Len() || slices.Contains(refused, nil)) {
				err = errors.New("WriteGood returned more records than the batch has, or nil")
			}
			return err
		}
	}
	return refused, r.insist(r.ctx, "write", id, b.span, write)
}

// reject keeps rejects, one call at a time.
func (r *run) reject(found *Found, rejects []*RecordError) error {
	if len(rejects) == 0 {
		return nil
	}
	r.tracker.problems(rejects)
	if r.s.Rejects == nil {
		return nil
	}
	select {
	case r.rejecting <- struct{}{}:
	case <-r.ctx.Done():
		return r.ended()
	}
	defer func() { <-r.rejecting }()
	if r.ctx.Err() != nil { // at the same time
		return r.ended()
	}
	began := time.Now()
	defer func() { r.tracker.spend(StageSink, time.Since(began)) }()
	span := func() (first, last Position) { return rejects[0].Position, rejects[len(rejects)-1].Position }
	return r.call("reject", 0, span, func() error { return r.s.Rejects.Reject(r.ctx, found, rejects) })
}

// parse gives what is to be written of a window, when its turn has come; nil when the run is over.
//
// The turn makes the run the same with any number of workers: rejects are kept in the order of the source,
// and when a record stops the run all records before it are delivered and none behind it.
func (r *run) parse(w *window) (*parsed, error) {
	began := time.Now()
	var out *parsed
	filtering := func() (Position, Position, int) { return r.inHand(w), Position{}, 0 }
	err := r.guard("filter", filtering, func() error {
		out = parse(r.s, w, -1)
		return nil
	})
	r.tracker.spend(StageParse, time.Since(began))
	if err != nil {
		return nil, err
	}
	select {
	case <-w.before:
	case <-r.stopped: // by a window before this one, for all those have had their turn
		return nil, nil
	case <-r.ctx.Done():
		return nil, nil
	}
	select {
	case <-r.stopped: // at the same time
		return nil, nil
	default:
	}
	var stop error
	if err := r.guard("filter", filtering, func() error {
		before := r.verdict.begin(w)
		out, stop = r.verdict.pass(w, out)
		out.batch.entry = r.entry(w, out, before, stop)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := out.check(w); err != nil {
		return nil, err
	}
	r.tracker.changes(out.changes)
	r.tracker.repairs(out.repairs)
	if err := r.reject(w.found, out.rejects); err != nil {
		return nil, err
	}
	if stop != nil {
		r.endAfter(stop)
		close(r.stopped)
	}
	close(w.after)
	return out, nil
}

// openWriter opens a writer, one at a time.
func (r *run) openWriter(found *Found) (Writer, error) {
	select {
	case r.opening <- struct{}{}:
	case <-r.ctx.Done():
		return nil, r.ended()
	}
	defer func() { <-r.opening }()
	r.mu.Lock()
	id := len(r.writers)
	r.mu.Unlock()
	var w Writer
	err := r.insist(r.ctx, "open", id, nowhere, func() (err error) {
		w, err = r.sink.Open(r.ctx, found)
		if err == nil && w == nil {
			err = errors.New("Open returned neither a Writer nor an error")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.writers = append(r.writers, w)
	r.mu.Unlock()
	return w, nil
}

// call calls a function of the caller's and makes its error, or its panic, a SinkError. Where says which
// records it has in hand.
func (r *run) call(op string, writer int, where func() (first, last Position), f func() error) (err error) {
	err = r.guard(op, func() (Position, Position, int) {
		first, last := where()
		return first, last, writer
	}, f)
	switch {
	case err == nil || errors.Is(err, ErrPanic):
		return err
	case r.caller.Err() != nil: // drivers do not always say that this is why
		return canceled(r.caller, err)
	case r.ctx.Err() != nil && errors.Is(err, r.ctx.Err()):
		return err // the run has failed already
	}
	code := CodeSink
	switch op {
	case "reject":
		code = CodeRejectSink
	case "find", "claim", "renew", "enter", "release":
		code = CodeLedger
	}
	if errors.Is(err, ErrOwned) {
		code = CodeOwned
	}
	first, last := where()
	return &SinkError{Code: code, Op: op, First: first, Last: last, Err: err, Writer: writer}
}

func nowhere() (first, last Position) { return }

// guard makes a panic in f, or a runtime.Goexit, an error. Goexit, which testing.T.FailNow calls, ends the
// goroutine: it fails the run instead.
func (r *run) guard(op string, where func() (first, last Position, writer int), f func() error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		first, last, writer := where()
		if v != nil {
			err = panicked(op, first, last, writer, v)
			return
		}
		err := panicked(op, first, last, writer, errors.New("the function called runtime.Goexit, as testing.T.FailNow does"))
		r.fail(err)
		r.cancel(err)
	}()
	err = f()
	returned = true
	return err
}

// span gives the first and the last record of a batch, or the one that was in hand in a panic.
func (b *Batch) span() (first, last Position) {
	if i := int(b.failed.Load()); i > 0 {
		return b.Record(i - 1).Position(), b.Record(i - 1).Position()
	}
	if b.Len() == 0 {
		first = b.window.start()
		return first, first
	}
	return b.Record(0).Position(), b.Record(b.Len() - 1).Position()
}

func (w *Window) start() Position {
	return Position{Offset: w.Offset, Line: w.Line, Record: w.Record}
}

func panicked(op string, first, last Position, writer int, v any) *SinkError {
	err, ok := v.(error)
	if !ok {
		// The value may come from the data: only its type is shown.
		err = fmt.Errorf("panic with a %T", v)
	}
	return &SinkError{Code: CodePanic, Op: op, First: first, Last: last, Err: err, Panic: v, Stack: debug.Stack(), Writer: writer}
}

// ended is the error for what is not begun because the run is over.
func (r *run) ended() error {
	if r.caller.Err() != nil {
		return canceled(r.caller, nil)
	}
	return r.ctx.Err() // it has failed, and why is known
}

// inHand gives the record that a panicking Filter had in hand.
func (r *run) inHand(w *window) (at Position) {
	s := *r.s
	s.Filter = nil
	for _, rec := range parse(&s, w, -1).batch.All() {
		if rec.batch.row(rec.i) == w.inHand {
			at = rec.Position()
		}
	}
	return at
}

// canceled is the error of a run whose caller's context has ended; err is what a call made of that, or nil.
func canceled(ctx context.Context, err error) error {
	all := []error{ctx.Err()}
	for _, e := range []error{context.Cause(ctx), err} {
		if e != nil && e != ctx.Err() {
			all = append(all, e)
		}
	}
	return &RunError{Code: CodeCanceled, Reason: "the run was canceled; what is stored is in its status", Err: errors.Join(all...)}
}

// fail notes what ended the run; the first one counts.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && !r.over {
		r.err = err
	}
}

// endAfter notes what ends the run when all that comes before it in the source is stored. A record that
// stops the run, or a change, comes before any end of the source.
func (r *run) endAfter(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.after == nil || errors.Is(err, ErrBadRecord) || errors.Is(err, ErrDrift) {
		r.after = err
	}
}

func (r *run) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// end settles the result of the run, once: err if nothing has failed before.
func (r *run) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.over = true
	if r.err == nil {
		r.err = err
	}
	r.tracker.update(func(s *Status) {
		s.Elapsed = time.Since(s.Started)
		s.State = Done
		if r.err != nil {
			s.State, s.Code, s.Error = stateOf(r.err), CodeOf(r.err), public(r.err)
		}
	})
}

// public gives the words of an error for a status, which many may see: what a function of the caller's
// says may hold values, and is left out.
func public(err error) string {
	var sink *SinkError
	if errors.As(err, &sink) {
		without := *sink
		without.Err = errors.New("the function of the caller failed: see the error that Run returned")
		return without.Error()
	}
	return err.Error()
}

// startReports starts the reporters; they end after over is closed, and then reported is closed.
func (r *run) startReports(over <-chan struct{}) (reported <-chan struct{}) {
	var all sync.WaitGroup
	done := make(chan struct{})
	for _, rep := range reporters(r.s.Reporter) {
		all.Add(1)
		go func() {
			defer all.Done()
			r.report(rep, over)
		}()
	}
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

func (r *run) report(rep Reporter, over <-chan struct{}) {
	defer func() { recover() }() // a reporter that panics has reported for the last time
	tick := time.NewTicker(r.s.ReportEvery)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-over:
		case <-tick.C:
		}
		select {
		case <-over:
			running = false // what comes now is the last report
		default:
		}
		rep.Report(r.tracker.snapshot())
	}
}
