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
	maxDelimiters  = 8    // that are tried in full
	candidateLines = 1000 // that are looked at to choose them
)

// quotes that are looked for, best first.
var quotes = []string{`"`, "'", "“”", "„“", "«»", "`"}

// rareQuotes are taken for quotes only where they stand at both ends of fields and nowhere else.
const rareQuotes = "#*^$%/~@&!=+"

// grammars lists what to try: every delimiter, quote and escape that occurs where it could mean something.
func grammars(text []byte, pinned Dialect) []grammar {
	ending := pinned.LineEnding
	var list []grammar
	delims := candidateDelimiters(text, pinned)
	quoting := candidateQuotes(text, delims, pinned)
	for _, d := range delims {
		for _, q := range quoting {
			g := grammar{delimiter: d, ending: ending}
			if q != None {
				g.open, g.close = quotePair(q)
			}
			if strings.Contains(d, q) {
				continue
			}
			g.runs = d == " " && pinned.SkipSpace == On
			for _, e := range candidateEscapes(text, g, pinned) {
				g := g
				switch e {
				case Doubled:
					g.doubled = g.close != ""
				case None:
				default:
					g.escape = e
				}
				list = append(list, g)
				if d == " " && pinned.SkipSpace == "" && bytes.Contains(text, []byte("  ")) {
					g.runs = true
					list = append(list, g)
				}
			}
		}
	}
	return list
}

func candidateDelimiters(text []byte, pinned Dialect) []string {
	if pinned.Delimiter != "" {
		return []string{pinned.Delimiter}
	}
	type ranked struct {
		delimiter string
		regular   int // lines that have as many as the line before
	}
	var found []ranked
	sample := lines(text, candidateLines)
	for _, d := range delimiters {
		if pinned.Quote == d || !bytes.Contains(text, []byte(d)) {
			continue
		}
		if alwaysTwice(text, d) {
			d += d
		}
		r := ranked{delimiter: d}
		before, between := -1, false
		for _, line := range sample {
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
	slices.SortStableFunc(found, func(a, b ranked) int { return cmp.Compare(b.regular, a.regular) })
	list := []string{""}
	for i, r := range found {
		if i < maxDelimiters || strings.Contains(",;\t|", r.delimiter) {
			list = append(list, r.delimiter)
		}
	}
	return list
}

// alwaysTwice reports whether d comes in pairs only, often enough to be no accident. Commas, semicolons,
// TABs and spaces do so around empty fields and are never taken for one delimiter of two characters.
func alwaysTwice(text []byte, d string) bool {
	if strings.Contains(",;\t ", d) {
		return false
	}
	pairs := 0
	for {
		i := bytes.Index(text, []byte(d))
		if i < 0 {
			return pairs > 1
		}
		run := 0
		for text = text[i:]; bytes.HasPrefix(text, []byte(d)); text = text[len(d):] {
			run++
		}
		if run%2 != 0 {
			return false
		}
		pairs += run / 2
	}
}

// candidateQuotes are those that stand where a field begins at least once and, but for `"`, where one
// ends at least as often as it begins.
func candidateQuotes(text []byte, delims []string, pinned Dialect) []string {
	if pinned.Quote != "" {
		return []string{pinned.Quote}
	}
	list := []string{`"`}
	for _, q := range quotes {
		open, closing := quotePair(q)
		if q != `"` && opens(text, open, delims, 1) > 0 && closes(text, closing, delims, 1) > 0 {
			list = append(list, q)
		}
	}
	for i := range len(rareQuotes) {
		q := rareQuotes[i : i+1]
		n := bytes.Count(text, []byte(q))
		if n >= 4 && opens(text, q, delims, n)*2 == n && closes(text, q, delims, n)*2 == n {
			list = append(list, q)
		}
	}
	if bytes.Contains(text, []byte(`"`)) {
		list = append(list, None)
	}
	return list
}

func opens(text []byte, quote string, delims []string, enough int) int {
	return adjacent(text, quote, enough, func(before, _ []byte) bool {
		before = bytes.TrimRight(before, " ")
		return atEdge(before, delims, bytes.HasSuffix)
	})
}

func closes(text []byte, quote string, delims []string, enough int) int {
	return adjacent(text, quote, enough, func(_, after []byte) bool {
		after = bytes.TrimLeft(after, " ")
		return atEdge(after, delims, bytes.HasPrefix)
	})
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

func atEdge(b []byte, delims []string, has func(b, part []byte) bool) bool {
	if len(b) == 0 || has(b, []byte("\n")) || has(b, []byte("\r")) {
		return true
	}
	return slices.ContainsFunc(delims, func(d string) bool { return d != "" && d != " " && has(b, []byte(d)) })
}

// candidateEscapes are Doubled, and a backslash where one stands before something it could protect.
func candidateEscapes(text []byte, g grammar, pinned Dialect) []string {
	if pinned.Escape != "" {
		return []string{pinned.Escape}
	}
	list := []string{Doubled}
	if g.delimiter != `\` && g.open != `\` {
		for _, protected := range []string{g.close, g.delimiter, "\n", "\r"} {
			if protected != "" && protected != " " && bytes.Contains(text, []byte(`\`+protected)) {
				return append(list, `\`)
			}
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
