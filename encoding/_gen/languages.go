package main

import (
	"strings"
	"unicode"
)

// A share is a source with the part that it has in the figures of a language.
type share struct {
	part float64
	words
}

// language is one that is written with an alphabet.
type language struct {
	name    string
	script  *unicode.RangeTable
	sources []share
}

// alphabetic are the sources of a language: a dictionary, the words of its locale, and names of places, languages and
// currencies. What a language does not have is left out.
func alphabetic(dic, locale, translation string) []share {
	return []share{{4, hunspell(dic)}, {3, cldr(locale)}, {2, isoCodes(translation)}}
}

// together are the sources of several languages, for tables with names of many countries.
func together(names ...string) []share {
	var all []share
	for _, n := range names {
		f := strings.Fields(n)
		all = append(all, alphabetic(strings.Trim(f[0], "-"), f[1], f[2])...)
	}
	return all
}

var languages = []language{
	{"European", unicode.Latin, together("de_DE de de", "fr fr fr", "es_ES es es", "pt_BR pt pt_BR", "it_IT it it", "nl nl nl", "sv_SE sv sv", "da_DK da da", "is_IS is is", "ca ca ca", "- fi fi")},
	{"Central-European", unicode.Latin, together("pl_PL pl pl", "cs_CZ cs cs", "sk_SK sk sk", "hu_HU hu hu", "ro_RO ro ro", "hr_HR hr hr", "sl_SI sl sl", "de_DE de de")},

	{"English", unicode.Latin, alphabetic("en_US", "en", "")},
	{"German", unicode.Latin, alphabetic("de_DE", "de", "de")},
	{"French", unicode.Latin, alphabetic("fr", "fr", "fr")},
	{"Spanish", unicode.Latin, alphabetic("es_ES", "es", "es")},
	{"Portuguese", unicode.Latin, append(alphabetic("pt_BR", "pt", "pt_BR"), alphabetic("pt_PT", "pt_PT", "pt")...)},
	{"Italian", unicode.Latin, alphabetic("it_IT", "it", "it")},
	{"Catalan", unicode.Latin, alphabetic("ca", "ca", "ca")},
	{"Galician", unicode.Latin, alphabetic("gl_ES", "gl", "gl")},
	{"Basque", unicode.Latin, alphabetic("eu", "eu", "eu")},
	{"Dutch", unicode.Latin, alphabetic("nl", "nl", "nl")},
	{"Swedish", unicode.Latin, alphabetic("sv_SE", "sv", "sv")},
	{"Danish", unicode.Latin, alphabetic("da_DK", "da", "da")},
	{"Norwegian", unicode.Latin, append(alphabetic("nb_NO", "no", "nb"), alphabetic("nn_NO", "nn", "nn")...)},
	{"Finnish", unicode.Latin, alphabetic("", "fi", "fi")},
	{"Icelandic", unicode.Latin, alphabetic("is_IS", "is", "is")},
	{"Irish", unicode.Latin, alphabetic("ga_IE", "ga", "ga")},
	{"Welsh", unicode.Latin, alphabetic("", "cy", "cy")},
	{"Albanian", unicode.Latin, alphabetic("sq_AL", "sq", "sq")},
	{"Afrikaans", unicode.Latin, alphabetic("af_ZA", "af", "af")},

	{"Polish", unicode.Latin, alphabetic("pl_PL", "pl", "pl")},
	{"Czech", unicode.Latin, alphabetic("cs_CZ", "cs", "cs")},
	{"Slovak", unicode.Latin, alphabetic("sk_SK", "sk", "sk")},
	{"Hungarian", unicode.Latin, alphabetic("hu_HU", "hu", "hu")},
	{"Romanian", unicode.Latin, cedillas(alphabetic("ro_RO", "ro", "ro"))},
	{"Croatian", unicode.Latin, append(alphabetic("hr_HR", "hr", "hr"), share{1, hunspell("sr_Latn_RS")}, share{1, hunspell("bs_BA")})},
	{"Slovenian", unicode.Latin, alphabetic("sl_SI", "sl", "sl")},
	{"Turkish", unicode.Latin, alphabetic("tr_TR", "tr", "tr")},
	{"Estonian", unicode.Latin, alphabetic("et_EE", "et", "et")},
	{"Latvian", unicode.Latin, alphabetic("lv_LV", "lv", "lv")},
	{"Lithuanian", unicode.Latin, alphabetic("lt_LT", "lt", "lt")},
	{"Vietnamese", unicode.Latin, toneMarks(alphabetic("vi_VN", "vi", "vi"))},
	{"Esperanto", unicode.Latin, alphabetic("", "eo", "eo")},
	{"Maltese", unicode.Latin, alphabetic("", "mt", "mt")},

	{"Russian", unicode.Cyrillic, alphabetic("ru_RU", "ru", "ru")},
	{"Ukrainian", unicode.Cyrillic, alphabetic("uk_UA", "uk", "uk")},
	{"Belarusian", unicode.Cyrillic, alphabetic("be_BY", "be", "be")},
	{"Bulgarian", unicode.Cyrillic, alphabetic("bg_BG", "bg", "bg")},
	{"Serbian", unicode.Cyrillic, alphabetic("sr_RS", "sr", "sr")},
	{"Macedonian", unicode.Cyrillic, alphabetic("", "mk", "mk")},

	{"Greek", unicode.Greek, alphabetic("el_GR", "el", "el")},
	{"Hebrew", unicode.Hebrew, alphabetic("he_IL", "he", "he")},
	{"Arabic", unicode.Arabic, alphabetic("ar", "ar", "ar")},
	{"Persian", unicode.Arabic, alphabetic("fa_IR", "fa", "fa")},
	{"Urdu", unicode.Arabic, alphabetic("", "ur", "")},
	{"Thai", unicode.Thai, alphabetic("th_TH", "th", "th")},
}

// charset is a language with so many characters that pairs of them would tell nothing.
type charset struct {
	name    string
	ranges  [][2]rune // of the characters that are counted, with both ends
	sources []share
}

var (
	kana        = [2]rune{0x3000, 0x30FF} // with the punctuation
	ideographs  = [2]rune{0x4E00, 0x9FFF}
	hangul      = [2]rune{0xAC00, 0xD7A3}
	wideAndHalf = [2]rune{0xFF00, 0xFFEF}
)

var charsets = []charset{
	{"Chinese, simplified", [][2]rune{kana, ideographs, wideAndHalf},
		[]share{{4, jieba("")}, {3, jieba("nr")}, {2, jieba("ns")}, {1.5, cldr("zh")}, {0.5, isoCodes("zh_CN")}}},
	{"Chinese, traditional", [][2]rune{kana, ideographs, wideAndHalf},
		[]share{{4, traditional(jieba(""))}, {3, traditional(jieba("nr"))}, {2, traditional(jieba("ns"))}, {1.5, cldr("zh_Hant")}, {0.5, isoCodes("zh_TW")}}},
	{"Japanese", [][2]rune{kana, ideographs, wideAndHalf},
		[]share{{2, ipadic("*")}, {2, ipadic("Noun")}, {1, ipadic("Noun.verbal")}, {3, ipadic("Noun.name")}, {2, ipadic("Noun.place")}, {0.5, ipadic("Noun.org")}, {1, cldr("ja")}, {0.5, isoCodes("ja")}}},
	{"Korean", [][2]rune{kana, ideographs, hangul, wideAndHalf},
		[]share{{4, hunspell("ko")}, {4, cldr("ko")}, {2, isoCodes("ko")}}},
}
