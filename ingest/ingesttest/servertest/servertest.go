// Package servertest gives tests real database servers, and a network that goes wrong.
//
//   - [Postgres] and [MariaDB] start a server from the programs that are installed, on a port of 127.0.0.1 and in a
//     temporary folder. [Server.Kill] is kill -9, [Server.Restart] starts it again on what it had stored.
//   - [SharedPostgres] and [SharedMariaDB] give one server to all tests of a package: each has a [Database] of its own.
//   - [Proxy] stands between a client and a server, and delays, stalls and cuts.
//
// [StartPostgres], [StartMariaDB] and [StartProxy] do the same for a program that is no test.
//
// It needs the standard library only, and no driver: what it asks a server it asks by the server's command-line client.
//
// A test whose server is not installed is skipped. Where the environment variable CI is set it fails.
//
// A server runs as an unprivileged user, also where root runs the tests; that user must be able to enter the folder for
// temporary files (TMPDIR). It has one user, with a password. On Linux it ends when the process of the tests does, however
// that ends; its folder is left then.
package servertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// How long a server has to answer, for it may have a crash to recover from; and how long it has to end.
const (
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
)

// login is the name of the only user of a server.
const login = "sluice"

// A Server is a database server. Its methods may be called by any goroutine.
type Server struct {
	engine    *engine
	programs  programs
	account   *account
	folder    string
	port      int
	password  string
	settings  []string
	databases atomic.Int64 // how many were made

	mu      sync.Mutex
	process *process // nil: it was stopped or killed
}

// An engine is what a kind of server differs in from others.
type engine struct {
	name     string   // for messages
	packages string   // of Debian, for messages
	folders  []string // where its programs are, beside PATH; the best first
	account  string   // who runs it where root runs the tests

	server, create, client []string // the names of its programs: any one of each

	scheme, options string // of URLs
	database        string // that is there from the beginning

	stop, quit syscall.Signal // to end in order; to end at once

	prepare     func(s *Server) error                 // makes the data folder
	serve       func(s *Server) []string              // the server's arguments
	ask         func(d Database) (args, env []string) // the client's, to take SQL from its standard input
	newDatabase func(name string) string              // in SQL
	dsn         func(d Database) string               // for database/sql
	tidy        func(s *Server) error                 // takes away what a killed server leaves beside its data
}

// programs are the paths of an engine's programs, and that of ps.
type programs struct{ server, create, client, ps string }

// Postgres starts a PostgreSQL server, the newest that is installed, and stops it at the end of the test. Settings are
// those of postgresql.conf: "shared_buffers=1GB".
func Postgres(t testing.TB, settings ...string) *Server {
	t.Helper()
	return own(t, postgres, settings)
}

// MariaDB starts a MariaDB server, 10.11 or later, and stops it at the end of the test. Settings are the server's options,
// without dashes: "innodb_buffer_pool_size=1G".
func MariaDB(t testing.TB, settings ...string) *Server {
	t.Helper()
	return own(t, mariadb, settings)
}

// StartPostgres is Postgres for a program that is no test: it calls Remove at its end.
func StartPostgres(settings ...string) (*Server, error) { return start(postgres, settings) }

// StartMariaDB is MariaDB for a program that is no test: it calls Remove at its end.
func StartMariaDB(settings ...string) (*Server, error) { return start(mariadb, settings) }

func own(t testing.TB, e *engine, settings []string) *Server {
	t.Helper()
	s, err := start(e, settings)
	if err != nil {
		giveUp(t, err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Errorf("servertest: %v", err)
		}
	})
	return s
}

// SharedPostgres gives the PostgreSQL server that the tests of a package share, and starts it for the first of them. The
// package must have a TestMain that calls Main. A test that kills or stops a server needs one of its own.
func SharedPostgres(t testing.TB) *Server {
	t.Helper()
	return share(t, &sharedPostgres, postgres)
}

// SharedMariaDB is what SharedPostgres is, for MariaDB.
func SharedMariaDB(t testing.TB) *Server {
	t.Helper()
	return share(t, &sharedMariaDB, mariadb)
}

// shared is a server that several tests use.
type shared struct {
	once   sync.Once
	server *Server
	err    error
}

var (
	sharedPostgres, sharedMariaDB shared
	hasMain                       atomic.Bool
)

