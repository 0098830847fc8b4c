//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ctrl-C in the middle of a file that never ends: the program says what is stored, and that is true.
func TestLoad_interrupted(t *testing.T) {
	dir := t.TempDir()
	db, endless := filepath.Join(dir, "out.db"), filepath.Join(dir, "endless.csv")
	require.NoError(t, syscall.Mkfifo(endless, 0o600))

	cmd := command(t, "-db", db, endless, "never.csv")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Start())
	written := make(chan struct{})
	go func() {
		defer close(written)
		pipe, err := os.OpenFile(endless, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		defer pipe.Close()
		fmt.Fprintln(pipe, "id,name")
		for i := 0; err == nil; i++ { // until nobody reads any more
			_, err = fmt.Fprintf(pipe, "%d,%s\n", i, strings.Repeat("x", 100))
			if err == nil && i%100 == 0 {
				_, err = fmt.Fprintln(pipe, "short")
			}
		}
	}()
	require.Eventually(t, func() bool { return rows(t, db, "endless") > 0 }, 20*time.Second, 10*time.Millisecond)

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	began := time.Now()
	require.Error(t, cmd.Wait())
	assert.Less(t, time.Since(began), 5*time.Second)
	<-written

	assert.Equal(t, 1, cmd.ProcessState.ExitCode())
	said := regexp.MustCompile(`stopped   (\S+) rows of this file stored in table endless of `).FindStringSubmatch(stdout.String())
	require.NotNil(t, said, stdout.String())
	assert.Contains(t, stdout.String(), "not begun: never.csv")
	assert.Equal(t, said[1], count(rows(t, db, "endless")))
	rejects, err := os.ReadFile(filepath.Join(dir, "endless.rejects.csv"))
	require.NoError(t, err)
	assert.Regexp(t, `^id,name,.*\n(short,too_few_fields,.*\n)+$`, string(rejects))
	assert.Equal(t, rows(t, db, "sluice_rejects"), int64(strings.Count(string(rejects), "\n")-1))
}

// rows gives the number of rows of a table, 0 while there is none.
func rows(t *testing.T, db, table string) (n int64) {
	to := &target{database: database{address: db, kind: &sqlite}, table: table}
	defer to.close()
	if there, err := to.there(t.Context()); err == nil && there {
		to.db.QueryRowContext(t.Context(), `SELECT count(*) FROM "`+table+`"`).Scan(&n)
	}
	return n
}
