package dialect

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// An Explanation says which lines of a sample decided between a guess and its rival, the first of
// [Guess.RunnersUp]. It tells places, counts and characters of the dialect, and no value of the file.
type Explanation struct {
	// Rival has those of Delimiter, Quote and Escape in which the rival differs. It is the zero Dialect where
	// no other dialect was considered; there is nothing else to tell then.
	Rival Dialect `json:"rival"`

	// Margin is how many bits longer the description of the sample is when it is read as the rival would.
	Margin float64 `json:"margin"`

	// Aside is the part of Margin, in bits, that no line has: what the characters themselves cost, before
	// anything was read, and each number of fields that occurs.
	Aside float64 `json:"aside"`

	// For are the lines that spoke most for the guess, Against those that spoke most against it: at most five
	// and three, the weightiest first.
	For     []Lines `json:"for,omitempty"`
	Against []Lines `json:"against,omitempty"`

	// Needed is the smallest number of lines without which the rival would have the shorter description, when the
	// weightiest are taken away first; For shows the first of them. It is 0 where that comes true for no number.
	Needed int `json:"needed"`
}

// Lines are a physical line of the file, or several where a record of either reading goes on over line ends.
type Lines struct {
	First       int     `json:"first"` // counted from 1, with a `sep=` line
	Last        int     `json:"last"`
	Bits        float64 `json:"bits"`         // that they take as the guess reads them
	RivalBits   float64 `json:"rival_bits"`   // that they take as the rival would
	Fields      int     `json:"fields"`       // that the guess finds in them
	RivalFields int     `json:"rival_fields"` // that the rival would
}

const (
	maxFor     = 5
	maxAgainst = 3
)

// Explain finds the lines that decided a guess about a sample, which should be the one that Sniff was given:
// it is read again in both ways, also without its weightiest lines. For another sample, or a Guess that was stored
// in between and so has lost what was pinned, the answer is about what would decide there. It takes several
// times as long as Sniff: time is n log n in the sample, memory is linear.
func (g Guess) Explain(sample []byte) Explanation {
	if len(g.RunnersUp) == 0 {
		return Explanation{}
	}
	rival := g.RunnersUp[0]
	s := sniffing{text: sample, pinned: g.known, body: sample}
	s.readSepLine()
	pair := contest{text: s.body, known: g.known}
	pair.ours = pair.grammar(g.Dialect, g.Bits)
	pair.theirs = pair.grammar(rival.Dialect, rival.Bits)
	all, margin := pair.lines()

	e := Explanation{Rival: g.differs(rival.Dialect)}
	aside := margin
	for _, l := range all {
		aside -= l.weight()
	}
	e.Margin, e.Aside = tenths(margin), tenths(aside)
	slices.SortStableFunc(all, func(a, b stretch) int { return cmp.Compare(b.weight(), a.weight()) })
	e.Needed = pair.needed(all, margin)
	for _, l := range all {
		if len(e.For) < maxFor && tenths(l.weight()) > 0 {
			e.For = append(e.For, l.below(s.above))
		}
	}
	for _, l := range slices.Backward(all) {
		if len(e.Against) < maxAgainst && tenths(l.weight()) < 0 {
			e.Against = append(e.Against, l.below(s.above))
		}
	}
	return e
}

