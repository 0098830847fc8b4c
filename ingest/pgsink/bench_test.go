package pgsink

import (
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// orders are as narrow as most tables are.
func orders() (*sqlsink.Part, sqlsink.Target) {
	records := make([][]string, 10_000)
	for i := range records {
		records[i] = []string{fmt.Sprint(i), fmt.Sprintf("customer %d", i*7919%1_000_003), fmt.Sprintf("%d.%02d", i*31%10_000, i%100),
			fmt.Sprintf("20%02d-%02d-%02d", i%25, 1+i%12, 1+i%28), fmt.Sprint(i % 1000), fmt.Sprintf("note %x", i*2_654_435_761)}
	}
	into := sqlsink.Target{Table: "t", Columns: []string{"id", "name", "amount", "day", "qty", "note"}}
	return &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, records...), To: len(records)}, into
}

// How quickly records get in by each lane; bytes are those of the file.
func BenchmarkLoad(b *testing.B) {
	p, into := orders()
	_, conn := open(b, servertest.SharedPostgres(b).Database(b).URL())
	exec(b, conn, "CREATE UNLOGGED TABLE t (id int4, name text, amount float8, day date, qty int4, note text)")
	for name, l := range lanes {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(p.Batch.Window().Length)
			exec(b, conn, "TRUNCATE t")
			for b.Loop() {
				require.NoError(b, by(b, conn, l, into, p))
			}
		})
	}
}

// How quickly records are written in the formats of COPY; bytes are those of the file.
func BenchmarkStream(b *testing.B) {
	p, _ := orders()
	types, _ := newBinary([]uint32{pgtype.Int4OID, pgtype.TextOID, pgtype.Float8OID, pgtype.DateOID, pgtype.Int4OID, pgtype.TextOID})
	for _, f := range []format{text{}, types} {
		b.Run(f.options(), func(b *testing.B) {
			b.SetBytes(p.Batch.Window().Length)
			b.ReportAllocs()
			for b.Loop() {
				_, err := io.Copy(io.Discard, newStream(p, 0, f))
				require.NoError(b, err)
			}
		})
	}
}
