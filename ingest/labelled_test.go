package ingest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest"
)

var corpus = flag.String("corpus", "", "a `folder` of labelled files, see TestSniffLabelled")

// A label is what a person says of a file; what is null is not asked.
type label struct {
	Delimiter  *string `json:"delimiter"`
	Quote      *string `json:"quote"`      // "" or null, where there is none, counts as "
	Escape     *string `json:"escape"`     // the quote itself: doubled
	Comment    *string `json:"comment"`    // "": there is none
	FirstLine  *int    `json:"first_line"` // physical lines above the table; blank ones and comments behind them do not count
	Header     *int    `json:"header"`     // 0: there is none
	LineEnding *string `json:"line_ending"`
}

// TestSniffLabelled scores what is found of labelled files of your own: the folder that the flag -corpus names has a
// truth.jsonl with an object for each, {"file": path in the folder, "truth": label}.
//
//	go test ./ingest -run Labelled -v -corpus DIR
func TestSniffLabelled(t *testing.T) {
	truth, err := os.ReadFile(filepath.Join(*corpus, "truth.jsonl"))
	if *corpus == "" || os.IsNotExist(err) {
		t.Skip("give a folder of labelled files: -corpus DIR")
	}
	require.NoError(t, err)
	type score struct{ right, all int }
	scores := map[string]score{}
	for line := range strings.Lines(string(truth)) {
		var labelled struct {
			File  string `json:"file"`
			Truth label  `json:"truth"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &labelled))
		file, err := os.ReadFile(filepath.Join(*corpus, labelled.File))
		require.NoError(t, err)
		var p ingest.Pipeline
		found, err := p.Sniff(t.Context(), bytes.NewReader(file))
		if found == nil {
			t.Logf("%s: %v", labelled.File, err)
			found = &ingest.Found{}
		}
		for what, right := range labelled.Truth.check(found) {
			s := scores[what]
			s.all++
			if right {
				s.right++
			} else if what != "dialect" {
				t.Logf("%s: %s", labelled.File, what)
			}
			scores[what] = s
		}
	}
	for _, what := range slices.Sorted(maps.Keys(scores)) {
		s := scores[what]
		t.Logf("%-12s %4d of %4d  %5.2f %%", what, s.right, s.all, 100*float64(s.right)/float64(s.all))
	}
}

// check says what is right of what was found.
func (l *label) check(found *ingest.Found) map[string]bool {
	right := map[string]bool{}
	d := found.Dialect.Dialect
	quote := func(s string) string {
		if s == "" || s == dialect.None {
			return `"`
		}
		return s
	}
	want := `"`
	if l.Quote != nil {
		want = quote(*l.Quote)
	}
	if l.Delimiter != nil {
		right["delimiter"] = d.Delimiter == *l.Delimiter
		right["quote"] = quote(d.Quote) == want
		right["dialect"] = right["delimiter"] && right["quote"]
	}
	if l.Escape != nil {
		escape := d.Escape
		if escape == dialect.Doubled || escape == dialect.None || escape == "" {
			escape = quote(d.Quote)
		}
		right["escape"] = escape == *l.Escape
	}
	if l.Comment != nil {
		right["comment"] = strings.TrimSuffix(d.Comment, dialect.None) == *l.Comment
	}
	if l.Header != nil {
		right["header"] = d.HeaderRows > 0 == (*l.Header > 0)
	}
	if l.LineEnding != nil && *l.LineEnding != "" {
		right["line ending"] = string(d.LineEnding) == *l.LineEnding || *l.LineEnding == "mixed"
	}
	if l.FirstLine != nil {
		lines := bytes.Split(bytes.ReplaceAll(bytes.ReplaceAll(found.Text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n")), []byte("\n"))
		from := func(i int) int {
			for i < len(lines) {
				line := bytes.TrimSpace(lines[i])
				if len(line) > 0 && (d.Comment == dialect.None || !bytes.HasPrefix(line, []byte(d.Comment))) {
					break
				}
				i++
			}
			return i
		}
		right["first line"] = from(max(0, d.Preamble)) == from(*l.FirstLine)
	}
	return right
}
