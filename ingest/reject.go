package ingest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// A RejectWriter writes rejects to a file that a person can mend and send back: the records as they stand
// in the source, in its encoding and dialect, under its header, each with three fields behind its own:
// the code, what is wrong in words, and where the record comes from. A pipeline that reads the mended
// file drops these fields and says in its status which run the file comes from.
//
// A record beyond Limits.Record is not in the file, only its code, message and origin: it cannot be
// mended there, and is rejected again.
type RejectWriter struct {
	w       io.Writer
	trailer trailer
	begun   bool
}

// A RejectFile is a RejectWriter to a file that it makes with the first reject. It never overwrites one: a
// person may be mending it. Rejects are kept before the records around them are stored, so after a run that
// failed it may hold some that the Status does not count, and that come again with the next run.
type RejectFile struct {
	path string
	file *os.File
	w    *RejectWriter
}

// NewRejectFile makes a RejectFile. The caller closes it, after the run.
func NewRejectFile(path string) *RejectFile { return &RejectFile{path: path} }

func (f *RejectFile) Reject(ctx context.Context, from *Found, rejects []*RecordError) error {
	if f.file == nil {
		file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("the rejects of an earlier run are not overwritten: move the file away, or name another: %w", err)
		}
		if err != nil {
			return err
		}
		f.file, f.w = file, NewRejectWriter(file)
	}
	end, err := f.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := f.w.Reject(ctx, from, rejects); err != nil {
		return errors.Join(err, f.file.Truncate(end)) // a row that is cut off could be taken for a whole one
	}
	return nil
}

// Made says whether there was a reject, and so is a file.
func (f *RejectFile) Made() bool { return f.file != nil }

