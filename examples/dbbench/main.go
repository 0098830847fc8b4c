// Dbbench measures how fast delimited text gets into databases: by this module, by the databases' own programs, and by
// peers, in one run and in turns. It starts the servers itself.
//
//	go -C examples run ./dbbench -size 100
//
// The README in this directory says what is measured and how a peer is added.
//
// The exit code is 1 if something could not be measured or a table has not what the file has, and 2 for wrong usage.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal is the system's
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// A bench is what the flags say.
type bench struct {
	seed    uint64
	size    int64 // bytes
	rounds  int
	engines []string // empty: all
	batches []int    // KiB of the batches of this module; empty: what its sinks ask for
	profile string   // folder
	log     io.Writer
}

// A part is what -only chooses.
type part struct {
	name    string
	measure func(*bench, context.Context, string) ([]result, error)
}

var parts = []part{
	{"pg", func(b *bench, ctx context.Context, dir string) ([]result, error) {
		return b.measure(ctx, dir, postgres)
	}},
	{"sqlite", func(b *bench, ctx context.Context, dir string) ([]result, error) { return b.measure(ctx, dir, sqlite) }},
	{"mysql", func(b *bench, ctx context.Context, dir string) ([]result, error) { return b.measure(ctx, dir, mariadb) }},
	{"delay", (*bench).measureDelay},
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dbbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	b := bench{log: stderr}
	flags.Uint64Var(&b.seed, "seed", 1, "what the data is made from: it is the same for the same `number`")
	size := flags.Float64("size", 500, "the size of a file, in `MB`; a delay is measured with a twentieth of it")
	flags.IntVar(&b.rounds, "rounds", 5, "the `number` of rounds that count; one that does not goes before them")
	only := flags.String("only", "", "what is measured, with commas between the `names`: pg, sqlite, mysql, delay (default: all)")
	shapeNames := flags.String("shapes", "", "narrow or wide (default: both)")
	engineNames := flags.String("engines", "", "the `names` of the engines, with commas between them (default: all); the baseline is always one")
	flags.Func("batch", "the sizes of the batches of this module, in `KiB`, with commas between them (default: what its sinks ask for)", func(v string) error {
		for _, size := range strings.Split(v, ",") {
			n, err := strconv.Atoi(size)
			if err != nil {
				return err
			}
			b.batches = append(b.batches, n)
		}
		return nil
	})
	flags.StringVar(&b.profile, "profile", "", "write CPU profiles of this module's engines into a `folder`")
	asJSON := flags.Bool("json", false, "print the results as JSON, an object a line")
	child := flags.Bool("child", false, "load one file, as standard input says: what dbbench itself calls")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fail := func(code int, err error) int {
		fmt.Fprintln(stderr, "dbbench:", err)
		return code
	}
	if *child {
		if err := runJob(ctx, stdin, stdout); err != nil {
			return fail(1, err)
		}
		return 0
	}
	b.size = int64(*size * 1e6)
	if flags.NArg() > 0 || b.rounds < 1 || b.size < 1 {
		flags.Usage()
		return 2
	}
	if *engineNames != "" {
		b.engines = strings.Split(*engineNames, ",")
	}
	if *shapeNames != "" {
		for _, name := range strings.Split(*shapeNames, ",") {
			if !slices.ContainsFunc(shapes, func(s *shape) bool { return s.name == name }) {
				return fail(2, fmt.Errorf("there is no shape %q", name))
			}
		}
		shapes = slices.DeleteFunc(shapes, func(s *shape) bool { return !slices.Contains(strings.Split(*shapeNames, ","), s.name) })
	}
	for _, name := range strings.FieldsFunc(*only, func(c rune) bool { return c == ',' }) {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			return fail(2, fmt.Errorf("there is no %q", name))
		}
	}
	results, err := b.run(ctx, *only)
	if err != nil {
		return fail(1, err)
	}
	if *asJSON {
		err = writeJSON(stdout, results)
	} else {
		err = writeTable(stdout, results)
	}
	if err != nil {
		return fail(1, err)
	}
	return 0
}

