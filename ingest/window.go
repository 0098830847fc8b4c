package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// A lens shows the splitter the structure of raw bytes. Where no byte of a structural character can be
// part of another character the splitter looks at the source itself. Elsewhere (UTF-16, UTF-32,
// Shift_JIS with a "|", ISO-2022-JP) it looks at a mask of it: one byte for each code unit, in which only
// characters that may be structure can be told apart. Either way a place in the view is a place in the
// source, so every encoding is cut raw, and no window depends on what was decoded before it.
type lens struct {
	enc    *encoding.Encoding
	other  *encoding.Encoding // of the cells that are not in enc, where the source is mixed; else nil
	unit   int                // bytes of the source for one byte of the view
	masked bool               // the view is a mask
	narrow bool               // it is made by scan.Narrow
	big    bool               // if narrow: the source is big-endian
	keep   []rune             // the structural characters beyond ASCII
	raw    *scan.Grammar
	text   *scan.Grammar // for what is decoded; raw itself where that is the same
}

// hidden is how encoding.Mask writes what is no structure.
const hidden = 0x80

// newLens makes a lens for records of so many columns, 0 if that is not known.
func newLens(enc *encoding.Encoding, d dialect.Dialect, limits *Limits, columns int) (*lens, error) {
	l := &lens{enc: enc, unit: enc.Unit()}
	l.text = scan.New(spell(d, limits, columns, func(s string) []byte { return []byte(s) }))
	if enc.Identity() {
		l.raw = l.text
		return l, nil
	}
	l.masked = l.unit > 1
	for _, r := range structure(d) {
		if r >= utf8.RuneSelf {
			l.keep = append(l.keep, r)
			l.masked = l.masked || !enc.SingleByte()
		} else if !enc.Safe(byte(r)) {
			l.masked = true
		}
		if _, err := enc.Encode(string(r)); err != nil {
			return nil, &RunError{Code: CodeSettings, Kind: ErrSettings, Reason: "Pipeline.Dialect", Err: err}
		}
	}
	l.narrow, l.big = l.unit == 2 && len(l.keep) == 0, enc.Name() == "UTF-16BE"
	l.raw = scan.New(spell(d, limits, columns, l.spell))
	return l, nil
}

// focus looks at the source from here on in an encoding, and for records that should have so many columns; 0 if
// that is not certain.
func (sp *splitter) focus(enc *encoding.Encoding, columns int) error {
	l, err := newLens(enc, sp.found.Dialect.Dialect, &sp.s.Limits, columns)
	if err == nil {
		l.other = second(sp.found.Encoding)
		sp.lens, sp.columns = l, columns
	}
	return err
}

// mixable says whether a source can be read cell by cell in two encodings: structure is looked for as in UTF-8, so no
// structural character may be part of another one in the second encoding, or written differently in the two.
func mixable(g encoding.Guess, d dialect.Dialect) bool {
	other := second(g)
	for _, r := range structure(d) {
		if r >= utf8.RuneSelf || !other.Safe(byte(r)) {
			return false
		}
	}
	return true
}

// second gives the second encoding of a guess; nil if it has none.
func second(g encoding.Guess) *encoding.Encoding {
	e, _ := encoding.Get(g.Mixed)
	return e
}

// decode decodes a cell and appends it to dst. In a mixed source a cell that does not fit the encoding is in the other one,
// if it fits that; mixed says so. Invalid counts the parts that are no character.
func (l *lens) decode(dst, cell []byte) (text []byte, mixed bool, invalid int) {
	if text, invalid = l.enc.Append(dst, cell); invalid == 0 || l.other == nil {
		return text, false, invalid
	}
	if text, n := l.other.Append(dst, cell); n == 0 {
		return text, true, 0
	}
	text, invalid = l.enc.Append(dst, cell) // over what the other one has written
	return text, false, invalid
}

