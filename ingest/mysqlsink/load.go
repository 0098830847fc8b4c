package mysqlsink

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// database is how MySQL and MariaDB are loaded. One serves one sink.
type database struct {
	noLocal atomic.Bool           // the server takes no LOAD DATA LOCAL
	last    atomic.Pointer[table] // what is known of the table that was loaded last
}

// A table is what has to be known of a table before it is loaded.
type table struct {
	schema, name string
	local        bool            // the server may take LOAD DATA LOCAL
	packet       int             // bytes that a statement may have
	generated    map[string]bool // columns that cannot be written, in lower case
	numbered     string          // the AUTO_INCREMENT column, if there is one
}

const (
	// sqlMode makes an error of what would else be cut, rounded to a limit or replaced by a zero, and stores a 0 as
	// a 0 where the server would make a new number of it.
	sqlMode = "'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"

	// session is what loading needs of a connection, and moving what was put aside, whoever made it. Notes are no
	// warnings: they tell of spaces cut off a number, and of decimals rounded to what the column has.
	session = "SET NAMES utf8mb4, SESSION sql_mode = " + sqlMode + ", SESSION sql_notes = 0"

	savepoint = "sluice_load"
)

// Load writes records by LOAD DATA LOCAL, and by INSERT statements where that does not do.
//
// With LOCAL the server cannot stop the client, and so makes warnings of all errors (MySQL manual, "LOAD DATA
// Statement"; MariaDB's says the same): it passes over a row whose key is there, cuts what is too long, and makes a 0 of
// what is no number. So a load counts only if every row is in and there is no warning at all. Otherwise it is taken back,
// and the same rows go in by INSERT, whose errors are errors and tell the row.
func (d *database) Load(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) (err error) {
	// In a transaction of its own a sql.Conn must not see driver.ErrBadConn: it would wait for the transaction to end
	// before it closes. So the driver is talked to.
	raw := conn.Raw(func(c any) error {
		if l, ok := c.(link); ok {
			err = d.load(ctx, l, into, p)
		} else {
			err = errors.New("mysqlsink: the database is not opened with the driver github.com/go-sql-driver/mysql")
		}
		return nil
	})
	return cmp.Or(err, raw)
}

// A link is the driver's connection.
type link interface {
	driver.ExecerContext
	driver.QueryerContext
}

func (d *database) load(ctx context.Context, l link, into sqlsink.Target, p *sqlsink.Part) error {
	t, err := d.look(ctx, l, into)
	if err != nil {
		return err
	}
	if _, err := l.ExecContext(ctx, "SAVEPOINT "+savepoint, nil); err != nil {
		return err
	}
	const back = "ROLLBACK TO SAVEPOINT " + savepoint
	if t.local && t.writable(into.Columns) && t.takesNumbers(into.Columns, p) && !d.noLocal.Load() {
		exact, err := d.loadData(ctx, l, into, p)
		if exact || err != nil {
			return err
		}
		if _, err := l.ExecContext(ctx, back, nil); err != nil {
			return err
		}
	}
	if err := insert(ctx, l, into, p, t.packet); err != nil {
		// Where a deadlock or a lost connection has ended the transaction this fails, and nothing is left either.
		_, _ = l.ExecContext(ctx, back, nil)
		return err
	}
	return nil
}

// look finds out about a table, once; again when a writer is opened.
func (d *database) look(ctx context.Context, l link, into sqlsink.Target) (*table, error) {
	if t := d.last.Load(); t != nil && t.schema == into.Schema && t.name == into.Table {
		return t, nil
	}
	t := &table{schema: into.Schema, name: into.Table, packet: 1 << 20, generated: map[string]bool{}}
	variables, err := ask(ctx, l, "SHOW VARIABLES WHERE Variable_name IN ('local_infile', 'max_allowed_packet', 'wsrep_load_data_splitting')")
	if err != nil {
		return nil, err
	}
	for _, v := range variables {
		switch name, value := v[0], v[1]; name {
		case "local_infile":
			t.local = value == "ON"
		case "max_allowed_packet":
			if n, err := strconv.Atoi(value); err == nil {
				t.packet = n
			}
		case "wsrep_load_data_splitting":
			if value == "ON" { // old clusters commit after every 10,000 rows then
				d.noLocal.Store(true)
			}
		}
	}
	which := " WHERE t.table_schema = COALESCE(NULLIF(" + text(into.Schema) + ", ''), DATABASE()) AND t.table_name = " + text(into.Table)
	engines, err := ask(ctx, l, "SELECT t.engine, e.transactions FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine"+which)
	if err != nil {
		return nil, err
	}
	for _, e := range engines {
		if e[1] == "NO" {
			return nil, fmt.Errorf("mysqlsink: the table is of the engine %s, which has no transactions, so that a batch could be stored in part: make it one of InnoDB", e[0])
		}
	}
	special, err := ask(ctx, l, "SELECT t.column_name, t.extra LIKE '% GENERATED%' FROM information_schema.columns t"+which+
		" AND (t.extra LIKE '% GENERATED%' OR t.extra LIKE '%auto_increment%')")
	if err != nil {
		return nil, err
	}
	for _, c := range special {
		if c[1] == "1" {
			t.generated[strings.ToLower(c[0])] = true
		} else {
			t.numbered = c[0]
		}
	}
	d.last.Store(t)
	return t, nil
}

