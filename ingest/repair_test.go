package ingest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
)

// prices is a table with a row that is not as the others.
func prices(row string) string {
	var b strings.Builder
	b.WriteString("id;name;city;price\n")
	for i := range 30 {
		if i == 15 {
			b.WriteString(row)
		}
		fmt.Fprintf(&b, "%d;Zoë %c;Köln;%d,50\n", 100+i, 'A'+i%26, 10+i)
	}
	return b.String()
}

// Rows are mended in every encoding, also where bytes elsewhere in their window are no character: then the fields are
// found in the source and not in the text.
func TestRepair(t *testing.T) {
	for _, test := range []struct {
		row, want string
		kind      dialect.RepairKind
		column    int
	}{
		{"777;Müller;Köln;7,50;\n", "777+Müller+Köln+7,50", dialect.RepairDropped, 4},
		{"777;Müller;Köln7,50\n", "777+Müller+Köln+7,50", dialect.RepairSplit, 3},
		{"777,Müller,Köln,7.50\n", "", "", 0},
		{"777;Müller;\"Köln;7,50\n", "777+Müller+\"Köln+7,50", dialect.RepairQuoteKept, 3},
		{"a;b;c\n", "", "", 0},
	} {
		for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE"} {
			enc, err := encoding.Get(label)
			require.NoError(t, err)
			for _, careful := range []bool{false, true} {
				name := fmt.Sprintf("%q in %s, careful: %v", test.row, label, careful)
				text, err := enc.Encode(prices(test.row))
				require.NoError(t, err)
				p := ingest.Pipeline{Encoding: label, Policy: ingest.Policy{Bad: ingest.Reject, Repair: true, Encoding: ingest.Replace}}
				p.Dialect.Delimiter, p.Dialect.Quote = ";", `"`
				if careful { // a byte that is no character, in the name of the first record
					at, _ := enc.Encode("Zoë A")
					bad, _ := enc.Encode("Zo")
					bad = append(bad, map[string]string{"UTF-8": "\xff", "windows-1252": "\x81", "UTF-16LE": "\x00\xd8"}[label]...)
					text = bytes.Replace(text, at, bad, 1)
				}
				for _, records := range []int{0, 1} {
					got, status, err := ordered(t, p, text, records)
					require.NoError(t, err, name)
					if test.want == "" {
						assert.Empty(t, status.Repairs, name)
						assert.EqualValues(t, 1, status.Rejected, name)
						continue
					}
					assert.Equal(t, test.want, got[15], name)
					assert.Equal(t, map[dialect.RepairKind]int64{test.kind: 1}, status.Repaired, name)
					if assert.Len(t, status.Repairs, 1, name) {
						r := status.Repairs[0]
						assert.Equal(t, []any{test.kind, test.column, int64(17), int64(16)}, []any{r.Kind, r.Column, r.Line, r.Record}, name)
					}
					assert.Empty(t, status.Rejects, name)
				}
			}
		}
	}
}

// A row of cells in two encodings is decoded cell by cell, and one that is cut has lost what nobody knows: neither
// is mended.
func TestRepairOnlyWhatIsDecoded(t *testing.T) {
	row := "777;Größe;K\xf6ln;7,50;\n"
	mixed := append(mixtures[0].head(t, dialect.Dialect{}), prices(row)...)
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject, Repair: true}}
	p.Dialect.Delimiter = ";"
	p.Dialect.Preamble = bytes.Count(mixtures[0].head(t, dialect.Dialect{}), []byte("\n"))
	status, err := ingestRun(t, &p, string(mixed))
	require.NoError(t, err)
	require.Equal(t, "windows-1252", status.Found.Encoding.Mixed)
	assert.Equal(t, map[ingest.Code]int64{ingest.CodeTooManyFields: 1}, status.Rejects)

	for _, row := range []string{"777;Lea;Köln;7,50;", "777;Lea;Köln;\"7,50"} {
		enc, err := encoding.Get("UTF-16LE")
		require.NoError(t, err)
		text, err := enc.Encode(prices("") + row)
		require.NoError(t, err)
		p = ingest.Pipeline{Encoding: "UTF-16LE", Policy: p.Policy}
		status, err = ingestRun(t, &p, string(append(text, 'x')))
		require.NoError(t, err)
		assert.EqualValues(t, 1, status.Rejected, row)
		assert.Empty(t, status.Repaired, row)
	}
}

// A row that was mended is filtered like any other, and is no reject.
func TestRepairThenFilter(t *testing.T) {
	var rejects bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject, Repair: true}, Rejects: ingest.NewRejectWriter(&rejects),
		Filter: func(r ingest.Record) bool { id, _ := r.Get("id"); return id != "777" }}
	p.Dialect.Delimiter = ";"
	text := prices("777;Lea;Köln;7,50;\n") + "778;Lea\n"
	status, err := ingestRun(t, &p, text)
	require.NoError(t, err)
	assert.EqualValues(t, 1, status.Filtered)
	assert.EqualValues(t, 30, status.Delivered)
	assert.Equal(t, map[dialect.RepairKind]int64{dialect.RepairDropped: 1}, status.Repaired)
	assert.Contains(t, rejects.String(), "778;Lea")
	assert.NotContains(t, rejects.String(), "777")
}
