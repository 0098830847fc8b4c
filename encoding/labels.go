package encoding

import (
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// byName finds an encoding by its canonical name in lower case.
var byName = func() map[string]*Encoding {
	m := make(map[string]*Encoding, len(encodings))
	for _, e := range encodings {
		m[strings.ToLower(e.name)] = e
	}
	return m
}()

// aliases are the names in use that the WHATWG standard does not list.
var aliases = map[string]string{
	"utf-8-sig":    "UTF-8",
	"utf-8-bom":    "UTF-8",
	"utf-16-le":    "UTF-16LE",
	"utf-16-be":    "UTF-16BE",
	"utf-32":       "UTF-32LE",
	"utf-32-le":    "UTF-32LE",
	"utf-32-be":    "UTF-32BE",
	"ucs-4":        "UTF-32LE",
	"gb-18030":     "gb18030", // as chardet writes it
	"uhc":          "EUC-KR",
	"latin-1":      "windows-1252",
	"latin-2":      "ISO-8859-2",
	"latin-9":      "ISO-8859-15",
	"latin9":       "ISO-8859-15",
	"macroman":     "macintosh",
	"mac-roman":    "macintosh",
	"mac-cyrillic": "x-mac-cyrillic",
	"maccyrillic":  "x-mac-cyrillic",
}

// codePages are the numbers that IBM and Microsoft gave, for labels such as cp850, IBM-850, ibm00858, windows-1252, 65001.
var codePages = map[string]string{
	"37": "IBM037", "1047": "IBM1047", "1140": "IBM1140",
	"437": "IBM437", "850": "IBM850", "852": "IBM852", "855": "IBM855", "858": "IBM858", "860": "IBM860",
	"862": "IBM862", "863": "IBM863", "865": "IBM865", "866": "IBM866",
	"874": "windows-874", "1250": "windows-1250", "1251": "windows-1251", "1252": "windows-1252", "1253": "windows-1253",
	"1254": "windows-1254", "1255": "windows-1255", "1256": "windows-1256", "1257": "windows-1257", "1258": "windows-1258",
	"932": "Shift_JIS", "943": "Shift_JIS", "936": "GBK", "949": "EUC-KR", "950": "Big5", "54936": "gb18030",
	"20932": "EUC-JP", "51932": "EUC-JP", "51949": "EUC-KR", "50220": "ISO-2022-JP", "50221": "ISO-2022-JP",
	"10000": "macintosh", "10007": "x-mac-cyrillic", "20866": "KOI8-R", "21866": "KOI8-U",
	"28591": "windows-1252", "28592": "ISO-8859-2", "28595": "ISO-8859-5", "28597": "ISO-8859-7", "28599": "windows-1254",
	"28605": "ISO-8859-15",
	"65001": "UTF-8", "1200": "UTF-16LE", "1201": "UTF-16BE", "12000": "UTF-32LE", "12001": "UTF-32BE",
}

// lookup finds the encoding a label stands for, nil if there is none.
//
// The standard's "replacement" encoding is left out on purpose: its labels (ISO-2022-KR, HZ-GB-2312, ...) are there to
// make browsers refuse a page, and a file must be refused with an error, not with one U+FFFD in place of its text.
func lookup(label string) *Encoding {
	label = strings.ToLower(strings.TrimSpace(label))
	l := strings.ReplaceAll(label, "_", "-")
	for _, l := range []string{label, l} {
		if e := byName[l]; e != nil {
			return e
		}
		if x, err := htmlindex.Get(l); err == nil && x != nil {
			if name, err := htmlindex.Name(x); err == nil {
				return byName[name]
			}
		}
	}
	if name, ok := aliases[l]; ok {
		return byName[strings.ToLower(name)]
	}
	for _, prefix := range []string{"csibm", "ccsid", "ibm", "windows", "cp", "dos", "x-cp"} {
		if rest, ok := strings.CutPrefix(l, prefix); ok {
			l = strings.TrimPrefix(rest, "-")
			break
		}
	}
	return byName[strings.ToLower(codePages[strings.TrimLeft(l, "0")])]
}
