package sqlsink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// Claim enters a run, or takes it over.
func (s *Sink) Claim(ctx context.Context, r *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	if err := s.makeLedger(ctx); err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		known, err := s.find(ctx, r.Run)
		if err != nil {
			return nil, err
		}
		claim := s.start
		if known != nil {
			claim = s.takeOver
		}
		var c *ingest.Claim
		err = s.transact(ctx, "ledger", func(t *transaction) error {
			c, err = claim(ctx, t, r, lease)
			return err
		})
		switch {
		case err == nil:
			s.keep(c)
			return c, nil
		case !errors.Is(err, errRival) || again:
			return nil, err
		}
	}
}

// keep keeps a claim for the writers of its run.
func (s *Sink) keep(c *ingest.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims == nil {
		s.claims = map[string]*ingest.Claim{}
	}
	s.claims[c.Run] = c
}

// claimed gives the claim to a run that this sink has; nil if it has none.
func (s *Sink) claimed(run string) *ingest.Claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[run]
}

// errRival says that a run could not be entered, perhaps since another was first.
var errRival = errors.New("cannot enter the run")

// takeOver claims a run that is in the ledger.
func (s *Sink) takeOver(ctx context.Context, t *transaction, r *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	f, runs, _, _ := s.ledger()
	fail := func(reason string, err error) (*ingest.Claim, error) { return nil, s.fail(ctx, "ledger", reason, err) }
	if f.locksConnection() && s.mode() != Append {
		if err := s.lock(ctx, t, StageTable(r.Run)); err != nil {
			return nil, err
		}
	}
	if f.ShareLock != "" { // what a writer has locked is waited for; an update might pass it
		var id string
		if _, err := f.row(ctx, t, []any{&id}, "SELECT run FROM "+runs+" WHERE run = ", param{r.Run}, " FOR UPDATE"); err != nil {
			return fail("cannot lock the run", err)
		}
	}
	n, err := f.exec(ctx, t, "UPDATE "+runs+" SET epoch = epoch + 1, lease_until = ", in(lease),
		" WHERE run = ", param{r.Run}, " AND lease_until <= ", now)
	if err != nil {
		return fail("cannot take over the run", err)
	}
	was, err := s.readRun(ctx, t, r.Run)
	switch {
	case err != nil:
		return fail("cannot read the run", err)
	case was == nil:
		return fail("the run was in the ledger, and is not any more", nil)
	case n == 0:
		return nil, &ingest.OwnedError{Run: r.Run, Owner: was.Owner, Left: max(was.left, 0)}
	case was.State == ingest.Undone: // it begins anew
		was.LedgerRun = *r
	case was.table != clean(s.Table) || was.mode != s.mode():
		return nil, &Error{Op: "ledger", Table: s.Table, Reason: fmt.Sprintf(
			"the run %q was begun with Table %q and Mode %q: go on with these, or undo it", r.Run, was.table, was.mode)}
	}
	was.Source, was.Owner, was.State = r.Source, r.Owner, ingest.Running // a source may have grown
	if was.request == ingest.RequestStop {
		was.request = ingest.RequestNone
	}
	fields, err := s.fields(&was.LedgerRun, was.request)
	if err != nil {
		return fail("cannot write down the run", err)
	}
	parts := []any{"UPDATE " + runs + " SET updated = ", now}
	for _, c := range fields {
		parts = append(parts, ", "+c.column+" = ", param{c.value})
	}
	if _, err := f.exec(ctx, t, append(parts, " WHERE run = ", param{r.Run})...); err != nil {
		return fail("cannot take over the run", err)
	}
	c := &ingest.Claim{LedgerRun: &was.LedgerRun, Epoch: was.epoch}
	if err := s.readWindows(ctx, t, r.Run, &c.Stored); err != nil {
		return fail("cannot read what is stored", err)
	}
	// This comes last: in MySQL it ends the transaction.
	return c, s.dropUsed(ctx, t, was)
}

// start claims a run that is not in the ledger yet.
func (s *Sink) start(ctx context.Context, t *transaction, r *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	f, runs, _, _ := s.ledger()
	claimed := *r
	claimed.State = ingest.Running
	fields, err := s.fields(&claimed, ingest.RequestNone)
	if err != nil {
		return nil, s.fail(ctx, "ledger", "cannot write down the run", err)
	}
	names, values := "run, epoch, moved, lease_until, started, updated", []any{param{r.Run}, ", 1, 0, ", in(lease), ", ", now, ", ", now}
	for _, c := range fields {
		names += ", " + c.column
		values = append(values, ", ", param{c.value})
	}
	parts := append([]any{"INSERT INTO " + runs + " (" + names + ") VALUES ("}, values...)
	if _, err := f.exec(ctx, t, append(parts, ")")...); err != nil {
		e := s.fail(ctx, "ledger", "cannot enter the run", err)
		e.said, e.Err = err.Error(), errors.Join(errRival, e.Err)
		return nil, e
	}
	return &ingest.Claim{LedgerRun: &claimed, Epoch: 1}, nil
}

// A field is a column of sluice_runs, and what is written there.
type field struct {
	column string
	value  any
}

// fields gives what is written of a run, whenever it is claimed.
func (s *Sink) fields(r *ingest.LedgerRun, request ingest.Request) ([]field, error) {
	found := ""
	if r.Found != nil {
		text, err := json.Marshal(r.Found)
		if err != nil {
			return nil, err
		}
		found = string(text)
	}
	return []field{
		{"parent", clean(r.Parent)},
		{"source_name", clean(r.Source.Name)}, {"source_size", r.Source.Size}, {"source_head", clean(r.Source.Head)}, {"source_tail", clean(r.Source.Tail)},
		{"settings", clean(string(r.Settings))}, {"found", found},
		{"state", string(r.State)}, {"code", ""}, {"request", string(request)}, {"owner", clean(r.Owner)},
		{"table_name", clean(s.Table)}, {"mode", string(s.mode())},
	}, nil
}
