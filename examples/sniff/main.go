// Sniff says what a pipeline would make of CSV files: their encoding, dialect and header, how sure it is
// and why, with the cells that decided on the encoding and the lines that decided on the dialect, and which of the
// first records would be rejected. Packed files are looked into.
//
//	go run ./examples/sniff [-json] [-pin dialect.json] FILE...
//
// The file - is the standard input.
//
// With -pin what was found of the first file is written down, unless that was done before: then every file is
// read as that says, and one that has become something else is an error that tells the difference.
//
// With -json it prints one object a line, also for a file that cannot be read. The exit code is 1 if
// there was one, otherwise 0; 2 is for wrong usage.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
	"golang.org/x/text/width"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin *os.File, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sniff", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print one JSON object a line")
	pinned := flags.String("pin", "", "the `file` with what was found before, made if there is none")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: sniff [-json] [-pin FILE] FILE... (- is the standard input)")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	pin, err := readPin(*pinned)
	if err != nil {
		fmt.Fprintln(stderr, "sniff:", err)
		return 1
	}
	out := bufio.NewWriter(stdout)
	defer out.Flush()
	code := 0
	for _, path := range flags.Args() {
		found, first, err := look(path, stdin, pin, !*asJSON)
		if err == nil && *pinned != "" && pin == nil {
			pin, err = writePin(*pinned, found)
		}
		if err != nil {
			code = 1
		}
		if *asJSON {
			printJSON(out, path, found, err)
		} else {
			printReport(out, path, found, first, err)
		}
	}
	return code
}

// readPin reads what was found before; nil if there is no such file.
func readPin(path string) (*ingest.Pin, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pin := new(ingest.Pin)
	if err := json.Unmarshal(b, pin); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pin, nil
}

// writePin writes down what was found.
func writePin(path string, found *ingest.Found) (*ingest.Pin, error) {
	pin := found.Pin()
	b, err := json.MarshalIndent(pin, "", "  ")
	if err != nil {
		return nil, err
	}
	return &pin, os.WriteFile(path, append(b, '\n'), 0o644)
}

// look sniffs a file and, if rows is true, reads its first rows.
func look(path string, stdin *os.File, pin *ingest.Pin, rows bool) (*ingest.Found, firstRows, error) {
	var first firstRows
	file := stdin
	if path != "-" {
		var err error
		if file, err = os.Open(path); err != nil {
			return nil, first, err
		}
		defer file.Close()
	}
	info, err := file.Stat()
	if err != nil {
		return nil, first, err
	}
	if info.IsDir() {
		return nil, first, fmt.Errorf("%s is a directory", path)
	}
	p := ingest.Pipeline{Pin: pin, Policy: ingest.Policy{Bad: ingest.Reject}}
	found, src, err := sniff(&p, file, info.Mode().IsRegular())
	if err != nil || !rows {
		return found, first, err
	}
	return found, first, first.read(&p, src)
}

// sniff sniffs a file and gives it from its beginning again. What has been read of one that cannot seek is
// kept for that: 1 MiB at most, or the whole of a zip archive, whose directory is at its end.
func sniff(p *ingest.Pipeline, file *os.File, seeks bool) (*ingest.Found, io.Reader, error) {
	if !seeks {
		var head bytes.Buffer
		found, err := p.Sniff(context.Background(), io.TeeReader(file, &head))
		return found, io.MultiReader(&head, file), err
	}
	start, err := file.Seek(0, io.SeekCurrent) // the standard input may have been read in part
	if err != nil {
		return nil, nil, err
	}
	found, err := p.Sniff(context.Background(), file)
	if err != nil {
		return found, nil, err
	}
	_, err = file.Seek(start, io.SeekStart)
	return found, file, err
}

// firstRows is what becomes of the first records of a file.
type firstRows struct {
	good, bad int
	all       bool                  // these were all there are
	problems  []*ingest.RecordError // the first ones
}

const (
	maxRows     = 1000
	maxProblems = 5
)

func (f *firstRows) read(p *ingest.Pipeline, src io.Reader) error {
	for _, err := range p.Records(context.Background(), src) {
		var bad *ingest.RecordError
		switch {
		case err == nil:
			f.good++
		case errors.As(err, &bad):
			f.bad++
			if len(f.problems) < maxProblems {
				f.problems = append(f.problems, bad)
			}
		default:
			return err
		}
		if f.good+f.bad == maxRows {
			return nil
		}
	}
	f.all = true
	return nil
}

