package dialect

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Profile is what the columns of a table hold, learned from a sample: which kinds of values, of what
// shape and length, in quotes or not. It tells a record of the table from a header, a row of totals and a
// row that is broken, and it mends the last of them ([Profile.Repair]). A Profile does not change after
// [Learn], keeps no reference to the sample, and may be used by many goroutines.
type Profile struct {
	grammar grammar
	skips   bool // spaces after a delimiter belong to it
	columns int
	traits  []traits // of the first maxColumns columns
	strict  int      // columns with a form of their own
}

// Learn looks at the records of sample that have the given number of fields: UTF-8 from the beginning of
// a file, cut anywhere, as [Sniff] reads it. All fields of d are known; what d.Preamble and d.HeaderRows
// say stands above the data is stepped over, and so is an incomplete last line where there are others. The
// first 2,048 columns are looked at. Time is linear in the sample, memory in it and in the columns.
func Learn(sample []byte, d Dialect, columns int) *Profile {
	p := &Profile{grammar: newGrammar(d.Delimiter, d.Quote, d.Escape, d), skips: d.SkipSpace == On, columns: columns}
	s := scanner{text: sample, g: p.grammar}
	below := 0
	for range d.Preamble {
		if below == len(sample) {
			break
		}
		_, below = s.lineEnd(s.commentLine(below))
	}
	t := table{text: sample[below:]}
	t.expectComments(d.Comment)
	t.read(p.grammar)

	tallies := make([]tally, max(min(columns, maxColumns), 0))
	headers, header := 0, map[string]bool{}
	for i, r := range t.rows {
		switch {
		case r.blank:
		case headers < d.HeaderRows:
			headers++
			header[string(t.text[r.start:r.end])] = true
		case header[string(t.text[r.start:r.end])]: // again
		case len(r.cells) != columns, i > 0 && i == len(t.rows)-1 && r.ending == "", t.blank(i+1) && sums(t.text, r):
		default:
			for j := range tallies {
				c := r.cells[j]
				for !p.skips && c.flags&quoted == 0 && c.start > 0 && c.flags&spaced != 0 && t.text[c.start-1] == ' ' {
					c.start--
				}
				tallies[j].add(t.text[c.start:c.end], c.flags&quoted != 0, p.grammar)
			}
		}
	}
	p.traits = make([]traits, len(tallies))
	for j := range tallies {
		p.traits[j] = tallies[j].traits()
		if p.traits[j].strict() {
			p.strict++
		}
	}
	return p
}

// Fits reports whether a record can stand in the table: it has the right number of cells, and those in
// columns of numbers, dates, codes and the like are such. A cell may be empty, or say that its value is
// missing, where others of its column are or do.
func (p *Profile) Fits(cells [][]byte) bool {
	if len(cells) != p.columns {
		return false
	}
	for j := range p.traits {
		if f := measure(cells[j], ""); p.traits[j].misfit(&f) {
			return false
		}
	}
	return true
}

// Heading reports whether a record is a header and not data: in at least two columns of numbers, dates,
// codes and the like it has words instead, and nowhere anything that is like their values. It may have
// more cells than the table has columns, or fewer.
func (p *Profile) Heading(cells [][]byte) bool {
	seen := make(map[string]bool, len(cells))
	names, empty := 0, 0
	for j, b := range cells {
		b = bytes.TrimSpace(b)
		f := measure(b, "")
		switch {
		case f.kind == kindEmpty:
			empty++
			continue
		case seen[string(b)], f.kind.typed() && !f.missing, 2*countDigits(b) > len(b):
			return false
		}
		seen[string(b)] = true
		if j < len(p.traits) && p.traits[j].strict() && !f.missing {
			if !p.traits[j].misfit(&f) {
				return false
			}
			names++
		}
	}
	return names >= 2 && 4*empty <= len(cells)
}

// Match counts the cells of a record that stand in columns of numbers, dates, codes and the like: those that
// are of the form of their column, and those that are not. The record may have more cells than the table has
// columns, or fewer. Empty cells do not count.
func (p *Profile) Match(cells [][]byte) (own, foreign int) {
	for j := range p.traits[:min(len(cells), len(p.traits))] {
		t := &p.traits[j]
		f := measure(cells[j], "")
		switch {
		case !t.strict() || f.kind == kindEmpty || f.missing && t.gaps:
		case t.misfit(&f):
			foreign++
		default:
			own++
		}
	}
	return own, foreign
}

