package ingest

import (
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

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

// A Batch is the records of one window that are to be delivered. It is immutable, and never used again
// by the run but with Pipeline.Reuse: a sink may keep it, and any number of goroutines may read it. It keeps alive what its
// window was read with, up to four times its bytes, and some ten bytes for each field.
type Batch struct {
	found  *Found
	nulls  map[string]bool
	window Window
	text   [2]string // what the fields point into: the text, and what stands there differently: unescaped, stripped, rescued
	fields []scan.Field
	ends   []uint32 // record i has the fields from ends[i] to ends[i+1]
	rows   []note   // which rows of the window the records are
	short  []note   // records that were filled up, and how many fields they had
	places *places
	entry  *LedgerEntry

	// failed is the index of the record in hand when a loop over All was left by a panic, from 1.
	failed atomic.Int64
}

// A note says something about a record, or about those from it on.
type note struct{ record, n uint32 }

// find gives the last of some runs that begins at a record or before it.
func find(runs []note, record uint32) (note, bool) {
	i := sort.Search(len(runs), func(i int) bool { return runs[i].record > record })
	if i == 0 {
		return note{}, false
	}
	return runs[i-1], true
}

// row gives the row in the window that a record is.
func (b *Batch) row(record uint32) int {
	r, _ := find(b.rows, record)
	return int(r.n + record - r.record)
}

// places finds where a window's rows stand in the source, on demand: most sinks never ask.
type places struct {
	once  sync.Once
	find  func() []rowEnd
	rows  []rowEnd
	bytes []byte // the window as it stands in the source
}

// A rowEnd is where a row ends, and how many lines there are up to there, from the window's start.
type rowEnd struct{ end, lines int }

func (p *places) row(i int) (start, end int) {
	from, to := p.of(i)
	return from.end, to.end
}

// of gives the ends of the row before row i, and of row i.
func (p *places) of(i int) (before, row rowEnd) {
	p.once.Do(func() { p.rows = p.find() })
	if i > 0 {
		before = p.rows[i-1]
	}
	return before, p.rows[i]
}

func (p *places) clone() *places {
	p.once.Do(func() { p.rows = p.find() })
	rows := p.rows
	return &places{find: func() []rowEnd { return rows }, bytes: slices.Clone(p.bytes)}
}

// Len gives the number of records. It can be 0: every record of the window was rejected.
func (b *Batch) Len() int { return len(b.ends) - 1 }

// Header gives the table's columns.
func (b *Batch) Header() Header { return b.found.Header }

// Found says what the source was found to be.
func (b *Batch) Found() *Found { return b.found }

// Window says which part of the source the batch stands for.
func (b *Batch) Window() Window { return b.window }

// Entry gives what a ledger is to store of the batch's window, with its records; nil for a batch that belongs to no run.
func (b *Batch) Entry() *LedgerEntry { return b.entry }

// WithEntry gives the batch with what a ledger is to store of its window. It is for those who test a sink that is a Ledger:
// a run gives its batches the entry itself. The batch it is called on stays as it is, and shares its records.
func (b *Batch) WithEntry(e *LedgerEntry) *Batch {
	return &Batch{
		found: b.found, nulls: b.nulls, window: b.window, text: b.text, fields: b.fields, ends: b.ends, rows: b.rows,
		short: b.short, places: b.places, entry: e,
	}
}

// Clone gives a copy that has no memory in common with the batch: for those who keep one, with Pipeline.Reuse.
func (b *Batch) Clone() *Batch {
	c := b.WithEntry(b.entry)
	c.text = [2]string{strings.Clone(b.text[0]), strings.Clone(b.text[1])}
	c.fields, c.ends, c.places = slices.Clone(b.fields), slices.Clone(b.ends), b.places.clone()
	return c
}

// String tells which part of the source the batch stands for; not what is in it.
func (b *Batch) String() string {
	return fmt.Sprintf("%d records of %d bytes from %s on", b.Len(), b.window.Length, b.window.start())
}

// Record gives the i-th record, from 0.
func (b *Batch) Record(i int) Record {
	first, end := b.ends[i], b.ends[i+1]
	return Record{b, unsafe.Pointer(unsafe.SliceData(b.fields[first:end])), uint32(i), end - first}
}

// All gives the records with their index. A panic in the loop's body is reported with the record's position.
func (b *Batch) All() iter.Seq2[int, Record] {
	return func(yield func(int, Record) bool) {
		at, left := 0, false
		defer func() {
			if !left {
				b.failed.Store(int64(at) + 1)
			}
		}()
		for i := range b.Len() {
			if at = i; !yield(i, b.Record(i)) {
				break
			}
		}
		left = true
	}
}

// A Record is one record of a batch: a few words, to be passed by value. The zero Record has no fields.
type Record struct {
	batch *Batch
	first unsafe.Pointer // of its fields
	i     uint32
	n     uint32 // how many fields it has
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
	if r.batch != nil {
		if short, ok := find(r.batch.short, r.i); ok && short.record == r.i {
			return int(short.n)
		}
	}
	return int(r.n)
}

// Len gives the number of fields: that of the columns, or more where Policy.Long is Keep.
func (r Record) Len() int { return int(r.n) }

// fields are those of a record.
func (r Record) fields() []scan.Field {
	if r.batch == nil {
		return nil
	}
	return unsafe.Slice((*scan.Field)(r.first), r.n)
}

// outOfRange is what Field panics with.
const outOfRange = "ingest: the record does not have so many fields"

// Field gives the i-th field, from 0, as valid UTF-8. It allocates nothing; the string keeps the batch
// alive (strings.Clone lets it go, and Record.Clone does for a whole record). A field that Policy.Short filled up is "".
func (r Record) Field(i int) string {
	if uint(i) >= uint(r.n) {
		panic(outOfRange)
	}
	f := (*scan.Field)(unsafe.Add(r.first, i*int(unsafe.Sizeof(scan.Field{}))))
	start, end, which := f.Place()
	return r.batch.text[which][start:end]
}

// Null says that the i-th field has no value: nothing stands between the delimiters, or one of
// Pipeline.Null does, or the record is too short. A quoted field has a value, also when it is empty.
func (r Record) Null(i int) bool {
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

// Clone appends copies of all fields to dst: strings that do not keep the batch alive. Those of a record share one
// allocation.
func (r Record) Clone(dst []string) []string {
	fs := r.fields()
	if len(fs) == 0 {
		return dst
	}
	// The fields stand one behind the other in the text, as a rule, and are copied with what is between them.
	from, to := fs[0].Start(), 0
	for i := range fs {
		_, end, elsewhere := fs[i].Place()
		if elsewhere != 0 {
			return r.cloneEach(dst)
		}
		to = max(to, end) // but what was filled up stands nowhere
	}
	all := strings.Clone(r.batch.text[0][from:to])
	n := len(dst)
	dst = slices.Grow(dst, len(fs))[:n+len(fs)]
	for i, cells := 0, dst[n:]; i < len(cells) && i < len(fs); i++ {
		cell := ""
		if start, end, _ := fs[i].Place(); start < end {
			cell = all[start-from : end-from]
		}
		cells[i] = cell
	}
	return dst
}

// cloneEach is Clone for fields that are not all in the text.
func (r Record) cloneEach(dst []string) []string {
	n := 0
	for i := range r.Len() {
		n += len(r.Field(i))
	}
	var all strings.Builder
	all.Grow(n)
	for i := range r.Len() {
		all.WriteString(r.Field(i))
	}
	rest := all.String()
	for i := range r.Len() {
		n := len(r.Field(i))
		dst, rest = append(dst, rest[:n]), rest[n:]
	}
	return dst
}

// Position says where the record stands in the source.
func (r Record) Position() Position {
	if r.batch == nil {
		return Position{}
	}
	return r.batch.position(r.batch.row(r.i))
}

// position says where a row of the window stands in the source.
func (b *Batch) position(row int) Position {
	before, _ := b.places.of(row)
	return Position{
		Offset: b.window.Offset + int64(before.end),
		Line:   b.window.Line + int64(before.lines),
		Record: b.window.Record + int64(row),
	}
}

// Key names the record by its run and its place in the source: "run/offset". It is the same whenever the run comes to this
// record again: a store that is given the key can tell what it has.
func (r Record) Key() string {
	if r.batch == nil {
		return ""
	}
	return fmt.Sprintf("%s/%d", r.batch.found.Run, r.Position().Offset)
}

// Raw gives the record's bytes as they stand in the source, its line end included. They are not to be
// changed.
func (r Record) Raw() []byte {
	if r.batch == nil {
		return nil
	}
	start, end := r.batch.places.row(r.batch.row(r.i))
	return r.batch.places.bytes[start:end:end]
}

// String tells where the record is and how many fields it has; not what is in them.
func (r Record) String() string {
	if r.batch == nil {
		return "no record"
	}
	return fmt.Sprintf("%s, %d fields", r.Position(), r.Len())
}
