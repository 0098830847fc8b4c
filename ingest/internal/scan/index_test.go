package scan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A stretch is what the quick road is asked about.
type stretch struct {
	g        *Grammar
	in       []byte
	from, to int
}

func (s stretch) String() string { return fmt.Sprintf("%q[%d:%d]", s.in, s.from, s.to) }

// found is what it answers: Index, behind a field and a row that were there before, and Count.
type found struct {
	fields []Field
	ends   []uint32
	next   Field // behind the last one; only its start
	odd    []OddBlock
	flags  [3]bool
	end    int

	counted, rows int
}

func (f *found) equal(o *found) bool {
	return slices.Equal(f.fields, o.fields) && slices.Equal(f.ends, o.ends) && f.next == o.next && slices.Equal(f.odd, o.odd) && f.flags == o.flags &&
		f.end == o.end && f.counted == o.counted && f.rows == o.rows
}

// by gives what a kernel finds. Behind what was there before there is no more room than Index has to have, and some to
// spare for fields and rows: what is behind must stay as it is.
func (s stretch) by(t *testing.T, k kernel, spareFields, spareRows int) found {
	t.Helper()
	defer func(k kernel) { chosen = k }(chosen)
	chosen = k
	const guards = 128
	var (
		fields = slices.Repeat([]Field{{0xdead, 0xbeef}}, 1+2*room+spareFields+guards)
		ends   = slices.Repeat([]uint32{0xdeadbeef}, 1+2*room+spareRows+guards)
		odds   = slices.Repeat([]OddBlock{{0xdead, 0xbeef}}, 1+(s.to-s.from+63)/64+1+guards)
		n, m   = len(fields) - guards, len(ends) - guards
		o      = len(odds) - guards
		x      = Index{Fields: fields[:1:n], Ends: ends[:1:m], OddBlocks: odds[:1:o]}
		f      found
	)
	fields[0], ends[0] = Field{1, 2}, 1
	if odds[0] = (OddBlock{0, 1}); s.from == 0 { // there is nothing before
		x.OddBlocks = x.OddBlocks[:0]
	}
	before := len(x.OddBlocks)
	f.counted, f.rows = s.g.Count(s.in, s.from, s.to, &x)
	require.Equal(t, [2]int{1, 1}, [2]int{len(x.Fields), len(x.Ends)}, "Count leaves it as it is")
	f.end = s.g.Index(s.in, s.from, s.to, &x)
	require.Equal(t, odds[:before], x.OddBlocks[:before])
	f.odd = x.OddBlocks[before:]
	f.fields, f.ends, f.flags = x.Fields, x.Ends, [3]bool{x.Odd, x.Long, x.Doubled}
	if f.end > s.from {
		f.next.start = x.Fields[:len(x.Fields)+1][len(x.Fields)].start
	}
	for i := range guards {
		if fields[n+i] != (Field{0xdead, 0xbeef}) || ends[m+i] != 0xdeadbeef || odds[o+i] != (OddBlock{0xdead, 0xbeef}) {
			require.Fail(t, "written behind the capacity", "%s: %d: %s", k.name, i, s)
		}
	}
	require.Equal(t, Field{1, 2}, x.Fields[0])
	require.EqualValues(t, 1, x.Ends[0])
	return f
}

// odds gives the odd blocks of what is found, byte by byte.
func (s stretch) odds(x *found) (blocks []OddBlock) {
	delim := s.g.Delimiter[0]
	before := map[int]bool{} // where the delimiter is structure
	if delim < 0x20 && delim != '\t' {
		for _, f := range x.fields[1:] {
			if before[f.Start()-1] = true; f.Quoted() {
				before[f.Start()-2] = true
			}
		}
	}
	for i := s.from; i < x.end; i++ {
		c := s.in[i]
		eol := c == '\r' || c == '\n' && s.g.LF
		if c >= 0x20 && c <= 0x7e || eol || c == delim && (c == '\t' || before[i]) {
			continue
		}
		at := s.from + (i-s.from)&^63
		if len(blocks) == 0 || int(blocks[len(blocks)-1].At) < at {
			blocks = append(blocks, OddBlock{At: uint32(at)})
		}
		blocks[len(blocks)-1].Odd |= 1 << (i - at)
	}
	return blocks
}

