// Resume loads a file into SQLite, is broken off in the middle, and goes on where it was: every row is stored once.
//
//	go -C examples run ./sqlite/resume
//
// The sink keeps a ledger: in the transaction that stores some records it notes which bytes of the file these were. So it
// makes no difference how a run ends, by its context as here, by an error or by kill -9. What is left is the file without
// what the ledger has. A run is known by its RunID, and goes on when it is run again with the same one and the same file.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
)

const rows = 100_000

func main() {
	dir, err := os.MkdirTemp("", "resume-")
	check(err)
	defer os.RemoveAll(dir)
	sink, err := sqlitesink.Open(filepath.Join(dir, "shop.db"), "orders")
	check(err)
	defer sink.Close()
	path := filepath.Join(dir, "orders.csv")
	text := bytes.NewBufferString("id,article,pieces\n")
	for i := range rows {
		fmt.Fprintf(text, "%d,article %d,%d\n", i, i%1000, i%10)
	}
	check(os.WriteFile(path, text.Bytes(), 0o600))

	// Somebody ends the first run as soon as a part of the rows is stored.
	ctx, cancel := context.WithCancel(context.Background())
	status, err := load(ctx, sink, path, ingest.ReporterFunc(func(s ingest.Status) {
		if s.Delivered > 0 {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		log.Fatal("it was not broken off: ", err)
	}
	fmt.Println("first run:", status.State)

	var run, state string
	var stored, different int
	check(sink.DB.QueryRow(`SELECT run, state, (SELECT sum(delivered) FROM sluice_windows w WHERE w.run = r.run)
		FROM sluice_runs r`).Scan(&run, &state, &stored))
	fmt.Printf("ledger: run %s is %s, %d rows are stored\n", run, state, stored)

	// The second one could be in another process, on another day.
	status, err = load(context.Background(), sink, path, nil)
	check(err)
	fmt.Printf("second run: %s, %d rows, %d of them from the first run\n", status.State, status.Delivered, status.Earlier)
	check(sink.DB.QueryRow("SELECT count(*), count(DISTINCT id) FROM orders").Scan(&stored, &different))
	fmt.Printf("table: %d rows, %d different ones\n", stored, different)
}

func load(ctx context.Context, sink ingest.Sink, path string, r ingest.Reporter) (ingest.Status, error) {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	p := ingest.Pipeline{RunID: "orders-2024", Reporter: r, ReportEvery: time.Millisecond}
	return p.Run(ctx, file, sink)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
