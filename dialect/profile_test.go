package dialect

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

const orders = `id,day,code,customer,amount,note
1,2024-01-05,AB-1234,Ann Lee,12.50,
2,2024-01-06,CD-5678,Bob Fox,7.00,late
3,2024-01-07,EF-9012,"Roe, Carla",101.25,
4,2024-01-08,GH-3456,Dmitri Novak,N/A,
5,2024-01-09,IJ-7890,Eve Ito,3.75,"two, then one"
6,2024-01-10,KL-2345,Gus Dubois,88.00,
7,2024-01-11,MN-6789,Hana Rossi,45.10,`

func learnOrders() *Profile { return Learn([]byte(orders+"\n"), plain(","), 6) }

// cellsOf cuts a row that needs no quotes.
func cellsOf(row string) (cells [][]byte) {
	for c := range strings.SplitSeq(row, ",") {
		cells = append(cells, []byte(c))
	}
	return cells
}

func TestFits(t *testing.T) {
	p := learnOrders()
	for row, want := range map[string]bool{
		"8,2024-01-12,OP-1111,Ivo Lee,5.00,":        true,
		"8,2024-01-12,OP-1111,Ivo Lee,,":            true, // some amounts are missing
		"8,2024-01-12,OP-1111,Ivo Lee,unknown,":     true,
		"8,2024-01-12,OP-1111,Ivo Lee,5,early":      true,
		"8,2024-01-12,OP-1111,Ivo Lee,five,":        false,
		"8,,OP-1111,Ivo Lee,5.00,":                  false, // no day is
		"8,n/a,OP-1111,Ivo Lee,5.00,":               false,
		"8,2024-01-12,OP-111,Ivo Lee,5.00,":         false,
		"8,2024-01-12,OP-1111,5.00,Ivo Lee,":        false,
		"8,2024-01-12,OP-1111,2024-01-12,5.00,":     false, // a text column without dates
		"8,2024-01-12,OP-1111,Ivo Lee,5.00":         false,
		"8,2024-01-12,OP-1111,Ivo Lee,5.00,,":       false,
		"id,day,code,customer,amount,note":          false,
		"2024-01-12,OP-1111,Ivo Lee,5.00,early,yes": false,
	} {
		assert.Equal(t, want, p.Fits(cellsOf(row)), row)
	}
}

func TestHeading(t *testing.T) {
	p := learnOrders()
	for row, want := range map[string]bool{
		"id,day,code,customer,amount,note":        true,
		"id,day,code,customer,amount,note,extra":  true,
		"id,day,code,customer":                    true,
		"No.,Date,Item code,Name,,Remark":         true,
		"Nr,Tag,Schlüssel,Kunde,Betrag,Bemerkung": true,
		"id,day":                                    true,
		"8,2024-01-12,OP-1111,Ivo Lee,5.00,":        false,
		"8,N/A,unknown,Ivo Lee,-,":                  false,
		"id,id,id,id,id,id":                         false,
		"id,day,code,customer,7.00,note":            false,
		"2024-01-12,OP-1111,Ivo Lee,5.00,early,yes": false, // a row whose first cell was lost
		"82024-01-12,OP-1111,Ivo Lee,5.00,":         false, // or has no delimiter behind it
		",,,,,":                                     false,
		"id":                                        false,
		",,,customer,,note":                         false,
		"The table goes on here,2024-01-12,,,,":     false,
		"OP-1111,Ivo Lee":                           false,
		"x,7.00,12.50,101.25":                       false,
		"region,2019,2020,2021":                     false, // years are names, but numbers too
		"id,day,code,customer,amount,https://example.com/a": false,
	} {
		assert.Equal(t, want, p.Heading(cellsOf(row)), row)
	}
	texts := Learn([]byte("a,b\nwool,coat\nsoft,cap\nlong,scarf\n"), plain(","), 2)
	assert.False(t, texts.Heading(cellsOf("a,b")), "nothing tells it from data")
}