// sameAsRow takes in[from:to] by the quick road, checks that all kernels find the same, and each row against Row. It
// gives how far that came.
func sameAsRow(t *testing.T, g *Grammar, in []byte, from, to int) int {
	t.Helper()
	s := stretch{g, in, from, to}
	x := s.by(t, plain, 0, 0)
	for i, k := range kernels[:len(kernels)-1] { // the last one is plain
		if !k.usable {
			continue
		}
		if got := s.by(t, k, (to-from+i)%64, to%64); !got.equal(&x) {
			require.Equal(t, x, got, "%s: %s", k.name, s)
		}
	}
	odd, long, doubled := x.flags[0], x.flags[1], x.flags[2]
	if !long {
		require.Equal(t, [2]int{x.end, len(x.ends) - 1}, [2]int{x.counted, x.rows}, s)
	} else {
		require.LessOrEqual(t, x.rows, len(x.ends)-1, s)
		eol := []byte("\n")
		if !g.LF {
			eol = []byte("\r")
		}
		require.Equal(t, x.rows, bytes.Count(in[from:x.counted], eol), s)
	}
	at := from
	full := *g
	full.MaxFields = 0
	var want []Field
	for i := 1; i < len(x.ends); i++ {
		got := x.fields[x.ends[i-1]:x.ends[i]]
		want = want[:0]
		row := full.Row(in, at, true, &want)
		is := stretch{g, in, at, x.end}
		require.False(t, row.Stray, is)
		switch {
		case row.Kind == Unclosed:
			require.True(t, bytes.Count(in[at:x.end], []byte("\n"))+bytes.Count(in[at:x.end], []byte("\r")) > g.MaxLines ||
				g.Columns > 0 && len(got) != g.Columns, is)
			require.True(t, long, is)
			row.End = x.end // it cannot be told here; the next row is
			if i+1 < len(x.ends) {
				return x.end
			}
		case row.Kind == Blank:
			require.Len(t, got, 1, is)
		default:
			require.Equal(t, Record, row.Kind, is)
			if !slices.Equal(want, got) {
				require.Equal(t, want, got, is)
			}
		}
		if row.Lines > 1 {
			require.True(t, long, is)
		}
		at = row.End
		require.LessOrEqual(t, at, to, is)
	}
	require.Equal(t, x.end, at, s)
	if x.end > from {
		quoted := x.end < to && len(g.Open) > 0 && in[x.end] == g.Open[0]
		start := x.end
		if quoted {
			start++
		}
		require.Equal(t, NewField(start, 0, quoted, false), x.next, s)
	}
	if want := s.odds(&x); !slices.Equal(want, x.odd) {
		require.Equal(t, want, x.odd, s)
	}
	require.True(t, odd || len(x.odd) == 0, s)
	for _, f := range x.fields[1:] {
		if f.Escaped() && !doubled {
			require.Fail(t, "a doubled quote that was not noted", s)
		}
	}
	return x.end
}

// whole takes all of in, the rows that are not regular by Row, and at most step bytes at a time otherwise.
func whole(t *testing.T, g *Grammar, in []byte, step int) {
	t.Helper()
	for from := 0; from < len(in); {
		end := sameAsRow(t, g, in, from, min(from+step, len(in)))
		if end == from {
			end = g.Row(in, from, true, nil).End
		}
		from = end
	}
}

// shifted gives a copy of in that begins so many bytes behind a multiple of 64.
func shifted(in []byte, shift int) []byte {
	b := make([]byte, len(in)+2*64)
	i := int(-uintptr(unsafe.Pointer(&b[0]))&63) + shift
	return append(b[i:i:i+len(in)], in...)
}

// stride is how far apart the places are that tests of many places try. With -short, which is for the race detector and for CPUs
// that are emulated, they do not try each of them.
func stride() int {
	if testing.Short() {
		return 7 // no multiple of what repeats there, nor a part of a block
	}
	return 1
}

// The quick road gives what Row gives, wherever a row stands in a block.
func TestIndexIsRow(t *testing.T) {
	for _, r := range rows {
		g := New(configs[r.config])
		for _, n := range []int{0, 1, 2, 31, 60, 61, 62, 63, 64, 65, 127, 500} {
			in := []byte(strings.Repeat("x", n) + "\n" + r.in + "\n" + r.in)
			whole(t, g, in, len(in))
		}
	}
}

