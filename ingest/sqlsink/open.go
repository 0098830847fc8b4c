package sqlsink

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
)

// mode is Mode, or its default.
func (s *Sink) mode() Mode { return cmp.Or(s.Mode, Append) }

// validate says which setting cannot work, whatever the file.
func (s *Sink) validate() error {
	f, mode := s.flavor(), s.mode()
	switch f.Placeholder {
	case Question, Dollar, At:
	default:
		return s.unusable("Placeholder is %q: use Question, Dollar or At", f.Placeholder)
	}
	switch f.Quote {
	case DoubleQuote, Backtick, Bracket:
	default:
		return s.unusable("Quote is %q: use DoubleQuote, Backtick or Bracket", f.Quote)
	}
	switch mode {
	case Append, Whole, Upsert, Replace:
	default:
		return s.unusable("Mode is %q: use Append, Whole, Upsert or Replace", s.Mode)
	}
	switch s.OnConflict {
	case "", Update, Keep:
	default:
		return s.unusable("OnConflict is %q: use Update or Keep", s.OnConflict)
	}
	switch {
	case s.DB == nil:
		return s.unusable("DB is nil: set it to an open database")
	case s.Table == "":
		return s.unusable("Table is empty: name the table")
	case s.MaxParams < 0:
		return s.unusable("MaxParams is %d: use 0 for the default", s.MaxParams)
	case s.Budget < 0:
		return s.unusable("Budget is %d: use 0 for the default of %d", s.Budget, defaultBudget)
	case mode != Append && s.NoLedger:
		return s.unusable("Mode is %q, which needs the ledger: leave NoLedger unset", mode)
	case mode != Upsert && s.OnConflict != "":
		return s.unusable("Mode is %q and OnConflict %q, which only Upsert asks for", mode, s.OnConflict)
	case (mode == Upsert) != (len(s.Key) > 0):
		return s.unusable("Mode is %q and Key names %d columns: Upsert tells rows by the columns in Key, and the other modes do not", mode, len(s.Key))
	}
	return nil
}

// unusable is the error of settings that cannot work.
func (s *Sink) unusable(format string, args ...any) error {
	return &Error{Op: "open", Table: s.Table, Reason: fmt.Sprintf(format, args...)}
}

// newWriter makes a writer for what a source was found to be, or says which setting does not go with that.
func (s *Sink) newWriter(found *ingest.Found) (*writer, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	w := &writer{
		sink:   s,
		run:    found.Run,
		flavor: s.flavor(),
		header: found.Header,
		claim:  s.claimed(found.Run),
		mode:   s.mode(),
		uses:   map[string]bool{},
	}
	switch {
	case len(found.Header) == 0:
		return nil, s.unusable("the file has no columns: check that it is delimited text")
	case w.mode != Append && w.claim == nil:
		return nil, s.unusable("Mode is %q, which needs the ledger of this sink: run it by itself, without Tee or Pipeline.Ledger", w.mode)
	}
	columns := s.columns(found.Header)
	w.fields, w.stored = len(found.Header), len(columns)
	w.into = Target{Schema: s.Schema, Table: s.Table, Columns: columns}
	if w.mode != Append {
		w.into.Table = StageTable(found.Run)
		w.into.Columns = stageColumns(s, columns)
	}
	for i, name := range w.into.Columns {
		if i >= w.fields && slices.ContainsFunc(columns[:i], func(c string) bool { return strings.EqualFold(c, name) }) {
			return nil, s.unusable("the file has a column %q, and so has the sink, or RunColumn and OffsetColumn are the same: rename one of them", name)
		}
	}
	for _, name := range s.Key {
		if !slices.Contains(columns[:w.fields], name) {
			return nil, s.unusable("Key names the column %q, which the file does not have", name)
		}
	}
	for _, name := range append([]string{s.Schema, s.Table}, w.into.Columns...) {
		if strings.ContainsRune(name, 0) {
			return nil, s.unusable("the name %q has a NUL character, which no database takes: give it another name", name)
		}
	}
	w.rows = max(1, min(w.flavor.MaxParams/len(w.into.Columns), maxRows))
	w.args = make([]any, 0, w.rows*len(w.into.Columns))
	return w, nil
}

// columns gives the table's columns that records go into: those of the fields, and those of the sink.
func (s *Sink) columns(h ingest.Header) []string {
	columns := s.Columns(h)
	for _, c := range []string{s.RunColumn, s.OffsetColumn} {
		if c != "" {
			columns = append(columns, c)
		}
	}
	return columns
}

// create gives the statement that makes the table.
func (w *writer) create() string {
	s, f := w.sink, w.flavor
	var q strings.Builder
	q.WriteString("CREATE TABLE IF NOT EXISTS " + f.Quote.path(s.Schema, s.Table) + " (")
	for i, c := range w.into.Columns[:w.stored] {
		if i > 0 {
			q.WriteString(", ")
		}
		kind := f.ColumnType
		switch {
		case i >= w.fields && c == s.OffsetColumn:
			kind = "BIGINT"
		case i >= w.fields || slices.Contains(s.Key, c):
			kind = f.KeyType
		}
		q.WriteString(f.Quote.name(c) + " " + cmp.Or(s.Types[c], kind))
	}
	if len(s.Key) > 0 {
		q.WriteString(", PRIMARY KEY (" + f.Quote.names(s.Key) + ")")
	}
	q.WriteString(")")
	return q.String()
}
