package servertest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

// kinds are the servers that there are.
var kinds = []struct {
	engine *engine
	own    func(testing.TB, ...string) *Server
	shared func(testing.TB) *Server

	setting, show, set string
}{
	{postgres, Postgres, SharedPostgres, "shared_buffers=48MB", "SHOW shared_buffers;", "48MB"},
	{mariadb, MariaDB, SharedMariaDB, "innodb_buffer_pool_size=32M", "SELECT @@innodb_buffer_pool_size;", "33554432"},
}

// family gives the process of a server and its children.
func family(t *testing.T, s *Server) []int {
	all, err := processes(s.programs.ps)
	require.NoError(t, err)
	server := s.process.cmd.Process.Pid
	pids := []int{server}
	for pid, q := range all {
		if q.parent == server {
			pids = append(pids, pid)
		}
	}
	return pids
}

// alive gives those of some processes that are.
func alive(t *testing.T, pids []int) []int {
	all, err := processes("ps")
	require.NoError(t, err)
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool {
		q, ok := all[pid]
		return !ok || q.dead
	})
}

func TestServer(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.engine.name, func(t *testing.T) {
			t.Parallel()
			var pids []int
			var folder string
			t.Run("while it is there", func(t *testing.T) {
				s := kind.own(t, kind.setting)
				folder, pids = s.folder, family(t, s)
				d := s.Database(t)
				assert.Equal(t, kind.set, d.Query(t, kind.show))
				assert.Empty(t, d.Query(t, "CREATE TABLE t (a INT, b VARCHAR(9)); INSERT INTO t VALUES (1, 'é'), (2, '');"))
				assert.Equal(t, "1\té\n2\t", d.Query(t, "SELECT * FROM t ORDER BY a;"))

				for _, end := range []func() error{s.Kill, s.Stop, s.Kill} {
					d.Query(t, "INSERT INTO t SELECT max(a) + 1, 'x' FROM t;")
					was, addr := family(t, s), s.Addr()
					require.NoError(t, end())
					assert.Empty(t, alive(t, was))
					_, err := net.Dial("tcp", addr)
					assert.Error(t, err)
					require.NoError(t, s.Restart())
					assert.Equal(t, addr, s.Addr())
					pids = append(pids, family(t, s)...)
				}
				assert.Equal(t, "5", d.Query(t, "SELECT count(*) FROM t;"))
				require.NoError(t, s.Restart(), "of a server that runs")
				assert.Equal(t, "5", d.Query(t, "SELECT count(*) FROM t;"))
				pids = append(pids, family(t, s)...)

				// One that is not started again leaves nothing, either. To end it again is no error.
				for _, end := range []func() error{s.Kill, s.Kill, s.Stop} {
					require.NoError(t, end())
				}
			})
			assert.Greater(t, len(pids), 4)
			assert.Empty(t, alive(t, pids))
			assert.NoDirExists(t, folder)
		})
	}
}

// What is being done when the server is killed ends with it, and is not stored.
func TestKillWhileBusy(t *testing.T) {
	for _, row := range []struct {
		own  func(testing.TB, ...string) *Server
		work string
	}{
		{Postgres, "BEGIN; INSERT INTO t VALUES (2); SELECT 'busy'; SELECT count(*) FROM generate_series(1, 1000000000000) a;"},
		{MariaDB, "BEGIN; INSERT INTO t VALUES (2); SELECT 'busy'; SELECT benchmark(1000000000000, md5('a'));"},
	} {
		s := row.own(t)
		t.Run(s.engine.name, func(t *testing.T) {
			d := s.Database(t)
			d.Query(t, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1);")
			args, env := s.engine.ask(d)
			if s.engine == mariadb {
				args = append(args, "--unbuffered")
			}
			client := exec.Command(s.programs.client, args...)
			client.Env, client.Stdin = env, strings.NewReader(row.work)
			out, err := client.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, client.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "busy\n", line)

			pids := family(t, s)
			require.NoError(t, s.Kill())
			assert.Empty(t, alive(t, pids))
			assert.Error(t, client.Wait())
			require.NoError(t, s.Restart())
			assert.Equal(t, "1", d.Query(t, "SELECT a FROM t;"))
		})
	}
}

// A server that somebody else has ended is not running.
func TestEndedByItself(t *testing.T) {
	s := Postgres(t)
	for _, next := range []func() error{s.Stop, s.Kill, s.Restart} {
		require.NoError(t, s.Restart())
		require.NoError(t, s.process.signal(syscall.SIGQUIT))
		<-s.process.ended
		require.NoError(t, next())
	}
	assert.Equal(t, "1", s.First().Query(t, "SELECT 1;"))
}

