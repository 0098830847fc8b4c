package sqlitesink_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A run that fails in the middle goes on there, in any mode, and what the database refuses is rejected.
func TestRunGoesOn(t *testing.T) {
	const n = 2000
	var text strings.Builder
	text.WriteString("id,name\n")
	for i := range n {
		name := "Ann"
		if i%500 == 7 {
			name = "" // four are refused
		}
		fmt.Fprintf(&text, "%d,%s\n", i, name)
	}
	for _, mode := range []sqlsink.Mode{sqlsink.Append, sqlsink.Whole, sqlsink.Upsert, sqlsink.Replace} {
		t.Run(string(mode), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			attempt := func(source io.Reader) (ingest.Status, error) {
				sink := open(t, path, "t")
				sink.Mode = mode
				if mode == sqlsink.Upsert {
					sink.Key = []string{"id"}
				}
				if mode == sqlsink.Append { // what is put aside has no constraint in SQLite
					sink.Types = map[string]string{"name": "TEXT NOT NULL"}
				}
				p := ingest.Pipeline{RunID: "run-1", BatchBytes: 1000, Workers: 3, Policy: ingest.Policy{Refused: ingest.Reject}}
				return p.Run(t.Context(), source, sink)
			}
			for _, until := range []int64{5000, 12_000} {
				if st, err := attempt(ingesttest.Break(strings.NewReader(text.String()), until, errors.New("it breaks"))); err == nil || st.State != ingest.Failed {
					t.Fatalf("until %d: %s, %v", until, st.State, err)
				}
			}
			st, err := attempt(strings.NewReader(text.String()))
			if err != nil {
				t.Fatal(err)
			}
			refused := int64(0)
			if mode == sqlsink.Append {
				refused = 4
			}
			if st.State != ingest.Done || st.Delivered != n-refused || st.Rejected != refused {
				t.Errorf("%s, %d delivered, %d rejected", st.State, st.Delivered, st.Rejected)
			}
			db := open(t, path, "other").DB
			if got := read(t, db, "SELECT count(*), count(DISTINCT id) FROM t"); got[0][0] != fmt.Sprint(n-refused) || got[0][1] != got[0][0] {
				t.Errorf("%s rows", got)
			}
			if got := read(t, db, "SELECT (SELECT count(*) FROM sluice_rejects), (SELECT sum(delivered) FROM sluice_windows), (SELECT state FROM sluice_runs)"); fmt.Sprint(got) != fmt.Sprintf("[[%d %d done]]", refused, n-refused) {
				t.Errorf("%s", got)
			}
		})
	}
}

// A database that does not tell capitals from small letters must not take one run for another.
func TestRunOfAnotherName(t *testing.T) {
	sink := open(t, filepath.Join(t.TempDir(), "x.db"), "t")
	for _, q := range sink.LedgerDDL() {
		_, err := sink.DB.ExecContext(t.Context(), strings.Replace(q, "run TEXT", "run TEXT COLLATE NOCASE", 1))
		if err != nil {
			t.Fatal(err)
		}
	}
	p := ingest.Pipeline{RunID: "orders"}
	if _, err := p.Run(t.Context(), strings.NewReader("id,name\n1,Ann\n"), sink); err != nil {
		t.Fatal(err)
	}
	p.RunID = "Orders"
	if _, err := p.Run(t.Context(), strings.NewReader("id,name\n1,Ann\n"), sink); err == nil || !strings.Contains(err.Error(), "more than capitals") {
		t.Errorf("the run is taken for another: %v", err)
	}
}
