package encoding

import (
	"bytes"
	"io"
)

// NewReader returns a reader that gives what r holds as valid UTF-8. The label is any that [Get] knows, and the error is
// Get's. A byte order mark of that encoding at the start is dropped, whatever does not fit the encoding becomes U+FFFD,
// and valid UTF-8 passes through unchanged. An error of r comes after all that was read before it; at any but io.EOF
// up to three bytes that may be the beginning of a character are left out. It keeps about 16 KiB.
func NewReader(r io.Reader, label string) (io.Reader, error) {
	e, err := Get(label)
	if err != nil {
		return nil, err
	}
	return &reader{src: r, enc: e, raw: make([]byte, 0, 4096)}, nil
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
		r.decode()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// decode turns what can be decoded of raw into out, and moves the rest to the front.
func (r *reader) decode() {
	final := r.err == io.EOF
	if !r.started {
		if len(r.raw) < maxChar && !final {
			return // the mark may still be incomplete
		}
		r.started = true
		if bom := r.enc.BOM(); bytes.HasPrefix(r.raw, bom) {
			r.raw = r.raw[:copy(r.raw, r.raw[len(bom):])]
		}
	}
	var n int
	r.buf, n, _ = r.enc.decode(r.buf[:0], r.raw, &r.state, final)
	r.out = r.buf
	r.raw = r.raw[:copy(r.raw, r.raw[n:])]
}
