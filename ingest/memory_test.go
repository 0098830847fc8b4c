package ingest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// manyWindows is a source that gives some hundred windows of 4 KiB, of four kinds in turn: regular ones, ones with escaped
// fields, ones with a short record, and ones with characters beyond ASCII.
func manyWindows() string {
	var b strings.Builder
	b.WriteString("a,b,c\n")
	for i := range 20_000 {
		switch kind := i / 200 % 4; {
		case kind == 1:
			fmt.Fprintf(&b, "%d,\"say \"\"%d\"\"\",z\n", i, i)
		case kind == 2 && i%50 == 0:
			fmt.Fprintf(&b, "%d,short\n", i)
		case kind == 3:
			fmt.Fprintf(&b, "%d,%d × %[1]d,z\n", i, i%7)
		default:
			fmt.Fprintf(&b, "%d,name %d,z\n", i, i)
		}
	}
	return b.String()
}

// What comes out is the same whether memory is used again or not, in every encoding that is decoded on its own road.
func TestReuse(t *testing.T) {
	for _, label := range []string{"UTF-8", "windows-1252", "UTF-16LE", "Shift_JIS"} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d workers", label, workers), func(t *testing.T) {
				src := encoded(t, label, manyWindows())
				p := ingest.Pipeline{Workers: workers, BatchBytes: 4096, Encoding: label, Policy: ingest.Policy{Bad: ingest.Reject}}
				want, wantStatus, err := run(p, strings.NewReader(src))
				require.NoError(t, err)
				pulled, err := events(&p, strings.NewReader(src))
				require.NoError(t, err)
				p.Reuse = true
				got, status, err := run(p, strings.NewReader(src))
				require.NoError(t, err)
				assert.True(t, assert.ObjectsAreEqual(want.records, got.records), "records")
				assert.Equal(t, want.rejects, got.rejects)
				assert.Equal(t, report(wantStatus), report(status))
				again, err := events(&p, strings.NewReader(src))
				require.NoError(t, err)
				assert.True(t, assert.ObjectsAreEqual(pulled, again), "Records")
			})
		}
	}
}

// A record that is kept too long cannot be read, and a copy of its batch does not mind.
func TestReuseKept(t *testing.T) {
	var kept []*ingest.Batch
	var copies []*ingest.Batch
	p := ingest.Pipeline{Workers: 1, BatchBytes: 4096, Reuse: true, Policy: ingest.Policy{Bad: ingest.Reject}}
	var first []ingest.Record
	rejects := 0
	_, err := p.Run(t.Context(), strings.NewReader(manyWindows()), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		if b.Window().Rows > int64(b.Len()) {
			rejects++
			return nil
		}
		kept, copies, first = append(kept, b), append(copies, b.Clone()), append(first, b.Record(0))
		return nil
	}))
	require.NoError(t, err)
	require.NotZero(t, rejects)
	require.NotEmpty(t, kept)
	for i, b := range kept {
		assert.Zero(t, b.Len())
		assert.Panics(t, func() { first[i].Field(0) })
		assert.Panics(t, func() { first[i].Clone(nil) })
		for _, r := range copies[i].All() {
			n := r.Position().Record - 1
			assert.Equal(t, fmt.Sprint(n), r.Field(0))
			assert.True(t, strings.HasPrefix(string(r.Raw()), fmt.Sprint(n, ",")), "%q", r.Raw())
		}
	}
}

// A copy of a batch has all that the batch has.
func TestBatchClone(t *testing.T) {
	const src = "a,b,c\n1,\"x \"\"y\"\"\",\n2\n\"\",NULL,z\n"
	p := ingest.Pipeline{Null: []string{"NULL"}, Policy: ingest.Policy{Short: ingest.Keep}}
	_, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		c := b.Clone()
		assert.Equal(t, b.Window(), c.Window())
		assert.Equal(t, b.Header(), c.Header())
		require.Equal(t, 3, c.Len())
		for i, want := range b.All() {
			got := c.Record(i)
			assert.Equal(t, recordEvent(want), recordEvent(got))
			assert.Equal(t, want.Given(), got.Given())
			for j := range want.Len() {
				assert.Equal(t, want.Null(j), got.Null(j))
			}
		}
		return nil
	}))
	require.NoError(t, err)
}

// Memory is used again indeed: most of it is, even with the race detector, which has a pool lose what is put into it now
// and then.
func TestReuseAllocates(t *testing.T) {
	text := "a,b,c\n" + strings.Repeat("1,\"say \"\"x\"\"\",z\n", 500_000)
	ways := map[string]func(p *ingest.Pipeline) error{
		"Run": func(p *ingest.Pipeline) error {
			_, err := p.Run(t.Context(), strings.NewReader(text), ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return nil }))
			return err
		},
		"Records": func(p *ingest.Pipeline) error {
			for _, err := range p.Records(t.Context(), strings.NewReader(text)) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, read := range ways {
		allocated := func(reuse bool) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			require.NoError(t, read(&ingest.Pipeline{Workers: 2, Queue: 1, BatchBytes: 64 << 10, Reuse: reuse}))
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		assert.Less(t, 2*allocated(true), allocated(false), name)
	}
}
