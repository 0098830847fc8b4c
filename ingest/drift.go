package ingest

import (
	"bytes"
	"fmt"

	"github.com/sluicecsv/sluice/dialect"
)

// A Change is a place in the source from which on it is not what it was: a header that comes again, another
// table, totals and notes below it (CodeRepeatedHeader, CodeOtherTable, CodeBelow), or records that from
// there on all have another number of fields (CodeDrift). It is told, whatever the policy does about the rows.
type Change struct {
	Position
	Code   Code   `json:"code"`
	Fields int    `json:"fields"` // that the record at Position has
	Reason string `json:"reason"` // what changes, without values

	// Delimiter is what stands between the fields from there on, where that is what has changed (CodeDrift).
	Delimiter string `json:"delimiter,omitempty"`
}

// driftRows is how many records in a row must have the same number of fields, which is not the table's, for
// a change to be told.
const driftRows = 20

// A widthRun is a run of records with the same number of fields, which is not that of the columns; 0: with
// that of the columns.
type widthRun struct {
	fields int
	rows   int
	at     Position
	first  []int // the first driftRows rows, from the window's first, if fields is not 0
}

// ofWidth counts the record in hand, which has n fields. Those that are to be mended may all have another
// number.
func (p *parser) ofWidth(n int) { p.ofWidths(n, 1) }

// ofWidths counts some records, the last of which is in hand; more than one if they have the table's number of
// fields.
func (p *parser) ofWidths(n, rows int) {
	if p.w.found.trailer > 0 {
		return
	}
	if n == p.columns() {
		n = 0
	}
	runs := p.out.runs
	if len(runs) > 0 && runs[len(runs)-1].fields == n {
		run := &runs[len(runs)-1]
		if run.rows += rows; n > 0 && run.rows <= driftRows {
			run.first = append(run.first, p.row)
		}
		return
	}
	run := widthRun{fields: n, rows: rows}
	if n > 0 {
		run.at, run.first = p.position(), []int{p.row}
	}
	// Of the runs in the middle only those that tell a change are kept.
	if last := len(runs) - 1; last > 0 && (runs[last].fields == 0 || runs[last].rows < driftRows) {
		p.out.runs[last] = run
		return
	}
	p.out.runs = append(runs, run)
}

// drift gives the changes that the widths of a window's records show, and the row at which the first of them
// is certain; -1 for none. The first run of the window goes on where the window before it ended.
func (v *verdict) drift(w *window, out *parsed) (changes []Change, row int) {
	row = -1
	for i, run := range out.runs {
		before := 0
		if i == 0 && run.fields == v.run.fields {
			before = v.run.rows
			run.rows, run.at = before+run.rows, v.run.at
		} else {
			v.beginning = v.beginning[:0]
		}
		if v.run = run; run.fields > 0 && before < driftRows && run.rows >= driftRows && v.drifts < MaxProblems {
			v.drifts++
			if changes = append(changes, v.drifted(w)); row < 0 {
				row = run.first[driftRows-before-1]
			}
		}
	}
	if v.run.fields > 0 && v.run.rows < driftRows {
		v.collect(w)
	}
	return changes, row
}

// collect adds what a window has of the run in hand to its beginning.
func (v *verdict) collect(w *window) {
	const enough = 16 << 10
	raw := w.raw[max(0, v.run.at.Offset-w.Offset):]
	v.beginning = append(v.beginning, raw[:min(len(raw), enough-len(v.beginning))]...)
}

// drifted describes the change at which the run in hand begins. Another delimiter is looked for in its first
// lines: as many as there are, wherever the windows end.
func (v *verdict) drifted(w *window) Change {
	columns := len(w.found.Header)
	c := Change{Position: v.run.at, Code: CodeDrift, Fields: v.run.fields,
		Reason: fmt.Sprintf("from here on the records have %s, the table has %s", plural(v.run.fields, "field"), plural(columns, "column"))}
	v.collect(w)
	text := decodeSample(w.lens.enc, w.lens.other, v.beginning)
	lines := bytes.SplitAfterN(text, []byte("\n"), driftRows+1)
	text = bytes.Join(lines[:min(len(lines), driftRows)], nil)
	g := dialect.Sniff(text, dialect.Dialect{Preamble: dialect.NoPreamble, HeaderRows: dialect.NoHeader})
	if g.Delimiter != w.found.Dialect.Delimiter && g.Columns == columns && columns > 1 && g.Confidence >= doubtful {
		c.Delimiter = g.Delimiter
		c.Reason += fmt.Sprintf("; with the delimiter %q in place of %q they fit", g.Delimiter, w.found.Dialect.Delimiter)
	}
	return c
}
