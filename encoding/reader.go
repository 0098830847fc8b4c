package encoding

import (
	"bytes"
	"io"
)

// NewReader returns a reader that gives what r holds as valid UTF-8. The label is any that [Get] knows, and the error is
// Get's. A byte order mark of that encoding at the start is dropped, whatever does not fit the encoding becomes U+FFFD,
// and valid UTF-8 passes through unchanged. An error of r comes after all that was read before it; at any but io.EOF
// up to three bytes that may be the beginning of a character are left out. It keeps 8 KiB, and
// up to 24 KiB more if it is read in smaller pieces than that.
func NewReader(r io.Reader, label string) (io.Reader, error) {
	e, err := Get(label)
	if err != nil {
		return nil, err
	}
	return &reader{src: r, enc: e, raw: make([]byte, 0, 8<<10)}, nil
}

type reader struct {
	src     io.Reader
	enc     *Encoding
	state   state
	started bool   // the byte order mark was looked for
	raw     []byte // read and not decoded
	buf     []byte // what out is a part of, to be used again
	out     []byte // decoded and not given
	err     error  // given once out is empty
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for idle := 0; len(r.out) == 0; {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.src.Read(r.raw[len(r.raw):cap(r.raw)])
		r.raw, r.err = r.raw[:len(r.raw)+n], err
		if idle++; n > 0 {
			idle = 0
		} else if idle >= 100 && err == nil {
			r.err = io.ErrNoProgress
		}
		if len(p) >= 3*len(r.raw) { // a byte gives three at most, so it fits
			if n := len(r.decode(p[:0:len(p)])); n > 0 {
				return n, nil
			}
			continue
		}
		r.buf = r.decode(r.buf[:0])
		r.out = r.buf
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// decode appends to dst what can be decoded of raw, and moves the rest to the front.
func (r *reader) decode(dst []byte) []byte {
	final := r.err == io.EOF
	if !r.started {
		if len(r.raw) < maxChar && !final {
			return dst // the mark may still be incomplete
		}
		r.started = true
		if bom := r.enc.BOM(); bytes.HasPrefix(r.raw, bom) {
			r.raw = r.raw[:copy(r.raw, r.raw[len(bom):])]
		}
	}
	dst, n, _ := r.enc.decode(dst, r.raw, &r.state, final)
	r.raw = r.raw[:copy(r.raw, r.raw[n:])]
	return dst
}
