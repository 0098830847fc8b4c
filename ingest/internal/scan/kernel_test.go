package scan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// masksNaive is what all kernels are compared with.
func masksNaive(blocks []block, b []byte, n needles) {
	for i := range len(b) / 64 {
		var k block
		for j, x := range b[64*i : 64*i+64] {
			bit := uint64(1) << j
			if x == n.delim {
				k.delim |= bit
			}
			if x == n.eol {
				k.eol |= bit
			}
			if x == n.quote {
				k.quote |= bit
			}
			if x == n.cr {
				k.cr |= bit
			}
			if (x < 0x20 || x > 0x7e) && x != n.delim && x != n.eol && x != n.cr {
				k.odd |= bit
			}
		}
		blocks[i] = k
	}
}

// eachKernel runs a test with every kernel that can run here.
func eachKernel(t *testing.T, test func(t *testing.T, k kernel)) {
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) {
			if !k.usable {
				t.Skip("not usable here")
			}
			test(t, k)
		})
	}
}

// untouched is what the blocks that no kernel may write hold.
var untouched = block{delim: 0x5a5a5a5a5a5a5a5a, eol: 1, quote: 2, cr: 3, odd: 4}

// sameMasks compares a kernel with the naive one on b, and looks for blocks written behind the last one.
func sameMasks(t *testing.T, k kernel, b []byte, n needles) {
	t.Helper()
	want := make([]block, len(b)/64, len(b)/64+2)
	masksNaive(want, b, n)
	want = append(want, untouched, untouched)
	got := make([]block, len(want))
	for i := range got {
		got[i] = untouched
	}
	k.masks(got, b, n)
	for i := range want { // require.Equal for each of them would take most of the time
		if got[i] != want[i] {
			require.Equal(t, want[i], got[i], "block %d of %q for %q", i, b, []byte{n.delim, n.eol, n.quote, n.cr})
		}
	}
}

var rfc = needles{delim: ',', eol: '\n', quote: '"', cr: '\r'}

func TestMasks(t *testing.T) {
	for _, c := range []struct {
		name    string
		in      string // spaces make it 64 bytes, or as many times that as are begun
		needles needles
		want    []block
	}{
		{"nothing", "", rfc, []block{}},
		{"spaces", " ", rfc, []block{{}}},
		{"a record", "a,\"b\"\r\n", rfc, []block{{delim: 1 << 1, quote: 1<<2 | 1<<4, cr: 1 << 5, eol: 1 << 6}}},
		{"the first byte", ",", rfc, []block{{delim: 1}}},
		{"the last byte", strings.Repeat("x", 63) + ",", rfc, []block{{delim: 1 << 63}}},
		{"every byte", strings.Repeat(",", 64), rfc, []block{{delim: 1<<64 - 1}}},
		{"seams", strings.Repeat(strings.Repeat("x", 15)+"\n", 4), rfc, []block{{eol: 0x8000800080008000}}},
		{"behind seams", strings.Repeat("\n"+strings.Repeat("x", 15), 4), rfc, []block{{eol: 0x0001000100010001}}},
		{"two blocks", strings.Repeat("x", 62) + ",\n,\"", rfc, []block{{delim: 1 << 62, eol: 1 << 63}, {delim: 1, quote: 2}}},
		{"one off", ",-+,-,+", rfc, []block{{delim: 0b0101001}}}, // where a subtraction would borrow
		{"with the eighth bit", ",\xac,\n\x8a\"\xa2", rfc, []block{{delim: 0b101, eol: 0b1000, quote: 0b100000, odd: 0b1010010}}},
		{"odd", "\x00\x01\x1f\x20\x21\x7d\x7e\x7f\x80\x81\xfe\xff", rfc, []block{{odd: 0b111110000111}}},
		{"a tab as delimiter", "a\tb\x0b\n", needles{'\t', '\n', '"', '\r'}, []block{{delim: 2, eol: 16, odd: 8}}},
		{"a control as quote is odd", "\x01a\x02", needles{',', '\n', '\x01', '\r'}, []block{{quote: 1, odd: 0b101}}},
		{"a carriage return as line end", "a\n\r", needles{',', '\r', '"', '\r'}, []block{{eol: 4, cr: 4, odd: 2}}},
		{"a delimiter with the eighth bit", "a\xa6&\xa7", needles{'\xa6', '\n', '"', '\r'}, []block{{delim: 2, odd: 8}}},
		{"0x00 and 0xff", "\x00\xff\x01\xfe\x7f\x80", needles{'\x00', '\xff', '\x7f', '\x80'}, []block{{delim: 1, eol: 2, quote: 16, cr: 32, odd: 0b011100}}},
		{"delimiter and line end", ",\x00\n", needles{',', ',', '"', '\r'}, []block{{delim: 1, eol: 1, odd: 0b110}}},
		{"delimiter and line end, odd", ",\x00\n", needles{'\n', '\n', '"', '\n'}, []block{{delim: 4, eol: 4, cr: 4, odd: 2}}},
		{"delimiter and quote", ",\"\n", needles{',', '\n', ',', '\r'}, []block{{delim: 1, quote: 1, eol: 4}}},
		{"all the same", "a\x00,", needles{0, 0, 0, 0}, []block{{delim: 2, eol: 2, quote: 2, cr: 2}}},
	} {
		in := c.in + strings.Repeat(" ", -len(c.in)&63)
		t.Run(c.name, func(t *testing.T) {
			eachKernel(t, func(t *testing.T, k kernel) {
				got := make([]block, len(in)/64)
				k.masks(got, []byte(in), c.needles)
				assert.Equal(t, c.want, got)
				sameMasks(t, k, []byte(in), c.needles)
			})
		})
	}
}

