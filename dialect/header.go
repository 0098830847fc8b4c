package dialect

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	headerRecords = 200 // that are compared with the first one
	headerColumns = 100
)

// A headerReport says why the first record is taken for a header or for data.
type headerReport struct {
	bits     float64 // above 0 for a header
	typed    float64 // the part of it that comes from columns of numbers, dates and the like
	names    int     // columns of a type whose first field is not of it
	same     int     // columns of a type whose first field is of it, too
	words    int     // fields that are usual column names
	repeated int     // fields that come again in their column
}

// confidence returns how sure the report is, 0.5 to 1.
func (h headerReport) confidence() float64 {
	return 1 / (1 + math.Exp2(-math.Abs(h.bits)/2))
}

// weighHeader compares the first record with those below it, column by column.
func weighHeader(text []byte, records []row) headerReport {
	h := headerReport{bits: 1.5} // most files have one
	if len(records) == 0 {
		h.bits = -1
		return h
	}
	names := map[string]int{}
	for j, c := range records[0].cells {
		if j == headerColumns {
			break
		}
		name := bytes.TrimSpace(text[c.start:c.end])
		names[string(name)]++
		h.weighColumn(text, records[1:], j, c)
		if len(records) == 1 && numbered(text, records[0].cells, j) {
			h.bits += 3.5 // its digits are a running number, not a code
		}
	}
	switch {
	case len(names) < min(len(records[0].cells), headerColumns):
		if names[""] == 0 {
			h.bits -= 2 // a name stands twice
		}
	case len(names) > 1 && names[""] == 0:
		h.bits++
	}
	return h
}

// numbered reports whether cell j and one beside it are the same letters with consecutive numbers, as of names
// (x1, x2).
func numbered(text []byte, cells []cell, j int) bool {
	cut := func(j int) (stem string, n int) {
		b := bytes.TrimSpace(text[cells[j].start:cells[j].end])
		digits := bytes.TrimLeftFunc(b, notDigit)
		stem = string(b[:len(b)-len(digits)])
		n, err := strconv.Atoi(string(digits))
		if err != nil || stem == "" {
			return "", 0
		}
		return stem, n
	}
	stem, n := cut(j)
	beside := func(j, step int) bool {
		if stem == "" || j < 0 || j >= len(cells) {
			return false
		}
		other, m := cut(j)
		return other == stem && m == n+step
	}
	return beside(j-1, -1) || beside(j+1, 1)
}

// maxHeaderRows bounds the records of a header: names under groups of names, and their units.
const maxHeaderRows = 4

// headerRows returns how many records at the top of a table are its header, given that the first one is: it
// goes on as long as a record repeats the one before it, gives the units of the columns, or has texts in the
// columns of numbers and dates below it.
func headerRows(text []byte, records []row) int {
	n := 1
	for n < min(maxHeaderRows, len(records)) && len(records[n].cells) == len(records[0].cells) {
		below := records[n:min(len(records), n+headerRecords)]
		if !sameCells(text, records[n-1], records[n]) && !unitsRow(text, below) && !namesAgain(text, below) {
			break
		}
		n++
	}
	return n
}

// namesAgain reports whether the first of the records names columns, although one above it did. One odd
// value does not make a name: at least two columns of a type hold something else, and none its own.
func namesAgain(text []byte, records []row) bool {
	for j, c := range records[0].cells[:min(len(records[0].cells), headerColumns)] {
		var h headerReport // of this column, by which most rows of values are told at once
		if h.weighColumn(text, records[1:], j, c); h.same > 0 || h.repeated > 0 {
			return false
		}
	}
	if h := weighHeader(text, records); h.names < 2 || h.bits < 8 {
		return false
	}
	return !slices.ContainsFunc(records[0].cells, func(c cell) bool {
		return isMissing(bytes.TrimSpace(text[c.start:c.end]))
	})
}

// unitNames are units that stand without brackets.
var unitNames = wordSet(`m mm cm km µm nm in ft yd mi m² m2 m³ m3 ha l ml µl L mL g kg mg µg t lb oz s ms µs ns min h d K °C °F C degC deg ° rad % ‰ ppm ppb
	Pa hPa kPa MPa bar mbar psi N kN J kJ MJ W kW MW Wh kWh MWh V mV kV A mA Hz kHz MHz GHz Ω ohm m/s km/h mph kn kg/m³ g/l mg/l mol mmol
	€ $ £ EUR USD GBP CHF pcs Stk Stück B kB KB MB GB bit px dB lx lm YYYY-MM-DD DD.MM.YYYY HH:MM HH:MM:SS hh:mm hh:mm:ss`)

// sameCells reports whether two records have the same cells.
func sameCells(text []byte, a, b row) bool {
	return len(a.cells) > 1 && slices.EqualFunc(a.cells, b.cells, func(a, b cell) bool {
		return bytes.Equal(text[a.start:a.end], text[b.start:b.end])
	})
}

