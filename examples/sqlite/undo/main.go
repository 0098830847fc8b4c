// Undo loads two files into one table of SQLite, and takes out again what the second one has put there.
//
//	go -C examples run ./sqlite/undo
//
// A column of the table has the ID of the run that each row is from. It is the sink that fills it; the files know nothing
// of it.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
)

func main() {
	ctx := context.Background()
	sink, err := sqlitesink.Open(":memory:", "members") // the path of a file, usually
	check(err)
	defer sink.Close()
	sink.RunColumn = "loaded_by"

	for _, upload := range []struct{ run, text string }{
		{"upload-1", "name,city\nAnn,Rome\nBo,Oslo\n"},
		{"upload-2", "name,city\nAnn,Rom\nCy,Kiew\nDi,Lissabon\n"}, // in the wrong language
	} {
		p := ingest.Pipeline{RunID: upload.run}
		_, err := p.Run(ctx, strings.NewReader(upload.text), sink)
		check(err)
	}
	show(sink)

	undone, err := sink.Undo(ctx, "upload-2")
	check(err)
	fmt.Printf("undone: %d rows are deleted\n", undone.Deleted)
	show(sink)

	runs, err := sink.Runs(ctx)
	check(err)
	for _, r := range runs {
		fmt.Printf("ledger: %s is %s\n", r.Run, r.State)
	}
}

func show(sink *sqlitesink.Sink) {
	rows, err := sink.DB.Query("SELECT name, city, loaded_by FROM members ORDER BY loaded_by, name")
	check(err)
	for rows.Next() {
		var name, city, run string
		check(rows.Scan(&name, &city, &run))
		fmt.Printf("  %-4s %-9s %s\n", name, city, run)
	}
	check(rows.Err())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