func TestTotals(t *testing.T) {
	p := learnOrders()
	for row, want := range map[string]bool{
		"Total,,,,257.60,":                         true,
		"TOTAL:,,,,257.60,":                        true,
		"Grand total,,,,257.60,":                   true,
		"Summe,,,,257.60,":                         true,
		"Gesamtsumme:,,,,257.60,":                  true,
		"Итого,,,,257.60,":                         true,
		"合計,,,,257.60,":                            true,
		",,,Razem,257.60,":                         true,
		"7,,,összesen,257.60,":                     true,
		"Total 2024,,,,257.60,":                    true,
		"8,2024-01-12,OP-1111,Total Energies,5.0,": false,
		"8,2024-01-12,OP-1111,Summer Ltd,5.0,":     false,
		"Totally,,,,257.60,":                       false,
		"8,2024-01-12,OP-1111,Ivo Lee,5.00,total":  false,
		",,,,257.60,":                              false,
		"":                                         false,
	} {
		assert.Equal(t, want, p.Totals(cellsOf(row)), row)
	}
}

func TestLearnStepsOverWhatIsNoData(t *testing.T) {
	data := "1,2024-01-05\n2,2024-01-06\n3,2024-01-07\n4,2024-01-08\n"
	for _, test := range []struct {
		name, sample string
		change       func(*Dialect)
	}{
		{"header", "id,day\n" + data, func(d *Dialect) {}},
		{"no header", data, func(d *Dialect) { d.HeaderRows = NoHeader }},
		{"two header rows", "id,day\nno,date\n" + data, func(d *Dialect) { d.HeaderRows = 2 }},
		{"preamble", "all orders, ever\n\n\"quoted,\nid,day\n" + data, func(d *Dialect) { d.Preamble = 3 }},
		{"comments", "# x,y\nid,day\n# z,z\n" + data, func(d *Dialect) { d.Comment = "#" }},
		{"rows that do not fit", "id,day\n" + data + "a,b,c\nd\n" + data, func(d *Dialect) {}},
		{"cut", "id,day\n" + data + "5,20", func(d *Dialect) {}},
		{"CR", "id,day\r" + strings.ReplaceAll(data, "\n", "\r"), func(d *Dialect) { d.LineEnding = CR }},
		{"CR LF", "title\r\nid,day\r\n" + strings.ReplaceAll(data, "\n", "\r\n"), func(d *Dialect) { d.LineEnding, d.Preamble = CRLF, 1 }},
		{"preamble without end", "id,day", func(d *Dialect) { d.Preamble = 5 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := plain(",")
			test.change(&d)
			p := Learn([]byte(test.sample), d, 2)
			assert.Equal(t, len(test.sample) > 10, p.Heading(cellsOf("id,day")))
			assert.True(t, p.Fits(cellsOf("9,2024-02-01")))
		})
	}
}

func TestLearnManyColumns(t *testing.T) {
	row := strings.Repeat("1,", 16383) + "1"
	p := Learn([]byte("c"+row[1:]+"\n"+strings.Repeat(row+"\n", 4)), plain(","), 16384)
	assert.True(t, p.Fits(cellsOf(row)))
	assert.False(t, p.Fits(cellsOf("x"+row[1:])))
	assert.True(t, p.Fits(cellsOf(row[:len(row)-1]+"x")), "beyond what is looked at")
}

func TestProfileIsShared(t *testing.T) {
	sample := []byte(orders + "\n")
	p := Learn(sample, plain(","), 6)
	clear(sample)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 50 {
				got, ok := p.Repair(fmt.Appendf(nil, "%d,2024-01-%02d,,OP-1111,Ivo Lee,5.00,", n, 10+i))
				assert.True(t, ok)
				assert.Equal(t, RepairDropped, got.Kind)
				assert.True(t, p.Heading(cellsOf("id,day,code,customer,amount,note")))
			}
		})
	}
	wg.Wait()
}

func TestShapes(t *testing.T) {
	exact := func(s string) shape { e, _ := shapes([]byte(s)); return e }
	coarse := func(s string) shape { _, c := shapes([]byte(s)); return c }
	assert.Equal(t, exact("AB-1234"), exact("XY-9876"))
	assert.NotEqual(t, exact("AB-1234"), exact("AB-123"))
	assert.Equal(t, coarse("AB-1234"), coarse("A-12"))
	assert.NotEqual(t, coarse("AB-1234"), coarse("AB/1234"))
	assert.True(t, exact("AB-1234").code())
	assert.False(t, exact("1234").code())
	assert.False(t, exact("AB").code())
}
