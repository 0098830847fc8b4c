//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
)

// A lock that is held makes others wait, until their context ends. It goes with who held it.
func TestFileLedgerLock(t *testing.T) {
	dir := t.TempDir()
	l := ingest.NewFileLedger(dir)
	held, err := os.Create(filepath.Join(dir, "run-r.jsonl"))
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = l.Claim(ctx, &ingest.LedgerRun{Run: "r"}, time.Hour)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, held.Close())
	claimed(t, l, "one", time.Hour)
}
