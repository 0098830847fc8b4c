package ingesttest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/sluicecsv/sluice/ingest"
)

// A Subject is a sink that sits the exam, with an empty store of its own.
type Subject struct {
	// Sink is the sink under examination.
	Sink ingest.Sink

	// Stored reads back every record that is stored, in any order: its fields in the order of the
	// columns, with Null for what has no value. It is called after the first Open.
	Stored func() ([][]string, error)

	// Columns are the columns that the sink takes. Default: any, and the exam makes them up.
	Columns []string

	// NoNull says that the store cannot tell a field without a value from an empty one.
	NoNull bool

	// Undoes says that everything a run wrote is taken back when a Writer is closed with a cause, and
	// that nothing need be seen before it is closed without.
	Undoes bool

	// Poison is a record that the store refuses, so that Write fails: of a text that a check forbids, for
	// example. Default: the exam does not ask what happens then.
	Poison []string

	// Block makes the store hang, as another's lock or a lost network does, until release is called.
	// Default: the exam does not ask what happens when a Write is canceled that hangs in the store.
	Block func() (release func(), err error)
}

// Exam asks a sink whether it keeps the contract of [ingest.Sink] and [ingest.Writer]: what is
// acknowledged is stored exactly once, of what is not there is nothing, values come back as they were,
// whatever they are, several writers do not get into each other's way, and a canceled Write returns soon.
// Every question is a subtest, and gets a Subject of its own from a function that may use t.TempDir and
// t.Cleanup.
//
// What a crash leaves behind is asked by [Crash].
func Exam(t *testing.T, subject func(t *testing.T) Subject) {
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			c := &candidate{Subject: subject(t), patience: patience}
			if q.needs != nil {
				if missing := q.needs(c); missing != "" {
					t.Skip(missing)
				}
			}
			if err := q.ask(c); err != nil {
				t.Error(err)
			}
		})
	}
}

// ReadSQL gives every row of a query as a Subject's Stored does: as text, with Null for NULL.
func ReadSQL(ctx context.Context, db *sql.DB, query string) ([][]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("ingesttest: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("ingesttest: %w", err)
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var all [][]string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("ingesttest: %w", err)
		}
		fields := make([]string, len(values))
		for i, v := range values {
			if fields[i] = v.String; !v.Valid {
				fields[i] = Null
			}
		}
		all = append(all, fields)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ingesttest: %w", err)
	}
	return all, nil
}
