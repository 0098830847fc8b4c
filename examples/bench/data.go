package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// A shape is a kind of table. All have a header row, commas and LF.
type shape struct {
	name      string
	columns   []string
	row       func(b []byte, g *generator) []byte // appends a row, without its line end
	charset   encoding.Encoding                   // nil: UTF-8
	multiline bool                                // line ends within fields
}

var (
	orders   = strings.Split("id,name,amount,date,currency,state", ",")
	articles = strings.Split("id,name,address,text,amount,state", ",")
	contacts = strings.Split("id,name,company,phone,amount,date,note,state", ",")
	readings = numbered("sensor", 60)
	utf16    = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
)

// shapes are the four that all engines are compared on, and two that need to be decoded.
var shapes = []*shape{
	{name: "narrow", columns: orders, row: narrow(plainNames)},
	{name: "quoted", columns: articles, row: quoted},
	{name: "wide", columns: readings, row: wide},
	{name: "mixed", columns: contacts, row: mixed, multiline: true},
	{name: "narrow-1252", columns: orders, row: narrow(latinNames), charset: charmap.Windows1252},
	{name: "narrow-utf16", columns: orders, row: narrow(latinNames), charset: utf16},
}

// write makes a file of about size bytes. It is the same for the same seed.
func (s *shape) write(path string, seed uint64, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	file := &counter{w: f}
	var encoded io.Writer = file
	if s.charset != nil {
		encoded = transform.NewWriter(file, s.charset.NewEncoder())
	}
	w := bufio.NewWriter(encoded)
	fmt.Fprintln(w, strings.Join(s.columns, ","))
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	for row := []byte(nil); file.n < size; {
		row = append(s.row(row[:0], g), '\n')
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync() // so that nothing is written back while the engines read
}

// A counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// A generator makes cells.
type generator struct {
	*rand.Rand
	row int
}

// id gives the numbers of the rows, with seven digits.
func (g *generator) id() int {
	g.row++
	return 1_000_000 + g.row%9_000_000
}

func (g *generator) pick(from []string) string { return from[g.IntN(len(from))] }

// name gives a first and a last name.
func (g *generator) name(from names) string { return g.pick(from.first) + " " + g.pick(from.last) }

// text gives a text of min to max words.
func (g *generator) text(min, max int) string {
	t := make([]string, min+g.IntN(max-min+1))
	for i := range t {
		t[i] = g.pick(words)
	}
	return strings.Join(t, " ")
}

// decimal appends a number below max with some digits behind the point.
func (g *generator) decimal(b []byte, max float64, digits int) []byte {
	return strconv.AppendFloat(b, g.Float64()*max, 'f', digits, 64)
}

func (g *generator) date(b []byte) []byte {
	return fmt.Appendf(b, "20%02d-%02d-%02d", 15+g.IntN(11), 1+g.IntN(12), 1+g.IntN(28))
}

// narrow makes rows of six short fields without quotes, some seven bytes each.
func narrow(from names) func([]byte, *generator) []byte {
	return func(b []byte, g *generator) []byte {
		b = fmt.Appendf(b, "%d,%s,", g.id(), g.name(from))
		b = append(g.decimal(b, 2000, 2), ',')
		b = append(g.date(b), ',')
		return fmt.Appendf(b, "%s,%s", g.pick(currencies), g.pick(states))
	}
}

// quoted makes rows of six fields, all in quotes, some with commas in them.
func quoted(b []byte, g *generator) []byte {
	b = fmt.Appendf(b, `"%d","%s, %s",`, g.id(), g.pick(plainNames.last), g.pick(plainNames.first))
	b = fmt.Appendf(b, `"%d %s, %s",`, 1+g.IntN(200), g.pick(streets), g.pick(cities))
	b = fmt.Appendf(b, `"%s`, g.text(2, 7))
	if g.IntN(3) == 0 {
		b = append(b, ", "+g.text(1, 4)...)
	}
	b = append(g.decimal(append(b, `","`...), 2000, 2), `","`...)
	return append(append(b, g.pick(states)...), '"')
}

// wide makes rows of sixty numbers.
func wide(b []byte, g *generator) []byte {
	for i := range readings {
		if i > 0 {
			b = append(b, ',')
		}
		switch i % 4 {
		case 0:
			b = strconv.AppendInt(b, g.Int64N(1000), 10)
		case 3:
			b = g.decimal(b, 1000, 3)
		default:
			b = g.decimal(b, 100, 2)
		}
	}
	return b
}

// mixed makes rows in which a tenth of the fields are quoted, since they need to be: for a comma, a line end or
// a quote. Some names have letters beyond ASCII, in UTF-8.
func mixed(b []byte, g *generator) []byte {
	from := plainNames
	if g.IntN(8) == 0 {
		from = latinNames
	}
	b = fmt.Appendf(b, "%d,%s,", g.id(), g.name(from))
	switch last := g.pick(from.last); g.IntN(5) {
	case 0, 1:
		b = fmt.Appendf(b, `"%s, %s & Co",`, last, g.pick(from.last))
	default:
		b = fmt.Appendf(b, "%s Ltd,", last)
	}
	b = fmt.Appendf(b, "+44 20 %04d %04d,", g.IntN(10_000), g.IntN(10_000))
	b = append(g.decimal(b, 2000, 2), ',')
	b = append(g.date(b), ',')
	switch note := g.text(2, 8); g.IntN(10) {
	case 0, 1:
		b = fmt.Appendf(b, `"%s, %s",`, note, g.text(1, 4))
	case 2:
		b = fmt.Appendf(b, "\"%s\n%s\",", note, g.text(2, 8))
	case 3:
		b = fmt.Appendf(b, `"%s ""%s"" %s",`, note, g.pick(words), g.text(1, 4))
	case 4, 5, 6:
		b = append(b, ',')
	default:
		b = fmt.Appendf(b, "%s,", note)
	}
	return append(b, g.pick(states)...)
}

func numbered(name string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s_%02d", name, i+1)
	}
	return list
}

type names struct{ first, last []string }

var (
	plainNames = names{
		first: strings.Fields("Anna Ben Carla David Emma Frank Grace Henry Iris James Kate Leo Maria Nina Oscar Paula Robert Sarah Tom Vera"),
		last:  strings.Fields("Adams Baker Clark Davis Evans Fisher Green Harris Irving Jones Keller Lewis Morgan Nolan Owen Parker Quinn Reed Smith Turner Walsh Young"),
	}
	latinNames = names{
		first: strings.Fields("Anna Ben Carla David Emma Frank Grace Hélène Iris Jörg Kate Leo Maria Nina Oscar René Robert Sarah Tom Zoë"),
		last:  strings.Fields("Adams Baker Clark Davis Evans Fischer Grün Harris Jäger Jones Keller Lewis Müller Nolan Owen Peña Quinn Reed Schröder Turner Weiß Young"),
	}
	currencies = strings.Fields("EUR USD GBP CHF")
	states     = strings.Fields("open paid sent late closed")
	streets    = []string{"Mill Lane", "High Street", "Station Road", "Church Street", "Park Avenue", "Queens Road", "Victoria Street"}
	cities     = strings.Fields("London Bristol Leeds York Dublin Cardiff Glasgow Oxford Bath Norwich")
	words      = strings.Fields("blue paper box of twelve large folders for the office with label and a spare lid packed in two delivered on Monday order as agreed small")
)
