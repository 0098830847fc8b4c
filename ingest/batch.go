package ingest

import (
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// A Column is one column of a table.
type Column struct {
	Name string `json:"name"` // unique among the columns
	// Renamed says that Name is not what stands in the file, which is Given: it was empty, or had been used.
	Renamed bool   `json:"renamed,omitempty"`
	Given   string `json:"given,omitempty"`
}

// A Header is the columns of a table, in the order of the file. It is not to be changed.
type Header []Column

// Columns makes a Header of names.
func Columns(names ...string) Header {
	h := make(Header, len(names))
	for i, n := range names {
		h[i].Name = n
	}
	return h
}

// Names gives the columns' names in a new slice.
func (h Header) Names() []string {
	names := make([]string, len(h))
	for i := range h {
		names[i] = h[i].Name
	}
	return names
}

// Index gives the position of a column, -1 if there is none of this name. It searches: look names up
// once, not once a record.
func (h Header) Index(name string) int {
	for i := range h {
		if h[i].Name == name {
			return i
		}
	}
	return -1
}

// A Window is the unit of work: a stretch of the source that begins and ends at record boundaries.
// Every byte of the table is in exactly one window of a run.
type Window struct {
	Offset int64 `json:"offset"` // bytes from the start of the source (of what it unpacks to)
	Length int64 `json:"length"` // bytes
	Line   int64 `json:"line"`   // its first line, from 1
	Record int64 `json:"record"` // its first row, from 1
	Rows   int64 `json:"rows"`   // records, blank lines and comments

	// What has to be known beside Found to read the window by itself, or to go on behind it.
	Unclosed []int `json:"unclosed,omitempty"` // rows, from 0, that are the first line of a record whose quote is not closed
	Oversize bool  `json:"oversize,omitempty"` // it is one record, beyond Limits.Record
	Patience int   `json:"patience"`           // bytes that closing quotes may still be looked for in vain

	// What the windows before it end in.
	Section Section `json:"section,omitempty"`
	Blank   bool    `json:"blank,omitempty"` // their last row, comments apart, is a blank one
}

// A Batch is the records of one window that are to be delivered. It is immutable and never used again
// by the run: a sink may keep it, and any number of goroutines may read it.
type Batch struct {
	found  *Found
	nulls  map[string]bool
	window Window
	text   string // what the fields point into
	extra  string // what fields point into that stand differently in the text: unescaped, stripped, rescued
	fields []scan.Field
	rows   []batchRow
	places *places

	// failed is the index of the record in hand when a loop over All was left by a panic, from 1.
	failed atomic.Int64
}

// A batchRow is one record of a batch.
type batchRow struct {
	first uint32 // of its fields
	row   uint32 // its row in the window
	line  uint32 // of it, from the window's first
}

// places finds a row's bytes in the source, on demand: most sinks never ask.
type places struct {
	once  sync.Once
	find  func() []int // ends of all rows, from the window's start
	ends  []int
	bytes []byte // the window as it stands in the source
}

func (p *places) row(i int) (start, end int) {
	p.once.Do(func() { p.ends = p.find() })
	if i > 0 {
		start = p.ends[i-1]
	}
	return start, p.ends[i]
}

// Len gives the number of records. It can be 0: every record of the window was rejected.
func (b *Batch) Len() int { return len(b.rows) }

// Header gives the table's columns.
func (b *Batch) Header() Header { return b.found.Header }

// Found says what the source was found to be.
func (b *Batch) Found() *Found { return b.found }

// Window says which part of the source the batch stands for.
func (b *Batch) Window() Window { return b.window }

// String tells which part of the source the batch stands for; not what is in it.
func (b *Batch) String() string {
	return fmt.Sprintf("%d records of %d bytes from %s on", b.Len(), b.window.Length, b.window.start())
}

// Record gives the i-th record, from 0.
func (b *Batch) Record(i int) Record {
	_ = b.rows[i]
	return Record{b, i}
}

// All gives the records with their index. A panic in the loop's body is reported with the record's position.
func (b *Batch) All() iter.Seq2[int, Record] {
	return func(yield func(int, Record) bool) {
		i, left := 0, false
		defer func() {
			if !left {
				b.failed.Store(int64(i) + 1)
			}
		}()
		for ; i < len(b.rows); i++ {
			if !yield(i, Record{b, i}) {
				break
			}
		}
		left = true
	}
}

// A Record is one record of a batch: two words, to be passed by value. The zero Record has no fields.
type Record struct {
	batch *Batch
	i     int
}

// Header gives the table's columns.
func (r Record) Header() Header {
	if r.batch == nil {
		return nil
	}
	return r.batch.found.Header
}

// Found says what the source was found to be; nil for the zero Record.
func (r Record) Found() *Found {
	if r.batch == nil {
		return nil
	}
	return r.batch.found
}

// Given gives the number of fields that stand in the source. Where Policy.Short is Keep it may be less
// than Len.
func (r Record) Given() int {
	if r.batch == nil {
		return 0
	}
	return len(r.fields())
}

// Len gives the number of fields: that of the columns, or more where Policy.Long is Keep.
func (r Record) Len() int {
	if r.batch == nil {
		return 0
	}
	return max(len(r.fields()), len(r.batch.found.Header))
}

func (r Record) fields() []scan.Field {
	b := r.batch
	end := len(b.fields)
	if r.i+1 < len(b.rows) {
		end = int(b.rows[r.i+1].first)
	}
	return b.fields[b.rows[r.i].first:end]
}

// Field gives the i-th field, from 0, as valid UTF-8. It allocates nothing; the string keeps the batch
// alive (strings.Clone lets it go). A field that Policy.Short filled up is "".
func (r Record) Field(i int) string {
	fs := r.fields()
	if i >= len(fs) && i < len(r.batch.found.Header) {
		return ""
	}
	f := fs[i]
	if f.Escaped() {
		return r.batch.extra[f.Start():f.End()]
	}
	return r.batch.text[f.Start():f.End()]
}

// Null says that the i-th field has no value: nothing stands between the delimiters, or one of
// Pipeline.Null does, or the record is too short. A quoted field has a value, also when it is empty.
func (r Record) Null(i int) bool {
	if r.batch == nil {
		return true
	}
	fs := r.fields()
	if i >= len(fs) {
		return true
	}
	if fs[i].Quoted() {
		return false
	}
	v := r.Field(i)
	return v == "" || r.batch.nulls[v]
}

// Quoted says that the i-th field was quoted.
func (r Record) Quoted(i int) bool {
	fs := r.fields()
	return i < len(fs) && fs[i].Quoted()
}

// Get gives the field of a column, and whether there is such a column. It searches the header: in a loop
// use Header.Index once, and Field.
func (r Record) Get(column string) (string, bool) {
	i := r.Header().Index(column)
	if i < 0 {
		return "", false
	}
	return r.Field(i), true
}

// Fields gives all fields in a new slice.
func (r Record) Fields() []string {
	fs := make([]string, r.Len())
	for i := range fs {
		fs[i] = r.Field(i)
	}
	return fs
}

// Position says where the record stands in the source.
func (r Record) Position() Position {
	if r.batch == nil {
		return Position{}
	}
	row := r.batch.rows[r.i]
	w := r.batch.window
	start, _ := r.batch.places.row(int(row.row))
	return Position{
		Offset: w.Offset + int64(start),
		Line:   w.Line + int64(row.line),
		Record: w.Record + int64(row.row),
	}
}

// Raw gives the record's bytes as they stand in the source, its line end included. They are not to be
// changed.
func (r Record) Raw() []byte {
	if r.batch == nil {
		return nil
	}
	start, end := r.batch.places.row(int(r.batch.rows[r.i].row))
	return r.batch.places.bytes[start:end:end]
}

// String tells where the record is and how many fields it has; not what is in them.
func (r Record) String() string {
	if r.batch == nil {
		return "no record"
	}
	return fmt.Sprintf("%s, %d fields", r.Position(), r.Len())
}
