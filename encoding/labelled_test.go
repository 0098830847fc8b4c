package encoding

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSniffLabelled scores Sniff on labelled files of your own: the folder that the flag -corpus names has a manifest.tsv
// with a line for each, "path TAB encoding TAB language TAB group". A guess is right if the file reads the same in both.
//
//	go test ./encoding -run Labelled -v -corpus DIR
func TestSniffLabelled(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(*corpus, "manifest.tsv"))
	if *corpus == "" || os.IsNotExist(err) {
		t.Skip("give a folder of labelled files: -corpus DIR")
	}
	require.NoError(t, err)
	type score struct{ right, all int }
	scores := make(map[string]score)
	count := func(what string, right bool) {
		s := scores[what]
		s.all++
		if right {
			s.right++
		}
		scores[what] = s
	}
	for line := range strings.Lines(string(manifest)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		require.Len(t, f, 4, line)
		label := strings.TrimSuffix(strings.TrimSuffix(f[1], "-bom"), "-sig")
		want := lookup(label)
		if want == nil {
			continue // a mixture, say
		}
		raw, err := os.ReadFile(filepath.Join(*corpus, f[0]))
		require.NoError(t, err)
		g := Sniff(raw)
		right := g.Mixed == "" && readSame(raw, get(t, g.Label), want)
		count("group     "+f[3], right)
		count("encoding  "+label, right)
		count(fmt.Sprintf("confidence %.1f", float64(int(g.Confidence*10))/10), right)
		count("all", right)
	}
	for _, what := range slices.SortedFunc(maps.Keys(scores), cmp.Compare[string]) {
		s := scores[what]
		t.Logf("%-28s %5d of %5d  %5.1f %%", what, s.right, s.all, 100*float64(s.right)/float64(s.all))
	}
}

func readSame(raw []byte, a, b *Encoding) bool {
	textA, _ := a.Append(nil, raw)
	textB, _ := b.Append(nil, raw)
	return string(textA) == string(textB)
}