// structure gives the characters that have a meaning in a dialect whose fields are all known.
func structure(d dialect.Dialect) string {
	all := d.Delimiter + "\r\n"
	for _, s := range []string{d.Quote, d.Escape, d.Comment} {
		if s != dialect.None && s != dialect.Doubled {
			all += s
		}
	}
	return all
}

// spell gives what a structural string looks like in the view.
func (l *lens) spell(s string) []byte {
	b, _ := l.enc.Encode(s) // newLens has tried every character
	if !l.masked {
		return b
	}
	// Escape sequences around a character are hidden; they are not always there.
	return bytes.ReplaceAll(l.enc.Mask(nil, b, l.keep), []byte{hidden}, nil)
}

// view shows raw, appending to dst where a mask is needed. In it any byte from 0x80 on that is no structure may stand for
// what is hidden.
func (l *lens) view(dst, raw []byte) []byte {
	switch {
	case !l.masked:
		return raw
	case l.narrow:
		return scan.Narrow(dst, raw, l.big)
	}
	return l.enc.Mask(dst, raw, l.keep)
}

// spell turns a dialect whose fields are all known into what scan works with.
func spell(d dialect.Dialect, limits *Limits, columns int, bytes func(string) []byte) scan.Config {
	c := scan.Config{
		Delimiter: bytes(d.Delimiter),
		Doubled:   d.Escape == dialect.Doubled || d.Escape == d.Quote,
		LF:        d.LineEnding != dialect.CR,
		CR:        d.LineEnding == dialect.CR || d.LineEnding == dialect.Mixed,
		SkipSpace: d.SkipSpace == dialect.On,
		MaxLines:  limits.QuotedLines,
		MaxFields: limits.Columns + trailerFields + 1,
		Columns:   columns,
	}
	if d.Quote != dialect.None {
		quotes := []rune(d.Quote)
		c.Open, c.Close = bytes(string(quotes[0])), bytes(string(quotes[len(quotes)-1]))
	}
	if d.Escape != dialect.None && d.Escape != dialect.Doubled && d.Escape != d.Quote {
		c.Escape = bytes(d.Escape)
		c.Doubled = len(c.Close) > 0 // who escapes with a backslash may still double
	}
	if d.Comment != dialect.None {
		c.Comment = bytes(d.Comment)
	}
	return c
}

// A window is a Window with its bytes, on its way to a worker.
type window struct {
	Window
	seq    int64
	end    place
	raw    []byte // only the beginning if oversize
	block  *block // that raw is a part of; nil if it is one of its own
	memory *memory
	lens   *lens
	rescue *encoding.Encoding // the runner-up
	found  *Found
	*learned
	lines  int64          // how many it has
	crc    uint32         // of its bytes, if oversize
	cut    bool           // its last row has no line end
	joined bool           // its first row is the line end that the last one had not, when the source ended there
	behind []*LedgerEntry // what was stored before this run, and stands between the window before and this one
	inHand int            // the row that the Filter looks at
	last   bool           // nothing but white space is behind it
	index  *scan.Index    // of all its rows, if the splitter has made it

	// before is closed when all windows before this one have had their verdict; after, by this one.
	before <-chan struct{}
	after  chan struct{}
}

