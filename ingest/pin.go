package ingest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
)

// A Pin is what a source was found to be, to be stored as JSON and compared with the next source of its
// kind: next month's export. Found.Pin makes one, Pipeline.Pin takes it.
type Pin struct {
	Encoding string          `json:"encoding,omitempty"` // none where the source was all ASCII, or in two encodings: then it is sniffed
	Dialect  dialect.Dialect `json:"dialect"`            // without a line ending: those that LF ends are read alike
	Columns  int             `json:"columns"`            // names in the header or fields of most records, whichever are more
	Header   []string        `json:"header,omitempty"`   // their names as they stand in the source; none where it has no header
}

// Pin gives what the next source of the kind is compared with.
func (f *Found) Pin() Pin {
	p := Pin{Dialect: f.Dialect.Dialect, Columns: f.width(), Header: f.given()}
	if !f.Encoding.ASCII && f.Encoding.Mixed == "" {
		p.Encoding = f.Encoding.Label
	}
	if p.Dialect.LineEnding != dialect.CR {
		p.Dialect.LineEnding = ""
	}
	return p
}

// given gives the names of the columns as they stand in the source; none where it has no header.
func (f *Found) given() []string { return columnNames(f.names) }

// width gives the number of columns in the source, whatever Pipeline.Header says.
func (f *Found) width() int { return max(len(f.given()), f.Dialect.Columns) }

// A Difference is one thing in which a source differs from what was pinned.
type Difference struct {
	What string `json:"what"` // "encoding", "delimiter", "column 3", ...
	Want string `json:"want"` // what was pinned
	Got  string `json:"got"`
}

// A DriftError says that a source is not what it was: not what Pipeline.Pin says, or, under Policy.Drift
// Stop, from some place on not what it was before. It wraps ErrDrift.
type DriftError struct {
	Differences []Difference // from what was pinned
	Change      *Change      // within the source
}

func (e *DriftError) Error() string {
	if e.Change != nil {
		return fmt.Sprintf("ingest: %s: %s: check the source, or set Policy.Drift to Keep [%s]", e.Change.Position, e.Change.Reason, CodeDrift)
	}
	var all []string
	for _, d := range e.Differences {
		all = append(all, fmt.Sprintf("%s is %s, pinned was %s", d.What, d.Got, d.Want))
	}
	return fmt.Sprintf("ingest: the source is not what was pinned: %s: check what has changed, and pin it anew if it is right [%s]", strings.Join(all, "; "), CodeDrift)
}

func (e *DriftError) Unwrap() error { return ErrDrift }

// check compares what was found, reading as was pinned, with what was pinned. Sample is the beginning of the
// source. Sniff says what the dialect would be without the pin: that tells what has changed.
func (p *Pin) check(f *Found, sample []byte, sniff func() dialect.Dialect) error {
	var all []Difference
	differ := func(what, want, got string) {
		if want != got {
			all = append(all, Difference{what, want, got})
		}
	}
	if p.Encoding != "" {
		if g := encoding.Sniff(sample); !g.ASCII && g.Confidence >= doubtful && !reads(g, p.Encoding) {
			differ("encoding", p.Encoding, g.Label)
		}
	}
	header := f.given()
	if records := f.Dialect.Columns > 0; !slices.Equal(p.Header, header) || records && p.Columns != f.width() {
		// It cannot be read as was pinned. The dialect may be why.
		sniffed, before := sniff(), len(all)
		differ("delimiter", quoted(p.Dialect.Delimiter), quoted(sniffed.Delimiter))
		differ("quote", quoted(p.Dialect.Quote), quoted(sniffed.Quote))
		differ("lines above the table", fmt.Sprint(max(0, p.Dialect.Preamble)), fmt.Sprint(max(0, sniffed.Preamble)))
		differ("header rows", fmt.Sprint(max(0, p.Dialect.HeaderRows)), fmt.Sprint(max(0, sniffed.HeaderRows)))
		if len(all) == before {
			differ("number of columns", fmt.Sprint(p.Columns), fmt.Sprint(f.width()))
			if len(all) == before {
				differ("number of names in the header", fmt.Sprint(len(p.Header)), fmt.Sprint(len(header)))
			}
			for i := range min(len(header), len(p.Header)) {
				differ(fmt.Sprintf("column %d", i+1), quoted(p.Header[i]), quoted(header[i]))
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &DriftError{Differences: all}
}

// reads says that the encoding of a label reads the source as the one that was sniffed does.
func reads(g encoding.Guess, label string) bool {
	return slices.ContainsFunc(g.RunnersUp, func(c encoding.Candidate) bool { return c.Label == label && c.Same })
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }
