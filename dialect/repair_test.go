package dialect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A brokenTable is a table whose rows are broken in tests.
type brokenTable struct {
	name    string
	dialect Dialect
	header  string
	row     func(i int, r *rand.Rand) []string // as they are written, quotes included
}

func (t brokenTable) lines(n int) []string {
	r := rand.New(rand.NewPCG(7, 8))
	lines := []string{t.header}
	for i := range n {
		lines = append(lines, strings.Join(t.row(i, r), t.dialect.Delimiter))
	}
	return lines
}

func (t brokenTable) columns() int { return len(t.row(0, rand.New(rand.NewPCG(1, 1)))) }

func (t brokenTable) profile(lines []string) *Profile {
	return Learn([]byte(strings.Join(lines, "\n")+"\n"), t.dialect, t.columns())
}

func plain(delimiter string) Dialect {
	return Dialect{Delimiter: delimiter, Quote: `"`, Escape: Doubled, Comment: None, LineEnding: LF, SkipSpace: Off, Preamble: NoPreamble, HeaderRows: 1}
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func prose(r *rand.Rand, words int) string {
	list := make([]string, words)
	for i := range list {
		list[i] = pick(r, "the", "warm", "light", "coat", "of", "wool", "and", "a", "long", "walk", "keeps", "water", "out", "made", "to", "last", "3", "well", "it's", "stone-washed", "100%")
	}
	s := strings.Join(list, " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

func firstName(r *rand.Rand) string {
	return pick(r, "Ann", "Bob", "Carla", "Dmitri", "Eve", "Françoise", "Gus", "Hana", "Ivo", "José", "Katarina", "Li", "Mary Jane", "Nils", "Olga")
}

func lastName(r *rand.Rand) string {
	return pick(r, "Smith", "O'Brien", "Müller", "van Dyk", "Lee", "García", "Novak", "Andersson", "Fox", "Rossi", "Kowalska", "Schmidt-Huber", "Ito", "Dubois")
}

func city(r *rand.Rand) string {
	return pick(r, "Oslo", "New York", "Bern", "São Paulo", "Rome", "Leeds", "St. Gallen", "Kyoto", "Bad Homburg", "Lyon", "Cork", "Graz", "Turku")
}

var brokenTables = []brokenTable{
	{"shop", plain(","), "date,time,qty,code,price,product,text,url,note", func(i int, r *rand.Rand) []string {
		product := pick(r, "Wool Coat", "Kids' Boots", `"Shirt, Slim"`, `"Table, Round 48"""`, "Sandals", "Light-Up Jacket", `"Tee, Long"`)
		return []string{fmt.Sprintf("%02d/%02d/2018", 1+r.IntN(28), 1+r.IntN(12)), fmt.Sprintf("%02d:%02d", r.IntN(24), 15*r.IntN(4)), fmt.Sprint(r.IntN(30)),
			fmt.Sprintf("%c%c-%04d", 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(10000)), fmt.Sprintf("$%d.%02d", r.IntN(100), r.IntN(100)), product,
			fmt.Sprintf(`"%s, %s."`, prose(r, 6+r.IntN(8)), prose(r, 4)), fmt.Sprintf(`"https://www.example.com/p/%d.html"`, r.IntN(10000)), ""}
	}},
	{"german", plain(";"), "Kunde;Name;Straße;PLZ;Ort;Datum;Betrag;Menge", func(i int, r *rand.Rand) []string {
		return []string{fmt.Sprint(10000 + i), firstName(r) + " " + lastName(r), fmt.Sprintf("%s %d", pick(r, "Hauptstr.", "Am Markt", "Lindenweg", "Bahnhofstraße"), 1+r.IntN(150)),
			fmt.Sprintf("%05d", 10000+r.IntN(89999)), city(r), fmt.Sprintf("%02d.%02d.20%02d", 1+r.IntN(28), 1+r.IntN(12), r.IntN(24)),
			fmt.Sprintf("%d,%02d", r.IntN(2000), r.IntN(100)), fmt.Sprint(1 + r.IntN(40))}
	}},
	{"log", plain("|"), "at|level|module|message|ms", func(i int, r *rand.Rand) []string {
		return []string{fmt.Sprintf("2024-%02d-%02dT%02d:%02d:%02dZ", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60)), pick(r, "INFO", "WARN", "ERROR"),
			pick(r, "auth", "store.index", "net"), prose(r, 3+r.IntN(6)), fmt.Sprint(r.IntN(5000))}
	}},
	{"people", plain(","), "first,last,street,city,state,zip,phone,email", func(i int, r *rand.Rand) []string {
		street := fmt.Sprintf("%d %s", 1+r.IntN(2000), pick(r, "Main St", "Oak Ave", "5th Ave", "Elm Rd"))
		if r.IntN(4) == 0 {
			street = fmt.Sprintf(`"%s, Apt %d"`, street, r.IntN(99))
		}
		first, last := firstName(r), lastName(r)
		return []string{first, last, street, city(r), pick(r, "NY", "CA", "TX", "WA", "OR", "MA", "FL"), fmt.Sprintf("%05d", r.IntN(100000)),
			fmt.Sprintf("(%03d) %03d-%04d", 200+r.IntN(700), r.IntN(1000), r.IntN(10000)), fmt.Sprintf("%s%d@example.%s", strings.ToLower(last[:2]), r.IntN(1000), pick(r, "com", "org", "net"))}
	}},
	{"sensors", plain("\t"), "at\tstation\ttemp\thumidity\tbattery\tstatus", func(i int, r *rand.Rand) []string {
		battery := ""
		if r.IntN(3) > 0 {
			battery = fmt.Sprintf("%d%%", r.IntN(101))
		}
		return []string{fmt.Sprintf("2023-%02d-%02d %02d:%02d:00", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60)), fmt.Sprintf("ST%02d", r.IntN(30)),
			fmt.Sprintf("%.1f", r.Float64()*50-15), fmt.Sprintf("%.2f", r.Float64()*100), battery, pick(r, "ok", "fault", "offline")}
	}},
	{"texts", plain(","), "genus,species,habitat,author", func(i int, r *rand.Rand) []string {
		return []string{pick(r, "Quercus", "Acer", "Salix", "Betula", "Pinus", "Rosa"), pick(r, "alba", "rubra", "nigra", "canina", "pendula", "sylvestris"),
			pick(r, "forest", "wet meadow", "dry slope", "river bank", `"rocks, dunes"`), lastName(r)}
	}},
	{"figures", plain(","), "a,b,c,d,e,f", func(i int, r *rand.Rand) []string {
		return []string{fmt.Sprint(i), fmt.Sprint(r.IntN(1000)), fmt.Sprintf("%.2f", r.Float64()*100), fmt.Sprintf("%.4f", r.Float64()), fmt.Sprint(r.IntN(10)), fmt.Sprint(r.IntN(100000))}
	}},
	{"gaps", plain(","), "id,name,middle,born,title,score,remark", func(i int, r *rand.Rand) []string {
		maybe := func(s string) string {
			if r.IntN(2) == 0 {
				return ""
			}
			return s
		}
		return []string{fmt.Sprint(1 + i), lastName(r), maybe(firstName(r)), maybe(fmt.Sprintf("19%02d-%02d-%02d", r.IntN(100), 1+r.IntN(12), 1+r.IntN(28))), maybe(pick(r, "Dr", "Prof", "Mrs")),
			maybe(fmt.Sprint(r.IntN(100))), maybe(prose(r, 1+r.IntN(5)))}
	}},
	{"escaped", Dialect{Delimiter: ",", Quote: `"`, Escape: `\`, Comment: None, LineEnding: LF, SkipSpace: Off, Preamble: NoPreamble, HeaderRows: 1}, "n,title,year,quote", func(i int, r *rand.Rand) []string {
		return []string{fmt.Sprint(i), `"` + prose(r, 3) + `"`, fmt.Sprint(1900 + r.IntN(120)), `"` + prose(r, 5) + `, \"` + prose(r, 2) + `\""`}
	}},
	{"all quoted", plain(","), `"id","first","last","city","when","sum"`, func(i int, r *rand.Rand) []string {
		cells := []string{fmt.Sprint(1000 + i), firstName(r), lastName(r), city(r), fmt.Sprintf("%d-%02d-%02d", 2000+r.IntN(20), 1+r.IntN(12), 1+r.IntN(28)), fmt.Sprintf("%d.%02d", r.IntN(900), r.IntN(100))}
		for i := range cells {
			cells[i] = `"` + cells[i] + `"`
		}
		return cells
	}},
	{"spaced", Dialect{Delimiter: ",", Quote: `"`, Escape: Doubled, Comment: None, LineEnding: LF, SkipSpace: On, Preamble: NoPreamble, HeaderRows: 1}, "id, team, coach, played, ratio", func(i int, r *rand.Rand) []string {
		return []string{fmt.Sprint(i), " " + city(r) + " " + pick(r, "FC", "United", "Rovers"), " \"" + lastName(r) + ", " + firstName(r) + "\"", fmt.Sprintf(" %d", r.IntN(40)), fmt.Sprintf(" 0.%03d", r.IntN(1000))}
	}},
	{"places", plain(","), "place,country,lat,lon,people,kind,updated", func(i int, r *rand.Rand) []string {
		return []string{city(r), pick(r, "NO", "US", "CH", "BR", "IT", "GB"), fmt.Sprintf("%.5f", r.Float64()*180-90), fmt.Sprintf("%.5f", r.Float64()*360-180), fmt.Sprint(r.IntN(5e6)),
			pick(r, "city", "village", "town", "hamlet"), fmt.Sprintf("%d-%02d-%02d", 2000+r.IntN(24), 1+r.IntN(12), 1+r.IntN(28))}
	}},
	{"music", plain(";"), "track;artist;album;length;genre", func(i int, r *rand.Rand) []string {
		return []string{prose(r, 1+r.IntN(4)), firstName(r) + " " + lastName(r), prose(r, 1+r.IntN(3)), fmt.Sprintf("%d:%02d", 1+r.IntN(8), r.IntN(60)), pick(r, "Jazz", "Rock", "Folk", "Fado")}
	}},
}

// A fault is one way to break a row.
type fault struct {
	name  string
	at    func(line string, i int, d Dialect) (string, bool) // breaks the line at byte i
	added func(d Dialect) string                             // text that a cell may have more than it had
}

var faults = []fault{
	{"delimiter lost", func(line string, i int, d Dialect) (string, bool) {
		if !strings.HasPrefix(line[i:], d.Delimiter) {
			return "", false
		}
		return line[:i] + line[i+len(d.Delimiter):], true
	}, func(d Dialect) string { return "" }},
	{"delimiter inserted", func(line string, i int, d Dialect) (string, bool) { return line[:i] + d.Delimiter + line[i:], true }, func(d Dialect) string { return d.Delimiter }},
	{"quote inserted", func(line string, i int, d Dialect) (string, bool) { return line[:i] + `"` + line[i:], true }, func(d Dialect) string { return `"` }},
	{"quote lost", func(line string, i int, d Dialect) (string, bool) {
		if i == len(line) || line[i] != '"' {
			return "", false
		}
		return line[:i] + line[i+1:], true
	}, func(d Dialect) string { return `"` }},
}

// sound reports whether a line reads as a record of the table as it stands.
func sound(p *Profile, line string) bool {
	t := table{text: []byte(line)}
	t.read(p.grammar)
	if len(t.rows) != 1 || len(t.rows[0].cells) != p.columns {
		return false
	}
	var cells [][]byte
	for _, c := range t.rows[0].cells {
		if c.flags&(stray|unclosed) != 0 {
			return false
		}
		cells = append(cells, t.text[c.start:c.end])
	}
	return p.Fits(cells)
}

// values returns what the cells of a sound line say.
func values(t brokenTable, cells []string) []string {
	var list []string
	for i, c := range cells {
		if t.dialect.SkipSpace == On && i > 0 {
			c = strings.TrimLeft(c, " ")
		}
		if strings.HasPrefix(c, `"`) {
			c = strings.TrimSuffix(c[1:], `"`)
			if t.dialect.Escape == Doubled {
				c = strings.ReplaceAll(c, `""`, `"`)
			} else {
				c = strings.ReplaceAll(c, `\"`, `"`)
			}
		}
		list = append(list, c)
	}
	return list
}

// restores reports whether a repaired row is the one that was broken, but for pieces of text that the faults
// put into its cells or took out of them, and for spaces at their ends.
func restores(want []string, got []Cell, added ...string) bool {
	if len(want) != len(got) {
		return false
	}
	for i, c := range got {
		text, want := strings.TrimSpace(string(c.Text)), strings.TrimSpace(want[i])
		if text != want && strip(text, added) != strip(want, added) {
			return false
		}
	}
	return true
}

// strip returns s without pieces of text and spaces.
func strip(s string, pieces []string) string {
	for _, p := range append(pieces, " ", "\t") {
		if p != "" {
			s = strings.ReplaceAll(s, p, "")
		}
	}
	return s
}

// A count says what became of rows that were broken.
type count struct{ broken, made, wrong int }

// try repairs a broken line, which was made of the given cells.
func (c *count) try(t *testing.T, p *Profile, table brokenTable, cells []string, broken string, added ...string) {
	if sound(p, broken) {
		return
	}
	c.broken++
	got, ok := p.Repair([]byte(broken))
	if !ok {
		return
	}
	require.Len(t, got.Cells, p.columns)
	if c.made++; !restores(values(table, cells), got.Cells, added...) {
		c.wrong++
		if testing.Verbose() {
			t.Logf("%s: %s\n  %q column %d", table.name, broken, texts(got.Cells), got.Column)
		}
	}
}

// soundRows returns rows of the table that the profile did not see.
func (t brokenTable) soundRows(p *Profile, n int) (rows [][]string) {
	r := rand.New(rand.NewPCG(11, 13))
	for i := 0; len(rows) < n; i++ {
		if cells := t.row(1000+i, r); sound(p, strings.Join(cells, t.dialect.Delimiter)) {
			rows = append(rows, cells)
		}
	}
	return rows
}

// Rows are broken at every place. A repair that is made must give back what was there.
func TestRepairEveryFault(t *testing.T) {
	for _, sample := range []int{12, 300} {
		var all count
		for _, table := range brokenTables {
			p := table.profile(table.lines(sample))
			rows := table.soundRows(p, 10)
			for _, f := range faults {
				var c count
				for _, cells := range rows {
					line := strings.Join(cells, table.dialect.Delimiter)
					for i := range len(line) + 1 {
						if broken, ok := f.at(line, i, table.dialect); ok {
							c.try(t, p, table, cells, broken, f.added(table.dialect))
						}
					}
				}
				t.Logf("%3d rows, %-11s %-19s %5d broken, %5d repaired, %3d wrong", sample, table.name, f.name, c.broken, c.made, c.wrong)
				all = count{all.broken + c.broken, all.made + c.made, all.wrong + c.wrong}
			}
		}
		t.Logf("%3d rows: %d broken, %d repaired, %d wrong", sample, all.broken, all.made, all.wrong)
		assert.Greater(t, all.made*3, all.broken)
		assert.Less(t, all.wrong*500, all.made)
	}
}

// Two faults at any two places.
func TestRepairTwoFaults(t *testing.T) {
	var all count
	r := rand.New(rand.NewPCG(3, 5))
	for _, table := range brokenTables {
		p := table.profile(table.lines(100))
		rows := table.soundRows(p, 100)
		var c count
		for range 400 {
			cells := rows[r.IntN(len(rows))]
			broken, added := strings.Join(cells, table.dialect.Delimiter), []string{}
			for len(added) < 2 {
				f := faults[r.IntN(len(faults))]
				if b, ok := f.at(broken, r.IntN(len(broken)+1), table.dialect); ok {
					broken, added = b, append(added, f.added(table.dialect))
				}
			}
			c.try(t, p, table, cells, broken, added...)
		}
		t.Logf("%-11s %5d broken, %5d repaired, %3d wrong", table.name, c.broken, c.made, c.wrong)
		all = count{all.broken + c.broken, all.made + c.made, all.wrong + c.wrong}
	}
	t.Logf("%d broken, %d repaired, %d wrong", all.broken, all.made, all.wrong)
	assert.Less(t, all.wrong*20, all.made)
}

func texts(cells []Cell) []string {
	var list []string
	for _, c := range cells {
		list = append(list, string(c.Text))
	}
	return list
}

const longText = `"Warm and light, made of wool: it keeps water out on a long walk, and lasts."`

func TestRepair(t *testing.T) {
	shop := brokenTables[0]
	require.Equal(t, "shop", shop.name)
	p := shop.profile(shop.lines(200))
	whole := []string{"13/03/2018", "05:00", "3", "BH-1732", "$65.46", "Wool Coat", longText[1 : len(longText)-1], "https://www.example.com/p/17.html", ""}
	with := func(column int, text string) []string {
		list := append([]string{}, whole...)
		list[column-1] = text
		return list
	}
	const start, end = `13/03/2018,05:00,3,BH-1732,$65.46,`, longText + `,"https://www.example.com/p/17.html",`
	for _, test := range []struct {
		name, row string
		want      []string // nil for no repair
		kind      RepairKind
		column    int
	}{
		{"nothing is wrong", start + `Wool Coat,` + end, nil, "", 0},
		{"an empty cell within", `13/03/2018,05:00,,3,BH-1732,$65.46,Wool Coat,` + end, whole, RepairDropped, 3},
		{"an empty cell first", `,` + start + `Wool Coat,` + end, whole, RepairDropped, 1},
		{"an empty cell last", start + `Wool Coat,` + end + `,`, whole, RepairDropped, 9},
		{"empty cells last", start + `Wool Coat,` + end + `,,,,`, whole, RepairDropped, 9},
		{"date and time", `13/03/201805:00,3,BH-1732,$65.46,Wool Coat,` + end, whole, RepairSplit, 1},
		{"time and number", `13/03/2018,05:003,BH-1732,$65.46,Wool Coat,` + end, whole, RepairSplit, 2},
		{"number and code", `13/03/2018,05:00,3BH-1732,$65.46,Wool Coat,` + end, whole, RepairSplit, 3},
		{"code and amount", `13/03/2018,05:00,3,BH-1732$65.46,Wool Coat,` + end, whole, RepairSplit, 4},
		{"amount and text", start[:len(start)-1] + `Wool Coat,` + end, whole, RepairSplit, 5},
		{"amount and text in quotes", start[:len(start)-1] + `"Shirt, Slim",` + end, with(6, "Shirt, Slim"), RepairSplit, 5},
		{"text and text in quotes", start + `Wool Coat` + end, whole, RepairSplit, 6},
		{"two texts in quotes", start + `"Shirt, Slim"` + end, with(6, "Shirt, Slim"), RepairSplit, 6},
		{"a text that ends with a quote", start + `"Table, Round 48"""` + end, with(6, `Table, Round 48"`), RepairSplit, 6},
		{"no delimiter before an empty cell", start + `Wool Coat,` + end[:len(end)-1], whole, RepairSplit, 9},
		{"a delimiter in the text", start + `Shirt, Slim,` + end, with(6, "Shirt, Slim"), RepairJoined, 6},
		{"delimiters in the text", start + `Shirt, Long, Slim,` + end, with(6, "Shirt, Long, Slim"), RepairJoined, 6},
		{"spaces", `13/03/2018 05:00 3 BH-1732 $65.46 Wool Coat ` + longText + ` "https://www.example.com/p/17.html" `, whole, RepairDelimiter, 1},
		{"semicolons", `13/03/2018;05:00;3;BH-1732;$65.46;Wool Coat;` + longText + `;"https://www.example.com/p/17.html";`, whole, RepairDelimiter, 1},
		{"a quote before a time", `13/03/2018,"05:00,3,BH-1732,$65.46,Wool Coat,` + end, with(2, `"05:00`), RepairQuoteKept, 2},
		{"a quote before a text", start + `"Wool Coat,` + end, with(6, `"Wool Coat`), RepairQuoteKept, 6},
		{"two quotes before a text", start + `Wool Coat,"` + end, with(7, `"`+whole[6]), RepairQuoteKept, 7},
		{"two quotes after a text", start + `Wool Coat,` + longText + `","https://www.example.com/p/17.html",`, with(7, whole[6]+`"`), RepairQuoteKept, 7},
		{"a quote at the end", start + `Wool Coat,` + end + `"`, with(9, `"`), RepairQuoteKept, 9},
		{"two faults that cancel out", `13/03/201805:00,,3,BH-1732,$65.46,Wool Coat,` + end, whole, RepairSplit, 1},
		{"numbers that can be cut anywhere", `13/03/2018,05:00,3,BH-1732,$65.46,Wool Coat,` + longText, nil, "", 0},
		{"other types", `a,b,c,d,e,f,g,h,i`, nil, "", 0},
		{"prose", `This is a line of text, and one that has nothing to do with the table.`, nil, "", 0},
		{"nothing", "", nil, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := p.Repair([]byte(test.row))
			assert.Equal(t, test.want != nil, ok, "%q", texts(got.Cells))
			if test.want != nil && ok {
				assert.Equal(t, test.want, texts(got.Cells))
				assert.Equal(t, test.kind, got.Kind)
				assert.Equal(t, test.column, got.Column)
			}
		})
	}
}

