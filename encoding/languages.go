package encoding

import (
	"math"
	"sync"
	"unicode"
	"unicode/utf8"
)

// language is a language by the letters it has beyond ASCII, in lower case, the most frequent first. The n-th of them is
// taken to occur in proportion to 1/(n+2): crude, but the sets differ so much that it rarely matters.
type language struct {
	name    string
	letters string

	once  sync.Once
	probs map[rune]float64
}

// Of the non-ASCII characters in a text, so many are letters of its language, signs that are common anywhere, and others.
const (
	shareLetters = 0.84
	shareSigns   = 0.14
	shareOthers  = 0.02
)

// signs are common in any language, the most frequent first.
const signs = "’–€°“”„«»\u00A0£…‘—®™©²½×§¿¡ºª·№•±µ³"

// logP is the logarithm of the probability of a non-ASCII character.
func (l *language) logP(r rune) float64 {
	l.once.Do(func() {
		l.probs = make(map[rune]float64)
		zipf(l.probs, signs, shareSigns)
		zipf(l.probs, l.letters, shareLetters)
	})
	if r == malformed || unicode.IsControl(r) {
		return -14
	}
	for _, same := range []rune{r, unicode.ToLower(r)} {
		if p, ok := l.probs[same]; ok {
			return math.Log(p)
		}
	}
	switch {
	case 0x2500 <= r && r < 0x2600: // frames and blocks of the DOS code pages
		return -12
	case unicode.IsLetter(r), unicode.IsMark(r):
		return math.Log(shareOthers / 100)
	}
	return math.Log(shareOthers / 300)
}

// zipf shares a probability out among characters in the order of their frequency.
func zipf(probs map[rune]float64, chars string, share float64) {
	sum := 0.0
	for n := range utf8.RuneCountInString(chars) {
		sum += 1 / float64(n+2)
	}
	n := 0
	for _, r := range chars {
		probs[r] = share / sum / float64(n+2)
		n++
	}
}

var (
	english    = &language{name: "English", letters: "éñïèçöüáóëôê"}
	german     = &language{name: "German", letters: "üäößé"}
	french     = &language{name: "French", letters: "éèêàçôîâûëïùœÿæ"}
	spanish    = &language{name: "Spanish", letters: "óíáñéúü"}
	portuguese = &language{name: "Portuguese", letters: "ãçáéóíõâêúôàü"}
	italian    = &language{name: "Italian", letters: "àèòùìéóî"}
	catalan    = &language{name: "Catalan", letters: "óàèéçíòúïü·"}
	dutch      = &language{name: "Dutch", letters: "ëéïöüèóáê"}
	swedish    = &language{name: "Swedish", letters: "öäåéü"}
	danish     = &language{name: "Danish or Norwegian", letters: "øåæéüöäòô"}
	finnish    = &language{name: "Finnish", letters: "äöåéšž"}
	icelandic  = &language{name: "Icelandic", letters: "áíóðéþúöæý"}

	polish    = &language{name: "Polish", letters: "łóąśżęńćź"}
	czech     = &language{name: "Czech", letters: "íáéřýěčžšůúňťďó"}
	slovak    = &language{name: "Slovak", letters: "áíéčýžšúťľôňóďäŕĺ"}
	hungarian = &language{name: "Hungarian", letters: "áéóöüőíúű"}
	romanian  = &language{name: "Romanian", letters: "ăţşîâțșéö"}
	croatian  = &language{name: "Croatian or Slovenian", letters: "ćčšžđ"}

	turkish    = &language{name: "Turkish", letters: "ışüğçöİâî"}
	estonian   = &language{name: "Estonian", letters: "äõüöšž"}
	latvian    = &language{name: "Latvian", letters: "āīšēņļžūķčģ"}
	lithuanian = &language{name: "Lithuanian", letters: "ėšžūčųąįę"}
	vietnamese = &language{name: "Vietnamese", letters: "\u0301\u0300\u0323đâăôưêơ\u0309\u0303áàéíóúèù"}

	russian    = &language{name: "Russian", letters: "оаеинртсвлкмдпуяыьгзбчйхжшюцщэфъё"}
	ukrainian  = &language{name: "Ukrainian", letters: "оаинівтерслкдумпязьбгйхчюжцїшщєфґ"}
	bulgarian  = &language{name: "Bulgarian", letters: "аиоентрсвлкдпмзгуябчъцйщжхшюфь"}
	serbian    = &language{name: "Serbian", letters: "аоиенртсјвкудмплзбгчшцњжћљхђфџ"}
	macedonian = &language{name: "Macedonian", letters: "аоиетнрсвдкплмјугзбчшцњжќфхѓљѕџ"}

	greek  = &language{name: "Greek", letters: "αοιετσνηυρπκμλςωίόάήέύγδχθφβξζώψϊϋΐΰ"}
	hebrew = &language{name: "Hebrew", letters: "יוהלאתר₪שבמןםנעחדקפגסטכזצךףץ"}
	arabic = &language{name: "Arabic", letters: "اليمنرتبودعسكهقفحةجصشىطخضأئإذزغءظثؤآ"}
	farsi  = &language{name: "Persian or Urdu", letters: "ايرندمهوتبسكشلیکگزخفہقےپجحںعچٹھطصڑآغذضئثظژڈ"}
	thai   = &language{name: "Thai", letters: "านรกเงอมยลว฿ดทส\u0E31ต\u0E34ะปบค\u0E35ห\u0E48แจ\u0E49พชข\u0E38\u0E39ไใโ\u0E4C\u0E37ผธณศซ\u0E33ถ\u0E36ฟ\u0E47ญภษฉฐฮฆฏฎฬฑฌฒฤๆฯ"}
)

