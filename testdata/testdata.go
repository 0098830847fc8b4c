// Package testdata holds messy files, and for each of them what must come out. A file that is read wrongly
// is reported by adding it here, made small and free of anybody's data, with its expectation beside it.
//
// A case is a file, messy/NAME.csv or any other ending, and messy/NAME.json, where NAME is what stands
// before the first dot. The files are bytes: no editor or version control may change their line ends.
// The expectation is an object with these members:
//
//	about      what the file is and why it is here
//	pipeline   an ingest.Pipeline; default: the zero one, which sniffs everything and stops at the first
//	           bad record
//	container  what the file is packed in: "gzip", "bzip2", "zip", or two of them as "zip+gzip"
//	encoding   the encoding's label
//	bom        length of the byte order mark in bytes
//	dialect    a dialect.Dialect; what it leaves out is that of RFC 4180: , and " doubled, lines that end
//	           with LF, no comments, no space behind a delimiter, one header row and nothing above it.
//	           Without a dialect it does not matter how the records were found
//	header     the columns' names
//	given      the columns that had to be renamed: from the new name to the one in the file
//	records    the records, each a list of values. A string is a value, null an absent one, and
//	           {"null": "N/A"} a text that means "no value"
//	count      in place of records: how many there are, with the first and last of them in first and last
//	lines      the line each record begins on, where that is not left out
//	rejects    the records that are not delivered, in order: code, offset in what the file unpacks to, line,
//	           record, column (default 0), truncated (default false) and raw, the bytes, where they are UTF-8
//	skipped    the number of blank lines and comments below the header
//	tolerated  what a policy let pass or mended, counted by code
//	repairs    the records that Policy.Repair mended: line, kind and column
//	changes    where the file stops being what it was: line, code, fields, and delimiter if it is another one
//	error      how the run ends if not well: code, and line or format where the error has one
//
// An expectation with an error and without a header is of a file that nothing is delivered from.
// It is written from what a person sees in the file, never from what the program gives.
package testdata

import "embed"

// Messy holds the cases, in the folder messy.
//
//go:embed messy
var Messy embed.FS
