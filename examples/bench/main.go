// Bench measures how fast delimited text is read: by this module, by encoding/csv and by peers, in one run and in
// turns, each cell of each record looked at.
//
//	go -C examples run ./bench -size 32
//
// The README in this directory says what is measured and how a peer is added.
//
// The exit code is 1 if something could not be measured or two engines do not agree on what is in a file, and 2
// for wrong usage.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal is the system's
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A result is what is printed: an object a line with -json.
type result struct {
	Shape  string  `json:"shape"`
	Engine string  `json:"engine"`
	MBPerS float64 `json:"mb_per_s"` // a million bytes of the file a second
	Ratio  float64 `json:"ratio"`    // to the baseline on the same shape
}

// A bench is what the flags say.
type bench struct {
	seed    uint64
	size    float64 // MB
	rounds  int
	shapes  []*shape
	engines []engine
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var b bench
	var externals []engine
	flags.Uint64Var(&b.seed, "seed", 1, "what the data is made from: it is the same for the same `number`")
	flags.Float64Var(&b.size, "size", 128, "the size of the data, in `MB` a shape")
	flags.IntVar(&b.rounds, "rounds", 5, "the `number` of rounds that count, at least 3; one that does not goes before them")
	shapeNames := flags.String("shapes", "", "the `names` of the shapes, with commas between them (default: all)")
	engineNames := flags.String("engines", "", "the `names` of the engines, with commas between them (default: all); "+baseline+" is always one")
	flags.Func("external", "an engine as `name=command`: it is run with the file's path as its last argument (may be given several times)", func(v string) error {
		name, command, _ := strings.Cut(v, "=")
		words := strings.Fields(command)
		if name == "" || len(words) == 0 {
			return errors.New("use name=command")
		}
		if slices.ContainsFunc(slices.Concat(engines, externals), func(e engine) bool { return e.name == name }) {
			return errors.New("this name is taken")
		}
		externals = append(externals, external(name, words))
		return nil
	})
	asJSON := flags.Bool("json", false, "print the results as JSON, an object a line")
	svg := flags.String("svg", "", "draw the results into a `file`")
	from := flags.String("from", "", "take the results from a `file` that -json has written, and measure nothing")
	caption := flags.String("caption", machine(), "the `text` that says where it was measured")
	gib := flags.Float64("long", 0, "read a source of so many `GiB` with pipeline, and say how large the heap becomes and whether the speed stays")
	measure := flags.String("measure", "", "read a `file` with records in this process and print its time and checksum: what bench itself calls")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fail := func(code int, err error) int {
		fmt.Fprintln(stderr, "bench:", err)
		return code
	}
	if *measure != "" {
		if err := measureRecords(ctx, *measure, stdout); err != nil {
			return fail(1, err)
		}
		return 0
	}
	if *gib > 0 {
		if err := long(ctx, b.seed, int64(*gib*(1<<30)), stdout); err != nil {
			return fail(1, err)
		}
		return 0
	}
	var err error
	if b.shapes, err = choose(shapes, func(s *shape) string { return s.name }, *shapeNames); err != nil {
		return fail(2, err)
	}
	if *engineNames != "" {
		*engineNames += "," + baseline
	}
	if b.engines, err = choose(engines, func(e engine) string { return e.name }, *engineNames); err != nil {
		return fail(2, err)
	}
	b.engines = append(b.engines, externals...)
	if flags.NArg() > 0 || b.rounds < 3 || b.size <= 0 {
		flags.Usage()
		return 2
	}

	var results []result
	if *from != "" {
		results, err = load(*from)
	} else {
		*caption += fmt.Sprintf(", %g MB a shape, seed %d, %d rounds", b.size, b.seed, b.rounds)
		results, err = b.measure(ctx, stderr)
	}
	if err != nil {
		return fail(1, err)
	}
	if *asJSON {
		err = writeJSON(stdout, results)
	} else {
		err = writeTable(stdout, results, *caption)
	}
	if err == nil && *svg != "" {
		err = os.WriteFile(*svg, plot(results, *caption), 0o666)
	}
	if err != nil {
		return fail(1, err)
	}
	return 0
}