// Whatever meets there, it meets at every place of a block, and at its end.
func TestIndexOfPatterns(t *testing.T) {
	for _, pattern := range []string{
		// as many rows, and as many fields, as a block can have
		"\n", ",", ",\n", "\r\n", ",\r\n", "a\n", "a,", "a,b\n", "ab,",
		// quotes next to what makes them regular
		`"",`, "\"\"\n", "\"\"\r\n", `"a",`, "\"a\"\n", "\"a\"\r\n", `,"",,`, "a,\"b\"\r\n", "\"a,b\",c\n",
		// doubled ones
		`"""",`, "\"\"\"\"\n", `"a""b",`, `"""a""",`, "\"\"\"\"\"\"\r\n", "a,\"b\"\"\"\n", `"",""",",`, "\"\"\"\n\"\"\"\n",
		// next to many fields
		`"""",,,,`, ",,\"\"\"\"\r\n", ",,\"\"\r\n", "\"\",,,\"\"\"\"\r\n", `"""",` + strings.Repeat(",", 30), strings.Repeat(",", 30) + "\"\"\r\n",
		// line ends inside them
		"\"\n\"\n", "\"\r\n\"\r\n", "\"a\n\"\"b\",\n", "\"\r\",\"\n\"\n", "\"\n\n\n\n\n\n\"\n", "a,\"\n\",b\n",
		// what is not regular
		"\r", "a\rb\n", "\"\r", "\"\"\r", "\"a\"\r\r\n", "\"a\"b\n", "a\"b\n", `"a" ,`, " \"a\"\n", "\"\"\"\"\"", `"`, "\"\"a\"\"\n",
		// odd bytes
		"é,", "\x00\n", "\x7f\"\n", "\"\x80\"\r\n", "\"\x1f\",\x1f\n", "\t,\n", "\"\xff\n\"\"\t\",\n", "a\"\xfe\n", "é\rb\n", "ab\xc3\n\xa4,",
		// longer than a block
		strings.Repeat("a", 63) + "\n", strings.Repeat("a", 64) + ",", `"` + strings.Repeat(`""`, 33) + `",`,
		`"` + strings.Repeat("a", 61) + `"` + "\n", `"` + strings.Repeat(",", 64) + `"` + "\r\n",
	} {
		for _, config := range []string{"rfc", "cr", "mixed", "strict", "plain", "unit"} {
			g := New(configs[config])
			unit := pattern
			if !g.LF {
				unit = strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(pattern)
			}
			repeated := strings.Repeat(unit, 200/len(unit)+2)
			for n := 0; n < 131; n += stride() {
				before := strings.Repeat("x", max(n-1, 0))
				if n > 0 {
					before += ","
				}
				in := []byte(before + repeated)
				if sameAsRow(t, g, in, 0, len(in)) == 0 {
					sameAsRow(t, g, in, g.Row(in, 0, true, nil).End, len(in))
				}
			}
		}
	}
}

// A kernel may take blocks without quotes another way once it has met some, for as long as it thinks fit. Whatever
// comes then, be it at any place of a block, it finds the same.
func TestIndexOfQuotesNowAndThen(t *testing.T) {
	filler := strings.Repeat("ab,c,,def\n", 80)
	without := func(n int) string { // ends with a separator
		return filler[:n-1] + ",\n"[n%2:n%2+1]
	}
	for _, config := range []string{"rfc", "mixed"} {
		g := New(configs[config])
		for _, first := range []string{`"",`, `"a""b",`, "x\r\n", "\"" + strings.Repeat("a", 300) + "\"\n"} {
			for _, then := range []string{
				`"a",`, "\"\"\n", "\"a\"\r\n", "a\r\n", "\r\n", `"""",`, "\"a\"\"\"\r\n", "\"a\nb\"\n",
				// not regular
				"a\"\n", "\"a\"b\n", "\"a\"\rb\n", "\rb\n", `"""""b,`, `"a" ,`,
			} {
				for n := 1; n < 9*64; n += stride() {
					if bound := (len(first) + n) % 64; n > 64 && bound > 1 && bound < 63-len(then) {
						continue // a block like those before
					}
					in := []byte(first + without(n) + then + without(64+n) + "\"z\"\n")
					whole(t, g, in, len(in))
				}
			}
		}
	}
}