func TestRepairSmallTables(t *testing.T) {
	cities := "name,city,n\n" + strings.Repeat("Ann Lee,Rome,1000\nBob Fox,Paris,1007\nCleo Roe,New York,1014\nDan Poe,Oslo,1021\nEve Ito,Rome,1028\n", 8)
	for _, test := range []struct {
		name, sample string
		columns      int
		row          string
		want         []string
	}{
		{"a quote that never closes", "id,name,text\n1,ann,\"hello\"\n2,bob,\"good day\"\n3,eve,\"see you\"\n4,joe,\"hi\"\n5,kim,\"bye\"\n", 3, `6,ann,"hello world`, []string{"6", "ann", "hello world"}},
		{"a quote where none is used", "id,name,text\n1,ann,hello\n2,bob,good day\n3,eve,see you\n4,joe,hi\n5,kim,bye\n", 3, `6,ann,"hello world`, []string{"6", "ann", `"hello world`}},
		{"a quote where they stand in need only", "id,name,text\n1,ann,\"oh, hello\"\n2,bob,good day\n3,eve,\"well, see you\"\n4,joe,hi\n5,kim,bye\n", 3, `6,ann,"hello world`, []string{"6", "ann", `"hello world`}},
		{"a quote that swallows cells", "id,name,text\n1,ann,hello\n2,bob,good day\n3,eve,see you\n4,joe,hi\n5,kim,bye\n", 3, `6,"ann,hello`, []string{"6", `"ann`, "hello"}},
		{"numbers", "a,b\n1,22\n33,4\n555,66\n7,888\n", 2, "1234", nil},
		{"texts", "a,b\nwool,coat\nsoft,cap\nlong,scarf\n", 2, "woolcoat", nil},
		{"a text too many", "a,b\nwool,coat\nsoft,cap\nlong,scarf\n", 2, "wool,coat,cap", nil},
		{"an empty cell too many", "a,b\nwool,coat\nsoft,cap\nlong,scarf\n", 2, "warm,coat,", []string{"warm", "coat"}},
		{"two gaps", "a,b,c\nx,,1\n,y,2\nz,,3\n,u,4\n", 3, ",z,,5", nil},
		{"nothing but delimiters", "a,b\nwool,coat\nsoft,\n,scarf\n", 2, ",,", nil},
		{"a piece of spaces", cities, 3, "Rows, 40", nil},
		{"a number within a text", cities, 3, "Ann Lee,Rome40", []string{"Ann Lee", "Rome", "40"}},
		{"within a word", "a,b,c\n" + strings.Repeat("a,1,x\nb,text,y y\nkey,2.5,z\na,value,u: 1\n", 8), 3, "approx. 20% 10:15,prepared by", nil},
		{"within a price", "name,price,stock\npen 0,885.75,2\ncup 1,118.56,5\npen 2,768.73,29\nruler 3,215.37,25\nruler 4,307.71,8\nruler 5,807.06,41\ncup 6,405.21,42\nruler 7,465.01,14\npen 8,503.40,4\npen 9,585.31,1\ncup 10,634.41,4\nruler 11,69.65,13\n", 3, "cup 12,7.5", nil},
		{"no sample", "", 3, "a,b", nil},
		{"one column", "a\n1\n2\n3\n", 1, "1,", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Learn([]byte(test.sample), plain(","), test.columns).Repair([]byte(test.row))
			assert.Equal(t, test.want != nil, ok, "%q", texts(got.Cells))
			assert.Equal(t, test.want, texts(got.Cells))
		})
	}
}