// A splitter cuts a source into windows. It is the serial step of a run.
//
// Its windows depend on the source's bytes and the settings only: never on how a Read hands them out.
type splitter struct {
	s  *resolved
	in *source
	*lens
	found    *Found
	learned  *learned
	rescue   *encoding.Encoding
	open     bool  // the encoding is still to be decided: all bytes so far were ASCII, but for a byte order mark
	ascii    int64 // if open, the offset up to which that is known
	memory   *memory
	block    *block // that buf is the end of
	buf      []byte // what is read and not yet in a window
	looked   bool   // mask and plain are of what is in buf
	masks    []byte // mask is its end
	mask     []byte // the view of buf, if masked
	plain    bool   // Grammar.Plain of the view
	eof      bool
	held     error // came with the last bytes that were asked for
	err      error // of the source; what was read before it is good
	content  int64 // at the end of the source, the offset from which on there is only white space; 0: not known
	offset   int64 // of buf[0]
	line     int64 // of buf[0]
	row      int64 // that begins at buf[0]
	seq      int64
	behind   []*LedgerEntry // what was passed since the last window
	joined   bool           // the next window's first row is a line end, see window
	until    int64          // the offset at which the last window ends, since what is behind it is stored
	untilRow int64          // the row that begins there
	columns  int            // that a record should have, for the lens; 0 if that is not certain
	mended   int64          // cells of the header whose bytes were no characters
	mixed    int64          // cells of the header that are in the other encoding of a mixed source
	patience int            // bytes that may still be looked at in vain, see scan
	index    scan.Index     // to work in
	ballast  bool           // it is taken

	// Without workers there is no need to hurry to the end of a window: it is indexed on the way. So are the next few windows
	// behind one in which counting has stopped too often, as it does at line ends inside quotes: that is as fast then, and
	// a worker need not do it again.
	indexes   bool
	multiline int                        // windows to be indexed; negative: to be counted before that is tried again
	expected  struct{ fields, rows int } // in the next window: a little more than in the last one
}

// readAhead is what is read beyond a batch, so that it can end at a record boundary.
const readAhead = 64 << 10

// shortBlock is the first block of a source, if it is that short.
const shortBlock = 4 << 10

// fill reads until n bytes are in the buffer, or to the end of the source.
func (sp *splitter) fill(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(sp.buf) >= n || sp.eof {
		return nil
	}
	if sp.memory == nil || n < 4*readAhead {
		// A window is a part of the block that it was read into, and what is behind it is moved to the next block: so
		// more is read than is asked for.
		n += min(max(n/2, n-readAhead/2), sp.s.BatchBytes+readAhead/2)
	}
	if sp.offset == 0 && len(sp.buf) == 0 {
		// Many sources are short, and need no more than a short block.
		sp.newBlock(shortBlock)
		sp.readTo(shortBlock)
	}
	if !sp.eof {
		sp.newBlock(n)
		sp.readTo(n)
	}
	return nil
}

// newBlock makes a block of n bytes that begins with what is not yet in a window.
func (sp *splitter) newBlock(n int) {
	b := sp.memory.block(n)
	sp.buf, sp.looked = append(b.bytes[:0], sp.buf...), false
	sp.block.leave()
	sp.block = b
}

// readTo reads until n bytes are in the buffer, or to the end of the source.
func (sp *splitter) readTo(n int) {
	for len(sp.buf) < n && !sp.eof {
		m, err := 0, sp.held
		if err == nil {
			m, err = sp.in.r.Read(sp.buf[len(sp.buf):n])
		}
		sp.buf = sp.buf[:len(sp.buf)+m]
		if len(sp.buf) == n {
			sp.held = err // it counts when more is asked for, as if it had come alone
			return
		}
		if err != nil {
			sp.eof = true
			if err != io.EOF { // a wrapped one is a failure
				sp.err = readError(err, sp.offset+int64(len(sp.buf)))
			}
		}
	}
}

// drop takes n bytes of the source off the buffer.
func (sp *splitter) drop(n int) {
	sp.buf = sp.buf[n:]
	sp.mask = sp.mask[min(len(sp.mask), n/sp.unit):]
	sp.offset += int64(n)
}

