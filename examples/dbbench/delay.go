package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

// delay is how long the database takes for an answer, and delayShare the part of the file that it gets.
const (
	delay      = 200 * time.Millisecond
	delayShare = 20
)

// measureDelay measures a database that is far away: PostgreSQL, behind a proxy by which each answer comes later; and a sink
// that only waits, once for each batch. The baseline is one worker.
func (b *bench) measureDelay(ctx context.Context, dir string) (results []result, err error) {
	s, err := postgres.start(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := s.stop(); err == nil {
			err = e
		}
	}()
	proxy, err := servertest.StartProxy(s.(*server).Addr())
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	proxy.Delay(delay)
	far := &farStore{s, s.(*server).First().Via(proxy).DSN()}
	f, err := shapes[0].write(filepath.Join(dir, "delay.csv"), b.seed, b.size/delayShare)
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.path)
	if err := s.create(ctx, f.shape); err != nil {
		return nil, err
	}
	for _, loader := range []string{"sluice-pg", "sluice-sleep"} {
		var names []string
		var round []measured
		var engines []engine
		for _, workers := range []int{1, 4, 16, 64} {
			engines = append(engines, engine{name: fmt.Sprintf("%s-%d", loader, workers), job: &job{Loader: loader, Workers: workers}})
		}
		for _, e := range b.choose(engines) {
			fmt.Fprintf(b.log, "dbbench: delay, %s\n", e.name)
			var m measured
			if loader == "sluice-sleep" {
				m, err = b.load(ctx, far, f, &e)
			} else {
				m, err = b.once(ctx, far, f, &e)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			names, round = append(names, e.name), append(round, m)
		}
		results = append(results, summarize(fmt.Sprintf("%v away", delay), f, names, [][]measured{round})...)
	}
	return results, nil
}

// A farStore is a store whose jobs take a longer way.
type farStore struct {
	store
	way string
}

func (s *farStore) dsn() string { return s.way }

// sleep is a database of which nothing is known but that it is slow.
func sleep(ctx context.Context, j *job, _ *shape, f *os.File) (ingest.Stage, error) {
	return j.run(ctx, f, ingest.SinkFunc(func(ctx context.Context, _ *ingest.Batch) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
			return nil
		}
	}))
}
