package dialect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A maker of rows with words and numbers that nobody chose.
type maker struct{ *rand.Rand }

func (m maker) of(list ...string) string { return list[m.IntN(len(list))] }
func (m maker) word() string {
	return m.of("harbour", "lamp", "Quince", "oat", "saddle", "river", "Tin", "copper", "anchor", "velvet", "MOSS", "gravel", "tulip", "zinc")
}
func (m maker) name() string {
	return m.of("Ida", "Omar", "Lin", "Jörn", "Pía", "Sven", "Noor") + " " + m.of("Vance", "Okoye", "Brandt", "de Wit", "Núñez", "O'Hara")
}
func (m maker) words(n int) string {
	var list []string
	for range n {
		list = append(list, m.word())
	}
	return strings.Join(list, " ")
}
func (m maker) decimal(point string) string {
	return fmt.Sprintf("%d%s%02d", m.IntN(900), point, m.IntN(100))
}
func (m maker) clock() string {
	return fmt.Sprintf("%02d:%02d:%02d", m.IntN(24), m.IntN(60), m.IntN(60))
}
func (m maker) date() string {
	return fmt.Sprintf("%d-%02d-%02d", 1990+m.IntN(40), 1+m.IntN(12), 1+m.IntN(28))
}
func (m maker) address() string {
	return fmt.Sprintf("%d %s Road, %s%s, %sNorth %s", 1+m.IntN(99), m.word(), m.of("", "", "Flat 3, "), m.word(), m.of("", "", "Old Town, "), m.word())
}

