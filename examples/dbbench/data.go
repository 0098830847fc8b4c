package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// A kind is a type of column, with what a database calls it.
type kind int

const (
	bigint  kind = iota
	integer      // of 32 bits
	decimal      // with two digits behind the point
	double
	date
	text
	kinds
)

// A column is one of a table.
type column struct {
	name string
	kind kind
}

// A shape is a kind of table. The first column is id, a bigint, and one is amount, a decimal: what is in a table is
// checked by their sums.
type shape struct {
	name    string
	columns []column
}

var shapes = []*shape{
	{"narrow", []column{{"id", bigint}, {"name", text}, {"amount", decimal}, {"quantity", integer}, {"day", date}, {"code", text}}},
	{"wide", wideColumns()},
}

// wideColumns are 60: numbers and short texts.
func wideColumns() []column {
	columns := []column{{"id", bigint}, {"amount", decimal}}
	for i, each := 0, []kind{text, double, integer, text, decimal, date}; len(columns) < 60; i++ {
		columns = append(columns, column{fmt.Sprintf("c%d", i+1), each[i%len(each)]})
	}
	return columns
}

// names gives the names of the columns.
func (s *shape) names() []string {
	names := make([]string, len(s.columns))
	for i, c := range s.columns {
		names[i] = c.name
	}
	return names
}

// create gives the statement that makes the table, in the words of a database.
func (s *shape) create(table string, types [kinds]string) string {
	columns := make([]string, len(s.columns))
	for i, c := range s.columns {
		columns[i] = c.name + " " + types[c.kind]
	}
	return "CREATE TABLE " + table + " (" + strings.Join(columns, ", ") + ")"
}

// A content is what is in a file, and has to be in a table.
type content struct {
	Rows  int64 // records below the header
	IDs   int64 // the sum of all ids
	Cents int64 // the sum of all amounts
}

// query asks a table for its content.
func query(table string) string {
	return "SELECT count(*), coalesce(sum(id), 0), coalesce(round(sum(amount) * 100), 0) FROM " + table
}

// A file is one of delimited text, with a header row, commas and LF.
type file struct {
	shape *shape
	path  string
	size  int64 // bytes
	content
}

// write makes a file of about size bytes. It is the same for the same seed.
func (s *shape) write(path string, seed uint64, size int64) (*file, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	row := []byte(strings.Join(s.names(), ",") + "\n")
	made := &file{shape: s, path: path}
	random := rand.New(rand.NewPCG(seed, 0))
	for {
		n, err := w.Write(row)
		if err != nil {
			return nil, err
		}
		if made.size += int64(n); made.size >= size {
			break
		}
		made.Rows++
		made.IDs += made.Rows
		row = row[:0]
		for _, c := range s.columns {
			switch c.name {
			case "id":
				row = strconv.AppendInt(row, made.Rows, 10)
			case "amount":
				cents := random.Int64N(1_000_000)
				made.Cents += cents
				row = appendCents(row, cents)
			default:
				row = c.kind.appendTo(row, random)
			}
			row = append(row, ',')
		}
		row[len(row)-1] = '\n'
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return made, f.Close()
}

var (
	words    = strings.Fields("amber Basel cargo delta ember Fjord grain harbour island Jasmin kettle lantern meadow Nordsee orchard pepper quartz river Straße timber umber velvet winter Zürich")
	firstDay = time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
)

// appendTo appends a value.
func (k kind) appendTo(row []byte, r *rand.Rand) []byte {
	switch k {
	case bigint:
		return strconv.AppendInt(row, r.Int64N(1e12), 10)
	case integer:
		return strconv.AppendInt(row, r.Int64N(1000), 10)
	case decimal:
		return appendCents(row, r.Int64N(1_000_000))
	case double:
		return strconv.AppendFloat(row, r.NormFloat64()*1000, 'f', 4, 64)
	case date:
		return firstDay.AddDate(0, 0, r.IntN(2500)).AppendFormat(row, time.DateOnly)
	default:
		row = append(row, words[r.IntN(len(words))]...)
		row = append(row, ' ')
		return strconv.AppendInt(row, r.Int64N(10_000), 10)
	}
}

func appendCents(row []byte, cents int64) []byte {
	row = strconv.AppendInt(row, cents/100, 10)
	return append(row, '.', byte('0'+cents/10%10), byte('0'+cents%10))
}
