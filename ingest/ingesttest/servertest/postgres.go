package servertest

import (
	"cmp"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

var postgres = &engine{
	name:     "PostgreSQL",
	packages: "postgresql procps",
	folders:  postgresFolders(),
	account:  "postgres",
	server:   []string{"postgres"},
	create:   []string{"initdb"},
	client:   []string{"psql"},
	scheme:   "postgres",
	options:  "?sslmode=disable",
	database: "postgres",
	stop:     syscall.SIGINT,  // fast shutdown: clients are disconnected
	quit:     syscall.SIGQUIT, // immediate shutdown: the server ends its processes and frees its shared memory

	prepare: func(s *Server) error {
		password, err := s.write("password", s.password)
		if err != nil {
			return err
		}
		err = s.initialize("--pgdata="+s.data(), "--username="+login, "--pwfile="+password, "--auth=scram-sha-256",
			"--encoding=UTF8", "--locale=C", "--no-sync")
		return errors.Join(err, os.Remove(password))
	},
	serve: func(s *Server) []string {
		args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
		for _, setting := range append([]string{
			"listen_addresses=127.0.0.1",
			"unix_socket_directories=",
			// What was written to a file survives a process that is killed: it is in the kernel's page cache. Only a
			// machine that fails needs fsync. A commit must be written to the log, though (synchronous_commit), and pages as
			// wholes (full_page_writes), for a write can be cut short by a kill.
			"fsync=off",
			"synchronous_commit=on",
			"full_page_writes=on",
			"shared_buffers=32MB",
			// Not in /dev/shm, where it would outlive a killed server.
			"dynamic_shared_memory_type=mmap",
		}, s.settings...) {
			args = append(args, "-c", setting)
		}
		return args
	},
	ask: func(d Database) (args, env []string) {
		host, port, _ := net.SplitHostPort(d.addr) // made by JoinHostPort, or by a listener
		return []string{"-h", host, "-p", port, "-U", login, "-d", d.name, "-w", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"},
			[]string{"PGPASSWORD=" + d.server.password, "PGCONNECT_TIMEOUT=10", "PGSSLMODE=disable", "PGCLIENTENCODING=UTF8", "LC_ALL=C"}
	},
	newDatabase: func(name string) string { return "CREATE DATABASE " + name + ";" },
	dsn:         Database.URL,

	// The lock file names a process, whose number may be another's by now, and a segment of System V shared memory, which
	// lives as long as the machine. The segment's number is the second word of line 7.
	tidy: func(s *Server) error {
		lock := filepath.Join(s.data(), "postmaster.pid")
		text, err := os.ReadFile(lock)
		if err != nil {
			return nil // it was killed before it wrote one, or ended by itself
		}
		if lines := strings.Split(string(text), "\n"); len(lines) > 6 {
			if memory := strings.Fields(lines[6]); len(memory) == 2 {
				_ = exec.Command("ipcrm", "-m", memory[1]).Run() // a few bytes: it matters little if it is not installed
			}
		}
		return os.Remove(lock)
	},
}

// postgresFolders gives the folders of Debian's versions, newest first.
func postgresFolders() []string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is good
	version := func(folder string) float64 {
		v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(folder)), 64)
		return v
	}
	slices.SortFunc(folders, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return folders
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }
