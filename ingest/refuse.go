package ingest

import "context"

// A SelectiveWriter is a Writer that can tell the records of a batch that the store refuses, for a constraint, a type, a
// length, from those that it takes.
type SelectiveWriter interface {
	Writer

	// WriteGood is called instead of Write where Policy.Refused is Reject. It stores the batch but for the records that the
	// store refuses, and returns those in their order, as Record.Refuse makes them. A sink that is a Ledger enters the
	// window as LedgerEntry.Refuse gives it. With an error nothing of the batch is stored.
	WriteGood(ctx context.Context, b *Batch) (refused []*RecordError, err error)
}

// Refuse makes the error of a record that the store refuses. Column is the name of the column that it is for, if that is
// known. Reason says what is wrong, without values; err is the store's own error, and code the store's own code for it.
func (r Record) Refuse(column, code, reason string, err error) *RecordError {
	e := &RecordError{Position: r.Position(), Code: CodeRefused, Reason: reason, Store: code, Raw: r.Raw(), Err: err}
	if i := r.Header().Index(column); i >= 0 {
		e.Column, e.ColumnName = i+1, column
	}
	return e
}

// refuse counts records that the store refuses: they are rejected, not delivered.
func (c *counts) refuse(refused []*RecordError) {
	c.delivered -= int64(len(refused))
	c.rejected += int64(len(refused))
	for _, e := range refused {
		c.rejects[e.Code]++
	}
}
