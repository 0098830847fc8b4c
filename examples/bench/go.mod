module github.com/sluicecsv/sluice/examples/bench

go 1.25.0

require (
	github.com/mithrandie/go-text v1.6.0
	github.com/sluicecsv/sluice v0.0.0
	github.com/stretchr/testify v1.12.1
	github.com/tonistiigi/go-csvvalue v0.0.0-20240814133006-030d3b2625d0
	golang.org/x/text v0.40.0
)

require (
	github.com/saintfish/chardet v0.0.0-20230101081208-5e3ef4b5456d // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/sluicecsv/sluice => ../..
