module github.com/sluicecsv/sluice/encoding/gen

go 1.25.0

require golang.org/x/text v0.40.0