// The delimiter is a space, and texts with spaces in them have no quotes.
func TestRepairSpaces(t *testing.T) {
	shop := brokenTables[0]
	shop.dialect = plain(" ")
	p := shop.profile(shop.lines(200))
	for product, kind := range map[string]RepairKind{"Wool Coat": RepairJoined, "Light Kids' Boots": RepairJoined, "Sandals": ""} {
		got, ok := p.Repair([]byte("13/03/2018 05:00 3 BH-1732 $65.46 " + product + " " + longText + ` "https://www.example.com/p/17.html" `))
		assert.Equal(t, kind != "", ok)
		if assert.Equal(t, kind, got.Kind); ok {
			assert.Equal(t, product, string(got.Cells[5].Text))
			assert.Equal(t, 6, got.Column)
		}
	}
}

func TestRepairLimits(t *testing.T) {
	p := Learn([]byte("a,b\n1,x\n2,y\n3,z\n"), plain(","), 2)
	_, ok := p.Repair([]byte("1,x,"))
	assert.True(t, ok)
	_, ok = p.Repair([]byte("1," + strings.Repeat("x", 64<<10) + ","))
	assert.False(t, ok)
	row := strings.Repeat("1,", 1024) + "1\n"
	_, ok = Learn([]byte(strings.Repeat(row, 4)), plain(","), 1025).Repair([]byte("," + row[:len(row)-1]))
	assert.False(t, ok)
}

