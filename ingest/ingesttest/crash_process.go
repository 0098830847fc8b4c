package ingesttest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/ingest"
)

// crashEnv is the environment variable that has the orders of a loading process.
const crashEnv = "SLUICE_CRASH"

// crashTimeout is how long a loading process may take. Then it prints where it hangs.
const crashTimeout = time.Minute

// crashOrders say what a loading process is to do.
type crashOrders struct {
	Test       string // it is part of
	Place      string
	Path, Run  string
	Stream     bool // the file cannot be read at an offset
	BatchBytes int
	Workers    int
	Point      string // where it kills itself; "": nowhere
	Nth        int64  // time that it comes there

	CancelAfter time.Duration // when the context of the run ends; 0: never
}

// A crashOutcome is how a loading process has ended that has not died.
type crashOutcome struct {
	Status   ingest.Status
	Error    string
	Owned    bool // the error is ErrOwned
	Canceled bool // the context has ended, as ordered
	MayFail  bool // it is one of CrashTest.MayFail
}

// What a loading process tells, at the beginning of a line.
const (
	sayClaimed = "crash: the run is claimed"
	sayDies    = "crash: dies at "
	sayEnded   = "crash: ended "
)

// say tells it. Whatever else the process prints ends there.
func say(what string) { fmt.Printf("\n%s\n", what) }

// A loading is a process that loads a file.
type loading struct {
	cmd     *exec.Cmd
	output  syncBuffer // whatever else it says
	claimed chan struct{}
	ended   chan struct{}
	killed  bool // by the test; of the test's goroutine

	// Once it has ended:
	died    string        // the point where it killed itself
	outcome *crashOutcome // nil: it was killed
}

// start starts a process that loads a file.
func (c *crasher) start(r *crashRun, o crashOrders) (*loading, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o.Test, o.Place, o.Path, o.Run = c.t.Name(), r.place, r.path, r.id
	o.Stream = c.rnd.IntN(4) == 0
	windows := 10 + c.rnd.IntN(190)
	o.BatchBytes, o.Workers = max(1, c.Size/windows), 1+c.rnd.IntN(4)
	o.Nth = 1
	switch o.Point {
	case "claim", "claimed", "release", "released":
	default:
		o.Nth += c.rnd.Int64N(int64(max(1, windows/killsPerFile)))
	}
	orders, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &loading{claimed: make(chan struct{}), ended: make(chan struct{})}
	p.cmd = exec.Command(exe, "-test.run="+exactly(c.t.Name()), "-test.timeout="+crashTimeout.String())
	p.cmd.Env = append(os.Environ(), crashEnv+"="+string(orders),
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // a second else, with the race detector
	p.cmd.Stderr = &p.output
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.listen(stdout)
	c.t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended, but where the test fails
		<-p.ended
	})
	return p, nil
}

// exactly gives what -test.run takes for one test.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// listen listens to what a process says, until it has ended.
func (p *loading) listen(stdout io.Reader) {
	defer close(p.ended)
	claimed := sync.OnceFunc(func() { close(p.claimed) })
	for in := bufio.NewReader(stdout); ; {
		line, err := in.ReadString('\n')
		what := strings.TrimSuffix(line, "\n")
		if point, ok := strings.CutPrefix(what, sayDies); ok {
			p.died = point
		} else if text, ok := strings.CutPrefix(what, sayEnded); ok {
			var o crashOutcome
			if json.Unmarshal([]byte(text), &o) == nil { // it may be cut off
				p.outcome = &o
			}
		} else if what == sayClaimed {
			claimed()
		} else {
			_, _ = io.WriteString(&p.output, line)
		}
		if err != nil {
			break
		}
	}
	_ = p.cmd.Wait() // how it has ended is told otherwise
}

// begun waits until the process has claimed the run. It is false if it has ended before.
func (p *loading) begun() bool {
	select {
	case <-p.claimed:
		return true
	case <-p.ended:
		return false
	}
}

// in does something after some time. It is false if the process has ended before.
func (p *loading) in(d time.Duration, do func()) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		do()
		return true
	case <-p.ended:
		return false
	}
}

// killIn kills the process after some time, and waits until it has ended.
func (p *loading) killIn(d time.Duration) {
	p.in(d, p.kill)
	<-p.ended
}

func (p *loading) kill() {
	p.killed = true
	_ = p.cmd.Process.Kill() // one that has ended need not be killed
}

// death is what CrashPoint waits for, in a loading process.
var death struct {
	orders atomic.Pointer[crashOrders]
	passed atomic.Int64
}

