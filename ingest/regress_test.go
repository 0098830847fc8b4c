package ingest_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
	"github.com/sluicecsv/sluice/ingest"
)

// What a person may do to a reject file, and what comes of it.
func TestRejectMendedByPeople(t *testing.T) {
	const origin = "sluice1/first/UTF-8/2c_22_doubled_none_lf_off_1/2/3/24"
	const head = "id,name,city,sluice_code,sluice_message,sluice_origin\n"
	for _, tt := range []struct {
		name, src string
		header    string
		want      []string
		rejects   map[ingest.Code]int64
	}{
		{"mended before the added fields", head + "2,Bo,Rome,too_few_fields,add it," + origin + "\n", "id,name,city", []string{"2+Bo+Rome"}, nil},
		{"typed over the code", head + "2,Bo,Rome,add it," + origin + "\n", "id,name,city", []string{"2+Bo+Rome"}, nil},
		{"not mended", head + "2,Bo,too_few_fields,add it," + origin + "\n", "id,name,city", nil, map[ingest.Code]int64{"too_few_fields": 1}},
		{"typed behind the origin", head + "2,Bo,too_few_fields,add it," + origin + ",Rome\n", "id,name,city", nil, map[ingest.Code]int64{"too_many_fields": 1}},
		{"a row added by hand", head + "2,Bo,Rome,too_few_fields,add it," + origin + "\n3,Cy,Oslo\n", "id,name,city", []string{"2+Bo+Rome", "3+Cy+Oslo"}, nil},
		{"the origin of one row cleared", head + "2,Bo,Rome,too_few_fields,add it," + origin + "\n3,Cy,Oslo,,,\n", "id,name,city", []string{"2+Bo+Rome", "3+Cy+Oslo"}, nil},
		{"all origins cleared", head + "2,Bo,Rome,,,\n3,Cy,Oslo,,,\n", "id,name,city", []string{"2+Bo+Rome", "3+Cy+Oslo"}, nil},
		{"the message column deleted", "id,name,city,sluice_code,sluice_origin\n2,Bo,Rome,too_few_fields," + origin + "\n", "id,name,city", []string{"2+Bo+Rome"}, nil},
		{"only the origin left", "id,name,city,sluice_origin\n2,Bo,Rome," + origin + "\n", "id,name,city", []string{"2+Bo+Rome"}, nil},
		{"an empty column added", strings.TrimSpace(head) + ",\n2,Bo,Rome,too_few_fields,add it," + origin + ",\n", "id,name,city", []string{"2+Bo+Rome"}, nil},
		{"the added columns deleted", "id,name,city\n2,Bo,Rome\n", "id,name,city", []string{"2+Bo+Rome"}, nil},
		{"under the old header again", "id,name,city\n1,Ann,Ulm\n2,Bo," + origin + "\n", "id,name,city", []string{"1+Ann+Ulm", "2+Bo+" + origin}, nil},
		{"an origin in a cell of somebody's", "id,name,iban,note,tag\n1,a,b,c,d\n2,b,c,d," + origin + "\n", "id,name,iban,note,tag", []string{"1+a+b+c+d", "2+b+c+d+" + origin}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c collect
			p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
			p.Dialect.HeaderRows = 1
			status, err := p.Run(t.Context(), strings.NewReader(tt.src), ingest.SinkFunc(c.write))
			require.NoError(t, err)
			assert.Equal(t, tt.header, strings.Join(status.Found.Header.Names(), ","))
			assert.Equal(t, tt.want, c.sorted())
			if tt.rejects == nil {
				tt.rejects = map[ingest.Code]int64{}
			}
			assert.Equal(t, tt.rejects, status.Rejects)
		})
	}
	moved := ingest.Pipeline{}
	moved.Dialect.HeaderRows = 1
	_, err := moved.Run(t.Context(), strings.NewReader("id,sluice_code,name,sluice_message,sluice_origin\n1,x,y,z,"+origin+"\n"), ingest.SinkFunc(new(collect).write))
	assert.ErrorIs(t, err, ingest.ErrHeader)
	assert.ErrorContains(t, err, "column 2")
}