// The same with CRs, which a kernel may go on looking for in some thousand bytes without any.
func TestIndexOfCRsNowAndThen(t *testing.T) {
	plain := []string{",", ",", "\n", "a", "b c,", "12.50\n"}
	regular := slices.Concat(plain, []string{
		`"a",`, "\"a\"\n", "\"\"\n", `"a""b",`, "\"a\"\"\"\n", "\"a, b\",", "\"a\nb\"\n", "\"" + strings.Repeat("a", 70) + "\"\n",
	})
	r := rand.New(rand.NewPCG(5, 6))
	for _, config := range []string{"rfc", "mixed", "strict"} {
		g := New(configs[config])
		for range 40 {
			var in []byte
			for range 6 {
				crs, from := r.IntN(2) == 0, [][]string{plain, regular}[r.IntN(2)]
				for n := len(in) + r.IntN(7<<10); len(in) < n; {
					piece := from[r.IntN(len(from))]
					if crs {
						piece = strings.ReplaceAll(piece, "\n", "\r\n")
					}
					if last := len(in) - 1; piece[0] == '"' && last >= 0 && in[last] != ',' && in[last] != '\n' {
						piece = "," + piece
					}
					in = append(in, piece...)
				}
				if r.IntN(3) == 0 {
					in = append(in, pieces[r.IntN(len(pieces))]...)
				}
			}
			whole(t, g, in, 32<<10)
		}
	}
	// Where it gives them up, one may be the last byte it has seen.
	g := New(configs["mixed"])
	for n := 0; n < 5*64; n += stride() {
		lines := strings.Repeat("ab,c,,def\n", 500)[:62*64+n-1] + "\n"
		for _, then := range []string{"b\r\n", "b\r,\n", "\"b\"\r\n"} {
			whole(t, g, []byte("a\r\n"+lines+then+"c,d\n\"z\"\n"), 8<<10)
		}
	}
}

// A kernel stops in time where fields or rows fill their room, however much of it a block leaves.
func TestIndexOfRoom(t *testing.T) {
	for _, in := range []string{strings.Repeat("\n", 400), strings.Repeat(",", 400) + "\n", "\"\"" + strings.Repeat(",", 400) + "\n",
		strings.Repeat("\x00\n", 400), strings.Repeat("\x00,", 400) + "\n"} {
		s := stretch{New(configs["rfc"]), []byte(in), 0, len(in)}
		want := s.by(t, plain, 0, 0)
		eachKernel(t, func(t *testing.T, k kernel) {
			for spare := range 64 {
				require.Equal(t, want, s.by(t, k, spare, 128))
				require.Equal(t, want, s.by(t, k, 128, spare))
			}
		})
	}
}

// Neither the place in memory nor where the stretch ends makes a difference.
func TestIndexOfStretches(t *testing.T) {
	g := New(configs["rfc"])
	table := []byte("a,\"b\xc3\xa4\",\"c\"\"d\"\r\n" + strings.Repeat(",\n", 40) + "\"1,\n2\",,\"\"\"\"\n" + strings.Repeat("x", 70) + "\ny,\"z\n")
	for shift := 0; shift < 64; shift += stride() {
		in := shifted(table, shift)
		require.EqualValues(t, shift, uintptr(unsafe.Pointer(&in[0]))&63)
		for to := range len(in) + 1 {
			sameAsRow(t, g, in, 0, to)
		}
	}
}

