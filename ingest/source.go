package ingest

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"
)

// source is what a run reads: the caller's reader, unpacked.
type source struct {
	src       io.Reader // the caller's
	r         io.Reader // the table's bytes
	name      string
	size      int64 // of the caller's source from where it stood; -1 unknown
	container string
	raw       *counter     // of the caller's source
	packed    *counter     // what has been read of the caller's source; nil: as much as of r
	closer    io.Closer    // the caller's source, if it can be closed
	reading   *atomic.Bool // a Read of the caller's source is under way
	cleanup   []func()
}

// release gives back what open took. The caller's source stays open.
func (in *source) release() {
	for _, f := range in.cleanup {
		f()
	}
	in.cleanup = nil
}

// unblock frees a Read that hangs, where that can be done.
func (in *source) unblock() {
	if in.reading.Load() && in.closer != nil {
		in.closer.Close() // its error says nothing that Run has not said
	}
}

// counter counts what is read, and tells when a Read is under way. It ends with its context, and when the
// reader goes on giving nothing.
type counter struct {
	ctx     context.Context
	r       io.Reader
	n       int64
	idle    int // Reads in a row that gave nothing
	reading *atomic.Bool
}

func (c *counter) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	c.reading.Store(true)
	defer c.reading.Store(false)
	n, err := c.r.Read(p)
	if c.idle++; n != 0 {
		c.idle = 0
	}
	if c.idle == 100 && err == nil {
		err = io.ErrNoProgress
	}
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("the reader returned a count of %d for a buffer of %d bytes", n, len(p))
	}
	c.n += int64(n)
	return n, err
}