// A sink that fails is told of, also when a bad record ends the run at the same time.
func TestSinkFailureBeforeStop(t *testing.T) {
	boom := errors.New("boom")
	for _, policy := range []ingest.Policy{{}, {Bad: ingest.Reject, MaxRejects: 1}} {
		for _, batch := range []int{5, 1000} {
			for _, sink := range []ingest.Sink{
				ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return boom }),
				ingest.SinkFunc(func(context.Context, *ingest.Batch) error { panic(boom) }),
				openFunc(func() (ingest.Writer, error) { return nil, boom }),
			} {
				p := ingest.Pipeline{Policy: policy, BatchBytes: batch, Dialect: dialect.Dialect{Delimiter: ",", HeaderRows: 1}}
				status, err := p.Run(t.Context(), strings.NewReader("a,b\n1,2\n3,4\n5\n6\n7,8\n"), sink)
				require.ErrorIs(t, err, boom)
				assert.ErrorIs(t, err, ingest.ErrSink)
				assert.Zero(t, status.Delivered)
			}
		}
	}
}

// The first record that ends a run does, whatever comes behind it, with any number of workers.
func TestStopBeforeReadError(t *testing.T) {
	for range 20 {
		src := io.MultiReader(strings.NewReader(rows(1500)+"bad\n"+rows(100)), readerFunc(func([]byte) (int, error) { return 0, errors.New("unplugged") }))
		p := ingest.Pipeline{Workers: 8, Queue: 100, BatchBytes: 500}
		_, err := p.Run(t.Context(), src, ingest.SinkFunc(new(collect).write))
		require.ErrorIs(t, err, ingest.ErrBadRecord)
	}
}

// A driver need not say that its context has ended.
func TestCanceledWhateverTheSinkSays(t *testing.T) {
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := ingest.Run(ctx, strings.NewReader(rows(10)), ingest.SinkFunc(func(ctx context.Context, _ *ingest.Batch) error {
			cancel()
			<-ctx.Done()
			return errors.New("interrupted")
		}))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, ingest.CodeCanceled, ingest.CodeOf(err))
	}
}

// What testing.T.FailNow does in a sink must not hang the run.
func TestGoexit(t *testing.T) {
	p := ingest.Pipeline{BatchBytes: 50, Filter: func(ingest.Record) bool { return true }}
	for _, sink := range []ingest.Sink{
		ingest.SinkFunc(func(context.Context, *ingest.Batch) error { runtime.Goexit(); return nil }),
		openFunc(func() (ingest.Writer, error) { runtime.Goexit(); return nil, nil }),
		openFunc(func() (ingest.Writer, error) {
			return closeFunc(func() error { runtime.Goexit(); return nil }), nil
		}),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := p.Run(ctx, strings.NewReader(rows(100)), sink)
		cancel()
		assert.ErrorIs(t, err, ingest.ErrPanic)
		assert.ErrorContains(t, err, "Goexit")
	}
}

// Only io.EOF itself is the end of a source; what wraps it is a failure.
func TestOnlyEOFIsTheEnd(t *testing.T) {
	for _, failure := range []error{fmt.Errorf("connection reset: %w", io.EOF), io.ErrUnexpectedEOF} {
		for _, good := range []string{"a,b\n1,2\n3,4444", rows(300) + "301,x"} {
			failed := false
			src := io.MultiReader(strings.NewReader(good), readerFunc(func([]byte) (int, error) {
				if failed {
					return 0, io.EOF // as net/http's bodies do
				}
				failed = true
				return 0, failure
			}))
			status, err := ingest.Run(t.Context(), src, ingest.SinkFunc(new(collect).write))
			require.ErrorIs(t, err, ingest.ErrRead)
			require.ErrorIs(t, err, failure)
			assert.Equal(t, int64(strings.Count(good, "\n")-1), status.Delivered)
		}
	}
}

func TestGzipInZip(t *testing.T) {
	var plain strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for plain.Len() < 17<<20 {
		fmt.Fprintf(&plain, "%x,%x\n", random.Uint64(), random.Uint64())
	}
	packed := gzipped(t, plain.String())
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "t.csv.gz", Method: zip.Store})
	require.NoError(t, err)
	_, err = w.Write(packed)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	status, err := ingest.Run(t.Context(), bytes.NewReader(archive.Bytes()), ingest.SinkFunc(func(context.Context, *ingest.Batch) error { return nil }))
	require.NoError(t, err)
	assert.Equal(t, int64(plain.Len()), status.Stored)
	assert.InDelta(t, len(packed), status.Consumed, 1<<16)

	locked := zipped(t, "a.csv", "a,b\n")
	for i := range locked[:len(locked)-4] { // the flag for encryption, in both of its places
		if bytes.HasPrefix(locked[i:], []byte("PK\x03\x04")) {
			locked[i+6] |= 1
		} else if bytes.HasPrefix(locked[i:], []byte("PK\x01\x02")) {
			locked[i+8] |= 1
		}
	}
	_, err = ingest.Run(t.Context(), bytes.NewReader(locked), ingest.SinkFunc(new(collect).write))
	assert.ErrorContains(t, err, "password")
	assert.Equal(t, ingest.CodeArchive, ingest.CodeOf(err))
}

