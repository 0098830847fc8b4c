package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		s    ingest.Status
		want float64
	}{
		{ingest.Status{State: ingest.Running, Size: -1, Consumed: 5}, -1},
		{ingest.Status{State: ingest.Running, Size: 10, Consumed: 5}, 0.5},
		{ingest.Status{State: ingest.Running, Size: 10, Consumed: 15}, 1}, // the source has grown
		{ingest.Status{State: ingest.Running}, 0},
		{ingest.Status{State: ingest.Done, Size: -1}, 1},
	} {
		assert.Equal(t, tt.want, tt.s.Progress())
	}
}

func TestLogReporter(t *testing.T) {
	var log bytes.Buffer
	logged := ingest.LogReporter(slog.New(slog.NewTextHandler(&log, nil)))
	found := &ingest.Found{Header: ingest.Columns("a", "b")}
	found.Encoding.Label, found.Encoding.Confidence = "UTF-8", 0.987654321
	logged.Report(ingest.Status{Run: "r", State: ingest.Sniffing})
	logged.Report(ingest.Status{Run: "r", State: ingest.Running, Found: found, Size: -1})
	logged.Report(ingest.Status{Run: "r", State: ingest.Running, Found: found, Size: 100, Consumed: 25, Bottleneck: ingest.StageSink})
	logged.Report(ingest.Status{Run: "r", State: ingest.Done, Found: found, Read: 7})
	logged.Report(ingest.Status{Run: "s", State: ingest.Failed, Found: found, Code: ingest.CodeSink, Error: "no"})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 6)
	for i, want := range [][]string{
		{"found", "run=r", "encoding=UTF-8", `"99 %"`, "columns=2"},
		{"running", "progress=unknown"},
		{"running", `progress="25 %"`, "bottleneck=sink"},
		{"done", "rows.read=7"},
		{"found", "run=s"},
		{"level=ERROR", "failed", "code=sink", "error=no"},
	} {
		for _, w := range want {
			assert.Contains(t, lines[i], w)
		}
	}
	assert.NotNil(t, ingest.LogReporter(nil))
}

func TestMultiReporter(t *testing.T) {
	var a, b, c ingest.Snapshot
	p := ingest.Pipeline{Reporter: ingest.MultiReporter(&a, ingest.MultiReporter(&b, &c))}
	status, err := p.Run(t.Context(), strings.NewReader(rows(3)), ingest.SinkFunc(new(collect).write))
	require.NoError(t, err)
	for _, s := range []*ingest.Snapshot{&a, &b, &c} {
		assert.Equal(t, status, s.Status())
	}
	var d ingest.Snapshot
	ingest.MultiReporter(&d).Report(status)
	assert.Equal(t, status, d.Status())
}

func TestPipelineAsJSON(t *testing.T) {
	p := ingest.Pipeline{Encoding: "windows-1252", Header: ingest.Columns("a"), Workers: 3, Policy: ingest.Policy{Bad: ingest.Reject}, Limits: ingest.Limits{Record: 99}}
	p.Dialect.Delimiter = ";"
	b, err := json.Marshal(p)
	require.NoError(t, err)
	assert.JSONEq(t, `{"encoding":"windows-1252","dialect":{"delimiter":";"},"header":[{"name":"a"}],"policy":{"bad":"reject"},"limits":{"record":99},"workers":3}`, string(b))
	var back ingest.Pipeline
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, p, back)
}

func TestFoundFromABatch(t *testing.T) {
	_, err := ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n"), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		assert.Equal(t, ingest.Columns("a", "b"), b.Header())
		assert.Equal(t, "UTF-8", b.Found().Encoding.Label)
		assert.Same(t, b.Found(), b.Record(0).Found())
		return nil
	}))
	require.NoError(t, err)
	assert.Nil(t, ingest.Record{}.Found())
	assert.Zero(t, ingest.Record{}.Given())

	p := ingest.Pipeline{Policy: ingest.Policy{Short: ingest.Keep}}
	p.Dialect.Delimiter, p.Dialect.HeaderRows = ",", 1
	for r, err := range p.Records(t.Context(), strings.NewReader("a,b,c\n1,2\n")) {
		require.NoError(t, err)
		assert.Equal(t, 2, r.Given())
		assert.Equal(t, 3, r.Len())
	}
}

// The size of a source is asked for where it can be told.
func TestSizes(t *testing.T) {
	body := rows(10)
	pr, pw, err := os.Pipe()
	require.NoError(t, err)
	go func() {
		pw.WriteString(body)
		pw.Close()
	}()
	for _, tt := range []struct {
		name string
		run  func(p *ingest.Pipeline) (ingest.Status, error)
		size int64
	}{
		{"strings.Reader", func(p *ingest.Pipeline) (ingest.Status, error) {
			return p.Run(t.Context(), strings.NewReader(body), ingest.SinkFunc(new(collect).write))
		}, int64(len(body))},
		{"a stream", func(p *ingest.Pipeline) (ingest.Status, error) {
			return p.Run(t.Context(), iotest.OneByteReader(strings.NewReader(body)), ingest.SinkFunc(new(collect).write))
		}, -1},
		{"a pipe", func(p *ingest.Pipeline) (ingest.Status, error) {
			return p.Run(t.Context(), pr, ingest.SinkFunc(new(collect).write))
		}, -1},
		{"a Size method", func(p *ingest.Pipeline) (ingest.Status, error) {
			return p.Run(t.Context(), sized{strings.NewReader(body)}, ingest.SinkFunc(new(collect).write))
		}, int64(len(body))},
	} {
		status, err := tt.run(&ingest.Pipeline{})
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.size, status.Size, tt.name)
		assert.Equal(t, int64(len(body)), status.Consumed, tt.name)
	}
}

type sized struct{ r *strings.Reader }

func (s sized) Read(p []byte) (int, error) { return s.r.Read(p) }
func (s sized) Size() int64                { return s.r.Size() }
