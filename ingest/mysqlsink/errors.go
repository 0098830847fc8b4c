package mysqlsink

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// Explain says what an error of the server or the driver means.
func (*database) Explain(err error) sqlsink.Problem { return explain(err) }

// explain tells errors by their number, and those of a record's values by the class of their SQLSTATE as well.
func explain(err error) sqlsink.Problem {
	p := sqlsink.Problem{Row: -1}
	var row *rowError
	if errors.As(err, &row) {
		p.Row = row.row
	}
	var e *mysql.MySQLError
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return p
	case errors.As(err, &e):
	case errors.Is(err, mysql.ErrPktTooLarge):
		p.Data, p.Code = true, "1153"
		return p
	default:
		p.Lost = lost(err)
		p.Transient = p.Lost
		return p
	}
	p.Code = strconv.Itoa(int(e.Number))
	switch e.Number {
	case 1213, 3058, // deadlock, of locks by name
		1205, // lock wait timeout
		1020, // the record has changed since it was read
		1412: // the table has changed
		p.AtOnce = true
	case 1053, // shutdown
		1077, 1079, // shutdown
		1158, 1159, 1160, 1161, // the network fails
		1317, 1927, // the statement was interrupted, the connection killed: by a shutdown, for one
		2006, 2013: // what proxies say of a server that is gone
		p.Transient, p.Lost = true, true
	case 1040, 1203, 1226, // too many connections; of the user; the user has used up something
		1021, 1114, // disk full, table full
		1041, // out of memory
		1047: // a node that is not ready
		p.Transient = true
	case 1030: // an error of a storage engine, by its errno
		p.Transient = strings.Contains(e.Message, "error 28 ") // no space left on device
	case 1290, 1836: // an option forbids it, which may be that the server is read only, as one is before it takes over
		p.Transient = strings.Contains(e.Message, "read-only") || strings.Contains(e.Message, "read only")
		p.Lost = p.Transient // the next connection may lead to another server
	case 1118, // the row is too long
		1265,       // data truncated
		1300,       // no character of the character set
		1366,       // no value of the type
		1369,       // the check of a view
		1411,       // no value for the function
		1526,       // no partition for it
		1644,       // a trigger, whatever its SQLSTATE
		3819, 4025: // a check
		p.Data = true
	case 167: // AUTO_INCREMENT has no number left, whatever the record
	default:
		switch class := string(e.SQLState[:2]); class {
		case "22", "23", "45": // data exception, integrity constraint violation, the condition of a trigger
			p.Data = true
		}
	}
	if p.Data {
		p.Column = column(e.Message)
	} else {
		p.Row = -1
	}
	return p
}

// lost says that an error is one of the connection.
func lost(err error) bool {
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.As(err, &network) || err != nil && err.Error() == nothingSent
}

// nothingSent is what the driver says where a connection breaks while it is being made. It does not export that error.
const nothingSent = "bad connection"

// Where messages name the row and the column. Values stand before them, never behind.
var (
	atRow   = regexp.MustCompile(` at row (\d+)$`)
	columns = []*regexp.Regexp{
		regexp.MustCompile(`^Column '(.+)' cannot be null$`),
		regexp.MustCompile(`.* column '(.+)' at row \d+$`),
		regexp.MustCompile(".* column `.+`\\.`.+`\\.`(.+)` at row \\d+$"),
		regexp.MustCompile("^CONSTRAINT `[^`]+\\.([^`.]+)` failed for "),
		regexp.MustCompile(" FOREIGN KEY \\(`([^`]+)`\\) REFERENCES "),
	}
)

// column gives the column that a message names, "" if there is none.
func column(message string) string {
	for _, c := range columns {
		if m := c.FindStringSubmatch(message); m != nil {
			return m[1]
		}
	}
	return ""
}