func share(t testing.TB, sh *shared, e *engine) *Server {
	t.Helper()
	if !hasMain.Load() {
		t.Fatal("servertest: nobody would stop the server: add func TestMain(m *testing.M) { servertest.Main(m) }")
	}
	sh.once.Do(func() { sh.server, sh.err = start(e, nil) })
	if sh.err != nil {
		giveUp(t, sh.err)
	}
	return sh.server
}

// Main is the TestMain of a package whose tests share servers: it runs them, stops the servers and exits.
//
//	func TestMain(m *testing.M) { servertest.Main(m) }
func Main(m *testing.M) {
	hasMain.Store(true)
	code := m.Run()
	for _, sh := range []*shared{&sharedPostgres, &sharedMariaDB} {
		if sh.server == nil {
			continue
		}
		if err := sh.server.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, "servertest:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// errMissing is the error of a server that is not installed.
var errMissing = errors.New("not installed")

func giveUp(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && os.Getenv("CI") == "" {
		t.Skipf("servertest: %v", err)
	}
	t.Fatalf("servertest: %v", err)
}

// find finds the programs of an engine. They are taken from where the server is, if they are there, so that they are of
// its version.
func (e *engine) find() (p programs, err error) {
	folders := append(slices.Clone(e.folders), filepath.SplitList(os.Getenv("PATH"))...)
	for _, want := range []struct {
		path  *string
		names []string
	}{{&p.server, e.server}, {&p.create, e.create}, {&p.client, e.client}, {&p.ps, []string{"ps"}}} {
		if *want.path = look(folders, want.names); *want.path == "" {
			return p, fmt.Errorf("%s is %w: there is no %s; on Debian: apt-get install %s", e.name, errMissing, strings.Join(want.names, " or "), e.packages)
		}
		folders = append([]string{filepath.Dir(p.server)}, folders...)
	}
	return p, nil
}

func look(folders, names []string) string {
	for _, folder := range folders {
		for _, name := range names {
			if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return path
			}
		}
	}
	return ""
}

// start starts a new server. The error is errMissing if it is not installed.
func start(e *engine, settings []string) (*Server, error) {
	s := &Server{engine: e, settings: settings, password: rand.Text()}
	var err error
	if s.programs, err = e.find(); err != nil {
		return nil, err
	}
	if s.account, err = unprivileged(e.account); err != nil {
		return nil, err
	}
	if s.folder, err = os.MkdirTemp("", "servertest-"); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// begin fills the server's folder and starts it for the first time.
func (s *Server) begin() error {
	if err := s.account.own(s.folder); err != nil {
		return err
	}
	if err := s.engine.prepare(s); err != nil {
		return err
	}
	// Between the moment when a port is found to be free and the one when the server has it, it may be taken.
	var err error
	for range 3 {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.launch(); err == nil {
			return nil
		}
	}
	return err
}

// freePort gives a port below those that systems choose for the near end of a connection (from 32768 on Linux), so that
// it is still free when a server that was killed is started again.
func freePort() (int, error) {
	var last error
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(20000))
		if err != nil {
			return 0, err
		}
		port := 10000 + int(n.Int64())
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("no free port: %w", last)
}

// initialize makes the data folder by the engine's program for that, as the server's user.
func (s *Server) initialize(args ...string) error {
	var out strings.Builder
	cmd := exec.Command(s.programs.create, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, &out, &out
	cmd.Env = append(os.Environ(), "TMPDIR="+s.folder)
	p, err := run(cmd, s.account, syscall.SIGKILL)
	if err == nil {
		<-p.ended
		err = p.err
	}
	if err != nil {
		return fmt.Errorf("%s in %s, as %s: %w\n%s", cmd.Path, s.folder, s.account, err, out.String())
	}
	return nil
}

// write makes a file in the server's folder that only its user can read.
func (s *Server) write(name, text string) (path string, err error) {
	path = filepath.Join(s.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", err
	}
	return path, s.account.own(path)
}

// launch starts the server on its folder and port, and waits until it answers.
func (s *Server) launch() error {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.programs.server, s.engine.serve(s)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, log, log
	p, err := run(cmd, s.account, s.engine.quit)
	if err != nil {
		return fmt.Errorf("%s: %w", s.engine.name, err)
	}
	deadline := time.Now().Add(startTimeout)
	for {
		// With its password this is the server itself, not another one that has got the port.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := s.First().ask(ctx, "SELECT 1;")
		cancel()
		if err == nil {
			s.process = p
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at once: %s", s.engine.name, s.log())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("%s does not answer: %w\n%s", s.engine.name, err, s.log()), p.kill(s.programs.ps))
		}
	}
}

// log gives the end of the server's log.
func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// Kill ends the server and all its processes as kill -9 does: they store nothing more. Nothing happens if it is not
// running. A transaction that the server has acknowledged is there after a Restart.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

func (s *Server) kill() error {
	if s.process == nil {
		return nil
	}
	if err := s.process.kill(s.programs.ps); err != nil {
		return fmt.Errorf("%s cannot be killed: %w", s.engine.name, err)
	}
	s.process = nil
	return s.engine.tidy(s)
}

// Stop shuts the server down in order; connections are closed. Nothing happens if it is not running.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(s.engine.stop)
}

// end ends the server by a signal, or kills it if that takes too long.
func (s *Server) end(by syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	if by == syscall.SIGKILL || s.process.signal(by) != nil { // an error says that it has ended by itself
		return s.kill()
	}
	select {
	case <-s.process.ended:
		s.process = nil
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not end within %v", s.engine.name, stopTimeout), s.kill())
	}
}

// Restart starts the server again, on the same folder and port, and waits until it answers, for a minute at most. One
// that is running is stopped first.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.end(s.engine.stop); err != nil {
		return err
	}
	return s.launch()
}

