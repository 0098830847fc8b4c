package dialect

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// GoString returns d as a Go literal that compiles where this package is imported, without the fields
// that are not known; fmt prints it for %#v.
func (d Dialect) GoString() string {
	var fields []string
	add := func(name, value string) { fields = append(fields, name+": "+value) }
	text := func(name, value string, names map[string]string) {
		if value == "" {
			return
		}
		if constant, ok := names[value]; ok {
			add(name, "dialect."+constant)
			return
		}
		add(name, strconv.Quote(value))
	}
	number := func(name string, value int, negative string) {
		switch {
		case value == -1:
			add(name, "dialect."+negative)
		case value != 0:
			add(name, strconv.Itoa(value))
		}
	}
	text("Delimiter", d.Delimiter, nil)
	text("Quote", d.Quote, map[string]string{None: "None"})
	text("Escape", d.Escape, map[string]string{None: "None", Doubled: "Doubled"})
	text("Comment", d.Comment, map[string]string{None: "None"})
	text("LineEnding", string(d.LineEnding), map[string]string{"lf": "LF", "crlf": "CRLF", "cr": "CR", "mixed": "Mixed"})
	text("SkipSpace", string(d.SkipSpace), map[string]string{"on": "On", "off": "Off"})
	number("Preamble", d.Preamble, "NoPreamble")
	number("HeaderRows", d.HeaderRows, "NoHeader")
	return "dialect.Dialect{" + strings.Join(fields, ", ") + "}"
}

// String describes d to a person in one line, without the fields that are not known.
func (d Dialect) String() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	character := func(name, value string) {
		switch value {
		case "":
		case None:
			add("no %s", name)
		case Doubled:
			add("quotes doubled")
		default:
			add("%s %s", name, charName(value))
		}
	}
	character("delimiter", d.Delimiter)
	if d.SkipSpace == On {
		add("spaces after it skipped")
	}
	character("quote", d.Quote)
	character("escape", d.Escape)
	character("comment", d.Comment)
	if d.LineEnding != "" {
		add("%s line ends", strings.ToUpper(string(d.LineEnding)))
	}
	switch {
	case d.Preamble == NoPreamble:
		add("no preamble")
	case d.Preamble != 0:
		add("%s of preamble", plural(d.Preamble, "line"))
	}
	switch {
	case d.HeaderRows == NoHeader:
		add("no header")
	case d.HeaderRows != 0:
		add("%s of header", plural(d.HeaderRows, "row"))
	}
	if len(parts) == 0 {
		return "nothing known"
	}
	return strings.Join(parts, ", ")
}

// charName names what cannot be seen and quotes the rest.
func charName(s string) string {
	switch s {
	case "\t":
		return "TAB"
	case " ":
		return "space"
	case `"`:
		return `'"'`
	}
	return strconv.Quote(s)
}

// plural counts units: plural(2, "line") is "2 lines". An irregular plural follows the singular.
func plural(n int, unit ...string) string {
	if n == 1 {
		return "1 " + unit[0]
	}
	if len(unit) == 1 {
		return strconv.Itoa(n) + " " + unit[0] + "s"
	}
	return strconv.Itoa(n) + " " + unit[1]
}

// Merge returns d with every field that pinned knows taken from pinned.
func (d Dialect) Merge(pinned Dialect) Dialect {
	return Dialect{
		Delimiter:  cmp.Or(pinned.Delimiter, d.Delimiter),
		Quote:      cmp.Or(pinned.Quote, d.Quote),
		Escape:     cmp.Or(pinned.Escape, d.Escape),
		Comment:    cmp.Or(pinned.Comment, d.Comment),
		LineEnding: cmp.Or(pinned.LineEnding, d.LineEnding),
		SkipSpace:  cmp.Or(pinned.SkipSpace, d.SkipSpace),
		Preamble:   cmp.Or(pinned.Preamble, d.Preamble),
		HeaderRows: cmp.Or(pinned.HeaderRows, d.HeaderRows),
	}
}
