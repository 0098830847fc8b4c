package servertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// How long a proxy tries to connect, and how long it lets a server go on with what it was sent before a cut.
const proxyTimeout = 10 * time.Second

// A Proxy hands on what a client and a server say to each other over TCP, and does what networks do. It knows no
// protocol. What it does can be changed at any time, by any goroutine, and holds for all connections, those that are
// there as well. At first it hands on everything at once.
type Proxy struct {
	to       string
	listener net.Listener
	dial     context.Context // ends with the proxy
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu          sync.Mutex
	links       map[*link]bool
	closed      bool
	delay       time.Duration
	flow        chan struct{} // closed while bytes flow
	left        int           // bytes to the server until all is reset; 0: any number
	fault       fault
	connections int
	cuts        int
}

// A fault is what happens to the next messages with a pattern.
type fault struct {
	pattern []byte
	times   int
	answer  bool // the answer is lost, not the message
}

// NewProxy starts a proxy for the server at an address, host:port, and stops it at the end of the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	p, err := StartProxy(to)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// StartProxy is NewProxy for a program that is no test: it calls Close at its end.
func StartProxy(to string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{to: to, listener: listener, dial: ctx, stop: cancel, links: map[*link]bool{}, flow: make(chan struct{})}
	close(p.flow)
	p.wg.Go(p.accept)
	return p, nil
}

// Close resets all connections and ends the proxy.
func (p *Proxy) Close() {
	p.stop()
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Reset()
	p.wg.Wait()
}

// Addr is where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Pass takes back what the other methods have set: from now on all is handed on at once.
func (p *Proxy) Pass() {
	p.Resume()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.left, p.fault = 0, 0, fault{}
}

// Delay makes the server answer later: what it sends from now on gets to the client after d. It is a delay for each
// round trip, not a limit on how much is sent; connections do not wait for one another.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Stall stops the flow of bytes in both directions. Connections stay open, and new ones are accepted.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flow:
		p.flow = make(chan struct{})
	default: // stalled already
	}
}

// Resume ends a Stall. What was held back is handed on.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flow:
	default:
		close(p.flow)
	}
}

// Reset resets all connections that are open, on both sides (RST). What was on its way is lost. New ones are accepted.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		p.cut(l)
	}
}

// ResetAfter is Reset, once, when the next n bytes from all clients together have been sent to the server. 0 takes it
// back.
func (p *Proxy) ResetAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = n
}

// DropAnswerTo leaves clients in doubt: the next messages, n of them, in which the pattern occurs get to the server, which
// acts on them, but instead of its answer the client gets a reset. The connection to the server is closed when it has
// acted on everything that it was sent.
//
// The pattern is looked for in the bytes as they are ("COMMIT" is not "commit"), in what the client sends from now on. What
// it sends behind the pattern until the server answers belongs to the message. Where several messages are sent at once
// the answers to all of them are lost.
//
// It takes the place of what DropAnswerTo or DropMessage said before.
func (p *Proxy) DropAnswerTo(pattern []byte, n int) { p.drop(fault{pattern, n, true}) }

// DropMessage is the other way to leave clients in doubt: it resets the connection, on both sides, before a message in
// which the pattern occurs gets to the server, or its end does.
func (p *Proxy) DropMessage(pattern []byte, n int) { p.drop(fault{pattern, n, false}) }

func (p *Proxy) drop(f fault) {
	f.pattern = bytes.Clone(f.pattern)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Connections gives how many connections were accepted so far.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.connections
}

// Cuts gives how many connections the proxy has cut so far: by Reset, ResetAfter, DropAnswerTo and DropMessage.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.mu.Lock()
		p.connections++
		p.mu.Unlock()
		p.wg.Go(func() { p.serve(client.(*net.TCPConn)) })
	}
}

// serve hands on what a client and the server say, until both have said all or the connection is cut.
func (p *Proxy) serve(client *net.TCPConn) {
	dialer := net.Dialer{Timeout: proxyTimeout}
	server, err := dialer.DialContext(p.dial, "tcp", p.to)
	if err != nil {
		reset(client)
		return
	}
	l := &link{proxy: p, client: client, server: server.(*net.TCPConn), broken: make(chan struct{})}
	p.mu.Lock()
	p.links[l] = true
	if p.closed {
		p.cut(l)
	}
	p.mu.Unlock()

	queue := make(chan answer, 1024)
	var wg sync.WaitGroup
	wg.Go(l.messages)
	wg.Go(func() { l.deliver(queue) })
	l.answers(queue)
	wg.Wait()

	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	client.Close()
	server.Close()
}

