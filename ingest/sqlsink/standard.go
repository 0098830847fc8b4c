package sqlsink

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
)

// guess fills in what a database that is not named wants, as far as the sink's settings tell.
func guess(f *Flavor) {
	switch {
	case f.Placeholder == Dollar: // PostgreSQL and those that speak like it
		f.Bytes = "BYTEA"
	case f.Placeholder == At || f.Quote == Bracket: // SQL Server
		f.KeyType, f.LongText, f.Bytes = "NVARCHAR(255)", "NVARCHAR(MAX)", "VARBINARY(MAX)"
	case f.Quote == Backtick: // MySQL
		f.LongText, f.Bytes, f.Upsert = "LONGTEXT", "LONGBLOB", UpdateJoin
	}
}

// onConflict is Flavor.Upsert of PostgreSQL and SQLite.
func onConflict(_, _ string, key, update []string) (before []string, where, behind string) {
	behind = " ON CONFLICT (" + strings.Join(key, ", ") + ") DO "
	if len(update) == 0 {
		return nil, "", behind + "NOTHING"
	}
	return nil, "", behind + "UPDATE SET " + assign(update, func(c string) string { return "excluded." + c })
}

// UpdateJoin is Flavor.Upsert of MySQL. ON DUPLICATE KEY UPDATE would update a row that has the new one's value in
// another unique index, and INSERT IGNORE would pass over it.
func UpdateJoin(table, rows string, key, update []string) (before []string, where, behind string) {
	same := make([]string, len(key))
	for i, k := range key {
		same[i] = "t." + k + " = s." + k
	}
	on := strings.Join(same, " AND ")
	if len(update) > 0 {
		set := make([]string, len(update))
		for i, c := range update {
			set[i] = "t." + c + " = s." + c
		}
		before = []string{"UPDATE " + table + " t JOIN (SELECT * FROM " + rows + ") s ON " + on + " SET " + strings.Join(set, ", ")}
	}
	return before, " AND NOT EXISTS (SELECT 1 FROM " + table + " t WHERE " + on + ")", ""
}

func assign(columns []string, value func(column string) string) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c + " = " + value(c)
	}
	return strings.Join(all, ", ")
}

// explain says what an error of the database means.
func (s *Sink) explain(err error) Problem {
	p := Problem{Row: -1}
	if err == nil {
		return p
	}
	if s.Database != nil {
		p = s.Database.Explain(err)
	}
	if p == (Problem{}) || p == (Problem{Row: -1}) {
		p = explainStandard(err)
	}
	return p
}

// explainStandard says what errors mean that tell an SQLSTATE (ISO/IEC 9075-2, 24.1: its first two characters are the class)
// and those of package net and database/sql.
func explainStandard(err error) Problem {
	p := Problem{Row: -1}
	var state interface{ SQLState() string }
	var network net.Error
	switch {
	case errors.As(err, &state):
		p.Code = state.SQLState()
		switch class := p.Code[:min(2, len(p.Code))]; class {
		case "22", "23": // data exception, integrity constraint violation
			p.Data = true
		case "40": // transaction rollback: serialization failure, deadlock
			p.AtOnce = p.Code != "40003" // statement completion unknown
		case "08": // connection exception
			p.Transient, p.Lost = true, true
		case "53": // insufficient resources
			p.Transient = true
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, driver.ErrBadConn), errors.As(err, &network):
		p.Transient, p.Lost = true, true
	}
	return p
}
