//go:build !race

package ingest

// spoils says that memory that is given back is overwritten.
const spoils = false
