package main

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/unicode/norm"
)

// words reads words below a root directory and hands them out with a weight. One that is "" has none.
type words func(root string, word func(w string, weight float64)) error

// text is the words of a source, weighted so that all together weigh its share.
type text map[string]float64

// read reads the sources of a language.
func read(root string, sources []share) ([]text, error) {
	var all []text
	for _, s := range sources {
		t, sum := make(text), 0.0
		err := s.words(root, func(w string, weight float64) {
			t[w] += weight
			sum += weight
		})
		if err != nil {
			return nil, err
		}
		for w := range t {
			t[w] *= s.part / sum
		}
		all = append(all, t)
	}
	return all, nil
}

// split hands out the words of a text: runs of letters and marks.
func split(text string, word func(w string, weight float64)) {
	for _, w := range strings.FieldsFunc(norm.NFC.String(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
		word(w, 1)
	}
}

func none(string, func(string, float64)) error { return nil }

// hunspell reads a spelling dictionary: the stems, without what the affix file makes of them.
func hunspell(name string) words {
	if name == "" {
		return none
	}
	return func(root string, word func(string, float64)) error {
		aff, dic, err := openDictionary(root, name)
		if err != nil {
			return err
		}
		charset := "iso-8859-1" // what hunspell(5) says of a dictionary that says nothing
		for line := range bytes.Lines(aff) {
			if set, ok := bytes.CutPrefix(bytes.TrimPrefix(line, []byte("\uFEFF")), []byte("SET")); ok {
				charset = strings.TrimSpace(string(set))
				break
			}
		}
		if rest, ok := strings.CutPrefix(charset, "ISO8859"); ok {
			charset = "iso-8859" + rest
		}
		enc, err := htmlindex.Get(charset)
		if err != nil {
			return fmt.Errorf("%s: %q: %w", name, charset, err)
		}
		lines := bufio.NewScanner(enc.NewDecoder().Reader(bytes.NewReader(dic)))
		for lines.Scan() {
			stem, _, _ := strings.Cut(lines.Text(), "/")
			split(stem, word)
		}
		return lines.Err()
	}
}

func openDictionary(root, name string) (aff, dic []byte, err error) {
	for _, dir := range []string{"hunspell", "myspell/dicts"} {
		path := filepath.Join(root, "usr/share", dir, name)
		if dic, err = os.ReadFile(path + ".dic"); err == nil {
			aff, err = os.ReadFile(path + ".aff")
			return aff, dic, err
		}
	}
	return nil, nil, err
}

// cldr reads what the Unicode Common Locale Data Repository has in a locale: names of countries, regions, languages,
// currencies, cities and units, and the words for emoji.
func cldr(locale string) words {
	return func(root string, word func(string, float64)) error {
		found := false
		for _, part := range []string{"main", "annotations", "subdivisions"} {
			file, err := os.Open(filepath.Join(root, "usr/share/unicode/cldr/common", part, locale+".xml"))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return err
			}
			defer file.Close()
			found = true
			if err := readXML(file, word); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("no locale %q", locale)
		}
		return nil
	}
}

