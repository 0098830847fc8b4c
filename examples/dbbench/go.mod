module github.com/sluicecsv/sluice/examples/dbbench

go 1.25.0

require (
	github.com/jackc/pgx/v5 v5.12.0
	github.com/sluicecsv/sluice v0.0.0
	github.com/sluicecsv/sluice/ingest/mysqlsink v0.0.0
	github.com/sluicecsv/sluice/ingest/pgsink v0.0.0
	github.com/sluicecsv/sluice/ingest/sqlitesink v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/go-sql-driver/mysql v1.10.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/saintfish/chardet v0.0.0-20230101081208-5e3ef4b5456d // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.46.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	modernc.org/libc v1.74.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.11.0 // indirect
	modernc.org/sqlite v1.55.0 // indirect
)

replace (
	github.com/sluicecsv/sluice => ../..
	github.com/sluicecsv/sluice/ingest/mysqlsink => ../../ingest/mysqlsink
	github.com/sluicecsv/sluice/ingest/pgsink => ../../ingest/pgsink
	github.com/sluicecsv/sluice/ingest/sqlitesink => ../../ingest/sqlitesink
)
