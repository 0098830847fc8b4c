package pgsink_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
	"github.com/sluicecsv/sluice/ingest/pgsink"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
	"github.com/sluicecsv/sluice/ingest/sqlsink/sqlsinktest"
)

func open(t *testing.T, url, table string) *pgsink.Sink {
	t.Helper()
	s, err := pgsink.Open(url, table)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func exec(t *testing.T, s *pgsink.Sink, query string) {
	t.Helper()
	_, err := s.DB.ExecContext(t.Context(), query)
	require.NoError(t, err)
}

func TestSuite(t *testing.T) {
	for name, columnType := range map[string]string{"binary": "VARCHAR(100)", "text": "TEXT COLLATE \"C\""} {
		t.Run(name, func(t *testing.T) {
			sqlsinktest.Run(t, func(t *testing.T) sqlsinktest.Database {
				url := servertest.SharedPostgres(t).Database(t).URL()
				return sqlsinktest.Database{
					DB: open(t, url, "other").DB,
					New: func(t *testing.T, table string) (sqlsinktest.Sink, *sqlsink.Sink) {
						s := open(t, url, table)
						s.Create = false
						return s, &s.Sink
					},
					Text: columnType, Int: "INTEGER", Short: "VARCHAR(3)", NUL: true,
				}
			})
		})
	}
}

func TestExam(t *testing.T) {
	ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
		url := servertest.SharedPostgres(t).Database(t).URL()
		sink := open(t, url, "exam")
		sink.NoLedger = true
		return ingesttest.Subject{
			Sink: sink,
			Stored: func() ([][]string, error) {
				return ingesttest.ReadSQL(context.Background(), sink.DB, "SELECT * FROM exam")
			},
			Block: func() (func(), error) {
				other := open(t, url, "other")
				tx, err := other.DB.Begin()
				if err == nil {
					_, err = tx.Exec("LOCK TABLE exam")
				}
				return func() { tx.Rollback() }, err
			},
		}
	})
}

// A table with a check refuses records; the exam asks what becomes of their batches.
func TestExamWithConstraint(t *testing.T) {
	ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
		sink := open(t, servertest.SharedPostgres(t).Database(t).URL(), "exam")
		sink.Create = false
		sink.NoLedger = true
		exec(t, sink, "CREATE TABLE exam (id TEXT CHECK (id <> 'poison'), extra INET DEFAULT '::1', name TEXT)")
		return ingesttest.Subject{
			Sink: sink,
			Stored: func() ([][]string, error) {
				return ingesttest.ReadSQL(context.Background(), sink.DB, "SELECT name, id FROM exam")
			},
			Columns: []string{"name", "id"},
			Poison:  []string{"x", "poison"},
		}
	})
}

// A URL need not say everything, and what is secret in it is not told.
func TestOpen(t *testing.T) {
	database := servertest.SharedPostgres(t).Database(t)
	u, err := url.Parse(database.URL())
	require.NoError(t, err)
	password, _ := u.User.Password()
	require.NotEmpty(t, password)
	full := *u
	u.User = url.User(u.User.Username())
	run := func(url string) error {
		s, err := pgsink.Open(url, "t")
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n"), s)
		return err
	}
	t.Run("in the URL", func(t *testing.T) { assert.NoError(t, run(full.String())) })
	t.Run("PGPASSWORD", func(t *testing.T) {
		t.Setenv("PGPASSWORD", password)
		assert.NoError(t, run(u.String()))
	})
	t.Run("keywords", func(t *testing.T) {
		t.Setenv("PGPASSWORD", password)
		assert.NoError(t, run(fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", u.Hostname(), u.Port(), u.User.Username(), database.Name())))
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "pass")
		require.NoError(t, os.WriteFile(file, []byte("*:*:*:*:"+password+"\n"), 0o600))
		t.Setenv("PGPASSFILE", file)
		assert.NoError(t, run(u.String()))
	})
	const secret = "sEcReT"
	for name, url := range map[string]string{
		"wrong":               strings.Replace(full.String(), password, secret, 1),
		"a port that is none": "postgres://u:" + secret + "@localhost:x/d",
		"no URL":              "postgres://u:" + secret + "@local host:%zz/d",
		"keywords":            "host=localhost password=" + secret + " port=x",
		"a setting":           "host=localhost password='" + secret + "' sslmode=x",
		"quotes":              "host=localhost password='" + secret,
		"nobody there":        "postgres://u:" + secret + "@127.0.0.1:1/d",
	} {
		t.Run(name, func(t *testing.T) {
			err := run(url)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, fmt.Sprintf("%+v", err), secret)
		})
	}
}

