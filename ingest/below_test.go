package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
)

// ordered reads text in windows of so many records, by Run with three workers and by Records, which must agree,
// and gives each record and reject in a word: "1+Ann", "below_table@7" for one on line 7.
func ordered(t *testing.T, p ingest.Pipeline, text []byte, records int) ([]string, ingest.Status, error) {
	t.Helper()
	p.Workers, p.BatchRecords = 3, records
	var pulled []string
	var last error
	for r, err := range p.Records(t.Context(), strings.NewReader(string(text))) {
		var bad *ingest.RecordError
		switch {
		case errors.As(err, &bad):
			pulled = append(pulled, fmt.Sprintf("%s@%d", bad.Code, bad.Line))
			last = err
		case err != nil:
			last = err
		default:
			pulled = append(pulled, strings.Join(r.Fields(), "+"))
			last = nil
		}
	}
	var c collect
	rejects := map[int64]string{}
	p.Rejects = ingest.RejectFunc(func(_ context.Context, _ *ingest.Found, all []*ingest.RecordError) error {
		for _, e := range all {
			rejects[e.Record] = fmt.Sprintf("%s@%d", e.Code, e.Line)
		}
		return nil
	})
	status, err := p.Run(t.Context(), strings.NewReader(string(text)), ingest.SinkFunc(c.write))
	var ran []string
	for n := range int64(1000) {
		if r, ok := c.records[n]; ok {
			ran = append(ran, strings.Join(r, "+"))
		}
		if r, ok := rejects[n]; ok {
			ran = append(ran, r)
		}
	}
	assert.Equal(t, ran, pulled, "Run and Records")
	if err != nil {
		assert.Equal(t, err, last)
	}
	assert.Equal(t, status.Read, status.Delivered+status.Rejected+status.Filtered+status.Skipped)
	return ran, status, err
}

// What stands below the table is treated as the policy says, wherever the windows end.
func TestBelow(t *testing.T) {
	const table = "id,name,price\n1,Ann,2.50\n2,Bob,3.50\n3,Eve,4.50\n"
	const first = "1+Ann+2.50 2+Bob+3.50 3+Eve+4.50"
	header := table + "id,name,price\n4,Tim,5.50\n"
	totals := table + "Total,,10.50\n\n"
	aside := table + "\nnot yet paid:\n# a comment\n4,Tim,5.50\n"
	other := table + "\nday,who,city\n2024-01-05,Jo,Ulm\n2024-01-06,Lu,Ulm\n\nid,name,price\n4,Tim,5.50\n"
	for _, test := range []struct {
		name, text string
		policy     ingest.Policy
		want       string // behind the first three records
		skipped    int64
		change     ingest.Code
		line       int64
	}{
		{"header, default", header, ingest.Policy{}, "4+Tim+5.50", 1, ingest.CodeRepeatedHeader, 5},
		{"header, skip", header, ingest.Policy{RepeatedHeader: ingest.Skip}, "4+Tim+5.50", 1, ingest.CodeRepeatedHeader, 5},
		{"header, keep", header, ingest.Policy{RepeatedHeader: ingest.Keep}, "id+name+price 4+Tim+5.50", 0, ingest.CodeRepeatedHeader, 5},
		{"header, reject", header, ingest.Policy{RepeatedHeader: ingest.Reject}, "repeated_header@5 4+Tim+5.50", 0, ingest.CodeRepeatedHeader, 5},
		{"header, stop", header, ingest.Policy{RepeatedHeader: ingest.Stop}, "repeated_header@5", 0, ingest.CodeRepeatedHeader, 5},
		{"totals, default", totals, ingest.Policy{}, "below_table@5", 0, ingest.CodeBelow, 5},
		{"totals, as Bad", totals, ingest.Policy{Bad: ingest.Reject}, "below_table@5", 1, ingest.CodeBelow, 5},
		{"totals, skip", totals, ingest.Policy{Below: ingest.Skip}, "", 2, ingest.CodeBelow, 5},
		{"totals, keep", totals, ingest.Policy{Below: ingest.Keep}, "Total++10.50", 1, ingest.CodeBelow, 5},
		{"a note, stop", aside, ingest.Policy{Bad: ingest.Reject, Below: ingest.Stop}, "below_table@6", 1, ingest.CodeBelow, 6},
		{"a note, reject", aside, ingest.Policy{Below: ingest.Reject}, "below_table@6 4+Tim+5.50", 2, ingest.CodeBelow, 6},
		{"a note, skip", aside, ingest.Policy{Below: ingest.Skip}, "4+Tim+5.50", 3, ingest.CodeBelow, 6},
		{"a note, keep", aside, ingest.Policy{Below: ingest.Keep, Short: ingest.Keep}, "not yet paid:++ 4+Tim+5.50", 2, ingest.CodeBelow, 6},
		{"another table, reject", other, ingest.Policy{Below: ingest.Reject},
			"other_table@6 other_table@7 other_table@8 4+Tim+5.50", 3, ingest.CodeOtherTable, 6},
		{"another table, skip", other, ingest.Policy{Below: ingest.Skip}, "4+Tim+5.50", 6, ingest.CodeOtherTable, 6},
		{"another table, keep", other, ingest.Policy{Below: ingest.Keep, Short: ingest.Keep},
			"day+who+city 2024-01-05+Jo+Ulm 2024-01-06+Lu+Ulm 4+Tim+5.50", 3, ingest.CodeOtherTable, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, label := range []string{"UTF-8", "UTF-16BE", "IBM037"} {
				enc, err := encoding.Get(label)
				require.NoError(t, err)
				text, err := enc.Encode(test.text)
				require.NoError(t, err)
				sample := len(text) / len(test.text) * len(table) // all that is known of the columns
				for _, records := range []int{0, 1, 2} {
					p := ingest.Pipeline{Encoding: label, SampleSize: sample, Policy: test.policy}
					p.Dialect.Comment = "#"
					got, status, _ := ordered(t, p, text, records)
					name := fmt.Sprintf("%s, windows of %d", label, records)
					assert.Equal(t, strings.TrimSpace(first+" "+test.want), strings.Join(got, " "), name)
					assert.Equal(t, test.skipped, status.Skipped, name)
					if assert.NotEmpty(t, status.Changes, name) {
						assert.Equal(t, test.change, status.Changes[0].Code, name)
						assert.Equal(t, test.line, status.Changes[0].Line, name)
					}
				}
			}
		})
	}
}