// TestMasksOfBytes puts each byte in each place.
func TestMasksOfBytes(t *testing.T) {
	b := make([]byte, 64*256)
	for i := range b {
		b[i] = byte(i/64 + i)
	}
	eachKernel(t, func(t *testing.T, k kernel) {
		for x := range 256 {
			sameMasks(t, k, b, needles{byte(x), byte(x + 1), byte(x ^ 0x80), byte(x >> 1)})
		}
	})
}

// TestMasksOfSlices is about where b begins and how long it is.
func TestMasksOfSlices(t *testing.T) {
	b := randomText(rand.New(rand.NewPCG(1, 1)), 64+300)
	eachKernel(t, func(t *testing.T, k kernel) {
		for start := range 64 {
			for n := range 301 {
				sameMasks(t, k, b[start:start+n:start+n], rfc)
			}
		}
	})
}

// TestMasksOfTooFewBlocks is about memory that is not the kernel's to write.
func TestMasksOfTooFewBlocks(t *testing.T) {
	eachKernel(t, func(t *testing.T, k kernel) {
		assert.Panics(t, func() { k.masks(make([]block, 1), make([]byte, 128), rfc) })
		assert.Panics(t, func() { k.masks(nil, make([]byte, 64), rfc) })
		assert.NotPanics(t, func() { k.masks(nil, make([]byte, 63), rfc) })
	})
}

func TestMasksOfRandomText(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	eachKernel(t, func(t *testing.T, k kernel) {
		for range 2000 {
			b := randomText(r, 64*(1+r.IntN(8)))
			n := randomText(r, 4)
			sameMasks(t, k, b, needles{n[0], n[1], n[2], n[3]})
		}
	})
}

// randomText makes n bytes of an alphabet in which needles, what looks like them, and what is odd are frequent.
func randomText(r *rand.Rand, n int) []byte {
	const alphabet = "ab ,-+\"!#\n\v\r\x0e\t\x00\x1f\x7e\x7f\x80\xac\x8a\xff"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return b
}

func FuzzMasks(f *testing.F) {
	f.Add([]byte(strings.Repeat("a,\"b\"\r\n", 20)), byte(','), byte('\n'), byte('"'), byte('\r'))
	f.Add(bytes.Repeat([]byte{0x00, 0x7f, 0x80, 0xff}, 16), byte(0x80), byte(0x80), byte(0), byte(0xff))
	f.Fuzz(func(t *testing.T, b []byte, delim, eol, quote, cr byte) {
		for _, k := range kernels {
			if k.usable {
				sameMasks(t, k, b, needles{delim, eol, quote, cr})
			}
		}
	})
}

func TestChoose(t *testing.T) {
	table := []kernel{{name: "best"}, {name: "good", usable: true}, {name: "plain", usable: true}}
	for name, want := range map[string]string{
		"":        "good",
		"good":    "good",
		"plain":   "plain",
		"best":    "good", // not usable
		"unknown": "good",
	} {
		assert.Equal(t, want, choose(table, name).name, name)
	}
}

// TestChosen is run in environments of all kinds.
func TestChosen(t *testing.T) {
	require.True(t, chosen.usable)
	assert.Equal(t, "plain", kernels[len(kernels)-1].name)
	assert.True(t, plain.usable)
	name := os.Getenv("SLUICE_SCAN")
	for _, k := range kernels {
		if k.usable && (name == "" || k.name == name) {
			assert.Equal(t, k.name, chosen.name)
			break
		}
	}
}

func BenchmarkMasks(b *testing.B) {
	const record = "2024-01-02,4711,\"Smith, John\",12.50,some text of its own,,x\r\n"
	text := []byte(strings.Repeat(record, 1<<16/len(record)+1))
	blocks := make([]block, 1<<16/64)
	for _, k := range kernels {
		for _, n := range []int{1 << 6, 1 << 12, 1 << 16} {
			b.Run(fmt.Sprintf("%s/%d", k.name, n), func(b *testing.B) {
				if !k.usable {
					b.Skip("not usable here")
				}
				b.SetBytes(int64(n))
				for b.Loop() {
					k.masks(blocks, text[:n], rfc)
				}
			})
		}
	}
}