// CrashPoint is a place where Crash may kill a process, among others; the name is one of CrashTest.Points. Anywhere else it
// does nothing. It may be called by any goroutine.
func CrashPoint(name string) {
	o := death.orders.Load()
	if o == nil || o.Point != name || death.passed.Add(1) != o.Nth {
		return
	}
	say(sayDies + name)
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {} // it may take a moment
}

// load is the life of a loading process. It does not return.
func (c *CrashTest) load(t *testing.T) {
	var o crashOrders
	err := json.Unmarshal([]byte(os.Getenv(crashEnv)), &o)
	if err == nil && o.Test != t.Name() {
		t.Skip("this process loads a file for another test")
	}
	var out crashOutcome
	if err == nil {
		death.orders.Store(&o)
		out.Status, err = c.run(&o)
	}
	if err != nil {
		out.Error = err.Error()
		out.Owned = errors.Is(err, ingest.ErrOwned)
		out.Canceled = o.CancelAfter > 0 && ingest.CodeOf(err) == ingest.CodeCanceled
		out.MayFail = c.MayFail != nil && c.MayFail(err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	say(sayEnded + string(text))
	os.Exit(0)
}

func (c *CrashTest) run(o *crashOrders) (status ingest.Status, err error) {
	file, err := os.Open(o.Path)
	if err != nil {
		return status, err
	}
	var src io.Reader = file
	if o.Stream {
		src = struct{ io.Reader }{file}
	}
	store, err := c.Open(o.Place)
	if err != nil {
		return status, fmt.Errorf("opening the store: %w", err)
	}
	defer func() { err = errors.Join(err, store.close()) }()
	p := c.Pipeline
	p.RunID, p.BatchBytes, p.Workers = o.Run, o.BatchBytes, o.Workers
	sink := ingest.Sink(mortalSink{store.Sink})
	if store.Ledger != nil {
		p.Ledger = mortalLedger{store.Ledger}
	} else if l, ok := store.Sink.(ingest.Ledger); ok {
		sink = mortalStore{mortalSink{store.Sink}, mortalLedger{l}}
	} else {
		return status, errors.New("the sink is no Ledger, and CrashStore has none")
	}
	ctx := context.Background()
	if o.CancelAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.CancelAfter)
		defer cancel()
	}
	return p.Run(ctx, src, sink)
}

// A mortalStore is a sink that is a ledger.
type mortalStore struct {
	mortalSink
	mortalLedger
}

// A mortalSink is a sink with points in front of its methods and behind them.
type mortalSink struct{ to ingest.Sink }

func (s mortalSink) Open(ctx context.Context, found *ingest.Found) (ingest.Writer, error) {
	w, err := s.to.Open(ctx, found)
	if good, ok := w.(ingest.SelectiveWriter); ok {
		return mortalSelector{mortalWriter{w}, good}, err
	}
	return mortalWriter{w}, err
}

type mortalWriter struct{ ingest.Writer }

func (w mortalWriter) Write(ctx context.Context, b *ingest.Batch) error {
	CrashPoint("write")
	err := w.Writer.Write(ctx, b)
	if err == nil {
		CrashPoint("written")
	}
	return err
}

type mortalSelector struct {
	mortalWriter
	to ingest.SelectiveWriter
}

func (w mortalSelector) WriteGood(ctx context.Context, b *ingest.Batch) ([]*ingest.RecordError, error) {
	CrashPoint("write")
	refused, err := w.to.WriteGood(ctx, b)
	if err == nil {
		CrashPoint("written")
	}
	return refused, err
}

type mortalLedger struct{ ingest.Ledger }

func (l mortalLedger) Claim(ctx context.Context, run *ingest.LedgerRun, lease time.Duration) (*ingest.Claim, error) {
	CrashPoint("claim")
	c, err := l.Ledger.Claim(ctx, run, lease)
	if err == nil {
		say(sayClaimed)
		CrashPoint("claimed")
	}
	return c, err
}

func (l mortalLedger) Enter(ctx context.Context, c *ingest.Claim, e *ingest.LedgerEntry) error {
	CrashPoint("enter")
	err := l.Ledger.Enter(ctx, c, e)
	if err == nil {
		CrashPoint("entered")
	}
	return err
}

func (l mortalLedger) Release(ctx context.Context, c *ingest.Claim, state ingest.State, code ingest.Code) error {
	CrashPoint("release")
	err := l.Ledger.Release(ctx, c, state, code)
	if err == nil {
		CrashPoint("released")
	}
	return err
}
