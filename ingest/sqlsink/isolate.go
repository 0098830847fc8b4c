package sqlsink

import (
	"context"
	"fmt"
	"strings"
)

// defaultBudget is that of Sink.Budget.
const defaultBudget = 100

// isolate writes the records that the database takes, and notes those that it refuses. A record is refused only when it
// is refused alone, with all before it stored. So what the database says about which one it is only makes the search short.
func (a *attempt) isolate(ctx context.Context) error {
	if q := a.flavor.Immediate; q != "" {
		if _, err := a.t.ExecContext(ctx, q); err != nil {
			return a.sink.fail(ctx, "insert", "cannot have the constraints checked at once", err)
		}
	}
	a.step = a.batch.Len()
	return a.search(ctx, 0, a.batch.Len())
}

// search is isolate for the records from one to another.
func (a *attempt) search(ctx context.Context, from, to int) error {
	for from < to {
		// What is tried and refused costs as much as what is stored. So no more is tried than twice what came between the last
		// two that were refused, and twice as much when that goes well: the whole stays linear in the records.
		end := min(to, from+a.step)
		in, err := a.try(ctx, from, end)
		if err == nil {
			from, a.step = end, min(2*a.step, a.batch.Len())
			continue
		}
		if !a.sink.explain(err).Data {
			return a.refusal(ctx, in, err)
		}
		if end-from == 1 {
			a.refuse(from, err)
			a.step, a.next = 2*(end-a.next), end
			from = end
			continue
		}
		if a.failures++; a.failures > a.budget() {
			return a.fail(ctx, "insert", fmt.Sprintf("the database refuses too many of %s to tell them apart with a Budget of %d, "+
				"and nothing of the batch is stored: mend the file or the table, or raise Budget", whole(a.batch), a.budget()), err, in)
		}
		// What comes before the records in question is good, as a rule, and what is behind them is not known.
		half := in.from + (in.to-in.from)/2
		for _, cut := range []int{in.from, half, in.to} {
			if cut <= from || cut == end {
				continue
			}
			if err := a.search(ctx, from, cut); err != nil {
				return err
			}
			from = cut
		}
	}
	return nil
}

func (a *attempt) budget() int {
	if a.sink.Budget > 0 {
		return a.sink.Budget
	}
	return defaultBudget
}

// try writes the records from one to another; with an error, none.
func (a *attempt) try(ctx context.Context, from, to int) (part, error) {
	in := part{a.batch, from, to}
	if _, err := a.t.ExecContext(ctx, "SAVEPOINT sluice"); err != nil {
		return in, err
	}
	in, err := a.load(ctx, from, to)
	if err == nil {
		_, err = a.t.ExecContext(ctx, "RELEASE SAVEPOINT sluice")
		return in, err
	}
	if p := a.sink.explain(err); !p.Data {
		return in, err
	}
	// The savepoint is let go as well: the next one would nest in it, which in PostgreSQL costs more with each.
	for _, q := range []string{"ROLLBACK TO SAVEPOINT sluice", "RELEASE SAVEPOINT sluice"} {
		if _, back := a.t.ExecContext(ctx, q); back != nil {
			return in, fmt.Errorf("%w: the transaction is gone after: %v", back, err) // not what err is: the search is over
		}
	}
	return in, err
}

// refuse notes a record that the database refuses. The reason says nothing of what the database says, which may write
// values differently than the file does.
func (a *attempt) refuse(record int, err error) {
	p := a.sink.explain(err)
	column := p.Column
	for i, c := range a.into.Columns[:a.fields] {
		if strings.EqualFold(c, column) {
			column = a.header[i].Name
			break
		}
	}
	a.refused = append(a.refused, a.batch.Record(record).Refuse(column, p.Code, a.refusedBy(p.Code), err))
}

// refusedBy says that a record is refused, and why as far as the database's code tells that.
func (w *writer) refusedBy(code string) string {
	if code != "" {
		code = " (" + code + ")"
	}
	return w.flavor.Name + " refuses it" + code + ": mend the record or the table"
}
