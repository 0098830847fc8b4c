package dialect

// A Guess is what [Sniff] found, how sure it is, and why.
type Guess struct {
	// Dialect has every field known: no zero values. Where the sample shows no quotes, Quote is `"` and
	// Escape is Doubled.
	Dialect

	// Columns is the number of fields most records have; 0 when the sample has no record.
	Columns int `json:"columns"`

	// Confidence, 0 to 1, is about Delimiter, Quote and Escape. It is low where the sample holds no
	// evidence, as in a table of one column, for which Delimiter is ",". Pinned fields are certain.
	Confidence float64 `json:"confidence"`

	// HeaderConfidence, 0 to 1, is about whether there is a header.
	HeaderConfidence float64 `json:"header_confidence"`

	// Evidence says in short sentences what decided: counts and line numbers, never a value of the file.
	Evidence []string `json:"evidence,omitempty"`

	// Bits is the length of the description of the sample when it is read this way. It compares with that of
	// the runners-up.
	Bits float64 `json:"bits"`

	// RunnersUp are the other dialects that were considered, best first.
	RunnersUp []Candidate `json:"runners_up,omitempty"`

	known Dialect // what was pinned
}

// A Candidate is a dialect that was considered.
type Candidate struct {
	// Dialect has the fields known that told the candidates apart: Delimiter, Quote, Escape, SkipSpace.
	Dialect Dialect `json:"dialect"`

	// Confidence, 0 to 1, is on the scale of [Guess.Confidence].
	Confidence float64 `json:"confidence"`

	// Columns is the number of fields most records have when read this way.
	Columns int `json:"columns"`

	// Bits is the length of the description of the sample when it is read this way: the lower, the better. Of one that is
	// far behind only the beginning was read, and the rest is taken to be as far behind.
	Bits float64 `json:"bits"`
}
