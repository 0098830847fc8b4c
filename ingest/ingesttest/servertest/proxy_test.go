package servertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// echo is a server that sends back what it gets, and keeps it.
type echo struct {
	addr string
	got  chan string // all that a connection has sent, when it has ended
	err  chan error  // how it has ended
}

func newEcho(t *testing.T) *echo {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &echo{listener.Addr().String(), make(chan string, 100), make(chan error, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				var all bytes.Buffer
				_, err := io.Copy(struct{ io.Writer }{conn}, io.TeeReader(conn, &all))
				e.got <- all.String()
				e.err <- err
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	return e
}

func dial(t *testing.T, p *Proxy) *net.TCPConn {
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// say sends something and gives the answer to it.
func say(conn net.Conn, text string) (string, error) {
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	return hear(conn, len(text))
}

func hear(conn net.Conn, n int) (string, error) {
	got := make([]byte, n)
	n, err := io.ReadFull(conn, got)
	return string(got[:n]), err
}

func assertSays(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got, err := say(conn, text)
	assert.NoError(t, err)
	assert.Equal(t, text, got)
}

// assertReset checks that a connection is reset, not closed.
func assertReset(t *testing.T, conn net.Conn) {
	t.Helper()
	got, err := hear(conn, 1)
	assert.Empty(t, got)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

// assertNoServer checks that a new connection is reset: while it is made, or when it is used.
func assertNoServer(t *testing.T, p *Proxy) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err == nil {
		defer conn.Close()
		_, err = hear(conn, 1)
	}
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestProxyPass(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.addr)
	a, b := dial(t, p), dial(t, p)
	assertSays(t, a, "hello")
	assertSays(t, b, "world")
	assertSays(t, a, "again")

	// More than any buffer holds, in both directions at once; then an end in order.
	much := strings.Repeat("0123456789", 1<<20)
	go func() {
		_, _ = io.WriteString(b, much)
		_ = b.CloseWrite()
	}()
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	assert.True(t, string(got) == much)
	assert.Equal(t, "world"+much, <-e.got)
	assert.NoError(t, <-e.err)
	assert.Equal(t, 2, p.Connections())
	assert.Zero(t, p.Cuts())
}

func TestProxyWithoutServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener.Close()
	p := NewProxy(t, listener.Addr().String())
	assertNoServer(t, p)
	assert.Equal(t, 1, p.Connections())
	assert.Zero(t, p.Cuts())
}

func TestProxyDelay(t *testing.T) {
	const delay, clients, trips = 50 * time.Millisecond, 20, 3
	p := NewProxy(t, newEcho(t).addr)
	p.Delay(delay)
	var conns []*net.TCPConn
	for range clients {
		conns = append(conns, dial(t, p))
	}
	start := time.Now()
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Go(func() {
			for range trips {
				assertSays(t, conn, "hello")
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	assert.GreaterOrEqual(t, took, trips*delay)
	assert.Less(t, took, clients*trips*delay/2, "connections wait for one another")

	// A long answer is late as a whole, not once for each of its blocks.
	p.Delay(500 * time.Millisecond)
	start = time.Now()
	much := strings.Repeat("x", 4<<20)
	go func() { _, _ = io.WriteString(conns[0], much) }()
	got, err := hear(conns[0], len(much))
	require.NoError(t, err)
	assert.True(t, got == much)
	assert.GreaterOrEqual(t, time.Since(start), 500*time.Millisecond)
	assert.Less(t, time.Since(start), 10*time.Second)

	p.Delay(time.Hour)
	p.Pass()
	assertSays(t, conns[0], "quick")
}

func TestProxyReset(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.addr)
	a, b := dial(t, p), dial(t, p)
	assertSays(t, a, "a")
	assertSays(t, b, "b")
	p.Reset()
	for _, conn := range []net.Conn{a, b} {
		assertReset(t, conn)
		<-e.got
		assert.ErrorIs(t, <-e.err, syscall.ECONNRESET)
	}
	assert.Equal(t, 2, p.Cuts())
	assertSays(t, dial(t, p), "new")
	assert.Equal(t, 3, p.Connections())
	p.Reset()
	assert.Equal(t, 3, p.Cuts())
}

func TestProxyResetAfter(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.addr)
	a, b := dial(t, p), dial(t, p)
	assertSays(t, a, "not counted")
	p.ResetAfter(10)
	assertSays(t, a, "0123")
	assertSays(t, b, "4567")
	_, err := io.WriteString(a, "89 not any more")
	require.NoError(t, err)
	for _, conn := range []net.Conn{a, b} {
		_, err := io.Copy(io.Discard, conn) // the answer to the last bytes may come, or not
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	}
	assert.ElementsMatch(t, []string{"not counted012389", "4567"}, []string{<-e.got, <-e.got})
	assert.Equal(t, 2, p.Cuts())
	assertSays(t, dial(t, p), "once only, though this is long")

	p.ResetAfter(1)
	p.ResetAfter(0)
	assertSays(t, dial(t, p), "taken back")
	p.ResetAfter(1)
	p.Pass()
	assertSays(t, dial(t, p), "taken back")
}

func TestProxyStall(t *testing.T) {
	p := NewProxy(t, newEcho(t).addr)
	a := dial(t, p)
	assertSays(t, a, "before")
	p.Stall()
	p.Stall()
	b := dial(t, p)
	for _, conn := range []net.Conn{a, b} {
		_, err := io.WriteString(conn, "while")
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
		_, err = hear(conn, 1)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout(), err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	}
	p.Resume()
	p.Resume()
	for _, conn := range []net.Conn{a, b} {
		got, err := hear(conn, 5)
		assert.NoError(t, err)
		assert.Equal(t, "while", got)
		assertSays(t, conn, "after")
	}

	p.Stall()
	_, err := io.WriteString(a, "lost")
	require.NoError(t, err)
	p.Reset()
	assertReset(t, a)
	assertReset(t, b)
}

// The end of a test ends what is stalled, delayed and in doubt.
func TestProxyEnd(t *testing.T) {
	e := newEcho(t)
	for name, set := range map[string]func(p *Proxy){
		"stalled": (*Proxy).Stall,
		"delayed": func(p *Proxy) { p.Delay(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			p := NewProxy(t, e.addr)
			conn := dial(t, p)
			assertSays(t, conn, "hello")
			set(p)
			_, err := io.WriteString(conn, strings.Repeat("x", 1<<16))
			require.NoError(t, err)
		})
	}
}

func TestProxyDropAnswerTo(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.addr)
	p.DropAnswerTo([]byte("COMMIT"), 2)
	for i, row := range []struct{ before, parts string }{
		{"BEGIN", "COMMIT"},
		{"the pattern in pieces", "x CO|MM|IT y"},
	} {
		conn := dial(t, p)
		assertSays(t, conn, row.before)
		p.Delay(time.Hour) // no answer to the pieces that come first gets in the way
		for _, part := range strings.Split(row.parts, "|") {
			_, err := io.WriteString(conn, part)
			require.NoError(t, err)
		}
		assertReset(t, conn)
		p.Delay(0)
		assert.Equal(t, i+1, p.Cuts())
		assert.Equal(t, row.before+strings.ReplaceAll(row.parts, "|", ""), <-e.got, "the server has it all")
		assert.NoError(t, <-e.err, "and may read to the end")
	}
	assertSays(t, dial(t, p), "COMMIT for the third time")

	p.DropAnswerTo([]byte("COMMIT"), 1)
	p.Pass()
	assertSays(t, dial(t, p), "COMMIT")
	assert.Equal(t, 2, p.Cuts())
}

func TestProxyDropMessage(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.addr)
	p.DropMessage([]byte("COMMIT"), 1)
	conn := dial(t, p)
	assertSays(t, conn, "BEGIN")
	_, err := io.WriteString(conn, "COMMIT")
	require.NoError(t, err)
	assertReset(t, conn)
	assert.Equal(t, "BEGIN", <-e.got)
	assert.ErrorIs(t, <-e.err, syscall.ECONNRESET)
	assert.Equal(t, 1, p.Cuts())
	assertSays(t, dial(t, p), "COMMIT")
}

// All at once, for the race detector.
func TestProxyBusy(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.addr)
	var clients sync.WaitGroup
	ctx, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer stop()
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				conn, err := net.Dial("tcp", p.Addr())
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
				for range 5 {
					if _, err := say(conn, "some COMMIT or other"); err != nil {
						break
					}
				}
				conn.Close()
				select {
				case <-e.got:
				case <-ctx.Done():
				}
			}
		})
	}
	for i := 0; ctx.Err() == nil; i++ {
		[]func(){
			func() { p.Delay(time.Millisecond) }, p.Stall, p.Reset, p.Resume, p.Pass,
			func() { p.ResetAfter(30) }, func() { p.DropAnswerTo([]byte("COMMIT"), 3) },
			func() { p.DropMessage([]byte("COMMIT"), 3) }, func() { p.Cuts() }, func() { p.Connections() },
		}[i%10]()
		select {
		case <-time.After(time.Millisecond):
		case <-e.err:
		}
	}
	clients.Wait()
	for len(e.got) > 0 {
		<-e.got
	}
	assert.Positive(t, p.Connections())
}

