// Package ingest takes in delimited text of any encoding and dialect, and hands it as UTF-8 records to
// sinks.
//
// [Run] and [Pipeline.Run] push batches of records to a [Sink] from several workers; [Pipeline.Records]
// lets the caller pull records, in the order of the source. Both sniff what the Pipeline does not pin
// (packages encoding and dialect), apply its [Policy] to what is irregular, and account for every row: in
// a [Status], Read = Delivered + Rejected + Filtered + Skipped.
//
// # Records
//
// The source is cut into windows, stretches of bytes that begin and end at record boundaries; each becomes
// one [Batch] and one call of Writer.Write. A record is fields with delimiters between them, up to a line
// end outside quotes. A line with nothing on it but spaces and tabs, and one that begins with the comment
// mark, are rows that are skipped and counted. Quotes mean something only around a whole field; in the
// middle of an unquoted one (5" pipe) they are text.
//
// A record is bad, and the Policy decides about it, if it has fewer or more fields than the table has
// columns, a quote that never closes, a quote inside a quoted field that is not escaped, bytes that are no
// character in the source's encoding, a NUL character, or if it exceeds one of the [Limits]. A record whose
// quote never closes is its first line: the reading goes on at the next, so that no quote takes other
// records with it. Nothing is changed, replaced or left out unless the Policy says so.
//
// # Going on
//
// A Sink that is a [Ledger], as those of package sqlsink are, enters each window in the transaction that stores its records.
// A run that has failed, was stopped or was killed goes on when it is run again with the same Pipeline.RunID and the same
// source, and each record is stored once. Any other sink can be given a ledger in Pipeline.Ledger, such as a [FileLedger]:
// then what was being written in a crash comes again. What may pass is tried again before a run fails ([Retry]), and a
// [Control] pauses and stops it.
//
// # Compared with encoding/csv
//
// With the delimiter "," and the quote `"`, what encoding/csv reads without an error is read the same way
// here (a fuzz test holds that), with these differences on purpose:
//
//   - CR LF inside quotes stays CR LF; encoding/csv makes it LF.
//   - An empty quoted field is told from an absent value by [Record.Null] and [Record.Quoted];
//     encoding/csv cannot tell them.
//   - Blank lines are rows: they have a number, are counted, and can be delivered or rejected;
//     encoding/csv drops them. A line of spaces and tabs is blank, too.
//   - A quote that never closes costs the record's first line; in encoding/csv it is the end of the
//     reading, or under LazyQuotes swallows the rest of the file.
//   - A quote that is closed on a later line, so that the record does not have the columns of the table, while
//     its first line by itself does, is taken for one that never closes.
//   - A bad record is never delivered; encoding/csv returns what it has of it together with the error.
//     The reading goes on behind it under [Reject].
//   - Spaces and tabs between a closing quote and the delimiter are passed over; encoding/csv fails, or
//     under LazyQuotes takes them, and the quote, into the field.
//   - A quote in an unquoted field is text; encoding/csv fails without LazyQuotes.
//   - In a source that uses it, a lone CR ends a record; in encoding/csv it never does.
//   - A byte order mark is no part of the first field, and any encoding comes out as valid UTF-8.
//   - The mark 0x1A at the end of a DOS file is not a record.
//   - Sizes are limited, see [Limits].
//
// # Memory
//
// A batch and its records are immutable and belong to whoever holds them; nothing is used again but with
// Pipeline.Reuse. A run holds
// at most Workers + Queue + 1 windows at a time.
package ingest
