package encoding

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/saintfish/chardet"
)

// legacyEncoding is an encoding to try, with the languages that are written in it.
type legacyEncoding struct {
	enc     *Encoding
	prior   cost   // how rare it is, compared with windows-1252
	names   string // of the languages
	charset string // in place of names, for the encodings with more than one byte to a character

	once   sync.Once
	single *singleModel
	double *doubleModel
}

const (
	western  = "European English German French Spanish Portuguese Italian Catalan Galician Basque Dutch Swedish Danish Norwegian Finnish Icelandic Estonian Irish Albanian Afrikaans"
	dos      = "European English German French Spanish Italian Catalan Dutch Swedish Finnish"
	central  = "Central-European Polish Czech Slovak Hungarian Romanian Croatian Slovenian Albanian German"
	baltic   = "Estonian Latvian Lithuanian Polish German"
	cyrillic = "Russian Ukrainian Bulgarian Serbian Macedonian Belarusian"
)

// legacy are the encodings to try. Where two are equally good the first wins, so the common ones stand first.
var legacy = [...]legacyEncoding{
	{enc: byName["windows-1252"], names: western},
	{enc: byName["windows-1251"], prior: 1 * nat, names: cyrillic},
	{enc: byName["windows-1250"], prior: 1.5 * nat, names: central},
	{enc: byName["gbk"], prior: 1 * nat, charset: "Chinese, simplified"},
	{enc: byName["shift_jis"], prior: 1 * nat, charset: "Japanese"},
	{enc: byName["euc-kr"], prior: 1 * nat, charset: "Korean"},
	{enc: byName["big5"], prior: 1 * nat, charset: "Chinese, traditional"},
	{enc: byName["windows-1254"], prior: 2 * nat, names: "Turkish"},
	{enc: byName["windows-1256"], prior: 1.5 * nat, names: "Arabic Persian Urdu"},
	{enc: byName["windows-1253"], prior: 1.5 * nat, names: "Greek"},
	{enc: byName["windows-1255"], prior: 1.5 * nat, names: "Hebrew"},
	{enc: byName["windows-1257"], prior: 2 * nat, names: baltic},
	{enc: byName["windows-1258"], prior: 2 * nat, names: "Vietnamese"},
	{enc: byName["windows-874"], prior: 1.5 * nat, names: "Thai"},
	{enc: byName["iso-8859-2"], prior: 2.5 * nat, names: central},
	{enc: byName["iso-8859-15"], prior: 2.5 * nat, names: western},
	{enc: byName["iso-8859-5"], prior: 3 * nat, names: cyrillic},
	{enc: byName["iso-8859-7"], prior: 3 * nat, names: "Greek"},
	{enc: byName["iso-8859-6"], prior: 4 * nat, names: "Arabic"},
	{enc: byName["koi8-r"], prior: 1.5 * nat, names: "Russian"},
	{enc: byName["koi8-u"], prior: 2 * nat, names: "Ukrainian"},
	{enc: byName["euc-jp"], prior: 2 * nat, charset: "Japanese"},
	{enc: byName["gb18030"], prior: 2 * nat, charset: "Chinese, simplified"},
	{enc: byName["ibm866"], prior: 2 * nat, names: "Russian Ukrainian Bulgarian Belarusian"},
	{enc: byName["ibm850"], prior: 3 * nat, names: western},
	{enc: byName["ibm852"], prior: 3 * nat, names: central},
	{enc: byName["ibm437"], prior: 3.5 * nat, names: dos},
	{enc: byName["ibm855"], prior: 5 * nat, names: cyrillic},
	{enc: byName["ibm860"], prior: 5 * nat, names: "Portuguese"},
	{enc: byName["ibm865"], prior: 5 * nat, names: "Danish Norwegian"},
	{enc: byName["ibm863"], prior: 7 * nat, names: "French"},
	{enc: byName["macintosh"], prior: 3 * nat, names: western},
	{enc: byName["x-mac-cyrillic"], prior: 3 * nat, names: cyrillic},
	{enc: byName["iso-8859-4"], prior: 6 * nat, names: baltic},
	{enc: byName["iso-8859-13"], prior: 6 * nat, names: baltic},
	{enc: byName["iso-8859-16"], prior: 6 * nat, names: "Romanian Polish Hungarian Croatian Slovenian Albanian"},
	{enc: byName["iso-8859-8"], prior: 6 * nat, names: "Hebrew"},
	{enc: byName["ibm862"], prior: 6 * nat, names: "Hebrew"},
	{enc: byName["iso-8859-10"], prior: 8 * nat, names: "Icelandic Swedish Norwegian Finnish Estonian"},
	{enc: byName["iso-8859-3"], prior: 8 * nat, names: "Esperanto Maltese Turkish"},
	{enc: byName["iso-8859-14"], prior: 8 * nat, names: "Irish Welsh"},
}

// prepare makes the model, once.
func (l *legacyEncoding) prepare() {
	l.once.Do(func() {
		l.enc.prepare()
		if l.charset != "" {
			l.double = newDoubleModel(l.enc, letters().charsets[l.charset])
		} else {
			l.single = newSingleModel(l.enc.single, languagesOf(l.names))
		}
	})
}

// scored is an encoding with the likelihood of the evidence in it.
type scored struct {
	enc      *Encoding
	language string  // the one that its text looks most like
	score    float64 // natural logarithm of the likelihood, plus a constant; more is better
}

