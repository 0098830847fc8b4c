package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/encoding"
	"github.com/sluicecsv/sluice/ingest"
)

// store is a database in memory: a sink that enters each window with its records. What it is given it keeps as JSON, as a
// database does.
type store struct {
	mu      sync.Mutex
	run     []byte // a LedgerRun
	epoch   int64
	until   time.Time
	entries map[int64][]byte
	rejects map[int64]string
	records map[int64][]string
	writes  int // that have succeeded, since the last claim
	failAt  int // the write that fails; 0: none
	after   bool
	double  error
	asked   ingest.Request
	done    int // how often it was released as done
}

var errCrash = errors.New("the power is gone")

func newStore() *store {
	return &store{entries: map[int64][]byte{}, rejects: map[int64]string{}, records: map[int64][]string{}}
}

func (s *store) Find(context.Context, string) (*ingest.LedgerRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find()
}

func (s *store) find() (*ingest.LedgerRun, error) {
	if s.run == nil {
		return nil, nil
	}
	run := &ingest.LedgerRun{}
	return run, json.Unmarshal(s.run, run)
}

func (s *store) Claim(_ context.Context, run *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) {
		return nil, fmt.Errorf("another one has it: %w", ingest.ErrOwned)
	}
	if s.run == nil {
		s.run, _ = json.Marshal(run)
	}
	known, err := s.find()
	if err != nil {
		return nil, err
	}
	known.Source, known.State = run.Source, ingest.Running
	s.run, _ = json.Marshal(known)
	s.epoch++
	s.until = time.Now().Add(lease)
	s.writes = 0
	c := &ingest.Claim{LedgerRun: known, Epoch: s.epoch}
	for _, at := range slices.Sorted(maps.Keys(s.entries)) {
		var e ingest.LedgerEntry
		if err := json.Unmarshal(s.entries[at], &e); err != nil {
			return nil, err
		}
		if err := c.Stored.Add(&e); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (s *store) Renew(_ context.Context, c *ingest.Claim, lease time.Duration) (ingest.Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Epoch != s.epoch || s.until.IsZero() {
		return "", ingest.ErrOwned
	}
	s.until = time.Now().Add(lease)
	return s.asked, nil
}

func (s *store) Enter(context.Context, *ingest.Claim, *ingest.LedgerEntry) error {
	return errors.New("the sink is the ledger")
}

func (s *store) Release(_ context.Context, c *ingest.Claim, state ingest.State, _ ingest.Code) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Epoch != s.epoch {
		return ingest.ErrOwned
	}
	known, _ := s.find()
	known.State = state
	s.run, _ = json.Marshal(known)
	s.until = time.Time{}
	if state == ingest.Done {
		s.done++
	}
	return nil
}

func (s *store) Open(context.Context, *ingest.Found) (ingest.Writer, error) { return s, nil }

func (s *store) Close(context.Context, error) error { return nil }

func (s *store) Write(_ context.Context, b *ingest.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := b.Entry()
	if e == nil {
		if b.Len() > 0 {
			s.double = errors.New("records without an entry")
		}
		return nil
	}
	s.writes++
	if s.writes == s.failAt && !s.after {
		return errCrash
	}
	at, _ := json.Marshal(e)
	if s.entries[e.Offset] != nil {
		s.double = fmt.Errorf("the window at byte %d comes twice", e.Offset)
	}
	s.entries[e.Offset] = at
	if int64(b.Len()) != e.Delivered {
		s.double = fmt.Errorf("the window at byte %d has %d records and enters %d", e.Offset, b.Len(), e.Delivered)
	}
	for _, r := range b.All() {
		if s.records[r.Position().Record] != nil {
			s.double = fmt.Errorf("record %s comes twice", r.Position())
		}
		s.records[r.Position().Record] = append([]string{fmt.Sprint(r.Position().Line)}, r.Fields()...)
	}
	for _, bad := range e.Rejects {
		s.rejects[bad.Offset] = bad.Error()
	}
	if e.Found != nil {
		s.decided(e.Found)
	}
	if s.writes == s.failAt {
		return errCrash // behind the commit
	}
	return nil
}