// next gives the next window; nil at the end of the source, which comes with the source's error.
func (sp *splitter) next(ctx context.Context) (*window, error) {
	want := sp.s.BatchBytes + readAhead
	for {
		if sp.offset >= sp.until {
			return nil, sp.arrived()
		}
		if err := sp.fill(ctx, want); err != nil {
			return nil, err
		}
		if err := sp.short(); err != nil {
			return nil, err
		}
		if len(sp.buf) == 0 {
			return nil, sp.err
		}
		patience, lens, had := sp.patience, sp.lens, len(sp.buf)
		cut := sp.cut()
		if cut.rows > 0 && !cut.odd {
			sp.ascii = max(sp.ascii, sp.offset+int64(cut.end)) // the same in every encoding that can still come
			return sp.emit(cut), nil
		}
		if err := sp.decide(ctx); err != nil {
			return nil, err
		}
		if sp.lens != lens || len(sp.buf) != had {
			sp.patience = patience
			cut = sp.cut()
		}
		switch {
		case cut.rows > 0:
			return sp.emit(cut), nil
		case cut.tooLarge:
			return sp.skipLine(ctx, sp.look())
		case sp.err != nil:
			return nil, sp.err // the source failed within a record: it is not delivered
		case sp.eof:
			return sp.emit(cutAt{rows: 1}), nil // less than a code unit is left
		}
		want = min(max(want, 2*len(sp.buf)), sp.s.Limits.Record+readAhead)
	}
}

// cut finds the rows of the next window.
func (sp *splitter) cut() cutAt {
	const some = 16
	if sp.indexes || sp.multiline > 0 {
		if c, ok := sp.indexRows(); ok {
			sp.multiline--
			return c
		}
		sp.multiline = -some // it was in vain, and would be soon again
	}
	c := sp.scan(sp.look())
	if sp.multiline < 0 {
		sp.multiline++
	} else if c.stops > c.rows/64 {
		sp.multiline = some
	}
	return c
}

// look gives the view of the buffer.
func (sp *splitter) look() []byte {
	view := sp.buf
	if sp.masked {
		if !sp.looked {
			sp.masks = sp.view(sp.masks[:0], sp.buf)
			sp.mask = sp.masks
		}
		view = sp.mask
	}
	if !sp.looked {
		sp.looked, sp.plain = true, sp.raw.Plain(view)
	}
	return view
}

// cutAt is where a window can end.
type cutAt struct {
	end, rows, lines int // end in the view
	unclosed         []int
	index            *scan.Index // of all rows
	odd              bool        // there may be other bytes than those of ordinary ASCII
	stops            int         // how often the quick road ended
	tooLarge         bool        // no window can be cut because the first row is beyond the limit
}

// scan finds the rows of the next window.
//
// The end of a record is looked for up to Limits.Record. If a quote is not closed by then the first line
// is taken for itself, and the reading goes on behind it, where the same may happen again: looking in
// vain is therefore paid for. Patience is what there is to spend; good rows earn it. When it is used up a
// record has to end on its own line, so the whole stays linear in the source whatever the source holds.
func (sp *splitter) scan(view []byte) cutAt {
	var c cutAt
	goal := max(1, int(min(int64(sp.s.BatchBytes), sp.until-sp.offset))/sp.unit)
	limit := sp.s.Limits.Record / sp.unit
	// What the source failed to give is not the end of a record.
	eof := sp.eof && sp.err == nil
	if goal <= limit && sp.plain {
		ahead := view[:min(len(view), limit)]
		if c := sp.countLines(ahead, goal, eof && len(ahead) == len(view)); c.rows > 0 {
			return c
		}
	}
	pace := pace{length: stretch}
	for c.end < len(view) && c.end < goal && c.rows < sp.s.BatchRecords {
		ahead := view[:min(len(view), c.end+limit)]
		if sp.patience > 0 && c.end >= pace.next && sp.scanQuickly(&c, ahead, goal, &pace) {
			continue
		}
		last := eof && len(ahead) == len(view)
		near := ahead
		if sp.patience <= 0 {
			if line := sp.raw.Line(ahead, c.end, last); line.Kind != scan.More {
				near = ahead[:min(len(ahead), line.End+1)] // by the byte behind a line it shows whether a record ends there
			}
		}
		c.odd = true
		row := sp.raw.Row(near, c.end, last && len(near) == len(ahead), nil)
		if row.Kind == scan.More {
			if len(near) == len(ahead) && len(view) < c.end+limit {
				return c // more bytes will tell
			}
			row = sp.raw.Line(ahead, c.end, last)
			row.Seen = len(near)
		}
		switch row.Kind {
		case scan.More:
			c.tooLarge = c.rows == 0
			return c
		case scan.Unclosed:
			sp.patience -= row.Seen - c.end // below 0 it is a debt
			c.unclosed = append(c.unclosed, c.rows)
		default:
			sp.earn(row.End - c.end)
		}
		c.end = row.End
		c.rows++
		c.lines += row.Lines
	}
	return c
}

