package ingesttest

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

func TestNewBatch(t *testing.T) {
	for _, row := range []struct {
		name    string
		header  []string
		records [][]string
		want    [][]string // nil: records
	}{
		{"none", []string{"a"}, nil, [][]string{}},
		{"one", []string{"a", "b"}, [][]string{{"1", "2"}}, nil},
		{"null and empty", []string{"a", "b", "c"}, [][]string{{"", Null, "x"}, {Null, Null, Null}, {"", "", ""}}, nil},
		{"one column", []string{"a"}, [][]string{{""}, {Null}, {"x"}, {Null}}, nil},
		{"what needs quotes", []string{"a", "b"}, [][]string{{`a,"b"`, "a\nb\r\nc\rd"}, {" x ", "\t"}, {"'", `\`}}, nil},
		{"byte order mark", []string{"a"}, [][]string{{"\ufeffx"}}, nil},
		{"looks like something else", []string{"a", "b"}, [][]string{{"sep=;", "# comment"}, {"a;b|c", "NULL"}, {"\x00", "\x01"}}, nil},
		{"short and long", []string{"a", "b"}, [][]string{{"1"}, {"1", "2", "3"}, {}}, [][]string{{"1", Null}, {"1", "2", "3"}, {Null, Null}}},
		{"many", []string{"a"}, many(5000), nil},
		{"large", []string{"a", "b"}, [][]string{{strings.Repeat("x\n", 1<<20), "y"}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := NewBatch(row.header, row.records...)
			want := row.want
			if want == nil {
				want = row.records
			}
			assert.Equal(t, want, records(b))
			assert.Equal(t, row.header, b.Header().Names())
		})
	}
}

func many(n int) [][]string {
	all := make([][]string, n)
	for i := range all {
		all[i] = []string{strings.Repeat("x", i%100) + "y"}
	}
	return all
}

func TestNewBatchQuotes(t *testing.T) {
	r := NewBatch([]string{"a", "b", "c", "d"}, []string{"x", "", Null, "x,y"}).Record(0)
	for i, want := range []bool{false, true, false, true} {
		assert.Equal(t, want, r.Quoted(i), i)
	}
}

func TestNewBatchPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no columns":            func() { NewBatch(nil) },
		"column used twice":     func() { NewBatch([]string{"a", "a"}, []string{"1", "2"}) },
		"column without name":   func() { NewBatch([]string{""}, []string{"1"}) },
		"field that is no text": func() { NewBatch([]string{"a"}, []string{"\xff"}) },
	} {
		t.Run(name, func(t *testing.T) { assert.Panics(t, f) })
	}
}

const people = "name,city\nAnn,\nBob,\"\"\nCleo,Rome\n"

func TestRecorder(t *testing.T) {
	var rec Recorder
	var statuses StatusRecorder
	p := ingest.Pipeline{Workers: 4, BatchRecords: 1, Reporter: &statuses}
	_, err := p.Run(t.Context(), strings.NewReader(people), &rec)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"Ann", Null}, {"Bob", ""}, {"Cleo", "Rome"}}, rec.Records())
	assert.Len(t, rec.Batches(), 3)
	assert.Equal(t, []string{"name", "city"}, rec.Header().Names())
	assert.Len(t, rec.Causes(), rec.Writers())
	for _, cause := range rec.Causes() {
		assert.NoError(t, cause)
	}
	assert.Equal(t, int64(3), statuses.Last().Delivered)
	assert.NotEmpty(t, statuses.Statuses())
}

func TestRecorderUnused(t *testing.T) {
	var rec Recorder
	assert.Empty(t, rec.Records())
	assert.Nil(t, rec.Header())
	assert.Zero(t, new(StatusRecorder).Last())
	assert.Nil(t, new(RejectRecorder).Found())
}

func TestRecorderOn(t *testing.T) {
	full := errors.New("disk full")
	p := ingest.Pipeline{Workers: 1, BatchRecords: 1, Queue: -1}
	t.Run("fail", func(t *testing.T) {
		rec := Recorder{On: FailAt(2, full)}
		st, err := p.Run(t.Context(), strings.NewReader(people), &rec)
		assert.ErrorIs(t, err, full)
		assert.Equal(t, int64(1), st.Delivered)
		assert.Equal(t, [][]string{{"Ann", Null}}, rec.Records())
		require.Len(t, rec.Causes(), 1)
		assert.ErrorIs(t, rec.Causes()[0], full)
	})
	t.Run("panic", func(t *testing.T) {
		rec := Recorder{On: PanicAt(3, "no")}
		_, err := p.Run(t.Context(), strings.NewReader(people), &rec)
		assert.ErrorIs(t, err, ingest.ErrPanic)
		assert.Len(t, rec.Records(), 2)
	})
	t.Run("hang until canceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			rec := Recorder{On: HangAt(2, nil)}
			_, err := p.Run(ctx, strings.NewReader(people), &rec)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Len(t, rec.Records(), 1)
		})
	})
	t.Run("hang until told", func(t *testing.T) {
		until := make(chan struct{})
		time.AfterFunc(time.Millisecond, func() { close(until) })
		rec := Recorder{On: HangAt(2, until)}
		_, err := p.Run(t.Context(), strings.NewReader(people), &rec)
		assert.NoError(t, err)
		assert.Len(t, rec.Records(), 3)
	})
}

func TestRejectRecorder(t *testing.T) {
	const text = "a,b\n1,2\n1\n1,2,3\n"
	var rejects RejectRecorder
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: &rejects}
	_, err := p.Run(t.Context(), strings.NewReader(text), &Recorder{})
	require.NoError(t, err)
	assert.Equal(t, []ingest.Code{ingest.CodeTooFewFields, ingest.CodeTooManyFields}, rejects.Codes())
	assert.Equal(t, "1,2,3\n", string(rejects.Rejects()[1].Raw))
	assert.Equal(t, []string{"a", "b"}, rejects.Found().Header.Names())

	p.Rejects = &RejectRecorder{On: FailAt(1, io.ErrShortWrite)}
	_, err = p.Run(t.Context(), strings.NewReader(text), &Recorder{})
	assert.ErrorIs(t, err, io.ErrShortWrite)
}

func TestReaders(t *testing.T) {
	lost := errors.New("connection lost")
	for _, row := range []struct {
		name  string
		r     io.Reader
		reads []string
		err   error
	}{
		{"chunks", Chunks(strings.NewReader("abcdefg"), 3), []string{"abc", "def", "g"}, io.EOF},
		{"chunks of nothing", Chunks(strings.NewReader("ab"), 0), []string{"a", "b"}, io.EOF},
		{"one byte", OneByte(strings.NewReader("abc")), []string{"a", "b", "c"}, io.EOF},
		{"break", Break(strings.NewReader("abcdef"), 4, lost), []string{"abcd"}, lost},
		{"break at once", Break(strings.NewReader("abc"), 0, lost), nil, lost},
		{"break behind the end", Break(strings.NewReader("abc"), 9, lost), []string{"abc"}, lost},
	} {
		t.Run(row.name, func(t *testing.T) {
			var reads []string
			for {
				p := make([]byte, 100)
				n, err := row.r.Read(p)
				if n > 0 {
					reads = append(reads, string(p[:n]))
				}
				if err != nil {
					assert.Equal(t, row.err, err)
					break
				}
			}
			assert.Equal(t, row.reads, reads)
		})
	}
}

func TestDribble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got, err := io.ReadAll(Dribble(strings.NewReader("abc"), 2, time.Second))
		require.NoError(t, err)
		assert.Equal(t, "abc", string(got))
		assert.Equal(t, 3*time.Second, time.Since(began)) // the end takes a Read of its own
	})
}

type endsWithData struct{}

func (endsWithData) Read(p []byte) (int, error) { return copy(p, "x"), io.EOF }

func TestStall(t *testing.T) {
	s := Stall(io.MultiReader(strings.NewReader("abc"), endsWithData{}))
	p := make([]byte, 3)
	n, err := s.Read(p)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(p[:n]))
	n, err = s.Read(p)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	go func() {
		<-s.Hanging()
		s.Close()
	}()
	_, err = io.ReadAll(s)
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.NoError(t, s.Close(), "a second time")
	_, err = s.Read(p)
	assert.ErrorIs(t, err, os.ErrClosed)
	<-s.Closed()
}

func TestStallInRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := Stall(strings.NewReader(people + strings.Repeat("Dan,Oslo\n", 1000)))
	go func() {
		<-src.Hanging()
		cancel()
	}()
	_, err := ingest.Run(ctx, src, &Recorder{})
	assert.ErrorIs(t, err, context.Canceled)
	<-src.Closed() // a run frees a source that hangs
}