// A commit in doubt, of a real database: it is done if its answer is lost, and not if it is lost itself.
func TestProxyCommit(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.engine.name, func(t *testing.T) {
			s := kind.shared(t)
			d := s.Database(t)
			d.Query(t, "CREATE TABLE t (a INT);")
			for _, row := range []struct {
				name string
				drop func(p *Proxy, pattern []byte, n int)
				want string
			}{
				{"answer", (*Proxy).DropAnswerTo, "1"},
				{"message", (*Proxy).DropMessage, ""},
			} {
				p := NewProxy(t, s.Addr())
				row.drop(p, []byte("COMMIT"), 1)
				_, err := d.Via(p).ask(t.Context(), "BEGIN; DELETE FROM t; INSERT INTO t VALUES (1); COMMIT;")
				assert.Error(t, err, row.name)
				assert.Equal(t, 1, p.Cuts(), row.name)
				assert.Equal(t, row.want, d.Query(t, "SELECT a FROM t;"), row.name)
				d.Query(t, "DELETE FROM t;")
			}
		})
	}
}

// A proxy outlives its server.
func TestProxyRestart(t *testing.T) {
	s := Postgres(t)
	p := NewProxy(t, s.Addr())
	conn := dial(t, p)
	_, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}) // asks whether TLS is spoken
	require.NoError(t, err)
	got, err := hear(conn, 1)
	require.NoError(t, err)
	assert.Equal(t, "N", got)
	require.NoError(t, s.Kill())
	_, err = hear(conn, 1)
	assert.True(t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), err)
	assertNoServer(t, p)
	require.NoError(t, s.Restart())
	assert.Equal(t, "1", s.First().Via(p).Query(t, "SELECT 1;"))
}