// choose gives the items with the names in a list, in their own order; all of them if the list is empty.
func choose[T any](all []T, name func(T) string, list string) ([]T, error) {
	if list == "" {
		return slices.Clone(all), nil
	}
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.ContainsFunc(all, func(item T) bool { return name(item) == n }) {
			return nil, fmt.Errorf("there is no %q", n)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(item T) bool { return !slices.Contains(names, name(item)) }), nil
}

// measure takes one shape after the other, so that only one file is there at a time.
func (b *bench) measure(ctx context.Context, log io.Writer) ([]result, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var results []result
	for _, s := range b.shapes {
		fmt.Fprintf(log, "bench: %s\n", s.name)
		of, err := b.measureShape(ctx, s, filepath.Join(dir, s.name+".csv"))
		if err != nil {
			return nil, err
		}
		results = append(results, of...)
	}
	return results, nil
}

// measureShape lets the engines read a file in turns. The first round does not count: it warms up the file and
// the engines. The others give the medians, of the speeds and of the ratios within a round.
func (b *bench) measureShape(ctx context.Context, s *shape, path string) ([]result, error) {
	if err := s.write(path, b.seed, int64(b.size*1e6)); err != nil {
		return nil, err
	}
	defer os.Remove(path)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	size := float64(info.Size()) / 1e6
	readers := slices.DeleteFunc(slices.Clone(b.engines), func(e engine) bool { return !e.reads(s) })
	speeds := make([][]float64, len(readers))
	ratios := make([][]float64, len(readers))
	var want checksum
	for round := range 1 + b.rounds {
		for i, e := range readers { // the first one is the baseline
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			m, err := e.run(ctx, path, s)
			if err != nil {
				return nil, fmt.Errorf("%s on %s: %w", e.name, s.name, err)
			}
			if i == 0 && round == 0 {
				want = m.checksum
			}
			if m.checksum != want {
				return nil, fmt.Errorf("%s on %s: the checksum is %+v, that of %s %+v", e.name, s.name, m.checksum, baseline, want)
			}
			if round > 0 {
				speeds[i] = append(speeds[i], size/m.Seconds)
				ratios[i] = append(ratios[i], size/m.Seconds/speeds[0][round-1])
			}
		}
	}
	results := make([]result, len(readers))
	for i, e := range readers {
		results[i] = result{s.name, e.name, median(speeds[i]), median(ratios[i])}
	}
	return results, nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

func load(path string) (results []result, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for dec := json.NewDecoder(f); ; {
		var r result
		switch err := dec.Decode(&r); {
		case err == io.EOF && len(results) > 0:
			return results, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		results = append(results, r)
	}
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

// writeTable prints a line for each engine and a column for each shape.
func writeTable(w io.Writer, results []result, caption string) error {
	fmt.Fprintf(w, "%s\nMB/s, and how many times as fast as %s; where a shape is not in UTF-8, x/text decodes for that\n\n", caption, baseline)
	of := map[[2]string]result{}
	var shapes, engines []string
	for _, r := range results {
		of[[2]string{r.Shape, r.Engine}] = r
		if !slices.Contains(shapes, r.Shape) {
			shapes = append(shapes, r.Shape)
		}
		if !slices.Contains(engines, r.Engine) {
			engines = append(engines, r.Engine)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "engine\t%s\tmean of the four\t\n", strings.Join(shapes, "\t"))
	for _, e := range engines {
		fmt.Fprintf(table, "%s\t", e)
		for _, s := range shapes {
			if r, ok := of[[2]string{s, e}]; ok {
				fmt.Fprintf(table, "%.0f %5.2fx", r.MBPerS, r.Ratio)
			}
			fmt.Fprint(table, "\t")
		}
		if mean := geometricMean(results, e); mean > 0 {
			fmt.Fprintf(table, "%.2fx", mean)
		}
		fmt.Fprint(table, "\t\n")
	}
	return table.Flush()
}

// geometricMean is that of an engine's ratios on the four shapes in UTF-8; 0 if one of them is missing.
func geometricMean(results []result, engine string) float64 {
	var logs float64
	left := 0
	for _, s := range shapes {
		if s.charset != nil {
			continue
		}
		left++
		for _, r := range results {
			if r.Shape == s.name && r.Engine == engine {
				logs += math.Log(r.Ratio)
				left--
			}
		}
	}
	if left != 0 {
		return 0
	}
	return math.Exp(logs / 4)
}

// machine says what this machine and this Go are.
func machine() string {
	cpu := "unknown CPU"
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d CPUs, %s/%s, %s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
