package ingest_test

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/testdata"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// knownFailures are the cases that are not read as they should be yet, and why. A case that passes must
// leave the list.
var knownFailures = map[string]string{}

// A messyCase is a file and what must come out of it.
type messyCase struct {
	name string
	file []byte
	want expectation
}

// An expectation is what testdata's package comment describes. What came out of a run is put into the
// same form, so that the difference between the two reads like a correction.
type expectation struct {
	About     string           `json:"about"`
	Pipeline  *ingest.Pipeline `json:"pipeline"`
	Container string           `json:"container"`
	Encoding  string           `json:"encoding"`
	BOM       int              `json:"bom"`
	Dialect   *dialect.Dialect `json:"dialect"`

	Header []string          `json:"header"`
	Given  map[string]string `json:"given"`

	Records [][]value `json:"records"`
	Count   int       `json:"count"`
	First   [][]value `json:"first"`
	Last    [][]value `json:"last"`
	Lines   []int64   `json:"lines"`

	Rejects   []reject              `json:"rejects"`
	Skipped   int64                 `json:"skipped"`
	Tolerated map[ingest.Code]int64 `json:"tolerated"`
	Repairs   []mended              `json:"repairs"`
	Changes   []change              `json:"changes"`
	Error     *failure              `json:"error"`
}

// A value is one field of a record.
type value struct {
	text string
	null bool
}

func (v *value) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*v = value{null: true}
		return nil
	case b[0] == '{':
		v.null = true
		return json.Unmarshal(b, &struct {
			Null *string `json:"null"`
		}{&v.text})
	}
	return json.Unmarshal(b, &v.text)
}

func (v value) String() string {
	switch {
	case v.null && v.text == "":
		return "null"
	case v.null:
		return fmt.Sprintf(`{"null": %q}`, v.text)
	}
	return fmt.Sprintf("%q", v.text)
}

type reject struct {
	Code      ingest.Code `json:"code"`
	Offset    int64       `json:"offset"`
	Line      int64       `json:"line"`
	Record    int64       `json:"record"`
	Column    int         `json:"column"`
	Truncated bool        `json:"truncated"`
	Raw       string      `json:"raw"`
}

type mended struct {
	Line   int64              `json:"line"`
	Kind   dialect.RepairKind `json:"kind"`
	Column int                `json:"column"`
}

type change struct {
	Line      int64       `json:"line"`
	Code      ingest.Code `json:"code"`
	Fields    int         `json:"fields"`
	Delimiter string      `json:"delimiter"`
}

type failure struct {
	Code   ingest.Code `json:"code"`
	Line   int64       `json:"line"`
	Format string      `json:"format"`
}

// rfc4180 is what a dialect is of which an expectation says nothing.
var rfc4180 = dialect.Dialect{
	Delimiter: ",", Quote: `"`, Escape: dialect.Doubled, Comment: dialect.None, LineEnding: dialect.LF,
	SkipSpace: dialect.Off, Preamble: dialect.NoPreamble, HeaderRows: 1,
}

// String gives one line for each thing that is expected, in the order of the expectation.
func (e *expectation) String() string {
	var b strings.Builder
	if e.Header != nil {
		fmt.Fprintf(&b, "container %q\nencoding %s, mark of %d bytes\n", e.Container, e.Encoding, e.BOM)
		if e.Dialect != nil {
			d, _ := json.Marshal(e.Dialect) // strings and numbers only
			fmt.Fprintf(&b, "dialect %s\n", d)
		}
		fmt.Fprintf(&b, "header %q\n", e.Header)
		for _, name := range slices.Sorted(maps.Keys(e.Given)) {
			fmt.Fprintf(&b, "given %q was %q\n", name, e.Given[name])
		}
	}
	b.WriteString(e.rows())
	fmt.Fprintf(&b, "skipped %d\n", e.Skipped)
	for _, code := range slices.Sorted(maps.Keys(e.Tolerated)) {
		fmt.Fprintf(&b, "tolerated %s %d\n", code, e.Tolerated[code])
	}
	for _, r := range e.Repairs {
		fmt.Fprintf(&b, "repair on line %d, column %d: %s\n", r.Line, r.Column, r.Kind)
	}
	for _, c := range e.Changes {
		fmt.Fprintf(&b, "change on line %d: %s, %d fields, delimiter %q\n", c.Line, c.Code, c.Fields, c.Delimiter)
	}
	return b.String()
}