// A sink of a pool leaves it open.
func TestNew(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), servertest.SharedPostgres(t).Database(t).URL())
	require.NoError(t, err)
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	s := pgsink.New(db, "t")
	_, err = ingest.Run(t.Context(), strings.NewReader("a,b\n1,2\n3,\n"), s)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	var n int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n))
	assert.Equal(t, 2, n)
}

// A table with row-level security takes no COPY.
func TestRowLevelSecurity(t *testing.T) {
	database := servertest.SharedPostgres(t).Database(t)
	owner := open(t, database.URL(), "t")
	exec(t, owner, "CREATE ROLE clerk")
	defer exec(t, owner, "DROP OWNED BY clerk; DROP ROLE clerk")
	exec(t, owner, "CREATE TABLE t (n int4, d date)")
	exec(t, owner, "ALTER TABLE t ENABLE ROW LEVEL SECURITY")
	exec(t, owner, "CREATE POLICY small ON t USING (n < 10)")
	exec(t, owner, "GRANT ALL ON t TO clerk")
	clerk := open(t, database.URL()+"&options=-crole%3Dclerk", "t")
	clerk.Create, clerk.NoLedger = false, true
	_, err := ingest.Run(t.Context(), strings.NewReader("n,d\n1,2024-01-02\n2,\n"), clerk)
	require.NoError(t, err)
	_, err = ingest.Run(t.Context(), strings.NewReader("n,d\n10,2024-01-02\n"), clerk)
	assert.ErrorContains(t, err, "row-level security")
	p := ingest.Pipeline{Policy: ingest.Policy{Refused: ingest.Reject}}
	status, err := p.Run(t.Context(), strings.NewReader("n,d\n10,2024-01-02\n3,\n"), clerk)
	require.NoError(t, err)
	assert.EqualValues(t, 1, status.Rejected, "it is the record that is refused, not the user")
	rows, err := ingesttest.ReadSQL(t.Context(), owner.DB, "SELECT n::text, d::text FROM t ORDER BY n")
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"1", "2024-01-02"}, {"2", ingesttest.Null}, {"3", ingesttest.Null}}, rows)
}

// A view takes no COPY.
func TestView(t *testing.T) {
	sink := open(t, servertest.SharedPostgres(t).Database(t).URL(), "v")
	exec(t, sink, "CREATE TABLE t (n int4, j json)")
	exec(t, sink, "CREATE VIEW v AS SELECT * FROM t WHERE n < 10 WITH CHECK OPTION")
	p := ingest.Pipeline{Policy: ingest.Policy{Refused: ingest.Reject}}
	status, err := p.Run(t.Context(), strings.NewReader("n,j\n1,{}\n20,{}\n3,{\n4,\n"), sink)
	require.NoError(t, err)
	assert.EqualValues(t, 2, status.Rejected)
	rows, err := ingesttest.ReadSQL(t.Context(), sink.DB, "SELECT n::text, j::text FROM t ORDER BY n")
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"1", "{}"}, {"4", ingesttest.Null}}, rows)
}

