package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	text "github.com/mithrandie/go-text"
	textcsv "github.com/mithrandie/go-text/csv"
	"github.com/tonistiigi/go-csvvalue"
	"golang.org/x/text/transform"

	"github.com/sluicecsv/sluice/ingest"
)

// An engine reads files.
type engine struct {
	name  string
	reads func(*shape) bool // which shapes it can read
	run   measure
}

// A measure reads a file of a shape to its end and says how long that took.
type measure func(ctx context.Context, path string, s *shape) (measured, error)

// measured is what came of one reading. Other processes print it as JSON.
type measured struct {
	checksum
	Seconds float64 `json:"seconds,omitempty"`
}

// A checksum shows that each cell of each record below the header has been looked at. It does not depend on the
// order of the records.
type checksum struct {
	Records uint64 `json:"records"`
	Cells   uint64 `json:"cells"`
	Bytes   uint64 `json:"bytes"` // of all cells, in UTF-8
	First   uint64 `json:"first"` // the sum of the first bytes of cells that are not empty
}

func (c *checksum) add(record checksum) {
	c.Records += record.Records
	c.Cells += record.Cells
	c.Bytes += record.Bytes
	c.First += record.First
}

// checksumOf looks at the cells of one record.
func checksumOf[T string | text.RawText](cells []T) (c checksum) {
	for _, v := range cells {
		c.Bytes += uint64(len(v))
		if len(v) > 0 {
			c.First += uint64(v[0])
		}
	}
	c.Records, c.Cells = 1, uint64(len(cells))
	return c
}

// checksumOfAll looks at all records up to the end.
func checksumOfAll[T string | text.RawText](read func() ([]T, error)) (sum checksum, err error) {
	for {
		record, err := read()
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		sum.add(checksumOf(record))
	}
}

// checksumOfRecord is checksumOf for a record of ours.
func checksumOfRecord(r ingest.Record) (c checksum) {
	for i := range r.Len() {
		v := r.Field(i)
		c.Bytes += uint64(len(v))
		if len(v) > 0 {
			c.First += uint64(v[0])
		}
	}
	c.Records, c.Cells = 1, uint64(r.Len())
	return c
}

// baseline is what the others are compared with.
const baseline = "encoding/csv"

// engines are in the order of the table: the baseline, those of this module, and peers.
var engines = []engine{
	{baseline, anyShape, inProcess(1, readStandard)},
	{"records", anyShape, inProcess(1, readRecords)},
	{"records-kept", anyShape, inProcess(1, readKept)},
	{"records-purego", inUTF8, inChild("SLUICE_SCAN=plain")},
	{"records-strings", inUTF8, inProcess(1, readStrings)},
	{"pipeline", anyShape, inProcess(2, readPipeline)},
	{"pipeline-kept", anyShape, inProcess(2, readKeptPipeline)},
	{"go-text", inUTF8, inProcess(1, readText)},
	{"go-csvvalue", oneLine, inProcess(1, readLines)},
}

func anyShape(*shape) bool  { return true }
func inUTF8(s *shape) bool  { return s.charset == nil }
func oneLine(s *shape) bool { return s.charset == nil && !s.multiline }

// A reader reads a file of a shape to its end, behind the header.
type reader func(ctx context.Context, f *os.File, s *shape) (checksum, error)

// inProcess measures a reader from opening the file to closing it, with so many processors at most. What was left
// behind by the reader before is collected first.
func inProcess(procs int, read reader) measure {
	return func(ctx context.Context, path string, s *shape) (m measured, err error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		runtime.GC()
		start := time.Now()
		f, err := os.Open(path)
		if err != nil {
			return m, err
		}
		defer f.Close()
		m.checksum, err = read(ctx, f, s)
		m.Seconds = time.Since(start).Seconds()
		return m, err
	}
}

// inChild measures records in a process of its own, with a variable that is read when a process starts.
func inChild(env string) measure {
	return func(ctx context.Context, path string, _ *shape) (m measured, err error) {
		exe, err := os.Executable()
		if err != nil {
			return m, err
		}
		cmd := exec.CommandContext(ctx, exe, "-measure", path)
		cmd.Env = append(os.Environ(), env)
		err = outputJSON(cmd, &m)
		return m, err
	}
}

