package pgsink

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// open gives a connection to a new database.
func open(t testing.TB, url string) (*sql.DB, *sql.Conn) {
	t.Helper()
	sink, err := Open(url, "t")
	require.NoError(t, err)
	conn, err := sink.DB.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		assert.NoError(t, sink.Close())
	})
	return sink.DB, conn
}

func exec(t testing.TB, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, queries ...string) {
	t.Helper()
	for _, q := range queries {
		_, err := db.ExecContext(t.Context(), q)
		require.NoError(t, err, q)
	}
}

func read(t *testing.T, db *sql.DB, query string) [][]string {
	t.Helper()
	rows, err := ingesttest.ReadSQL(t.Context(), db, query)
	require.NoError(t, err)
	return rows
}

// A lane is a way into a table.
type lane func(ctx context.Context, to *pgconn.PgConn, into sqlsink.Target, p *sqlsink.Part) error

var lanes = map[string]lane{
	"best": load,
	"text": func(ctx context.Context, to *pgconn.PgConn, into sqlsink.Target, p *sqlsink.Part) error {
		return loadText(ctx, to, into, p, p.From)
	},
}

// by takes a lane in a transaction, which it commits if there is no error.
func by(t testing.TB, conn *sql.Conn, l lane, into sqlsink.Target, p *sqlsink.Part) error {
	t.Helper()
	exec(t, conn, "BEGIN")
	err := conn.Raw(func(c any) error { return l(t.Context(), c.(*stdlib.Conn).Conn().PgConn(), into, p) })
	if err != nil {
		exec(t, conn, "ROLLBACK")
		return err
	}
	exec(t, conn, "COMMIT")
	return nil
}

