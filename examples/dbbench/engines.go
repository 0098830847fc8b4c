package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/mysqlsink"
	"github.com/sluicecsv/sluice/ingest/pgsink"
	"github.com/sluicecsv/sluice/ingest/sqlitesink"
)

// table is the name of the table that all load into.
const table = "bench"

// A database is a kind of database that is measured.
type database struct {
	name    string
	start   func(dir string) (store, error) // makes a new one; files of its own go into the directory
	engines []engine                        // the first one is the baseline
}

// A store is a database that runs.
type store interface {
	create(ctx context.Context, s *shape) error
	empty(ctx context.Context) error // empties the table, and lets the database write what it still has to write
	content(ctx context.Context) (content, error)
	cpu() (time.Duration, error) // that the database has used so far, in processes of its own
	dsn() string
	stop() error
}

// An engine loads a file. It is a process: a program, or this one with a job.
type engine struct {
	name    string
	command func(ctx context.Context, s store, f *file) *exec.Cmd // a program
	job     *job                                                  // this program
}

// load runs an engine. Its times are those of the whole process, from its start to its end.
func (b *bench) load(ctx context.Context, s store, f *file, e *engine) (m measured, err error) {
	var cmd *exec.Cmd
	var out bytes.Buffer
	if e.job == nil {
		cmd = e.command(ctx, s, f)
	} else {
		exe, err := os.Executable()
		if err != nil {
			return m, err
		}
		j := *e.job
		j.DSN, j.File, j.Shape = s.dsn(), f.path, f.shape.name
		if b.profile != "" {
			j.Profile = filepath.Join(b.profile, e.name+" "+j.Shape+".pprof")
		}
		in, err := json.Marshal(j)
		if err != nil {
			return m, err
		}
		cmd = exec.CommandContext(ctx, exe, "-child")
		cmd.Stdin = bytes.NewReader(in)
	}
	cmd.Stdout, cmd.Stderr = &out, b.log
	start := time.Now()
	err = cmd.Run()
	m.wall = time.Since(start)
	if err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	m.client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if e.job != nil {
		err = json.Unmarshal(out.Bytes(), &m.report)
	}
	return m, err
}

// A job is what this program loads in a process of its own. It comes over standard input, so that no list of processes
// shows a password.
type job struct {
	Loader  string // in loaders
	DSN     string
	File    string
	Shape   string
	Workers int
	Batch   int    // bytes; 0: what the sink asks for
	Profile string // path
}

// A report is what a job prints.
type report struct {
	Heap       uint64 // bytes at most
	Bottleneck ingest.Stage
}

// loaders are what a job can be.
var loaders = map[string]func(ctx context.Context, j *job, s *shape, f *os.File) (ingest.Stage, error){
	"sluice-pg": func(ctx context.Context, j *job, _ *shape, f *os.File) (ingest.Stage, error) {
		sink, err := pgsink.Open(j.DSN, table)
		if err != nil {
			return "", err
		}
		defer sink.Close()
		return j.run(ctx, f, sink)
	},
	"sluice-sqlite": func(ctx context.Context, j *job, _ *shape, f *os.File) (ingest.Stage, error) {
		sink, err := sqlitesink.Open(j.DSN, table)
		if err != nil {
			return "", err
		}
		defer sink.Close()
		return j.run(ctx, f, sink)
	},
	"sluice-mariadb": func(ctx context.Context, j *job, _ *shape, f *os.File) (ingest.Stage, error) {
		sink, err := mysqlsink.Open(j.DSN, table)
		if err != nil {
			return "", err
		}
		defer sink.Close()
		return j.run(ctx, f, sink)
	},
	"sluice-sleep": sleep,
	"pgx-typed":    pgxTyped,
	"pgx-strings":  pgxStrings,
}

// ours says that the job is done by this module.
func (j *job) ours() bool { return strings.HasPrefix(j.Loader, "sluice-") }

// run runs a pipeline: all is sniffed and checked, and a ledger is kept.
func (j *job) run(ctx context.Context, f *os.File, sink ingest.Sink) (ingest.Stage, error) {
	p := ingest.Pipeline{Workers: j.Workers, BatchBytes: j.Batch, Reuse: true}
	status, err := p.Run(ctx, f, sink)
	return status.Bottleneck, err
}

// runJob does a job.
func runJob(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	load := loaders[j.Loader]
	var s *shape
	for _, s = range shapes {
		if s.name == j.Shape {
			break
		}
	}
	f, err := os.Open(j.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if j.Profile != "" {
		to, err := os.Create(j.Profile)
		if err != nil {
			return err
		}
		defer to.Close()
		if err := pprof.StartCPUProfile(to); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var r report
	watch := watchHeap()
	r.Bottleneck, err = load(ctx, &j, s, f)
	r.Heap = watch()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// watchHeap looks at the heap until the function that it gives is called, which gives the most that was there: the bytes of
// all objects, dead ones that are not yet swept included.
func watchHeap() (end func() uint64) {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for peak := uint64(0); ; {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				most <- peak
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-most
	}
}