// enter is Enter, for who has a ledger beside the sink.
func (s *store) enter(e *ingest.LedgerEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[e.Offset], _ = json.Marshal(e)
	if e.Found != nil {
		s.decided(e.Found)
	}
}

func (s *store) decided(found *ingest.Found) {
	known, _ := s.find()
	known.Found = found
	s.run, _ = json.Marshal(known)
}

// crash is how a process that was killed leaves the store.
func (s *store) crash() { s.until = time.Time{} }

// covers says what is wrong with the ledger: each byte from the table on must be in one window.
func (s *store) covers(from int64, data []byte) error {
	for _, at := range slices.Sorted(maps.Keys(s.entries)) {
		var e ingest.LedgerEntry
		if err := json.Unmarshal(s.entries[at], &e); err != nil {
			return err
		}
		if e.Offset != from {
			return fmt.Errorf("a window begins at byte %d, not %d", e.Offset, from)
		}
		if crc := crc32.Checksum(data[e.Offset:e.Offset+e.Length], crc32.MakeTable(crc32.Castagnoli)); crc != e.CRC {
			return fmt.Errorf("the window at byte %d has another CRC", e.Offset)
		}
		from += e.Length
	}
	if from != int64(len(data)) {
		return fmt.Errorf("the windows end at byte %d of %d", from, len(data))
	}
	return nil
}

// streamOnly hides that a source can be read at an offset.
type streamOnly struct{ r io.Reader }

func (s streamOnly) Read(p []byte) (int, error) { return s.r.Read(p) }

// summary is what a status says that must not depend on how often a run was broken off.
func summary(s ingest.Status) string {
	s.Started, s.Elapsed, s.Rate, s.ETA, s.Bottleneck, s.Earlier, s.Run, s.Consumed = time.Time{}, 0, 0, 0, "", 0, "", 0
	if s.Found != nil {
		f := *s.Found
		f.Run = ""
		s.Found = &f
	}
	for i := range s.Changes { // another delimiter is looked for in what this run has read
		c := &s.Changes[i]
		c.Delimiter = ""
		c.Reason, _, _ = strings.Cut(c.Reason, "; with the delimiter")
	}
	b, _ := json.Marshal(s)
	return string(b)
}

// A run that is broken off at random places, and goes on each time with other sizes and as a file or a stream, stores what
// one stores that is not.
func TestLawResume(t *testing.T) {
	for _, c := range messyCases(t) {
		data := c.unpack()
		if len(data) == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				r := resumable{p: *c.want.Pipeline, data: data, stops: seed%2 == 1}
				r.test(t, rand.New(rand.NewPCG(seed, 1)))
			}
		})
	}
}

// A resumable is a source whose runs are broken off.
type resumable struct {
	p     ingest.Pipeline
	data  []byte
	lies  []byte // as it lies there; nil: as data
	stops bool   // it is also stopped by bad records, limits on rejects, and drift
}

func (r *resumable) open(rnd *rand.Rand) io.Reader {
	lies := r.lies
	if lies == nil {
		lies = r.data
	}
	if rnd.IntN(2) == 0 {
		return streamOnly{bytes.NewReader(lies)}
	}
	return bytes.NewReader(lies)
}

