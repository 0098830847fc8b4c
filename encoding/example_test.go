package encoding_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sluicecsv/sluice/encoding"
)

func ExampleSniff() {
	guess := encoding.Sniff([]byte("id,city\n1,K\xF6ln\n2,M\xFCnchen\n3,D\xFCsseldorf\n4,Gro\xDF-Gerau\n"))
	fmt.Println(guess.Label, guess.BOM, guess.ASCII)
	// Output: windows-1252 0 false
}

func ExampleNewReader() {
	r, err := encoding.NewReader(strings.NewReader("1,K\xF6ln\n"), "latin1")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.Copy(os.Stdout, r)
	// Output: 1,Köln
}

// A splitter finds the structure of a record in Shift_JIS, where a bar can be the second half of a character.
func ExampleEncoding_Mask() {
	e, _ := encoding.Get("Shift_JIS")
	record := []byte("1|\x83|\x83X\x83g|x") // 1|ポスト|x
	fmt.Println(e.Safe('|'), strings.Count(string(record), "|"), strings.Count(string(e.Mask(nil, record, nil)), "|"))
	// Output: false 3 2
}