// The odd bytes are those of the rows found, wherever blocks begin, and no more often than they are there.
func TestIndexOfOddBytes(t *testing.T) {
	row := strings.Repeat("x", 62) + ",\n"
	for _, c := range []struct {
		name, config, in string
		to               []int // of each Index, which begins where the one before ended
		want             []OddBlock
	}{
		{"none", "rfc", row + row, []int{128}, nil},
		{"in the first byte and in the last one", "rfc", "\x00" + row[1:63] + "\n", []int{64}, []OddBlock{{0, 1}}},
		{"next to the edge of blocks", "rfc", row[:63] + "\x00\x01\n", []int{66}, []OddBlock{{0, 1 << 63}, {64, 1}}},
		{"in a block that is cut short", "rfc", row + "é\n", []int{67}, []OddBlock{{64, 0b11}}},
		{"behind the end", "rfc", "a\n\x00", []int{3}, nil},
		{"behind the end, in blocks of their own", "rfc", "a\n" + strings.Repeat("\x00", 200), []int{202}, nil},
		{"before and behind the end", "rfc", "é\né", []int{5}, []OddBlock{{0, 0b11}}},
		{"where no row ends", "rfc", strings.Repeat("é", 100), []int{200}, nil},
		{"looked at again", "rfc", "é\né\né\n", []int{4, 8, 9}, []OddBlock{{0, 0b11}, {3, 0b11}, {6, 0b11}}},
		{"looked at in vain", "rfc", strings.Repeat("é", 100) + "\n", []int{100, 150, 201},
			[]OddBlock{{0, ^uint64(0)}, {64, ^uint64(0)}, {128, ^uint64(0)}, {192, 0xff}}},
		{"before what is not regular", "rfc", "é\na\"\x00\n", []int{8}, []OddBlock{{0, 0b11}}},
		{"behind what is not regular", "rfc", "a\nb\"\n" + row + "\x00", []int{70}, nil},
		{"inside quotes", "rfc", "\"\x00\n\",\"\t\"\n", []int{9}, []OddBlock{{0, 0b1000010}}},
		{"a line end of another kind", "cr", "a\nb\r", []int{4}, []OddBlock{{0, 0b10}}},
		{"a carriage return", "rfc", "a\rb\r\n", []int{5}, nil},
		{"a tab", "rfc", "a\tb\n", []int{4}, []OddBlock{{0, 0b10}}},
		{"a tab that is the delimiter", "tab", "a\t\"\t\"\n", []int{6}, nil},
		{"a control character that is the delimiter", "unit", "a\x1fb\x1e\n\"a\x1fb\"\x1f\n", []int{12}, []OddBlock{{0, 0b10001000}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func(k kernel) { chosen = k }(chosen)
			g := New(configs[c.config])
			eachKernel(t, func(t *testing.T, k kernel) {
				chosen = k
				x, at := Index{}, 0
				for _, to := range c.to {
					at = g.Index([]byte(c.in), at, to, &x)
				}
				if len(c.want) == 0 {
					require.Empty(t, x.OddBlocks)
				} else {
					require.Equal(t, c.want, x.OddBlocks)
				}
			})
		})
	}
}

func TestCutOdd(t *testing.T) {
	blocks := []OddBlock{{0, 0b101}, {64, 1 << 63}, {200, 1 << 3}}
	for _, c := range []struct{ end, want int }{{0, 0}, {128, 2}, {127, 1}, {203, 2}, {204, 3}, {1000, 3}, {200, 2}} {
		x := Index{OddBlocks: slices.Clone(blocks)}
		x.CutOdd(c.end)
		require.Equal(t, blocks[:c.want], x.OddBlocks, c.end)
	}
	x := Index{OddBlocks: slices.Clone(blocks)}
	x.CutOdd(2)
	require.Equal(t, []OddBlock{{0, 1}}, x.OddBlocks)
}

// Ordinary tables do not leave the quick road.
func TestIndexOfOrdinaryTables(t *testing.T) {
	for _, c := range []struct{ config, in string }{
		{"rfc", "a,b\n1,2\n,\n"},
		{"rfc", "a,b\r\n1,2\r\n,\r\n"},
		{"rfc", "\"a\",b\n\"1,\n\"\"2\",\"\"\n"},
		{"rfc", "\"a\",\"b\"\r\n\"1\r\n\"\"2\"\"\",\"\"\r\n"},
		{"cr", "a,\"b\"\r\"1\r\",\r"},
		{"mixed", "a,\"b\"\r\n\"1\n\",2\n"},
		{"plain", "\"a,b\n"},
		{"backslash", "\"a\",b\n"},
		{"hash", "a#,#b\n,\"\n#\"\n"},
		{"tab", "a\t\"b\t\"\n"},
		{"unit", "a\x1f\"b\x1f\"\n"},
	} {
		g := New(configs[c.config])
		for _, times := range []int{1, 7, 64, 300} {
			in := []byte(strings.Repeat(c.in, times))
			end, n := 0, 0
			for ; end < len(in) && n < 2*times; n++ { // a mark behind a line end in quotes is looked at again
				if next := sameAsRow(t, g, in, end, len(in)); next > end {
					end = next
				} else {
					end = g.Row(in, end, true, nil).End
				}
			}
			require.Len(t, in, end, c.in)
			if c.config != "hash" {
				require.Equal(t, 1, n, c.in)
			}
		}
	}
}

// pieces are what tables are made of by chance.
var pieces = []string{
	",", ",", ",", "\n", "\n", "\"", "\"", "\"\"", "\",\"", "\"\n\"", "a", "b c", "\r\n", "\r", "\\", "#", "//", "\t", " ", "::", "é", "\x00", "\x1f",
	"\"quoted, and long\",", "\"with \"\"doubled\"\" ones\"", "12.50,", "\"two\nlines\"\n", "some text that is longer than a block of sixty-four bytes, as it may be\n",
}