func TestBadSettings(t *testing.T) {
	for _, kind := range kinds {
		tb := &fake{TB: t}
		tb.run(func() { kind.own(tb, "no_such_setting=1") })
		assert.Contains(t, tb.fatal, "no_such_setting")
	}
}

// There is no way in without the password.
func TestPassword(t *testing.T) {
	for _, kind := range kinds {
		s := kind.shared(t)
		assert.Contains(t, s.URL(), ":"+s.Password()+"@")
		assert.Contains(t, s.DSN(), ":"+s.Password()+"@")
		for _, password := range []string{"", "wrong"} {
			args, env := s.engine.ask(s.First())
			for i := range env {
				env[i] = strings.ReplaceAll(env[i], s.Password(), password)
			}
			cmd := exec.Command(s.programs.client, args...)
			cmd.Env, cmd.Stdin = env, strings.NewReader("SELECT 1;")
			assert.Error(t, cmd.Run(), "%s with the password %q", s.engine.name, password)
		}
	}
}

func TestShared(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.engine.name, func(t *testing.T) {
			s := kind.shared(t)
			assert.Same(t, s, kind.shared(t))
			a, b := s.Database(t), s.Database(t)
			assert.NotEqual(t, a.Name(), b.Name())
			a.Query(t, "CREATE TABLE t (a INT);")
			b.Query(t, "CREATE TABLE t (a INT);")

			p := NewProxy(t, s.Addr())
			a.Via(p).Query(t, "INSERT INTO t VALUES (7);")
			assert.Equal(t, 1, p.Connections())
			assert.Equal(t, "7", a.Query(t, "SELECT a FROM t;"))
			assert.Empty(t, b.Query(t, "SELECT a FROM t;"))
			assert.Contains(t, a.Via(p).URL(), p.Addr()+"/"+a.Name())
			assert.Contains(t, a.Via(p).DSN(), p.Addr())
		})
	}
}

// fake is a test that may be skipped or fail.
type fake struct {
	testing.TB
	skipped, fatal string
}

func (f *fake) Helper() {}
func (f *fake) Skipf(format string, args ...any) {
	f.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (f *fake) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (f *fake) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// run runs a part of the test.
func (f *fake) run(part func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		part()
	}()
	<-done
}

func TestMissing(t *testing.T) {
	for _, kind := range kinds {
		for _, ci := range []string{"", "true"} {
			t.Setenv("PATH", t.TempDir())
			t.Setenv("CI", ci)
			e := *kind.engine
			e.folders = nil
			tb := &fake{TB: t}
			tb.run(func() { own(tb, &e, nil) })
			said, not := tb.skipped, tb.fatal
			if ci != "" {
				said, not = not, said
			}
			assert.Empty(t, not)
			assert.Contains(t, said, e.name+" is not installed")
			assert.Contains(t, said, "apt-get install "+e.packages)
		}
	}
}

func TestSharedWithoutMain(t *testing.T) {
	hasMain.Store(false)
	defer hasMain.Store(true)
	tb := &fake{TB: t}
	tb.run(func() { SharedPostgres(tb) })
	assert.Contains(t, tb.fatal, "servertest.Main(m)")
}

// When the tests are killed the servers end.
func TestKilledTests(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with the one that started it")
	}
	const role = "SERVERTEST_KILLED"
	if os.Getenv(role) != "" {
		for _, kind := range kinds {
			s := kind.own(t)
			fmt.Println("family", s.folder, strings.Trim(fmt.Sprint(family(t, s)), "[]"))
		}
		fmt.Println("kill me")
		select {}
	}
	for _, kind := range kinds {
		if _, err := kind.engine.find(); err != nil {
			giveUp(t, err)
		}
	}
	temp := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(temp), 0o711)) // servers of root run as somebody else
	tests := exec.Command(os.Args[0], "-test.run=^TestKilledTests$", "-test.v")
	tests.Env = append(os.Environ(), role+"=1", "TMPDIR="+temp)
	out, err := tests.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, tests.Start())
	var pids []int
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "kill me"; {
		t.Log(lines.Text())
		if words := strings.Fields(lines.Text()); len(words) > 2 && words[0] == "family" {
			for _, word := range words[2:] {
				var pid int
				_, err := fmt.Sscan(word, &pid)
				require.NoError(t, err)
				pids = append(pids, pid)
			}
		}
	}
	require.Greater(t, len(pids), 3)
	assert.Greater(t, len(alive(t, pids)), 3) // PostgreSQL's workers come and go
	require.NoError(t, tests.Process.Kill())
	assert.Error(t, tests.Wait())
	assert.Eventually(t, func() bool { return len(alive(t, pids)) == 0 }, 10*time.Second, 10*time.Millisecond)
}