// Close closes the file, if there is one.
func (f *RejectFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// NewRejectWriter makes a RejectWriter. Nothing is written before the first reject, and then one Write for
// each batch that has some. It serves one run: a second one gets an error. The caller closes w, after the
// run.
func NewRejectWriter(w io.Writer) *RejectWriter { return &RejectWriter{w: w} }

// The names of the fields a RejectWriter adds, where the source has a header.
const (
	RejectCodeColumn    = "sluice_code"
	RejectMessageColumn = "sluice_message"
	RejectOriginColumn  = "sluice_origin"

	trailerFields = 3
)

func (w *RejectWriter) Reject(_ context.Context, from *Found, rejects []*RecordError) error {
	var out []byte
	if !w.begun {
		t, err := newTrailer(from)
		if err != nil {
			return err
		}
		w.trailer, w.begun = t, true
		if from.Encoding.BOM > 0 {
			out = append(out, t.enc.BOM()...)
		}
		out = t.header(out, from)
	}
	if w.trailer.origin.Run != from.Run {
		return errors.New("a RejectWriter takes the rejects of one run: make one for each run")
	}
	w.trailer.origin.setEncoding(from)
	for _, e := range rejects {
		out = w.trailer.append(out, e)
	}
	_, err := w.w.Write(out)
	return err
}

// An origin says which run, and which place in its source, a rejected record comes from, and how that
// source is written. It is one field, made of parts with a separator that is not structural in the
// dialect: sluice1/RUN/ENCODING/DIALECT/RECORD/LINE/OFFSET, and /cut if the record is not in the file.
// ENCODING is two with a "&" between them if they are mixed, and "-" if it was not decided yet.
type origin struct {
	Run      string
	Encoding string
	Mixed    string // the second encoding, or ""
	Dialect  dialect.Dialect
	Position
	Cut bool
}

const originMark = "sluice1"

// separators are tried in this order.
const separators = "/:+=!"

func (o *origin) spell(sep string) string {
	d, enc := o.Dialect, o.Encoding
	if o.Mixed != "" {
		enc += "&" + o.Mixed
	}
	parts := []string{originMark, o.Run, enc,
		strings.Join([]string{hexed(d.Delimiter), hexed(d.Quote), hexed(d.Escape), hexed(d.Comment), string(d.LineEnding), string(d.SkipSpace), strconv.Itoa(max(d.HeaderRows, 0))}, "_"),
		strconv.FormatInt(o.Record, 10), strconv.FormatInt(o.Line, 10), strconv.FormatInt(o.Offset, 10)}
	if o.Cut {
		parts = append(parts, "cut")
	}
	return strings.Join(parts, sep)
}

// parseOrigin reads an origin; ok is false if s is none.
func parseOrigin(s string) (o origin, ok bool) {
	s = strings.Trim(s, " \t\"'") // spreadsheets may have quoted it
	tail, is := strings.CutPrefix(s, originMark)
	if !is || tail == "" || !strings.Contains(separators, tail[:1]) {
		return o, false
	}
	parts := strings.Split(tail[1:], tail[:1])
	if len(parts) < 6 || len(parts) > 7 {
		return o, false
	}
	o.Run, o.Cut = parts[0], len(parts) == 7
	o.Encoding, o.Mixed, _ = strings.Cut(parts[1], "&")
	d := strings.Split(parts[2], "_")
	if len(d) != 7 {
		return o, false
	}
	for i, field := range []*string{&o.Dialect.Delimiter, &o.Dialect.Quote, &o.Dialect.Escape, &o.Dialect.Comment} {
		if *field, ok = unhexed(d[i]); !ok {
			return o, false
		}
	}
	o.Dialect.LineEnding, o.Dialect.SkipSpace = dialect.LineEnding(d[4]), dialect.Toggle(d[5])
	o.Dialect.Preamble, o.Dialect.HeaderRows = dialect.NoPreamble, dialect.NoHeader
	if d[6] != "0" {
		o.Dialect.HeaderRows = 1 // a RejectWriter writes one
	}
	for i, n := range []*int64{&o.Record, &o.Line, &o.Offset} {
		v, err := strconv.ParseInt(parts[3+i], 10, 64)
		if err != nil {
			return o, false
		}
		*n = v
	}
	return o, o.Dialect.Validate() == nil
}

// hexed spells a dialect's string without a character that could be structure.
func hexed(s string) string {
	switch s {
	case dialect.None:
		return "none"
	case dialect.Doubled:
		return "doubled"
	}
	return hex.EncodeToString([]byte(s))
}

func unhexed(s string) (string, bool) {
	switch s {
	case "none":
		return dialect.None, true
	case "doubled":
		return dialect.Doubled, true
	}
	b, err := hex.DecodeString(s)
	return string(b), err == nil && len(b) > 0
}

// findOrigin looks for the first origin in a sample, with the names or the code that belong to it.
func findOrigin(text []byte) (origin, bool) {
	for at := 0; ; at += len(originMark) {
		i := bytes.Index(text[at:], []byte(originMark))
		if i < 0 {
			return origin{}, false
		}
		at += i
		o, ok := parseOrigin(string(originCell(text[at:])))
		if !ok {
			continue
		}
		if o.Encoding == undecided {
			o.Encoding, o.Mixed = decidedLater(text[at:], o.Run)
		}
		// A program may have saved the file with a delimiter and quotes of its own.
		before := bytes.TrimRight(text[max(0, at-1<<10):at], "\"'")
		if !bytes.HasSuffix(before, []byte(o.Dialect.Delimiter)) {
			o.Dialect = dialect.Dialect{Preamble: o.Dialect.Preamble, HeaderRows: o.Dialect.HeaderRows}
		}
		// What only looks like one, in a cell of a file of somebody's, stands alone.
		if o.Dialect.HeaderRows > 0 {
			return o, bytes.Contains(text[:at], []byte(RejectOriginColumn)) || bytes.Contains(text[:at], []byte(RejectCodeColumn))
		}
		return o, slices.ContainsFunc(rejectCodes, func(c Code) bool { return bytes.Contains(before, []byte(c)) })
	}
}

// undecided stands for the encoding of a source of which nothing but ASCII was seen.
const undecided = "-"

func (o *origin) setEncoding(from *Found) {
	o.Encoding, o.Mixed = from.Encoding.Label, from.Encoding.Mixed
	if from.Encoding.ASCII {
		o.Encoding = undecided
	}
}

// decidedLater gives the encoding that a later origin of a run names.
func decidedLater(text []byte, run string) (label, mixed string) {
	for part := range bytes.SplitSeq(text, []byte(originMark)) {
		if o, ok := parseOrigin(originMark + string(originCell(part))); ok && o.Run == run && o.Encoding != undecided {
			return o.Encoding, o.Mixed
		}
	}
	return undecided, ""
}

// originCell gives the beginning of text that can be in the cell of an origin.
func originCell(text []byte) []byte {
	text = text[:min(len(text), 1<<9)]
	if end := bytes.IndexAny(text, "\r\n\t \"',;|"); end >= 0 {
		text = text[:end]
	}
	return text
}

// trailer writes what a RejectWriter adds.
type trailer struct {
	enc       *encoding.Encoding
	origin    origin
	sep       string
	structure string // the characters that have a meaning in the dialect
	fill      string // stands for them in a message
	delimiter []byte // encoded, as the next two
	mark      []byte // an origin's beginning, with the delimiter before it
	lineEnd   []byte
}

func newTrailer(from *Found) (trailer, error) {
	d := from.Dialect.Dialect
	t := trailer{origin: origin{Run: from.Run, Dialect: d}, structure: structure(d)}
	pick := func(from string) string {
		for _, r := range from {
			if !strings.ContainsRune(t.structure, r) {
				return string(r)
			}
		}
		return ""
	}
	t.sep, t.fill = pick(separators), pick(" _-")
	if t.sep == "" || t.fill == "" || strings.ContainsAny(t.origin.spell(t.sep)+RejectCodeColumn, t.structure) {
		return t, fmt.Errorf("rejects cannot be written in this dialect (%v), whose structural characters stand in every origin: use a RejectSink of another kind", d)
	}
	var err error
	if t.enc, err = encoding.Get(from.Encoding.Label); err != nil {
		return t, err
	}
	ends := map[dialect.LineEnding]string{dialect.CR: "\r", dialect.CRLF: "\r\n"}
	end := ends[d.LineEnding]
	if end == "" {
		end = "\n"
	}
	t.lineEnd, t.delimiter = t.encode(end), t.encode(d.Delimiter)
	t.mark = t.encode(d.Delimiter + originMark + t.sep)
	return t, nil
}

// encode writes what any encoding of a source can write.
func (t *trailer) encode(s string) []byte {
	b, err := t.enc.Encode(s)
	if err != nil { // a column's name, in a message
		b, _ = t.enc.Encode(strings.Map(func(r rune) rune {
			if r > '~' {
				return '?'
			}
			return r
		}, s))
	}
	return b
}

// header writes the header row, if the source has one.
func (t *trailer) header(out []byte, from *Found) []byte {
	var raw []byte
	switch {
	case from.Dialect.HeaderRows == 1 && from.trailer == 0:
		raw = from.HeaderRaw
	case from.Dialect.HeaderRows > 0:
		names := make([]string, len(from.Header))
		for i, c := range from.Header {
			names[i] = t.quote(c.Name)
		}
		raw = t.encode(strings.Join(names, t.origin.Dialect.Delimiter))
	default:
		return out
	}
	return t.row(out, raw, RejectCodeColumn, RejectMessageColumn, RejectOriginColumn)
}

// quote writes a name as a field.
func (t *trailer) quote(name string) string {
	if !strings.ContainsAny(name, t.structure) {
		return name
	}
	if q := []rune(t.origin.Dialect.Quote); t.origin.Dialect.Quote != dialect.None {
		last := string(q[len(q)-1])
		return string(q[0]) + strings.ReplaceAll(name, last, last+last) + last
	}
	return t.plain(name)
}

// plain takes all structure out of a text: the dialect's, and what may become structure when a spreadsheet
// saves the file in its own way.
func (t *trailer) plain(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool {
		return strings.ContainsRune(t.structure, r) || strings.ContainsRune(" ,;|\t\"", r)
	})
	return strings.Join(words, t.fill)
}