// rows is the part of String that Records can tell as well as Run.
func (e *expectation) rows() string {
	var b strings.Builder
	for i, r := range e.Records {
		fmt.Fprintf(&b, "record %v", r)
		if e.Lines != nil {
			fmt.Fprintf(&b, " on line %d", e.Lines[i])
		}
		b.WriteByte('\n')
	}
	if e.Count > 0 {
		fmt.Fprintf(&b, "%d records\nfirst %v\nlast %v\n", e.Count, e.First, e.Last)
	}
	for _, r := range e.Rejects {
		fmt.Fprintf(&b, "reject %s at offset %d, line %d, record %d, column %d", r.Code, r.Offset, r.Line, r.Record, r.Column)
		if r.Truncated {
			b.WriteString(", truncated")
		}
		fmt.Fprintf(&b, ": %q\n", r.Raw)
	}
	if e.Error != nil {
		fmt.Fprintf(&b, "error %+v\n", *e.Error)
	}
	return b.String()
}

// messyCases gives the cases by name.
func messyCases(t *testing.T) []messyCase {
	t.Helper()
	files, err := fs.ReadDir(testdata.Messy, "messy")
	require.NoError(t, err)
	byName := map[string]*messyCase{}
	parts := map[string]int{}
	for _, f := range files {
		name, ending, _ := strings.Cut(f.Name(), ".")
		b, err := fs.ReadFile(testdata.Messy, path.Join("messy", f.Name()))
		require.NoError(t, err)
		if byName[name] == nil {
			byName[name] = &messyCase{name: name}
		}
		parts[name]++
		if ending != "json" {
			byName[name].file = b
			continue
		}
		want := &byName[name].want
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(want), f.Name())
		if want.Pipeline == nil {
			want.Pipeline = &ingest.Pipeline{}
		}
		if want.Dialect != nil {
			full := rfc4180.Merge(*want.Dialect)
			want.Dialect = &full
		}
		require.NotEmpty(t, want.About, f.Name())
	}
	var cases []messyCase
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		require.Equal(t, 2, parts[name], "%s: a case is one file and its expectation, %s.json", name, name)
		cases = append(cases, *byName[name])
	}
	return cases
}

// An outcome is what came out of a run, in the form of what was expected of it.
type outcome struct {
	c        *messyCase
	mu       sync.Mutex
	records  []ingest.Record
	rejects  []*ingest.RecordError
	err      error
	got      expectation
	unpacked []byte
	reuse    bool // batches are to be copied
}

func (o *outcome) take(_ context.Context, b *ingest.Batch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reuse {
		b = b.Clone()
	}
	for _, r := range b.All() {
		o.records = append(o.records, r)
	}
	return nil
}

// form puts what came out into the form of the expectation.
func (o *outcome) form() {
	slices.SortFunc(o.records, func(a, b ingest.Record) int { return int(a.Position().Record - b.Position().Record) })
	want, got := &o.c.want, &o.got
	for _, r := range o.records {
		vs := make([]value, r.Len())
		for i := range vs {
			vs[i] = value{r.Field(i), r.Null(i)}
		}
		got.Records = append(got.Records, vs)
		if want.Lines != nil {
			got.Lines = append(got.Lines, r.Position().Line)
		}
	}
	if want.Count > 0 {
		got.Count = len(got.Records)
		got.First = got.Records[:min(len(want.First), got.Count)]
		got.Last = got.Records[got.Count-min(len(want.Last), got.Count):]
		got.Records = nil
	}
	for i, e := range o.rejects {
		r := reject{Code: e.Code, Offset: e.Offset, Line: e.Line, Record: e.Record, Column: e.Column, Truncated: e.Truncated}
		if i < len(want.Rejects) && want.Rejects[i].Raw != "" {
			r.Raw = string(e.Raw)
		}
		got.Rejects = append(got.Rejects, r)
	}
	if o.err != nil {
		got.Error = &failure{Code: ingest.CodeOf(o.err)}
		var record *ingest.RecordError
		var run *ingest.RunError
		var format *ingest.FormatError
		switch {
		case errors.As(o.err, &format):
			got.Error.Format = format.Format
		case errors.As(o.err, &run):
			got.Error.Line = run.At.Line
		case errors.As(o.err, &record):
			got.Error.Line = record.Line
		}
	}
}

