package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain_printsRecords(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"UTF-8, commas", "id,name\n1,Ann\n2,\"Lee, Bo\"\n",
			"[\"1\" \"Ann\"]\n[\"2\" \"Lee, Bo\"]\n2 records in UTF-8 with delimiter \",\", "},
		{"UTF-16LE, semicolons", "\xff\xfei\x00d\x00;\x00n\x00a\x00m\x00e\x00\r\x00\n\x001\x00;\x00J\x00\xf6\x00r\x00g\x00\r\x00\n\x002\x00;\x00A\x00n\x00n\x00\r\x00\n\x00",
			"[\"1\" \"Jörg\"]\n[\"2\" \"Ann\"]\n2 records in UTF-16LE with delimiter \";\", "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.csv")
			require.NoError(t, os.WriteFile(path, []byte(tt.file), 0o644))
			got := printed(t, path)
			require.Greater(t, len(got), len(tt.want), "printed: %s", got)
			assert.Equal(t, tt.want, got[:len(tt.want)])
		})
	}
}

// printed runs main and gives what it prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	require.NoError(t, err)
	defer out.Close()
	stdout, oldArgs := os.Stdout, os.Args
	defer func() { os.Stdout, os.Args = stdout, oldArgs }()
	os.Stdout, os.Args = out, append([]string{"quickstart"}, args...)
	main()
	got, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	return string(got)
}
