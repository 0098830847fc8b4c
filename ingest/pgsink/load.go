package pgsink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// Load copies some records of a batch into a table.
func (database) Load(ctx context.Context, conn *sql.Conn, into sqlsink.Target, p *sqlsink.Part) error {
	return conn.Raw(func(c any) error {
		native, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("pgsink: the driver is %T: open DB by pgx's stdlib", c)
		}
		return load(ctx, native.Conn().PgConn(), into, p)
	})
}

// load copies records in the binary format, and from the first one on that cannot be written in it as text.
func load(ctx context.Context, to *pgconn.PgConn, into sqlsink.Target, p *sqlsink.Part) error {
	from := p.From
	types, err := columnTypes(ctx, to, into)
	if err != nil {
		return err
	}
	// Text in the binary format is in the encoding of the connection: there is no option for it.
	if f, ok := newBinary(types); ok && to.ParameterStatus("client_encoding") == "UTF8" {
		if s := newStream(p, from, f); s.next > from {
			if err := copyFrom(ctx, to, into, s); err != nil {
				return locate(err, into, p, from)
			}
			from = s.next
		}
	}
	if from == p.To {
		return nil
	}
	return loadText(ctx, to, into, p, from)
}

// loadText copies the records of a part from one on as text.
func loadText(ctx context.Context, to *pgconn.PgConn, into sqlsink.Target, p *sqlsink.Part, from int) error {
	return locate(copyFrom(ctx, to, into, newStream(p, from, text{})), into, p, from)
}

// copyFrom copies a stream. Where PostgreSQL takes only INSERT, for row-level security or a view, the error is
// errors.ErrUnsupported.
func copyFrom(ctx context.Context, to *pgconn.PgConn, into sqlsink.Target, s *stream) error {
	table, columns := into.SQL(sqlsink.DoubleQuote)
	_, err := to.CopyFrom(ctx, s, "COPY "+table+" ("+columns+") FROM STDIN ("+s.format.options()+")")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "0A000" || pg.Code == "42809") && pg.Where == "" { // feature_not_supported, wrong_object_type
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

// columnTypes gives the types of the columns. They are asked for each time, with the answer locked: PostgreSQL keeps
// the types of a table that a statement of the transaction has been parsed for. Nobody need have the right to read it.
func columnTypes(ctx context.Context, to *pgconn.PgConn, into sqlsink.Target) ([]uint32, error) {
	table, columns := into.SQL(sqlsink.DoubleQuote)
	d, err := to.Prepare(ctx, "", "SELECT "+columns+" FROM "+table, nil)
	if err != nil {
		return nil, err
	}
	types := make([]uint32, len(d.Fields))
	for i, f := range d.Fields {
		types[i] = f.DataTypeOID
	}
	return types, nil
}
