// Upsert loads a price list into SQLite, and then next month's into the same table: what is in it already is brought up to
// date, by its key, and what is new is added.
//
//	go -C examples run ./sqlite/upsert
//
// The table changes at one stroke when a list has been read to its end. Until then its records are in a table of their own,
// so nobody sees half of a list, and one that is bad changes nothing.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

const (
	january  = "sku,name,price\nA1,Anchor,12.50\nB2,Bell,30.00\nC3,Compass,45.00\n"
	february = "sku;name;price\nB2;Bell;28.00\nD4;Dinghy;900.00\nC3;Compass, brass;45.00\n"
)

func main() {
	sink, err := sqlitesink.Open(":memory:", "prices") // the path of a file, usually
	check(err)
	defer sink.Close()
	sink.Mode = sqlsink.Upsert
	sink.Key = []string{"sku"}
	sink.OnConflict = sqlsink.Update // sqlsink.Keep leaves what is there as it is

	for _, list := range []struct{ name, text string }{{"january", january}, {"february", february}} {
		p := ingest.Pipeline{RunID: "prices-" + list.name}
		status, err := p.Run(context.Background(), strings.NewReader(list.text), sink)
		check(err)
		fmt.Printf("%s: %d records\n", list.name, status.Delivered)

		rows, err := sink.DB.Query("SELECT sku, name, price FROM prices ORDER BY sku")
		check(err)
		for rows.Next() {
			var sku, name, price string
			check(rows.Scan(&sku, &name, &price))
			fmt.Printf("  %s  %-14s %6s\n", sku, name, price)
		}
		check(rows.Err())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