// nasty are values that mean something to somebody, or nothing to anybody.
var nasty = []string{
	"", " ", "a", "\\", `\.`, `\N`, `\\N`, "NULL", "null", ingesttest.Null, "\b\f\n\r\t\v", "\x01\x1f\x7f", "a\tb", "a\nb", "a\r\nb", "\r", "\n",
	"1234567\\", "12345678\\", "12345678\t", "1234567\r", "\\12345678", "ÄÖÜäöüß", "日本語", "𝄞", "\ufeff", "\u00a0", "'", `"`, `""`, `'"\`, "a,b", "{}", "$1",
	`\x41`, `\101`, "\u200b", "a\u0301", "\\\n\\.\n", strings.Repeat("x", 100_000), strings.Repeat("\\", 70_000), strings.Repeat("ä", 40_000),

	"0", "-0", "+1", "1", "007", " 7", "7 ", "-1", "32767", "32768", "-32768", "-32769", "2147483647", "2147483648", "-2147483648", "-2147483649",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "1_000", "0x1F", "1,000", "--1", "+-1", "-", "+", "٣",
	"1.5", "-1.5", "+1.5", "1.", ".5", ".", "-.5", "1e3", "1E3", "1e", "1e+3", "1e-3", "0.1", "1.10", "00.10", "123456789.123456789", "10000", "10000.0001", "0.0001", "0.00001",
	"1e308", "1e309", "-1e309", "1e-308", "1e-320", "4.9e-324", "1e-400", "0e999", "0.000e5", "3.4028235e38", "3.5e38", "1.2e-38", "1e-40", "1e-46", "16777217", "0.30000000000000004",
	"9007199254740993", "1.00000005960464477539062500001", "NaN", "nan", "inf", "-Infinity", "Infinity", "0x1p-2", "1e99999", strings.Repeat("9", 400), "0." + strings.Repeat("0", 300) + "1",

	"t", "T", "true", "TRUE", "True", "tRuE", "tr", "f", "F", "false", "FALSE", "y", "Y", "yes", "n", "no", "on", "off", "of", "o", " t ", "truely",

	"2024-02-29", "2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "2024-1-2", "0001-01-01", "0000-01-01", "9999-12-31", "10000-01-01", "1582-10-10", "1900-02-29",
	"2000-01-01", "1999-12-31", "01/02/2024", "02.01.2024", "2024/01/02", "20240102", "2024-01-02 BC", "today", "epoch", "infinity", "-infinity", "2024-01-02x", "2024-01-02 ", "Jan 2, 2024",
	"2024-01-02 03:04:05", "2024-01-02T03:04:05", "2024-01-02 03:04:05.5", "2024-01-02 03:04:05.123456", "2024-01-02 03:04:05.1234567", "2024-01-02 03:04:05.", "2024-01-02 24:00:00",
	"2024-01-02 23:59:60", "2024-01-02 23:60:00", "2024-01-02 03:04", "2024-01-02 3:04:05", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05+02", "2024-01-02 03:04:05-03:30", "2024-01-02 03:04:05+0230",
	"2024-01-02 03:04:05.000001+14:00", "2024-01-02 03:04:05+15", "2024-01-02 03:04:05+16", "2024-01-02 03:04:05 Z", "2024-01-02 03:04:05 Europe/Rome", "2024-01-02 03:04:05+02:60", "2024-01-02 03:04:05+",
	"1969-12-31 23:59:59.999999", "1999-12-31 23:59:59.999999", "0001-01-01 00:00:00", "0001-01-01 00:00:00+14", "9999-12-31 23:59:59.999999", "2024-03-31 02:30:00",
}

// columnTypesTested are types of columns: those of the binary format, some more, and a domain.
var columnTypesTested = []string{"text", "varchar", "varchar(3)", "char(3)", "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "numeric(8,2)", "date",
	"timestamp", "timestamp(0)", "timestamptz", "positive", "json", "interval", "bytea"}

// What a lane stores is what an INSERT stores, and what that refuses the lane refuses for the same reason.
func TestLanesStoreWhatInsertStores(t *testing.T) {
	db, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	exec(t, conn, "CREATE DOMAIN positive AS int4 CHECK (value > 0)", "SET TimeZone = 'Europe/Berlin'", "SET DateStyle = 'SQL, DMY'")
	for _, typ := range columnTypesTested {
		t.Run(typ, func(t *testing.T) {
			exec(t, conn, "DROP TABLE IF EXISTS inserted", "DROP TABLE IF EXISTS copied", "CREATE TABLE inserted (v "+typ+")", "CREATE TABLE copied (k int4, v "+typ+")")
			into := sqlsink.Target{Table: "copied", Columns: []string{"k", "v"}}
			var good [][]string
			for _, v := range nasty {
				literal := "NULL"
				if v != ingesttest.Null {
					literal = "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
				}
				_, wrong := conn.ExecContext(t.Context(), "INSERT INTO inserted VALUES ("+literal+")")
				if wrong == nil {
					good = append(good, []string{"1", v})
					continue
				}
				batch := ingesttest.NewBatch(into.Columns, []string{"1", v})
				for name, l := range lanes {
					err := by(t, conn, l, into, &sqlsink.Part{Batch: batch, To: 1})
					require.Error(t, err, "%s: %.60q: %v", name, v, wrong)
					p := database{}.Explain(err)
					assert.Equal(t, database{}.Explain(wrong).Code, p.Code, "%s: %.60q", name, v)
					assert.True(t, p.Data, "%s: %.60q: %v", name, v, err)
					assert.Equal(t, 0, p.Row, "%s: %.60q", name, v)
				}
			}
			stored := "SELECT v::text, count(*)::text FROM %s GROUP BY 1 ORDER BY 1"
			want := read(t, db, fmt.Sprintf(stored, "inserted"))
			require.NotEmpty(t, good)
			for name, l := range lanes {
				exec(t, conn, "TRUNCATE copied")
				require.NoError(t, by(t, conn, l, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, good...), To: len(good)}), name)
				assert.Equal(t, want, read(t, db, fmt.Sprintf(stored, "copied")), name)
			}
		})
	}
}

// Whatever an encoder takes PostgreSQL reads as the same.
func TestEncodersReadAsPostgreSQL(t *testing.T) {
	db, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	alphabets := map[uint32]struct {
		typ   string
		parts []string
	}{
		pgtype.BoolOID:        {"bool", []string{"t", "f", "true", "FALSE", "Yes", "no", "0", "1", "n", "Y"}},
		pgtype.Int2OID:        {"int2", []string{"-", "+", "0", "1", "3", "27", "68", "99"}},
		pgtype.Int4OID:        {"int4", []string{"-", "+", "0", "1", "214", "7483", "648", "99"}},
		pgtype.Int8OID:        {"int8", []string{"-", "+", "0", "922337203", "6854775807", "8", "99"}},
		pgtype.Float4OID:      {"float4", []string{"-", "+", "0", "1", "16777217", "340282", ".", "e", "E-", "38", "39", "5", "000"}},
		pgtype.Float8OID:      {"float8", []string{"-", "+", "0", "1", "9007199254740993", ".", "e", "E-", "308", "5", "000", "17976931348623157"}},
		pgtype.NumericOID:     {"numeric", []string{"-", "0", "1", ".", "0000", "9999", "12345", "000", "7"}},
		pgtype.DateOID:        {"date", []string{"2024", "1900", "0001", "-", "-", "-", "02", "29", "12", "31", "06"}},
		pgtype.TimestampOID:   {"timestamp", []string{"2024-02-29", "1999-12-31", " ", "T", "23:59:59", "00:00:00", ".", "9", "999", "05", "1"}},
		pgtype.TimestamptzOID: {"timestamptz", []string{"2024-02-29 ", "1999-12-31T", "23:59:59", "00:00:00", ".5", ".999999", "Z", "+02", "-02", ":30", "+14"}},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for oid, a := range alphabets {
		t.Run(a.typ, func(t *testing.T) {
			values := slices.Clone(nasty)
			for range 10_000 {
				var v strings.Builder
				for range 1 + random.IntN(7) {
					v.WriteString(a.parts[random.IntN(len(a.parts))])
				}
				values = append(values, v.String())
			}
			slices.Sort(values)
			var taken [][]string
			for i, v := range slices.Compact(values) {
				if _, ok := encoders[oid](nil, v); ok {
					taken = append(taken, []string{strconv.Itoa(i), v})
				}
			}
			assert.Greater(t, len(taken), 5)
			exec(t, conn, "DROP TABLE IF EXISTS t, u", "CREATE TABLE t (i int4, v "+a.typ+")", "CREATE TABLE u (i int4, v text)")
			for _, table := range []string{"t", "u"} {
				into := sqlsink.Target{Table: table, Columns: []string{"i", "v"}}
				require.NoError(t, by(t, conn, load, into, &sqlsink.Part{Batch: ingesttest.NewBatch([]string{"i", "v"}, taken...), To: len(taken)}))
			}
			assert.Equal(t, [][]string{{strconv.Itoa(len(taken))}}, read(t, db, "SELECT count(*)::text FROM t"))
			assert.Empty(t, read(t, db, "SELECT u.v, t.v::text, u.v::"+a.typ+"::text FROM t JOIN u USING (i) WHERE t.v::text <> u.v::"+a.typ+"::text LIMIT 5"))
		})
	}
}

// The records of a part get in, and the columns for where they come from.
func TestPart(t *testing.T) {
	db, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	batch := ingesttest.NewBatch([]string{"n", "a b"}, []string{"0", "zero"}, []string{"1", "\t"}, []string{"2", ingesttest.Null}, []string{"3"}, []string{"4", ""}, []string{"x", "five"})
	run := batch.Found().Run
	for _, row := range []struct {
		name, typ string
		part      sqlsink.Part
		want      [][]string
	}{
		{"all", "text", sqlsink.Part{To: 6}, [][]string{{"0", "zero", ingesttest.Null, ingesttest.Null}, {"1", "\t", ingesttest.Null, ingesttest.Null}, {"2", ingesttest.Null, ingesttest.Null, ingesttest.Null},
			{"3", ingesttest.Null, ingesttest.Null, ingesttest.Null}, {"4", "", ingesttest.Null, ingesttest.Null}, {"x", "five", ingesttest.Null, ingesttest.Null}}},
		{"none", "text", sqlsink.Part{From: 2, To: 2}, nil},
		{"some, with offsets", "int4", sqlsink.Part{From: 1, To: 3, Offset: true}, [][]string{{"1", "\t", ingesttest.Null, "7"}, {"2", ingesttest.Null, ingesttest.Null, "13"}}},
		{"with run and offsets", "int4", sqlsink.Part{From: 1, To: 2, Run: true, Offset: true}, [][]string{{"1", "\t", run, "7"}}},
		{"with run", "int4", sqlsink.Part{From: 1, To: 2, Run: true}, [][]string{{"1", "\t", run, ingesttest.Null}}},
		{"as text", "json", sqlsink.Part{From: 1, To: 2, Run: true, Offset: true}, [][]string{{"1", "\t", run, "7"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			exec(t, conn, `DROP SCHEMA IF EXISTS "a.""b" CASCADE`, `CREATE SCHEMA "a.""b"`, `CREATE TABLE "a.""b"."T 1" (o int8, "a b" text, n `+row.typ+", r text)")
			into := sqlsink.Target{Schema: `a."b`, Table: "T 1", Columns: []string{"n", "a b"}}
			if row.part.Run {
				into.Columns = append(into.Columns, "r")
			}
			if row.part.Offset {
				into.Columns = append(into.Columns, "o")
			}
			row.part.Batch = batch
			require.NoError(t, by(t, conn, load, into, &row.part))
			assert.Equal(t, row.want, read(t, db, `SELECT n::text, "a b", r, o::text FROM "a.""b"."T 1" ORDER BY n::text`))
		})
	}
}

