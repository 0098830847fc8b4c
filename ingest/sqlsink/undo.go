package sqlsink

import (
	"context"
	"fmt"

	"github.com/sluicecsv/sluice/ingest"
)

// Undone says what Undo has done.
type Undone struct {
	Deleted int64 // rows of the table
	Windows int64 // that are forgotten
	Rejects int64 // that are forgotten

	// Kept is how many records of the run stay in the table, if any; as far as the ledger knows, which counts what was
	// delivered. Why says why: nothing tells their rows from others, or what was there before them is not known.
	Kept int64
	Why  string
}

// Undo deletes what a run has stored: its rows, if Append or Whole put them there and RunColumn tells which they are, what
// was stored of it and is not in the table yet, its windows and its rejects. What cannot be deleted is told. The run stays
// in the ledger, with the state Undone, and can be run again from the start.
//
// The sink has the Table and RunColumn that it had when it ran. While a run is under way the error is ingest.ErrOwned. A run
// that is not there, or was undone before, is an error or nothing to do.
func (s *Sink) Undo(ctx context.Context, id string) (done Undone, err error) {
	was, err := s.find(ctx, id)
	switch {
	case err != nil:
		return done, err
	case was == nil:
		return done, &Error{Op: "undo", Table: s.Table, Reason: fmt.Sprintf("there is no run %q", id)}
	case was.table != clean(s.Table):
		return done, &Error{Op: "undo", Table: s.Table, Reason: fmt.Sprintf(
			"the run %q has written into the table %q: undo it with that", id, was.table)}
	}
	err = s.transact(ctx, "undo", func(t *transaction) error {
		done, err = s.undo(ctx, t, id)
		if err == nil && s.flavor().TransactionalDDL {
			err = s.drop(ctx, t, id)
		}
		return err
	})
	if err == nil && !s.flavor().TransactionalDDL {
		err = s.dropLeft(ctx, id)
	}
	if err != nil {
		return Undone{}, err
	}
	return done, nil
}

func (s *Sink) undo(ctx context.Context, t *transaction, id string) (done Undone, err error) {
	f, runs, windows, rejects := s.ledger()
	fail := func(reason string, err error) (Undone, error) { return Undone{}, s.fail(ctx, "undo", reason, err) }
	// To begin with the run is taken, so that nobody else can write for it or claim it.
	n, err := f.exec(ctx, t, "UPDATE "+runs+" SET epoch = epoch + 1, lease_until = 0, updated = ", now,
		" WHERE run = ", param{id}, " AND lease_until <= ", now)
	if err != nil {
		return fail("cannot take the run", err)
	}
	r, err := s.readRun(ctx, t, id)
	switch {
	case err != nil:
		return fail("cannot read the run", err)
	case n == 0 || r == nil:
		owned := &ingest.OwnedError{Run: id}
		if r != nil {
			owned.Owner, owned.Left = r.Owner, max(r.left, 0)
		}
		return Undone{}, owned
	}
	moved := r.moved // the epoch up to which what is stored is in the table
	if r.mode == Append {
		moved = r.epoch
	}
	var inTable int64
	_, err = f.row(ctx, t, []any{&inTable},
		"SELECT COALESCE(SUM(delivered), 0) FROM "+windows+" WHERE run = ", param{id}, " AND epoch <= ", param{moved})
	if err != nil {
		return fail("cannot read what is stored", err)
	}
	switch {
	case moved == 0:
	case r.mode == Upsert || r.mode == Replace:
		done.Kept, done.Why = inTable, fmt.Sprintf("what was in the table before a run of Mode %q is not known", r.mode)
	case s.RunColumn == "":
		done.Kept, done.Why = inTable, "without RunColumn nothing tells the rows of one run from those of others"
	default:
		done.Deleted, err = f.exec(ctx, t, "DELETE FROM "+f.Quote.path(s.Schema, s.Table)+" WHERE "+f.Quote.name(s.RunColumn)+" = ", param{id})
		if err != nil {
			return fail("cannot delete the rows", err)
		}
	}
	if done.Windows, err = f.exec(ctx, t, "DELETE FROM "+windows+" WHERE run = ", param{id}); err != nil {
		return fail("cannot delete the windows", err)
	}
	if done.Rejects, err = f.exec(ctx, t, "DELETE FROM "+rejects+" WHERE run = ", param{id}); err != nil {
		return fail("cannot delete the rejects", err)
	}
	_, err = f.exec(ctx, t, "UPDATE "+runs+" SET state = ", param{string(ingest.Undone)}, ", code = '', request = '', moved = 0 WHERE run = ", param{id})
	if err != nil {
		return fail("cannot note that the run is undone", err)
	}
	if done.Kept == 0 {
		done.Why = ""
	}
	return done, nil
}
