// Gen makes encoding/letters.bin: how often letters follow each other in the languages that legacy encodings
// were made for, and how often the characters of Chinese, Japanese and Korean occur. What it reads are word
// lists that Debian packages ship; see README.md for which, and for their licences.
//
//	go run . [-root DIR] [-o FILE]
//
// DIR is where the packages are unpacked; / if they are installed.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"text/tabwriter"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", "/", "where the packages are unpacked")
	out := flag.String("o", "../letters.bin", "the file to write")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		log.Fatal(err)
	}
}

func run(root, out string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	var bin []byte
	bin = appendUint(bin, len(languages))
	var common *pairs
	for _, l := range languages {
		texts, err := read(root, l.sources)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		p := newPairs(texts, l.script)
		if common == nil {
			common = p // the first of languages
		}
		bin = p.append(appendString(bin, l.name), common)
		fmt.Fprintf(table, "%s\t%d letters\t%s\n", l.name, len(p.letters), string(p.letters))
	}
	bin = appendUint(bin, len(charsets))
	for _, c := range charsets {
		texts, err := read(root, c.sources)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		f := newFrequencies(texts)
		bin = f.append(appendString(bin, c.name), c.ranges)
		fmt.Fprintf(table, "%s\t%d characters\t%s\n", c.name, len(f), f.most(40))
	}
	fmt.Fprintf(table, "%d bytes\n", len(bin))
	return os.WriteFile(out, bin, 0o644)
}
