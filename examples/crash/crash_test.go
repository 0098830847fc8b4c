package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"

	"modernc.org/sqlite"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// onAll makes a crash test of each database.
func onAll(t *testing.T, test func(t *testing.T, d *database)) {
	for _, d := range []*database{&sqliteFile, &postgres, &mariadb} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel() // most of the time they wait for leases to end
			test(t, d)
		})
	}
}

// onServers makes a crash test of each database that is a server.
func onServers(t *testing.T, test func(t *testing.T, d *database)) {
	for _, d := range []*database{&postgres, &mariadb} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel() // most of the time they wait for leases to end
			test(t, d)
		})
	}
}

// Each window goes straight into the table.
func TestAppend(t *testing.T) {
	onAll(t, func(t *testing.T, d *database) {
		ingesttest.Crash(t, d.crashTest(sqlsink.Append, ""))
	})
}

// All of a file is there or nothing.
func TestWhole(t *testing.T) {
	onAll(t, func(t *testing.T, d *database) {
		c := d.crashTest(sqlsink.Whole, "")
		c.Kills, c.Whole = 5, true
		ingesttest.Crash(t, c)
	})
}

// Of records with the same key the last one counts.
func TestUpsert(t *testing.T) {
	onAll(t, func(t *testing.T, d *database) {
		c := d.crashTest(sqlsink.Upsert, "CREATE UNIQUE INDEX people_id ON people (id)")
		c.Kills, c.Whole, c.Upsert = 5, true, true
		ingesttest.Crash(t, c)
	})
}

// What was in the table before is not there any more.
func TestReplace(t *testing.T) {
	onAll(t, func(t *testing.T, d *database) {
		c := d.crashTest(sqlsink.Replace, "INSERT INTO people (id) VALUES ('old'), ('older')")
		c.Kills = 5
		ingesttest.Crash(t, c)
	})
}

// patient goes on trying for as long as a server needs.
var patient = ingest.Retry{Attempts: 300, Wait: 50 * time.Millisecond}

// The server is killed, and the process that loads sees to it that nothing comes of that.
func TestServerKilled(t *testing.T) {
	onServers(t, func(t *testing.T, d *database) {
		var server *servertest.Server
		own := *d
		own.place = func(t *testing.T) string {
			if server == nil {
				server = d.own(t)
			}
			return d.way(server.Database(t))
		}
		c := own.crashTest(sqlsink.Append, "")
		c.Kills, c.Pipeline.Retry = 2, patient
		c.Fault = func() (string, error) {
			return "of the server", errors.Join(server.Kill(), server.Restart())
		}
		ingesttest.Crash(t, c)
	})
}

// The network fails in all the ways that networks have, also when a commit is under way.
func TestNetwork(t *testing.T) {
	onServers(t, func(t *testing.T, d *database) {
		var proxy *servertest.Proxy
		far := *d
		far.place = func(t *testing.T) string {
			if proxy == nil {
				proxy = servertest.NewProxy(t, d.shared(t).Addr())
			}
			return d.way(d.shared(t).Database(t).Via(proxy))
		}
		c := far.crashTest(sqlsink.Append, "")
		c.Kills, c.Pipeline.Retry = 6, patient
		c.Fault = func() (string, error) { return cutNetwork(proxy, []byte(d.commit)), nil }
		ingesttest.Crash(t, c)
	})
}

// cutNetwork makes one thing go wrong, and says which.
func cutNetwork(p *servertest.Proxy, commit []byte) string {
	defer p.Pass()
	cuts := p.Cuts()
	name := ""
	switch rand.IntN(6) {
	case 0:
		p.Reset()
		name = "connections reset"
	case 1:
		p.ResetAfter(1 + rand.IntN(300_000))
		name = "connections reset within a message"
	case 2:
		p.Stall()
		time.Sleep(rand.N(600 * time.Millisecond))
		return "network stalled"
	case 3:
		p.Stall()
		time.Sleep(rand.N(200 * time.Millisecond))
		p.Reset()
		name = "network stalled and connections reset"
	case 4:
		p.DropMessage(commit, 1+rand.IntN(3))
		name = "commit lost"
	default:
		p.DropAnswerTo(commit, 1+rand.IntN(3))
		name = "answer to commit lost"
	}
	// A run that is done sends nothing any more.
	for deadline := time.Now().Add(time.Second); p.Cuts() == cuts; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return ""
		}
	}
	return name
}

// The disk is full, and after some time it is not any more.
func TestDiskFull(t *testing.T) {
	small := sqliteFile
	small.open = func(path string) (sink, error) {
		s, err := sqliteFile.open(path)
		if err != nil {
			return s, err
		}
		var pages int
		if err := s.settings.DB.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
			return s, errors.Join(err, s.close())
		}
		// A file needs some 550 pages: the first one, which nothing else happens to, cannot be done at one go.
		_, err = s.settings.DB.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+200+rand.IntN(250)))
		return s, err
	}
	c := small.crashTest(sqlsink.Append, "")
	c.Kills, c.Pipeline.Retry.Attempts = 5, 1
	c.MayFail = func(err error) bool {
		var e *sqlite.Error
		return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_FULL
	}
	r := ingesttest.Crash(t, c)
	require.NotZero(t, r.How["that failed"])
}
