package ingest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest"
)

// What was found is pinned by way of JSON; the next file of the kind is compared with it.
func TestPin(t *testing.T) {
	const first = "Report of May\n\nid;name;price\n1;Zoë;1,50\n2;Max;2,50\n3;Lea;3,50\n"
	for _, test := range []struct {
		name, next string
		want       []ingest.Difference
	}{
		{"the same again", first, nil},
		{"other records", "Report of June\n\nid;name;price\n7;Ümit;7,50\n", nil},
		{"no record", "Report of July\n\nid;name;price\n", nil},
		{"ASCII only", "Report of August\n\nid;name;price\n7;Tom;7,50\n", nil},
		{"other line ends", strings.ReplaceAll(first, "\n", "\r\n"), nil},
		{"another delimiter", "Report of May\n\nid,name,price\n1,Zoë,1.50\n2,Max,2.50\n3,Lea,3.50\n",
			[]ingest.Difference{{What: "delimiter", Want: `";"`, Got: `","`}}},
		{"another name", strings.Replace(first, "price", "cost", 1),
			[]ingest.Difference{{What: "column 3", Want: `"price"`, Got: `"cost"`}}},
		{"columns in another order", strings.Replace(first, "id;name", "name;id", 1),
			[]ingest.Difference{{What: "column 1", Want: `"id"`, Got: `"name"`}, {What: "column 2", Want: `"name"`, Got: `"id"`}}},
		{"a column more", "Report of May\n\nid;name;price;note\n1;Zoë;1,50;x\n2;Max;2,50;y\n",
			[]ingest.Difference{{What: "number of columns", Want: "3", Got: "4"}}},
		{"a field more in the records only", "Report of May\n\nid;name;price\n1;Zoë;1,50;x\n2;Max;2,50;y\n3;Lea;3,50;z\n",
			[]ingest.Difference{{What: "number of columns", Want: "3", Got: "4"}}},
		{"a name less", strings.Replace(first, ";price", "", 1),
			[]ingest.Difference{{What: "number of names in the header", Want: "3", Got: "2"}}},
		{"no header", "Report of May\n\n1;Zoë;1,50\n2;Max;2,50\n3;Lea;3,50\n",
			[]ingest.Difference{{What: "header rows", Want: "1", Got: "0"}}},
		{"another quote", "Report of May\n\n'id';'name';'price'\n'1';'Zoë; Ann';'1,50'\n'2';'Max; Bo';'2,50'\n'3';'Lea; Jo';'3,50'\n",
			[]ingest.Difference{{What: "quote", Want: `"\""`, Got: `"'"`}}},
		{"a line more above the table", "Report of May\nfor Ann\nby Bob\n\nid;name;price\n1;Zoë;1,50\n2;Max;2,50\n3;Lea;3,50\n",
			[]ingest.Difference{{What: "lines above the table", Want: "2", Got: "4"}}},
		{"another encoding", "Report of May\n\nid;name;price\n1;Zo\xeb Fran\xe7ois;1,50\n2;M\xfcller;2,50\n3;L\xe9a H\xe9l\xe8ne;3,50\n",
			[]ingest.Difference{{What: "encoding", Want: "UTF-8", Got: "windows-1252"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p ingest.Pipeline
			found, err := p.Sniff(t.Context(), strings.NewReader(first))
			require.NoError(t, err)
			stored, err := json.Marshal(found.Pin())
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(stored, &p.Pin))

			var c collect
			status, err := p.Run(t.Context(), strings.NewReader(test.next), ingest.SinkFunc(c.write))
			if test.want == nil {
				require.NoError(t, err)
				assert.Equal(t, []string{"id", "name", "price"}, status.Found.Header.Names())
				return
			}
			require.ErrorIs(t, err, ingest.ErrDrift)
			var drift *ingest.DriftError
			require.ErrorAs(t, err, &drift)
			assert.Equal(t, test.want, drift.Differences)
			assert.Equal(t, ingest.CodeDrift, status.Code)
			for _, d := range test.want {
				assert.Contains(t, err.Error(), d.What)
				assert.Contains(t, err.Error(), d.Got)
			}
			assert.Empty(t, c.records, "it fails before anything is written")
		})
	}
}