// String says what would have changed the answer.
func (e Explanation) String() string {
	switch {
	case e.Rival == Dialect{}:
		return "no other dialect came into question"
	case len(e.For) == 0:
		return fmt.Sprintf("no line speaks against %s: it is only less usual", e.Rival)
	case e.Needed == 0:
		return fmt.Sprintf("also without these lines it would not be %s", e.Rival)
	case e.Needed > len(e.For):
		return fmt.Sprintf("without the %d lines that speak most for it, it would be %s", e.Needed, e.Rival)
	}
	lines := slices.Clone(e.For[:e.Needed])
	slices.SortFunc(lines, func(a, b Lines) int { return cmp.Compare(a.First, b.First) })
	var names []string
	for _, l := range lines {
		names = append(names, l.String())
	}
	unit := "line "
	if len(names) > 1 || lines[0].Last > lines[0].First {
		unit = "lines "
	}
	text := strings.Join(names, ", ")
	if last := len(names) - 1; last > 0 {
		text = strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return fmt.Sprintf("without %s%s it would be %s", unit, text, e.Rival)
}

// String gives the number of a line, or the first and the last of several.
func (l Lines) String() string {
	if l.First == l.Last {
		return strconv.Itoa(l.First)
	}
	return fmt.Sprintf("%d–%d", l.First, l.Last)
}

func tenths(bits float64) float64 { return math.Round(10*bits) / 10 }

// differs returns those fields of another dialect in which it is not as the guess.
func (g Guess) differs(other Dialect) Dialect {
	var d Dialect
	if other.Delimiter != g.Delimiter {
		d.Delimiter = other.Delimiter
	}
	if other.Quote != g.Quote {
		d.Quote = other.Quote
	}
	if other.Escape != g.Escape {
		d.Escape = other.Escape
	}
	return d
}

// A contest reads a text in two ways.
type contest struct {
	text         []byte
	known        Dialect // what was pinned
	ours, theirs grammar
}

// grammar returns what Sniff read a sample by to find a dialect that takes so many bits. Lines that nothing cuts
// are one column, for which the answer has a delimiter all the same.
func (c *contest) grammar(d Dialect, bits float64) grammar {
	g := newGrammar(d.Delimiter, d.Quote, d.Escape, Dialect{LineEnding: c.known.LineEnding, SkipSpace: d.SkipSpace})
	uncut := g
	uncut.delimiter, uncut.runs = "", false
	_, a := c.read(c.text, g)
	_, b := c.read(c.text, uncut)
	if math.Abs(a-bits) <= math.Abs(b-bits) {
		return g
	}
	return uncut
}

// A stretch is what lies between two line ends that end a row in both readings.
type stretch struct {
	Lines
	start, end int // byte offsets in the text
}

// weight returns by how much the lines speak for our reading, in bits.
func (s stretch) weight() float64 { return s.RivalBits - s.Bits }

// below returns the lines as they are numbered below others, counted from 1.
func (s stretch) below(above int) Lines {
	l := s.Lines
	l.First += above + 1
	l.Last += above + 1
	l.Bits, l.RivalBits = tenths(l.Bits), tenths(l.RivalBits)
	return l
}

// read returns the rows of a text and the bits of all.
func (c *contest) read(text []byte, g grammar) ([]row, float64) {
	t := table{text: text}
	t.expectComments(c.known.Comment)
	t.read(g)
	bits := score(&t, g).bits
	return t.rows, bits
}

// margin returns how many bits longer a text is in their reading.
func (c *contest) margin(text []byte) float64 {
	_, bits := c.read(text, c.ours)
	_, rivalBits := c.read(text, c.theirs)
	return rivalBits - bits
}

// lines puts both readings side by side and returns the margin between them.
func (c *contest) lines() ([]stretch, float64) {
	ours, bits := c.read(c.text, c.ours)
	theirs, rivalBits := c.read(c.text, c.theirs)
	var all []stretch
	for len(ours) > 0 && len(theirs) > 0 {
		s := stretch{start: ours[0].start}
		s.First = ours[0].line
		for end, rivalEnd := -1, -1; len(ours)+len(theirs) > 0 && (end < 0 || end != rivalEnd); {
			if len(theirs) == 0 || len(ours) > 0 && end <= rivalEnd {
				r := ours[0]
				ours, end, s.Last = ours[1:], r.end, r.last
				s.Bits += float64(r.bits)
				s.Fields += len(r.cells)
			} else {
				r := theirs[0]
				theirs, rivalEnd = theirs[1:], r.end
				s.RivalBits += float64(r.bits)
				s.RivalFields += len(r.cells)
			}
		}
		if s.end = len(c.text); len(ours) > 0 {
			s.end = ours[0].start
		}
		all = append(all, s)
	}
	return all, rivalBits - bits
}

// needed returns how many of the stretches, the weightiest first, must be taken out of the text for their reading to be
// the shorter one; 0 if that never happens, or if it is already.
func (c *contest) needed(stretches []stretch, margin float64) int {
	turns := func(n int) bool {
		out := slices.SortedFunc(slices.Values(stretches[:n]), func(a, b stretch) int { return cmp.Compare(a.start, b.start) })
		var text []byte
		from := 0
		for _, s := range out {
			text = append(text, c.text[from:s.start]...)
			from = s.end
		}
		return c.margin(append(text, c.text[from:]...)) < 0
	}
	most := 0
	for most < len(stretches) && stretches[most].weight() > 0 {
		most++
	}
	if margin < 0 {
		return 0
	}
	few := min(most, maxFor)
	for n := 1; n <= few; n++ {
		if turns(n) {
			return n
		}
	}
	for n := few; n < most; {
		next := min(2*n, most)
		if turns(next) {
			return n + 1 + sort.Search(next-n-1, func(i int) bool { return turns(n + 1 + i) })
		}
		n = next
	}
	return 0
}
