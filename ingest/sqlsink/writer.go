package sqlsink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sluicecsv/sluice/ingest"
)

// writer writes the batches of one worker.
type writer struct {
	sink   *Sink
	run    string
	flavor *Flavor
	header ingest.Header
	claim  *ingest.Claim // to the run; nil: without a ledger
	mode   Mode
	into   Target          // the table, or the stage
	fields int             // how many columns are those of fields
	stored int             // how many columns are also the table's
	uses   map[string]bool // prepared statements
	rows   int             // of the largest insert
	args   []any           // of the insert in hand
}

var _ ingest.SelectiveWriter = (*writer)(nil)

// staged says that records go into a table of their own first.
func (w *writer) staged() bool { return w.mode != Append }

// Write stores a batch in one transaction, with its window in the ledger.
func (w *writer) Write(ctx context.Context, b *ingest.Batch) error {
	_, err := w.write(ctx, b, false)
	return err
}

// WriteGood stores a batch but for the records that the database refuses.
func (w *writer) WriteGood(ctx context.Context, b *ingest.Batch) ([]*ingest.RecordError, error) {
	return w.write(ctx, b, true)
}

// Close lets the prepared statements go. What was written stays, whatever the cause.
func (w *writer) Close(context.Context, error) error {
	w.leave()
	w.sink.count(w.run, -1)
	return nil
}

// errNoLoading ends a transaction whose records are to be inserted instead.
var errNoLoading = errors.New("the database cannot load")

// write stores a batch. Selective says that records may be refused.
func (w *writer) write(ctx context.Context, b *ingest.Batch, selective bool) ([]*ingest.RecordError, error) {
	a := &attempt{writer: w, batch: b}
	if w.claim != nil {
		a.entry = b.Entry()
	}
	switch {
	case a.entry == nil && w.staged():
		return nil, &Error{Op: "insert", Table: w.sink.Table, Reason: fmt.Sprintf(
			"a batch without an entry for the ledger cannot be written with Mode %q", w.mode)}
	case a.entry == nil && b.Len() == 0:
		return nil, nil
	}
	if err := w.check(b); err != nil {
		return nil, err
	}
	for {
		err := w.sink.atOnce(ctx, func() error { return a.run(ctx) })
		var not *notEnteredError
		switch {
		case err == nil:
			return a.refused, nil
		case errors.Is(err, errNoLoading):
			w.sink.preparing.Store(true)
		case errors.As(err, &not):
			return w.sink.stored(ctx, w, b, a.entry, not)
		case selective && !a.isolating && problem(err).Data:
			a.isolating = true
		default:
			return nil, err
		}
	}
}

// check looks for records that do not fit the table, before anything is sent.
func (w *writer) check(b *ingest.Batch) error {
	for _, r := range b.All() {
		if r.Len() > w.fields {
			return &Error{Op: "insert", Table: w.sink.Table, Reason: fmt.Sprintf(
				"the record at %s has %d fields, the table takes %d: set Policy.Long to Reject or Strip", r.Position(), r.Len(), w.fields)}
		}
	}
	return nil
}

// An attempt stores a batch in one transaction.
type attempt struct {
	*writer
	batch     *ingest.Batch
	entry     *ingest.LedgerEntry // nil: without a ledger
	isolating bool                // what is refused is searched for

	t        *transaction
	stmts    map[int]*sql.Stmt     // by rows, where records are inserted with prepared statements
	failures int                   // parts that were refused
	step     int                   // how many records are tried at a time
	next     int                   // the record behind the last one that was refused
	refused  []*ingest.RecordError // in their order
}

// run makes the attempt. With an error nothing is stored, or it is ErrInDoubt.
func (a *attempt) run(ctx context.Context) (err error) {
	b, s := a.batch, a.sink
	a.stmts, a.failures, a.next, a.refused = nil, 0, 0, nil
	if s.Database == nil || s.preparing.Load() {
		if a.stmts, err = a.statements(ctx, b.Len(), a.isolating); err != nil {
			return err
		}
	}
	if a.t, err = s.begin(ctx); err != nil {
		return err
	}
	if err = a.store(ctx); err == nil && ctx.Err() != nil {
		// From here on the context is the database's affair only where the commit has been sent.
		err = s.fail(ctx, "commit", "canceled before the commit; nothing of the batch is stored", ctx.Err())
	}
	if err != nil {
		a.t.abort(err)
		return err
	}
	if err := a.t.commit(); err != nil {
		all := whole(b)
		reason := "cannot commit " + all.String()
		switch {
		case !errors.Is(err, ErrInDoubt):
			reason += ": nothing of the batch is stored"
		case a.entry == nil:
			reason += ": look whether they are stored before they are written again"
		default:
			reason += ": the ledger tells whether they are stored when they are written again"
		}
		e := a.fail(ctx, "commit", reason, err, all)
		e.again = a.entry != nil
		return e
	}
	return nil
}

// store does all that is done in the transaction.
func (a *attempt) store(ctx context.Context) error {
	b := a.batch
	if a.entry != nil {
		// The window comes first: whoever else stores it waits here.
		if err := a.sink.enter(ctx, a.t, a.claim, a.entry); err != nil {
			return err
		}
	}
	if a.isolating {
		if err := a.isolate(ctx); err != nil {
			return err
		}
	} else if in, err := a.load(ctx, 0, b.Len()); err != nil {
		return a.refusal(ctx, in, err)
	}
	if a.entry == nil {
		return nil
	}
	entry := a.entry
	if len(a.refused) > 0 {
		entry = entry.Refuse(a.refused)
		if err := a.sink.correct(ctx, a.t, a.claim, entry); err != nil {
			return err
		}
	}
	return a.sink.complete(ctx, a.t, a.claim, entry)
}

// load writes the records from one to another. With the database's error it gives those that it may be about.
func (a *attempt) load(ctx context.Context, from, to int) (part, error) {
	p := &Part{Batch: a.batch, From: from, To: to, Run: a.sink.RunColumn != "", Offset: a.sink.OffsetColumn != "" || a.staged()}
	if a.stmts != nil || from == to {
		return a.insert(ctx, a.t, a.stmts, p)
	}
	err := a.sink.Database.Load(ctx, a.t.conn, a.into, p) // without a Database there are statements
	switch row := a.sink.explain(err).Row; {
	case errors.Is(err, errors.ErrUnsupported):
		err = errNoLoading
	case err != nil && row >= 0 && row < to-from:
		return part{a.batch, from + row, from + row + 1}, err
	}
	return part{a.batch, from, to}, err
}

// refusal makes the error of records that are not taken.
func (a *attempt) refusal(ctx context.Context, in part, err error) error {
	if errors.Is(err, errNoLoading) {
		return err
	}
	reason := "the database refuses " + in.one() + ", and nothing of the batch is stored: mend the file or the table"
	if p := a.sink.explain(err); !p.Data && (p.Transient || p.AtOnce) {
		reason = "the database cannot take " + in.String() + " now, and nothing of the batch is stored"
	}
	return a.fail(ctx, "insert", reason, err, in)
}