// indexRows is another way to do what scan does, for windows in which all rows are regular. It says whether this is one.
func (sp *splitter) indexRows() (c cutAt, ok bool) {
	view, goal, limit := sp.buf, max(1, int(min(int64(sp.s.BatchBytes), sp.until-sp.offset))), sp.s.Limits.Record
	if !sp.enc.Identity() || goal > limit || sp.patience <= 0 {
		return c, false
	}
	x := sp.memory.index()
	defer func() {
		if !ok {
			sp.memory.free(x)
		}
	}()
	x.Grow(sp.expected.fields, sp.expected.rows)
	end := 0
	for end < goal && end < len(view) && len(x.Ends) <= sp.s.BatchRecords {
		most := sp.s.BatchRecords - len(x.Ends) + 1 // there is no row without a byte
		next := sp.raw.Index(view, end, min(end+stretch, goal, len(view), end+most), x)
		for step := shortStretch; next == end; step *= 2 { // it ends behind the goal, or is not regular
			if next = sp.raw.Index(view, end, min(end+min(step, limit), len(view)), x); step > stretch && next == end {
				return c, false
			}
		}
		end = next
	}
	start := func(row int) int { return startOf(x.Fields[:cap(x.Fields)][x.Ends[row]]) }
	rows := min(len(x.Ends)-1, sp.s.BatchRecords)
	if rows == 0 {
		return c, false
	}
	for rows > 1 && start(rows-1) >= goal {
		rows--
	}
	end = start(rows)
	lines := rows
	if x.Long {
		columns, fields := sp.raw.Columns, x.Fields[:cap(x.Fields)]
		for i := range rows {
			first, next := x.Ends[i], x.Ends[i+1]
			odd := columns > 0 && int(next-first) != columns
			if odd || tooLong(fields[first], fields[next], sp.raw.MaxLines) {
				if n := bytes.Count(view[start(i):start(i+1)], []byte{sp.raw.LineEnd()}); n > sp.raw.MaxLines || odd && n > 1 {
					return c, false // it may be unclosed
				}
			}
		}
		lines = bytes.Count(view[:end], []byte{sp.raw.LineEnd()})
	}
	x.Fields, x.Ends = x.Fields[:x.Ends[rows]], x.Ends[:rows+1]
	x.CutOdd(end)
	sp.expected.fields, sp.expected.rows = len(x.Fields)+len(x.Fields)/16, rows+rows/16
	sp.earn(end)
	return cutAt{end: end, rows: rows, lines: lines, index: x, odd: x.Odd}, true
}

