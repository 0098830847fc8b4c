package sqlitesink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite/vtab"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// maxColumns is the most columns that a virtual table can have, one of which is hidden (sqlite.org/limits.html).
const maxColumns = 2000 - 1

// Load inserts records by one statement: INSERT ... SELECT from a virtual table whose rows they are. SQLite fetches the
// values itself then, which costs less than half of binding each of them to a statement.
func (database) Load(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
	n := len(into.Columns)
	if n > maxColumns {
		return errors.ErrUnsupported
	}
	l := &load{part: p, at: p.From - 1, fields: n, numbers: make([]bool, n)}
	for _, more := range []bool{p.Run, p.Offset} {
		if more {
			l.fields--
		}
	}
	if err := l.ask(ctx, conn, into); err != nil {
		return err
	}
	id := loadIDs.Add(1)
	loads.Store(id, l)
	defer loads.Delete(id)
	from := "temp.sluice_records_" + strconv.Itoa(n)
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("CREATE VIRTUAL TABLE IF NOT EXISTS %s USING %s(%d)", from, moduleName, n)); err != nil {
		return err
	}
	table, columns := into.SQL(sqlsink.DoubleQuote)
	_, err := conn.ExecContext(ctx, "INSERT INTO "+table+" ("+columns+") SELECT * FROM "+from+"(?)", id)
	if err != nil && l.at < p.To {
		return &located{err, l.at - p.From}
	}
	return err
}

// located is an error of an INSERT, with the record of the part that it is about. There is none where SQLite has fetched all
// records before it inserts one, for a trigger, or checks at the end, as foreign keys.
type located struct {
	error
	row int
}

func (e *located) Unwrap() error { return e.error }

// A load is a part that is being inserted.
type load struct {
	part    *sqlsink.Part
	fields  int    // columns that fields go into
	numbers []bool // columns into which the text of a number goes as a number
	at      int    // the record in hand
}

// ask finds out which columns take numbers. That is what a column of a table does that has an affinity to them
// (sqlite.org/datatype3.html, 3.1). A view and a virtual table get what they are given, and so does a column ANY of a strict table.
func (l *load) ask(ctx context.Context, conn *sql.Conn, into sqlsink.Target) error {
	rows, err := conn.QueryContext(ctx, `SELECT c.name, upper(c.type) FROM pragma_table_list(?1) t, pragma_table_info(t.name, t.schema) c
		WHERE t.type = 'table' AND (?2 = '' OR lower(t.schema) = lower(?2))`, into.Table, into.Schema)
	if err != nil {
		return err
	}
	defer rows.Close()
	types := map[string]string{}
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return err
		}
		name = strings.ToLower(name)
		if was, ok := types[name]; ok && was != typ {
			typ = "" // of a table of the same name in another schema
		}
		types[name] = typ
	}
	for i := range l.fields {
		l.numbers[i] = numeric(types[strings.ToLower(into.Columns[i])])
	}
	return rows.Err()
}

// numeric says that a type, in capitals, has the affinity INTEGER, REAL or NUMERIC.
func numeric(typ string) bool {
	has := func(names ...string) bool {
		for _, n := range names {
			if strings.Contains(typ, n) {
				return true
			}
		}
		return false
	}
	return has("INT") || typ != "" && typ != "ANY" && !has("CHAR", "CLOB", "TEXT", "BLOB")
}

// value gives what goes into a column for the record in hand.
func (l *load) value(column int) any {
	p := l.part
	r := p.Batch.Record(l.at)
	switch {
	case column >= l.fields && p.Run && column == l.fields:
		return p.Batch.Found().Run
	case column >= l.fields:
		return r.Position().Offset
	case r.Null(column):
		return nil
	}
	v := r.Field(column)
	if l.numbers[column] {
		if n := number(v); n != nil {
			return n
		}
	}
	return v
}

// number gives the number that SQLite would make of a text: an int64 or a float64. It gives nil for what it leaves to
// SQLite: all but digits, with a minus before them and a point among them, of which there are so few that they are a whole number
// below 2^53. Then that, divided by a power of ten up to 10^22, is the nearest float64 there is (W. Clinger, How to Read
// Floating Point Numbers Accurately, 1990).
func number(s string) any {
	digits, negative := strings.CutPrefix(s, "-")
	if len(digits) > 16 {
		return nil
	}
	n, point, count := int64(0), -1, 0
	for i := range len(digits) {
		switch c := digits[i]; {
		case '0' <= c && c <= '9':
			n = n*10 + int64(c-'0')
			count++
		case c == '.' && point < 0 && i > 0 && i < len(digits)-1:
			point = i
		default:
			return nil
		}
	}
	if count == 0 || count > 15 || n == 0 && negative {
		return nil
	}
	if negative {
		n = -n
	}
	if point < 0 {
		return n
	}
	return float64(n) / powersOfTen[len(digits)-1-point]
}

var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14}

// loads are the parts that are being inserted, by the number that the virtual table is asked for.
var (
	loads   sync.Map // of int64 and *load
	loadIDs atomic.Int64
)

// moduleName is how the connections of the driver call the virtual tables below.
const moduleName = "sluice_records"

func init() {
	if err := vtab.RegisterModule(nil, moduleName, module{}); err != nil {
		panic(err) // the name is taken
	}
}

// A module makes virtual tables (sqlite.org/vtab.html), which are functions, in the words of SQLite: the hidden column is the
// argument that says which load is meant.
type module struct{}

func (m module) Create(c vtab.Context, args []string) (vtab.Table, error) { return m.Connect(c, args) }

// Connect makes a table. Its argument, behind three names, is how many columns it has.
func (module) Connect(c vtab.Context, args []string) (vtab.Table, error) {
	if len(args) != 4 {
		return nil, errors.New("the number of columns is to be given")
	}
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return nil, err
	}
	var q strings.Builder
	q.WriteString("CREATE TABLE records (")
	for i := range n {
		fmt.Fprintf(&q, "c%d, ", i)
	}
	return records(n), c.Declare(q.String() + "load HIDDEN)")
}

// records is a virtual table of so many columns.
type records int

func (t records) BestIndex(info *vtab.IndexInfo) error {
	for i := range info.Constraints {
		if c := &info.Constraints[i]; c.Column == int(t) && c.Op == vtab.OpEQ && c.Usable {
			c.ArgIndex, c.Omit = 0, true
			return nil
		}
	}
	return errors.New("the load is to be given")
}

func (records) Open() (vtab.Cursor, error) { return &cursor{}, nil }
func (records) Disconnect() error          { return nil }
func (records) Destroy() error             { return nil }

// A cursor goes over the records of a load, once.
type cursor struct{ load *load }

func (c *cursor) Filter(_ int, _ string, args []vtab.Value) error {
	l, ok := loads.Load(args[0])
	if !ok {
		return errors.New("there is no such load")
	}
	c.load = l.(*load)
	c.load.at++
	return nil
}

func (c *cursor) Next() error {
	c.load.at++
	return nil
}

func (c *cursor) Eof() bool { return c.load.at >= c.load.part.To }

func (c *cursor) Column(i int) (vtab.Value, error) {
	if i == len(c.load.numbers) {
		return nil, nil
	}
	return c.load.value(i), nil
}

func (c *cursor) Rowid() (int64, error) { return int64(c.load.at), nil }
func (c *cursor) Close() error          { return nil }