// answer is what -json prints about a file that could be read. The dialect's characters stand in it as
// they are, and "" where the file has none.
type answer struct {
	File       string `json:"file"`
	Encoding   string `json:"encoding"` // the WHATWG or IANA name
	Delimiter  string `json:"delimiter"`
	Quote      string `json:"quote"`
	Escape     string `json:"escape"` // the quote itself where quotes are doubled
	Comment    string `json:"comment"`
	Preamble   int    `json:"preamble"` // physical lines above the table
	HasHeader  bool   `json:"has_header"`
	LineEnding string `json:"line_ending"` // lf, crlf, cr, mixed

	Mixed              string               `json:"mixed,omitempty"`     // the encoding of the cells that are not UTF-8
	Container          string               `json:"container,omitempty"` // gzip, bzip2, zip
	BOM                int                  `json:"bom"`                 // bytes
	Columns            int                  `json:"columns"`
	Header             []string             `json:"header,omitempty"`
	SkipSpace          bool                 `json:"skip_space"`
	EncodingConfidence float64              `json:"encoding_confidence"`
	DialectConfidence  float64              `json:"dialect_confidence"`
	HeaderConfidence   float64              `json:"header_confidence"`
	EncodingRunnersUp  []encoding.Candidate `json:"encoding_runners_up,omitempty"`
	DialectBits        float64              `json:"dialect_bits"` // the length of the description; compares with that of the runners-up
	DialectRunnersUp   []dialect.Candidate  `json:"dialect_runners_up,omitempty"`
	DialectExplanation dialect.Explanation  `json:"dialect_explanation,omitzero"` // the lines that decided
	DialectInWords     string               `json:"dialect_in_words,omitempty"`   // what would have changed the answer
	Evidence           []string             `json:"evidence,omitempty"`
	Parent             string               `json:"parent,omitempty"` // the run whose rejects these are
}

// failure is what -json prints about a file that could not be read.
type failure struct {
	File  string      `json:"file"`
	Error string      `json:"error"`
	Code  ingest.Code `json:"code,omitempty"`
}

func printJSON(w io.Writer, path string, found *ingest.Found, err error) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err != nil {
		e.Encode(failure{path, err.Error(), ingest.CodeOf(err)})
		return
	}
	e.Encode(newAnswer(path, found))
}

func newAnswer(path string, found *ingest.Found) answer {
	d, enc := found.Dialect, found.Encoding
	a := answer{
		File: path, Encoding: enc.Label, LineEnding: string(d.LineEnding),
		Delimiter: d.Delimiter, Quote: literal(d.Quote), Escape: literal(d.Escape), Comment: literal(d.Comment),
		Preamble: max(d.Preamble, 0), HasHeader: d.HeaderRows > 0, SkipSpace: d.SkipSpace == dialect.On,
		Mixed: enc.Mixed, Container: found.Container, BOM: enc.BOM, Columns: d.Columns, Parent: found.Parent,
		EncodingConfidence: enc.Confidence, DialectConfidence: d.Confidence, HeaderConfidence: d.HeaderConfidence,
		EncodingRunnersUp: enc.RunnersUp, DialectRunnersUp: d.RunnersUp, DialectBits: d.Bits,
		Evidence: append(append([]string{}, enc.Evidence...), d.Evidence...),
	}
	if e := d.Explain(found.Text); e.Rival != (dialect.Dialect{}) {
		a.DialectExplanation, a.DialectInWords = e, e.String()
	}
	if d.Escape == dialect.Doubled {
		quote := []rune(a.Quote)
		a.Escape = string(quote[len(quote)-1:])
	}
	if a.HasHeader {
		a.Header = found.Header.Names()
	}
	return a
}

// literal gives the character that a dialect names.
func literal(s string) string {
	if s == dialect.None {
		return ""
	}
	return s
}

// The report for a person shows only the runners-up that come close.
const (
	maxRunnersUp = 3
	worthSaying  = .01
	maxCells     = 5 // that decided on the encoding
)

func printReport(w io.Writer, path string, found *ingest.Found, first firstRows, err error) {
	fmt.Fprintf(w, "%s\n", path)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	if err == nil || found != nil && found.Dialect.Delimiter != "" { // else nothing was found out
		describe(line, found)
		first.describe(line)
	}
	if err != nil {
		line("error", "%v", err)
	}
	fmt.Fprintln(w)
}