// Totals reports whether a record sums up others: one of its first filled cells begins with a word for
// that, and stands where a number, a date, a code or the like is due, or a column that is filled in all
// records is empty.
func (p *Profile) Totals(cells [][]byte) bool {
	word := -1
	looked := 0
	for j := 0; j < len(cells) && looked < 2 && word < 0; j++ {
		if len(bytes.Trim(cells[j], " \t")) == 0 {
			continue
		}
		if looked++; TotalWord(cells[j]) {
			word = j
		}
	}
	if word < 0 {
		return false
	}
	for j, b := range cells[:min(len(cells), len(p.traits))] {
		f := measure(b, "")
		if j == word && p.traits[j].misfit(&f) || f.kind == kindEmpty && p.traits[j].full {
			return true
		}
	}
	return false
}

// blank reports whether there is no record from row i on.
func (t *table) blank(i int) bool {
	for i < len(t.rows) && t.rows[i].blank {
		i++
	}
	return i == len(t.rows)
}

// sums reports whether the first filled cell of a row begins with a word for a total. The last row of a table
// says nothing about what its columns hold then.
func sums(text []byte, r row) bool {
	for _, c := range r.cells {
		if b := text[c.start:c.end]; !isSpaces(b) {
			return TotalWord(b)
		}
	}
	return false
}

// TotalWord reports whether a cell begins with a word for a total, in the languages of most files. What may be
// a row of totals can be told by it without a [Profile].
func TotalWord(b []byte) bool {
	s := strings.ToLower(string(bytes.TrimLeft(b[:min(len(b), 64)], " \t*")))
	for _, w := range totals {
		if rest, ok := strings.CutPrefix(s, w); ok {
			next, _ := utf8.DecodeRuneInString(rest)
			if rest == "" || !unicode.IsLetter(next) && next != '-' && next != '_' && next != '\'' || next >= 0x2e80 {
				return true
			}
		}
	}
	return false
}

// totals are words for the sum of a column.
var totals = []string{
	"grand total", "grand-total", "sub total", "sub-total", "subtotals", "subtotal", "totals", "total", "overall", "sum",
	"gesamtsumme", "gesamtergebnis", "gesamtbetrag", "gesamt", "zwischensumme", "endsumme", "summe", "insgesamt",
	"total général", "sous-total", "somme", "ensemble", "totale generale", "totale", "subtotale", "somma",
	"suma total", "suma", "soma", "subtotaal", "eindtotaal", "totaal", "som", "razem", "ogółem", "łącznie",
	"celkem", "součet", "spolu", "összesen", "összeg", "mindösszesen", "delsumma", "delsum", "totalsumma", "totalt", "summa", "i alt",
	"yhteensä", "välisumma", "kokku", "kopā", "iš viso", "toplam", "genel toplam", "ara toplam", "total geral", "ukupno", "skupaj", "сума", "сумма",
	"итого", "итог", "всего", "усього", "разом", "общо", "укупно", "σύνολο", "סה\"כ", "المجموع", "الإجمالي",
	"合計", "総計", "小計", "合计", "总计", "小计", "總計", "总和", "합계", "총계", "소계", "tổng cộng", "tổng", "jumlah",
}

// Facts are what is seen of one cell.
type facts struct {
	kind          kind
	first, last   uint8 // classes of its first and last byte
	length        uint8 // on a scale of half octaves
	inner         bool  // it holds a quote, and neither begins nor ends with one
	missing       bool  // it stands for a missing value
	exact, coarse shape // with and without the lengths of runs
	hash          uint64
}

// A shape is the sequence of runs of digits, capitals, small letters and other characters in a cell: a
// hash of it, odd where there is a digit and something else. It is 0 for cells that are empty or long.
type shape uint32

// code reports whether digits and other characters make up the shape.
func (s shape) code() bool { return s&1 != 0 }

// classNumber numbers the classes of bytes; 0 is the end of a cell that is empty.
func classNumber(b byte) uint8 { return uint8(bits.Len16(classes[b])) }

const (
	classNumbers = 17
	lengthSteps  = 64
	maxShape     = 40 // bytes
)

// lengthStep puts a length on a scale of half octaves.
func lengthStep(n int) uint8 {
	if n = min(n, 1<<30); n < 4 {
		return uint8(n)
	}
	octave := bits.Len(uint(n))
	return uint8(2*octave-2) + uint8(n>>(octave-2)&1)
}

// measure returns the facts of a cell as it is written, without the quotes around it. No quote is looked for in it where
// quote is empty.
func measure(b []byte, quote string) facts {
	f := facts{length: lengthStep(len(b)), hash: maphash.Bytes(seed, b)}
	f.kind, _ = classify(b)
	if len(b) > 0 {
		f.first, f.last = classNumber(b[0]), classNumber(b[len(b)-1])
		f.inner = quote != "" && bytes.Contains(b, []byte(quote)) && !startsWith(b, quote) && !endsWith(b, quote)
	}
	trimmed := bytes.TrimSpace(b)
	if n := len(trimmed); n == 0 || n > maxShape {
		return f
	}
	f.missing = isMissing(trimmed)
	f.exact, f.coarse = shapes(trimmed)
	return f
}