// positions checks that every record and every reject stands in the file where it says, and that no two
// of them share a byte.
func (o *outcome) positions(t assert.TestingT) {
	type row struct {
		at  ingest.Position
		raw []byte
	}
	var rows []row
	for _, r := range o.records {
		rows = append(rows, row{r.Position(), r.Raw()})
	}
	for _, e := range o.rejects {
		rows = append(rows, row{e.Position, e.Raw})
	}
	slices.SortFunc(rows, func(a, b row) int { return int(a.at.Record - b.at.Record) })
	for i, r := range rows {
		end := r.at.Offset + int64(len(r.raw))
		if r.at.Offset > end || end > int64(len(o.unpacked)) {
			assert.Fail(t, "a record beyond the file", "%s", r.at)
			continue
		}
		assert.True(t, bytes.Equal(o.unpacked[r.at.Offset:end], r.raw), "%s: its bytes stand elsewhere", r.at)
		if i+1 < len(rows) {
			assert.LessOrEqual(t, end, rows[i+1].at.Offset, "%s: its bytes reach into the next record", r.at)
			assert.Less(t, r.at.Line, rows[i+1].at.Line+1, "%s: lines go back", r.at)
		}
	}
}

// run reads the case with Run.
func (c *messyCase) run(t assert.TestingT, p ingest.Pipeline, src io.Reader) {
	o := &outcome{c: c, unpacked: c.unpack(), reuse: p.Reuse}
	p.Rejects = ingest.RejectFunc(func(_ context.Context, _ *ingest.Found, rejects []*ingest.RecordError) error {
		o.rejects = append(o.rejects, rejects...)
		return nil
	})
	status, err := p.Run(context.Background(), src, ingest.SinkFunc(o.take))
	o.err = err
	o.form()
	got, want := &o.got, &c.want
	if f := status.Found; f != nil && want.Header != nil {
		got.Container, got.Encoding, got.BOM = f.Container, f.Encoding.Label, f.Encoding.BOM
		if want.Dialect != nil {
			got.Dialect = &f.Dialect.Dialect
		}
		got.Header = f.Header.Names()
		for _, column := range f.Header {
			if column.Given != "" {
				if got.Given == nil {
					got.Given = map[string]string{}
				}
				got.Given[column.Name] = column.Given
			}
		}
	}
	got.Skipped, got.Tolerated = status.Skipped, status.Tolerated
	for _, r := range status.Repairs {
		got.Repairs = append(got.Repairs, mended{r.Line, r.Kind, r.Column})
	}
	for _, c := range status.Changes {
		got.Changes = append(got.Changes, change{c.Line, c.Code, c.Fields, c.Delimiter})
	}
	assert.Equal(t, want.String(), got.String())
	o.positions(t)

	assert.Equal(t, status.Read, status.Delivered+status.Rejected+status.Filtered+status.Skipped, "rows are missing: %+v", status)
	assert.EqualValues(t, len(o.records), status.Delivered)
	assert.EqualValues(t, len(o.rejects), status.Rejected)
	assert.Len(t, status.Problems, min(len(o.rejects), ingest.MaxProblems))
	if err == nil {
		assert.Equal(t, ingest.Done, status.State)
		assert.EqualValues(t, len(o.unpacked), status.Stored, "bytes of the file that were not read")
	} else {
		assert.Equal(t, ingest.Failed, status.State)
		assert.Equal(t, ingest.CodeOf(err), status.Code)
	}
}

// pull reads the case with Records.
func (c *messyCase) pull(t assert.TestingT, p ingest.Pipeline) {
	o := &outcome{c: c, unpacked: c.unpack()}
	for r, err := range p.Records(context.Background(), bytes.NewReader(c.file)) {
		var record *ingest.RecordError
		switch {
		case err == nil:
			assert.NoError(t, o.err, "a record behind the error that ends the loop")
			o.records = append(o.records, r)
			continue
		case errors.As(err, &record):
			o.rejects = append(o.rejects, record)
		}
		last := c.want.Error != nil && record != nil && c.want.Error.Code == record.Code && len(o.rejects) == len(c.want.Rejects)
		if record == nil || error(record) != err || last {
			assert.NoError(t, o.err, "an error behind the one that ends the loop")
			o.err = err
		}
	}
	o.form()
	assert.Equal(t, c.want.rows(), o.got.rows(), "Records")
	o.positions(t)
}

