package pgsink

import (
	"io"

	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// A stream is the records of a part in a format of COPY. It is written as it is read, so that PostgreSQL takes in one
// stretch while the next one is written.
type stream struct {
	part   *sqlsink.Part
	format format
	next   int  // record
	over   bool // no record is to be written any more

	buf   []byte // the stretch in hand
	ready []byte // what of it is to be read
}

// A format is a format of COPY.
type format interface {
	options() string // of COPY
	header() string
	// append appends a record, or says that it cannot be written in this format.
	append(dst []byte, p *sqlsink.Part, record int) ([]byte, bool)
	trailer() string
}

// stretchSize is how much is written at a time, in bytes: as much as pgconn reads at a time.
const stretchSize = 64 << 10

// newStream makes a stream of the records from one on, of which it writes the first ones.
func newStream(p *sqlsink.Part, from int, f format) *stream {
	s := &stream{part: p, format: f, next: from}
	s.buf = append(make([]byte, 0, stretchSize+stretchSize/8), f.header()...)
	s.write()
	return s
}

// write writes a stretch of records, up to one that cannot be written.
func (s *stream) write() {
	for s.next < s.part.To && len(s.buf) < stretchSize && !s.over {
		with, ok := s.format.append(s.buf, s.part, s.next)
		if !ok {
			s.over = true
			break
		}
		s.buf = with
		s.next++
	}
	if s.next == s.part.To {
		s.over = true
	}
	if s.over {
		s.buf = append(s.buf, s.format.trailer()...)
	}
	s.ready = s.buf
}

func (s *stream) Read(into []byte) (int, error) {
	if len(s.ready) == 0 && !s.over {
		s.buf = s.buf[:0]
		s.write()
	}
	if len(s.ready) == 0 {
		return 0, io.EOF
	}
	n := copy(into, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}
