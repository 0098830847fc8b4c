package ingest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/sluicecsv/sluice/ingest/internal/scan"
)

// readHeader steps over what stands above the table and takes the header rows.
func (sp *splitter) readHeader(ctx context.Context) error {
	d := &sp.found.Dialect
	for range d.Preamble {
		row, _, err := sp.take(ctx, sp.raw.Line)
		if err != nil {
			return err
		}
		if row.Kind == scan.More {
			break // the source ends here
		}
	}
	var rows [][]string
	var at Position // of the header
	for len(rows) < d.HeaderRows {
		if len(rows) == 0 {
			at = sp.here()
		}
		var fields []scan.Field
		scanned := func(b []byte, i int, eof bool) scan.Row {
			fields = fields[:0]
			return sp.raw.Row(b, i, eof, &fields)
		}
		row, raw, err := sp.take(ctx, scanned)
		switch {
		case err != nil:
			return err
		case row.Kind == scan.Unclosed:
			return headerError(at, "the header has a quote that never closes: close it, or pin the dialect")
		}
		if row.Kind == scan.Record {
			sp.found.HeaderRaw = append(sp.found.HeaderRaw, raw...)
			sp.found.headerRows = append(sp.found.headerRows, raw)
			cells, err := sp.cells(raw, fields)
			if err != "" {
				return headerError(at, err)
			}
			rows = append(rows, cells)
		}
		if row.Kind == scan.More {
			break // the source ends here
		}
	}
	if err := sp.nameColumns(rows); err != "" {
		return headerError(at, err)
	}
	sp.row = 1
	sp.found.Table = sp.here()
	if len(sp.found.Header) > sp.columns {
		return sp.focus(sp.enc, 0) // most records are short, and those that are not are as they should be
	}
	return nil
}

// here is where the buffer begins.
func (sp *splitter) here() Position { return Position{Offset: sp.offset, Line: sp.line} }

func headerError(at Position, reason string) error {
	return &RunError{Code: CodeHeader, Kind: ErrHeader, At: at, Reason: reason}
}

// take scans one row, takes it off the buffer and gives its bytes. At the end of the source its Kind is
// More.
func (sp *splitter) take(ctx context.Context, scanRow func([]byte, int, bool) scan.Row) (scan.Row, []byte, error) {
	for want := readAhead; ; want *= 2 {
		if err := sp.fill(ctx, want); err != nil {
			return scan.Row{}, nil, err
		}
		if len(sp.buf) < sp.unit {
			return scan.Row{}, nil, sp.err
		}
		if err := sp.decide(ctx); err != nil {
			return scan.Row{}, nil, err
		}
		row := scanRow(sp.look(), 0, sp.eof && sp.err == nil)
		n := row.End * sp.unit
		if row.Kind == scan.More {
			n = len(sp.buf)
		}
		switch {
		case sp.offset+int64(n) > int64(sp.s.Limits.Header):
			return row, nil, headerError(sp.here(), fmt.Sprintf("no header within the first %d bytes: raise Limits.Header, or check that the file is delimited text", sp.s.Limits.Header))
		case row.Kind != scan.More:
			raw := bytes.Clone(sp.buf[:n])
			sp.drop(n)
			sp.line += int64(row.Lines)
			return row, raw, nil
		case sp.eof:
			return row, nil, sp.err
		}
	}
}

// cells decodes the fields of a header row, or says what is wrong with one.
func (sp *splitter) cells(raw []byte, fields []scan.Field) (cells []string, wrong string) {
	for i, f := range fields {
		cell := raw[f.Start()*sp.unit : f.End()*sp.unit]
		text, mixed, invalid := sp.decode(nil, cell)
		if mixed {
			sp.mixed++
		}
		if invalid > 0 {
			switch sp.s.Policy.Encoding {
			case Stop, Reject:
				return nil, fmt.Sprintf("the name of column %d has bytes that are no character in %s: type it again, or set Policy.Encoding to Replace or Rescue", i+1, labels(sp.found.Encoding))
			case Rescue:
				if sp.unit == 1 {
					text, _ = sp.rescue.Append(nil, cell)
				}
			}
			sp.mended++
		}
		if f.Escaped() {
			text = sp.text.Unescape(nil, text, f.Quoted())
		}
		cells = append(cells, string(text))
	}
	return cells, ""
}

// visible takes characters out of a column's name that nobody could tell it by, or type.
func visible(r rune) rune {
	switch irregularRune(r) {
	case "":
		return r
	case CodeInvisible:
		if unicode.IsSpace(r) {
			return ' '
		}
	}
	return -1
}

// columnNames joins what the rows of a header say of each column.
func columnNames(rows [][]string) []string {
	var names []string
	for _, row := range rows {
		for i, cell := range row {
			if i == len(names) {
				names = append(names, "")
			}
			names[i] = strings.TrimSpace(names[i] + " " + strings.TrimSpace(strings.Map(visible, cell)))
		}
	}
	return names
}

// nameColumns makes the header of the header rows, if there are any, or says what is wrong with them.
func (sp *splitter) nameColumns(rows [][]string) (wrong string) {
	width := 0
	if wrong := sp.cutTrailer(rows); wrong != "" {
		return wrong
	}
	for i := range rows {
		width = max(width, len(rows[i]))
	}
	sp.found.names, sp.found.folded = rows, map[string]bool{}
	for _, row := range rows {
		for _, name := range row {
			if name = foldName(name); name != "" {
				sp.found.folded[name] = true
			}
		}
	}
	if width == 0 {
		width = sp.found.Dialect.Columns
	}
	if sp.s.Header != nil {
		sp.found.Header = sp.s.Header
		return ""
	}
	if width > sp.s.Limits.Columns {
		return fmt.Sprintf("the table has %d columns: raise Limits.Columns if that is right", width)
	}
	header := make(Header, width)
	names := columnNames(rows)
	used := map[string]bool{}
	for i := range header {
		given := ""
		if i < len(names) {
			given = names[i]
		}
		header[i].Name = given
		if given != "" && !used[given] {
			used[given] = true
			continue
		}
		if len(rows) > 0 {
			if sp.s.Policy.Columns == Stop {
				return fmt.Sprintf("the name of column %d is empty or used twice: give each column a name of its own, or set Policy.Columns to Rename", i+1)
			}
			header[i].Given, header[i].Renamed = given, true
		}
		header[i].Name = "" // until all given names are known
	}
	next := map[string]int{}
	for i := range header {
		if header[i].Name != "" {
			continue
		}
		base, n := header[i].Given, 2
		if base == "" {
			base, n = "column", i+1
		}
		for n = max(n, next[base]); header[i].Name == "" || used[header[i].Name]; n++ {
			header[i].Name = fmt.Sprintf("%s_%d", base, n)
		}
		next[base] = n
		used[header[i].Name] = true
	}
	sp.found.Header = header
	return ""
}