// scanQuickly takes some of the next rows, and says whether there are any. None is longer than what is ahead.
func (sp *splitter) scanQuickly(c *cutAt, ahead []byte, goal int, pace *pace) bool {
	from := c.end
	most := sp.s.BatchRecords - c.rows // there is no row without a byte
	sp.index.Odd = false
	end, rows := sp.raw.Count(ahead, from, min(len(ahead), goal, from+pace.length, from+most), &sp.index)
	c.end, c.rows, c.lines = end, c.rows+rows, c.lines+rows
	few := end-from < shortStretch/8 && end < goal && rows < most
	if few {
		// Next is one with a line end inside quotes, the last one, or one that has to be scanned by itself.
		x := &sp.index
		x.Fields, x.Ends, x.OddBlocks, x.Long = x.Fields[:0], x.Ends[:0], x.OddBlocks[:0], false
		sp.raw.Index(ahead, end, min(len(ahead), end+shortStretch), x)
		first := 0
		most -= rows
		for _, behind := range x.Ends[:min(len(x.Ends), most)] {
			next := startOf(x.Fields[:cap(x.Fields)][behind])
			lines := 1
			if x.Long {
				lines = bytes.Count(ahead[c.end:next], []byte{sp.raw.LineEnd()})
				if lines > sp.raw.MaxLines || lines > 1 && sp.raw.Columns > 0 && int(behind)-first != sp.raw.Columns {
					break
				}
			}
			c.end, c.rows, c.lines, first = next, c.rows+1, c.lines+lines, int(behind)
			if c.end >= goal {
				break
			}
		}
	}
	c.odd = c.odd || sp.index.Odd
	if few {
		c.stops++
	}
	sp.earn(c.end - from)
	pace.went(from, c.end, !few)
	return c.end > from
}

// patienceLimit is how many bytes may be looked at in vain before good rows have earned it again.
func patienceLimit(s *resolved) int { return 16 * s.Limits.Record }

// earn gives patience for good rows of n bytes.
func (sp *splitter) earn(n int) { sp.patience = min(sp.patience+4*n, patienceLimit(sp.s)) }

// countLines is the quick road of scan, for bytes in which every line is a row; last says that the source
// ends behind them.
func (sp *splitter) countLines(view []byte, goal int, last bool) (c cutAt) {
	c.odd = true // they have not been looked at
	rows := sp.s.BatchRecords
	if rows >= goal/16 { // as a rule they are not too many
		c.end = lastLine(view, goal)
		c.rows = bytes.Count(view[:c.end], []byte{'\n'})
	}
	if c.rows == 0 || c.rows > rows {
		c = cutAt{odd: true}
		for c.rows < rows && c.end < goal {
			n := bytes.IndexByte(view[c.end:], '\n') + 1
			if n == 0 {
				break
			}
			c.end += n
			c.rows++
		}
	}
	c.lines = c.rows
	if last && c.end < goal && c.end < len(view) && c.rows < rows {
		c.end = len(view) // the last line has no line end, or half of one
		c.rows++
		if sp.endsLine(view) {
			c.lines++
		}
	}
	sp.earn(c.end)
	return c
}

// emit makes the window that ends at c.
func (sp *splitter) emit(c cutAt) *window {
	n := c.end * sp.unit
	cut := len(sp.buf)-n < sp.unit && sp.eof && !sp.endsLine(sp.look()[:c.end])
	if tail := len(sp.buf) - n; tail < sp.unit && sp.eof && !sp.endsLine(sp.mask[:min(len(sp.mask), c.end)]) {
		n += tail // what is left of a code unit belongs to the last record, and spoils it
	}
	if sp.offset >= ballastFrom && !sp.ballast {
		sp.ballast = true
		size := ballastSize
		if sp.memory != nil {
			size = ballastSizeReuse
		}
		sp.in.cleanup = append(sp.in.cleanup, takeBallast(size))
	}
	w := sp.window(int64(n), c.rows)
	if w.raw = sp.buf[:n:n]; n < len(sp.block.bytes)/4 {
		w.raw = bytes.Clone(w.raw) // a sink that keeps the batch should not have to keep the block
	} else {
		w.block = sp.block.share()
	}
	w.Unclosed, w.index, w.lines, w.cut = c.unclosed, c.index, int64(c.lines), cut
	sp.drop(n)
	sp.line += int64(c.lines)
	sp.row += int64(c.rows)
	w.end = sp.place()
	w.last = sp.last()
	return w
}

