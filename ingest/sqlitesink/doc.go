// Package sqlitesink stores records in SQLite files.
package sqlitesink
