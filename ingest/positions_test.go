package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A document is a fixture as text, and how it is written.
type document struct {
	text    string
	dialect dialect.Dialect
}

// documents are the literal fixtures and every file of testdata/messy that is text: decoded, and with the
// dialect that is sniffed. What stands above the table and the header are rows here like all others.
func documents(t *testing.T) map[string]document {
	all := map[string]document{}
	for i, text := range fixtures {
		for j, d := range dialects {
			all[fmt.Sprintf("fixture %d, dialect %d", i, j)] = document{strings.ToValidUTF8(text, "?"), d}
		}
	}
	root := filepath.Join("..", "testdata", "messy")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".csv" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var p ingest.Pipeline
		found, err := p.Sniff(context.Background(), bytes.NewReader(raw))
		if err != nil || found.Container != "" || found.Parent != "" {
			return nil // a container, not text, or rejects of an earlier run
		}
		enc, err := encoding.Get(found.Encoding.Label)
		if err != nil {
			return err
		}
		text, _ := enc.Append(nil, raw[found.Encoding.BOM:])
		d := found.Dialect.Dialect
		d.Preamble, d.HeaderRows = dialect.NoPreamble, dialect.NoHeader
		all[entry.Name()] = document{string(text), d}
		return nil
	})
	require.NoError(t, err)
	return all
}

// TestLawPosition is law 2: it reads every document in four encodings and compares each record's place in the source,
// and its bytes there, with those of the reference.
func TestLawPosition(t *testing.T) {
	compared := map[string]int{}
	for name, doc := range documents(t) {
		for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE", "Shift_JIS"} {
			enc, err := encoding.Get(label)
			require.NoError(t, err)
			src, err := enc.Encode(doc.text)
			if _, structureErr := encodeAll(label, doc.dialect); err != nil || structureErr != nil {
				continue // the encoding does not have the characters
			}
			if strings.HasPrefix(label, "UTF-") && len(src)%3 == 0 {
				src = append([]byte(refBOM[label]), src...)
			}
			for _, batch := range []int{1, 0} {
				p := ingest.Pipeline{Encoding: label, Dialect: doc.dialect, Header: ingest.Columns("a"), BatchBytes: batch,
					Policy: ingest.Policy{Bad: ingest.Reject, Short: ingest.Keep, Long: ingest.Keep, NUL: ingest.Keep, Below: ingest.Keep, RepeatedHeader: ingest.Keep}}
				found, err := p.Sniff(t.Context(), bytes.NewReader(src))
				if notText(err) {
					continue
				}
				require.NoError(t, err, "%s in %s", name, label)
				got, err := events(&p, bytes.NewReader(src))
				require.NoError(t, err, "%s in %s", name, label)
				ref := reference{encoding: label, dialect: doc.dialect, columns: found.Dialect.Columns}
				want, _ := expect(&p, &ref, src)
				require.Equal(t, want, got, "%s in %s", name, label)
				compared[label] += len(got)
			}
		}
	}
	for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE", "Shift_JIS"} {
		assert.NotZero(t, compared[label], label)
	}
}
