// Package dialect describes how a CSV file is written down, and finds it out from a sample.
//
// RFC 4180 is the form most programs mean; hardly any file has to keep to it. A [Dialect] says what a
// file does instead: which delimiter, quote, escape and comment it uses, how its lines end, what
// stands above the table and whether the table has a header. [Sniff] guesses one from a sample and
// explains itself.
//
// Sniff reads the sample by every delimiter, quote and escape that occurs in it and takes the reading that
// makes for the shortest description: Rissanen's minimum description length, over the patterns of rows and
// kinds of columns of van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and
// type patterns" (Data Mining and Knowledge Discovery 33, 2019). What stands above the table, comments and
// the header are looked for in the best reading.
package dialect

// A Dialect is one way to write a table as delimited text. In every field the zero value means "not
// known: sniff it", so that a caller pins only what he knows. Absence is said by name: [None],
// [NoPreamble], [NoHeader].
type Dialect struct {
	// Delimiter stands between two fields: one character or several ("," ";" "\t" "|" ", " "::").
	Delimiter string `json:"delimiter,omitempty"`

	// Quote encloses a field: one character, or two where the closing one differs from the opening one
	// (“”), or None.
	Quote string `json:"quote,omitempty"`

	// Escape says how a quote is written inside a quoted field: Doubled, a character that stands before
	// it and is dropped (`\`), or None. A character other than the quote escapes outside quotes as well.
	Escape string `json:"escape,omitempty"`

	// Comment begins a line that is not a record ("#", "//"), or None.
	Comment string `json:"comment,omitempty"`

	// LineEnding says what ends a record outside quotes.
	LineEnding LineEnding `json:"line_ending,omitempty"`

	// SkipSpace says whether spaces after a delimiter belong to the delimiter, so that `a, "b"` has a
	// quoted second field. Where the delimiter itself is a space, any run of spaces is one delimiter, and
	// spaces at either end of a line are none.
	SkipSpace Toggle `json:"skip_space,omitempty"`

	// Preamble is the number of physical lines above the table: titles, a `sep=` line, comments, blank
	// lines; or NoPreamble.
	Preamble int `json:"preamble,omitempty"`

	// HeaderRows is the number of records at the top of the table that hold the column names (several
	// are joined with a space, column by column); or NoHeader.
	HeaderRows int `json:"header_rows,omitempty"`
}

const (
	None    = "none"    // there is no such character: Quote, Escape, Comment
	Doubled = "doubled" // a quote is escaped by writing it twice: Escape

	NoPreamble = -1 // the table begins on the first line: Preamble
	NoHeader   = -1 // the first record is data: HeaderRows
)

// A LineEnding says what ends a record outside quotes.
type LineEnding string

const (
	LF    LineEnding = "lf"    // LF or CR LF; a CR that stands alone is data
	CRLF  LineEnding = "crlf"  // as LF: the two differ only in what the file was seen to use
	CR    LineEnding = "cr"    // CR; an LF that stands alone is data
	Mixed LineEnding = "mixed" // LF, CR LF and CR all end a record
)

// A Toggle is a setting that can also be unknown.
type Toggle string

const (
	On  Toggle = "on"
	Off Toggle = "off"
)
