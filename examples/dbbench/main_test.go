package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test binary is also the process that an engine runs in.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "-child" {
		main()
	}
	os.Exit(m.Run())
}

func TestBench(t *testing.T) {
	for part, program := range map[string]string{"sqlite": "sqlite3", "pg": "psql", "mysql": "mariadb"} {
		t.Run(part, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skip(err)
			}
			var out, log bytes.Buffer
			code := run(t.Context(), []string{"-size", "0.1", "-rounds", "1", "-json", "-only", part}, nil, &out, &log)
			require.Zero(t, code, log.String())
			engines := map[string]int{}
			for dec := json.NewDecoder(&out); ; {
				var r result
				err := dec.Decode(&r)
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				engines[r.Engine]++
				assert.Positive(t, r.Wall)
				assert.Positive(t, r.WallRatio)
			}
			assert.GreaterOrEqual(t, len(engines), 3)
			for name, n := range engines {
				assert.Equal(t, len(shapes), n, name)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-only", "x"}, {"-shapes", "x"}, {"-batch", "x"}, {"more"}} {
		assert.Equal(t, 2, run(t.Context(), args, nil, io.Discard, io.Discard), args)
	}
}

func TestWrite(t *testing.T) {
	for _, s := range shapes {
		var texts [][]byte
		for _, seed := range []uint64{1, 1, 2} {
			f, err := s.write(filepath.Join(t.TempDir(), "f"), seed, 20_000)
			require.NoError(t, err)
			text, err := os.ReadFile(f.path)
			require.NoError(t, err)
			assert.EqualValues(t, len(text), f.size)
			assert.EqualValues(t, f.Rows, bytes.Count(text, []byte("\n"))-1)
			assert.Equal(t, f.Rows*(f.Rows+1)/2, f.IDs)
			texts = append(texts, text)
		}
		assert.Equal(t, texts[0], texts[1])
		assert.NotEqual(t, texts[0], texts[2])
	}
}

func TestSummarize(t *testing.T) {
	of := func(wall, cpu time.Duration) measured { return measured{wall: wall, client: cpu} }
	rounds := [][]measured{{of(2, 2), of(1, 4)}, {of(4, 4), of(4, 4)}, {of(9, 1), of(3, 9)}}
	f := &file{shape: shapes[0], size: 1, content: content{Rows: 1}}
	r := summarize("d", f, []string{"a", "b"}, rounds)
	assert.Equal(t, 1.0, r[0].WallRatio)
	assert.Equal(t, 0.5, r[1].WallRatio)
	assert.Equal(t, 2.0, r[1].CPURatio)
	assert.Equal(t, 3e-9, r[1].Wall)
}