// unitsRow reports whether most cells of the first record are units of measurement: in brackets, or well
// known and above numbers.
func unitsRow(text []byte, records []row) bool {
	filled, units := 0, 0
	for j, c := range records[0].cells {
		b := bytes.TrimSpace(text[c.start:c.end])
		n := len(b)
		if n == 0 {
			continue
		}
		filled++
		switch {
		case n > 2 && n < 16 && (b[0] == '[' && b[n-1] == ']' || b[0] == '(' && b[n-1] == ')'):
			units++
		case unitNames[string(b)] && j < headerColumns:
			p := contentsOf(text, records[1:], j, b)
			if p.filled > 0 && p.share(kind.typed) >= .75 {
				units++
			}
		}
	}
	return units > 1 && units*2 > filled
}

// Contents sum up a column without its first field.
type contents struct {
	filled          int
	kinds           [kinds]int
	shortest        int
	longest         int
	repeats, quoted int // fields that equal the first one, or are in quotes
	digits          int // fields with digits in them
}

func contentsOf(text []byte, records []row, column int, name []byte) contents {
	p := contents{shortest: math.MaxInt}
	for _, r := range records {
		if column >= len(r.cells) {
			continue
		}
		c := r.cells[column]
		b := bytes.TrimSpace(text[c.start:c.end])
		if len(b) == 0 {
			continue
		}
		k, _ := classify(b)
		p.filled++
		p.kinds[k]++
		p.shortest, p.longest = min(p.shortest, len(b)), max(p.longest, len(b))
		if bytes.Equal(b, name) {
			p.repeats++
		}
		if countDigits(b) > 0 {
			p.digits++
		}
		if c.flags&quoted != 0 {
			p.quoted++
		}
	}
	return p
}

// share returns the share of filled fields whose kind satisfies a condition.
func (p contents) share(of func(kind) bool) float64 {
	n := 0
	for k, count := range p.kinds {
		if of(kind(k)) {
			n += count
		}
	}
	return float64(n) / float64(max(p.filled, 1))
}

func (h *headerReport) weighColumn(text []byte, below []row, column int, first cell) {
	name := bytes.TrimSpace(text[first.start:first.end])
	k, _ := classify(name)
	p := contentsOf(text, below, column, name)
	word := columnName(name)
	if word > 0 {
		h.words++
	}
	switch {
	case k == kindEmpty:
		if p.filled*2 > len(below) && column > 0 {
			h.bits--
		}
		return
	case p.filled == 0:
		if k.typed() || countDigits(name)*5 > len(name)*2 {
			h.bits -= 3
		} else {
			h.bits += word
		}
		return
	}

	typed := p.share(kind.typed)
	switch {
	case typed >= .75 && !k.typed():
		h.add(4)
		h.names++
		h.bits += word / 2
	case year(name) && p.share(func(k kind) bool { return k == kindInteger }) < .5:
		// Years are column names in tables of figures.
	case typed >= .75 && k.typed():
		switch {
		case p.share(func(other kind) bool { return other == k || other.numeric() && k.numeric() }) > .5:
			h.same++
			if k.numeric() || k == kindFlag {
				h.add(-4) // a number or "no" can be a name
			} else {
				h.add(-7)
			}
		case k == kindDate || k == kindMoment:
			h.add(1.5) // the days of a table of figures
		case k == kindInteger && p.share(kind.numeric) == 0:
			h.add(.5) // numbers of items, none of which is a value of the column
		default:
			h.add(-1)
		}
	case k.typed():
		h.bits -= 2.5
	case typed >= .3:
		h.bits += 1 + word
	default:
		h.weighText(name, k, p, word)
	}
	if below := p.filled; below > 1 {
		switch {
		case first.flags&quoted != 0 && p.quoted == 0 && !(typed >= .75) && !bytes.ContainsAny(name, ",;\t|\"\r\n"):
			h.bits += 2 // no need of quotes
		case first.flags&quoted == 0 && p.quoted == below:
			h.bits += 1.5
		}
	}
}

func (h *headerReport) add(bits float64) {
	h.bits += bits
	h.typed += bits
}

// weighText compares a text with a column of texts.
func (h *headerReport) weighText(name []byte, k kind, p contents, word float64) {
	h.bits += word
	if p.repeats > 0 {
		h.bits -= 3
		h.repeated++
		return
	}
	n := len(name)
	switch digits := countDigits(name); {
	case digits*5 > n*2:
		h.bits -= 2.5 // codes and telephone numbers
	case digits == 0 && p.digits*10 > p.filled*9:
		h.bits += 2
	}
	if p.filled >= 3 {
		switch {
		case p.shortest == p.longest && n != p.shortest:
			h.bits += 2
		case p.shortest == p.longest:
			h.bits--
		case n < p.shortest || n > p.longest:
			h.bits += .7
		default:
			h.bits -= .3
		}
	}
	single := func(k kind) bool { return k == kindWord || k == kindName }
	if single(k) && p.share(single) < .3 {
		h.bits++
	}
	if !single(k) && p.share(single) > .8 {
		h.bits -= .5
	}
	if n > 60 {
		h.bits--
	}
}

