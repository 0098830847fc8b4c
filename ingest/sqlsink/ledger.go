package sqlsink

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

var _ ingest.Ledger = (*Sink)(nil)

// Names of the ledger's tables.
const (
	runsTable    = "sluice_runs"
	windowsTable = "sluice_windows"
	rejectsTable = "sluice_rejects"
)

// LedgerDDL gives the statements that make the ledger's tables, for those who make tables by other means. The sink makes
// them itself when it needs them and they are not there.
func (s *Sink) LedgerDDL() []string {
	f := s.flavor()
	var all []string
	for _, t := range []struct{ name, columns string }{
		{runsTable, `run {key} NOT NULL, parent {text}, source_name {text}, source_size BIGINT NOT NULL, source_head {text}, source_tail {text},
			settings {text}, found {text}, state {key} NOT NULL, code {text}, request {text}, owner {text}, epoch BIGINT NOT NULL,
			lease_until BIGINT NOT NULL, started BIGINT NOT NULL, updated BIGINT NOT NULL, table_name {text}, mode {text},
			moved BIGINT NOT NULL, PRIMARY KEY (run)`},
		{windowsTable, `run {key} NOT NULL, byte_offset BIGINT NOT NULL, byte_length BIGINT NOT NULL, first_record BIGINT NOT NULL, row_count BIGINT NOT NULL,
			delivered BIGINT NOT NULL, rejected BIGINT NOT NULL, filtered BIGINT NOT NULL, skipped BIGINT NOT NULL, crc BIGINT NOT NULL,
			after_json {text}, notes_json {text}, epoch BIGINT NOT NULL, stored_at BIGINT NOT NULL, PRIMARY KEY (run, byte_offset)`},
		{rejectsTable, `run {key} NOT NULL, byte_offset BIGINT NOT NULL, line BIGINT NOT NULL, record BIGINT NOT NULL, code {text}, store_code {text},
			column_number BIGINT, column_name {text}, message {text}, raw {bytes}, PRIMARY KEY (run, byte_offset)`},
	} {
		columns := strings.NewReplacer("{key}", f.KeyType, "{text}", f.LongText, "{bytes}", f.Bytes, "\n\t\t\t", " ").Replace(t.columns)
		all = append(all, "CREATE TABLE IF NOT EXISTS "+f.Quote.path(s.Schema, t.name)+" ("+columns+")")
	}
	return all
}

// ledger gives the flavor and the paths of the ledger's tables.
func (s *Sink) ledger() (f *Flavor, runs, windows, rejects string) {
	f = s.flavor()
	return f, f.Quote.path(s.Schema, runsTable), f.Quote.path(s.Schema, windowsTable), f.Quote.path(s.Schema, rejectsTable)
}

