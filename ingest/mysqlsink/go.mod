module github.com/sluicecsv/sluice/ingest/mysqlsink

go 1.25.0

require (
	github.com/go-sql-driver/mysql v1.10.1
	github.com/sluicecsv/sluice v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/saintfish/chardet v0.0.0-20230101081208-5e3ef4b5456d // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace github.com/sluicecsv/sluice => ../..
