// Quickstart reads a CSV file, whatever its encoding and dialect, and prints its records.
//
//	go run ./examples/quickstart FILE
//
// The zero Pipeline, which ingest.Run uses, sniffs everything and stops at the first bad record. Several
// workers call the function at the same time, each with a batch of records: those of a long file come in
// no particular order.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/sluicecsv/sluice/ingest"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: quickstart FILE")
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()

	status, err := ingest.Run(context.Background(), file, ingest.SinkFunc(
		func(ctx context.Context, b *ingest.Batch) error {
			for _, r := range b.All() {
				fmt.Printf("%q\n", r.Fields())
			}
			return nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Delivered, "records in", status.Found.Encoding.Label, "with", status.Found.Dialect.Dialect)
}
