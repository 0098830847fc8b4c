//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// A lock that a killed process left is taken away; one that is held makes others wait, until their context ends.
func TestFileLedgerLock(t *testing.T) {
	dir := t.TempDir()
	l := ingest.NewFileLedger(dir)
	lock := filepath.Join(dir, "run-r.lock")
	require.NoError(t, os.WriteFile(lock, nil, 0o666))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := l.Claim(ctx, &ingest.LedgerRun{Run: "r"}, time.Hour)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(lock, old, old))
	claimed(t, l, "one", time.Hour)
	_, err = os.Stat(lock)
	assert.True(t, errors.Is(err, os.ErrNotExist))
}
