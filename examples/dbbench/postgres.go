package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

var postgres = &database{
	name: "PostgreSQL",
	start: func(string) (store, error) {
		s, err := servertest.StartPostgres("fsync=on", "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "autovacuum=off")
		if err != nil {
			return nil, err
		}
		return serve(s, "pgx", [kinds]string{"BIGINT", "INTEGER", "NUMERIC(12,2)", "DOUBLE PRECISION", "DATE", "TEXT"}, "CHECKPOINT")
	},
	engines: []engine{
		{name: `psql \copy`, command: func(ctx context.Context, s store, f *file) *exec.Cmd {
			return s.(*server).First().Client(ctx, "-c", `\copy `+table+` FROM '`+strings.ReplaceAll(f.path, "'", "''")+`' WITH (FORMAT csv, HEADER true)`)
		}},
		{name: "sluice-2", job: &job{Loader: "sluice-pg", Workers: 2}},
		{name: "sluice-1", job: &job{Loader: "sluice-pg", Workers: 1}},
		{name: "pgx", job: &job{Loader: "pgx-typed"}},
		{name: "pgx-strings", job: &job{Loader: "pgx-strings"}},
	},
}

// pgxTyped is how one loads with pgx: encoding/csv, each value parsed to what its column is.
func pgxTyped(ctx context.Context, j *job, s *shape, f *os.File) (ingest.Stage, error) {
	return copyFrom(ctx, j, s, f, func(k kind, v string) (any, error) {
		switch k {
		case bigint:
			return strconv.ParseInt(v, 10, 64)
		case integer:
			n, err := strconv.ParseInt(v, 10, 32)
			return int32(n), err
		case decimal:
			var n pgtype.Numeric
			return n, n.Scan(v)
		case double:
			return strconv.ParseFloat(v, 64)
		case date:
			return time.Parse(time.DateOnly, v)
		}
		return v, nil
	})
}

// pgxStrings leaves it to pgx to parse.
func pgxStrings(ctx context.Context, j *job, s *shape, f *os.File) (ingest.Stage, error) {
	return copyFrom(ctx, j, s, f, func(_ kind, v string) (any, error) { return v, nil })
}

func copyFrom(ctx context.Context, j *job, s *shape, f *os.File, parse func(kind, string) (any, error)) (ingest.Stage, error) {
	conn, err := pgx.Connect(ctx, j.DSN)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	r := csv.NewReader(bufio.NewReaderSize(f, 1<<20))
	r.ReuseRecord = true
	names, err := r.Read()
	if err != nil {
		return "", err
	}
	values := make([]any, len(names))
	_, err = conn.CopyFrom(ctx, pgx.Identifier{table}, s.names(), pgx.CopyFromFunc(func() ([]any, error) {
		record, err := r.Read()
		if err == io.EOF {
			return nil, nil
		}
		for i := 0; i < len(record) && err == nil; i++ {
			values[i], err = parse(s.columns[i].kind, record[i])
		}
		return values, err
	}))
	return "", err
}