func TestNothingToReadOrWrite(t *testing.T) {
	var file *os.File
	sink := ingest.SinkFunc(new(collect).write)
	var none ingest.SinkFunc
	for _, run := range []func() error{
		func() error { _, err := ingest.Run(t.Context(), file, sink); return err },
		func() error { _, err := ingest.Run(t.Context(), nil, sink); return err },
		func() error { _, err := ingest.Run(t.Context(), strings.NewReader(""), nil); return err },
		func() error { _, err := ingest.Run(t.Context(), strings.NewReader(""), none); return err },
		func() error { _, err := new(ingest.Pipeline).Sniff(t.Context(), file); return err },
		func() error {
			for _, err := range new(ingest.Pipeline).Records(t.Context(), file) {
				return err
			}
			return nil
		},
	} {
		err := run()
		require.ErrorIs(t, err, ingest.ErrSettings)
		assert.ErrorContains(t, err, "nil")
	}
}

// What is decided behind an ASCII sample: the encoding of the rest, by the first character that shows it.
func TestLateEncoding(t *testing.T) {
	for _, tt := range []struct{ name, late, want, label string }{
		{"windows-1252", strings.Repeat("M\xfcller stra\xdfe, K\xf6ln\n", 20), "Müller straße", "windows-1252"},
		{"UTF-8", strings.Repeat("Müller straße, Köln\n", 20), "Müller straße", "UTF-8"},
		{"ISO-2022-JP", strings.Repeat("\x1b$B4A;z\x1b(B,x\n", 20), "漢字", "ISO-2022-JP"},
		{"an escape of a terminal's", strings.Repeat("\x1b[0m,x\n", 20), "\x1b[0m", "UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := rows(8000) + tt.late
			var c collect
			p := ingest.Pipeline{Workers: 3, Policy: ingest.Policy{Bad: ingest.Reject}}
			status, err := p.Run(t.Context(), strings.NewReader(src), ingest.SinkFunc(c.write))
			require.NoError(t, err)
			assert.Equal(t, tt.label, status.Found.Encoding.Label)
			assert.Equal(t, int64(8020), status.Delivered)
			assert.Equal(t, tt.want, c.records[8020][0])
		})
	}
	// In a header longer than the sample, too.
	wide := strings.Repeat("column,", 10000) + "prénom,né,à\n" + strings.Repeat("1,", 10002) + "2\n"
	found, err := new(ingest.Pipeline).Sniff(t.Context(), strings.NewReader(strings.NewReplacer("é", "\xe9", "à", "\xe0").Replace(wide)))
	require.NoError(t, err)
	assert.Equal(t, "prénom", found.Header[10000].Name)
}

// The encoding is looked for beyond what a window is cut from: where that reaches the end of the source, the row that did
// not end before ends there.
func TestLateEncodingWithinARow(t *testing.T) {
	const above = 16_500
	for _, before := range []int{20_000, 44_000, 60_000, 90_000} {
		src := "a,b\n" + strings.Repeat("1,2\n", above) + strings.Repeat("x", before) + "\x1b" + strings.Repeat("y", 60_000) + ",z\n"
		p := ingest.Pipeline{BatchBytes: 1000, Policy: ingest.Policy{Bad: ingest.Reject}}
		all, err := events(&p, strings.NewReader(src))
		require.NoError(t, err)
		require.Len(t, all, above+1, before)
		assert.Equal(t, int64(above+1), all[above].Position.Record, before)
	}
}

// Whoever takes a few records at a time does not pay for more of them: neither are they looked for, nor is there room made.
func TestFewRecordsAtATime(t *testing.T) {
	const n = 5000
	src := rows(n)
	p := ingest.Pipeline{BatchRecords: 1}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	all, err := events(&p, strings.NewReader(src))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, all, n)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(n*16<<10))
}

// A delimiter that is a control character is one as text, too.
func TestControlDelimiter(t *testing.T) {
	for _, delimiter := range []string{"\x01", "\x1f", "\x7f"} {
		src := strings.ReplaceAll("a,b\n"+strings.Repeat("1,2\n", 99)+"\"3,4\",5\n6,7\n", ",", delimiter)
		p := ingest.Pipeline{Dialect: dialect.Dialect{Delimiter: delimiter, Quote: `"`}, Policy: ingest.Policy{Control: ingest.Reject}}
		all, err := events(&p, strings.NewReader(src))
		require.NoError(t, err)
		require.Len(t, all, 101)
		assert.Equal(t, ingest.CodeControl, all[99].Code, "%q", delimiter)
	}
}