// shapes returns the shape of b, with the lengths of runs and without them.
func shapes(b []byte) (exact, coarse shape) {
	e, c := uint32(2166136261), uint32(2166136261)
	digits, others := false, false
	for i := 0; i < len(b); {
		class, from := classes[b[i]], i
		for i < len(b) && classes[b[i]] == class && (class&(isDigit|isLetter) != 0 || b[i] == b[from]) {
			i++
		}
		run := uint32(class)
		if class&(isDigit|isLetter) == 0 {
			run = 1<<16 | uint32(b[from])
		}
		digits = digits || class == isDigit
		others = others || class != isDigit
		c = (c ^ run) * 16777619
		e = (e ^ run ^ uint32(i-from)<<20) * 16777619
	}
	code := uint32(0)
	if digits && others {
		code = 1
	}
	return shape(e&^1 | 2 | code), shape(c&^1 | 2 | code)
}

const (
	maxShapes   = 4  // of a column that are told apart
	maxValues   = 32 // of a column that is an enumeration
	maxValue    = 64 // bytes of one of them
	fewRows     = 3  // that show a type
	codeRows    = 5  // that show a pattern
	unseenCount = .3 // what counts for a thing that was not seen
)

// A tally counts what was seen in a column.
type tally struct {
	rows, filled, missing int
	quoted, idle, inner   int
	longest               int
	kinds                 [kinds]int
	first, last           [classNumbers]int
	lengths               [lengthSteps]int
	exact, coarse         shapeCounts
	values                map[uint64]int
	many                  bool // there are more values, or longer ones, than an enumeration has
}

type shapeCounts struct {
	shapes [maxShapes]shape
	counts [maxShapes]int
	others int
}

func (s *shapeCounts) add(seen shape) {
	for i := range s.shapes {
		if s.counts[i] == 0 || s.shapes[i] == seen {
			s.shapes[i] = seen
			s.counts[i]++
			return
		}
	}
	s.others++
}

func (t *tally) add(b []byte, quoted bool, g grammar) {
	t.rows++
	f := measure(b, g.open)
	if quoted {
		if t.quoted++; !g.needsQuotes(b) {
			t.idle++
		}
	}
	if f.kind == kindEmpty {
		return
	}
	t.filled++
	if f.missing {
		t.missing++
		return
	}
	t.kinds[f.kind]++
	t.first[f.first]++
	t.last[f.last]++
	t.lengths[f.length]++
	t.longest = max(t.longest, len(b))
	if f.inner {
		t.inner++
	}
	t.exact.add(f.exact)
	t.coarse.add(f.coarse)
	if t.many {
		return
	}
	if t.values == nil {
		t.values = make(map[uint64]int)
	}
	t.values[f.hash]++
	if len(t.values) > maxValues || len(b) > maxValue {
		t.values, t.many = nil, true
	}
}

// Traits say how much a cell would surprise in a column, in bits: 0 for what is most usual there.
type traits struct {
	typed   bool        // its cells are of the kinds in allowed
	coded   bool        // its cells are of the shapes in codes, which are exact or not
	exact   bool        // see coded
	full    bool        // no cell is empty
	bare    bool        // no cell is filled
	idle    bool        // some cells stand in quotes that need none
	gaps    bool        // some cells are empty, or say that a value is missing
	allowed [kinds]bool // also where the column is not typed: that were seen
	codes   [maxShapes]shape
	longest int // bytes

	filledBits, emptyBits, missingBits float32
	quotedBits                         [2]float32
	innerBits                          float32
	kindBits                           [kinds]float32
	firstBits, lastBits                [classNumbers]float32
	lengthBits                         [lengthSteps]float32
	exactBits, coarseBits              shapeBits
	values                             map[uint64]float32 // nil where the column is no enumeration
	otherBits                          float32            // a value that is not among them
}

type shapeBits struct {
	shapes [maxShapes]shape
	bits   [maxShapes]float32
	others float32
}

// strict reports whether the column has a form of its own, which other texts do not have.
func (t *traits) strict() bool { return t.typed || t.coded }

// marked reports whether it can be told where a value of the column begins and ends.
func (t *traits) marked() bool { return t.strict() || t.values != nil }

// surprise returns how many bits a thing that was seen so often takes more than the most usual one.
func surprise(count, most int) float32 {
	return float32(math.Log2((float64(most) + unseenCount) / (float64(count) + unseenCount)))
}

// surprises returns in dst how much things surprise that were seen so often.
func surprises(dst []float32, counts []int) {
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	for i, n := range counts {
		dst[i] = surprise(n, most)
	}
}