func countDigits(b []byte) int {
	n := 0
	for _, c := range b {
		if classes[c] == isDigit {
			n++
		}
	}
	return n
}

func year(b []byte) bool {
	return len(b) == 4 && (string(b[:2]) == "19" || string(b[:2]) == "20") && allDigits(b)
}

// columnName returns how much a text looks like the name of a column, in bits: the usual words most, then
// snake_case and camelCase.
func columnName(b []byte) float64 {
	if len(b) > 60 {
		return 0
	}
	s := strings.ToLower(string(b))
	if columnNames[s] {
		return min(3, 1+float64(utf8.RuneCountInString(s))) // x and y may be anything
	}
	words := splitName(string(b))
	for _, w := range words {
		if len(words) <= 4 && columnNames[strings.ToLower(w)] {
			return 2
		}
	}
	snake := strings.Contains(s, "_") && !strings.Contains(s, " ")
	camel := len(words) > 1 && strings.IndexFunc(s, notLetter) < 0 && classes[b[0]]&isLower != 0
	if snake || camel {
		return 1
	}
	return 0
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

func notDigit(r rune) bool { return r < '0' || r > '9' }

// splitName cuts a name into words, at punctuation and where a capital follows a small letter.
func splitName(name string) []string {
	var words []string
	start, before := 0, ' '
	end := func(i int) {
		if i > start {
			words = append(words, name[start:i])
		}
	}
	for i, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
			start = i + utf8.RuneLen(r)
		case unicode.IsUpper(r) && unicode.IsLower(before):
			end(i)
			start = i
		}
		before = r
	}
	end(len(name))
	return words
}

// columnNames are words that name columns in the languages of most files.
var columnNames = wordSet(`
		id ids key code name names title label type kind class category group status state description desc
		comment comments note notes remark remarks date time datetime timestamp year month day week hour from to
		start end begin created updated modified first last firstname lastname surname email mail e-mail phone
		telephone mobile fax address street city town zip zipcode zip_code postcode postal country county region
		district province location place lat lon lng latitude longitude x y z value values amount total sum count
		number no nr num qty quantity price cost rate tax unit units currency percent percentage share score rank
		age sex gender height weight size length width color colour url link website image file filename path
		user username userid customer client company organization organisation department product item sku order
		invoice account balance language version source target model brand author text content message index
		column field
		bezeichnung beschreibung nummer anzahl menge preis betrag summe datum uhrzeit zeit jahr monat tag vorname
		nachname straße strasse ort plz stadt land telefon kunde kundennummer firma artikel art typ gruppe wert
		einheit bemerkung kommentar anrede geburtsdatum konto währung
		nom prénom prenom adresse rue ville pays courriel téléphone prix quantité montant taux libellé année mois
		jour heure numéro société valeur unité commentaire sexe âge
		nombre apellido apellidos dirección calle ciudad país correo teléfono precio cantidad importe fecha hora
		año mes día código descripción número empresa cliente producto valor unidad comentario edad sexo
		nome cognome indirizzo via città paese provincia telefono prezzo quantità importo data ora anno mese
		giorno codice descrizione numero azienda prodotto valore unità nota età sesso cap
		sobrenome endereço rua cidade estado telefone preço quantidade montante dia código descrição ano
		naam voornaam achternaam adres straat plaats stad telefoonnummer prijs aantal bedrag tijd jaar maand
		omschrijving klant waarde eenheid opmerking
		imię nazwisko adres ulica miasto kraj telefon cena ilość kwota rok miesiąc dzień opis numer klient wartość
		namn efternamn förnamn adress gata stad pris antal belopp år månad beskrivning kund
		navn fornavn etternavn efternavn gade by beløb måned beskrivelse kunde
		nimi etunimi sukunimi osoite katu kaupunki maa hinta määrä päivämäärä vuosi kuvaus
		jméno příjmení ulice město země množství částka rok měsíc popis
		név cím város ország ár mennyiség összeg dátum év leírás
		ad soyad adres şehir ülke fiyat miktar tarih yıl açıklama
		имя фамилия отчество адрес улица город страна телефон цена количество сумма дата время год месяц код
		описание название номер клиент значение тип
		όνομα επώνυμο διεύθυνση πόλη χώρα τιμή ποσότητα ημερομηνία έτος περιγραφή
		名前 氏名 住所 電話番号 日付 価格 数量 金額 名称 番号 年 月 姓名 地址 电话 日期 价格 数量 金额 名称 编号
		이름 주소 전화번호 날짜 가격 수량 금액
`)