var (
	western     = []*language{english, german, french, spanish, portuguese, italian, catalan, dutch, swedish, danish, finnish, icelandic, estonian}
	dos         = []*language{english, german, french, spanish, italian, catalan, dutch, swedish, finnish}
	central     = []*language{polish, czech, slovak, hungarian, romanian, croatian, german}
	baltic      = []*language{estonian, latvian, lithuanian, polish, german}
	cyrillic    = []*language{russian, ukrainian, bulgarian, serbian, macedonian}
	cyrillicOld = []*language{russian, ukrainian, bulgarian}
	arabian     = []*language{arabic, farsi}
)

// legacyEncoding is an encoding to try, with the languages that are written in it.
type legacyEncoding struct {
	enc       *Encoding
	prior     float64 // logarithm of how common it is, compared with windows-1252
	languages []*language
	double    *doubleModel // in place of languages

	once sync.Once
	m    *model
}

func (l *legacyEncoding) model() *model {
	l.once.Do(func() { l.m = newModel(l.enc.single, l.languages) })
	return l.m
}

// legacy are the encodings to try. Where two are equally good the first wins, so the common ones stand first.
var legacy = []legacyEncoding{
	{enc: byName["windows-1252"], languages: western},
	{enc: byName["windows-1251"], prior: -1, languages: cyrillic},
	{enc: byName["windows-1250"], prior: -1.5, languages: central},
	{enc: byName["gbk"], prior: -1, double: simplifiedChinese},
	{enc: byName["shift_jis"], prior: -1, double: japaneseSJIS},
	{enc: byName["euc-kr"], prior: -1, double: koreanWansung},
	{enc: byName["big5"], prior: -1, double: traditionalChinese},
	{enc: byName["windows-1254"], prior: -2, languages: []*language{turkish}},
	{enc: byName["windows-1256"], prior: -1.5, languages: arabian},
	{enc: byName["windows-1253"], prior: -1.5, languages: []*language{greek}},
	{enc: byName["windows-1255"], prior: -1.5, languages: []*language{hebrew}},
	{enc: byName["windows-1257"], prior: -2, languages: baltic},
	{enc: byName["windows-1258"], prior: -2, languages: []*language{vietnamese}},
	{enc: byName["windows-874"], prior: -1.5, languages: []*language{thai}},
	{enc: byName["iso-8859-2"], prior: -2.5, languages: central},
	{enc: byName["iso-8859-15"], prior: -2.5, languages: western},
	{enc: byName["iso-8859-5"], prior: -3, languages: cyrillic},
	{enc: byName["iso-8859-7"], prior: -3, languages: []*language{greek}},
	{enc: byName["iso-8859-6"], prior: -4, languages: []*language{arabic}},
	{enc: byName["koi8-r"], prior: -1.5, languages: []*language{russian}},
	{enc: byName["koi8-u"], prior: -2, languages: []*language{ukrainian}},
	{enc: byName["euc-jp"], prior: -2, double: japaneseEUC},
	{enc: byName["gb18030"], prior: -2, double: simplifiedChinese},
	{enc: byName["ibm866"], prior: -2, languages: cyrillicOld},
	{enc: byName["ibm850"], prior: -3, languages: western},
	{enc: byName["ibm852"], prior: -3, languages: central},
	{enc: byName["ibm437"], prior: -3.5, languages: dos},
	{enc: byName["ibm855"], prior: -5, languages: cyrillic},
	{enc: byName["macintosh"], prior: -3, languages: western},
	{enc: byName["x-mac-cyrillic"], prior: -3, languages: cyrillic},
}