// ask gives the rows of a query as text, "" for NULL.
func ask(ctx context.Context, l link, query string) (all [][]string, err error) {
	rows, err := l.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); err {
		case nil:
		case io.EOF:
			return all, nil
		default:
			return nil, err
		}
		row := make([]string, len(values))
		for i, v := range values {
			switch v := v.(type) {
			case nil:
			case []byte:
				row[i] = string(v)
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		all = append(all, row)
	}
}

// writable says that all columns can be written. LOAD DATA passes over values for the others without a warning.
func (t *table) writable(columns []string) bool {
	for _, c := range columns {
		if t.generated[strings.ToLower(c)] {
			return false
		}
	}
	return true
}

// takesNumbers says that LOAD DATA takes the numbers of an AUTO_INCREMENT column as they are. Into a table with a trigger MariaDB
// makes a new number of a 0, whatever sql_mode says.
func (t *table) takesNumbers(columns []string, p *sqlsink.Part) bool {
	c := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, t.numbered) })
	if c < 0 {
		return true
	}
	for i := p.From; i < p.To; i++ {
		r := p.Batch.Record(i)
		if c >= len(p.Batch.Header()) || r.Null(c) {
			continue
		}
		if n := r.Field(c); n == "" || n[0] == '0' || strings.Trim(n, "0123456789") != "" {
			return false
		}
	}
	return true
}

// readers counts the readers that were registered with the driver, all of which need names of their own.
var readers atomic.Int64

// loadData loads records by LOAD DATA LOCAL. They are not exactly as they were given if exact is false; then what is in
// the table has to be taken back, and to be written otherwise.
func (d *database) loadData(ctx context.Context, l link, into sqlsink.Target, p *sqlsink.Part) (exact bool, err error) {
	rows := rowsOf(p)
	name := "sluice-" + strconv.FormatInt(readers.Add(1), 10)
	mysql.RegisterReaderHandler(name, func() io.Reader { return rows })
	defer mysql.DeregisterReaderHandler(name)

	table, columns := into.SQL(sqlsink.Backtick)
	res, err := l.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE "+table+
		` CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' (`+columns+")", nil)
	if err != nil {
		switch {
		case forbidden(err):
			d.noLocal.Store(true)
			return false, nil
		case explain(err).Data:
			return false, nil // of a trigger, for one: the INSERT says which row it was
		}
		return false, err
	}
	affected, err := res.RowsAffected()
	if err != nil {
		return false, err
	}
	warnings, err := ask(ctx, l, "SELECT @@warning_count")
	if err != nil {
		return false, err
	}
	return affected == rows.count && warnings[0][0] == "0", nil
}

// forbidden says that a server, or a user of it, takes no LOAD DATA LOCAL.
func forbidden(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 1148, // the used command is not allowed with this MySQL version
		3948, // loading local data is disabled
		4166: // the used command is not allowed because the MariaDB server or client has disabled the local infile capability
		return true
	}
	return false
}

// insertBytes is about how long a statement of INSERT is: longer ones are not faster.
const insertBytes = 1 << 20

// insert writes records by INSERT statements of many rows. A statement has up to packet bytes.
func insert(ctx context.Context, l link, into sqlsink.Target, p *sqlsink.Part, packet int) error {
	table, columns := into.SQL(sqlsink.Backtick)
	var (
		head  = "INSERT INTO " + table + " (" + columns + ") VALUES "
		limit = packet - 2 // a packet is shorter than that, and begins with the kind of command
		rows  = rowsOf(p)
		text  = []byte(head)
		first = 0 // row of the statement
		n     = 0 // rows in it
	)
	send := func(text []byte) error {
		if _, err := l.ExecContext(ctx, string(text), nil); err != nil {
			return refused(ctx, l, err, first, n)
		}
		first, n = first+n, 0
		return nil
	}
	for record, ok := rows.next(); ok; record, ok = rows.next() {
		before := len(text)
		if n > 0 {
			text = append(text, ',')
		}
		at := len(text)
		text = rows.appendTuple(text, record)
		if n > 0 && len(text) > min(insertBytes, limit) {
			row := text[at:]
			if err := send(text[:before]); err != nil {
				return err
			}
			text = append(text[:len(head)], row...)
		}
		if len(text) > limit {
			return &rowError{first, fmt.Errorf("a row of %d bytes, which is more than the max_allowed_packet of %d: %w", len(text)-len(head), packet, mysql.ErrPktTooLarge)}
		}
		n++
	}
	if n == 0 {
		return nil
	}
	return send(text)
}