// From a value on that is not certain the records go as text; all get in, and an error has the right row.
func TestBinaryThenText(t *testing.T) {
	db, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	for _, odd := range []int{0, 1, 5000, 9999} {
		exec(t, conn, "DROP TABLE IF EXISTS t", "CREATE TABLE t (n int4, d date)")
		records := make([][]string, 10_000)
		for i := range records {
			records[i] = []string{strconv.Itoa(i), "2024-01-02"}
		}
		records[odd][1] = "Jan 2, 2024"
		into := sqlsink.Target{Table: "t", Columns: []string{"n", "d"}}
		require.NoError(t, by(t, conn, load, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, records...), To: len(records)}))
		assert.Equal(t, [][]string{{"10000", "49995000", "10000"}}, read(t, db, "SELECT count(*)::text, sum(n)::text, count(nullif(d = '2024-01-02', false))::text FROM t"))
		for _, bad := range []int{odd, (odd + 9998) % 9999, 9999} {
			records[bad][1] = "2024-02-30"
			err := by(t, conn, load, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, records...), From: odd / 2, To: len(records)})
			records[bad][1] = "2024-01-02"
			if bad < odd/2 {
				assert.NoError(t, err)
				continue
			}
			require.Error(t, err)
			assert.Equal(t, sqlsink.Problem{Data: true, Row: bad - odd/2, Column: "d", Code: "22008"}, database{}.Explain(err))
		}
	}
}