func (sp *splitter) window(length int64, rows int) *window {
	w := &window{
		Window: Window{Offset: sp.offset, Length: length, Line: sp.line, Record: sp.row, Rows: int64(rows), Patience: sp.patience},
		behind: sp.behind, joined: sp.joined,
		memory: sp.memory, seq: sp.seq, lens: sp.lens, rescue: sp.rescue, found: sp.found, learned: sp.learned,
	}
	sp.seq++
	sp.behind, sp.joined = nil, false
	return w
}

// last says that nothing but white space is left of the source. There may be as much of it as is read ahead of
// windows of any size: of more it would depend on the size whether it is known.
func (sp *splitter) last() bool {
	if !sp.eof || sp.err != nil {
		return false
	}
	if sp.content == 0 { // all there is is in the buffer, and is looked at once
		n := sp.unit * len(bytes.TrimRight(sp.look(), spaces))
		if sp.content = sp.offset + int64(n); len(sp.buf)-n > readAhead/2 {
			sp.content = math.MaxInt64
		}
	}
	return sp.offset >= sp.content
}

// spaces are white space in a view. 0x1A is the end of a text in DOS.
const spaces = " \t\r\n\x1a"

// place says how far the source is used up.
func (sp *splitter) place() place {
	if sp.in.packed == nil {
		return place{sp.offset, sp.offset}
	}
	// Decompressors read ahead by some KiB: near enough for a progress bar.
	return place{sp.offset, sp.in.packed.n}
}

// skipLine makes a window of a line beyond the limit on records, of which it holds the beginning only.
func (sp *splitter) skipLine(ctx context.Context, view []byte) (*window, error) {
	const beginning = 4 << 10
	w := sp.window(0, 1)
	w.Oversize = true
	w.raw = append([]byte(nil), sp.buf[:min(len(sp.buf), beginning)]...)
	drop := func(n int) {
		w.crc = crc32.Update(w.crc, castagnoli, sp.buf[:n])
		sp.drop(n)
	}
	for {
		row := sp.raw.Line(view, 0, sp.eof)
		if row.Kind != scan.More {
			n := row.End * sp.unit
			if row.Lines == 0 {
				n = len(sp.buf) // with what may be left of a code unit
			}
			drop(n)
			sp.line += int64(row.Lines)
			w.lines, w.cut = int64(row.Lines), row.Lines == 0
			break
		}
		// The last unit stays: it may be the first half of a CR LF.
		drop(max(0, len(view)-1) * sp.unit)
		if err := sp.fill(ctx, sp.s.BatchBytes+readAhead); err != nil {
			return nil, err
		}
		view = sp.look()
	}
	if sp.err != nil && len(sp.buf) == 0 {
		return nil, sp.err
	}
	sp.row++
	w.Length = sp.offset - w.Offset
	w.raw = w.raw[:min(int64(len(w.raw)), w.Length)]
	w.end = sp.place()
	return w, nil
}