// unpack gives what is in a packed case, as far as it can be read.
func (c *messyCase) unpack() []byte {
	r := io.Reader(bytes.NewReader(c.file))
	var err error
	for _, kind := range strings.Split(c.want.Container, "+") {
		switch kind {
		case "gzip":
			r, err = gzip.NewReader(r)
		case "bzip2":
			r = bzip2.NewReader(r)
		case "zip":
			r, err = c.member()
		}
		if err != nil {
			return nil
		}
	}
	b, _ := io.ReadAll(r) // a packed case may break off
	return b
}

// member opens the file of a zip archive that is to be read.
func (c *messyCase) member() (io.Reader, error) {
	z, err := zip.NewReader(bytes.NewReader(c.file), int64(len(c.file)))
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		want := c.want.Pipeline.Member
		if f.Name == want || want == "" && !f.FileInfo().IsDir() && !strings.HasPrefix(path.Base(f.Name), ".") {
			return f.Open()
		}
	}
	return nil, fs.ErrNotExist
}

// TestMessy reads every messy file in every way: with few and with many windows, by one worker and by
// several, byte by byte, pushed and pulled. What comes out is always the same, and what was expected.
func TestMessy(t *testing.T) {
	for _, c := range messyCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var found findings
			for _, workers := range []int{1, 3} {
				for _, batch := range []int{0, 16} {
					p := *c.want.Pipeline
					p.Workers, p.BatchBytes, p.Reuse = workers, batch, workers > 1
					found.in("%d workers, batches of %d bytes", workers, batch)
					c.run(&found, p, bytes.NewReader(c.file))
				}
			}
			found.in("a reader that gives one byte at a time")
			c.run(&found, *c.want.Pipeline, iotest.OneByteReader(bytes.NewReader(c.file)))
			for _, batch := range []int{0, 16} {
				p := *c.want.Pipeline
				p.BatchBytes = batch
				found.in("Records, batches of %d bytes", batch)
				c.pull(&found, p)
			}
			reason, known := knownFailures[c.name]
			switch {
			case known && found.first == "":
				t.Errorf("%s passes now: take it off knownFailures, where it stands because of %q", c.name, reason)
			case known:
				t.Skipf("a known failure: %s", reason)
			case found.first != "":
				t.Errorf("%s\n%s", c.want.About, found.first)
			}
		})
	}
}

// TestMessyRewritten reads the cases that are UTF-8 in other encodings and, where their lines end with LF,
// with other line ends: the records must be the same, and every position where it has moved to.
func TestMessyRewritten(t *testing.T) {
	forms := []struct {
		encoding string
		end      dialect.LineEnding
	}{
		{"UTF-8", dialect.CRLF}, {"UTF-8", dialect.CR}, {"UTF-16LE", dialect.LF}, {"UTF-16BE", dialect.CRLF}, {"UTF-32LE", dialect.CR},
		{"windows-1252", dialect.CRLF}, {"Shift_JIS", dialect.LF}, {"gb18030", dialect.CR}, {"Big5", dialect.CRLF}, {"ISO-2022-JP", dialect.LF},
		{"IBM037", dialect.CRLF},
	}
	for _, c := range messyCases(t) {
		if _, known := knownFailures[c.name]; known || !c.rewritable() {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, form := range forms {
				if form.end != dialect.LF && (bytes.ContainsRune(c.file, '\r') || c.want.Pipeline.Dialect.LineEnding != "") {
					continue
				}
				r := c.rewrite(form.encoding, form.end)
				if r == nil {
					continue
				}
				p := *r.want.Pipeline
				p.Workers, p.BatchBytes = 3, 16
				if r.want.BOM == 0 {
					p.Encoding = form.encoding
				}
				var found findings
				found.in("%s with %s", form.encoding, form.end)
				r.run(&found, p, bytes.NewReader(r.file))
				if found.first != "" {
					t.Fatalf("%s\n%s", r.want.About, found.first)
				}
			}
		})
	}
}