// newSource takes src without reading it.
func newSource(src io.Reader) *source {
	in := &source{src: src, size: sizeOf(src), reading: new(atomic.Bool)}
	if n, ok := src.(interface{ Name() string }); ok {
		in.name = path.Base(strings.ReplaceAll(n.Name(), `\`, "/"))
	}
	in.closer, _ = src.(io.Closer)
	return in
}

// open recognises what the source is by its content. It is to be released afterwards, also with an error.
func (in *source) open(ctx context.Context, s *resolved) error {
	raw := &counter{ctx: ctx, r: in.src, reading: in.reading}
	in.r, in.raw = raw, raw
	packed := raw // the layer below counts for the next, too
	for {
		head, _ := peek(in, 512)
		var err error
		var unpacked io.Reader
		name := ""
		switch {
		case bytes.HasPrefix(head, []byte("\x1f\x8b\x08")):
			name = "gzip"
			unpacked, err = gzip.NewReader(in.r)
			if err != nil {
				return readError(err, 0)
			}
		case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 10 && head[3] >= '1' && head[3] <= '9' &&
			(bytes.Equal(head[4:10], []byte("\x31\x41\x59\x26\x53\x59")) || bytes.Equal(head[4:10], []byte("\x17\x72\x45\x38\x50\x90"))):
			name, unpacked = "bzip2", bzip2.NewReader(in.r)
		case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
			name = "zip"
			unpacked, packed, err = openZip(s, in, raw)
			if err != nil {
				return err
			}
		default:
			return recognise(head)
		}
		if strings.Contains(in.container, "+") { // a zip archive may hold a gzip file, but that is all
			return &FormatError{Format: "an archive within an archive (" + in.container + "+" + name + ")", Advice: "unpack it first"}
		}
		in.container = strings.TrimPrefix(in.container+"+"+name, "+")
		in.packed = packed
		in.r = &bounded{r: unpacked, packed: packed, limit: s.Limits.Unpacked, ratio: s.Limits.Ratio}
	}
}

// peek looks at the first bytes of in.r without taking them: fewer at its end. If it fails there, in.r gives what was
// read before, and fails then.
func peek(in *source, n int) (head []byte, err error) {
	head = make([]byte, 0, n)
	for len(head) < n {
		var m int
		m, err = in.r.Read(head[len(head):n])
		head = head[:len(head)+m]
		if err != nil {
			in.r = failed{err}
			break
		}
	}
	in.r = io.MultiReader(bytes.NewReader(head), in.r)
	if err == io.EOF {
		err = nil
	}
	return head, err
}

// failed is a source that has come to its end, or cannot be read any further.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// sizeOf gives how much is left to read of src, -1 if it does not say.
func sizeOf(src io.Reader) int64 {
	switch s := src.(type) {
	case interface{ Len() int }: // bytes.Reader, strings.Reader, bytes.Buffer: what is left
		return int64(s.Len())
	case interface{ Stat() (fs.FileInfo, error) }:
		info, err := s.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return -1
		}
		if f, ok := src.(io.Seeker); ok {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				return max(0, info.Size()-at)
			}
		}
		return info.Size()
	case interface{ Size() int64 }:
		return s.Size()
	}
	return -1
}

// bounded ends a source that unpacks to more than a limit, or to far more than there is of it.
type bounded struct {
	r      io.Reader
	packed *counter
	n      int64
	limit  int64
	ratio  float64
}

// ratioFrom is how much has to be unpacked before the ratio counts: short files may be very regular.
const ratioFrom = 16 << 20

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.n > b.limit {
		return n, &RunError{Code: CodeTooLarge, Kind: ErrTooLarge,
			Reason: fmt.Sprintf("the source unpacks to more than %d bytes: raise Limits.Unpacked if that is right", b.limit)}
	}
	if b.n > ratioFrom && float64(b.n) > b.ratio*float64(b.packed.n) {
		return n, &RunError{Code: CodeTooLarge, Kind: ErrTooLarge,
			Reason: fmt.Sprintf("the source unpacks to more than %g times its size, as a decompression bomb does: raise Limits.Ratio if that is right", b.ratio)}
	}
	return n, err
}

// openZip opens the member of a zip archive that holds the table, and what counts the packed bytes read
// of it. The directory of an archive is at its end: what cannot be read at an offset goes through a
// temporary file first.
func openZip(s *resolved, in *source, raw *counter) (io.Reader, *counter, error) {
	at, base := inPlace(in, raw)
	size := in.size
	if at == nil {
		f, n, err := spool(in, s.Limits.Unpacked)
		if err != nil {
			return nil, nil, err
		}
		at, size = f, n
	}
	packed := &counter{ctx: raw.ctx, reading: in.reading}
	z, err := zip.NewReader(&counterAt{io.NewSectionReader(at, base, size), packed}, size)
	if err != nil {
		return nil, nil, archive("the zip archive is damaged: pack the file again", err)
	}
	member, err := chooseMember(z, s.Member)
	if err != nil {
		return nil, nil, err
	}
	if member.Flags&1 != 0 {
		return nil, nil, archive("the file in the zip archive has a password: pack it without one", nil)
	}
	r, err := member.Open()
	if err != nil {
		return nil, nil, archive("the file in the zip archive cannot be unpacked: pack it with the usual method", err)
	}
	in.name = path.Base(member.Name)
	in.size = int64(member.CompressedSize64)
	in.cleanup = append(in.cleanup, func() { r.Close() })
	packed.n = 0 // reading the directory is not progress
	return r, packed, nil
}

// inPlace gives the source as an io.ReaderAt and where it begins there, or nil if it has to be copied.
func inPlace(in *source, raw *counter) (io.ReaderAt, int64) {
	at, isAt := in.src.(io.ReaderAt)
	seeker, isSeeker := in.src.(io.Seeker)
	if !isAt || !isSeeker || in.container != "" || in.size < 0 {
		return nil, 0
	}
	pos, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0
	}
	return at, pos - raw.n
}

// Glimpses of a source that lie beyond its sample.
const (
	glimpseBytes = 16 << 10
	glimpseTime  = 100 * time.Millisecond // that the first one may take, if there is to be another
)

// glimpses reads stretches in the middle and at the end of a source that can be read at an offset and is not
// packed, if they are beyond the first n bytes. They begin at multiples of four bytes.
func (in *source) glimpses(n int) [][]byte {
	at, base := inPlace(in, in.raw)
	if at == nil || in.size < int64(n)+2*glimpseBytes {
		return nil
	}
	r := &counterAt{at, &counter{ctx: in.raw.ctx, reading: in.reading}}
	began := time.Now()
	var all [][]byte
	for _, from := range []int64{in.size - glimpseBytes, max(int64(n), in.size/2)} {
		b := make([]byte, glimpseBytes)
		if m, _ := r.ReadAt(b, base+from&^3); m > 0 { // what cannot be read now will be missed later
			all = append(all, b[:m])
		}
		if time.Since(began) > glimpseTime {
			break
		}
	}
	return all
}

// spool copies what is left of a source to a temporary file that goes away with it.
func spool(in *source, limit int64) (*os.File, int64, error) {
	f, err := os.CreateTemp("", "sluice-*.zip")
	if err != nil {
		return nil, 0, archive("a zip archive that cannot be read at an offset needs a temporary file", err)
	}
	in.cleanup = append(in.cleanup, func() {
		f.Close()
		os.Remove(f.Name())
	})
	n, err := io.Copy(f, io.LimitReader(in.r, limit+1))
	if err != nil {
		return nil, 0, readError(err, n)
	}
	if n > limit {
		return nil, 0, &RunError{Code: CodeTooLarge, Kind: ErrTooLarge,
			Reason: fmt.Sprintf("the archive has more than %d bytes: raise Limits.Unpacked if that is right", limit)}
	}
	return f, n, nil
}

// counterAt counts what is read at offsets.
type counterAt struct {
	r      io.ReaderAt
	packed *counter
}

func (c *counterAt) ReadAt(p []byte, off int64) (int, error) {
	if c.packed.ctx.Err() != nil {
		return 0, context.Cause(c.packed.ctx)
	}
	c.packed.reading.Store(true)
	defer c.packed.reading.Store(false)
	n, err := c.r.ReadAt(p, off)
	c.packed.n += int64(n)
	return n, err
}

// chooseMember finds the one file of an archive, or the one that was asked for.
func chooseMember(z *zip.Reader, want string) (*zip.File, error) {
	var files []*zip.File
	var names []string
	for _, f := range z.File {
		base := path.Base(f.Name)
		if format, ok := officeFormats[f.Name]; ok {
			return nil, format
		}
		switch {
		case want != "" && f.Name == want:
			return f, nil
		case f.FileInfo().IsDir(), strings.HasPrefix(f.Name, "__MACOSX/"), strings.HasPrefix(base, "."), base == "Thumbs.db":
			// what desktops add by themselves
		default:
			files = append(files, f)
			names = append(names, f.Name)
		}
	}
	switch {
	case want != "":
		return nil, archive(fmt.Sprintf("the zip archive has no file %q: it has %q", want, names), nil)
	case len(files) == 0:
		return nil, archive("the zip archive holds no file", nil)
	case len(files) > 1:
		return nil, archive(fmt.Sprintf("the zip archive holds %d files: set Pipeline.Member to one of %q", len(files), names), nil)
	}
	return files[0], nil
}

func archive(reason string, err error) error {
	return &RunError{Code: CodeArchive, Kind: ErrFormat, Reason: reason, Err: err}
}

// readError makes the error of a source that cannot be read any further.
func readError(err error, offset int64) error {
	var run *RunError
	if errors.As(err, &run) {
		return err
	}
	return &RunError{Code: CodeRead, Kind: ErrRead, Err: err,
		Reason: fmt.Sprintf("reading the source failed at byte %d; complete records before it are delivered", offset)}
}