// measureRecords is what the child does. Its first reading warms it up, as the rounds do for the other engines.
func measureRecords(ctx context.Context, path string, out io.Writer) error {
	run := inProcess(1, readRecords)
	if _, err := run(ctx, path, nil); err != nil {
		return err
	}
	m, err := run(ctx, path, nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m)
}

// external makes an engine of a command, which is run with the file's path behind its own arguments and prints a
// checksum as JSON. Its time is that of the whole process, from its start to its end.
func external(name string, command []string) engine {
	return engine{name, inUTF8, func(ctx context.Context, path string, _ *shape) (m measured, err error) {
		cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], path)...)
		start := time.Now()
		err = outputJSON(cmd, &m.checksum)
		m.Seconds = time.Since(start).Seconds()
		return m, err
	}}
}

// outputJSON runs a command that prints one JSON object.
func outputJSON(cmd *exec.Cmd, v any) error {
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.Path, err)
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("%s printed no checksum: %w", cmd.Path, err)
	}
	return nil
}

func readStandard(_ context.Context, f *os.File, s *shape) (sum checksum, err error) {
	var src io.Reader = f
	if s.charset != nil {
		src = transform.NewReader(f, s.charset.NewDecoder())
	}
	r := csv.NewReader(src)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil { // the header
		return sum, err
	}
	return checksumOfAll(r.Read)
}

// reusing uses memory again, as encoding/csv does with ReuseRecord.
var reusing = ingest.Pipeline{Reuse: true}

func readRecords(ctx context.Context, f *os.File, _ *shape) (checksum, error) {
	return pull(ctx, &reusing, f)
}

// readKept gives records that stay valid for good.
func readKept(ctx context.Context, f *os.File, _ *shape) (checksum, error) {
	return pull(ctx, new(ingest.Pipeline), f)
}

func pull(ctx context.Context, p *ingest.Pipeline, f *os.File) (sum checksum, err error) {
	for r, err := range p.Records(ctx, f) {
		if err != nil {
			return sum, err
		}
		sum.add(checksumOfRecord(r))
	}
	return sum, nil
}

// readStrings copies each cell, as one does who keeps a few of them for long.
func readStrings(ctx context.Context, f *os.File, _ *shape) (sum checksum, err error) {
	var cells []string
	for r, err := range reusing.Records(ctx, f) {
		if err != nil {
			return sum, err
		}
		cells = r.Clone(cells[:0])
		sum.add(checksumOf(cells))
	}
	return sum, nil
}

func readPipeline(ctx context.Context, f *os.File, _ *shape) (checksum, error) {
	return runPipeline(ctx, &reusing, f)
}

// readKeptPipeline gives batches that a sink may keep.
func readKeptPipeline(ctx context.Context, f *os.File, _ *shape) (checksum, error) {
	return runPipeline(ctx, new(ingest.Pipeline), f)
}

func runPipeline(ctx context.Context, p *ingest.Pipeline, src io.Reader) (sum checksum, err error) {
	var mu sync.Mutex
	_, err = p.Run(ctx, src, ingest.SinkFunc(func(_ context.Context, b *ingest.Batch) error {
		var part checksum
		for _, r := range b.All() {
			part.add(checksumOfRecord(r))
		}
		mu.Lock()
		defer mu.Unlock()
		sum.add(part)
		return nil
	}))
	return sum, err
}

func readText(_ context.Context, f *os.File, _ *shape) (sum checksum, err error) {
	r, err := textcsv.NewReader(f, text.UTF8)
	if err != nil {
		return sum, err
	}
	if _, err := r.ReadHeader(); err != nil {
		return sum, err
	}
	return checksumOfAll(r.Read)
}

// readLines has a parser for one line and leaves it to a bufio.Scanner to find them.
func readLines(_ context.Context, f *os.File, _ *shape) (sum checksum, err error) {
	lines := bufio.NewScanner(f)
	lines.Scan() // the header
	var cells []string
	for lines.Scan() {
		cells, err = csvvalue.Fields(lines.Text(), cells)
		if err != nil {
			return sum, err
		}
		sum.add(checksumOf(cells))
	}
	return sum, lines.Err()
}
