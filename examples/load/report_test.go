package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
)

// found is a file of which all is certain; change makes it less so.
func found(change func(*ingest.Found)) *ingest.Found {
	f := &ingest.Found{
		Encoding: encoding.Guess{Label: "UTF-8", Confidence: 1},
		Dialect: dialect.Guess{Dialect: dialect.Dialect{Delimiter: ",", Quote: `"`, Escape: dialect.Doubled, LineEnding: dialect.LF, HeaderRows: 1},
			Columns: 2, Confidence: 1, HeaderConfidence: 1},
		Header: ingest.Columns("id", "name"),
	}
	if change != nil {
		change(f)
	}
	return f
}

func TestResult_print(t *testing.T) {
	done := func(f *ingest.Found) ingest.Status {
		return ingest.Status{State: ingest.Done, Found: f, Read: 10, Delivered: 10, Elapsed: 2 * time.Second, Rate: 5000}
	}
	for _, tt := range []struct {
		name   string
		status ingest.Status
		err    error
		want   []string
		not    []string
	}{
		{"all is well", done(found(nil)), nil, []string{"2 columns, a header row\n", "10 read: 10 loaded\n", "2 s, 5 rows and 5.0 kB a second", "loaded into table t of out.db"}, []string{"check", "rejected"}},
		{"an encoding that is a guess", done(found(func(f *ingest.Found) {
			f.Encoding = encoding.Guess{Label: "windows-1252", Confidence: .5, RunnersUp: []encoding.Candidate{
				{Label: "windows-1254", Confidence: .4, Same: true}, {Label: "windows-1250", Confidence: .25}}}
		})), nil, []string{"check     the encoding is a guess (50 %), it could be windows-1250 (25 %): "}, nil},
		{"two encodings", done(found(func(f *ingest.Found) { f.Encoding.Mixed = "windows-1252" })), nil, []string{"UTF-8 mixed with windows-1252, delimiter"}, nil},
		{"a dialect that is a guess", done(found(func(f *ingest.Found) {
			f.Dialect.Confidence = .6
			f.Dialect.RunnersUp = []dialect.Candidate{{Dialect: dialect.Dialect{Delimiter: ";"}}}
		})), nil, []string{`the dialect is a guess (60 %), it could have delimiter ";": `}, nil},
		{"one column", done(found(func(f *ingest.Found) { f.Dialect.Columns, f.Dialect.Confidence = 1, .3 })), nil, []string{"only one column was found"}, []string{"dialect is a guess"}},
		{"a header that is a guess", done(found(func(f *ingest.Found) { f.Dialect.HeaderConfidence = .55 })), nil, []string{"whether there is a header is a guess (55 %)"}, nil},
		{"no header", done(found(func(f *ingest.Found) {
			f.Dialect.HeaderRows, f.Header = dialect.NoHeader, ingest.Columns("column_1", "column_2")
		})), nil, []string{"2 columns, no header row", "the columns are called column_1 to column_2"}, nil},
		{"no header, one column", done(found(func(f *ingest.Found) {
			f.Dialect.HeaderRows, f.Header = dialect.NoHeader, ingest.Columns("column_1")
		})), nil, []string{"1 column, no header row", "the column is called column_1\n"}, nil},
		{"a name used twice", done(found(func(f *ingest.Found) { f.Header = ingest.Header{{Name: "a"}, {Name: "a_2", Given: "a"}} })), nil,
			[]string{`column 2 is called "a" as is one before it: in the table it is "a_2"`}, nil},
		{"a name that SQL cannot tell from another", done(found(func(f *ingest.Found) { f.Header = ingest.Columns("id", "ID") })), nil,
			[]string{`column 2 is called "ID" as is one before it: in the table it is "ID_2"`}, nil},
		{"unusual all over", done(found(func(f *ingest.Found) {
			f.Container, f.Parent, f.Header = "gzip", "run-1", ingest.Columns("id")
			f.Dialect.Dialect = dialect.Dialect{Delimiter: "\t", Quote: dialect.None, LineEnding: dialect.Mixed, HeaderRows: 2, Preamble: 1}
		})), nil, []string{"UTF-8 in gzip, delimiter TAB, MIXED line ends, quote none\n", "1 column, 2 header rows, 1 line above the table\n", "mended rejects of run run-1\n"}, nil},
		{"rejects", ingest.Status{Found: found(nil), Read: 20_000, Delivered: 15_000, Rejected: 4_000, Skipped: 1_000,
			Rejects:   map[ingest.Code]int64{ingest.CodeNUL: 1_000, ingest.CodeTooFewFields: 3_000},
			Tolerated: map[ingest.Code]int64{ingest.CodeInvisible: 7},
			Problems:  []ingest.RecordError{{Position: ingest.Position{Line: 4_000}, Reason: "is short"}}}, nil,
			[]string{"20,000 read: 15,000 loaded, 4,000 rejected, 1,000 skipped (blank lines and comments)\n",
				"rejected  3,000 × too few fields, 1,000 × nul\n", "line 4,000: is short\n", "and 3,997 more\n", "t.rejects.csv: mend them there",
				"20 % of the rows are rejected", "7 × invisible space", "with -append\n            those with too few fields are loaded as they are with -append -short keep\n"}, nil},
		{"few rejects are short", ingest.Status{Found: found(nil), Read: 100, Delivered: 98, Rejected: 2, Rejects: map[ingest.Code]int64{ingest.CodeNUL: 1, ingest.CodeTooFewFields: 1}}, nil,
			[]string{"with -append\n"}, []string{"-short"}},
		{"nothing in it", ingest.Status{Found: found(func(f *ingest.Found) { f.Header = nil })}, nil, []string{"there is nothing in it to load"}, []string{"check"}},
		{"stopped", ingest.Status{Found: found(nil), Delivered: 1234}, fmt.Errorf("run: %w", context.Canceled), []string{"stopped   1,234 rows of this file stored in table t of out.db"}, []string{"failed"}},
		{"failed", ingest.Status{Found: found(nil)}, io.ErrUnexpectedEOF, []string{"failed    unexpected EOF\n", "nothing of this file is stored"}, nil},
		{"failed behind a row", ingest.Status{Found: found(nil), Delivered: 1}, io.ErrUnexpectedEOF, []string{"1 row of this file stored in table t of out.db, "}, nil},
		{"cannot be read", ingest.Status{Found: &ingest.Found{}}, &ingest.RunError{Code: ingest.CodeRead, Reason: "reading failed", Err: io.ErrUnexpectedEOF},
			[]string{"t.csv\n  failed    reading failed: unexpected EOF\n\n"}, []string{"found"}},
		{"the sink failed", ingest.Status{Found: found(nil)}, errors.Join(&ingest.SinkError{Code: ingest.CodeSink, Op: "write", First: ingest.Position{Line: 7},
			Err: errors.New(`sqlitesink: "out.db": sqlsink: insert: table "t": refused` + "\nbecause")}),
			[]string{"failed    \"out.db\": insert: table \"t\": refused; because\n"}, []string{"ingest", "sqlsink", "line 7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			result{path: "t.csv", db: "out.db", table: "t", rejects: "t.rejects.csv", status: tt.status, err: tt.err}.print(&out)
			for _, want := range tt.want {
				assert.Contains(t, out.String(), want)
			}
			for _, not := range tt.not {
				assert.NotContains(t, out.String(), not)
			}
		})
	}
}

