package encoding

import "unicode/utf8"

// doubleModel says how probable the characters of a double-byte encoding are. The standards behind these put common
// ideographs or syllables in one run of lead bytes, in order of their reading, and rare ones in a second.
type doubleModel struct {
	language         string
	commonL, commonH byte          // lead bytes of the common ones
	rareL, rareH     byte          // lead bytes of the rare ones
	trail            byte          // the lowest trail byte of both; below are later extensions
	kana             bool          // kana are common
	common           float64       // logarithm of the probability of a common one
	frequent         map[rune]bool // those that are more frequent than others by far
}

// Logarithms of the probability of one character of a kind.
const (
	logKana      = -5.0
	logFrequent  = -5.0
	logRare      = -11.0
	logExtension = -13.0
	logPunct     = -7.0
	logHalfKana  = -8.0
	logBroken    = -14.0
)

// Characters that are frequent in names, addresses and running text.
var (
	frequentKanji            = setOf("日本一人大年中会国出生山田川町村市区東京西南北上下小高野原井木林森松藤佐谷崎島石橋藤加伊吉福岡部内長子美郎太正明和清水金土月火株式社名前都道府県新古三二四五六七八九十千百目番丁")
	frequentHanzi            = setOf("的一是不在人有我他这中大国上个来们到时地为子公司市区路号张王李刘陈杨黄赵周吴徐孙马朱胡林郭何高罗郑梁谢宋唐许邓明华文东南西北京江海山州省县街道村镇新建小平安国家有限红军伟芳丽强")
	frequentHanziTraditional = setOf("的一是不在人有我他這中大國上個來們到時地為子公司市區路號張王李劉陳楊黃趙周吳徐孫馬朱胡林郭何高羅鄭梁謝宋唐許鄧明華文東南西北京臺台灣江海山州省縣街道村鎮新建小平安家有限蔡志美淑玉英雄")
	frequentHangul           = setOf("이다는을의에고가하지로기사한은리자서시인대아도어김박최정강조윤장임수영성현민준지우진희경호주동구남북산부울광전원시면읍로길주식회사나라연미선")
)

func setOf(chars string) map[rune]bool {
	set := make(map[rune]bool)
	for _, r := range chars {
		set[r] = true
	}
	return set
}

var (
	japaneseSJIS       = &doubleModel{language: "Japanese", commonL: 0x88, commonH: 0x98, rareL: 0x99, rareH: 0xEA, trail: 0x40, kana: true, common: -8, frequent: frequentKanji}
	japaneseEUC        = &doubleModel{language: "Japanese", commonL: 0xB0, commonH: 0xCF, rareL: 0xD0, rareH: 0xF4, trail: 0xA1, kana: true, common: -8, frequent: frequentKanji}
	simplifiedChinese  = &doubleModel{language: "Chinese, simplified", commonL: 0xB0, commonH: 0xD7, rareL: 0xD8, rareH: 0xF7, trail: 0xA1, common: -8, frequent: frequentHanzi}
	traditionalChinese = &doubleModel{language: "Chinese, traditional", commonL: 0xA4, commonH: 0xC6, rareL: 0xC9, rareH: 0xF9, trail: 0x40, common: -8.3, frequent: frequentHanziTraditional}
	koreanWansung      = &doubleModel{language: "Korean", commonL: 0xB0, commonH: 0xC8, rareL: 0xCA, rareH: 0xFD, trail: 0xA1, common: -7.5, frequent: frequentHangul}
)

// score is the likelihood of the evidence.
func (m *doubleModel) score(ev *evidence, c codec) float64 {
	sum := 0.0
	for n := 0; n < len(ev.text); {
		r, size := c.next(ev.text[n:], nil)
		if r >= utf8.RuneSelf || r < 0 {
			if r == malformed && ev.cut && n+maxChar >= len(ev.text) {
				return sum + m.common // it is cut, not broken
			}
			sum += m.logP(r, ev.text[n:n+size])
		}
		n += size
	}
	return sum
}

// logP is the logarithm of the probability of a non-ASCII character that is written with these bytes.
func (m *doubleModel) logP(r rune, char []byte) float64 {
	lead := char[0]
	switch {
	case r == malformed:
		return logBroken
	case 0xFF61 <= r && r <= 0xFF9F:
		if !m.kana {
			return logRare
		}
		return logHalfKana
	case len(char) != 2:
		return logExtension
	case 0x3041 <= r && r <= 0x30FC:
		if !m.kana {
			return logRare
		}
		return logKana
	case char[1] < m.trail:
		return logExtension
	case m.commonL <= lead && lead <= m.commonH:
		if m.frequent[r] {
			return logFrequent
		}
		return m.common
	case m.rareL <= lead && lead <= m.rareH:
		return logRare
	case 0x3000 <= r && r <= 0x303F || 0xFF01 <= r && r <= 0xFF5E || 0x2010 <= r && r <= 0x2030 || r == '·':
		return logPunct
	}
	return logExtension
}
