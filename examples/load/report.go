package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// result is what became of one file.
type result struct {
	path, db, table, rejects string

	known     bool  // the load was begun before
	before    int64 // rows that were stored then
	unwritten bool  // there are rejects that are not in their file
	status    ingest.Status
	err       error
}

// print writes a report for a person.
func (r result) print(w io.Writer) {
	fmt.Fprintln(w, r.path)
	part := func(label string, lines ...string) {
		for _, line := range lines {
			fmt.Fprintf(w, "  %-9s %s\n", label, line)
			label = ""
		}
	}
	// Where the source cannot be read, or is no text, nothing was found out but that.
	known := r.status.Found != nil && (r.err == nil || r.status.Found.Dialect.Delimiter != "")
	if known {
		part("found", r.found()...)
		part("check", r.warnings()...)
		if r.status.Earlier > 0 && !r.again() {
			part("resumed", fmt.Sprintf("goes on where it ended: %s", were(r.before)))
		}
		part("rows", r.rows())
		part("rejected", r.rejected()...)
		part("time", r.time())
	}
	switch {
	case r.err == nil && len(r.status.Found.Header) == 0:
		part("done", "there is nothing in it to load")
	case r.err == nil && r.again():
		part("done", fmt.Sprintf("all of it was loaded into table %s of %s before, and nothing is doubled: -append -run NAME adds it once more", r.table, r.db))
	case r.err == nil:
		part("done", fmt.Sprintf("loaded into table %s of %s", r.table, r.db))
	case errors.Is(r.err, context.Canceled):
		part("stopped", r.stored())
	case known && !errors.Is(r.err, ingest.ErrOwned): // otherwise there is more stored by now
		part("failed", r.reason(), r.stored())
	default:
		part("failed", r.reason())
	}
	fmt.Fprintln(w)
}

// reason says in one line what failed. What stands in the report already is left out: the program's own
// layers, and the position in a file that is not at fault.
func (r result) reason() string {
	err := r.err
	var sink *ingest.SinkError
	if errors.As(err, &sink) {
		err = sink.Err
	}
	text := err.Error()
	if code := ingest.CodeOf(err); code != "" {
		text = strings.TrimSuffix(text, " ["+string(code)+"]")
	}
	for _, layer := range []string{"ingest: ", "sqlitesink: ", "pgsink: ", "mysqlsink: ", "sqlsink: "} {
		text = strings.TrimPrefix(text, layer)
	}
	text = strings.Replace(text, ": sqlsink: ", ": ", 1)
	text = own(text)
	if errors.Is(err, ingest.ErrSourceChanged) {
		text += "; -append -run NAME loads it as a new one"
	}
	return strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ").Replace(text)
}

// own calls things by the program's own names.
func own(text string) string { return strings.ReplaceAll(text, "Pipeline.RunID", "-run") }

// again says that all of the file was stored before.
func (r result) again() bool { return r.known && r.status.Earlier == r.status.Read }

// stored says what is stored of a file that was not loaded to its end.
func (r result) stored() string {
	rows := max(r.before, r.status.Delivered)
	if rows == 0 {
		return "nothing of this file is stored"
	}
	return fmt.Sprintf("%s of this file stored in table %s of %s, start again to go on there", plural(rows, "row"), r.table, r.db)
}

func were(rows int64) string {
	if rows == 1 {
		return "1 row was stored"
	}
	return plural(rows, "row") + " were stored"
}

// found says how the file was read.
func (r result) found() []string {
	f := r.status.Found
	d := f.Dialect
	how := f.Encoding.Label
	if f.Encoding.Mixed != "" {
		how += " mixed with " + f.Encoding.Mixed
	}
	if f.Container != "" {
		how += " in " + f.Container
	}
	header := "no header row"
	if d.HeaderRows > 0 {
		header = "a header row"
	}
	if d.HeaderRows > 1 {
		header = fmt.Sprintf("%d header rows", d.HeaderRows)
	}
	text := []string{
		fmt.Sprintf("%s, delimiter %s, %s line ends", how, visible(d.Delimiter), strings.ToUpper(string(d.LineEnding))),
		fmt.Sprintf("%s, %s", plural(int64(len(f.Header)), "column"), header),
	}
	if d.Quote != `"` {
		text[0] += ", quote " + visible(d.Quote)
	}
	if d.Preamble > 0 {
		text[1] += fmt.Sprintf(", %s above the table", plural(int64(d.Preamble), "line"))
	}
	if f.Parent != "" {
		text = append(text, "mended rejects of run "+f.Parent)
	}
	return text
}

// doubtful is the confidence below which a guess is worth a look.
const doubtful = .8