// hostileUnits make rows in which something comes as often as it can.
var hostileUnits = []string{",", `"`, `",`, `,"`, `"a,`, `a"`, `""`, `""",`, " ", ` "`, "1", "1,", "a b ", `"" `, `,"a"b`, ";", "12:30", "\xff", "$1.2"}

// A step that is not linear makes this run for minutes.
func TestRepairHostileRows(t *testing.T) {
	for _, table := range brokenTables[:5] {
		p := table.profile(table.lines(50))
		for _, unit := range hostileUnits {
			got, ok := p.Repair([]byte(strings.Repeat(unit, 64<<10/len(unit))))
			assert.False(t, ok, "%s: %q", table.name, unit)
			assert.Empty(t, got.Cells)
		}
	}
}

func FuzzRepair(f *testing.F) {
	for _, table := range brokenTables {
		lines := table.lines(30)
		f.Add([]byte(strings.Join(lines[:20], "\n")), []byte(lines[25]+table.dialect.Delimiter), table.dialect.Delimiter, `"`, table.dialect.Escape, table.columns(), table.dialect.SkipSpace == On)
	}
	f.Add([]byte("a b\n1  2\n3 4\n5 6\n"), []byte("1 \"2 "), " ", `"`, Doubled, 2, true)
	f.Add([]byte("1;“a”\n2;“b”\n3;“c”\n"), []byte("4“d”"), ";", "“”", None, 2, false)
	f.Fuzz(func(t *testing.T, sample, row []byte, delimiter, quote, escape string, columns int, skip bool) {
		d := plain(delimiter)
		d.Quote, d.Escape, d.HeaderRows = quote, escape, NoHeader
		if skip {
			d.SkipSpace = On
		}
		if delimiter == "" || quote == "" || escape == "" || d.Validate() != nil || columns < 0 || columns > 2000 {
			t.Skip()
		}
		p := Learn(sample, d, columns)
		before := string(row)
		got, ok := p.Repair(row)
		again, _ := Learn(sample, d, columns).Repair(row)
		assert.Equal(t, got, again, "not deterministic")
		assert.Equal(t, before, string(row), "the row was changed")
		if !ok {
			assert.Empty(t, got)
			return
		}
		assert.Len(t, got.Cells, columns)
		assert.NotEmpty(t, got.Kind)
		assert.GreaterOrEqual(t, got.Column, 1)
		assert.LessOrEqual(t, got.Column, columns)
		var cells [][]byte
		for _, c := range got.Cells {
			cells = append(cells, c.Text)
		}
		p.Heading(cells)
		p.Totals(cells)
	})
}

