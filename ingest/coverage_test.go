package ingest

import (
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/dialect"
)

func FuzzJoinCRC(f *testing.F) {
	f.Add([]byte(nil), []byte(nil), uint16(1))
	f.Add([]byte("a"), []byte("b"), uint16(0))
	f.Add([]byte("123456789"), []byte(nil), uint16(7))
	f.Add([]byte(nil), []byte("\x00\x00\x00\x00"), uint16(3000))
	f.Add([]byte("a,b\n1,2\n"), []byte("3,4\n"), uint16(1000))
	f.Fuzz(func(t *testing.T, first, second []byte, times uint16) {
		want := crc32.Checksum(first, castagnoli)
		got, one := want, crc32.Checksum(second, castagnoli)
		for range times % 4096 {
			want = crc32.Update(want, castagnoli, second)
			got = joinCRC(got, one, int64(len(second)))
		}
		require.Equal(t, want, got)
	})
}

// A product is the sum, without carries, of the one factor times each power of x in the other; the highest bit is x^0.
func TestTimesCRC(t *testing.T) {
	const x0 = uint32(1) << 31
	timesX := func(a uint32) uint32 {
		if a&1 == 1 {
			return a>>1 ^ crc32.Castagnoli
		}
		return a >> 1
	}
	for _, a := range []uint32{0, 1, x0, 0xdeadbeef, crc32.Castagnoli, 1<<32 - 1} {
		assert.Equal(t, a, timesCRC(a, x0), "one is neutral")
		assert.Equal(t, a, timesCRC(x0, a))
		for _, b := range []uint32{0, 1, 0x12345678, 0x80000001, 1<<32 - 1} {
			var want uint32
			power := a
			for i := range 32 {
				if b>>(31-i)&1 == 1 {
					want ^= power
				}
				power = timesX(power)
			}
			assert.Equal(t, want, timesCRC(a, b), "%x times %x", a, b)
			assert.Equal(t, want, timesCRC(b, a), "%x times %x", b, a)
		}
	}
}

// A terabyte is joined as quickly as a byte, and as if it were joined in parts.
func TestJoinCRCOfMuch(t *testing.T) {
	const half = 1 << 39
	assert.Equal(t, joinCRC(joinCRC(5, 0, half), 0, half), joinCRC(5, 0, 2*half))
}

func TestCoverage(t *testing.T) {
	text := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	entry := func(from, to int64) *LedgerEntry {
		return &LedgerEntry{
			Offset: from, Length: to - from, Record: from + 1, Rows: to - from, Delivered: to - from - 1, Rejected: 1,
			CRC: crc32.Checksum(text[from:to], castagnoli), After: Mark{Line: to + 1, Record: to + 1},
			Notes: Notes{
				Tolerated: map[Code]int64{CodeNUL: 1},
				Repaired:  map[dialect.RepairKind]int64{"x": 1},
				Rejects:   map[Code]int64{CodeTooFewFields: 1},
				Problems:  []RecordError{{Position: Position{Offset: from}, Code: CodeTooFewFields}},
				Changes:   []Change{{Position: Position{Offset: from}}},
				Repairs:   []Repair{{Position: Position{Offset: from}}},
			},
			Rejects: []*RecordError{{Raw: []byte("a value")}},
			Found:   &Found{},
		}
	}
	for _, tt := range []struct {
		name    string
		windows [][2]int64
		spans   [][2]int64
		err     bool
	}{
		{name: "nothing"},
		{name: "one", windows: [][2]int64{{0, 5}}, spans: [][2]int64{{0, 5}}},
		{name: "joined", windows: [][2]int64{{0, 5}, {5, 9}, {9, 36}}, spans: [][2]int64{{0, 36}}},
		{name: "gaps", windows: [][2]int64{{2, 5}, {5, 9}, {10, 12}, {30, 32}, {32, 33}}, spans: [][2]int64{{2, 9}, {10, 12}, {30, 33}}},
		{name: "within the last", windows: [][2]int64{{0, 5}, {4, 9}}, err: true},
		{name: "before the last", windows: [][2]int64{{5, 7}, {0, 2}}, err: true},
		{name: "twice", windows: [][2]int64{{5, 7}, {5, 7}}, err: true},
		{name: "within a joined one", windows: [][2]int64{{0, 5}, {5, 9}, {7, 12}}, err: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Coverage
			var err error
			var given []*LedgerEntry
			for _, w := range tt.windows {
				e := entry(w[0], w[1])
				given = append(given, e)
				if err = c.Add(e); err != nil {
					break
				}
			}
			if tt.err {
				require.ErrorIs(t, err, ErrInternal)
				assert.Equal(t, CodeLedger, CodeOf(err))
				return
			}
			require.NoError(t, err)
			require.Len(t, c.spans, len(tt.spans))
			var rows int64
			for i, s := range c.spans {
				from, to := tt.spans[i][0], tt.spans[i][1]
				n := int64(0) // windows in it
				for _, w := range tt.windows {
					if w[0] >= from && w[1] <= to {
						n++
					}
				}
				rows += to - from
				assert.Equal(t, from, s.Offset)
				assert.Equal(t, to, s.end())
				assert.Equal(t, crc32.Checksum(text[from:to], castagnoli), s.CRC)
				assert.Equal(t, []int64{to - from, to - from - n, n}, []int64{s.Rows, s.Delivered, s.Rejected})
				assert.Equal(t, Mark{Line: to + 1, Record: to + 1}, s.After)
				assert.Equal(t, map[Code]int64{CodeNUL: n}, s.Notes.Tolerated)
				assert.Equal(t, map[Code]int64{CodeTooFewFields: n}, s.Notes.Rejects)
				assert.EqualValues(t, n, s.Notes.Repaired["x"])
				assert.Len(t, s.Notes.Problems, int(n))
				assert.Len(t, s.Notes.Changes, int(n))
				assert.Len(t, s.Notes.Repairs, int(n))
				assert.Nil(t, s.Rejects, "values are let go")
				assert.Nil(t, s.Found)
			}
			assert.Equal(t, rows, c.Rows())
			for i, w := range tt.windows {
				assert.Equal(t, entry(w[0], w[1]), given[i], "what is added does not change")
			}
		})
	}
}

// There are never more descriptions than a status has, and they are those that come first in the source.
func TestCoverageDescriptions(t *testing.T) {
	var c Coverage
	for i := range int64(3 * MaxProblems) {
		changes := []Change{{Position: Position{Offset: i - i%2*40}}} // some are told late
		require.NoError(t, c.Add(&LedgerEntry{Offset: i, Length: 1, Notes: Notes{Changes: changes, Problems: []RecordError{{Position: Position{Offset: i}}}}}))
	}
	require.Len(t, c.spans, 1)
	notes := c.spans[0].Notes
	assert.Len(t, notes.Problems, MaxProblems)
	require.Len(t, notes.Changes, MaxProblems)
	assert.EqualValues(t, -39, notes.Changes[0].Offset)
	assert.IsIncreasing(t, []int64{notes.Changes[0].Offset, notes.Changes[1].Offset, notes.Changes[19].Offset})
}
