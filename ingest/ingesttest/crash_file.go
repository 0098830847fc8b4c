package ingesttest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// A crashFile is a file of which all is known.
type crashFile struct {
	path    string
	text    []byte // what the file holds, unpacked
	table   int64  // the offset behind the header
	rows    int64
	records [][]string // the good ones
	offsets []int64    // of the good ones
	rejects []int64    // offsets of the others
}

// crashNotes are what notes are made of. Each can stand in a quoted field only.
var crashNotes = []string{
	"two\nlines", "two\r\nlines", "three\n\nlines", `a "quoted" word`, "a, b", "\"\n,\"\n", `"`, "x\n1,2,3,4\ny", "\n",
}

var crashNames = []string{"Ann", "Bob Miller", "Smith, John", "O'Neill", "Cleo", "van der Berg", `"Jo"`}

// crashLetters are names that are not ASCII.
var crashLetters = []string{"Łukasz", "Zoë", "Müller, Jürgen", "Ødegård", "José", "Αθηνά", "北京", "Živa 😀"}

// newCrashFile makes a file of about size bytes: with line ends, delimiters and quotes within fields, letters of several
// scripts, sometimes only far behind the sample, and records that have too few fields or too many. It may be gzip, and end
// without a line end. With again some ids come several times.
func newCrashFile(path string, size int, again bool, rnd *rand.Rand) (*crashFile, error) {
	f := &crashFile{path: path}
	var b strings.Builder
	b.Grow(size + 1000)
	writeRecord(&b, CrashColumns())
	f.table = int64(b.Len())
	ascii := 0 // so many bytes are
	if rnd.IntN(3) == 0 {
		ascii = size / 2
	}
	for b.Len() < size {
		f.rows++
		at := int64(b.Len())
		record := []string{fmt.Sprintf("K%07d", f.rows), crashNames[rnd.IntN(len(crashNames))], "", ""}
		if again && f.rows > 1 && rnd.IntN(20) == 0 {
			record[0] = fmt.Sprintf("K%07d", 1+rnd.Int64N(f.rows-1))
		}
		if b.Len() > ascii && rnd.IntN(3) == 0 {
			record[1] = crashLetters[rnd.IntN(len(crashLetters))]
		}
		record[2] = fmt.Sprintf("note %d of %s", rnd.IntN(1000), strings.Repeat("x", rnd.IntN(30)))
		if rnd.IntN(5) == 0 {
			record[2] += crashNotes[rnd.IntN(len(crashNotes))]
		}
		record[3] = fmt.Sprintf("%d.%02d", 1+rnd.IntN(9999), rnd.IntN(100))
		if rnd.IntN(300) == 0 {
			record[3] = "-" + record[3]
		}
		switch n := rnd.IntN(400); {
		case b.Len()+1000 > size || f.rows < 100: // the end and the beginning are as they should be
		case n < 3:
			writeRecord(&b, record[:2])
			f.rejects = append(f.rejects, at)
			continue
		case n == 3:
			writeRecord(&b, append(slices.Clone(record), "more"))
			f.rejects = append(f.rejects, at)
			continue
		}
		writeRecord(&b, record)
		f.records, f.offsets = append(f.records, record), append(f.offsets, at)
	}
	f.text = []byte(b.String())
	if rnd.IntN(2) == 0 {
		f.text = bytes.TrimSuffix(f.text, []byte("\n"))
	}
	if rnd.IntN(3) > 0 {
		return f, os.WriteFile(path, f.text, 0o666)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	zip.Write(f.text) // a Buffer takes everything
	zip.Close()
	return f, os.WriteFile(path, packed.Bytes(), 0o666)
}

// checksum is the CRC of a LedgerEntry.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
