package ingest_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/sluicecsv/sluice"

// golist runs the go command at the root of the module, outside any workspace.
func golist(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = ".."
	cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}

// The core requires three modules and no more: whoever embeds it takes over what it requires.
func TestRequirements(t *testing.T) {
	var mod struct {
		Go      string
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(golist(t, "mod", "edit", "-json"), &mod))
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	assert.ElementsMatch(t, []string{"github.com/saintfish/chardet", "golang.org/x/text", "github.com/stretchr/testify"}, direct)
	assert.True(t, strings.HasPrefix(mod.Go, "1.25"), mod.Go)
}

// Who may import whom. Test files are free to import testify and testdata.
func TestImports(t *testing.T) {
	std := func(path string) bool { return !strings.Contains(strings.Split(path, "/")[0], ".") }
	allowed := map[string][]string{
		"dialect":                      {},
		"encoding":                     {"golang.org/x/text/...", "github.com/saintfish/chardet"},
		"testdata":                     {},
		"ingest/internal/scan":         {},
		"ingest":                       {module + "/encoding", module + "/dialect", module + "/ingest/internal/scan"},
		"ingest/sqlsink":               {module + "/ingest"},
		"ingest/sqlsink/sqlsinktest":   {module + "/ingest", module + "/ingest/ingesttest", module + "/ingest/sqlsink"},
		"ingest/ingesttest":            {module + "/ingest", module + "/dialect"},
		"ingest/ingesttest/servertest": {},
		"examples":                     {"golang.org/x/text/width", module + "/ingest", module + "/dialect", module + "/encoding", module + "/ingest/ingesttest", module + "/ingest/sqlsink", module + "/testdata"},
	}
	dec := json.NewDecoder(strings.NewReader(string(golist(t, "list", "-json=ImportPath,Imports", "./..."))))
	seen := 0
	for dec.More() {
		var p struct {
			ImportPath string
			Imports    []string
		}
		require.NoError(t, dec.Decode(&p))
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if strings.HasPrefix(name, "examples/") {
			name = "examples"
		}
		rules, ok := allowed[name]
		if !assert.True(t, ok, "%s has no rule: which packages may it import?", p.ImportPath) {
			continue
		}
		seen++
		for _, i := range p.Imports {
			ok := std(i)
			for _, r := range rules {
				prefix, tree := strings.CutSuffix(r, "...")
				ok = ok || i == r || tree && strings.HasPrefix(i+"/", prefix)
			}
			assert.True(t, ok, "%s must not import %s", p.ImportPath, i)
		}
	}
	assert.Greater(t, seen, 8)
}
