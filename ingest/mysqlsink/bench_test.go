package mysqlsink

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// narrow makes a batch of rows of five short fields, and tells how long its lines are.
func narrow(rows int) (b *ingest.Batch, bytes int) {
	records := make([][]string, rows)
	for i := range records {
		records[i] = []string{fmt.Sprint(100_000 + i), "cwxhyvco jzjl", "71.85", "2026-02-05", "ghptd"}
		for _, f := range records[i] {
			bytes += len(f) + 1
		}
	}
	return ingesttest.NewBatch([]string{"id", "name", "amount", "day", "city"}, records...), bytes
}

func BenchmarkRows(b *testing.B) {
	batch, bytes := narrow(20_000)
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	buf := make([]byte, 16<<10)
	for b.Loop() {
		r := rowsOf(&sqlsink.Part{Batch: batch, To: batch.Len()})
		for {
			if _, err := r.Read(buf); err != nil {
				break
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, noLocal := range []bool{false, true} {
		b.Run(map[bool]string{false: "load data", true: "insert"}[noLocal], func(b *testing.B) {
			s := open(b, "CREATE TABLE t (id INT, name TEXT, amount TEXT, day TEXT, city TEXT)")
			s.database().noLocal.Store(noLocal)
			batch, bytes := narrow(20_000)
			b.SetBytes(int64(bytes))
			conn, err := s.DB.Conn(b.Context())
			require.NoError(b, err)
			defer conn.Close()
			for b.Loop() {
				tx, err := conn.BeginTx(b.Context(), nil)
				require.NoError(b, err)
				require.NoError(b, s.Database.Load(b.Context(), conn, sqlsink.Target{Table: "t", Columns: batch.Header().Names()}, &sqlsink.Part{Batch: batch, To: batch.Len()}))
				require.NoError(b, tx.Commit())
			}
		})
	}
}