func (t *trailer) append(out []byte, e *RecordError) []byte {
	o := t.origin
	o.Position, o.Cut = e.Position, e.Truncated
	raw := e.Raw
	if e.Truncated {
		raw = nil
	}
	message := e.Reason
	if e.Column > 0 {
		message = fmt.Sprintf("column %d %s: %s", e.Column, e.ColumnName, e.Reason)
	}
	return t.row(out, raw, t.plain(string(e.Code)), t.plain(message), o.spell(t.sep))
}

// row writes a row of the source with three fields more.
func (t *trailer) row(out, raw []byte, fields ...string) []byte {
	end := t.lineEnd
	for _, e := range []string{"\r\n", "\n", "\r"} {
		if e := t.encode(e); bytes.HasSuffix(raw, e) {
			raw, end = raw[:len(raw)-len(e)], e
			break
		}
	}
	raw = t.strip(raw)
	out = append(out, raw...)
	for _, f := range fields {
		out = append(out, t.delimiter...)
		out = append(out, t.encode(f)...)
	}
	return append(out, end...)
}

// strip takes the three fields of an earlier reject off a record that was rejected again.
func (t *trailer) strip(raw []byte) []byte {
	i := bytes.LastIndex(raw, t.mark)
	for range trailerFields - 1 {
		if i < 0 {
			return raw
		}
		i = bytes.LastIndex(raw[:i], t.delimiter)
	}
	if i < 0 {
		return raw
	}
	return raw[:i]
}