func (r *resumable) test(t *testing.T, rnd *rand.Rand) {
	p := r.p
	p.RunID, p.Lease = "resume", time.Minute
	p.Policy.Bad = ingest.Reject
	p.Rejects = nil
	if r.stops {
		p.Policy.Drift, p.Policy.MaxRejects = "", 0
	}
	whole := newStore()
	want, err := p.Run(t.Context(), r.open(rand.New(rand.NewPCG(0, 0))), whole)
	if err != nil {
		return // what fails as a whole is tested elsewhere
	}
	require.NoError(t, whole.double)
	broken := newStore()
	for try := 0; ; try++ {
		require.Less(t, try, 1000)
		broken.failAt, broken.after = 1+rnd.IntN(4), rnd.IntN(2) == 0
		if try > 20 {
			broken.failAt = 0
		}
		q := p
		if q.BatchBytes != 1 {
			q.BatchBytes = 1 + rnd.IntN(300+len(r.data)/30)
		}
		q.Workers = 1 + rnd.IntN(3)
		if rnd.IntN(3) == 0 {
			q.BatchRecords = 1 + rnd.IntN(5)
		}
		if r.stops && try < 20 {
			switch rnd.IntN(4) {
			case 0:
				q.Policy.Bad = ingest.Stop
			case 1:
				q.Policy.MaxRejects = 1 + rnd.Int64N(3)
			case 2:
				q.Policy.Drift = ingest.Stop
			}
			if rnd.IntN(2) == 0 {
				broken.failAt = 0
			}
		}
		got, err := q.Run(t.Context(), r.open(rnd), broken)
		require.NoError(t, broken.double)
		if err != nil {
			stopped := errors.Is(err, ingest.ErrBadRecord) || errors.Is(err, ingest.ErrRejects) || errors.Is(err, ingest.ErrDrift)
			require.True(t, errors.Is(err, errCrash) || r.stops && stopped, "%v", err)
			broken.crash()
			continue
		}
		if q.Policy != p.Policy {
			continue // it came to the end before that counted
		}
		got.Size, want.Size, got.Source, want.Source = 0, 0, "", ""
		assert.JSONEq(t, summary(want), summary(got))
		break
	}
	assert.Equal(t, whole.records, broken.records)
	assert.Equal(t, whole.rejects, broken.rejects)
	if len(broken.entries) > 0 {
		assert.NoError(t, broken.covers(want.Found.Table.Offset, r.data))
	}
}

// table makes a table of rows, some of them bad, with a word of each row's own.
func table(rows int, sep, end, word string) string {
	var b strings.Builder
	b.WriteString("id" + sep + "name" + sep + "amount" + end)
	for i := range rows {
		switch {
		case i%11 == 7:
			fmt.Fprintf(&b, "%d%sshort%s", i, sep, end)
		case i%17 == 9:
			b.WriteString(end)
		case i%13 == 5:
			fmt.Fprintf(&b, "%d%s\"%s%sof%stwo lines\"%s%d.50%s", i, sep, word, sep, end, sep, i, end)
		default:
			fmt.Fprintf(&b, "%d%s%s %d%s%d.25%s", i, sep, word, i, sep, i, end)
		}
	}
	return b.String()
}

