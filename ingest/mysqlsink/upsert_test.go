package mysqlsink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A row goes by its key, whether there is an index for it or not, and by no other index.
func TestUpsert(t *testing.T) {
	header := []string{"k", "email", "v"}
	for _, row := range []struct {
		name, ddl  string
		onConflict sqlsink.Conflict
		file, want [][]string
		says       string
	}{
		{"update", "k INT PRIMARY KEY, email VARCHAR(9) UNIQUE, v INT", sqlsink.Update,
			[][]string{{"1", "x", "2"}, {"5", "y", "3"}, {"1", "z", "4"}}, [][]string{{"1", "z", "4"}, {"3", "c", "1"}, {"5", "y", "3"}}, ""},
		{"keep", "k INT PRIMARY KEY, email VARCHAR(9) UNIQUE, v INT", sqlsink.Keep,
			[][]string{{"1", "x", "2"}, {"5", "y", "3"}, {"5", "z", "4"}}, [][]string{{"1", "a", "1"}, {"3", "c", "1"}, {"5", "y", "3"}}, ""},
		{"another unique index", "k INT PRIMARY KEY, email VARCHAR(9) UNIQUE, v INT", sqlsink.Update,
			[][]string{{"5", "c", "2"}}, [][]string{{"1", "a", "1"}, {"3", "c", "1"}}, "does not take"},
		{"another unique index, keep", "k INT PRIMARY KEY, email VARCHAR(9) UNIQUE, v INT", sqlsink.Keep,
			[][]string{{"5", "c", "2"}}, [][]string{{"1", "a", "1"}, {"3", "c", "1"}}, "does not take"},
		{"no index", "k INT, email VARCHAR(9), v INT", sqlsink.Update,
			[][]string{{"1", "x", "2"}, {"5", "y", "3"}}, [][]string{{"1", "x", "2"}, {"3", "c", "1"}, {"5", "y", "3"}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, "CREATE TABLE t ("+row.ddl+")", "INSERT INTO t VALUES (1, 'a', 1), (3, 'c', 1)")
			s.Mode, s.Key, s.OnConflict = sqlsink.Upsert, []string{"k"}, row.onConflict
			claim, err := s.Claim(t.Context(), &ingest.LedgerRun{Run: "r", Found: &ingest.Found{Run: "r", Header: ingest.Columns(header...)}}, time.Hour)
			require.NoError(t, err)
			w, err := s.Open(t.Context(), claim.Found)
			require.NoError(t, err)
			require.NoError(t, w.Write(t.Context(), ingesttest.NewWindow("r", header, 0, row.file...)))
			require.NoError(t, w.Close(t.Context(), nil))
			err = s.Release(t.Context(), claim, ingest.Done, "")
			if row.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, row.says)
			}
			assert.Equal(t, row.want, read(t, s, "SELECT k, email, v FROM t ORDER BY k"))
		})
	}
}
