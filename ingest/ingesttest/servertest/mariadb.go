package servertest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

var mariadb = &engine{
	name:     "MariaDB",
	packages: "mariadb-server mariadb-client procps",
	folders:  []string{"/usr/sbin", "/usr/libexec"},
	account:  "mysql",
	server:   []string{"mariadbd", "mysqld"},
	create:   []string{"mariadb-install-db", "mysql_install_db"},
	client:   []string{"mariadb", "mysql"},
	scheme:   "mysql",
	database: "test",
	stop:     syscall.SIGTERM,
	quit:     syscall.SIGKILL, // there is no quicker end in order than stop

	prepare: func(s *Server) error {
		// There is one user, and it has a password.
		accounts, err := s.write("accounts.sql", `
DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';
FLUSH PRIVILEGES;
CREATE USER `+login+`@'%' IDENTIFIED BY '`+s.password+`';
GRANT ALL ON *.* TO `+login+`@'%' WITH GRANT OPTION;
CREATE DATABASE test;
`)
		if err != nil {
			return err
		}
		err = s.initialize("--no-defaults", "--datadir="+s.data(), "--extra-file="+accounts, "--auth-root-authentication-method=normal",
			"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=64M", "--innodb-flush-method=nosync")
		return errors.Join(err, os.Remove(accounts))
	},
	serve: func(s *Server) []string {
		args := []string{
			"--no-defaults", // comes first
			"--datadir=" + s.data(),
			"--tmpdir=" + s.folder,
			"--pid-file=" + filepath.Join(s.folder, "pid"),
			"--socket=", // none
			"--bind-address=127.0.0.1",
			"--port=" + strconv.Itoa(s.port),
			"--skip-name-resolve", // without it a host whose connections are reset too often is blocked
			"--local-infile=1",
			"--character-set-server=utf8mb4",
			// What was written to a file survives a process that is killed: it is in the kernel's page cache. Only a
			// machine that fails needs it to be synced (nosync). A commit must be written to the log, though: 2 does so,
			// and syncs once a second.
			"--innodb-flush-log-at-trx-commit=2",
			"--innodb-flush-method=nosync",
			"--innodb-buffer-pool-size=64M",
			"--innodb-log-file-size=64M",
			"--innodb-use-native-aio=0", // the kernel's limit on it is shared by all servers of a machine
		}
		for _, setting := range s.settings {
			args = append(args, "--"+setting)
		}
		return args
	},
	ask: func(d Database) (args, env []string) {
		host, port, _ := net.SplitHostPort(d.addr) // made by JoinHostPort, or by a listener
		return []string{"--no-defaults", "--protocol=tcp", "-h", host, "-P", port, "-u", login, "-D", d.name, "-N", "-B", "-r",
				"--connect-timeout=10", "--default-character-set=utf8mb4"},
			[]string{"MYSQL_PWD=" + d.server.password, "LC_ALL=C"}
	},
	newDatabase: func(name string) string { return "CREATE DATABASE " + name + ";" },
	dsn:         func(d Database) string { return login + ":" + d.server.password + "@tcp(" + d.addr + ")/" + d.name },
	tidy:        func(*Server) error { return nil },
}
