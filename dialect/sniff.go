package dialect

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"sync"
)

// Sniff guesses the dialect of a file from a sample of its text: the first 64 KiB are plenty. The text is
// UTF-8 without a byte order mark. It may be cut anywhere; a last line without a line end is taken for
// incomplete where there are others. Fields that are pinned in known come back unchanged and narrow the
// search. Every text has an answer, "," and `"` with a low confidence where nothing speaks for anything.
// Time and memory are linear in the sample. Sniff keeps no reference to it.
//
// Further are stretches from further down the file, if any, each from the beginning of a line: they have a
// say in the choice of delimiter, quote and escape where the sample leaves it open, and in nothing else.
func Sniff(sample []byte, known Dialect, further ...[]byte) Guess {
	s := sniffing{text: sample, pinned: known, body: sample, further: further, table: tables.Get().(*table)}
	defer s.table.free()
	s.readSepLine()
	s.weigh()
	s.look()
	return s.explain()
}

// A sniffing is the state of one call of Sniff.
type sniffing struct {
	text   []byte
	pinned Dialect
	sep    string // the delimiter that a `sep=` line names
	body   []byte // text without the `sep=` line
	above  int    // lines cut off the text to get the body

	further [][]byte

	readings []reading // best first
	best     reading
	table    *table // read by best

	comment    string
	start      int // index of the first row of the table, len(table.rows) when there is none
	asked      int // calls of headerBelow and detached
	headerRows int // 0 where there is no header
	headerWhy  headerReport
}

// readSepLine looks for a first line like `sep=;`, which spreadsheets write and obey.
func (s *sniffing) readSepLine() {
	first := lines(s.text, 1)
	if len(first) == 0 {
		return
	}
	line := bytes.Trim(first[0], `"`)
	if len(line) < 5 || !bytes.EqualFold(line[:4], []byte("sep=")) || len([]rune(string(line[4:]))) > 2 {
		return
	}
	d := s.pinned
	if d.Delimiter = string(line[4:]); s.pinned.Preamble == NoPreamble || d.Validate() != nil {
		return
	}
	s.sep = d.Delimiter
	rest := s.text[len(first[0]):]
	switch {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		rest = rest[2:]
	case len(rest) > 0:
		rest = rest[1:]
	}
	s.body, s.above = rest, 1
}

// Every grammar reads the head of the sample; those that do best there read all of it. Grammars that
// differ in a quote or an escape that comes late do equally well in the head. The first round is for samples
// in which everything occurs; most have fewer grammars than it leaves.
var rounds = []struct{ bytes, best int }{{2 << 10, 16}, {10 << 10, 5}}

// A grammar is out of the question if its description of the head is so many times as long as the best one, and the
// same, if less so, at the other end of the sample, where there may be another table. It is not read any further.
const (
	outOfQuestion = 1.1
	atEndToo      = 1.05
	endBytes      = 4 << 10
)

// tables lends memory to Sniff, most of what it takes.
var tables = sync.Pool{New: func() any { return new(table) }}

// free gives a table back, without the text.
func (t *table) free() {
	t.text, t.seen = nil, nil
	tables.Put(t)
}

// weigh reads the text by every grammar that could be meant and sorts the readings.
func (s *sniffing) weigh() {
	pinned := s.pinned
	if pinned.Delimiter == "" {
		pinned.Delimiter = s.sep
	}
	s.table.expectComments(pinned.Comment)
	occurs := s.body // what the grammars are made of
	if len(s.further) > 0 {
		occurs = bytes.Join(append([][]byte{s.body}, s.further...), nil)
	}
	list := grammars(occurs, pinned)
	var out []reading
	for _, round := range rounds {
		if head := headOf(s.body, round.bytes); len(list) > 1 && len(head) < len(s.body) {
			all := readings(s.table, head, list)
			in, far := s.sortOut(all[:min(len(all), round.best)])
			list, out = list[:0], append(out, far...)
			for _, r := range in {
				list = append(list, r.grammar)
			}
		}
	}
	s.readings = readings(s.table, s.body, list)
	s.readFurther()
	s.best = s.readings[0]
	for _, r := range out {
		r.bits *= s.best.bits
		s.readings = append(s.readings, r)
	}
	sortReadings(s.readings)
	if s.table.text = s.body; len(s.further) > 0 || s.table.grammar != s.best.grammar {
		s.table.read(s.best.grammar)
	}
}

