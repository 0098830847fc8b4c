package sqlsink

import (
	"context"
	"iter"

	"github.com/sluicecsv/sluice/ingest"
)

// Rejects gives the rejects of a run, in the order of the source, as the ledger has them: each once, however often the
// run was broken off. An error is the last thing that comes. Reason is what the database said of a record that it
// refused, which may hold values; the others have none. It holds a connection until the loop ends.
func (s *Sink) Rejects(ctx context.Context, run string) iter.Seq2[*ingest.RecordError, error] {
	return func(yield func(*ingest.RecordError, error) bool) {
		if err := s.usable(); err != nil {
			yield(nil, err)
			return
		}
		f, _, _, rejects := s.ledger()
		query, args := f.query("SELECT byte_offset, line, record, code, store_code, column_number, column_name, message, raw FROM "+
			rejects+" WHERE run = ", param{run}, " ORDER BY byte_offset")
		rows, err := s.DB.QueryContext(ctx, query, args...)
		if err != nil {
			if err := s.unread(ctx, err); err != nil {
				yield(nil, err)
			}
			return
		}
		defer rows.Close()
		for rows.Next() {
			var e ingest.RecordError
			if err := rows.Scan(&e.Offset, &e.Line, &e.Record, &e.Code, &e.Store, &e.Column, &e.ColumnName, &e.Reason, &e.Raw); err != nil {
				yield(nil, s.fail(ctx, "ledger", "cannot read a reject", err))
				return
			}
			e.Truncated = e.Code == ingest.CodeRecordTooLarge
			if !yield(&e, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, s.fail(ctx, "ledger", "cannot read the rejects", err))
		}
	}
}