func TestPinWithoutHeader(t *testing.T) {
	var p ingest.Pipeline
	found, err := p.Sniff(t.Context(), strings.NewReader("1,2.5\n2,3.5\n3,4.5\n"))
	require.NoError(t, err)
	pin := found.Pin()
	assert.Nil(t, pin.Header)
	p.Pin = &pin
	_, err = ingestRun(t, &p, "4,5.5\n5,6.5\n")
	require.NoError(t, err)
	_, err = ingestRun(t, &p, "4,5.5,x\n5,6.5,y\n")
	require.EqualError(t, err, "ingest: the source is not what was pinned: number of columns is 3, pinned was 2: check what has changed, and pin it anew if it is right [drift]")
}

// A source is not found to be other than itself, whatever is irregular in it.
func TestPinOfTheSame(t *testing.T) {
	mixed := mixtures[0].head(t, dialect.Dialect{})
	for _, test := range []struct {
		name string
		p    ingest.Pipeline
		text string
	}{
		{"two encodings", ingest.Pipeline{}, string(mixed)},
		{"records longer than the header", ingest.Pipeline{Policy: ingest.Policy{Long: ingest.Keep}},
			"id;name;price\n" + strings.Repeat("1;Ann;2,50;x\n2;Bob;3,50;y\n", 5)},
		{"a header longer than the records", ingest.Pipeline{Policy: ingest.Policy{Short: ingest.Keep}},
			"id;name;price;note\n" + strings.Repeat("1;Ann;2,50\n2;Bob;3,50\n", 5)},
		{"columns named by the caller", ingest.Pipeline{Header: ingest.Columns("a", "b"), Policy: ingest.Policy{Long: ingest.Keep}},
			"id;name;price\n1;Zoë;1,50\n2;Max;2,50\n"},
		{"one column", ingest.Pipeline{}, "name\nAnn\nBob\n"},
		{"no column named", ingest.Pipeline{}, "id,,\n1,2.5,x\n2,3.5,y\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, err := ingestRun(t, &test.p, test.text)
			require.NoError(t, err)
			pin := before.Found.Pin()
			test.p.Pin = &pin
			again, err := ingestRun(t, &test.p, test.text)
			require.NoError(t, err)
			assert.Equal(t, before.Delivered, again.Delivered)
			assert.Equal(t, before.Tolerated, again.Tolerated)
		})
	}
}

// Rejects that were mended are read by what they say themselves; columns were added to them.
func TestPinAndRejects(t *testing.T) {
	const text = "id;name;price\n1;Zoë;1,50\n2;Max\n3;Lea;3,50\n"
	var mended bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&mended)}
	status, err := ingestRun(t, &p, text)
	require.NoError(t, err)
	require.EqualValues(t, 1, status.Rejected)
	pin := status.Found.Pin()
	p = ingest.Pipeline{Pin: &pin}
	status, err = ingestRun(t, &p, strings.Replace(mended.String(), "2;Max", "2;Max;2,50", 1))
	require.NoError(t, err)
	assert.EqualValues(t, 1, status.Delivered)
}

func ingestRun(t *testing.T, p *ingest.Pipeline, text string) (ingest.Status, error) {
	var c collect
	return p.Run(t.Context(), strings.NewReader(text), ingest.SinkFunc(c.write))
}

func TestPinIsChecked(t *testing.T) {
	for _, pin := range []ingest.Pin{{}, {Encoding: "klingon", Columns: 1}, {Encoding: "UTF-8", Columns: 1, Dialect: dialect.Dialect{Quote: "abc"}}} {
		p := ingest.Pipeline{Pin: &pin}
		assert.ErrorIs(t, p.Validate(), ingest.ErrSettings)
	}
}

