package dialect

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Delimiters that are looked for. Letters, digits, quotes, brackets and the punctuation of numbers and
// dates are not among them.
var delimiters = func() []string {
	list := []string{",", ";", "\t", "|", ":", " ", "~", "^", "#", "=", "*", "+", "_", "&", "%", "!", "@", "$", "¦", "§", "·", "•", "¬", "¤"}
	for c := byte(1); c < 0x20; c++ {
		if c != '\t' && c != '\n' && c != '\r' {
			list = append(list, string(rune(c)))
		}
	}
	return list
}()

const (
	maxDelimiters  = 8 // that are tried in full
	maxQuotes      = 4
	candidateLines = 1000 // that are looked at to choose them
)

// quotes that are looked for, best first.
var quotes = []string{`"`, "'", "“”", "„“", "«»", "`"}

// rareQuotes are taken for quotes only where they stand at both ends of fields and nowhere else.
const rareQuotes = "#*^$%/~@&!=+"

// grammars lists what to try: every delimiter, quote and escape that occurs where it could mean something,
// and that goes with what is pinned.
func grammars(text []byte, pinned Dialect) []grammar {
	c := surveyed(text)
	delims := c.delimiters(pinned)
	list := c.combine(pinned, delims, c.quotes(delims, pinned))
	if len(list) == 0 {
		// What is pinned leaves nothing that occurs: assume something.
		delims, quotes := []string{",", ";", "\t", "|"}, []string{`"`, "'", None}
		if pinned.Delimiter != "" {
			delims = []string{pinned.Delimiter}
		}
		if pinned.Quote != "" {
			quotes = []string{pinned.Quote}
		}
		list = c.combine(pinned, delims, quotes)
	}
	if len(list) == 0 {
		list = []grammar{newGrammar(cmp.Or(pinned.Delimiter, ","), cmp.Or(pinned.Quote, None), cmp.Or(pinned.Escape, None), pinned)}
	}
	return list
}

// A survey is a text that delimiters, quotes and escapes are looked for in.
type survey struct {
	text   []byte
	lines  [][]byte  // the first ones of them
	occurs [256]bool // bytes: most of what is looked for does not
}

func surveyed(text []byte) *survey {
	s := &survey{text: text, lines: lines(text, candidateLines)}
	for _, c := range text {
		s.occurs[c] = true
	}
	return s
}

// contains reports whether a string, which is not empty, occurs.
func (s *survey) contains(what string) bool {
	return s.occurs[what[0]] && (len(what) == 1 || bytes.Contains(s.text, []byte(what)))
}

func (s *survey) combine(pinned Dialect, delims, quotes []string) []grammar {
	var list []grammar
	runs := pinned.SkipSpace == "" && slices.Contains(delims, " ") && s.hasRuns()
	add := func(g grammar) {
		if reading := (reading{grammar: g}); reading.dialect().Merge(pinned).Validate() == nil {
			list = append(list, g)
		}
	}
	for _, d := range delims {
		for _, q := range quotes {
			for _, e := range s.escapes(d, q, pinned) {
				g := newGrammar(d, q, e, pinned)
				add(g)
				if d == " " && runs {
					g.runs = true
					add(g)
				}
			}
		}
	}
	return list
}

// hasRuns reports whether spaces stand in runs in a tenth of the lines, or at an end of the first one. Where
// they stand at the end of others only, the last column has a name and no values.
func (s *survey) hasRuns() bool {
	filled, runs := 0, 0
	for _, line := range s.lines {
		inner := bytes.TrimSpace(line)
		if len(inner) == 0 {
			continue
		}
		if filled++; filled == 1 && (line[0] == ' ' || line[len(line)-1] == ' ') {
			return true
		}
		if hasRun(inner) {
			runs++
		}
	}
	return runs > 0 && runs*10 >= filled
}

// hasRun reports whether two spaces stand side by side: one of them does at an odd place. Where single spaces are
// many, as between words, bytes.Contains takes several times as long.
func hasRun(b []byte) bool {
	for i := 1; i < len(b); i += 2 {
		if b[i] == ' ' && (b[i-1] == ' ' || i+1 < len(b) && b[i+1] == ' ') {
			return true
		}
	}
	return false
}

func newGrammar(delimiter, quote, escape string, pinned Dialect) grammar {
	g := grammar{delimiter: delimiter, ending: pinned.LineEnding, runs: delimiter == " " && pinned.SkipSpace == On}
	if quote != None {
		g.open, g.close = quotePair(quote)
	}
	switch escape {
	case Doubled:
		g.doubled = quote != None
	case None:
	default:
		g.escape = escape
	}
	return g
}