// An empty field at the very end of a window does not point behind it: what lies there is not the batch's.
func TestEmptyFieldAtTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		src    string
		policy ingest.Policy
	}{
		"text":     {"a,b\n1,2\n3,", ingest.Policy{}},
		"stripped": {"a,b\n1,2\n3,\x00", ingest.Policy{NUL: ingest.Strip}},
		"filled":   {"a,b\n1,2\n3", ingest.Policy{Short: ingest.Keep}},
	} {
		t.Run(name, func(t *testing.T) {
			p := ingest.Pipeline{Policy: tt.policy}
			for r, err := range p.Records(t.Context(), strings.NewReader(tt.src)) {
				require.NoError(t, err)
				if raw := r.Raw(); r.Field(1) == "" {
					assert.NotEqual(t, unsafe.Pointer(unsafe.StringData(r.Field(1))), unsafe.Add(unsafe.Pointer(&raw[0]), len(raw)))
				}
			}
		})
	}
}

// Below MinConfidence what is delivered does not depend on the number of workers.
func TestLateUnsure(t *testing.T) {
	for _, workers := range []int{1, 8} {
		var delivered []int64
		for range 10 {
			p := ingest.Pipeline{MinConfidence: 0.95, Workers: workers, BatchBytes: 10_000}
			p.Dialect = dialect.Dialect{Delimiter: ",", Quote: `"`, Escape: dialect.Doubled}
			status, err := p.Run(t.Context(), strings.NewReader(rows(10_000)+"x,\xe9\n"), ingest.SinkFunc(new(collect).write))
			require.ErrorIs(t, err, ingest.ErrUnsure)
			delivered = append(delivered, status.Delivered)
		}
		for _, d := range delivered {
			assert.Equal(t, delivered[0], d)
		}
	}
}

// The loop over Records ends with its context, between two records.
func TestRecordsEndBetweenTwo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range new(ingest.Pipeline).Records(ctx, strings.NewReader(rows(1000))) {
		if n++; n == 10 {
			cancel()
		}
		if err != nil {
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, ingest.CodeCanceled, ingest.CodeOf(err))
		}
	}
	assert.Equal(t, 11, n)
}

// A cell made of what looks like origins costs no more than any other.
func TestOriginsAreLinear(t *testing.T) {
	src := "a,b\n1," + strings.Repeat("sluice1/", 1<<17) + "\n"
	p := ingest.Pipeline{SampleSize: 1 << 20, Limits: ingest.Limits{Record: 2 << 20}}
	began := time.Now()
	_, err := p.Sniff(t.Context(), strings.NewReader(src))
	require.NoError(t, err)
	assert.Less(t, time.Since(began), 20*time.Second, "a quadratic search would take minutes")
}

// A source is not closed, nor read any more, when a run ends with its context alive.
func TestSourceStaysTheCallers(t *testing.T) {
	h := closableHang{newHang("")}
	reading := make(chan struct{}, 1)
	slow := readerFunc(func(p []byte) (int, error) {
		reading <- struct{}{}
		time.Sleep(30 * time.Millisecond) // a slow network; the run must not return before
		<-reading
		return copy(p, "a,b\n1\n"+strings.Repeat("2,3\n", len(p)/4)), nil
	})
	p := ingest.Pipeline{SampleSize: 20, BatchBytes: 10, Dialect: dialect.Dialect{Delimiter: ",", HeaderRows: 1}}
	_, err := p.Run(t.Context(), struct {
		io.Reader
		io.Closer
	}{slow, h}, ingest.SinkFunc(new(collect).write))
	require.ErrorIs(t, err, ingest.ErrBadRecord)
	assert.Empty(t, reading, "no Read is under way")
	assert.False(t, h.closed.Load())
}

// Values of a sink's error do not get into a status.
func TestStatusLeavesOutWhatSinksSay(t *testing.T) {
	status, err := ingest.Run(t.Context(), strings.NewReader(rows(3)), ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		return fmt.Errorf("duplicate key %q in %v", b.Record(0).Field(1), b)
	}))
	require.ErrorContains(t, err, `duplicate key "name 0" in 3 records of`)
	assert.NotContains(t, status.Error, "name 0")
	assert.Contains(t, status.Error, "line 2")
}

func TestZeroRecord(t *testing.T) {
	var r ingest.Record
	assert.Zero(t, r.Position())
	assert.Nil(t, r.Raw())
	assert.True(t, r.Null(0))
}