// decide settles the encoding as soon as the buffer holds a byte that is not ASCII, when the sample did
// not: what was delivered before is the same in every encoding that can still come. The sample it looks at
// begins with the line of that byte, so that it does not depend on the size of batches (but for lines beyond the limit on
// records). It is made longer as the first one is, before anything of it is delivered.
func (sp *splitter) decide(ctx context.Context) error {
	if !sp.open {
		return nil
	}
	known := min(len(sp.buf), max(0, int(sp.ascii-sp.offset)))
	at := known + plainLen(sp.buf[known:])
	sp.ascii = sp.offset + int64(at)
	if at == len(sp.buf) {
		return nil
	}
	var guess encoding.Guess
	var sample []byte
	var end int
	start := bytes.LastIndexAny(sp.buf[:at], "\r\n") + 1
	mark := sp.enc.BOM() // what is ASCII so far is read as UTF-8
	for size := sp.s.SampleSize; ; size *= 2 {
		if err := sp.fill(ctx, at+size); err != nil {
			return err
		}
		end = min(len(sp.buf), at+size)
		sample = bytes.TrimPrefix(sp.buf[start:end], mark) // of a file that was put behind another
		if sp.found.Encoding.BOM > 0 {
			sample = slices.Concat(mark, sample)
		}
		guess = encoding.Sniff(sample)
		if end < at+size || size >= sampleGrowth*sp.s.SampleSize || !inDoubt(guess, sample) {
			break
		}
	}
	if guess.ASCII { // an escape that begins no other character set, or a mark in the middle
		sp.ascii = sp.offset + int64(end)
		return nil
	}
	sp.open = false
	d := sp.found.Dialect.Dialect
	if guess.Mixed != "" && !mixable(guess, d) {
		guess = guess.Unmixed(sample)
	}
	l := sp.lens
	if enc, err := encoding.Get(guess.Label); err == nil && enc.Unit() == 1 {
		if l, err = newLens(enc, d, &sp.s.Limits, sp.columns); err == nil {
			l.other = second(guess)
		} else {
			l = sp.lens // it cannot write the delimiter
		}
	}
	if l == sp.lens {
		guess = encoding.Guess{Label: sp.enc.Name(), Confidence: 0.1, BOM: sp.found.Encoding.BOM, Evidence: []string{
			fmt.Sprintf("from byte %d on it looks like %s, but what is before it is not", sp.offset+int64(start), guess.Label)}}
	}
	if guess.Confidence < sp.s.MinConfidence {
		return unsure("encoding", guess.Label, guess.Confidence, sp.s.MinConfidence)
	}
	found := *sp.found
	found.Encoding, found.DecidedAt, found.Undecided = guess, sp.offset+int64(end), false
	sp.found, sp.lens, sp.rescue, sp.looked = &found, l, runnerUp(guess), false
	sp.keep(sample)
	return nil
}

// runnerUp gives the encoding by which a cell is rescued: the best other one that a single cell can be
// decoded by, or windows-1252, the most common of all. In a mixed source it is the best beside those two.
func runnerUp(g encoding.Guess) *encoding.Encoding {
	for _, c := range g.RunnersUp {
		if e, err := encoding.Get(c.Label); err == nil && e.Unit() == 1 && !e.Identity() && c.Label != g.Mixed {
			return e
		}
	}
	e, _ := encoding.Get("windows-1252")
	return e
}

func unsure(what, guess string, got, want float64) error {
	return &RunError{Code: CodeUnsure, Kind: ErrUnsure,
		Reason: fmt.Sprintf("the %s is probably %s, but with a confidence of %.2f that is below MinConfidence %.2f: pin it, or ask a person", what, guess, got, want)}
}

// endsLine says whether the end of the source, seen as view, is the end of a line.
func (sp *splitter) endsLine(view []byte) bool {
	n := len(view)
	return n > 0 && (view[n-1] == '\r' || view[n-1] == '\n' && sp.raw.LF)
}

// lastLine gives the end of the first line that ends at or behind goal, or else of the last one; 0 if none
// does.
func lastLine(b []byte, goal int) int {
	if goal <= len(b) {
		if i := bytes.IndexByte(b[goal-1:], '\n'); i >= 0 {
			return goal + i
		}
	}
	return bytes.LastIndexByte(b, '\n') + 1
}

// plainLen gives the length of what is the same in every encoding that can still come: the ASCII at the
// start of b, up to an escape, with which ISO-2022-JP begins.
func plainLen(b []byte) int {
	n := 0
	for len(b)-n >= 32 {
		w := b[n : n+32]
		if (binary.LittleEndian.Uint64(w)|binary.LittleEndian.Uint64(w[8:])|binary.LittleEndian.Uint64(w[16:])|binary.LittleEndian.Uint64(w[24:]))&0x8080808080808080 != 0 {
			break
		}
		n += 32
	}
	for n < len(b) && b[n] < utf8.RuneSelf {
		n++
	}
	if escape := bytes.IndexByte(b[:n], 0x1b); escape >= 0 {
		return escape
	}
	return n
}
