package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/sluicecsv/sluice/dialect"
)

// A Ledger remembers which windows of a run are stored, so that a run which was stopped, failed or was killed goes on
// where it was when it is run again: with the same Pipeline.RunID and the same source. What is left to do is the source
// minus the windows in the ledger, whatever size they had.
//
// A Sink that is a Ledger as well enters each window (Batch.Entry) in the transaction in which it stores the window's
// records. Then no record is lost or doubled, whatever happens. Any other sink can be given a ledger in Pipeline.Ledger,
// which enters a window when Write has returned: then what was being written in a crash comes again, and Record.Key tells
// which records those are.
//
// A ledger is used by any number of runs at the same time. All times in it are its own: the clocks of those who use it do
// not matter. What it is given it may keep, and does not change; neither does the caller. An error that may pass says so by
// its type, see Retry.
type Ledger interface {
	// Find gives a run as it was entered, nil if there is none of this ID. It changes nothing. ErrNoLedger says that there
	// is no ledger after all: then the run does without.
	Find(ctx context.Context, run string) (*LedgerRun, error)

	// Claim enters a run, or takes over the one of the same ID when the lease of its owner has ended: then what is in
	// the ledger counts, not what the caller gives. An owner before, if it is still alive, cannot enter anything from
	// then on. While another owner's lease lasts the error is ErrOwned, best as an *OwnedError with what is left of it.
	// The source may have grown: what it is recognised by is taken from the caller.
	Claim(ctx context.Context, run *LedgerRun, lease time.Duration) (*Claim, error)

	// Renew makes a lease longer, and tells what somebody asks of the run. The error is ErrOwned if another has
	// claimed it, or it was released: a lease that has ended does not come back.
	Renew(ctx context.Context, c *Claim, lease time.Duration) (Request, error)

	// Enter enters a window; if it is there already that is no error. It is not called where the sink is the ledger.
	Enter(ctx context.Context, c *Claim, e *LedgerEntry) error

	// Release gives a run back when all its writers are closed. For a sink that makes what it stored visible as a
	// whole this is the place: state is Done when everything is stored. Otherwise, Failed, Canceled or Stopped,
	// the run can go on later. Where that fails for Done it is called once more, with the state that the run has then.
	Release(ctx context.Context, c *Claim, state State, code Code) error
}

// A LedgerRun is a run in a ledger.
type LedgerRun struct {
	Run    string         `json:"run"`
	Parent string         `json:"parent,omitempty"` // the run whose mended rejects are read
	Source SourceIdentity `json:"source"`

	Settings json.RawMessage `json:"settings,omitempty"` // the Pipeline, without the functions in it
	Found    *Found          `json:"found"`              // what the source was found to be when the run began
	State    State           `json:"state"`              // Running, Done, Failed, Canceled, Stopped, Undone
	Owner    string          `json:"owner,omitempty"`    // who runs it: host and process, for people
}

// A SourceIdentity is what a source is recognised by.
type SourceIdentity struct {
	Name string `json:"name,omitempty"`
	Size int64  `json:"size"`           // bytes; -1 unknown
	Head string `json:"head,omitempty"` // of its first 64 KiB: how many bytes, ":", and their SHA-256 in hexadecimal
	Tail string `json:"tail,omitempty"` // the same of its last 64 KiB; "" where it cannot be read at an offset
}

// A Claim is the right to a run, until another has claimed it. It does not change.
type Claim struct {
	*LedgerRun
	Epoch  int64    // counts the claims to the run, from 1: who has not the latest cannot enter anything
	Stored Coverage // what was stored when it was claimed
}

// A Request is what somebody asks of a run that is under way.
type Request string

const (
	RequestNone  Request = ""      // to go on
	RequestPause Request = "pause" // to store what is read, and to read no more until it is to go on
	RequestStop  Request = "stop"  // to store what is read, and to end
)

// A LedgerEntry is a window that is stored: which bytes of the source, what became of their rows, and how to go on.
type LedgerEntry struct {
	Offset    int64  `json:"offset"` // bytes from the start of the source (of what it unpacks to)
	Length    int64  `json:"length"` // bytes
	Record    int64  `json:"record"` // its first row, from 1
	Rows      int64  `json:"rows"`   // Delivered + Rejected + Filtered + Skipped
	Delivered int64  `json:"delivered"`
	Rejected  int64  `json:"rejected"`
	Filtered  int64  `json:"filtered"`
	Skipped   int64  `json:"skipped"`
	CRC       uint32 `json:"crc"`   // CRC-32C of its bytes
	After     Mark   `json:"after"` // how to go on behind it
	Notes     Notes  `json:"notes,omitzero"`

	// Rejects are the rows that are not delivered, in the order of the source. They are to be stored with the window.
	Rejects []*RecordError `json:"-"`

	// Found is what is now known of the run, if this is the first window by which that is more than the ledger has: the
	// encoding, where the sample was ASCII. It is to be stored with the window. Otherwise nil.
	Found *Found `json:"found,omitempty"`
}

// A Mark is the state of a run between two windows. To a ledger it is a value to be stored, as JSON, and given back as it
// was.
type Mark struct {
	Line     int64   `json:"line"`     // of the next byte, from 1
	Record   int64   `json:"record"`   // the next row, from 1
	Patience int     `json:"patience"` // as in Window
	Section  Section `json:"section,omitempty"`
	Blank    bool    `json:"blank,omitempty"` // the last row is blank
	Cut      bool    `json:"cut,omitempty"`   // the last row has no line end: the source ended there
	// The last records had another number of fields than the table: how many fields, how many records, since where.
	Fields  int      `json:"fields,omitempty"`
	Records int      `json:"records,omitempty"`
	Since   Position `json:"since,omitzero"`
}

// Notes are what a Status tells of a window beside its counts.
type Notes struct {
	Tolerated map[Code]int64               `json:"tolerated,omitempty"`
	Repaired  map[dialect.RepairKind]int64 `json:"repaired,omitempty"`
	Repairs   []Repair                     `json:"repairs,omitempty"`
	Changes   []Change                     `json:"changes,omitempty"`
	Rejects   map[Code]int64               `json:"rejects,omitempty"`
	Problems  []RecordError                `json:"problems,omitempty"` // at most MaxProblems
}

// Refuse gives the entry of a window of whose records the store refuses some: those are rejected, not delivered.
func (e *LedgerEntry) Refuse(refused []*RecordError) *LedgerEntry {
	with := *e
	with.Delivered -= int64(len(refused))
	with.Rejected += int64(len(refused))
	with.Rejects = slices.Concat(e.Rejects, refused)
	slices.SortStableFunc(with.Rejects, func(a, b *RecordError) int { return cmp.Compare(a.Offset, b.Offset) })
	with.Notes.note(with.Rejects)
	return &with
}

// note fills in what notes tell of rejects.
func (n *Notes) note(rejects []*RecordError) {
	n.Rejects, n.Problems = nil, nil
	for _, e := range rejects {
		if n.Rejects == nil {
			n.Rejects = map[Code]int64{}
		}
		n.Rejects[e.Code]++
		if len(n.Problems) < MaxProblems {
			p := *e
			p.Raw, p.Err = nil, nil // values stay out of a status
			n.Problems = append(n.Problems, p)
		}
	}
}

// IsZero says that there is nothing in it.
func (n Notes) IsZero() bool {
	return len(n.Tolerated)+len(n.Repaired)+len(n.Repairs)+len(n.Changes)+len(n.Rejects)+len(n.Problems) == 0
}