// cut breaks a link.
func (p *Proxy) cut(l *link) {
	p.count(l)
	l.breakUp()
}

// count counts a link that is cut, once.
func (p *Proxy) count(l *link) {
	if !l.cut {
		l.cut = true
		p.cuts++
	}
}

// A link is a client's connection, and the one to the server that goes with it.
type link struct {
	proxy          *Proxy
	client, server *net.TCPConn
	once           sync.Once
	broken         chan struct{} // closed when both connections are
	seen           []byte        // the end of what the client sent, in which a pattern may begin

	// Under proxy.mu:
	doubt bool // the server's answers are lost from now on
	cut   bool // by the proxy
}

func (l *link) breakUp() {
	l.once.Do(func() {
		close(l.broken)
		reset(l.client)
		reset(l.server)
	})
}

// reset closes a connection without saying goodbye, and what was not sent is lost.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // it fails where the connection is lost already
	c.Close()
}

// messages hands on what the client sends.
func (l *link) messages() {
	block := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(block)
		if n > 0 {
			if !l.flows() {
				return
			}
			send, last := l.judge(block[:n])
			if _, werr := l.server.Write(send); err == nil {
				err = werr
			}
			if last != nil {
				last()
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) || l.inDoubt():
			l.server.CloseWrite()
			return
		default:
			l.breakUp()
			return
		}
	}
}

// flows waits until bytes flow. It is false if the link is broken.
func (l *link) flows() bool {
	for {
		l.proxy.mu.Lock()
		flow := l.proxy.flow
		l.proxy.mu.Unlock()
		select {
		case <-l.broken:
			return false
		case <-flow:
			return true
		}
	}
}

// judge says which of some bytes get to the server, and what is to be done behind them, if they are the last.
func (l *link) judge(block []byte) (send []byte, last func()) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := &p.fault; f.times <= 0 || l.doubt {
		l.seen = nil
	} else {
		seen := append(l.seen, block...)
		if bytes.Contains(seen, f.pattern) {
			f.times--
			if !f.answer {
				return nil, func() { p.mu.Lock(); defer p.mu.Unlock(); p.cut(l) }
			}
			l.doubt = true
		}
		l.seen = bytes.Clone(seen[max(0, len(seen)-max(0, len(f.pattern)-1)):])
	}
	switch {
	case p.left > len(block):
		p.left -= len(block)
	case p.left > 0:
		block, p.left = block[:p.left], 0
		return block, p.Reset
	}
	return block, nil
}

func (l *link) inDoubt() bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	return l.doubt
}

// An answer is some bytes of the server's, and when the client is to have them.
type answer struct {
	block []byte
	due   time.Time
}

// answers reads what the server sends.
func (l *link) answers(queue chan<- answer) {
	defer close(queue)
	block := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(block)
		now := time.Now()
		p := l.proxy
		p.mu.Lock()
		delay, doubt := p.delay, l.doubt
		p.mu.Unlock()
		switch {
		case doubt && n > 0:
			l.leaveInDoubt()
			return
		case n > 0:
			select {
			case queue <- answer{bytes.Clone(block[:n]), now.Add(delay)}:
			case <-l.broken:
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return
		default:
			l.breakUp()
			return
		}
	}
}

// leaveInDoubt resets the client's connection. The server reads to the end what it was sent, and what it answers is
// thrown away.
func (l *link) leaveInDoubt() {
	l.proxy.mu.Lock()
	l.proxy.count(l)
	l.proxy.mu.Unlock()
	reset(l.client) // ends messages, which tells the server that nothing more comes
	_ = l.server.SetReadDeadline(time.Now().Add(proxyTimeout))
	_, _ = io.Copy(io.Discard, l.server)
	l.breakUp()
}

// deliver hands answers to the client when they are due.
func (l *link) deliver(queue <-chan answer) {
	for a := range queue {
		timer := time.NewTimer(time.Until(a.due))
		select {
		case <-timer.C:
		case <-l.broken:
			timer.Stop()
			return
		}
		if !l.flows() {
			return
		}
		if _, err := l.client.Write(a.block); err != nil {
			if !l.inDoubt() {
				l.breakUp()
			}
			return
		}
	}
	l.client.CloseWrite()
}