// A record too large stands between a blank line and what comes below it.
func TestBelowOversize(t *testing.T) {
	text := "id,name,price\n1,Ann,2.50\n2,Bob,3.50\n3,Eve,4.50\n\n" + strings.Repeat("x", 200) + "\nnot yet\n4,Tom,5.50\n"
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Limits: ingest.Limits{Record: 100}}
	for _, records := range []int{0, 1} {
		got, _, err := ordered(t, p, []byte(text), records)
		require.NoError(t, err)
		assert.Equal(t, []string{"1+Ann+2.50", "2+Bob+3.50", "3+Eve+4.50", "record_too_large@6", "too_few_fields@7", "4+Tom+5.50"}, got)
	}
}

// Many records in a row with another number of fields are told, in the order of the source, also where the limit
// on rejects ends the run.
func TestDrift(t *testing.T) {
	head := "id,name,n\n" + strings.Repeat("1,Ann,3\n", 30)
	drift := head + strings.Repeat("1,Ann\n", 25)
	for _, test := range []struct {
		name, text string
		policy     ingest.Policy
		changes    []string
		read       int64
		err        error
	}{
		{"default", drift, ingest.Policy{Bad: ingest.Reject}, []string{"drift@32"}, 55, nil},
		{"keep", drift, ingest.Policy{Bad: ingest.Reject, Drift: ingest.Keep}, []string{"drift@32"}, 55, nil},
		{"stop", drift, ingest.Policy{Bad: ingest.Reject, Drift: ingest.Stop}, []string{"drift@32"}, 50, ingest.ErrDrift},
		{"stop, records kept", drift, ingest.Policy{Short: ingest.Keep, Drift: ingest.Stop}, []string{"drift@32"}, 50, ingest.ErrDrift},
		{"a record stops the run before", drift, ingest.Policy{Drift: ingest.Stop}, nil, 31, ingest.ErrBadRecord},
		{"one record too few", head + strings.Repeat("1,Ann\n", 19), ingest.Policy{Bad: ingest.Reject, Drift: ingest.Stop}, nil, 49, nil},
		{"just enough", head + strings.Repeat("1,Ann\n", 20), ingest.Policy{Bad: ingest.Reject, Drift: ingest.Stop}, []string{"drift@32"}, 50, ingest.ErrDrift},
		{"limit behind it", drift, ingest.Policy{Bad: ingest.Reject, MaxRejects: 22}, []string{"drift@32"}, 53, ingest.ErrRejects},
		{"limit before it", drift, ingest.Policy{Bad: ingest.Reject, MaxRejects: 12}, nil, 43, ingest.ErrRejects},
		{"limit before it, stop", drift, ingest.Policy{Bad: ingest.Reject, MaxRejects: 12, Drift: ingest.Stop}, nil, 43, ingest.ErrRejects},
		{"a header within it", head + strings.Repeat("1,Ann\n", 10) + "id,name,n\n" + strings.Repeat("1,Ann\n", 10),
			ingest.Policy{Bad: ingest.Reject}, []string{"drift@32", "repeated_header@42"}, 51, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, records := range []int{0, 1, 7} {
				_, status, err := ordered(t, ingest.Pipeline{Policy: test.policy}, []byte(test.text), records)
				require.ErrorIs(t, err, test.err, "windows of %d", records)
				var changes []string
				for _, c := range status.Changes {
					changes = append(changes, fmt.Sprintf("%s@%d", c.Code, c.Line))
				}
				assert.Equal(t, test.changes, changes, "windows of %d", records)
				assert.Equal(t, test.read, status.Read, "windows of %d", records)
			}
		})
	}
}
