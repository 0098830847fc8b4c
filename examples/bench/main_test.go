package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This test binary is the program when asBench is set: bench runs itself for some engines.
const asBench = "SLUICE_TEST_RUN_AS_BENCH"

func TestMain(m *testing.M) {
	if os.Getenv(asBench) != "" {
		main()
	}
	os.Exit(m.Run())
}

// All engines, one that is another program among them, agree on all shapes; what is printed can be drawn again.
func TestBench(t *testing.T) {
	t.Setenv(asBench, "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each process with a race detector waits a second at its end
	exe, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	svg, saved := filepath.Join(dir, "plot.svg"), filepath.Join(dir, "results.json")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-size", "0.03", "-rounds", "3", "-json", "-svg", svg, "-external", "other=" + exe + " -measure"}, &stdout, &stderr)
	require.Zero(t, code, stderr.String())
	assertXML(t, svg)
	require.NoError(t, os.WriteFile(saved, stdout.Bytes(), 0o644))

	got := map[string][]string{}
	for line := range strings.Lines(stdout.String()) {
		var r result
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&r), line)
		assert.Positive(t, r.MBPerS, line)
		assert.Positive(t, r.Ratio, line)
		if r.Engine == baseline {
			assert.Equal(t, 1.0, r.Ratio)
		}
		got[r.Shape] = append(got[r.Shape], r.Engine)
	}
	all := []string{"encoding/csv", "records", "records-kept", "records-purego", "records-strings", "pipeline", "pipeline-kept", "go-text", "go-csvvalue", "other"}
	multiline := slices.Concat(all[:8], all[9:])
	decoded := []string{"encoding/csv", "records", "records-kept", "pipeline", "pipeline-kept"}
	assert.Equal(t, map[string][]string{"narrow": all, "quoted": all, "wide": all, "mixed": multiline,
		"narrow-1252": decoded, "narrow-utf16": decoded}, got)

	stdout.Reset()
	require.Zero(t, run(t.Context(), []string{"-from", saved, "-svg", svg, "-caption", "a <machine> & more"}, &stdout, &stderr))
	assertXML(t, svg)
	for _, want := range append(all, "a <machine> & more", "narrow-utf16") {
		assert.Contains(t, stdout.String(), want)
	}
}

func assertXML(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	bars := 0
	for dec := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	assert.Equal(t, 1+4*10-1+2*5, bars, "the card, and a bar for each result")
}

func TestBench_engineThatDoesNotAgree(t *testing.T) {
	wrong := engine{"wrong", anyShape, func(context.Context, string, *shape) (measured, error) {
		return measured{checksum{Records: 1}, 1}, nil
	}}
	b := bench{size: 0.01, rounds: 3, shapes: shapes[:1], engines: []engine{engines[0], wrong}}
	_, err := b.measure(t.Context(), io.Discard)
	assert.ErrorContains(t, err, "wrong on narrow: the checksum is")
}

func TestBench_usage(t *testing.T) {
	for _, args := range []string{"-rounds 2", "-size 0", "-shapes narrow,round", "-engines records,none", "-external x", "-external records=cat", "file"} {
		var stderr bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), strings.Fields(args), io.Discard, &stderr), args)
		assert.NotEmpty(t, stderr.String(), args)
	}
}

func TestShape_write(t *testing.T) {
	const size = 100_000
	file := func(s *shape, seed uint64) []byte {
		path := filepath.Join(t.TempDir(), s.name)
		require.NoError(t, s.write(path, seed, size))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		return data
	}
	decoded := map[string]string{}
	for _, s := range shapes {
		data := file(s, 1)
		assert.InDelta(t, size, len(data), size/5, s.name)
		assert.Equal(t, data, file(s, 1), s.name)
		assert.NotEqual(t, data, file(s, 2), s.name)
		if s.charset != nil {
			text, err := s.charset.NewDecoder().Bytes(data)
			require.NoError(t, err)
			decoded[s.name] = string(text)
		}
	}
	assert.True(t, strings.HasPrefix(decoded["narrow-1252"], decoded["narrow-utf16"]), "the same rows in both encodings")
	assert.Contains(t, decoded["narrow-utf16"], "Müller")
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2.0, median([]float64{3, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
}
