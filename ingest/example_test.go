package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
)

// The zero Pipeline sniffs everything. Workers call the function at the same time; this file is too small
// for more than one.
func ExampleRun() {
	file := strings.NewReader("Name;Stadt\nM\xfcller;K\xf6ln\nWei\xdf;Gie\xdfen\n")
	status, err := ingest.Run(context.Background(), file, ingest.SinkFunc(
		func(ctx context.Context, b *ingest.Batch) error {
			for _, r := range b.All() {
				fmt.Println(r.Position().Line, r.Fields())
			}
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Delivered, "records")
	// Output:
	// 2 [Müller Köln]
	// 3 [Weiß Gießen]
	// 2 records
}

// Records are pulled in the caller's goroutine, in the order of the file. Under Reject a bad record is an
// error, and the loop goes on.
func ExamplePipeline_Records() {
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}}
	file := strings.NewReader("id,name\n1,Ann\n2\n3,Cy\n")
	for r, err := range p.Records(context.Background(), file) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		name, _ := r.Get("name")
		fmt.Println(name)
	}
	// Output:
	// Ann
	// ingest: line 3 (record 2, byte 14): the record has 1 field, the table 2 columns: add what is missing [too_few_fields]
	// Cy
}

// What is known of a file before it is read, and the literal that pins it.
func ExamplePipeline_Sniff() {
	var p ingest.Pipeline
	found, err := p.Sniff(context.Background(), strings.NewReader("id;price\n1;2,50\n2;3,75\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.Header.Names())
	fmt.Printf("%#v\n", found.Dialect.Dialect)
	// Output:
	// [id price]
	// dialect.Dialect{Delimiter: ";", Quote: "\"", Escape: dialect.Doubled, Comment: dialect.None, LineEnding: dialect.LF, SkipSpace: dialect.Off, Preamble: dialect.NoPreamble, HeaderRows: 1}
}

// A reject file goes the round: written by one run, mended by a person, read by the next.
func ExampleRejectWriter() {
	print := ingest.SinkFunc(func(ctx context.Context, b *ingest.Batch) error {
		for _, r := range b.All() {
			fmt.Println(r.Fields())
		}
		return nil
	})
	var rejects bytes.Buffer
	p := ingest.Pipeline{
		Policy:  ingest.Policy{Bad: ingest.Reject},
		Rejects: ingest.NewRejectWriter(&rejects),
		RunID:   "monday",
	}
	p.Run(context.Background(), strings.NewReader("id,name\n1,Ann\n2\n"), print)

	mended := strings.Replace(rejects.String(), "\n2,", "\n2,Bo,", 1)
	status, err := ingest.Run(context.Background(), strings.NewReader(mended), print)
	fmt.Println(status.Delivered, "mended, of", status.Parent, err)
	// Output:
	// [1 Ann]
	// [2 Bo]
	// 1 mended, of monday <nil>
}

// A Snapshot is what a status page shows.
func ExampleSnapshot() {
	var progress ingest.Snapshot
	http.HandleFunc("/import/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(&progress)
	})
	p := ingest.Pipeline{Reporter: &progress}
	_, err := p.Run(context.Background(), strings.NewReader("a,b\n1,2\n"), ingest.SinkFunc(
		func(context.Context, *ingest.Batch) error { return nil }))
	fmt.Println(progress.Status().State, progress.Status().Progress(), err)
	// Output: done 1 <nil>
}