// describe says what was found.
func describe(line func(name, format string, args ...any), found *ingest.Found) {
	enc, d := found.Encoding, found.Dialect
	if found.Container != "" {
		line("packed", "%s", found.Container)
	}
	if found.Parent != "" {
		line("mended", "the rejects of run %s", found.Parent)
	}
	describeEncoding(line, enc, found.Sample)
	describeDialect(line, d, found.Text)
	switch {
	case d.HeaderRows > 0:
		line("header", "yes (%s)", sure(d.HeaderConfidence))
	case d.Columns > 0:
		line("header", "no (%s)", sure(d.HeaderConfidence))
	}
	if len(found.Header) > 0 {
		line("columns", "%d: %q", len(found.Header), found.Header.Names())
	}
	encoding := fmt.Sprintf("Encoding: %q, ", enc.Label)
	if enc.ASCII || enc.Mixed != "" { // a letter further on may be in any encoding; or two of them cannot be pinned
		encoding = ""
	}
	line("to pin it", "ingest.Pipeline{%sDialect: %#v}", encoding, d.Dialect)
}

func describeEncoding(line func(name, format string, args ...any), enc encoding.Guess, sample []byte) {
	if enc.ASCII {
		labels := []string{enc.Label}
		for _, c := range enc.RunnersUp {
			labels = append(labels, c.Label)
		}
		line("encoding", "%s: ASCII only, so any of them reads the same", strings.Join(labels, " or "))
		return
	}
	label := enc.Label
	if enc.Mixed != "" {
		label += ", mixed with " + enc.Mixed
	}
	if enc.BOM > 0 {
		label += " with a byte order mark"
	}
	line("encoding", "%s (%s)", label, sure(enc.Confidence))
	for _, e := range enc.Evidence {
		line("", "- %s", e)
	}
	for _, c := range enc.RunnersUp[:min(maxRunnersUp, len(enc.RunnersUp))] {
		switch {
		case c.Same:
			line("", "or %s, which reads the same", c.Label)
		case c.Confidence >= worthSaying:
			line("", "or %s (%s)", c.Label, sure(c.Confidence))
		}
	}
	rival, cells := enc.Explain(sample, maxCells)
	if len(cells) == 0 {
		return
	}
	widest := 0
	for _, c := range cells {
		widest = max(widest, columnsOf(c.Text))
	}
	line("decided by", "the cells, and what speaks for their first reading (as a logarithm):")
	for _, c := range cells {
		pad := strings.Repeat(" ", widest-columnsOf(c.Text))
		line("", "  %+6.1f  %s%s  not  %s (%s)", c.Weight, c.Text, pad, c.Instead, rival)
	}
}

func describeDialect(line func(name, format string, args ...any), d dialect.Guess, text []byte) {
	line("dialect", "%s (%s, %.0f bits)", d.Dialect, sure(d.Confidence), d.Bits)
	for _, e := range d.Evidence {
		line("", "- %s", e)
	}
	for _, c := range d.RunnersUp[:min(maxRunnersUp, len(d.RunnersUp))] {
		line("", "or %s: %s (%s, %.0f bits)", c.Dialect, columns(c.Columns), sure(c.Confidence), c.Bits)
	}
	e := d.Explain(text)
	switch {
	case e.Rival == dialect.Dialect{}:
		return
	case len(e.For)+len(e.Against) == 0:
		line("decided by", "%s", e)
		return
	}
	line("decided by", "the lines, and what speaks against %s (in bits):", e.Rival)
	for _, l := range slices.Concat(e.For, e.Against) {
		line("", "  %+6.1f  line %s: %s, not %s", l.RivalBits-l.Bits, l, fields(l.Fields), fields(l.RivalFields))
	}
	line("", "%s", e)
}

// columnsOf is how many columns a text takes in a terminal; ideographs take two.
func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n++
		}
		n++
	}
	return n
}

func columns(n int) string { return plural(n, "column") }

func fields(n int) string { return plural(n, "field") }

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// describe says what becomes of the first records.
func (f *firstRows) describe(line func(name, format string, args ...any)) {
	text := fmt.Sprintf("%d good", f.good)
	if f.bad > 0 {
		text += fmt.Sprintf(", %d bad", f.bad)
	}
	if !f.all {
		text += fmt.Sprintf(", of the first %d", maxRows)
	}
	line("records", "%s", text)
	for _, e := range f.problems {
		column := ""
		if e.ColumnName != "" {
			column = fmt.Sprintf(", column %q", e.ColumnName)
		}
		line("", "- line %d%s: %s", e.Line, column, e.Reason)
	}
	if more := f.bad - len(f.problems); more > 0 {
		line("", "- and %d more", more)
	}
}

// sure puts a confidence into words.
func sure(confidence float64) string {
	if confidence >= .995 {
		return "sure"
	}
	return fmt.Sprintf("%.0f %% sure", 100*confidence)
}