// sortOut divides the readings of the head, best first, into those that are still in question and those that are not:
// these have how many times as long as the best one they are instead of their bits.
func (s *sniffing) sortOut(head []reading) (in, out []reading) {
	best := head[0]
	far := slices.IndexFunc(head, func(r reading) bool { return r.bits >= best.bits*outOfQuestion })
	end := endOf(s.body, endBytes)
	if far < 0 || len(end) == 0 {
		return head, nil
	}
	list := []grammar{best.grammar}
	for _, r := range head[far:] {
		list = append(list, r.grammar)
	}
	there := map[grammar]float64{}
	for _, r := range readings(s.table, end, list) {
		there[r.grammar] = r.bits
	}
	in = head[:far:far]
	for _, r := range head[far:] {
		if there[r.grammar] < there[best.grammar]*atEndToo {
			in = append(in, r)
			continue
		}
		r.bits /= best.bits
		out = append(out, r)
	}
	return in, out
}

// endOf returns the lines that begin within the last n bytes of text.
func endOf(text []byte, n int) []byte {
	text = text[max(0, len(text)-n):]
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		return text[i+1:]
	}
	return nil
}

// expectComments says which lines are comments, or may be where that is not pinned.
func (t *table) expectComments(pinned string) {
	t.comment, t.remarks = "", nil
	switch {
	case known(pinned):
		t.comment = pinned
	case pinned == "":
		t.remarks = []string{"#", "//"}
	}
}

// headOf returns the whole lines within the first n bytes of text.
func headOf(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	if i := bytes.LastIndexAny(text[:n], "\r\n"); i >= 0 {
		return text[:i+1]
	}
	return text[:n]
}

// readings reads text by every grammar and returns the shortest description first. It begins with the last one: as
// a rule the best is the first, whose rows are in the table then.
func readings(t *table, text []byte, list []grammar) []reading {
	t.text = text
	all := make([]reading, len(list))
	for i, g := range slices.Backward(list) {
		t.read(g)
		all[i] = score(t, g)
	}
	sortReadings(all)
	return all
}

func sortReadings(all []reading) {
	slices.SortStableFunc(all, func(a, b reading) int { return cmp.Compare(a.bits, b.bits) })
}

// openBits is how far behind the best reading of the sample another one may be that what stands further down
// can still bring forward. It has no more to say than that: where it begins within quotes it may be misread.
const openBits = 64

// readFurther goes on with the readings between which the sample leaves it open.
func (s *sniffing) readFurther() {
	open := 0
	for open < len(s.readings) && s.readings[open].bits <= s.readings[0].bits+openBits {
		open++
	}
	if open < 2 || len(s.further) == 0 {
		return
	}
	before := s.readings[0].bits
	for i := range s.readings[:open] {
		r := &s.readings[i]
		for _, s.table.text = range s.further {
			s.table.read(r.grammar)
			r.goOn(score(s.table, r.grammar))
		}
	}
	s.table.text = s.body
	sortReadings(s.readings[:open])
	for i := range s.readings[open:] {
		s.readings[open+i].bits += s.readings[0].bits - before // as far behind as they were
	}
}

// confidence returns how sure it is that the reading r is better than the next one that says something
// else. Bits are not independent, so that their difference is not taken at its face value.
func confidence(difference float64) float64 {
	return 1 / (1 + math.Exp2(-difference/6))
}

// dialect returns what a reading says about the characters in use.
func (r reading) dialect() Dialect {
	d := Dialect{Delimiter: cmp.Or(r.delimiter, ","), Quote: r.open, Escape: None, SkipSpace: Off}
	if r.close != r.open {
		d.Quote += r.close
	}
	switch {
	case r.escape != "":
		d.Escape = r.escape
	case r.doubled:
		d.Escape = Doubled
	}
	if d.Quote == "" {
		d.Quote = None
	}
	if r.runs || r.delimiter != "" && r.delimiter != " " && (r.spacedQ || r.spaced*10 > r.inner*9) {
		d.SkipSpace = On
	}
	return d
}

// lineEnding returns what ends the rows of the table.
func lineEnding(rows []row) LineEnding {
	var seen [3]int
	for i, r := range rows {
		switch r.ending {
		case LF:
			seen[0]++
		case CRLF:
			seen[1]++
		case CR:
			if i < len(rows)-1 || len(rows) == 1 {
				seen[2]++ // the last one may be half of a CR LF
			}
		}
	}
	switch {
	case seen[1] == 0 && seen[2] == 0:
		return LF
	case seen[0] == 0 && seen[2] == 0:
		return CRLF
	case seen[0] == 0 && seen[1] == 0:
		return CR
	}
	return Mixed
}