// candidates scores all legacy encodings, best first. This is the seam: nothing else knows how the likelihood of a text
// is found.
//
// Here it is that of its letters, each given the one before it, in the language that fits best, times that of its shape:
// upper and lower case, words of one letter, signs within words. ASCII words cost nothing, so that their share makes no
// difference.
func candidates(ev *evidence) []scored {
	tallies := ev.tallies[:]
	for i := range tallies {
		legacy[i].prepare()
		tallies[i].reset(&legacy[i])
	}
	best := cost(0) // of no evidence: some prior is 0
	for from, to, size := 0, 0, firstRound; from < len(ev.parts); from, size = to, 2*size {
		for to = from; to < len(ev.parts) && ev.start(to).text < size; to++ {
		}
		best = math.MaxInt32
		for i := range tallies {
			if t := &tallies[i]; t.behind == 0 {
				t.add(ev, from, to)
				best = min(best, t.cost)
			}
		}
		for i := range tallies {
			if t := &tallies[i]; t.behind == 0 && t.cost > best+hopeless {
				t.behind = t.cost - best
			}
		}
	}
	all := make([]scored, len(tallies))
	for i := range tallies {
		t := &tallies[i]
		if t.behind > 0 {
			t.cost = best + t.behind
		}
		all[i] = scored{t.enc, t.language(), -float64(t.cost) / nat}
	}
	better := func(a, b scored) int { return cmp.Compare(b.score, a.score) }
	slices.SortStableFunc(all, better) // equal scores stay in the order of legacy
	if r := rival(all, ev); r > 0 && all[0].score-all[r].score < small && ev.chars >= enough {
		witness(all, ev)
		slices.SortStableFunc(all, better)
	}
	return all
}

// The evidence is looked at in rounds, each as long as all before it. An encoding that is far behind the best falls out.
const (
	firstRound = 512      // bytes of the evidence
	hopeless   = 40 * nat // how far an encoding is behind that falls out
)

// A tally is the cost of the evidence in an encoding, as far as it was looked at.
type tally struct {
	*legacyEncoding
	cost      cost
	languages [maxLanguages]cost // in each of the languages
	behind    cost               // by how much it was behind when it fell out; 0 if it did not
}

func (t *tally) reset(l *legacyEncoding) { *t = tally{legacyEncoding: l, cost: l.prior} }

// add looks at some parts of the evidence.
func (t *tally) add(ev *evidence, from, to int) {
	if t.double != nil {
		t.cost += t.double.cost(ev, from, to)
		return
	}
	sums := t.languages[:len(t.single.languages)]
	t.single.add(sums, ev, from, to)
	t.cost = t.prior + slices.Min(sums)
}

// language is the one that the evidence looks most like.
func (t *tally) language() string {
	if t.double != nil {
		return t.double.name
	}
	sums := t.languages[:len(t.single.languages)]
	return t.single.languages[slices.Index(sums, slices.Min(sums))].name
}

const (
	small         = 2.0 // a margin at which chardet is asked
	enough        = 16  // bytes that are not ASCII; with fewer chardet misleads
	witnessWeight = 1.0 // what chardet's full confidence adds to a score
	maxWitnessed  = 2 << 10
)

// rival gives the index of the best candidate that reads the evidence as another text than the first; 0 if none does.
func rival(all []scored, ev *evidence) int {
	for i := 1; i < len(all); i++ {
		if !sameText(all[0].enc, all[i].enc, ev) {
			return i
		}
	}
	return 0
}

// witness adds what saintfish/chardet thinks. Its list comes in an order that varies between runs, so only its figures are
// used; labels that we have no encoding for (IBM420_ltr, IBM424_rtl, ...) fall away.
func witness(all []scored, ev *evidence) {
	results, err := chardet.NewTextDetector().DetectAll(ev.text[:min(len(ev.text), maxWitnessed)])
	if err != nil {
		return // it recognised nothing
	}
	confidence := make(map[*Encoding]int)
	for _, r := range results {
		if e := lookup(r.Charset); e != nil {
			confidence[e] = max(confidence[e], r.Confidence)
		}
	}
	for i := range all {
		all[i].score += witnessWeight * float64(confidence[all[i].enc]) / 100
	}
}

// rank turns scores into confidences, in the same order: the share of a candidate in the likelihood of all, where of those
// that read the evidence as the same text only the best counts; and less with few characters.
func rank(scores []scored, ev *evidence) []Candidate {
	const temperature = 1.5   // characters are not as independent as the score has it
	const negligible = 1.0e-6 // too little to matter whether the text is the same
	out := make([]Candidate, len(scores))
	sum := 0.0
	for i, s := range scores {
		share := math.Exp((s.score - scores[0].score) / temperature)
		out[i] = Candidate{Label: s.enc.name, Confidence: share}
		same := func(better scored) bool { return sameText(better.enc, s.enc, ev) }
		out[i].Same = i > 0 && (share >= negligible || s.enc.single != nil) && same(scores[0])
		if share < negligible || !slices.ContainsFunc(scores[:i], same) {
			sum += share
		}
	}
	trust := float64(ev.chars) / float64(ev.chars+1)
	for i := range out {
		out[i].Confidence *= trust / sum
	}
	return out
}

// sameText says whether two encodings read the evidence as the same text.
func sameText(a, b *Encoding, ev *evidence) bool {
	switch {
	case a.single == nil && b.single == nil:
		textA, _ := a.Append(nil, ev.text)
		textB, _ := b.Append(nil, ev.text)
		return string(textA) == string(textB)
	case a.single == nil || b.single == nil:
		return false
	}
	for i := 0x80; i < 0x100; i++ {
		if ev.count[i] > 0 && a.single.runes[i] != b.single.runes[i] {
			return false
		}
	}
	return true
}