// run measures the parts that are asked for.
func (b *bench) run(ctx context.Context, only string) (results []result, err error) {
	dir, err := os.MkdirTemp("", "sluice-dbbench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, p := range parts {
		if only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		of, err := p.measure(b, ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		results = append(results, of...)
	}
	return results, nil
}

// A measured is what one loading has cost.
type measured struct {
	wall, client, server time.Duration // CPU times of both, user and system
	report               report
}

// A result is what is printed: an object a line with -json. Times are medians, and ratios medians of those within a
// round.
type result struct {
	Database   string  `json:"database"`
	Shape      string  `json:"shape"`
	Engine     string  `json:"engine"`
	Wall       float64 `json:"wall_s"`
	Client     float64 `json:"client_cpu_s"`
	Server     float64 `json:"server_cpu_s"`
	MBPerS     float64 `json:"mb_per_s"` // a million bytes of the file a second
	Rate       float64 `json:"rows_per_s"`
	WallRatio  float64 `json:"wall_ratio"`    // to the baseline
	CPURatio   float64 `json:"cpu_ratio"`     // of client and server together
	Heap       float64 `json:"peak_heap_mib"` // of this module's engines, else 0
	Bottleneck string  `json:"bottleneck,omitempty"`
}

// summarize makes the results of rounds, each of which has one measured for each engine, the baseline first.
func summarize(database string, f *file, engines []string, rounds [][]measured) []result {
	var results []result
	for i, name := range engines {
		over := func(value func(m, base measured) float64) float64 {
			var values []float64
			for _, round := range rounds {
				values = append(values, value(round[i], round[0]))
			}
			return median(values)
		}
		r := result{Database: database, Shape: f.shape.name, Engine: name,
			Wall:      over(func(m, _ measured) float64 { return m.wall.Seconds() }),
			Client:    over(func(m, _ measured) float64 { return m.client.Seconds() }),
			Server:    over(func(m, _ measured) float64 { return m.server.Seconds() }),
			WallRatio: over(func(m, base measured) float64 { return float64(m.wall) / float64(base.wall) }),
			CPURatio: over(func(m, base measured) float64 {
				return float64(m.client+m.server) / float64(base.client+base.server)
			}),
			Heap:       over(func(m, _ measured) float64 { return float64(m.report.Heap) / (1 << 20) }),
			Bottleneck: string(rounds[0][i].report.Bottleneck),
		}
		r.MBPerS = float64(f.size) / 1e6 / r.Wall
		r.Rate = float64(f.Rows) / r.Wall
		results = append(results, r)
	}
	return results
}

func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

func writeJSON(w io.Writer, results []result) error {
	enc := json.NewEncoder(w)
	for _, r := range results {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// writeTable prints a line for each result.
func writeTable(w io.Writer, results []result) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	for i, r := range results {
		if i == 0 || r.Database != results[i-1].Database || r.Shape != results[i-1].Shape {
			fmt.Fprintf(table, "\n%s, %s\twall s\tMB/s\trows/s\tclient CPU s\tserver CPU s\twall ratio\tCPU ratio\theap MiB\tbottleneck\t\n", r.Database, r.Shape)
		}
		fmt.Fprintf(table, "%s\t%.2f\t%.1f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%s\t\n",
			r.Engine, r.Wall, r.MBPerS, r.Rate, r.Client, r.Server, r.WallRatio, r.CPURatio, r.Heap, r.Bottleneck)
	}
	return table.Flush()
}

// measure lets the engines of a database load a file of each shape in turns. The first round does not count: it warms up
// the file and the server.
func (b *bench) measure(ctx context.Context, dir string, d *database) (results []result, err error) {
	engines := b.choose(d.engines)
	names := make([]string, len(engines))
	for i, e := range engines {
		names[i] = e.name
	}
	store, err := d.start(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := store.stop(); err == nil {
			err = e
		}
	}()
	for _, s := range shapes {
		f, err := s.write(filepath.Join(dir, s.name+".csv"), b.seed, b.size)
		if err != nil {
			return nil, err
		}
		if err := store.create(ctx, s); err != nil {
			return nil, err
		}
		var rounds [][]measured
		for n := range 1 + b.rounds {
			fmt.Fprintf(b.log, "dbbench: %s, %s, round %d of %d\n", d.name, s.name, n, b.rounds)
			round := make([]measured, len(engines))
			for i := range engines {
				if round[i], err = b.once(ctx, store, f, &engines[i]); err != nil {
					return nil, fmt.Errorf("%s: %w", engines[i].name, err)
				}
			}
			if n > 0 {
				rounds = append(rounds, round)
			}
		}
		results = append(results, summarize(d.name, f, names, rounds)...)
		if err := os.Remove(f.path); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// choose gives the engines that are asked for: the first one, the baseline, is, and there is one of ours for each size of
// a batch.
func (b *bench) choose(all []engine) (engines []engine) {
	for i, e := range all {
		switch {
		case i > 0 && b.engines != nil && !slices.Contains(b.engines, e.name):
		case e.job == nil || !e.job.ours() || b.batches == nil:
			engines = append(engines, e)
		default:
			for _, size := range b.batches {
				j := *e.job
				j.Batch = size << 10
				engines = append(engines, engine{name: fmt.Sprintf("%s, %d KiB", e.name, size), job: &j})
			}
		}
	}
	return engines
}

// once loads a file into an empty table.
func (b *bench) once(ctx context.Context, store store, f *file, e *engine) (m measured, err error) {
	if err := store.empty(ctx); err != nil {
		return m, err
	}
	before, err := store.cpu()
	if err != nil {
		return m, err
	}
	m, err = b.load(ctx, store, f, e)
	if err != nil {
		return m, err
	}
	after, err := store.cpu()
	if err != nil {
		return m, err
	}
	m.server = after - before
	got, err := store.content(ctx)
	if err == nil && got != f.content {
		err = fmt.Errorf("the table has %+v, the file %+v", got, f.content)
	}
	return m, err
}
