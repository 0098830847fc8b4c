package ingesttest

import (
	"context"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest"
)

// NewBatch makes a batch of records, as a run would read them from a file of comma-separated values
// without a header row. [Null] stands for nothing between two commas. A field is quoted where it has to
// be: when it is empty, or has a comma, a quote, a line end or a byte order mark inside, or
// a space at either end. A record may
// be shorter or longer than the header. Without records the batch is that of a window of which no record
// is delivered.
//
// It panics if a column's name is empty or used twice, or if a field is not valid UTF-8: no run would
// give such a batch.
func NewBatch(header []string, records ...[]string) *ingest.Batch {
	var text strings.Builder
	for _, r := range records {
		writeRecord(&text, r)
	}
	if len(records) == 0 {
		text.WriteString("filtered\n")
	}
	return batch("", header, text.String(), dialect.NoPreamble, len(records) > 0)
}

// NewWindow makes a batch like NewBatch does, of the run with this ID, whose window begins at a byte of the source and
// has an entry for a ledger: for a test of a sink that is a ledger. The source is made up, so the offset is to be one
// that fits into memory; it is 0 or more.
func NewWindow(run string, header []string, offset int64, records ...[]string) *ingest.Batch {
	var text strings.Builder
	preamble := dialect.NoPreamble
	if offset > 0 {
		text.WriteString(strings.Repeat("-", int(offset-1)) + "\n")
		preamble = 1
	}
	for _, r := range records {
		writeRecord(&text, r)
	}
	if len(records) == 0 {
		text.WriteString("filtered\n")
	}
	b := batch(run, header, text.String(), preamble, len(records) > 0)
	w, window := b.Window(), text.String()[offset:]
	return b.WithEntry(&ingest.LedgerEntry{
		Offset: w.Offset, Length: w.Length, Record: w.Record,
		Rows: w.Rows, Delivered: int64(b.Len()), Filtered: w.Rows - int64(b.Len()),
		CRC:   crc32.Checksum([]byte(window), crc32.MakeTable(crc32.Castagnoli)),
		After: ingest.Mark{Line: w.Line + int64(strings.Count(window, "\n")), Record: w.Record + w.Rows, Patience: w.Patience},
	})
}

// batch reads what writeRecord wrote, below so many other lines. It keeps the records, or filters them.
func batch(run string, header []string, text string, preamble int, keep bool) *ingest.Batch {
	const whole = 256 << 20 // the most that a window can hold
	p := ingest.Pipeline{
		RunID:      run,
		Encoding:   "UTF-8",
		Dialect:    plain,
		Header:     ingest.Columns(header...),
		BatchBytes: whole, BatchRecords: 1 << 30,
		Workers: 1,
		Limits:  ingest.Limits{Record: whole, Columns: 1 << 24, QuotedLines: 1 << 30},
		Policy: ingest.Policy{
			Short: ingest.Keep, Long: ingest.Keep, Blank: ingest.Keep,
			NUL: ingest.Keep, Control: ingest.Keep, Invisible: ingest.Keep,
		},
	}
	p.Dialect.Preamble = preamble
	if !keep {
		p.Filter = func(ingest.Record) bool { return false }
	}
	var batch *ingest.Batch
	_, err := p.Run(context.Background(), strings.NewReader(text), ingest.SinkFunc(
		func(_ context.Context, b *ingest.Batch) error {
			batch = b
			return nil
		}))
	if err != nil {
		panic(fmt.Sprintf("ingesttest: NewBatch: %v", err))
	}
	return batch
}

// plain is the dialect that writeRecord writes.
var plain = dialect.Dialect{
	Delimiter:  ",",
	Quote:      `"`,
	Escape:     dialect.Doubled,
	Comment:    dialect.None,
	LineEnding: dialect.LF,
	SkipSpace:  dialect.Off,
	Preamble:   dialect.NoPreamble,
	HeaderRows: dialect.NoHeader,
}

func writeRecord(w *strings.Builder, fields []string) {
	for i, f := range fields {
		if i > 0 {
			w.WriteByte(',')
		}
		switch {
		case f == Null:
		case f == "" || strings.ContainsAny(f, ",\"\r\n\ufeff") || strings.TrimSpace(f) != f:
			w.WriteString(`"` + strings.ReplaceAll(f, `"`, `""`) + `"`)
		default:
			w.WriteString(f)
		}
	}
	w.WriteByte('\n')
}

// records gives a batch's records as NewBatch takes them.
func records(b *ingest.Batch) [][]string {
	all := make([][]string, 0, b.Len())
	for _, r := range b.All() {
		fields := r.Fields()
		for i := range fields {
			if r.Null(i) {
				fields[i] = Null
			}
		}
		all = append(all, fields)
	}
	return all
}
