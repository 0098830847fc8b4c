package dialect

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrDialect is wrapped by every error of [Dialect.Validate].
var ErrDialect = errors.New("dialect")

// Validate reports what is wrong with the pinned fields of d, all at once. Fields that are not known
// are never wrong. It is meant to be called before the first byte is read.
func (d Dialect) Validate() error {
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", ErrDialect, field, fmt.Sprintf(format, args...)))
	}

	for _, f := range []struct{ name, value string }{
		{"Delimiter", d.Delimiter}, {"Quote", d.Quote}, {"Escape", d.Escape}, {"Comment", d.Comment},
	} {
		if !utf8.ValidString(f.value) {
			wrong(f.name, "%q is not valid UTF-8: give the character, not its bytes in the file's encoding", f.value)
		}
		if strings.ContainsAny(f.value, "\r\n") {
			wrong(f.name, "%q contains a line end, which always ends a record: set LineEnding instead", f.value)
		}
	}

	if d.Delimiter == None {
		wrong("Delimiter", "%q: a table of one column still needs one; use a character that does not occur, such as \"\\x1f\"", None)
	}
	if utf8.RuneCountInString(d.Delimiter) > 1 && strings.TrimLeft(d.Delimiter, " ") == "" {
		wrong("Delimiter", "%q: for runs of spaces use Delimiter \" \" with SkipSpace On", d.Delimiter)
	}

	var quotes []rune
	if known(d.Quote) {
		quotes = []rune(d.Quote)
		if len(quotes) > 2 {
			wrong("Quote", "%q is longer than an opening and a closing character: give one or two, or None", d.Quote)
		}
		if len(quotes) == 2 && quotes[0] == quotes[1] {
			wrong("Quote", "%q repeats one character: give it once", d.Quote)
		}
	}
	for _, q := range quotes {
		if strings.ContainsRune(d.Delimiter, q) {
			wrong("Delimiter", "%q contains the quote %q: choose another Quote, or None", d.Delimiter, q)
		}
		if known(d.Comment) && strings.ContainsRune(d.Comment, q) {
			wrong("Comment", "%q contains the quote %q: choose another Quote, or None", d.Comment, q)
		}
	}

	if known(d.Escape) && d.Escape != Doubled {
		switch {
		case utf8.RuneCountInString(d.Escape) > 1:
			wrong("Escape", "%q is more than one character: give one, Doubled or None", d.Escape)
		case known(d.Quote) && strings.Contains(d.Quote, d.Escape):
			wrong("Escape", "%q is the quote itself: use Doubled", d.Escape)
		case strings.Contains(d.Delimiter, d.Escape):
			wrong("Escape", "%q is part of the delimiter: choose another", d.Escape)
		}
	}
	if d.Escape == Doubled && d.Quote == None {
		wrong("Escape", "a quote cannot be doubled where there is none: use None or a character")
	}

	if known(d.Comment) && d.Comment == d.Delimiter {
		wrong("Comment", "%q is the delimiter too, so that a record with an empty first field would be lost: use None", d.Comment)
	}

	switch d.LineEnding {
	case "", LF, CRLF, CR, Mixed:
	default:
		wrong("LineEnding", "%q is not known: use %q, %q, %q or %q", d.LineEnding, LF, CRLF, CR, Mixed)
	}
	switch d.SkipSpace {
	case "", On, Off:
	default:
		wrong("SkipSpace", "%q is not known: use %q or %q", d.SkipSpace, On, Off)
	}
	if d.Preamble < NoPreamble {
		wrong("Preamble", "%d lines: use a positive number or NoPreamble", d.Preamble)
	}
	if d.HeaderRows < NoHeader {
		wrong("HeaderRows", "%d records: use a positive number or NoHeader", d.HeaderRows)
	}
	return errors.Join(errs...)
}

// known tells a pinned character from one that is absent or not known.
func known(s string) bool { return s != "" && s != None }
