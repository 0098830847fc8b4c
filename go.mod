module github.com/sluicecsv/sluice

go 1.25.0

require (
	github.com/saintfish/chardet v0.0.0-20230101081208-5e3ef4b5456d
	github.com/stretchr/testify v1.12.1
	golang.org/x/text v0.40.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