func TestLawResumeSources(t *testing.T) {
	encoded := func(label, text string) []byte {
		e, err := encoding.Get(label)
		require.NoError(t, err)
		b, err := e.Encode(text)
		require.NoError(t, err)
		return b
	}
	ascii, late := table(60, ",", "\n", "plain"), "\n"
	for i := range 40 {
		late += fmt.Sprintf("%d,Müller naïve café %d,1\n", i, i)
	}
	oversize := table(30, ",", "\n", "x") + strings.Repeat("y", 900) + ",1,2\n" + table(30, ",", "\n", "z")
	drifts := table(30, ",", "\n", "x") + strings.Repeat("1;2;3\n", 25) + table(10, ",", "\n", "z") + strings.Repeat("1,2\n", 30)
	japanese := strings.ReplaceAll(table(60, "|", "\r\n", "表示ソ予定"), "plain", "能")
	var repairs strings.Builder
	for i := range 60 {
		fmt.Fprintf(&repairs, "%d,2024-01-%02d,name %d,%d.50\n", i, i%28+1, i, i)
		if i%9 == 4 {
			fmt.Fprintf(&repairs, "%d,2024-01-%02d,name, %d,%d.50\n", i, i%28+1, i, i)
		}
	}
	for name, r := range map[string]resumable{
		"plain":                    {data: []byte(ascii)},
		"batches of one byte":      {data: []byte(ascii), p: ingest.Pipeline{BatchBytes: 1}},
		"a pinned header":          {data: []byte(ascii), p: ingest.Pipeline{Header: ingest.Columns("x", "y", "z")}},
		"a filter":                 {data: []byte(ascii), p: ingest.Pipeline{Filter: func(r ingest.Record) bool { return len(r.Field(0))%2 == 0 }}},
		"repairs":                  {data: []byte("id,day,name,amount\n" + repairs.String()), p: ingest.Pipeline{Policy: ingest.Policy{Repair: true}}},
		"an encoding decided late": {data: encoded("windows-1252", ascii+late), p: ingest.Pipeline{SampleSize: 200}},
		"UTF-8 decided late":       {data: []byte(ascii + late), p: ingest.Pipeline{SampleSize: 200}},
		"UTF-16":                   {data: append([]byte("\xff\xfe"), encoded("UTF-16LE", ascii+late)...)},
		"UTF-16 without a mark":    {data: encoded("UTF-16BE", ascii)},
		"Shift_JIS with a pipe":    {data: encoded("Shift_JIS", japanese)},
		"CRLF":                     {data: []byte(table(80, ";", "\r\n", "x"))},
		"no last line end":         {data: []byte(strings.TrimSuffix(ascii, "\n"))},
		"an oversize record":       {data: []byte(oversize), p: ingest.Pipeline{Limits: ingest.Limits{Record: 200}}},
		"drift":                    {data: []byte(drifts)},
		"drift that is kept":       {data: []byte(drifts), p: ingest.Pipeline{Policy: ingest.Policy{Short: ingest.Keep, Long: ingest.Keep}}},
		"gzip":                     {data: []byte(ascii + late), lies: gzipped(t, ascii+late)},
		"zip":                      {data: []byte(ascii + late), lies: zipped(t, "a.csv", ascii+late)},
		"gzip in zip":              {data: []byte(ascii), lies: zipped(t, "a.csv.gz", string(gzipped(t, ascii)))},
		"gzip, longer than a head": {data: []byte(table(4000, ",", "\n", "x")), lies: gzipped(t, table(4000, ",", "\n", "x"))},
		"longer than a head":       {data: []byte(table(4000, ",", "\n", "x"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seeds := uint64(12)
			if len(r.data) > 64<<10 {
				seeds = 3
			}
			for seed := range seeds {
				r.stops = seed%3 == 1
				r.test(t, rand.New(rand.NewPCG(seed, 2)))
			}
		})
	}
}

// The same source again is nothing to do; one that has grown is read from where it ended; any other is refused.
func TestAgain(t *testing.T) {
	big := "a,b\n" + strings.Repeat("12345,67890\n", 20_000)
	for _, c := range []struct {
		name, first, second string
		more                int64 // records
		err                 error
		code                ingest.Code
	}{
		{name: "the same", first: "a,b\n1,2\n3,4\n", second: "a,b\n1,2\n3,4\n"},
		{name: "grown", first: "a,b\n1,2\n3,4\n", second: "a,b\n1,2\n3,4\n5,6\n7,8\n", more: 2},
		{name: "grown behind a line without an end", first: "a,b\n1,2\n3,4", second: "a,b\n1,2\n3,4\n5,6\n", more: 1},
		{name: "grown behind half a line end", first: "a,b\r\n1,2\r\n3,4", second: "a,b\r\n1,2\r\n3,4\r\n5,6\r\n", more: 1},
		{name: "the line end only", first: "a,b\n1,2\n3,4", second: "a,b\n1,2\n3,4\n"},
		{name: "the last record has grown", first: "a,b\n1,2\n3,4", second: "a,b\n1,2\n3,44\n", err: ingest.ErrSourceChanged, code: ingest.CodeChanged},
		{name: "shorter", first: "a,b\n1,2\n3,4\n", second: "a,b\n1,2\n", err: ingest.ErrSourceChanged, code: ingest.CodeChanged},
		{name: "another record", first: "a,b\n1,2\n3,4\n", second: "a,b\n1,2\n3,5\n", err: ingest.ErrSourceChanged, code: ingest.CodeChanged},
		{name: "another header", first: "a,b\n1,2\n3,4\n", second: "a,c\n1,2\n3,4\n", err: ingest.ErrSourceChanged, code: ingest.CodeChanged},
		{name: "grown, and no longer ASCII", first: "a,b\n1,2\n3,4\n", second: "a,b\n1,2\n3,4\n5,M\xfcller\n7,K\xf6nig\n8,Stra\xdfe\n9,B\xe4r\n", more: 4},
		{name: "grown, and in UTF-8", first: "a,b\n1,2\n3,4\n", second: "a,b\n1,2\n3,4\n5,Müller\n7,König\n8,Straße\n", more: 3},
		{name: "long, the same", first: big, second: big},
		{name: "long, grown", first: big, second: big + "1,2\n", more: 1},
		{name: "long, another end", first: big, second: big[:len(big)-2] + "9\n", err: ingest.ErrSourceChanged, code: ingest.CodeChanged},
		{name: "long, another end and grown", first: big, second: big[:len(big)-2] + "9\n1,2\n", err: ingest.ErrSourceChanged, code: ingest.CodeChanged},
	} {
		for _, streams := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%v", c.name, streams), func(t *testing.T) {
				open := func(data string) io.Reader {
					if streams {
						return streamOnly{strings.NewReader(data)}
					}
					return strings.NewReader(data)
				}
				s := newStore()
				p := ingest.Pipeline{RunID: "r"}
				first, err := p.Run(t.Context(), open(c.first), s)
				require.NoError(t, err)
				assert.Zero(t, first.Earlier)
				second, err := p.Run(t.Context(), open(c.second), s)
				require.NoError(t, s.double)
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
					assert.Equal(t, c.code, ingest.CodeOf(err))
					assert.Len(t, s.records, int(first.Delivered))
					return
				}
				require.NoError(t, err)
				assert.Equal(t, ingest.Done, second.State)
				assert.Equal(t, first.Read, second.Earlier)
				assert.Equal(t, first.Delivered+c.more, second.Delivered)
				assert.Len(t, s.records, int(second.Delivered))
				assert.NoError(t, s.covers(second.Found.Table.Offset, []byte(c.second)))
			})
		}
	}
}

