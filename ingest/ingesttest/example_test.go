package ingesttest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A list is a sink of a user's own: it keeps records in memory.
type list struct {
	mu      sync.Mutex
	records [][]string
}

func (l *list) sink() ingest.Sink {
	return ingest.SinkFunc(func(ctx context.Context, b *ingest.Batch) error {
		var batch [][]string
		for _, r := range b.All() {
			if err := ctx.Err(); err != nil {
				return err
			}
			batch = append(batch, r.Fields())
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.records = append(l.records, batch...)
		return nil
	})
}

// In a test file this is func TestList(t *testing.T).
func ExampleExam() {
	test := func(t *testing.T) {
		ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
			var l list
			return ingesttest.Subject{
				Sink:   l.sink(),
				Stored: func() ([][]string, error) { return l.records, nil },
				NoNull: true, // a list of strings has no null
			}
		})
	}
	_ = test // go test runs it
}

func TestExamOfExample(t *testing.T) {
	ingesttest.Exam(t, func(t *testing.T) ingesttest.Subject {
		var l list
		return ingesttest.Subject{
			Sink:   l.sink(),
			Stored: func() ([][]string, error) { return l.records, nil },
			NoNull: true,
		}
	})
}

// In a test file this is func TestCrash(t *testing.T).
func ExampleCrash() {
	test := func(t *testing.T) {
		ingesttest.Crash(t, ingesttest.CrashTest{
			Place: func(t *testing.T) string { return filepath.Join(t.TempDir(), "out.db") },
			Open: func(path string) (*ingesttest.CrashStore, error) {
				db, err := sql.Open("sqlite", path)
				if err != nil {
					return nil, err
				}
				return &ingesttest.CrashStore{
					Sink: &sqlsink.Sink{DB: db, Table: "people", Create: true},
					Stored: func() ([][]string, error) {
						return ingesttest.ReadSQL(context.Background(), db, "SELECT id, name, note, amount FROM people")
					},
					Close: db.Close,
				}, nil
			},
		})
	}
	_ = test // go test runs it
}

func ExampleNewBatch() {
	batch := ingesttest.NewBatch([]string{"name", "city"},
		[]string{"Ann", "Rome"},
		[]string{"Bob", ""},               // an empty quoted field
		[]string{"Cleo", ingesttest.Null}) // nothing at all
	for _, r := range batch.All() {
		fmt.Printf("%s %q %t\n", r.Field(0), r.Field(1), r.Null(1))
	}
	// Output:
	// Ann "Rome" false
	// Bob "" false
	// Cleo "" true
}

func ExampleRecorder() {
	sink := &ingesttest.Recorder{On: ingesttest.FailAt(2, errors.New("disk full"))}
	p := ingest.Pipeline{Workers: 1, BatchRecords: 2}
	status, err := p.Run(context.Background(), strings.NewReader("a,b\n1,2\n3,4\n5,6\n"), sink)
	fmt.Println(status.Delivered, "delivered:", sink.Records())
	fmt.Println(errors.Is(err, ingest.ErrSink))
	// Output:
	// 2 delivered: [[1 2] [3 4]]
	// true
}

func ExampleHangAt() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	sink := &ingesttest.Recorder{On: ingesttest.HangAt(1, nil)}
	_, err := ingest.Run(ctx, strings.NewReader("a,b\n1,2\n"), sink)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

func ExampleRejectRecorder() {
	var rejects ingesttest.RejectRecorder
	p := ingest.Pipeline{Policy: ingest.Policy{Bad: ingest.Reject}, Rejects: &rejects}
	_, err := p.Run(context.Background(), strings.NewReader("a,b\n1,2\n3\n"), &ingesttest.Recorder{})
	fmt.Println(rejects.Codes(), rejects.Rejects()[0].Position, err)
	// Output: [too_few_fields] line 3 (record 2, byte 8) <nil>
}

func ExampleStatusRecorder() {
	var reports ingesttest.StatusRecorder
	p := ingest.Pipeline{Reporter: &reports}
	_, err := p.Run(context.Background(), strings.NewReader("a,b\n1,2\n"), &ingesttest.Recorder{})
	fmt.Println(reports.Last().State, reports.Last().Progress(), err)
	// Output: done 1 <nil>
}

func ExampleChunks() {
	var sink ingesttest.Recorder
	_, err := ingest.Run(context.Background(), ingesttest.Chunks(strings.NewReader("a,b\n1,2\n"), 3), &sink)
	fmt.Println(sink.Records(), err)
	// Output: [[1 2]] <nil>
}

func ExampleBreak() {
	src := ingesttest.Break(strings.NewReader("a,b\n1,2\n3,4\n"), 8, errors.New("connection lost"))
	var sink ingesttest.Recorder
	_, err := ingest.Run(context.Background(), src, &sink)
	fmt.Println(sink.Records(), errors.Is(err, ingest.ErrRead))
	// Output: [[1 2]] true
}

func ExampleStall() {
	ctx, cancel := context.WithCancel(context.Background())
	src := ingesttest.Stall(strings.NewReader("a,b\n" + strings.Repeat("1,2\n", 1000)))
	go func() {
		<-src.Hanging()
		cancel()
	}()
	_, err := ingest.Run(ctx, src, &ingesttest.Recorder{})
	<-src.Closed() // by the run, to free the Read
	fmt.Println(errors.Is(err, context.Canceled))
	// Output: true
}

func ExampleDribble() {
	src := ingesttest.Dribble(strings.NewReader("a,b\n1,2\n"), 1, time.Millisecond)
	var sink ingesttest.Recorder
	_, err := ingest.Run(context.Background(), src, &sink)
	fmt.Println(sink.Records(), err)
	// Output: [[1 2]] <nil>
}
