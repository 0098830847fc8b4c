package sqlsink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
)

// Columns of the ledger's tables, in the order in which they are written.
var (
	windowColumns = []string{"run", "byte_offset", "byte_length", "first_record", "row_count", "delivered", "rejected", "filtered", "skipped",
		"crc", "after_json", "notes_json", "epoch", "stored_at"}
	rejectColumns = []string{"run", "byte_offset", "line", "record", "code", "store_code", "column_number", "column_name", "message", "raw"}
)

// Enter enters a window without records.
func (s *Sink) Enter(ctx context.Context, c *ingest.Claim, e *ingest.LedgerEntry) error {
	if err := s.usable(); err != nil {
		return err
	}
	err := s.transact(ctx, "ledger", func(t *transaction) error {
		if err := s.enter(ctx, t, c, e); err != nil {
			return err
		}
		return s.complete(ctx, t, c, e)
	})
	var not *notEnteredError
	if errors.As(err, &not) {
		_, err = s.entered(ctx, c, e, not)
	}
	return err
}

// A notEnteredError says that a window could not be entered. It may be there already, after a commit that was in doubt.
type notEnteredError struct{ err *Error }

func (e *notEnteredError) Error() string { return e.err.Error() }
func (e *notEnteredError) Unwrap() error { return e.err }

// hold makes sure that the run is the caller's until the transaction ends.
func (s *Sink) hold(ctx context.Context, t *transaction, c *ingest.Claim) error {
	f, runs, _, _ := s.ledger()
	if f.ShareLock == "" {
		n, err := f.exec(ctx, t, "UPDATE "+runs+" SET updated = ", now, " WHERE run = ", param{c.Run}, " AND epoch = ", param{c.Epoch})
		if err != nil {
			return s.fail(ctx, "ledger", "cannot hold the run", err)
		}
		if n == 0 {
			_, err = s.mine(ctx, t, c)
		}
		return err
	}
	var epoch int64
	there, err := f.row(ctx, t, []any{&epoch},
		"SELECT epoch FROM "+runs+" WHERE run = ", param{c.Run}, " AND epoch = ", param{c.Epoch}, " "+f.ShareLock)
	switch {
	case err != nil:
		return s.fail(ctx, "ledger", "cannot hold the run", err)
	case !there:
		return s.lost(c)
	}
	return nil
}

// enter enters a window of a run, which it holds. Who enters the same one waits until the transaction ends.
func (s *Sink) enter(ctx context.Context, t *transaction, c *ingest.Claim, e *ingest.LedgerEntry) error {
	if err := s.hold(ctx, t, c); err != nil {
		return err
	}
	f, _, windows, _ := s.ledger()
	after, notes, err := marshal(e)
	if err != nil {
		return s.fail(ctx, "ledger", "cannot write down the window", err)
	}
	parts := []any{"INSERT INTO " + windows + " (" + strings.Join(windowColumns, ", ") + ") VALUES ("}
	for _, v := range []any{c.Run, e.Offset, e.Length, e.Record, e.Rows, e.Delivered, e.Rejected, e.Filtered, e.Skipped, int64(e.CRC), after, notes, c.Epoch} {
		parts = append(parts, param{v}, ", ")
	}
	if _, err := f.exec(ctx, t, append(parts, now, ")")...); err != nil {
		e := s.fail(ctx, "ledger", "cannot enter a window", err)
		if ctx.Err() != nil || e.Transient() || e.problem.Lost {
			return e
		}
		return &notEnteredError{e}
	}
	return nil
}

// correct writes the counts and notes of a window that was entered when they were not known.
func (s *Sink) correct(ctx context.Context, t *transaction, c *ingest.Claim, e *ingest.LedgerEntry) error {
	f, _, windows, _ := s.ledger()
	_, notes, err := marshal(e)
	if err == nil {
		_, err = f.exec(ctx, t, "UPDATE "+windows+" SET delivered = ", param{e.Delivered}, ", rejected = ", param{e.Rejected}, ", notes_json = ", param{notes},
			" WHERE run = ", param{c.Run}, " AND byte_offset = ", param{e.Offset})
	}
	if err != nil {
		return s.fail(ctx, "ledger", "cannot correct the window", err)
	}
	return nil
}