// The stage of a table takes what the table takes, and gets the rest from where the table gets it.
func TestStageOfTableThatFillsColumns(t *testing.T) {
	url := servertest.SharedPostgres(t).Database(t).URL()
	for _, mode := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole, sqlsink.Upsert, sqlsink.Replace} {
		s := open(t, url, "t_"+string(mode))
		s.Create = false
		s.Mode = mode
		if mode == sqlsink.Upsert {
			s.Key = []string{"v"}
		}
		exec(t, s, "CREATE TABLE "+s.Table+` (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, nr serial UNIQUE, v text NOT NULL UNIQUE CHECK (v <> 'x'),
			n numeric(6,2) NOT NULL, upper text NOT NULL GENERATED ALWAYS AS (upper(v)) STORED, at timestamptz NOT NULL DEFAULT now())`)
		claim, err := s.Claim(t.Context(), &ingest.LedgerRun{Run: "r-" + string(mode), Found: &ingest.Found{Run: "r-" + string(mode), Header: ingest.Columns("v", "n")}}, time.Minute)
		require.NoError(t, err)
		w, err := s.Open(t.Context(), claim.Found)
		require.NoError(t, err)
		require.NoError(t, w.Write(t.Context(), ingesttest.NewWindow(claim.Run, []string{"v", "n"}, 0, []string{"a", "1.5"}, []string{"b", "2"})))
		require.NoError(t, w.Close(t.Context(), nil))
		require.NoError(t, s.Release(t.Context(), claim, ingest.Done, ""))
		rows, err := ingesttest.ReadSQL(t.Context(), s.DB, "SELECT id::text, v, n::text, upper FROM "+s.Table+" ORDER BY id")
		require.NoError(t, err)
		assert.Equal(t, [][]string{{"1", "a", "1.50", "A"}, {"2", "b", "2.00", "B"}}, rows, mode)
	}
}

// Constraints that are checked late, or for a batch as a whole, name no record: it is searched for.
func TestRefusedLate(t *testing.T) {
	for name, table := range map[string]string{
		"foreign key":          "v int4 REFERENCES known, n int4",
		"deferred foreign key": "v int4 REFERENCES known DEFERRABLE INITIALLY DEFERRED, n int4",
		"deferred unique":      "v int4 UNIQUE DEFERRABLE INITIALLY DEFERRED, n int4",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, servertest.SharedPostgres(t).Database(t).URL(), "t")
			s.Create = false
			exec(t, s, "CREATE TABLE known (v int4 PRIMARY KEY)")
			exec(t, s, "INSERT INTO known SELECT generate_series(0, 999)")
			exec(t, s, "CREATE TABLE t ("+table+")")
			exec(t, s, "INSERT INTO t SELECT 1000 FROM known WHERE v = 0 AND "+fmt.Sprint(name == "deferred unique"))
			claim, err := s.Claim(t.Context(), &ingest.LedgerRun{Run: "r", Found: &ingest.Found{Run: "r", Header: ingest.Columns("v", "n")}}, time.Minute)
			require.NoError(t, err)
			w, err := s.Open(t.Context(), claim.Found)
			require.NoError(t, err)
			records := make([][]string, 1000)
			for i := range records {
				records[i] = []string{fmt.Sprint(i), "1"}
			}
			records[700][0] = "1000"
			b := ingesttest.NewWindow("r", []string{"v", "n"}, 0, records...)
			refused, err := w.(ingest.SelectiveWriter).WriteGood(t.Context(), b)
			require.NoError(t, err)
			require.Len(t, refused, 1)
			assert.Equal(t, b.Record(700).Position(), refused[0].Position)
			require.NoError(t, w.Close(t.Context(), nil))
			require.NoError(t, s.Release(t.Context(), claim, ingest.Done, ""))
			rows, err := ingesttest.ReadSQL(t.Context(), s.DB, "SELECT count(*)::text FROM t WHERE n = 1")
			require.NoError(t, err)
			assert.Equal(t, [][]string{{"999"}}, rows)
		})
	}
}

func Example() {
	sink, err := pgsink.Open(os.Getenv("DATABASE_URL"), "contacts")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	const text = "name;city\nAnn;Rome\nBob;\n"
	status, err := ingest.Run(context.Background(), strings.NewReader(text), sink)
	fmt.Println(status.Delivered, "contacts", err)
}
