package sqlsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"time"
)

// A transaction has its connection to itself.
type transaction struct {
	*sql.Tx
	sink   *Sink
	conn   *sql.Conn
	locked bool // until the connection is closed
}

// begin takes a connection and begins a transaction on it, which ends with abort or commit.
func (s *Sink) begin(ctx context.Context) (*transaction, error) {
	conn, err := s.DB.Conn(ctx)
	if err != nil {
		return nil, s.fail(ctx, "connect", "no connection: see that the database runs and takes another one", err)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		e := s.fail(ctx, "begin", "cannot begin a transaction", err)
		if e.problem.Lost {
			discard(conn)
		}
		conn.Close()
		return nil, e
	}
	t := &transaction{Tx: tx, sink: s, conn: conn}
	if q := s.flavor().Session; q != "" {
		if _, err := t.ExecContext(ctx, q); err != nil {
			e := s.fail(ctx, "begin", "cannot set the connection", err)
			t.abort(e)
			return nil, e
		}
	}
	return t, nil
}

// abort leaves nothing of a transaction behind, for the error err. Where the context has ended, database/sql does so at
// the same time; closing the connection waits for that. The connection is discarded after that only: database/sql would wait
// for the transaction.
func (t *transaction) abort(err error) {
	if back := t.Rollback(); back != nil && back != sql.ErrTxDone || problem(err).Lost || t.locked {
		discard(t.conn)
	}
	t.conn.Close()
}

// commit commits, and gives the database's error. It is in doubt, which the error is then, whether a commit that failed
// has been done: unless the database says that it refuses it, or that it cannot do it now on a connection that is still
// good.
func (t *transaction) commit() error {
	defer t.conn.Close()
	err := t.Commit()
	if err == nil {
		if t.locked {
			discard(t.conn)
		}
		return nil
	}
	discard(t.conn) // the transaction may still be open on it
	if p := t.sink.explain(err); p.Data || p.AtOnce || p.Transient && !p.Lost {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err)
}

// discard closes a connection of which it is not known whether it is within a transaction: nobody may
// get it from the pool, and the database rolls back what is open on it.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// transact does something in a transaction, again if need be: what may be done twice, as it begins with a look at
// what is done.
func (s *Sink) transact(ctx context.Context, op string, do func(*transaction) error) error {
	return s.atOnce(ctx, func() error {
		t, err := s.begin(ctx)
		if err != nil {
			return err
		}
		if err := do(t); err != nil {
			t.abort(err)
			return err
		}
		if err := t.commit(); err != nil {
			e := s.fail(ctx, op, "cannot commit", err)
			e.again = true
			return e
		}
		return nil
	})
}

// Something that fails for what is over at once, a deadlock, is done so many times again, with waits that grow.
const (
	atOnceTries = 10
	atOnceFirst = 4 * time.Millisecond
	atOnceMost  = 500 * time.Millisecond
)

// atOnce does something again while the database says that it may succeed at once.
func (s *Sink) atOnce(ctx context.Context, do func() error) error {
	wait := atOnceFirst
	for try := 0; ; try++ {
		err := do()
		if err == nil || try == atOnceTries || !problem(err).AtOnce {
			return err
		}
		t := time.NewTimer(wait/2 + rand.N(wait/2)) // those who got into each other's way do not meet again
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
		wait = min(2*wait, atOnceMost)
	}
}