func BenchmarkRepair(b *testing.B) {
	shop := brokenTables[0]
	p := shop.profile(shop.lines(200))
	const end = `Wool Coat,` + longText + `,"https://www.example.com/p/1700.html",`
	for _, bench := range []struct{ name, row string }{
		{"dropped", `13/03/2018,05:00,,3,BH-1732,$65.46,` + end},
		{"split", `13/03/201805:00,3,BH-1732,$65.46,` + end},
		{"kept", `13/03/2018,"05:00,3,BH-1732,$65.46,` + end},
		{"unclear", `13/03/2018,"BH-1732,$65.46,` + end},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.row)))
			b.ReportAllocs()
			for b.Loop() {
				p.Repair([]byte(bench.row))
			}
		})
	}
	for _, unit := range hostileUnits {
		row := []byte(strings.Repeat(unit, 64<<10/len(unit)))
		b.Run(fmt.Sprintf("hostile %q", unit), func(b *testing.B) {
			b.SetBytes(int64(len(row)))
			for b.Loop() {
				p.Repair(row)
			}
		})
	}
}

// Digits that run together could be cut anywhere.
func TestRepairDoesNotCutNumbers(t *testing.T) {
	figures := Learn([]byte("a|b|c\n"+strings.Repeat("1|2|3\n", 20)+"31|32|33\n21|22|23\n"), plain("|"), 3)
	weather := Learn([]byte("site,max,min,rain\nBTV,14,-9,0.00\nMVL,11,-7,0.00\nMPV,12,-4,0.00\nPBG,15,-12,0.25\nRUT,18,-2,1.00\n"), plain(","), 4)
	for _, tt := range []struct {
		p   *Profile
		row string
	}{{figures, "10|11"}, {figures, "1|23"}, {weather, "MSS,4,-150.00"}, {weather, "MSS,140,0.25"}} {
		_, ok := tt.p.Repair([]byte(tt.row))
		assert.False(t, ok, tt.row)
	}
}

// A Profile of a Dialect in which nothing is known mends nothing.
func TestRepairWithoutDelimiter(t *testing.T) {
	p := Learn([]byte("a\nb\n"), Dialect{}, 2)
	_, ok := p.Repair([]byte("abc"))
	assert.False(t, ok)
}