func (s *survey) delimiters(pinned Dialect) []string {
	if pinned.Delimiter != "" {
		return []string{pinned.Delimiter}
	}
	type ranked struct {
		delimiter string
		regular   int // lines that have as many as the line before
	}
	var found []ranked
	for _, d := range delimiters {
		if pinned.Quote == d || !s.contains(d) {
			continue
		}
		forms := []string{d}
		switch pairs, always := twice(s.text, d); {
		case always && pairs > 1:
			forms[0] += d
		case pairs >= len(s.lines):
			forms = append(forms, d+d)
		}
		for _, d := range forms {
			r := ranked{delimiter: d}
			before, between := -1, false
			for _, line := range s.lines {
				n := bytes.Count(line, []byte(d))
				if n > 0 {
					r.regular++
				}
				if n > 0 && n == before {
					r.regular += 9
				}
				before = n
				between = between || n > 1 || n == 1 && !bytes.HasPrefix(line, []byte(d))
			}
			if between {
				found = append(found, r)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b ranked) int { return cmp.Compare(b.regular, a.regular) })
	list := []string{""}
	for i, r := range found {
		if i < maxDelimiters || strings.Contains(",;\t|", r.delimiter) {
			list = append(list, r.delimiter)
		}
	}
	return list
}

// twice returns how often d comes in runs of even length, counted in pairs, and whether it always does. Commas,
// semicolons, TABs and spaces do so around empty fields and are never taken for one delimiter of two characters.
func twice(text []byte, d string) (pairs int, always bool) {
	if strings.Contains(",;\t ", d) || !bytes.Contains(text, []byte(d+d)) {
		return 0, false
	}
	for always = true; ; {
		i := bytes.Index(text, []byte(d))
		if i < 0 {
			return pairs, always
		}
		run := 0
		for text = text[i:]; bytes.HasPrefix(text, []byte(d)); text = text[len(d):] {
			run++
		}
		if run%2 == 0 {
			pairs += run / 2
		} else {
			always = false
		}
	}
}

// quotes are those that stand where a field begins at least once and, but for `"`, where one
// ends at least as often as it begins.
func (s *survey) quotes(delims []string, pinned Dialect) []string {
	if pinned.Quote != "" {
		return []string{pinned.Quote}
	}
	list := []string{`"`}
	for _, q := range quotes {
		open, closing := quotePair(q)
		if q != `"` && s.contains(open) && opens(s.text, open, delims, 1) > 0 && closes(s.text, closing, delims, 1) > 0 {
			list = append(list, q)
		}
	}
	for i := range len(rareQuotes) {
		q := rareQuotes[i : i+1]
		if !s.contains(q) {
			continue
		}
		n := bytes.Count(s.text, []byte(q))
		if n >= 4 && opens(s.text, q, delims, n)*2 == n && closes(s.text, q, delims, n)*2 == n {
			list = append(list, q)
		}
	}
	list = list[:min(len(list), maxQuotes)]
	if s.contains(`"`) {
		list = append(list, None)
	}
	return list
}

func opens(text []byte, quote string, delims []string, enough int) int {
	return adjacent(text, quote, enough, func(before, _ []byte) bool {
		before = bytes.TrimRight(before, " ")
		return len(before) == 0 || endsWith(before, "\n") || endsWith(before, "\r") ||
			slices.ContainsFunc(delims, func(d string) bool { return endsWith(before, d) })
	})
}

func closes(text []byte, quote string, delims []string, enough int) int {
	return adjacent(text, quote, enough, func(_, after []byte) bool {
		after = bytes.TrimLeft(after, " ")
		return len(after) == 0 || startsWith(after, "\n") || startsWith(after, "\r") ||
			slices.ContainsFunc(delims, func(d string) bool { return startsWith(after, d) })
	})
}

func startsWith(b []byte, s string) bool {
	return s != "" && len(b) >= len(s) && b[0] == s[0] && (len(s) == 1 || string(b[:len(s)]) == s)
}

func endsWith(b []byte, s string) bool {
	return s != "" && len(b) >= len(s) && string(b[len(b)-len(s):]) == s
}

// adjacent counts the places of quote that satisfy a condition, up to enough.
func adjacent(text []byte, quote string, enough int, holds func(before, after []byte) bool) int {
	const window = 16
	count := 0
	for pos := 0; count < enough; {
		i := bytes.Index(text[pos:], []byte(quote))
		if i < 0 {
			break
		}
		start, end := pos+i, pos+i+len(quote)
		if holds(text[max(0, start-window):start], text[end:min(len(text), end+window)]) {
			count++
		}
		pos = end
	}
	return count
}

// escapes are Doubled, or None without quotes, and a backslash where one stands before something
// it could protect.
func (s *survey) escapes(delimiter, quote string, pinned Dialect) []string {
	if pinned.Escape != "" {
		return []string{pinned.Escape}
	}
	list := []string{Doubled}
	specials := []string{delimiter}
	if quote == None {
		list[0] = None
		specials = append(specials, "\n", "\r")
	} else {
		_, closing := quotePair(quote)
		specials = append(specials, closing)
	}
	for _, protected := range specials {
		if protected != "" && protected != " " && s.contains(`\`+protected) {
			return append(list, `\`)
		}
	}
	return list
}

// quotePair returns the opening and the closing character of a quote.
func quotePair(quote string) (open, closing string) {
	_, size := utf8.DecodeRuneInString(quote)
	if size == len(quote) {
		return quote, quote
	}
	return quote[:size], quote[size:]
}

// lines cuts text at every line end, whatever stands in quotes; at most n of them.
func lines(text []byte, n int) [][]byte {
	var all [][]byte
	start := 0
	for i := 0; i < len(text) && len(all) < n; i++ {
		if text[i] == '\n' || text[i] == '\r' {
			all = append(all, text[start:i])
			if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			start = i + 1
		}
	}
	if start < len(text) && len(all) < n {
		all = append(all, text[start:])
	}
	return all
}
