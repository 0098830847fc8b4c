package sqlitesink

import (
	"context"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// What follows is what the sqlsink.Sink does, waiting for the file.

// Find gives a run in the ledger, nil if there is none of this ID.
func (s *Sink) Find(ctx context.Context, run string) (*ingest.LedgerRun, error) {
	return patiently(ctx, s, func() (*ingest.LedgerRun, error) { return s.Sink.Find(ctx, run) })
}

// Claim enters a run in the ledger, or takes it over.
func (s *Sink) Claim(ctx context.Context, run *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	return patiently(ctx, s, func() (*ingest.Claim, error) { return s.Sink.Claim(ctx, run, lease) })
}

// Renew makes a lease longer.
func (s *Sink) Renew(ctx context.Context, c *ingest.Claim, lease time.Duration) (ingest.Request, error) {
	return patiently(ctx, s, func() (ingest.Request, error) { return s.Sink.Renew(ctx, c, lease) })
}

// Enter enters a window without records.
func (s *Sink) Enter(ctx context.Context, c *ingest.Claim, e *ingest.LedgerEntry) error {
	return s.patiently(ctx, func() error { return s.Sink.Enter(ctx, c, e) })
}

// Release gives a run back.
func (s *Sink) Release(ctx context.Context, c *ingest.Claim, state ingest.State, code ingest.Code) error {
	return s.patiently(ctx, func() error { return s.Sink.Release(ctx, c, state, code) })
}

// Runs gives all runs in the ledger.
func (s *Sink) Runs(ctx context.Context) ([]ingest.LedgerRun, error) {
	return patiently(ctx, s, func() ([]ingest.LedgerRun, error) { return s.Sink.Runs(ctx) })
}

// Request asks something of a run.
func (s *Sink) Request(ctx context.Context, run string, r ingest.Request) error {
	return s.patiently(ctx, func() error { return s.Sink.Request(ctx, run, r) })
}

// Undo deletes what a run has stored.
func (s *Sink) Undo(ctx context.Context, run string) (sqlsink.Undone, error) {
	return patiently(ctx, s, func() (sqlsink.Undone, error) { return s.Sink.Undo(ctx, run) })
}

// patiently is Sink.patiently for what has a result.
func patiently[T any](ctx context.Context, s *Sink, do func() (T, error)) (result T, err error) {
	err = s.patiently(ctx, func() (err error) {
		result, err = do()
		return err
	})
	return result, err
}
