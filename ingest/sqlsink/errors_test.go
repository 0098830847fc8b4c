package sqlsink

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A time of the driver's own that is up is a connection that is lost; one of the caller's is the end.
func TestFail_deadline(t *testing.T) {
	_, late := (&net.Dialer{Timeout: time.Nanosecond}).Dial("tcp", "127.0.0.1:1")
	require.ErrorIs(t, late, context.DeadlineExceeded)
	alive := context.Background()
	over, cancel := context.WithDeadline(alive, time.Unix(0, 0))
	defer cancel()
	for _, row := range []struct {
		name string
		ctx  context.Context
		err  error
		want bool
	}{
		{"a connection that is not made in time", alive, late, true},
		{"a time within the driver", alive, context.DeadlineExceeded, true},
		{"the caller's time", over, context.DeadlineExceeded, false},
		{"the caller's time, while a connection is made", over, late, false},
		{"the caller's end", alive, context.Canceled, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := (&Sink{}).fail(row.ctx, "connect", "no connection", row.err)
			assert.Equal(t, row.want, e.Transient())
			assert.Equal(t, row.want, e.problem.Lost)
			assert.ErrorIs(t, e, row.err)
		})
	}
}