// rewritable says whether the case means the same in another encoding.
func (c *messyCase) rewritable() bool {
	p := c.want.Pipeline
	return c.want.Encoding == "UTF-8" && c.want.Container == "" && utf8.Valid(c.file) &&
		p.SampleSize == 0 && p.Limits == ingest.Limits{} && p.Encoding == ""
}

// rewrite gives the case in another encoding, marked where that has a mark, and with other line ends; nil
// if the encoding does not have all of its characters.
func (c *messyCase) rewrite(label string, end dialect.LineEnding) *messyCase {
	enc, err := encoding.Get(label)
	if err != nil {
		return nil
	}
	lines := func(s string) string { return s }
	switch end {
	case dialect.CRLF:
		lines = func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	case dialect.CR:
		lines = func(s string) string { return strings.ReplaceAll(s, "\n", "\r") }
	}
	encode := func(s string) string {
		b, encodeErr := enc.Encode(lines(s))
		err = errors.Join(err, encodeErr)
		return string(b)
	}
	values := func(records [][]value) [][]value {
		var all [][]value
		for _, r := range records {
			r = slices.Clone(r)
			for i := range r {
				r[i].text = lines(r[i].text)
			}
			all = append(all, r)
		}
		return all
	}

	text, mark := string(c.file[c.want.BOM:]), string(enc.BOM())
	r := &messyCase{name: c.name, file: []byte(mark + encode(text)), want: c.want}
	w := &r.want
	w.Encoding, w.BOM = label, len(mark)
	w.Records, w.First, w.Last = values(w.Records), values(w.First), values(w.Last)
	w.Header = slices.Clone(w.Header)
	for i := range w.Header {
		w.Header[i] = lines(w.Header[i])
	}
	w.Rejects = slices.Clone(w.Rejects)
	for i := range w.Rejects {
		e := &w.Rejects[i]
		e.Offset = int64(len(mark) + len(encode(text[:e.Offset-int64(c.want.BOM)])))
		e.Raw = encode(e.Raw)
	}
	if w.Dialect != nil && end != dialect.LF && strings.Contains(text, "\n") {
		d := *w.Dialect
		d.LineEnding = end
		w.Dialect = &d
	}
	if err != nil {
		return nil
	}
	return r
}

// findings keeps the first thing that is wrong with a case: the others are mostly the same again.
type findings struct{ where, first string }

func (f *findings) in(format string, args ...any) { f.where = fmt.Sprintf(format, args...) }

func (f *findings) Errorf(format string, args ...any) {
	if f.first == "" {
		f.first = f.where + ":" + fmt.Sprintf(format, args...)
	}
}

// TestMessyIsWhole holds that there are enough cases, that no known failure is of a case that is gone, and
// that every code a record or a source can fail with is among what is expected.
func TestMessyIsWhole(t *testing.T) {
	cases := messyCases(t)
	assert.GreaterOrEqual(t, len(cases), 80)
	codes := map[ingest.Code]bool{}
	names := map[string]bool{}
	for _, c := range cases {
		names[c.name] = true
		for _, r := range c.want.Rejects {
			codes[r.Code] = true
		}
		if c.want.Error != nil {
			codes[c.want.Error.Code] = true
		}
		p := *c.want.Pipeline
		assert.NoError(t, p.Validate(), c.name)
	}
	for _, code := range []ingest.Code{
		ingest.CodeUnclosedQuote, ingest.CodeStrayQuote, ingest.CodeTooFewFields, ingest.CodeTooManyFields, ingest.CodeEncoding,
		ingest.CodeNUL, ingest.CodeControl, ingest.CodeInvisible, ingest.CodeBlank, ingest.CodeRecordTooLarge, ingest.CodeFieldTooLarge,
		ingest.CodeTooManyColumns, ingest.CodeFormat, ingest.CodeArchive, ingest.CodeUnsure, ingest.CodeHeader, ingest.CodeRead, ingest.CodeRejects,
	} {
		assert.True(t, codes[code], "no case has a file that ends in %s", code)
	}
	for name := range knownFailures {
		assert.True(t, names[name], "%s is a known failure and no case", name)
	}
}
