package mysqlsink

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

// Wherever a connection is lost, a batch is stored once: Write says that it may be tried again, and then it is there.
func TestWrite_lost(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		database := servertest.SharedMariaDB(t).Database(t)
		proxy := servertest.NewProxy(t, database.Addr())
		s, err := Open(database.Via(proxy).DSN(), "t")
		require.NoError(t, err)
		defer s.Close()
		s.database().noLocal.Store(noLocal)
		header := []string{"a", "b"}
		found := &ingest.Found{Run: "r", Header: ingest.Columns(header...)}
		claim, err := s.Claim(t.Context(), &ingest.LedgerRun{Run: "r", Found: found}, time.Hour)
		require.NoError(t, err)
		w, err := s.Open(t.Context(), claim.Found)
		require.NoError(t, err)
		const rows = 100
		records := make([][]string, rows)
		for i := range records {
			records[i] = []string{fmt.Sprint(i), "some text"}
		}
		windows := 0
		write := func(cut func()) (failed int) {
			b := ingesttest.NewWindow("r", header, int64(windows*10_000), records...)
			windows++
			cut()
			for ; ; failed++ {
				err := w.Write(t.Context(), b)
				if err == nil {
					break
				}
				var transient interface{ Transient() bool }
				require.True(t, errors.As(err, &transient) && transient.Transient(), err)
				require.Less(t, failed, 5)
			}
			proxy.Pass()
			require.Equal(t, fmt.Sprint(windows*rows), read(t, s, "SELECT COUNT(*) FROM t")[0][0])
			return failed
		}
		assert.Zero(t, write(func() {}))
		for at := 1; at < 6000; at += 150 {
			write(func() { proxy.ResetAfter(at) })
		}
		assert.Positive(t, proxy.Cuts())
		for _, message := range []string{"SAVEPOINT", "LOAD DATA", "COMMIT", "INSERT INTO"} {
			write(func() { proxy.DropAnswerTo([]byte(message), 1) })
			write(func() { proxy.DropMessage([]byte(message), 1) })
		}
		require.NoError(t, w.Close(t.Context(), nil))
		require.NoError(t, s.Release(t.Context(), claim, ingest.Done, ""))
	})
}
