package ingest

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// identityBytes is how much of a source's beginning and end it is recognised by.
const identityBytes = 64 << 10

// identify gives what the source is recognised by. What cannot be read at an offset is recognised by the head of
// what it unpacks to; its rest is checked when it is read again.
func (in *source) identify() (SourceIdentity, error) {
	id := SourceIdentity{Name: in.name, Size: in.size}
	at, base := in.whole()
	if at == nil {
		head, _ := peek(in, identityBytes) // what fails fails again
		id.Head = digest(head)
		return id, nil
	}
	head, err := readAt(at, base, min(in.size, identityBytes))
	if err != nil {
		return id, readError(err, 0)
	}
	from := max(0, in.size-identityBytes)
	tail, err := readAt(at, base+from, in.size-from)
	if err != nil {
		return id, readError(err, from)
	}
	id.Head, id.Tail = digest(head), digest(tail)
	return id, nil
}

// whole gives the caller's source, as it lies there, as an io.ReaderAt, and where it begins there; nil if it is none.
func (in *source) whole() (io.ReaderAt, int64) {
	packed := in.container
	in.container = ""
	defer func() { in.container = packed }()
	at, base := inPlace(in, in.raw)
	if at == nil {
		return nil, 0
	}
	return &counterAt{at, &counter{ctx: in.raw.ctx, reading: in.reading}}, base
}

// digest gives the length of some bytes and their SHA-256.
func digest(b []byte) string { return fmt.Sprintf("%d:%x", len(b), sha256.Sum256(b)) }

// digestLen gives how many bytes a digest is of; 0 if it is none.
func digestLen(d string) (n int64) {
	fmt.Sscanf(d, "%d:", &n)
	return n
}

func readAt(at io.ReaderAt, offset, n int64) ([]byte, error) {
	b := make([]byte, n)
	m, err := at.ReadAt(b, offset)
	if m == len(b) {
		err = nil
	}
	return b, err
}

// compare says whether the source, which now is known as now, is the one that is known as then, and may have grown since.
func (in *source) compare(then, now SourceIdentity) error {
	if then.Head == "" {
		return nil
	}
	if now.Size >= 0 && then.Size >= 0 && now.Size < then.Size {
		return changed("it has %d bytes and had %d", now.Size, then.Size)
	}
	at, base := in.whole()
	if at == nil || then.Tail == "" {
		// What is stored of it is compared when it is read again. Its head is known twice, unless it was of what lies there
		// and is of what that unpacks to now, or the other way round; and it may have been shorter.
		n := digestLen(then.Head)
		if in.container != "" && (then.Tail == "") != (now.Tail == "") || n > identityBytes {
			return nil
		}
		head, err := peek(in, int(n))
		switch {
		case err != nil:
			return readError(err, int64(len(head)))
		case digest(head) != then.Head:
			return changed("its first %d bytes differ", n)
		}
		return nil
	}
	for _, part := range []struct {
		name, digest string
		from         int64
	}{
		{"first", then.Head, 0},
		{"last", then.Tail, then.Size - digestLen(then.Tail)},
	} {
		n := digestLen(part.digest)
		if n > identityBytes || part.from < 0 || part.from+n > now.Size {
			return changed("what the ledger has of it cannot be")
		}
		b, err := readAt(at, base+part.from, n)
		if err != nil {
			return readError(err, part.from)
		}
		if digest(b) != part.digest {
			return changed("the %s %d of the %d bytes that it had differ", part.name, n, then.Size)
		}
	}
	if now.Size != then.Size && in.container != "" {
		return changed("it has %d bytes and had %d, and is packed (%s)", now.Size, then.Size, in.container)
	}
	return nil
}

// rereads says that what is behind a place can only be read by reading all before it again.
func (in *source) rereads() bool {
	if in.container != "" {
		return true
	}
	at, _ := in.whole()
	return at == nil
}

// from makes the source be read from an offset on. It must not be one that rereads.
func (in *source) from(offset int64) {
	at, base := inPlace(in, in.raw)
	in.r = &counter{ctx: in.raw.ctx, reading: in.reading, r: io.NewSectionReader(at, base+offset, max(0, in.size-offset))}
}