// A run that a drift has stopped stops again under the same policy, and goes on under another one. The drift is told once.
func TestDriftStopsAgain(t *testing.T) {
	for _, long := range []ingest.Action{ingest.Keep, ingest.Reject} {
		for _, records := range []int{1, 7, 0} {
			t.Run(fmt.Sprintf("%s/%d", long, records), func(t *testing.T) {
				src := rows(30) + strings.Repeat("1,one,more\n", 40)
				s := newStore()
				p := ingest.Pipeline{RunID: "r", BatchRecords: records, Policy: ingest.Policy{Bad: ingest.Reject, Long: long, Drift: ingest.Stop}}
				stored := 0
				for range 3 {
					status, err := p.Run(t.Context(), strings.NewReader(src), s)
					require.ErrorIs(t, err, ingest.ErrDrift)
					require.NoError(t, s.double)
					assert.Len(t, status.Changes, 1)
					assert.EqualValues(t, 31, status.Changes[0].Record)
					assert.GreaterOrEqual(t, len(s.records), stored)
					stored = len(s.records)
				}
				p.Policy.Drift = ingest.Keep
				whole := newStore()
				want, err := p.Run(t.Context(), strings.NewReader(src), whole)
				require.NoError(t, err)
				got, err := p.Run(t.Context(), strings.NewReader(src), s)
				require.NoError(t, err)
				assert.JSONEq(t, summary(want), summary(got))
				assert.Equal(t, whole.records, s.records)
				assert.Equal(t, whole.rejects, s.rejects)
			})
		}
	}
}
