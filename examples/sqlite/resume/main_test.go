package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How much the first run stores is not known, but whatever it is the second one finds it.
func TestMain_goesOn(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	require.NoError(t, err)
	defer out.Close()
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	os.Stdout = out
	main()
	printed, err := os.ReadFile(out.Name())
	require.NoError(t, err)

	said := regexp.MustCompile(`^first run: canceled
ledger: run orders-2024 is (canceled|running), (\d+) rows are stored
second run: done, 100000 rows, (\d+) of them from the first run
table: 100000 rows, 100000 different ones
$`).FindStringSubmatch(string(printed))
	require.NotNil(t, said, string(printed))
	stored, err := strconv.Atoi(said[2])
	require.NoError(t, err)
	found, err := strconv.Atoi(said[3])
	require.NoError(t, err)
	assert.Greater(t, stored, 0)
	assert.Less(t, found, rows)
	if said[1] == "canceled" {
		assert.Equal(t, stored, found)
	} else { // Run waits for what is under way, but not for long: on a busy machine it may end behind the look
		assert.GreaterOrEqual(t, found, stored)
	}
}
