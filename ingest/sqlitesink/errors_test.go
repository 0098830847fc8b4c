package sqlitesink

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A commit that finds the disk full is rolled back, so that it is not in doubt; one that fails otherwise is.
func TestExplain_commit(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "x.db"), "t")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fail := func(query string) error {
		_, err := s.DB.ExecContext(t.Context(), query)
		if err == nil {
			t.Fatalf("no error: %s", query)
		}
		return err
	}
	if _, err := s.DB.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	full := fail("CREATE TABLE t (a)")
	for _, row := range []struct {
		name    string
		err     error
		inDoubt bool
	}{
		{"disk full", full, false},
		{"another failure", fail("no SQL"), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			commit := &sqlsink.Error{Op: "commit", Table: "t", Reason: "cannot commit", Err: fmt.Errorf("%w: %w", sqlsink.ErrInDoubt, row.err)}
			err := explain("x.db", commit)
			if errors.Is(err, sqlsink.ErrInDoubt) != row.inDoubt || !errors.Is(err, row.err) {
				t.Error(err)
			}
		})
	}
	const want = `sqlitesink: "x.db": no room is left, and what was being written is rolled back: make room on the disk: database or disk is full (13)`
	if got := explain("x.db", full).Error(); got != want {
		t.Error(got)
	}
}
