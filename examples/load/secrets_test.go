package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

// However the program gets a password, and whatever goes wrong: nobody finds it in what it prints, logs and stores.
func TestLoad_secrets(t *testing.T) {
	for _, tt := range []struct {
		name     string
		server   func(testing.TB) *servertest.Server
		kind     *kind
		password string // its name in the environment
		denied   string
	}{
		{"PostgreSQL", servertest.SharedPostgres, &postgres, "PGPASSWORD", "password authentication failed"},
		{"MariaDB", servertest.SharedMariaDB, &mysql, "MYSQL_PWD", "Access denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := tt.server(t)
			db, dir := server.Database(t), t.TempDir()
			path := file(t, dir, "a.csv", "id,n\n1,x\n2\n3,y\n")
			const wrong = "wR0ng-secret"
			secrets := []string{server.Password(), wrong}
			given, err := url.Parse(db.URL())
			require.NoError(t, err)
			with := func(host string, user *url.Userinfo) string {
				u := *given
				u.Host, u.User = host, user
				return u.String()
			}
			user := given.User.Username()
			bare := with(given.Host, url.User(user))

			for _, run := range []struct {
				name      string
				args, env []string
				code      int
				want      string
			}{
				{"environment", nil, []string{"DATABASE_URL=" + db.URL()}, 0, "2 loaded, 1 rejected"},
				{"file", []string{"-db", "@" + file(t, dir, "url", db.URL()+"\n")}, nil, 0, "all of it was loaded into table a of " + given.Scheme + "://" + user + "@" + given.Host},
				{"password alone", []string{"-db", bare}, []string{tt.password + "=" + server.Password()}, 0, "all of it was loaded"},
				{"argument", []string{"-db", db.URL()}, nil, 2, "arguments are seen by everybody"},
				{"argument of its name", []string{"-db", bare + "?password=" + server.Password()}, nil, 2, "arguments are seen by everybody"},
				{"wrong", nil, []string{"DATABASE_URL=" + with(given.Host, url.UserPassword(user, wrong))}, 1, tt.denied},
				{"alone and wrong", []string{"-db", bare}, []string{tt.password + "=" + wrong}, 1, tt.denied},
				{"nobody there", nil, []string{"DATABASE_URL=" + with("127.0.0.1:1", given.User)}, 1, "refused"},
				{"no database", nil, []string{"DATABASE_URL=" + strings.Replace(db.URL(), db.Name(), "missing", 1)}, 1, "missing"},
				{"unreadable", nil, []string{"DATABASE_URL=" + with("#"+given.Host, given.User)}, 2, "cannot be read"},
			} {
				cmd := command(t, append(run.args, "-rejects", dir, path)...)
				cmd.Env = append(cmd.Env, run.env...)
				report, log, code := finish(t, cmd)
				assert.Equal(t, run.code, code, "%s: %s%s", run.name, report, log)
				assert.Contains(t, report+log, run.want, run.name)
				for _, s := range secrets {
					assert.NotContains(t, report+log, s, run.name)
				}
			}

			to := place{database: database{address: db.URL(), kind: tt.kind}}
			stored, err := os.ReadFile(filepath.Join(dir, "a.rejects.csv"))
			require.NoError(t, err)
			text := string(stored)
			for _, table := range []string{"sluice_runs", "sluice_windows", "sluice_rejects", "a"} {
				rows := to.ask(t, table, "SELECT * FROM "+table)
				require.NotEmpty(t, rows, table)
				text += fmt.Sprint(rows)
			}
			for _, s := range secrets {
				assert.NotContains(t, text, s)
			}
		})
	}
}

func TestDatabaseOf(t *testing.T) {
	t.Setenv("DATABASE_URL", "mysql://ann@host/shop")
	t.Setenv("MYSQL_PWD", "s3cr?t")
	dir := t.TempDir()
	for _, tt := range []struct {
		arg           string
		name, address string
		kind          *kind
	}{
		{"out.db", "out.db", "out.db", &sqlite},
		{"/a:b/c@d/out.db", "/a:b/c@d/out.db", "/a:b/c@d/out.db", &sqlite},
		{`C:\a@b\out.db`, `C:\a@b\out.db`, `C:\a@b\out.db`, &sqlite},
		{"postgres://host/shop", "postgres://host/shop", "postgres://host/shop", &postgres},
		{"postgresql://ann@host:5433/shop?sslmode=require", "postgresql://ann@host:5433/shop", "postgresql://ann@host:5433/shop?sslmode=require", &postgres},
		{"postgres:///shop?host=/run", "postgres:///shop", "postgres:///shop?host=/run", &postgres},
		{"", "mysql://ann@host/shop", "mysql://ann:s3cr%3Ft@host/shop", &mysql},
		{"@" + file(t, dir, "url", " mariadb://ann:p%40ss@host/shop?tls=true\n"), "mariadb://ann@host/shop", "mariadb://ann:p%40ss@host/shop?tls=true", &mysql},
		{"@" + file(t, dir, "path", "out.db"), "out.db", "out.db", &sqlite},
	} {
		got, err := databaseOf(tt.arg)
		require.NoError(t, err, tt.arg)
		assert.Equal(t, database{tt.name, tt.address, tt.kind}, got)
	}

	for _, tt := range []struct {
		arg  string
		want error
	}{
		{"postgres://ann:s3cret@host/shop", errPassword},
		{"postgres://ann:s3cr/t?#@host/shop", errPassword},
		{"postgres://host/shop?user=ann&password=s3cret", errPassword},
		{"mysql://ann:s3cret@host/shop", errPassword},
		{"whatever://ann:s3cret@host/shop", errPassword},
		{"host=h user=ann password = s3cret", errPassword},
		{"ann:s3cret@tcp(host)/shop", errPassword},
		{"ann:s3cret@/shop", errPassword},
		{"@" + file(t, dir, "bad", "postgres://ann:s3cr#t@host/shop"), errURL},
		{"@" + file(t, dir, "bad", "mysql://ann:12?s3cret@host/shop"), errURL},
		{"@" + file(t, dir, "none", "\n"), errNone},
	} {
		_, err := databaseOf(tt.arg)
		assert.ErrorIs(t, err, tt.want, tt.arg)
		assert.NotContains(t, err.Error(), "s3cr")
	}
	for _, arg := range []string{"oracle://host/shop", "file:///out.db", "@" + filepath.Join(dir, "missing")} {
		_, err := databaseOf(arg)
		assert.Error(t, err, arg)
	}
}
