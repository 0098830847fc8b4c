package sqlsink

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"slices"
)

// stageOffset is the column of a stage that says where a record stands in the source, unless OffsetColumn does.
const stageOffset = "sluice_offset"

// StageTable gives the name of the table, in Schema, that records of a run are in until it is done, unless the Mode is
// Append.
func StageTable(run string) string {
	sum := sha256.Sum256([]byte(run))
	return "sluice_stage_" + hex.EncodeToString(sum[:8])
}

// stageColumns gives the columns of a stage: the table's that records go into, and where they stand.
func stageColumns(s *Sink, columns []string) []string {
	if s.OffsetColumn != "" {
		return columns
	}
	return slices.Concat(columns, []string{stageOffset})
}

// makeStage makes the stage of a writer's run, unless it is there.
func (s *Sink) makeStage(ctx context.Context, w *writer) error {
	f := s.flavor()
	probe := f.insert(f.Quote.path(w.into.Schema, w.into.Table), w.into.Columns, 1)
	unknown := func(missing error) error { // whether it is there
		if missing == nil {
			return nil
		}
		if e := s.fail(ctx, "stage", "cannot look for "+w.into.Table, missing); ctx.Err() != nil || e.Transient() {
			return e
		}
		return nil
	}
	// Where a table that is made ends the transaction, an owner before may be about to drop this one: there the look that
	// counts is the one under the lock.
	again := f.locksConnection()
	_, missing := w.prepare(ctx, probe)
	if err := unknown(missing); err != nil || missing == nil && !again {
		return err
	}
	err := s.transact(ctx, "stage", func(t *transaction) error {
		if err := s.lock(ctx, t, w.into.Table); err != nil {
			return err
		}
		if err := s.hold(ctx, t, w.claim); err != nil {
			return err
		}
		r, err := s.mine(ctx, t, w.claim)
		if err != nil {
			return err
		}
		if again {
			var stmt *sql.Stmt
			if stmt, missing = t.PrepareContext(ctx, probe); missing == nil {
				return stmt.Close()
			}
			if err := unknown(missing); err != nil {
				return err
			}
		}
		switch n, err := s.pending(ctx, t, r); {
		case err != nil:
			return err
		case n > 0:
			return s.fail(ctx, "stage", "the table "+w.into.Table+" with what is stored of the run is gone, or not what it was: "+
				"undo the run and begin anew", missing)
		}
		for _, q := range s.stageDDL(w) {
			if _, err := t.ExecContext(ctx, q); err != nil {
				return s.fail(ctx, "stage", "cannot make the table "+w.into.Table+" for what is not done: "+
					"see what the database says, and whether this user may", err)
			}
		}
		// It is empty: this moves nothing, and shows whether it could.
		for _, q := range s.moveSQL(f, r.mode, r.Run, w.into.Columns[:w.stored]) {
			if _, err := t.ExecContext(ctx, q); err != nil {
				return s.fail(ctx, "stage", "cannot move what will be in "+w.into.Table+": "+
					"see what the database says; Upsert needs a unique index of the columns in Key", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := w.prepare(ctx, probe); err != nil {
		if _, lost := s.mine(ctx, s.DB, w.claim); lost != nil {
			return lost // and whoever has the run now has dropped it
		}
		return s.fail(ctx, "stage", "cannot insert into "+w.into.Table, err)
	}
	return nil
}

// pending gives how many windows have records in the stage of a run, which are not in the table yet.
func (s *Sink) pending(ctx context.Context, t *transaction, r *run) (n int64, err error) {
	f, _, windows, _ := s.ledger()
	_, err = f.row(ctx, t, []any{&n},
		"SELECT COUNT(*) FROM "+windows+" WHERE delivered > 0 AND epoch > ", param{r.moved}, " AND run = ", param{r.Run})
	if err != nil {
		return 0, s.fail(ctx, "stage", "cannot read what is stored", err)
	}
	return n, nil
}

// dropUsed drops the stage of a run that nothing is pending in. Where that is no part of a transaction, a process that
// was killed may have left one when the run was done or undone, and what is in it must not get into the table again.
func (s *Sink) dropUsed(ctx context.Context, t *transaction, r *run) error {
	if r.mode == Append {
		return nil
	}
	n, err := s.pending(ctx, t, r)
	if err != nil || n > 0 {
		return err
	}
	return s.drop(ctx, t, r.Run)
}

// dropLeft drops the stage of a run that is done or undone, where the transaction that made it so could not: unless the run is
// under way again, or something is stored there.
func (s *Sink) dropLeft(ctx context.Context, run string) error {
	return s.transact(ctx, "stage", func(t *transaction) error {
		if err := s.lock(ctx, t, StageTable(run)); err != nil {
			return err
		}
		r, err := s.readRun(ctx, t, run)
		switch {
		case err != nil:
			return s.fail(ctx, "stage", "cannot read the run", err)
		case r == nil || r.held:
			return nil
		}
		return s.dropUsed(ctx, t, r)
	})
}

// stageDDL gives the statements that make a stage: a table whose columns are those of the sink's table. Where the database
// cannot make one like another, it selects nothing from both tables that have columns of the right types.
func (s *Sink) stageDDL(w *writer) []string {
	f, _, windows, _ := s.ledger()
	stage, table := f.Quote.path(w.into.Schema, w.into.Table), f.Quote.path(s.Schema, s.Table)
	own := w.into.Columns[:w.stored]
	extra := len(own) < len(w.into.Columns)
	drop := "DROP TABLE IF EXISTS " + stage
	if f.Like != "" {
		create := "CREATE TABLE " + stage + " (LIKE " + table + " " + f.Like
		if extra {
			create += ", " + f.Quote.name(stageOffset) + " BIGINT"
		}
		return []string{drop, create + ")"}
	}
	create := "CREATE TABLE " + stage + " AS SELECT "
	for i, c := range own {
		if i > 0 {
			create += ", "
		}
		create += "t." + f.Quote.name(c)
	}
	if extra {
		create += ", w.byte_offset AS " + f.Quote.name(stageOffset)
	}
	return []string{drop, create + " FROM " + table + " t, " + windows + " w WHERE 1 = 0"}
}

// drop drops the stage of a run, if it is there.
func (s *Sink) drop(ctx context.Context, t *transaction, run string) error {
	stage := StageTable(run)
	if _, err := t.ExecContext(ctx, "DROP TABLE IF EXISTS "+s.flavor().Quote.path(s.Schema, stage)); err != nil {
		return s.fail(ctx, "stage", "cannot drop the table "+stage+", which is of no use any more", err)
	}
	return nil
}

// move puts what is in the stage of a run into the table, in the order of the source. A run that was done before, and whose
// source has grown, adds to what it moved then.
func (s *Sink) move(ctx context.Context, t *transaction, r *run) error {
	if r.Found == nil || len(r.Found.Header) == 0 {
		return nil // there was nothing that a stage could be made for
	}
	f := s.flavor()
	fail := func(err error) error {
		e := s.fail(ctx, "release", "the table does not take what is in "+StageTable(r.Run)+", and nothing of the run is in it: "+
			"mend one of them, and run it again", err)
		if e.Transient() {
			e.Reason = "cannot move now what is in " + StageTable(r.Run) + ", and nothing of the run is in the table"
		} else {
			e.hide() // it may have values
		}
		return e
	}
	if r.mode == Replace && r.moved == 0 {
		if _, err := t.ExecContext(ctx, "DELETE FROM "+f.Quote.path(s.Schema, s.Table)); err != nil {
			return fail(err)
		}
	}
	for _, q := range s.moveSQL(f, r.mode, r.Run, s.columns(r.Found.Header)) {
		if _, err := t.ExecContext(ctx, q); err != nil {
			return fail(err)
		}
	}
	return nil
}

// moveSQL gives the statements that add what is in a stage to the table.
func (s *Sink) moveSQL(f *Flavor, mode Mode, run string, columns []string) []string {
	all, offset := f.Quote.names(columns), f.Quote.name(cmp.Or(s.OffsetColumn, stageOffset))
	table, from, behind := f.Quote.path(s.Schema, s.Table), f.Quote.path(s.Schema, StageTable(run)), ""
	var before []string
	if mode == Upsert {
		before, from, behind = s.upsertSQL(f, columns, table, from, offset)
	}
	return append(before, "INSERT INTO "+table+" ("+all+") SELECT "+all+" FROM "+from+" ORDER BY "+offset+behind)
}

// upsertSQL gives what Upsert does first, what it selects from and how it inserts. Of rows with the same key one is left,
// as a statement may not change a row twice; a key with a null is equal to none.
func (s *Sink) upsertSQL(f *Flavor, columns []string, table, stage, offset string) (before []string, from, behind string) {
	order := " DESC"
	var key, update []string
	for _, c := range s.Key {
		key = append(key, f.Quote.name(c))
	}
	if s.OnConflict == Keep {
		order = ""
	} else {
		for _, c := range columns {
			if !slices.Contains(s.Key, c) {
				update = append(update, f.Quote.name(c))
			}
		}
	}
	const rank = "sluice_rank"
	from = "(SELECT x.*, ROW_NUMBER() OVER (PARTITION BY " + f.Quote.names(s.Key) + " ORDER BY " + offset + order + ") AS " + rank +
		" FROM " + stage + " x) s WHERE (" + rank + " = 1"
	for _, k := range key {
		from += " OR " + k + " IS NULL"
	}
	from += ")"
	before, where, behind := f.Upsert(table, from, key, update)
	return before, from + where, behind
}