func readXML(r io.Reader, word func(string, float64)) error {
	d := xml.NewDecoder(r)
	skip := 0 // how deep within elements that hold sets of characters, patterns and rules
	for {
		token, err := d.Token()
		switch t := token.(type) {
		case xml.StartElement:
			if skip > 0 || t.Name.Local == "characters" {
				skip++
			}
		case xml.EndElement:
			if skip > 0 {
				skip--
			}
		case xml.CharData:
			if skip == 0 {
				split(string(t), word)
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// isoCodes reads the translations of the names of countries, their parts, languages, scripts and currencies. They are
// in the form of GNU gettext; see its manual, "The Format of GNU MO Files".
func isoCodes(locale string) words {
	if locale == "" {
		return none
	}
	return func(root string, word func(string, float64)) error {
		files, err := filepath.Glob(filepath.Join(root, "usr/share/locale", locale, "LC_MESSAGES/iso_*.mo"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no translation %q: %w", locale, err)
		}
		for _, path := range files {
			mo, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			u := func(at uint32) uint32 { return binary.LittleEndian.Uint32(mo[at:]) }
			if u(0) != 0x950412de {
				return fmt.Errorf("%s is no little-endian MO file", path)
			}
			message := func(table, i uint32) string {
				length, at := u(table+8*i), u(table+8*i+4)
				return string(mo[at : at+length])
			}
			for i := range u(8) {
				id, translated := message(u(12), i), message(u(16), i)
				if id != "" && id != translated {
					split(translated, word)
				}
			}
		}
		return nil
	}
}

// jieba reads the dictionary of a Chinese word segmenter, which counts its words: those of a kind, such as nr for the
// names of persons and ns for those of places.
func jieba(kind string) words {
	return func(root string, word func(string, float64)) error {
		file, err := os.Open(filepath.Join(root, "usr/lib/python3/dist-packages/jieba/dict.txt"))
		if err != nil {
			return err
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) != 3 || !strings.HasPrefix(fields[2], kind) {
				continue
			}
			n, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				return err
			}
			word(fields[0], n)
		}
		return lines.Err()
	}
}

// traditional writes simplified Chinese words in traditional characters; where there are several for one, each in its
// turn.
func traditional(simplified words) words {
	return func(root string, word func(string, float64)) error {
		variants := make(map[rune][]rune)
		file, err := os.Open(filepath.Join(root, "usr/share/unicode/Unihan_Variants.txt.bz2"))
		if err != nil {
			return err
		}
		defer file.Close()
		s := bufio.NewScanner(bzip2.NewReader(file))
		for s.Scan() {
			fields := strings.Fields(s.Text())
			if len(fields) < 3 || fields[1] != "kTraditionalVariant" {
				continue
			}
			from, err := codePoint(fields[0])
			if err != nil {
				return err
			}
			for _, f := range fields[2:] {
				to, err := codePoint(f)
				if err != nil {
					return err
				}
				variants[from] = append(variants[from], to)
			}
		}
		if s.Err() != nil {
			return s.Err()
		}
		return simplified(root, func(w string, weight float64) {
			most := 1
			for _, r := range w {
				most = max(most, len(variants[r]))
			}
			for i := range most {
				word(strings.Map(func(r rune) rune {
					if v := variants[r]; len(v) > 0 {
						return v[i%len(v)]
					}
					return r
				}, w), weight/float64(most))
			}
		})
	}
}

func codePoint(s string) (rune, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "U+"), 16, 32)
	return rune(n), err
}

// ipadic reads the dictionary of a Japanese morphological analyser, or one part of it. Its words have a cost, 800 times
// the negative logarithm of their probability or so; a larger scale gives the rare ones more weight.
func ipadic(part string) words {
	return func(root string, word func(string, float64)) error {
		files, err := filepath.Glob(filepath.Join(root, "usr/share/mecab/dic/ipadic", part+".csv"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no dictionary %q: %w", part, err)
		}
		jis, err := htmlindex.Get("euc-jp")
		if err != nil {
			return err
		}
		for _, path := range files {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text, err := jis.NewDecoder().Bytes(raw)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(text)) {
				fields := strings.SplitN(line, ",", 5)
				if len(fields) < 5 {
					continue
				}
				cost, err := strconv.ParseFloat(fields[3], 64)
				if err != nil {
					continue // the word itself is a comma
				}
				word(fields[0], math.Exp(-cost/1200))
			}
		}
		return nil
	}
}

// toneMarks writes Vietnamese as windows-1258 does: the tone as a mark behind its letter. Where the encoding has the
// letter with its tone, both forms are in use.
func toneMarks(sources []share) []share {
	marks := strings.NewReplacer("\u0300", "", "\u0301", "", "\u0303", "", "\u0309", "", "\u0323", "")
	for i, s := range sources {
		sources[i].words = func(root string, word func(string, float64)) error {
			return s.words(root, func(w string, weight float64) {
				var apart, together strings.Builder
				for _, r := range norm.NFC.String(w) {
					d := norm.NFD.String(string(r))
					letter := marks.Replace(d)
					tone := strings.TrimPrefix(norm.NFC.String(d), norm.NFC.String(letter))
					if tone == string(r) {
						tone = ""
						for _, m := range d {
							if strings.ContainsRune("\u0300\u0301\u0303\u0309\u0323", m) {
								tone = string(m)
							}
						}
					}
					apart.WriteString(norm.NFC.String(letter) + tone)
					if r < 0x100 {
						together.WriteRune(r)
					} else {
						together.WriteString(norm.NFC.String(letter) + tone)
					}
				}
				word(apart.String(), weight/2)
				word(together.String(), weight/2)
			})
		}
	}
	return sources
}

// cedillas writes Romanian in both of its forms: with commas below s and t, as is right, and with cedillas, as most legacy
// encodings have it.
func cedillas(sources []share) []share {
	cedilla := strings.NewReplacer("ș", "ş", "ț", "ţ", "Ș", "Ş", "Ț", "Ţ")
	for i, s := range sources {
		sources[i].words = func(root string, word func(string, float64)) error {
			return s.words(root, func(w string, weight float64) {
				word(w, weight/2)
				word(cedilla.Replace(w), weight/2)
			})
		}
	}
	return sources
}
