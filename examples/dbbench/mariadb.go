package main

import (
	"context"
	"os/exec"
	"strings"

	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

var mariadb = &database{
	name: "MariaDB",
	start: func(string) (store, error) {
		s, err := servertest.StartMariaDB("innodb-flush-log-at-trx-commit=1", "innodb-flush-method=fsync", "innodb-buffer-pool-size=1G", "innodb-log-file-size=2G")
		if err != nil {
			return nil, err
		}
		return serve(s, "mysql", [kinds]string{"BIGINT", "INT", "DECIMAL(12,2)", "DOUBLE", "DATE", "VARCHAR(100)"}, "")
	},
	engines: []engine{
		{name: "LOAD DATA LOCAL", command: func(ctx context.Context, s store, f *file) *exec.Cmd {
			path := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(f.path)
			return s.(*server).First().Client(ctx, "--local-infile=1", "-e", "LOAD DATA LOCAL INFILE '"+path+"' INTO TABLE "+table+
				` CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' LINES TERMINATED BY '\n' IGNORE 1 LINES`)
		}},
		{name: "sluice-2", job: &job{Loader: "sluice-mariadb", Workers: 2}},
		{name: "sluice-1", job: &job{Loader: "sluice-mariadb", Workers: 1}},
	},
}
