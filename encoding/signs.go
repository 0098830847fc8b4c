package encoding

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonSigns are those that are common in any language, the most frequent first.
const commonSigns = "’–€₪฿°“”„«»\u00A0£…‘—®™©²½×§¿¡ºª·№•±µ³‧¥¢¼¾"

const (
	costRareSign  = 9.5 * nat
	costKnownSign = 4 * nat // at most, of a sign that the text has anyway and that stands where it may
)

// signCost is the cost of a sign beyond ASCII, wherever it stands.
func signCost(r rune) cost {
	switch {
	case r == malformed || unicode.IsControl(r):
		return 14 * nat
	case unicode.Is(unicode.Sk, r) && r != '´': // which some write for an apostrophe
		return 12 * nat
	case 0x2500 <= r && r < 0x2600: // frames and blocks of the DOS code pages
		return 12 * nat
	}
	if at := strings.IndexRune(commonSigns, r); at >= 0 {
		rank := utf8.RuneCountInString(commonSigns[:at])
		return cost(nat * (3.9 + math.Log(float64(rank+2)/2)))
	}
	return costRareSign
}

// signHabits say next to what a sign stands.
type signHabits struct {
	opens  bool // a letter may stand behind it
	closes bool // a letter may stand before it
	joins  bool // it may stand between letters
	money  bool // it is a currency
}

func habitsOf(r rune) signHabits {
	return signHabits{
		joins:  strings.ContainsRune("’·\u00AD\u200C\u200D\u200E\u200F", r),
		opens:  strings.ContainsRune("«‹“‘„‚¿¡–°±µ\u00A0\u200E\u200F", r),
		closes: strings.ContainsRune("»›”’®™©º²³…–°\u00A0\u200E\u200F", r),
		money:  unicode.Is(unicode.Sc, r),
	}
}

// signPlace is the cost of a sign between two characters. Next is the byte behind right, if it is a letter; again says
// that an earlier word has the sign.
func signPlace(left, char, right *glyph, next byte, again bool) cost {
	place := besideLetters(left, char, right) + signHabit(left, char, right, next)
	if again && place <= 0 && char.cost < costRareSign {
		return min(char.cost, costKnownSign) + place
	}
	return char.cost + place
}

// besideLetters is the cost of the letters, digits and signs next to a sign.
func besideLetters(left, char, right *glyph) cost {
	sum := cost(0)
	before, behind := left.letter(), right.letter()
	switch {
	case before && behind && char.sign.joins:
	case before && behind && !(char.sign.opens && char.sign.closes):
		sum += 5 * nat
	case before && !char.sign.closes, behind && !char.sign.opens:
		sum += 2 * nat
	case before && behind:
		sum += 2 * nat
	case char.sign.money && (left.class == digit && char.rune != '¥' || right.class == digit && char.rune != '¢'):
		sum -= 1.5 * nat
	}
	if left.high && !left.letter() {
		sum += 1 * nat
	}
	return sum
}

// signHabit is the cost of the place of a sign that stands in few places only.
func signHabit(left, char, right *glyph, next byte) cost {
	const usual, unusual = -1.5 * nat, 2 * nat
	number := left.class == digit || right.class == digit
	switch char.rune {
	case '’':
		if left.class == lower && left.latin && right.latin && !right.high && !isElision(byte(right.rune)|0x20, next|0x20) {
			return 3 * nat
		}
	case '°':
		if right.letter() && (left.letter() || !strings.ContainsRune("CFKNSEWO", right.rune)) {
			return 3 * nat
		}
	case '¿', '¡', '„', '‚':
		if !right.letter() && right.class != digit && !right.high {
			return unusual
		}
	case '²', '³':
		switch {
		case left.rune == 'm':
			return usual
		case left.letter():
			return unusual
		}
	case '…', '™', '®':
		if left.letter() && !right.letter() {
			return usual
		}
	case '·': // as in col·lecció
		if left.letter() && right.letter() && (left.rune|0x20 != 'l' || right.rune|0x20 != 'l') {
			return 5 * nat
		}
	case 'º', 'ª':
		if left.class == digit {
			return usual
		}
	case 'µ':
		if strings.ContainsRune("mglsLFAVWS", right.rune) {
			return usual
		}
	case '½', '¼', '¾', '×', '±', '§':
		switch {
		case left.letter() || right.letter():
			return unusual
		case number:
			return usual
		}
	}
	return 0
}

// isElision says whether a word goes on like this behind an apostrophe, as in l’an, d’humour, it’s, we’ll or you’re. A next
// that is no letter is the end of the word.
func isElision(right, next byte) bool {
	switch right {
	case 's', 't', 'd', 'm':
		return !isASCIILetter(rune(next))
	case 'r', 'v':
		return next == 'e'
	case 'l':
		return next == 'l'
	}
	return strings.IndexByte("aeiouhy", right) >= 0
}