func TestIndexOfChance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, c := range configs {
		g := New(c)
		t.Run(name, func(t *testing.T) {
			for range 300 / stride() {
				var in []byte
				for range r.IntN(120) {
					in = append(in, pieces[r.IntN(len(pieces))]...)
				}
				for from := 0; from < len(in); {
					end := sameAsRow(t, g, in, from, from+r.IntN(len(in)-from+1))
					if end == from {
						end = g.Row(in, from, true, nil).End
					}
					from = end
				}
			}
		})
	}
}

func FuzzIndex(f *testing.F) {
	for i, r := range rows {
		f.Add([]byte(strings.Repeat(r.in+"\n", 9)), r.config, uint8(i), uint16(0))
		f.Add([]byte(strings.Repeat(r.in+"\n", 9)), r.config, uint8(0), uint16(len(r.in)))
	}
	f.Fuzz(func(t *testing.T, in []byte, config string, shift uint8, step uint16) {
		c, ok := configs[config]
		if !ok {
			c = configs["rfc"]
		}
		if step == 0 {
			step = 1<<16 - 1
		}
		whole(t, New(c), shifted(in, int(shift%64)), int(step))
	})
}

// size is what a cache holds, together with what is found in it.
const size = 256 << 10

// tables are inputs to measure with. Where quotes come by chance a table is longer, since the CPU soon knows a short
// one by heart, and where to branch in it.
func tables() map[string][]byte {
	r := rand.New(rand.NewPCG(3, 4))
	table := func(size int, row func(b []byte) []byte) []byte {
		var b []byte
		for len(b) < size {
			b = row(b)
		}
		return b[:bytes.LastIndexByte(b[:size], '\n')+1]
	}
	word := func(b []byte, longest int) []byte {
		for range 1 + r.IntN(longest) {
			b = append(b, byte('a'+r.IntN(26)))
		}
		return b
	}
	all := map[string][]byte{
		"narrow": table(size, func(b []byte) []byte {
			for range 5 {
				b = append(word(b, 15), ',')
			}
			return append(word(b, 15), '\n')
		}),
		"quoted": table(size, func(b []byte) []byte {
			for range 5 {
				b = append(word(append(b, '"'), 15), "\","...)
			}
			return append(word(append(b, '"'), 15), "\"\n"...)
		}),
		"mixed": table(32*size, func(b []byte) []byte { // a tenth of the fields quoted
			for i := range 6 {
				switch r.IntN(20) {
				case 0:
					b = append(word(append(word(append(b, '"'), 10), `""`...), 10), '"')
				case 1:
					b = append(word(append(word(append(b, '"'), 10), ", "...), 10), '"')
				default:
					b = word(b, 15)
				}
				b = append(b, ",,,,,\n"[i])
			}
			return b
		}),
		"wide": table(size, func(b []byte) []byte {
			for range 60 {
				b = fmt.Appendf(b, "%.2f,", r.Float64()*float64(int(1)<<r.IntN(20)))
			}
			return append(b, "0\n"...)
		}),
	}
	for _, name := range []string{"narrow", "quoted", "mixed"} {
		all[name+" CRLF"] = bytes.ReplaceAll(all[name], []byte("\n"), []byte("\r\n"))
	}
	return all
}

// benchmark measures with each kernel what is done to stretches as long as a caller's.
func benchmark(b *testing.B, run func(g *Grammar, in []byte, from, to int, x *Index) int) {
	g := New(configs["rfc"])
	defer func(k kernel) { chosen = k }(chosen)
	for name, in := range tables() {
		for _, k := range kernels {
			b.Run(name+"/"+k.name, func(b *testing.B) {
				if !k.usable {
					b.Skip("not usable here")
				}
				chosen = k
				var x Index
				x.Grow(2*size, 2*size)
				b.SetBytes(int64(len(in)))
				for b.Loop() {
					for from := 0; from < len(in); {
						if from == 0 || len(x.Fields) > size/8 {
							x.Fields, x.Ends, x.OddBlocks = x.Fields[:0], x.Ends[:0], x.OddBlocks[:0]
						}
						end := run(g, in, from, min(from+32<<10, len(in)), &x)
						if end == from {
							b.Fatalf("not regular at %d", from)
						}
						from = end
					}
				}
			})
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	benchmark(b, (*Grammar).Index)
}

func BenchmarkCount(b *testing.B) {
	benchmark(b, func(g *Grammar, in []byte, from, to int, x *Index) int {
		end, _ := g.Count(in, from, to, x)
		return end
	})
}
