package sqlsink

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// flavor gives the SQL of the sink's database, every default filled in. The sink's own settings come first.
func (s *Sink) flavor() *Flavor {
	var f Flavor
	if s.Database != nil {
		f = s.Database.Flavor()
	}
	f.Placeholder = cmp.Or(s.Placeholder, f.Placeholder, Question)
	f.Quote = cmp.Or(s.Quote, f.Quote, DoubleQuote)
	f.MaxParams = cmp.Or(s.MaxParams, f.MaxParams, 999)
	f.ColumnType = cmp.Or(s.ColumnType, f.ColumnType, "TEXT")
	if s.Database == nil {
		guess(&f)
	}
	f.Name = cmp.Or(f.Name, "the database")
	f.KeyType = cmp.Or(f.KeyType, "VARCHAR(255)")
	f.LongText = cmp.Or(f.LongText, "TEXT")
	f.Bytes = cmp.Or(f.Bytes, "BLOB")
	if f.Upsert == nil {
		f.Upsert = onConflict
	}
	return &f
}

// name quotes the name of a table or column.
func (q Quote) name(s string) string {
	begin, end := string(q), string(q)
	if q == Bracket {
		end = "]"
	}
	return begin + strings.ReplaceAll(s, end, end+end) + end
}

// names quotes names and puts commas between them.
func (q Quote) names(all []string) string {
	quoted := make([]string, len(all))
	for i, n := range all {
		quoted[i] = q.name(n)
	}
	return strings.Join(quoted, ", ")
}

// path quotes the name of a table in a schema; "": without one.
func (q Quote) path(schema, table string) string {
	if schema == "" {
		return q.name(table)
	}
	return q.name(schema) + "." + q.name(table)
}

// parameter writes the n-th parameter of a statement, from 1.
func (f *Flavor) parameter(n int) string {
	if f.Placeholder == Question {
		return "?"
	}
	return strings.TrimSuffix(string(f.Placeholder), "1") + strconv.Itoa(n)
}

// insert gives the statement that inserts a number of rows.
func (f *Flavor) insert(table string, columns []string, rows int) string {
	var q strings.Builder
	q.WriteString("INSERT INTO " + table + " (" + f.Quote.names(columns) + ") VALUES ")
	for r := range rows {
		if r > 0 {
			q.WriteString(", ")
		}
		q.WriteString("(")
		for c := range columns {
			if c > 0 {
				q.WriteString(", ")
			}
			q.WriteString(f.parameter(r*len(columns) + c + 1))
		}
		q.WriteString(")")
	}
	return q.String()
}

// Parts of a statement that are no text.
type (
	param struct{ value any } // a parameter
	// in is a time by the database's clock, in milliseconds since 1970: now, or so much later.
	in time.Duration
)

// now is the time by the database's clock.
const now = in(0)

// query puts a statement together from its text, a string, and from params and times.
func (f *Flavor) query(parts ...any) (query string, args []any) {
	var q strings.Builder
	for _, p := range parts {
		if d, ok := p.(in); ok {
			ms := time.Duration(d).Milliseconds()
			if f.NowMillis != "" {
				fmt.Fprintf(&q, "(%s + %d)", f.NowMillis, ms)
				continue
			}
			p = param{time.Now().UnixMilli() + ms}
		}
		switch p := p.(type) {
		case string:
			q.WriteString(p)
		case param:
			args = append(args, p.value)
			q.WriteString(f.parameter(len(args)))
		}
	}
	return q.String(), args
}