// warnings says what a person should have a look at.
func (r result) warnings() (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	s, f := r.status, r.status.Found
	enc, d := f.Encoding, f.Dialect
	if enc.Confidence < doubtful {
		text := fmt.Sprintf("the encoding is a guess (%s)", percentOf(enc.Confidence))
		if i := slices.IndexFunc(enc.RunnersUp, func(c encoding.Candidate) bool { return !c.Same }); i >= 0 {
			text += fmt.Sprintf(", it could be %s (%s)", enc.RunnersUp[i].Label, percentOf(enc.RunnersUp[i].Confidence))
		}
		say("%s: see whether accents are right, -encoding pins it", text)
	}
	switch {
	case d.Columns == 1 && d.Confidence < doubtful:
		say("only one column was found: if there are more, -delimiter pins what is between them")
	case d.Columns > 1 && d.Confidence < doubtful:
		text := fmt.Sprintf("the dialect is a guess (%s)", percentOf(d.Confidence))
		if len(d.RunnersUp) > 0 {
			text += fmt.Sprintf(", it could have %s", d.RunnersUp[0].Dialect)
		}
		say("%s: see whether the columns are right, -delimiter pins it", text)
	}
	if d.Columns > 0 && d.HeaderConfidence < doubtful && f.Parent == "" {
		say("whether there is a header is a guess (%s)", percentOf(d.HeaderConfidence))
	}
	switch {
	case d.HeaderRows != dialect.NoHeader || len(f.Header) == 0:
	case len(f.Header) == 1:
		say("the column is called %s", f.Header[0].Name)
	default:
		say("the columns are called %s to %s", f.Header[0].Name, f.Header[len(f.Header)-1].Name)
	}
	inTable := (&sqlsink.Sink{}).Columns(f.Header)
	for i, c := range f.Header {
		if given := cmp.Or(c.Given, c.Name); given != inTable[i] {
			say("column %d is called %q as is one before it: in the table it is %q", i+1, given, inTable[i])
		}
	}
	if s.Read > 0 && s.Rejected*5 >= s.Read {
		say("%s of the rows are rejected: was the file read the right way?", percentOf(float64(s.Rejected)/float64(s.Read)))
	}
	for _, code := range slices.Sorted(maps.Keys(s.Tolerated)) {
		say("%s × %s was left as it is", count(s.Tolerated[code]), words(code))
	}
	return list
}

// rows says what became of the rows.
func (r result) rows() string {
	s := r.status
	text := fmt.Sprintf("%s read: %s loaded", count(s.Read), count(s.Delivered))
	if s.Rejected > 0 {
		text += fmt.Sprintf(", %s rejected", count(s.Rejected))
	}
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %s skipped (blank lines and comments)", count(s.Skipped))
	}
	return text
}

// time says how long it took, and how fast that was where it took long enough to tell.
func (r result) time() string {
	s := r.status
	text := span(s.Elapsed)
	if sec := s.Elapsed.Seconds(); sec > .1 {
		text += fmt.Sprintf(", %s and %s a second", plural(int64(float64(s.Read-s.Earlier)/sec), "row"), size(s.Rate))
	}
	if s.Retries > 0 {
		text += fmt.Sprintf(", %s tried again", plural(s.Retries, "time"))
	}
	return text
}

// shown is how many rejects the report describes.
const shown = 3

// rejected says why records were rejected, and where they are now.
func (r result) rejected() []string {
	s := r.status
	if s.Rejected == 0 {
		return nil
	}
	codes := slices.SortedFunc(maps.Keys(s.Rejects), func(a, b ingest.Code) int {
		return cmp.Or(cmp.Compare(s.Rejects[b], s.Rejects[a]), cmp.Compare(a, b))
	})
	var kinds []string
	for _, code := range codes {
		kinds = append(kinds, fmt.Sprintf("%s × %s", count(s.Rejects[code]), words(code)))
	}
	list := []string{strings.Join(kinds, ", ")}
	for _, p := range s.Problems[:min(shown, len(s.Problems))] {
		list = append(list, fmt.Sprintf("line %s: %s", count(p.Line), p.Reason))
	}
	if more := s.Rejected - shown; more > 0 {
		list = append(list, fmt.Sprintf("and %s more", count(more)))
	}
	if r.unwritten {
		return append(list, "they are in table sluice_rejects")
	}
	list = append(list, fmt.Sprintf("they are in %s: mend them there and load that file with -append", r.rejects))
	if s.Rejects[ingest.CodeTooFewFields]*2 > s.Rejected {
		list = append(list, "those with too few fields are loaded as they are with -append -short keep")
	}
	return list
}

// words makes words of a code.
func words(c ingest.Code) string { return strings.ReplaceAll(string(c), "_", " ") }

func percentOf(p float64) string { return fmt.Sprintf("%.0f %%", 100*p) }

// visible shows a character of a dialect.
func visible(s string) string {
	switch s {
	case dialect.None:
		return "none"
	case "\t":
		return "TAB"
	case `"`:
		return `'"'`
	}
	return strconv.Quote(s)
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return count(n) + " " + unit + "s"
}

// count writes a number with a comma between thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes.
func size(n float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for ; n >= 1000 && i < len(units)-1; i++ {
		n /= 1000
	}
	if n < 10 && i > 0 {
		return fmt.Sprintf("%.1f %s", n, units[i])
	}
	return fmt.Sprintf("%.0f %s", n, units[i])
}

// span writes a duration as exactly as a person wants to know it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second && d%time.Second > 0:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