// A rowError is an error for one of the rows of a Part.
type rowError struct {
	row int // from 0
	err error
}

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

// refused says which row an error of an INSERT is for, if the server tells: n rows from first on were to be inserted.
func refused(ctx context.Context, l link, err error, first, n int) error {
	if !explain(err).Data {
		return err
	}
	row := 0
	// MariaDB knows the row of every error since 10.7; elsewhere this fails, and the message has it for some.
	if _, e := l.ExecContext(ctx, "GET DIAGNOSTICS CONDITION 1 @sluice_row = ROW_NUMBER", nil); e == nil {
		if told, e := ask(ctx, l, "SELECT @sluice_row"); e == nil {
			row, _ = strconv.Atoi(told[0][0])
		}
	}
	if m := atRow.FindStringSubmatch(err.Error()); row == 0 && m != nil {
		row, _ = strconv.Atoi(m[1])
	}
	if n == 1 {
		row = 1
	}
	if row < 1 || row > n {
		return err
	}
	return &rowError{first + row - 1, err}
}

// rows gives the records of a Part. It is the reader of what LOAD DATA reads: a line for each.
type rows struct {
	part   *sqlsink.Part
	fields int // of a record; what the part adds follows
	at     int // the next record
	count  int64

	buf  []byte
	sent int // of buf
}

func rowsOf(p *sqlsink.Part) *rows {
	return &rows{part: p, fields: len(p.Batch.Header()), at: p.From}
}

// next gives the next record, if there is one.
func (r *rows) next() (record ingest.Record, ok bool) {
	if r.at == r.part.To {
		return ingest.Record{}, false
	}
	r.at++
	r.count++
	return r.part.Batch.Record(r.at - 1), true
}

// Read gives the records as lines, see appendLine.
func (r *rows) Read(into []byte) (int, error) {
	if r.sent == len(r.buf) {
		r.buf, r.sent = slices.Grow(r.buf[:0], len(into)), 0
		for len(r.buf) < len(into) {
			record, ok := r.next()
			if !ok {
				break
			}
			r.buf = r.appendLine(r.buf, record)
		}
		if len(r.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(into, r.buf[r.sent:])
	r.sent += n
	return n, nil
}

// appendLine appends a record as LOAD DATA reads it: its fields with tabs between them and a line feed behind the last
// one, \N for one without a value, and a backslash before what would mean something.
func (r *rows) appendLine(dst []byte, record ingest.Record) []byte {
	for c := range r.fields {
		if record.Null(c) {
			dst = append(dst, "\\N\t"...)
			continue
		}
		dst = append(appendEscaped(dst, record.Field(c), &inFile), '\t')
	}
	if r.part.Run {
		dst = append(appendEscaped(dst, r.part.Batch.Found().Run, &inFile), '\t')
	}
	if r.part.Offset {
		dst = append(strconv.AppendInt(dst, record.Position().Offset, 10), '\t')
	}
	dst[len(dst)-1] = '\n'
	return dst
}

// appendTuple appends a record as INSERT takes it.
func (r *rows) appendTuple(dst []byte, record ingest.Record) []byte {
	dst = append(dst, '(')
	for c := range r.fields {
		if record.Null(c) {
			dst = append(dst, "NULL,"...)
			continue
		}
		dst = appendText(dst, record.Field(c))
	}
	if r.part.Run {
		dst = appendText(dst, r.part.Batch.Found().Run)
	}
	if r.part.Offset {
		dst = append(strconv.AppendInt(dst, record.Position().Offset, 10), ',')
	}
	dst[len(dst)-1] = ')'
	return dst
}

// appendText appends a text in SQL and a comma.
func appendText(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '\''), s, &inText), "',"...)
}

// text gives a text in SQL.
func text(s string) string { return strings.TrimSuffix(string(appendText(nil, s)), ",") }

// An escapes says which bytes are written as a backslash and another byte. All are ASCII: a byte of a character of UTF-8
// is never one of them.
type escapes [256]byte

var (
	inFile = escapes{'\\': '\\', '\t': 't', '\n': 'n', 0: '0'} // of LOAD DATA
	inText = escapes{'\\': '\\', '\'': '\'', 0: '0'}           // of a text in SQL
)

func appendEscaped(dst []byte, s string, e *escapes) []byte {
	from := 0
	for i := range len(s) {
		if c := e[s[i]]; c != 0 {
			dst = append(append(dst, s[from:i]...), '\\', c)
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}