// Tables made to mislead: the right dialect, or, where nothing in the file tells it, a low confidence.
func TestAdversaries(t *testing.T) {
	type row func(m maker, i int) string
	for _, test := range []struct {
		name       string
		head, tail string
		rows       int
		row        row
		want       Dialect // zero fields are not asked
		unsure     bool    // nothing tells the dialect
	}{
		{name: "one record", row: func(m maker, i int) string { return "17;" + m.word() + "|" + m.word() + "," + m.word() }, rows: 1, unsure: true},
		{name: "one record without delimiters", row: func(m maker, i int) string { return m.word() }, rows: 1, unsure: true},
		{name: "header only", head: "plot;owner;area\n", unsure: true},
		{name: "more pipes than commas", head: "sku,labels,stock\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%d,%s,%d", i, strings.ReplaceAll(m.words(2+m.IntN(6)), " ", "|"), m.IntN(90))
		}, want: Dialect{Delimiter: ","}},
		{name: "decimal commas", head: "Pos;Netto;Brutto\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d;%s;%s", i, m.decimal(","), m.decimal(","))
		}, want: Dialect{Delimiter: ";"}},
		{name: "decimal commas in every field", rows: 30, row: func(m maker, i int) string {
			return m.decimal(",") + ";" + m.decimal(",") + ";" + m.decimal(",")
		}, want: Dialect{Delimiter: ";"}},
		{name: "decimal commas between TABs", head: "x\ty\n", rows: 30, row: func(m maker, i int) string {
			return m.decimal(",") + "\t" + m.decimal(",")
		}, want: Dialect{Delimiter: "\t"}},
		{name: "long preamble", head: strings.Repeat("Survey of the northern plots, second round; see the notes: part 3\n", 13) + "\nplot\towner\tarea\n", rows: 20, row: func(m maker, i int) string {
			return fmt.Sprintf("%d\t%s\t%s", i, m.name(), m.decimal("."))
		}, want: Dialect{Delimiter: "\t", Preamble: 14, HeaderRows: 1}},
		{name: "long preamble of settings", head: "device = probe 7\nrate = 250, 500\nunit = mV\nrange = -5, 5\nfilter = none\ngain = 12\noffset = 0.5\nstart = 2031-04-05\nend = 2031-04-06\noperator = N. N.\nsite = shed, north\nnote =\n\nt,u,i\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%d,%s,%s", i, m.decimal("."), m.decimal("."))
		}, want: Dialect{Delimiter: ",", Preamble: 13, HeaderRows: 1}},
		{name: "late quotes", head: "id,remark,n\n", rows: 2400, row: func(m maker, i int) string {
			if i > 2000 && i%9 == 0 {
				return fmt.Sprintf("%d,\"%s, %s\",%d", i, m.word(), m.words(2), m.IntN(9))
			}
			return fmt.Sprintf("%d,%s,%d", i, m.words(2), m.IntN(9))
		}, want: Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled}},
		{name: "late single quotes", head: "id,remark,n\n", rows: 2400, row: func(m maker, i int) string {
			if i > 2000 && i%3 == 0 {
				return fmt.Sprintf("%d,'%s, %s',%d", i, m.word(), m.words(2), m.IntN(9))
			}
			return fmt.Sprintf("%d,%s,%d", i, m.words(2), m.IntN(9))
		}, want: Dialect{Delimiter: ",", Quote: "'"}},
		{name: "one column of words", head: "thing\n", rows: 30, row: func(m maker, i int) string { return m.word() }, unsure: true},
		{name: "one column of numbers", rows: 30, row: func(m maker, i int) string { return fmt.Sprint(m.IntN(1e6)) }, unsure: true},
		{name: "one column of text", head: "remark\n", rows: 30, row: func(m maker, i int) string {
			return m.words(1+m.IntN(4)) + m.of(", ", "; ", " - ", ": ") + m.words(1+m.IntN(5)) + m.of(".", "!", "?", "")
		}, unsure: true},
		{name: "one column of decimal commas", head: "net\n", rows: 30, row: func(m maker, i int) string { return m.decimal(",") }, unsure: true},
		{name: "two columns of numbers", head: "x,y\n", rows: 30, row: func(m maker, i int) string { return m.decimal(",") }, want: Dialect{Delimiter: ",", HeaderRows: 1}},
		{name: "key=value between TABs", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%s=%d\t%s=%s", m.word(), m.IntN(9), m.word(), m.date())
		}, want: Dialect{Delimiter: "\t"}},
		{name: "queries between commas", head: "page,hits\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("https://example.net/%s?a=%d&b=%s,%d", m.word(), m.IntN(9), m.word(), m.IntN(900))
		}, want: Dialect{Delimiter: ","}},
		{name: "one column of dates", rows: 30, row: func(m maker, i int) string { return m.date() }, unsure: true},
		{name: "one column of moments", rows: 30, row: func(m maker, i int) string { return m.date() + " " + m.clock() }, unsure: true},
		{name: "ragged tails", head: "id;a;b;c;d\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%d;%s", i, strings.Join([]string{m.word(), m.decimal(","), m.date(), m.name()}[:1+m.IntN(4)], ";"))
		}, want: Dialect{Delimiter: ";"}},
		{name: "addresses between semicolons", head: "id;where;n\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%d;%s;%d", i, m.address(), m.IntN(9))
		}, want: Dialect{Delimiter: ";"}},
		{name: "addresses between TABs", head: "id\twhere\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%d\t%s", i, m.address())
		}, want: Dialect{Delimiter: "\t"}},
		{name: "addresses between pipes, no header", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%s|%s", m.name(), m.address())
		}, want: Dialect{Delimiter: "|"}},
		{name: "times", head: "from,to\n", rows: 40, row: func(m maker, i int) string { return m.clock() + "," + m.clock() }, want: Dialect{Delimiter: ","}},
		{name: "times between semicolons", rows: 40, row: func(m maker, i int) string {
			return m.clock() + ";" + m.clock() + ";" + m.word()
		}, want: Dialect{Delimiter: ";"}},
		{name: "one column of times", rows: 40, row: func(m maker, i int) string { return m.clock() }, unsure: true},
		{name: "log lines", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%sT%sZ %s [%s] %s: %s=%d", m.date(), m.clock(), m.of("INFO", "WARN", "ERROR"), m.word(), m.words(1+m.IntN(7)), m.word(), m.IntN(100))
		}, unsure: true},
		{name: "log lines in a table", head: "at,level,message\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%s %s,%s,[%s] %s: took %d ms; retry=%d", m.date(), m.clock(), m.of("INFO", "WARN", "ERROR"), m.word(), m.words(1+m.IntN(4)), m.IntN(100), m.IntN(3))
		}, want: Dialect{Delimiter: ","}},
		{name: "URLs", head: "page;hits\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("https://example.net/%s/%s?a=%d&b=%d,%d#%s;%d", m.word(), m.word(), m.IntN(9), m.IntN(9), m.IntN(9), m.word(), m.IntN(1000))
		}, want: Dialect{Delimiter: ";"}},
		{name: "one column of URLs", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("https://example.net/%s/%s?a=%d&b=%d", m.word(), m.word(), m.IntN(9), m.IntN(9))
		}, unsure: true},
		{name: "pairs between semicolons", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%s=%d;%s=%s;%s=%s", m.word(), m.IntN(9), m.word(), m.word(), m.word(), m.decimal("."))
		}, want: Dialect{Delimiter: ";"}},
		{name: "spaces in a run", head: "stn     temp   wind\n", rows: 40, row: func(m maker, i int) string {
			return fmt.Sprintf("%-8s%-7s%d", fmt.Sprint("S", i), m.decimal("."), m.IntN(40))
		}, want: Dialect{Delimiter: " ", SkipSpace: On}},
		{name: "two pipes", head: "id||name||sum\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d||%s||%s", i, m.name(), m.decimal("."))
		}, want: Dialect{Delimiter: "||"}},
		{name: "two colons", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d::%s::%s", i, m.name(), m.decimal("."))
		}, want: Dialect{Delimiter: "::"}},
		{name: "two colons and times", head: "id::at::who\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d::%s::%s", i, m.date(), m.name())
		}, want: Dialect{Delimiter: "::"}},
		{name: "start of heading", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d\x01%s\x01%s", i, m.address(), m.decimal(","))
		}, want: Dialect{Delimiter: "\x01"}},
		{name: "unit separator", head: "id\x1fwhere\x1fsum\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d\x1f%s\x1f%s", i, m.address(), m.decimal(","))
		}, want: Dialect{Delimiter: "\x1f"}},
		{name: "typographic quotes", head: "id,what,n\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d,“%s, %s”,%d", i, m.word(), m.words(2), m.IntN(9))
		}, want: Dialect{Delimiter: ",", Quote: "“”"}},
		{name: "typographic quotes in text", head: "id;what;n\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d;%s “%s” %s;%d", i, m.word(), m.words(1), m.words(2), m.IntN(9))
		}, want: Dialect{Delimiter: ";", Quote: `"`}},
		{name: "JSON, doubled quotes", head: "id,data\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf(`%d,"{""%s"": %d, ""%s"": [%d, %d]}"`, i, m.word(), m.IntN(9), m.word(), m.IntN(9), m.IntN(9))
		}, want: Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled}},
		{name: "JSON, backslashes", head: "id,data\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf(`%d,"{\"%s\": %d, \"%s\": [%d, %d]}"`, i, m.word(), m.IntN(9), m.word(), m.IntN(9), m.IntN(9))
		}, want: Dialect{Delimiter: ",", Quote: `"`, Escape: `\`}},
		{name: "JSON, bare", head: "id\tdata\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d\t{\"%s\": %d, \"%s\": [%d, %d]}", i, m.word(), m.IntN(9), m.word(), m.IntN(9), m.IntN(9))
		}, want: Dialect{Delimiter: "\t"}},
		{name: "JSON, bare, between semicolons", head: "id;data\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d;{\"%s\": %d, \"%s\": [%d, %d]}", i, m.word(), m.IntN(9), m.word(), m.IntN(9), m.IntN(9))
		}, want: Dialect{Delimiter: ";"}},
		{name: "semicolon comments", head: "; written by the probe; do not edit\n; second run\nt,u\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d,%s", i, m.decimal("."))
		}, want: Dialect{Delimiter: ",", Comment: ";", Preamble: 2}},
		{name: "empty first column", head: ",a,b\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf(",%s,%s", m.word(), m.decimal("."))
		}, want: Dialect{Delimiter: ",", Preamble: NoPreamble}},
		{name: "empty first column, semicolons", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf(";%s;%s", m.name(), m.decimal(","))
		}, want: Dialect{Delimiter: ";", Comment: None}},
		{name: "sums below", head: "id;what;sum\n", rows: 30, row: func(m maker, i int) string {
			return fmt.Sprintf("%d;%s;%s", i, m.words(2), m.decimal(","))
		}, tail: "\nSum of all, with tax, rounded, in thousands\n", want: Dialect{Delimiter: ";"}},
		{name: "blank fields", head: "a,b,c,d\n", rows: 30, row: func(m maker, i int) string {
			return m.of("", m.word()) + "," + m.of("", m.word()) + "," + m.of("", m.decimal(".")) + "," + m.of("", m.date())
		}, want: Dialect{Delimiter: ","}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(4) {
				m := maker{rand.New(rand.NewPCG(seed, 11))}
				var text strings.Builder
				text.WriteString(test.head)
				for i := range test.rows {
					text.WriteString(test.row(m, i) + "\n")
				}
				text.WriteString(test.tail)
				got := Sniff([]byte(text.String()), Dialect{})
				if test.unsure {
					assert.Less(t, got.Confidence, .6, "seed %d: %s\n%s", seed, got.Dialect, explained(got))
					continue
				}
				assert.Equal(t, got.Merge(test.want), got.Dialect, "seed %d: %.2f\n%s", seed, got.Confidence, explained(got))
			}
		})
	}
}