// cutTrailer takes the names of the fields that a RejectWriter added off the header, as far as a person left
// them there.
func (sp *splitter) cutTrailer(rows [][]string) (wrong string) {
	if len(rows) == 0 {
		return ""
	}
	added := func(name string) bool {
		return slices.Contains([]string{RejectCodeColumn, RejectMessageColumn, RejectOriginColumn}, strings.TrimSpace(name))
	}
	last := rows[len(rows)-1]
	if !slices.ContainsFunc(last, added) {
		return ""
	}
	n := len(last)
	for n > 0 && strings.TrimSpace(last[n-1]) == "" { // columns that a spreadsheet added
		n--
	}
	for n > 0 && added(last[n-1]) {
		n--
	}
	if i := slices.IndexFunc(last[:n], added); i >= 0 {
		return fmt.Sprintf("column %d is %s, which a reject file has behind all columns of its own: put it there, or take it out", i+1, strings.TrimSpace(last[i]))
	}
	sp.found.trailer = len(last) - n
	rows[len(rows)-1] = last[:n]
	return ""
}

// dropTrailer takes the fields that a RejectWriter added off the record in hand. A record without them was
// added by hand. It rejects what cannot be mended in such a file, and what was mended in the wrong place.
func (p *parser) dropTrailer(first int) bool {
	fields := p.Fields[first:]
	columns := len(p.b.found.Header)
	at := -1
	var o origin
	for i := len(fields) - 1; i >= 0 && at < 0; i-- {
		if value := p.value(fields[i]); bytes.HasPrefix(bytes.TrimLeft(value, " \"'"), []byte(originMark)) {
			if found, ok := parseOrigin(string(value)); ok {
				o, at = found, i
			}
		}
	}
	if o.Cut {
		p.drop(first)
		p.reject(CodeRecordTooLarge, 0, "the record is too large to be mended here: shorten it in the file it comes from")
		return false
	}
	keep := len(fields)
	switch {
	case at < 0 && len(fields) == columns+p.w.found.trailer:
		keep = columns // the origin was cleared
	case at < 0:
	case slices.ContainsFunc(fields[at+1:], func(f scan.Field) bool { return f.Start() != f.End() }):
		p.drop(first)
		p.reject(CodeTooManyFields, at+2, "there is a value behind the fields that say why the record was rejected: put it before them")
		return false
	default:
		keep = max(0, at+1-min(p.w.found.trailer, trailerFields))
		if keep == columns-1 && p.w.found.trailer >= trailerFields && typedOver(p.value(fields[keep])) {
			keep++ // the missing value was typed over the code
		}
	}
	p.Fields = p.Fields[:first+keep]
	return true
}

// typedOver says that a cell where a code should be holds something else.
func typedOver(cell []byte) bool {
	cell = bytes.Trim(cell, " \"'")
	return len(cell) > 0 && !slices.Contains(rejectCodes, Code(cell))
}

// rejectCodes are the codes that stand in a reject file.
var rejectCodes = []Code{CodeUnclosedQuote, CodeStrayQuote, CodeTooFewFields, CodeTooManyFields, CodeEncoding, CodeNUL,
	CodeControl, CodeInvisible, CodeBlank, CodeRecordTooLarge, CodeFieldTooLarge, CodeTooManyColumns,
	CodeRepeatedHeader, CodeBelow, CodeOtherTable, CodeRefused}