// What the report says of a load that was begun before.
func TestResult_begunBefore(t *testing.T) {
	for _, tt := range []struct {
		name   string
		result result
		want   []string
		not    []string
	}{
		{"it goes on", result{before: 1234, status: ingest.Status{Read: 5000, Delivered: 4990, Rejected: 10, Earlier: 1240, Retries: 2, Elapsed: 2 * time.Second}},
			[]string{"resumed   goes on where it ended: 1,234 rows were stored\n", "5,000 read: 4,990 loaded", "2 s, 1,880 rows and 0 B a second, 2 times tried again\n", "done      loaded into table t of out.db\n"}, nil},
		{"one row", result{before: 1, status: ingest.Status{Read: 2, Earlier: 1}}, []string{"it ended: 1 row was stored\n"}, nil},
		{"nothing was stored", result{status: ingest.Status{Read: 2}}, []string{"done      loaded into"}, []string{"resumed", "all of it"}},
		{"nothing is left", result{before: 2, status: ingest.Status{Read: 2, Delivered: 2, Earlier: 2}}, []string{"done      all of it was loaded into table t of out.db before"}, []string{"resumed"}},
		{"it does not begin", result{before: 1234, err: &ingest.RunError{Code: ingest.CodeSettings, Kind: ingest.ErrSettings, Reason: "use another Pipeline.RunID"}},
			[]string{"failed    use another -run\n", "1,234 rows of this file stored in table t of out.db, start again to go on there"}, []string{"resumed", "[settings]"}},
		{"another loads it", result{before: 1234, err: &ingest.SinkError{Code: ingest.CodeOwned, Op: "claim", Err: fmt.Errorf("sqlsink: it is another's: %w", ingest.ErrOwned)}},
			[]string{"failed    it is another's: the run belongs to another process\n\n"}, []string{"stored in"}},
		{"the source has changed", result{before: 1234, err: &ingest.RunError{Code: ingest.CodeChanged, Kind: ingest.ErrSourceChanged, Reason: "it has changed"}},
			[]string{"failed    it has changed; -append -run NAME loads it as a new one\n"}, nil},
		{"the rejects are not written", result{unwritten: true, status: ingest.Status{Read: 3, Rejected: 1}, err: errors.New("no room")},
			[]string{"they are in table sluice_rejects\n", "failed    no room\n"}, []string{"mend them"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.result
			r.path, r.db, r.table, r.rejects, r.known = "t.csv", "out.db", "t", "t.rejects.csv", true
			r.status.Found = found(nil)
			var out bytes.Buffer
			r.print(&out)
			for _, want := range tt.want {
				assert.Contains(t, out.String(), want)
			}
			for _, not := range tt.not {
				assert.NotContains(t, out.String(), not)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		assert.Equal(t, want, count(n))
	}
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 12345: "12 kB", 1.5e6: "1.5 MB", 2e9: "2.0 GB", 5e15: "5000 TB"} {
		assert.Equal(t, want, size(n))
	}
	for d, want := range map[time.Duration]string{0: "0 ms", 999 * time.Millisecond: "999 ms", 1500 * time.Millisecond: "1.5 s", 2 * time.Second: "2 s",
		12340 * time.Millisecond: "12 s", 61 * time.Second: "1 min 1 s", 2*time.Hour + 5*time.Minute: "2 h 5 min"} {
		assert.Equal(t, want, span(d))
	}
	assert.Equal(t, `'"'`, visible(`"`))
}

func TestDetails(t *testing.T) {
	s := ingest.Status{Found: found(nil), State: ingest.Running, Delivered: 1500, Rejected: 2, Rate: 2e6, ETA: 90 * time.Second, Bottleneck: ingest.StageSink}
	retried := s
	retried.Retries = 3
	unknown := s
	unknown.ETA, unknown.Rejected = -1, 0
	for _, tt := range []struct {
		status ingest.Status
		width  int
		want   string
	}{
		{ingest.Status{}, 80, "looking at it"},
		{s, 80, "1,500 rows  2.0 MB/s  1 min 30 s left  2 rejected  busy storing"},
		{retried, 90, "1,500 rows  2.0 MB/s  1 min 30 s left  2 rejected  3 tried again  busy storing"},
		{s, 60, "1,500 rows  2.0 MB/s  1 min 30 s left  2 rejected"},
		{s, 45, "1,500 rows  2.0 MB/s  1 min 30 s left"},
		{s, 5, "1,500 rows"},
		{unknown, 80, "1,500 rows  2.0 MB/s  busy storing"},
	} {
		assert.Equal(t, tt.want, details(tt.status, tt.width))
	}
}

func TestPercent(t *testing.T) {
	assert.Equal(t, "", percent(ingest.Status{}))
	assert.Equal(t, "", percent(ingest.Status{Found: found(nil), Size: -1}))
	assert.Equal(t, " 25 %", percent(ingest.Status{Found: found(nil), Size: 400, Consumed: 100}))
	assert.Equal(t, "100 %", percent(ingest.Status{Found: found(nil), State: ingest.Done}))
}

// However a run ends, the bar goes away.
func TestBar(t *testing.T) {
	for _, statuses := range [][]ingest.Status{
		nil,
		{{State: ingest.Sniffing, Size: -1}},
		{{Found: found(nil), State: ingest.Running, Size: 100, Consumed: 10}},
		{{Found: found(nil), State: ingest.Running, Size: 100, Consumed: 100}, {Found: found(nil), State: ingest.Done, Size: 100, Consumed: 100}},
		{{Found: found(nil), State: ingest.Failed, Size: -1, Consumed: 100}},
	} {
		b := newBar(io.Discard, "t.csv")
		for _, s := range statuses {
			b.Report(s)
		}
		b.remove()
		b.Report(ingest.Status{Size: 100}) // a last one that comes late does no harm
	}
}
