package sqlitesink

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// advice says what to do about what SQLite says, by its primary result code.
var advice = map[int]string{
	sqlite3.SQLITE_BUSY:     "another program has locked the file for too long: end it, or raise Wait",
	sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: see that its folder is there and that this user may write there",
	sqlite3.SQLITE_CORRUPT:  "the file is damaged: restore it from a copy, or write into a new one",
	sqlite3.SQLITE_FULL:     "no room is left, and what was being written is rolled back: make room on the disk",
	sqlite3.SQLITE_IOERR:    "the disk fails: look at the disk or the network it is behind",
	sqlite3.SQLITE_NOTADB:   "the file is no SQLite database, and is left as it is: give another path",
	sqlite3.SQLITE_PERM:     "this user may not write the file: change its permissions, or give another path",
	sqlite3.SQLITE_READONLY: "the file cannot be written: change its permissions and those of its folder, or give another path",
	sqlite3.SQLITE_TOOBIG:   "a value is larger than SQLite takes: lower Limits.Field",
}

// explain says which file an error is about and what to do.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	var full *sqlite.Error
	if errors.As(err, &full) && code(err) == sqlite3.SQLITE_FULL {
		// Even a commit is not in doubt then: SQLite rolls it back, and where it does not the driver does
		// (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
		err = mayPass{full}
	}
	if what, ok := advice[code(err)]; ok {
		return fmt.Errorf("sqlitesink: %q: %s: %w", path, what, err)
	}
	return fmt.Errorf("sqlitesink: %q: %w", path, err)
}

// mayPass is an error that may pass.
type mayPass struct{ error }

func (e mayPass) Transient() bool { return true }
func (e mayPass) Unwrap() error   { return e.error }

// code gives SQLite's primary result code of an error, 0 if it has none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// locked says that an error comes from another's lock: on the file, or on a database in memory from a connection that is
// being given up.
func locked(err error) bool {
	return code(err) == sqlite3.SQLITE_BUSY || code(err) == sqlite3.SQLITE_LOCKED
}