// querier is a *sql.DB or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec executes a statement and gives how many rows it was about.
func (f *Flavor) exec(ctx context.Context, q querier, parts ...any) (int64, error) {
	query, args := f.query(parts...)
	r, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row asks for one row; found is false if there is none.
func (f *Flavor) row(ctx context.Context, q querier, into []any, parts ...any) (found bool, err error) {
	query, args := f.query(parts...)
	err = q.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// A run is a row of sluice_runs.
type run struct {
	ingest.LedgerRun
	epoch   int64
	request ingest.Request
	table   string
	mode    Mode
	moved   int64         // the epoch in which what was in the stage got into the table; 0: none
	held    bool          // it is claimed, and was not given back
	left    time.Duration // of the lease
}

const runColumns = "run, parent, source_name, source_size, source_head, source_tail, settings, found, state, owner, " +
	"epoch, request, table_name, mode, moved, lease_until, lease_until - "

// scan reads a run.
func (r *run) scan(row interface{ Scan(...any) error }) error {
	var settings, found string
	var until, left int64
	err := row.Scan(&r.Run, &r.Parent, &r.Source.Name, &r.Source.Size, &r.Source.Head, &r.Source.Tail, &settings, &found,
		&r.State, &r.Owner, &r.epoch, &r.request, &r.table, &r.mode, &r.moved, &until, &left)
	if err != nil {
		return err
	}
	r.held, r.left = until > 0, time.Duration(left)*time.Millisecond
	if settings != "" {
		r.Settings = json.RawMessage(settings)
	}
	if found != "" {
		r.Found = &ingest.Found{}
		return json.Unmarshal([]byte(found), r.Found)
	}
	return nil
}

// readRun reads a run, nil if there is none of this ID.
func (s *Sink) readRun(ctx context.Context, q querier, id string) (*run, error) {
	f, runs, _, _ := s.ledger()
	query, args := f.query("SELECT "+runColumns, now, " FROM "+runs+" WHERE run = ", param{id})
	var r run
	switch err := r.scan(q.QueryRowContext(ctx, query, args...)); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case r.Run != id: // by a collation that does not tell capitals from small letters
		return nil, fmt.Errorf("to the database %q is the run %q: use a Pipeline.RunID that differs in more than capitals", id, r.Run)
	}
	return &r, nil
}

// Find gives a run as it was entered, nil if there is none of this ID, or no ledger yet.
func (s *Sink) Find(ctx context.Context, id string) (*ingest.LedgerRun, error) {
	r, err := s.find(ctx, id)
	if r == nil || err != nil {
		return nil, err
	}
	return &r.LedgerRun, nil
}

func (s *Sink) find(ctx context.Context, id string) (r *run, err error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	err = s.atOnce(ctx, func() error {
		knew := s.ready.Load()
		if r, err = s.readRun(ctx, s.DB, id); err == nil {
			return nil
		}
		missing := s.unread(ctx, err)
		if missing == nil || knew || !s.ready.Load() {
			return missing
		}
		// The tables were made between the two looks.
		if r, err = s.readRun(ctx, s.DB, id); err != nil {
			return s.fail(ctx, "ledger", "cannot read the run", err)
		}
		return nil
	})
	return r, err
}

// usable says what keeps the sink from having a ledger.
func (s *Sink) usable() error {
	switch {
	case s.NoLedger:
		return ingest.ErrNoLedger
	case s.DB == nil:
		return &Error{Op: "ledger", Table: s.Table, Reason: "DB is nil: set it to an open database"}
	}
	return nil
}

// unread gives the error of a look into the ledger that failed; nil if that is because it is not there: a
// database that answers, but not that.
func (s *Sink) unread(ctx context.Context, err error) error {
	e := s.fail(ctx, "ledger", "cannot read the ledger", err)
	if ctx.Err() != nil || e.Transient() || e.problem.Lost || s.ready.Load() {
		return e
	}
	var one int
	if err := s.DB.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return s.fail(ctx, "ledger", "cannot read the ledger", err)
	}
	switch missing := s.there(ctx); {
	case missing == nil:
		e.problem.AtOnce = true // another has made it meanwhile
		return e
	case ctx.Err() != nil || s.fail(ctx, "ledger", "", missing).Transient():
		return s.fail(ctx, "ledger", "cannot read the ledger", missing)
	}
	return nil
}

// there looks for the ledger's tables.
func (s *Sink) there(ctx context.Context) error {
	f := s.flavor()
	for _, t := range []string{runsTable, windowsTable, rejectsTable} {
		rows, err := s.DB.QueryContext(ctx, "SELECT run FROM "+f.Quote.path(s.Schema, t)+" WHERE 1 = 0")
		if err != nil {
			return err
		}
		rows.Next()
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	s.ready.Store(true)
	return nil
}

// makeLedger makes the ledger's tables, unless they are there.
func (s *Sink) makeLedger(ctx context.Context) error {
	if s.ready.Load() || s.there(ctx) == nil {
		return nil
	}
	err := s.transact(ctx, "ledger", func(t *transaction) error {
		if err := s.lock(ctx, t, "ledger"); err != nil {
			return err
		}
		for _, q := range s.LedgerDDL() {
			if _, err := t.ExecContext(ctx, q); err != nil {
				return s.fail(ctx, "ledger", "cannot make the tables of the ledger: see what the database says, and whether this user may; "+
					"make them as LedgerDDL says, or set NoLedger", err)
			}
		}
		return nil
	})
	if err != nil && s.there(ctx) == nil {
		return nil // another was first, which IF NOT EXISTS does not see everywhere
	}
	return err
}

// locksConnection says that Lock holds until the connection is closed.
func (f *Flavor) locksConnection() bool { return f.Lock != "" && !f.TransactionalDDL }

// lock makes those who make or drop the same tables wait for one another.
func (s *Sink) lock(ctx context.Context, t *transaction, tables string) error {
	f := s.flavor()
	if f.Lock == "" {
		return nil
	}
	t.locked = f.locksConnection()
	if _, err := t.ExecContext(ctx, f.Lock, "sluice "+s.Schema+" "+tables); err != nil {
		return s.fail(ctx, "ledger", "cannot wait for others that make tables", err)
	}
	return nil
}

// clean makes a text one that every database takes.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}