// bits returns how much the shapes surprise.
func (s *shapeCounts) bits() (b shapeBits) {
	most := s.others
	for _, n := range s.counts {
		most = max(most, n)
	}
	b.shapes, b.others = s.shapes, surprise(s.others, most)
	for i, n := range s.counts {
		b.bits[i] = surprise(n, most)
	}
	return b
}

func (b *shapeBits) of(s shape) float32 {
	for i := range b.shapes {
		if b.shapes[i] == s {
			return b.bits[i]
		}
	}
	return b.others
}

// codes returns the shapes of a column whose cells hardly ever have another one.
func (s *shapeCounts) codes(filled int) (codes [maxShapes]shape, ok bool) {
	known, kinds := 0, 0
	for i, n := range s.counts {
		if s.shapes[i].code() && n > 1 {
			codes[i] = s.shapes[i]
			known += n
			kinds++
		}
	}
	return codes, filled >= codeRows*kinds && kinds > 0 && known*20 >= filled*19
}

// traits sums up what was counted.
func (t *tally) traits() traits {
	present := t.filled - t.missing
	empty := t.rows - t.filled
	c := traits{
		full:        t.rows >= fewRows && empty == 0,
		bare:        t.rows >= codeRows && t.filled == 0,
		idle:        t.idle > 0,
		gaps:        empty+t.missing > 0,
		longest:     t.longest,
		filledBits:  surprise(t.filled, max(t.filled, empty)),
		emptyBits:   surprise(empty, max(t.filled, empty)),
		missingBits: surprise(t.missing, t.filled),
		innerBits:   surprise(t.inner, max(present-t.inner, t.inner)),
		exactBits:   t.exact.bits(),
		coarseBits:  t.coarse.bits(),
	}
	surprises(c.quotedBits[:], []int{t.rows - t.quoted, t.quoted})
	surprises(c.kindBits[:], t.kinds[:])
	surprises(c.firstBits[:], t.first[:])
	surprises(c.lastBits[:], t.last[:])
	surprises(c.lengthBits[:], t.lengths[:])

	ofType := 0
	for k, n := range t.kinds {
		if c.allowed[k] = n*50 > present || present < fewRows; kind(k).typed() {
			ofType += n
		}
	}
	if c.typed = present >= fewRows && ofType*20 >= present*19; c.typed {
		for k := range c.allowed {
			c.allowed[k] = c.allowed[k] && kind(k).typed()
		}
		c.allowed[kindInteger] = c.allowed[kindInteger] || c.allowed[kindDecimal] || c.allowed[kindLocal]
	} else if c.codes, c.coded = t.exact.codes(present); c.coded {
		c.exact = true
	} else {
		c.codes, c.coded = t.coarse.codes(present)
	}
	if !t.many && present >= 4*len(t.values) && present >= 12 {
		most := 0
		for _, n := range t.values {
			most = max(most, n)
		}
		c.values, c.otherBits = make(map[uint64]float32, len(t.values)), surprise(0, present)
		for h, n := range t.values {
			c.values[h] = surprise(n, most) / 2
		}
	}
	return c
}

// misfit reports whether a cell cannot stand in the column: it lacks the form of its values, or it has one
// that no value of the column has.
func (t *traits) misfit(f *facts) bool {
	switch {
	case f.kind == kindEmpty:
		return t.strict() && !t.gaps
	case t.bare:
		return true
	case f.missing && t.gaps:
		return false
	case t.typed:
		return !t.allowed[f.kind]
	case t.coded && t.exact:
		return !contains(&t.codes, f.exact)
	case t.coded:
		return !contains(&t.codes, f.coarse)
	}
	return f.kind.typed() && f.kind != kindFlag && !t.allowed[f.kind]
}

// contains reports whether s is one of the codes.
func contains(codes *[maxShapes]shape, s shape) bool {
	return s.code() && (codes[0] == s || codes[1] == s || codes[2] == s || codes[3] == s)
}

// bits returns how much a cell surprises in the column.
func (t *traits) bits(f *facts, quoted bool) float64 {
	q := 0
	if quoted {
		q = 1
	}
	total := t.quotedBits[q]
	switch {
	case f.kind == kindEmpty:
		return float64(total + t.emptyBits)
	case f.missing && t.gaps:
		return float64(total + t.filledBits + t.missingBits)
	}
	form := max(t.kindBits[f.kind], t.exactBits.of(f.exact), t.coarseBits.of(f.coarse))
	if t.values != nil {
		known, ok := t.values[f.hash]
		if !ok {
			known = t.otherBits
		}
		form = max(form, known)
	}
	total += t.filledBits + form + t.firstBits[f.first] + t.lastBits[f.last] + t.lengthBits[f.length]/2
	if f.inner {
		total += t.innerBits
	}
	return float64(total)
}
