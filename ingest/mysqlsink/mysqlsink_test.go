package mysqlsink

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluicecsv/sluice/ingest"
	"github.com/sluicecsv/sluice/ingest/ingesttest/servertest"
)

func TestConfig(t *testing.T) {
	for _, row := range []struct {
		dsn, net, addr, user, password, database string
	}{
		{"u:p@tcp(h:1)/d", "tcp", "h:1", "u", "p", "d"},
		{"u:p@/d", "tcp", "127.0.0.1:3306", "u", "p", "d"},
		{"u@unix(/tmp/x.sock)/d?charset=latin1&sql_mode=''&collation=latin1_swedish_ci&allowAllFiles=true", "unix", "/tmp/x.sock", "u", "", "d"},
		{"mysql://u:p@h:1/d", "tcp", "h:1", "u", "p", "d"},
		{"mysql://u:p@h/d", "tcp", "h:3306", "u", "p", "d"},
		{"mariadb://u@h", "tcp", "h:3306", "u", "", ""},
		{"mysql:///d", "tcp", "127.0.0.1:3306", "", "", "d"},
		{"mysql://u:p%40%2F%3A%3F@[::1]:1/a%20b", "tcp", "[::1]:1", "u", "p@/:?", "a b"},
		{"mysql://u:p@/d?socket=/tmp/x.sock&loc=Europe%2FBerlin", "unix", "/tmp/x.sock", "u", "p", "d"},
		{"mysql:///d?socket=/tmp/a)/b%3Fc%25", "unix", "/tmp/a)/b?c%", "", "", "d"},
		{"mysql://h/d?tls=true", "tcp", "h:3306", "", "", "d"},
	} {
		t.Run(row.dsn, func(t *testing.T) {
			c, err := config(row.dsn)
			require.NoError(t, err)
			assert.Equal(t, []string{row.net, row.addr, row.user, row.password, row.database}, []string{c.Net, c.Addr, c.User, c.Passwd, c.DBName})
			assert.Equal(t, map[string]string{"sql_mode": sqlMode, "sql_notes": "0"}, c.Params)
			assert.True(t, c.ClientFoundRows && c.InterpolateParams && !c.AllowAllFiles && c.Collation == "" && c.AllowNativePasswords)
			assert.Contains(t, c.FormatDSN(), "charset=utf8mb4&")
		})
	}
}

// No error has anything of the DSN in it.
func TestOpen_errors(t *testing.T) {
	for _, dsn := range []string{
		"secret", "u:secret@tcp(h:1", "u:secret@tcp(h:1)x/d", "u:secret@secret(x)/d?timeout=secret", "u:p@/d?parseTime=secret", "u:p@/%secret", "u:p@/d?tls=secret",
		"mysql://u:sec%ret@h/d", "mysql://u:secret@h:port/d", "mysql://u:secret/x@h/d", "mysql://u:secret@h/d?tls=secret", "mysql://u:secret @h",
	} {
		t.Run(dsn, func(t *testing.T) {
			_, err := Open(dsn, "t")
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "sec")
		})
	}
}

func TestOpen_session(t *testing.T) {
	c, err := config("mysql://h/d?tls=true")
	require.NoError(t, err)
	assert.Equal(t, "h", c.TLS.ServerName)
	for _, dsn := range []string{servertest.SharedMariaDB(t).DSN(), servertest.SharedMariaDB(t).URL()} {
		s, err := Open(dsn, "t")
		require.NoError(t, err)
		got := read(t, s, "SELECT @@sql_mode, @@sql_notes, @@character_set_client, @@character_set_connection")[0]
		assert.Contains(t, got[0], "STRICT_ALL_TABLES")
		assert.Equal(t, []string{"0", "utf8mb4", "utf8mb4"}, got[1:])
		require.NoError(t, s.Close())
		assert.Error(t, s.DB.PingContext(t.Context()))
	}
}

// The time is the server's, to the millisecond.
func TestFlavor_now(t *testing.T) {
	s := open(t)
	got := read(t, s, "SELECT "+s.Database.Flavor().NowMillis+" BETWEEN 1000 * UNIX_TIMESTAMP() - 1000 AND 1000 * UNIX_TIMESTAMP() + 2000, "+
		s.Database.Flavor().NowMillis+" + 5000")[0]
	assert.Equal(t, "1", got[0])
	assert.NotContains(t, got[1], ".")
}

func TestRun(t *testing.T) {
	roads(t, func(t *testing.T, noLocal bool) {
		s := open(t)
		s.database().noLocal.Store(noLocal)
		status, err := ingest.Run(t.Context(), strings.NewReader("name;city\nÄnn;Rome\nBob;\n😀;\"\"\n"), s)
		require.NoError(t, err)
		assert.EqualValues(t, 3, status.Delivered)
		assert.Equal(t, [][]string{{"Bob", "\x00null"}, {"Änn", "Rome"}, {"😀", ""}}, read(t, s, "SELECT * FROM t ORDER BY HEX(name)"))
	})
}

func Example() {
	sink, err := Open(os.Getenv("DATABASE_URL"), "contacts") // mysql://user:password@host/database
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	status, err := ingest.Run(context.Background(), strings.NewReader("name;city\nAnn;Rome\nBob;\n"), sink)
	fmt.Println(status.Delivered, err)
}