// The types are those of the moment: between two loads a table can change.
func TestTypesChange(t *testing.T) {
	db, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	into := sqlsink.Target{Table: "t", Columns: []string{"n"}}
	for _, typ := range []string{"int4", "float4", "date", "text", "int8", "float8", "timestamp"} {
		exec(t, conn, "DROP TABLE IF EXISTS t", "CREATE TABLE t (n "+typ+")")
		v := "7"
		if strings.HasPrefix(typ, "date") || strings.HasPrefix(typ, "time") {
			v = "2024-01-02"
		}
		require.NoError(t, by(t, conn, load, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, []string{v}), To: 1}))
		assert.Equal(t, [][]string{{"true"}}, read(t, db, "SELECT (n = '"+v+"')::text FROM t"), typ)
	}
}

// Who may only insert needs no right to read.
func TestInsertOnly(t *testing.T) {
	database := servertest.SharedPostgres(t).Database(t)
	db, conn := open(t, database.URL())
	exec(t, conn, "CREATE TABLE t (n int4)", "DROP ROLE IF EXISTS writer", "CREATE ROLE writer", "GRANT INSERT ON t TO writer", "SET ROLE writer")
	into := sqlsink.Target{Table: "t", Columns: []string{"n"}}
	require.NoError(t, by(t, conn, load, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, []string{"7"}), To: 1}))
	exec(t, conn, "RESET ROLE")
	assert.Equal(t, [][]string{{"7"}}, read(t, db, "SELECT n::text FROM t"))
	exec(t, conn, "DROP OWNED BY writer", "DROP ROLE writer")
}

// Where the connection has another encoding the text lane says what it writes in.
func TestClientEncoding(t *testing.T) {
	db, conn := open(t, servertest.SharedPostgres(t).Database(t).URL())
	exec(t, conn, "CREATE TABLE t (v text)", "SET client_encoding = 'LATIN1'")
	into := sqlsink.Target{Table: "t", Columns: []string{"v"}}
	require.NoError(t, by(t, conn, load, into, &sqlsink.Part{Batch: ingesttest.NewBatch(into.Columns, []string{"Ä 日本"}), To: 1}))
	assert.Equal(t, [][]string{{"Ä 日本"}}, read(t, db, "SELECT v FROM t"))
}