// Remove ends the server, and nothing of it is left.
func (s *Server) Remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.end(s.engine.quit), os.RemoveAll(s.folder))
}

// Process gives the number of the server's process, whose children are its other ones; 0 if it is not running.
func (s *Server) Process() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.cmd.Process.Pid
}

// Addr is where the server listens, as host:port. It stays the same after a Restart.
func (s *Server) Addr() string { return s.First().Addr() }

// Password is that of all databases of the server. It is made for this server: where it shows up, it has leaked.
func (s *Server) Password() string { return s.password }

// URL is that of the database that is there from the beginning.
func (s *Server) URL() string { return s.First().URL() }

// DSN is that of the database that is there from the beginning.
func (s *Server) DSN() string { return s.First().DSN() }

// First is the database that is there from the beginning.
func (s *Server) First() Database {
	return Database{server: s, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), name: s.engine.database}
}

// Database makes an empty database. It goes with the server.
func (s *Server) Database(t testing.TB) Database {
	t.Helper()
	d := s.First()
	d.name = fmt.Sprintf("test_%d", s.databases.Add(1))
	s.First().Query(t, s.engine.newDatabase(d.name))
	return d
}

// A Database is a database of a server, and the way to it.
type Database struct {
	server *Server
	addr   string
	name   string
}

// Name is the name of the database.
func (d Database) Name() string { return d.name }

// Addr is where it is reached, as host:port.
func (d Database) Addr() string { return d.addr }

// Via gives the same database, reached through a proxy.
func (d Database) Via(p *Proxy) Database {
	d.addr = p.Addr()
	return d
}

// URL gives its address as a URL with user and password: postgres://... without TLS, or mysql://...
func (d Database) URL() string {
	e := d.server.engine
	return e.scheme + "://" + login + ":" + d.server.password + "@" + d.addr + "/" + d.name + e.options
}

// DSN gives what sql.Open takes: the URL for PostgreSQL, user:password@tcp(host:port)/name for MariaDB (as
// go-sql-driver/mysql wants it).
func (d Database) DSN() string { return d.server.engine.dsn(d) }

// Query runs SQL statements, each ended by a semicolon, in the server's command-line client, and gives what they give: a
// line for each row, with a tab between values. The test fails if one of them does.
func (d Database) Query(t testing.TB, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	out, err := d.ask(ctx, sql)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	return out
}

// Client gives the server's command-line client, psql or mariadb, with what it takes to get to the database, and more
// arguments. It takes SQL from its standard input, and has no environment but its own.
func (d Database) Client(ctx context.Context, more ...string) *exec.Cmd {
	args, env := d.server.engine.ask(d)
	cmd := exec.CommandContext(ctx, d.server.programs.client, append(args, more...)...)
	cmd.Env = env
	return cmd
}

func (d Database) ask(ctx context.Context, sql string) (string, error) {
	cmd := d.Client(ctx)
	cmd.Stdin = strings.NewReader(sql)
	var out, msg strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, msg.String())
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
