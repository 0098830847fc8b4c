package sqlsink

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// Renew makes a lease longer, and tells what somebody asks of the run. A run that was given back is not the caller's any
// more.
func (s *Sink) Renew(ctx context.Context, c *ingest.Claim, lease time.Duration) (request ingest.Request, err error) {
	if err := s.usable(); err != nil {
		return "", err
	}
	f, runs, _, _ := s.ledger()
	err = s.transact(ctx, "ledger", func(t *transaction) error {
		_, err := f.exec(ctx, t, "UPDATE "+runs+" SET lease_until = ", in(lease), ", updated = ", now,
			" WHERE run = ", param{c.Run}, " AND epoch = ", param{c.Epoch}, " AND lease_until > 0")
		if err != nil {
			return s.fail(ctx, "ledger", "cannot renew the lease", err)
		}
		r, err := s.mine(ctx, t, c)
		if err != nil {
			return err
		}
		if !r.held {
			return &Error{Op: "ledger", Table: s.Table, Reason: fmt.Sprintf("the run %q was given back", c.Run), Err: ingest.ErrOwned}
		}
		request = r.request
		return nil
	})
	return request, err
}

// mine reads a run of which the caller has the claim. What was updated before does not tell: some databases count rows only
// if they change.
func (s *Sink) mine(ctx context.Context, q querier, c *ingest.Claim) (*run, error) {
	r, err := s.readRun(ctx, q, c.Run)
	switch {
	case err != nil:
		return nil, s.fail(ctx, "ledger", "cannot read the run", err)
	case r == nil || r.epoch != c.Epoch:
		return nil, s.lost(c)
	}
	return r, nil
}

// lost is the error of a run that another has claimed.
func (s *Sink) lost(c *ingest.Claim) error {
	return &Error{Op: "ledger", Table: s.Table, Reason: fmt.Sprintf("another has claimed the run %q", c.Run), Err: ingest.ErrOwned}
}

// Release gives a run back. One that is Done and whose Mode is not Append gets into the table here.
func (s *Sink) Release(ctx context.Context, c *ingest.Claim, state ingest.State, code ingest.Code) error {
	if err := s.usable(); err != nil {
		return err
	}
	f, runs, _, _ := s.ledger()
	left := false // the stage, where it cannot be dropped in the transaction
	err := s.transact(ctx, "release", func(t *transaction) error {
		// This comes first and locks the run: where it was done by a commit in doubt, what follows sees that.
		_, err := f.exec(ctx, t, "UPDATE "+runs+" SET state = ", param{string(state)}, ", code = ", param{string(code)}, ", lease_until = 0, updated = ", now,
			" WHERE run = ", param{c.Run}, " AND epoch = ", param{c.Epoch})
		if err != nil {
			return s.fail(ctx, "release", "cannot give the run back", err)
		}
		r, err := s.mine(ctx, t, c)
		if err != nil || state != ingest.Done || r.mode == Append {
			return err
		}
		if r.moved < c.Epoch {
			if err := s.move(ctx, t, r); err != nil {
				return err
			}
			if _, err := f.exec(ctx, t, "UPDATE "+runs+" SET moved = epoch WHERE run = ", param{c.Run}); err != nil {
				return s.fail(ctx, "release", "cannot note that the run is done", err)
			}
		}
		if left = !f.TransactionalDDL; left {
			return nil
		}
		return s.drop(ctx, t, r.Run)
	})
	if err != nil {
		return err
	}
	if left {
		if err := s.dropLeft(ctx, c.Run); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims[c.Run] == c {
		delete(s.claims, c.Run)
	}
	return nil
}

// Runs gives all runs in the ledger, in the order in which they were begun; none where there is no ledger yet.
func (s *Sink) Runs(ctx context.Context) (all []ingest.LedgerRun, err error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	f, runs, _, _ := s.ledger()
	err = s.atOnce(ctx, func() error {
		all = nil
		query, args := f.query("SELECT "+runColumns, now, " FROM "+runs+" ORDER BY started, run")
		rows, err := s.DB.QueryContext(ctx, query, args...)
		if err != nil {
			return s.unread(ctx, err)
		}
		defer rows.Close()
		for rows.Next() {
			var r run
			if err := r.scan(rows); err != nil {
				return s.fail(ctx, "ledger", "cannot read a run", err)
			}
			all = append(all, r.LedgerRun)
		}
		if err := rows.Err(); err != nil {
			return s.fail(ctx, "ledger", "cannot read the runs", err)
		}
		return nil
	})
	return all, err
}

// Request asks something of a run: to pause, to stop, or with RequestNone to go on. The run sees it when it renews its
// lease. A run that is not under way sees that it is to pause when it is taken up again; that it was to stop is
// forgotten then.
func (s *Sink) Request(ctx context.Context, run string, r ingest.Request) error {
	switch r {
	case ingest.RequestNone, ingest.RequestPause, ingest.RequestStop:
	default:
		return &Error{Op: "ledger", Table: s.Table, Reason: fmt.Sprintf("%q is nothing that can be asked of a run", r)}
	}
	was, err := s.find(ctx, run)
	switch {
	case err != nil:
		return err
	case was == nil:
		return &Error{Op: "ledger", Table: s.Table, Reason: fmt.Sprintf("there is no run %q", run)}
	}
	f, runs, _, _ := s.ledger()
	return s.transact(ctx, "ledger", func(t *transaction) error {
		if _, err := f.exec(ctx, t, "UPDATE "+runs+" SET request = ", param{string(r)}, " WHERE run = ", param{run}); err != nil {
			return s.fail(ctx, "ledger", "cannot ask the run", err)
		}
		return nil
	})
}
