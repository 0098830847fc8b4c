// Package crash is the proof that files get into databases exactly once, whatever breaks on the way. Its tests load files
// into SQLite, PostgreSQL and MariaDB and kill the loading processes, kill the servers, cut the network and fill the disk, and
// then count rows. They are also an example of what a sink of your own can be tested with: [ingesttest.Crash].
//
//	go -C examples test ./crash
//
// takes some eighty seconds, with some kills of each kind. In full there are ten times as many, and a
// table:
//
//	bash examples/crash/all.sh
//
// [ingesttest.Crash]: https://pkg.go.dev/github.com/sluicecsv/sluice/ingest/ingesttest#Crash
package crash
