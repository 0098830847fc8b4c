package ingest

import (
	"fmt"
	"slices"
)

// An Action is what is done about something irregular in the source.
type Action string

const (
	Stop    Action = "stop"    // the run ends at this record; those before it are delivered, none behind it
	Reject  Action = "reject"  // the record goes to Pipeline.Rejects, the run goes on
	Skip    Action = "skip"    // it is passed over and counted
	Keep    Action = "keep"    // it is delivered as it is
	Strip   Action = "strip"   // the characters are taken out
	Replace Action = "replace" // the characters are replaced: U+FFFD for what cannot be decoded, else a space
	Rescue  Action = "rescue"  // the cell is decoded by the runner-up among the encodings
	Rename  Action = "rename"  // the column gets a name that is unique
)

// A Policy says what is done about what is irregular, kind by kind. The zero Policy stops at the first
// bad record. An empty field takes the action of Bad where its comment says so.
type Policy struct {
	Bad Action `json:"bad,omitempty"` // a bad record of any kind: Stop, Reject. Default Stop

	Short      Action `json:"short,omitempty"`       // fewer fields than columns: Stop, Reject, Keep (filled up with nulls). Default Bad
	Long       Action `json:"long,omitempty"`        // more fields than columns: Stop, Reject, Keep (with its extra fields), Strip (of extra fields that are empty, else as Bad). Default Bad
	StrayQuote Action `json:"stray_quote,omitempty"` // Stop, Reject, Keep (as text). Default Bad
	Unclosed   Action `json:"unclosed,omitempty"`    // a quote that never closes: Stop, Reject. Default Bad
	TooLarge   Action `json:"too_large,omitempty"`   // a record or field beyond its limit: Stop, Reject. Default Bad

	Encoding  Action `json:"encoding,omitempty"`  // bytes that are no character, in either encoding if two are mixed (Found.Encoding.Mixed): Stop, Reject, Replace, Rescue. Default Bad
	NUL       Action `json:"nul,omitempty"`       // Stop, Reject, Keep, Strip, Replace. Default Bad
	Control   Action `json:"control,omitempty"`   // other control characters, but TAB, CR and LF: the same. Default Keep
	Invisible Action `json:"invisible,omitempty"` // zero-width and no-break spaces: the same. Default Keep

	Blank          Action `json:"blank,omitempty"`           // lines with nothing on them: Stop, Reject, Skip, Keep (a record of one field, the line). Default Skip
	RepeatedHeader Action `json:"repeated_header,omitempty"` // a row of the header again, byte for byte, in the middle of the table: Stop, Reject, Skip, Keep. Default Skip
	Below          Action `json:"below,omitempty"`           // totals, notes and other tables below the table: Stop, Reject, Skip, Keep (as records of the table). Default Bad
	Drift          Action `json:"drift,omitempty"`           // from some row on all records have another number of fields, see Change: Stop, Keep (they are told, and treated by Short and Long). Default Keep
	Columns        Action `json:"columns,omitempty"`         // names that are empty or used twice: Stop, Rename. Default Rename

	// Refused is for a record that the store refuses, for a constraint or a type, where the sink can tell which it is (see
	// SelectiveWriter): Stop, Reject. Default Bad.
	Refused Action `json:"refused,omitempty"`

	// Repair mends a record that is bad for its number of fields or its quotes, where the kinds of the columns
	// leave one way to read it: see dialect.Profile.Repair. Status.Repaired counts them, Status.Repairs
	// describes the first ones; one that is not mended is treated as without Repair. Default off: a record is
	// as it stands in the source.
	Repair bool `json:"repair,omitempty"`

	MaxRejects     int64   `json:"max_rejects,omitempty"`      // ends the run at the one above it. Default 0: any number
	MaxRejectShare float64 `json:"max_reject_share,omitempty"` // of all rows, from 0 to 1; looked at from the 1,000th row on, and at the end. Default 0: any share
}

// resolve gives the policy with every default filled in, or says what is wrong with it.
func (p Policy) resolve() (Policy, error) {
	set := func(a *Action, name string, def Action, allowed ...Action) error {
		if *a == "" {
			*a = def
		}
		if !slices.Contains(allowed, *a) {
			return settings("Policy.%s is %q: use one of %q", name, *a, allowed)
		}
		return nil
	}
	if err := set(&p.Bad, "Bad", Stop, Stop, Reject); err != nil {
		return p, err
	}
	for _, f := range []struct {
		a       *Action
		name    string
		def     Action
		allowed []Action
	}{
		{&p.Short, "Short", p.Bad, []Action{Stop, Reject, Keep}},
		{&p.Long, "Long", p.Bad, []Action{Stop, Reject, Keep, Strip}},
		{&p.StrayQuote, "StrayQuote", p.Bad, []Action{Stop, Reject, Keep}},
		{&p.Unclosed, "Unclosed", p.Bad, []Action{Stop, Reject}},
		{&p.TooLarge, "TooLarge", p.Bad, []Action{Stop, Reject}},
		{&p.Encoding, "Encoding", p.Bad, []Action{Stop, Reject, Replace, Rescue}},
		{&p.NUL, "NUL", p.Bad, []Action{Stop, Reject, Keep, Strip, Replace}},
		{&p.Control, "Control", Keep, []Action{Stop, Reject, Keep, Strip, Replace}},
		{&p.Invisible, "Invisible", Keep, []Action{Stop, Reject, Keep, Strip, Replace}},
		{&p.Blank, "Blank", Skip, []Action{Stop, Reject, Skip, Keep}},
		{&p.RepeatedHeader, "RepeatedHeader", Skip, []Action{Stop, Reject, Skip, Keep}},
		{&p.Below, "Below", p.Bad, []Action{Stop, Reject, Skip, Keep}},
		{&p.Drift, "Drift", Keep, []Action{Stop, Keep}},
		{&p.Columns, "Columns", Rename, []Action{Stop, Rename}},
		{&p.Refused, "Refused", p.Bad, []Action{Stop, Reject}},
	} {
		if err := set(f.a, f.name, f.def, f.allowed...); err != nil {
			return p, err
		}
	}
	if p.MaxRejects < 0 {
		return p, settings("Policy.MaxRejects is %d: use 0 for any number", p.MaxRejects)
	}
	if !(p.MaxRejectShare >= 0 && p.MaxRejectShare <= 1) {
		return p, settings("Policy.MaxRejectShare is %v: it is a share, from 0 to 1", p.MaxRejectShare)
	}
	return p, nil
}

// on gives the action for a code.
func (p *Policy) on(c Code) Action {
	switch c {
	case CodeUnclosedQuote:
		return p.Unclosed
	case CodeStrayQuote:
		return p.StrayQuote
	case CodeTooFewFields:
		return p.Short
	case CodeTooManyFields:
		if p.Long == Strip {
			return p.Bad // what could be stripped has been
		}
		return p.Long
	case CodeEncoding:
		return p.Encoding
	case CodeNUL:
		return p.NUL
	case CodeControl:
		return p.Control
	case CodeInvisible:
		return p.Invisible
	case CodeBlank:
		return p.Blank
	case CodeRepeatedHeader:
		return p.RepeatedHeader
	case CodeBelow, CodeOtherTable:
		return p.Below
	case CodeRecordTooLarge, CodeFieldTooLarge, CodeTooManyColumns:
		return p.TooLarge
	case CodeRefused:
		return p.Refused
	}
	return p.Bad
}

// settings makes the error of a setting that cannot work.
func settings(format string, args ...any) error {
	return &RunError{Code: CodeSettings, Kind: ErrSettings, Reason: fmt.Sprintf(format, args...)}
}