// A quote that only comes far down is known before the first record, where the source can be read at an
// offset.
func TestGlimpses(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d,Ann\n", i)
	}
	head := b.String()
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d,'Lee, Bo'\n", i)
	}
	text := b.String()
	for _, test := range []struct {
		name  string
		src   func() io.Reader
		quote string
	}{
		{"at an offset", func() io.Reader { return strings.NewReader(text) }, "'"},
		{"behind others", func() io.Reader {
			r := strings.NewReader("xyz" + text)
			r.Seek(3, io.SeekStart)
			return r
		}, "'"},
		{"a stream", func() io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }, `"`},
		{"short", func() io.Reader { return strings.NewReader(head[:70_000]) }, `"`},
		{"fails at an offset", func() io.Reader { return &brokenAt{bytes.NewReader([]byte(text))} }, `"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p ingest.Pipeline
			found, err := p.Sniff(t.Context(), test.src())
			require.NoError(t, err)
			assert.Equal(t, test.quote, found.Dialect.Quote)
		})
	}
}

// brokenAt cannot be read at an offset, although it says so.
type brokenAt struct{ *bytes.Reader }

func (brokenAt) ReadAt([]byte, int64) (int, error) { return 0, errors.New("not here") }

// Changes are told in the same order wherever the windows end, and a long tail of blank lines makes no
// difference either.
func TestChangesDoNotDependOnWindows(t *testing.T) {
	table := "id,day,name\n" + strings.Repeat("1,2024-01-02,Ann\n", 30)
	for _, test := range []struct {
		name, text string
		want       []ingest.Code
	}{
		{"a header behind a drift", table + strings.Repeat("1,2024-01-02,Ann,x\n", 30) + "id,day,name\n", []ingest.Code{ingest.CodeDrift, ingest.CodeRepeatedHeader}},
		{"a header before it is certain", table + strings.Repeat("1,2024-01-02,Ann,x\n", 10) + "id,day,name\n" + strings.Repeat("1,2024-01-02,Ann,x\n", 20),
			[]ingest.Code{ingest.CodeDrift, ingest.CodeRepeatedHeader}},
		{"totals above a tail", table + "Total,,30\n" + strings.Repeat("\n", 10_000), []ingest.Code{ingest.CodeBelow}},
		{"totals above a long tail", table + "Total,,30\n" + strings.Repeat("\n", 100_000), nil},
	} {
		for _, batch := range []int{0, 1, 64, 4096} {
			var codes []ingest.Code
			p := ingest.Pipeline{BatchBytes: batch, Policy: ingest.Policy{Bad: ingest.Reject}}
			status, err := p.Run(t.Context(), strings.NewReader(test.text), ingest.SinkFunc(new(collect).write))
			require.NoError(t, err)
			for _, c := range status.Changes {
				codes = append(codes, c.Code)
			}
			assert.Equal(t, test.want, codes, "%s, batches of %d bytes", test.name, batch)
		}
	}
}

// In a file of rejects rows in a row may all have another number of fields: that is why they are there.
func TestNoDriftAmongRejects(t *testing.T) {
	var rejects bytes.Buffer
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: ingest.NewRejectWriter(&rejects)}
	text := "id,day,name\n" + strings.Repeat("1,2024-01-02,Ann\n", 30) + strings.Repeat("1,2024-01-02\n", 30)
	status, err := p.Run(t.Context(), strings.NewReader(text), ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	assert.Len(t, status.Changes, 1)

	p = ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject, Drift: ingest.Stop}}
	status, err = p.Run(t.Context(), &rejects, ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	assert.EqualValues(t, 30, status.Rejected)
	assert.Empty(t, status.Changes)
}

// A drift stops Records too, and what comes before it is given.
func TestDriftStopsRecords(t *testing.T) {
	p := ingest.Pipeline{BatchRecords: 3, Policy: ingest.Policy{Bad: ingest.Reject, Drift: ingest.Stop}}
	text := "id,name\n" + strings.Repeat("1,Ann\n", 30) + strings.Repeat("1,Ann,x\n", 25)
	records, rejects := 0, 0
	var last error
	for _, err := range p.Records(t.Context(), strings.NewReader(text)) {
		var bad *ingest.RecordError
		switch {
		case err == nil:
			records++
		case errors.As(err, &bad):
			rejects++
		default:
			last = err
		}
	}
	assert.Equal(t, 30, records)
	assert.Equal(t, 20, rejects)
	require.EqualError(t, last, "ingest: line 32 (record 31, byte 188): from here on the records have 3 fields, the table has 2 columns: check the source, or set Policy.Drift to Keep [drift]")
}