// complete writes what belongs to a window: its rejects, and what is found by it.
func (s *Sink) complete(ctx context.Context, t *transaction, c *ingest.Claim, e *ingest.LedgerEntry) error {
	f, runs, _, rejects := s.ledger()
	most := max(1, min(f.MaxParams/len(rejectColumns), maxRows))
	for some := range slices.Chunk(e.Rejects, most) {
		var args []any
		for _, r := range some {
			message := r.Reason
			if r.Err != nil {
				message = r.Err.Error()
			}
			args = append(args, c.Run, r.Offset, r.Line, r.Record, string(r.Code), clean(r.Store), r.Column, clean(r.ColumnName), clean(message), r.Raw)
		}
		if _, err := t.ExecContext(ctx, f.insert(rejects, rejectColumns, len(some)), args...); err != nil {
			failed := s.fail(ctx, "ledger", "cannot store the rejects", err)
			failed.hide() // it may quote what it could not store
			return failed
		}
	}
	if e.Found == nil {
		return nil
	}
	found, err := json.Marshal(e.Found)
	if err == nil {
		_, err = f.exec(ctx, t, "UPDATE "+runs+" SET found = ", param{string(found)}, " WHERE run = ", param{c.Run}, " AND epoch = ", param{c.Epoch})
	}
	if err != nil {
		return s.fail(ctx, "ledger", "cannot store what was found", err)
	}
	return nil
}

// marshal gives what a window ends in and its notes as JSON.
func marshal(e *ingest.LedgerEntry) (after, notes string, err error) {
	a, err := json.Marshal(e.After)
	if err != nil {
		return "", "", err
	}
	if e.Notes.IsZero() {
		return string(a), "", nil
	}
	n, err := json.Marshal(e.Notes)
	return string(a), string(n), err
}

// readWindows adds the windows of a run to what is stored, in the order of the source.
func (s *Sink) readWindows(ctx context.Context, t *transaction, run string, stored *ingest.Coverage) error {
	f, _, windows, _ := s.ledger()
	query, args := f.query("SELECT "+strings.Join(windowColumns[1:12], ", ")+" FROM "+windows+" WHERE run = ", param{run}, " ORDER BY byte_offset")
	rows, err := t.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e ingest.LedgerEntry
		var crc int64
		var after, notes string
		if err := rows.Scan(&e.Offset, &e.Length, &e.Record, &e.Rows, &e.Delivered, &e.Rejected, &e.Filtered, &e.Skipped, &crc, &after, &notes); err != nil {
			return err
		}
		e.CRC = uint32(crc)
		if err := json.Unmarshal([]byte(after), &e.After); err != nil {
			return err
		}
		if notes != "" {
			if err := json.Unmarshal([]byte(notes), &e.Notes); err != nil {
				return err
			}
		}
		if err := stored.Add(&e); err != nil {
			return err
		}
	}
	return rows.Err()
}

// entered looks for a window that could not be entered.
func (s *Sink) entered(ctx context.Context, c *ingest.Claim, e *ingest.LedgerEntry, not *notEnteredError) (rejected int64, err error) {
	f, _, windows, _ := s.ledger()
	var length int64
	err = s.atOnce(ctx, func() error {
		there, err := f.row(ctx, s.DB, []any{&length, &rejected},
			"SELECT byte_length, rejected FROM "+windows+" WHERE run = ", param{c.Run}, " AND byte_offset = ", param{e.Offset})
		switch {
		case err != nil:
			return s.fail(ctx, "ledger", "cannot read the window", err)
		case !there:
			return not.err
		case length != e.Length:
			return &Error{Op: "ledger", Table: s.Table, Reason: fmt.Sprintf(
				"the window at byte %d of the run %q has %d bytes, and %d in the ledger: please report this", e.Offset, c.Run, e.Length, length)}
		}
		return nil
	})
	return rejected, err
}

// stored is for a batch whose window could not be entered. If that is in the ledger, the ledger tells what was refused of
// it.
func (s *Sink) stored(ctx context.Context, w *writer, b *ingest.Batch, e *ingest.LedgerEntry, not *notEnteredError) (refused []*ingest.RecordError, err error) {
	rejected, err := s.entered(ctx, w.claim, e, not)
	if err != nil || rejected == e.Rejected {
		return nil, err
	}
	f, _, _, rejects := s.ledger()
	query, args := f.query("SELECT byte_offset, store_code, column_name FROM "+rejects+" WHERE run = ", param{w.claim.Run},
		" AND code = ", param{string(ingest.CodeRefused)}, " AND byte_offset >= ", param{e.Offset}, " AND byte_offset < ", param{e.Offset + e.Length}, " ORDER BY byte_offset")
	err = s.atOnce(ctx, func() error {
		refused = nil
		rows, err := s.DB.QueryContext(ctx, query, args...)
		if err != nil {
			return s.fail(ctx, "ledger", "cannot read the rejects", err)
		}
		defer rows.Close()
		i := 0
		for rows.Next() {
			var offset int64
			var code, column string
			if err := rows.Scan(&offset, &code, &column); err != nil {
				return s.fail(ctx, "ledger", "cannot read a reject", err)
			}
			for i < b.Len() && b.Record(i).Position().Offset < offset {
				i++
			}
			if i < b.Len() && b.Record(i).Position().Offset == offset {
				refused = append(refused, b.Record(i).Refuse(column, code, w.refusedBy(code), nil))
			}
		}
		if err := rows.Err(); err != nil {
			return s.fail(ctx, "ledger", "cannot read the rejects", err)
		}
		return nil
	})
	return refused, err
}
