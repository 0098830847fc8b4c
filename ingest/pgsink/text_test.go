package pgsink

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sluicecsv/sluice/ingest/ingesttest"
	"github.com/sluicecsv/sluice/ingest/sqlsink"
)

// unescape reads a value as the manual says that PostgreSQL does, under COPY, "Text Format".
func unescape(s string) (value string, null bool) {
	if s == `\N` {
		return "", true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte("bfnrtv", s[i]); at >= 0 {
			b.WriteByte("\b\f\n\r\t\v"[at])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String(), false
}

func FuzzAppendText(f *testing.F) {
	for _, v := range nasty {
		f.Add("", v)
		f.Add("1234567", v)
	}
	f.Fuzz(func(t *testing.T, before, value string) {
		value = before + value
		all := appendText([]byte("before"), value)
		got := string(all[len("before"):])
		assert.Equal(t, "before", string(all[:len("before")]))
		assert.False(t, strings.ContainsAny(got, "\t\n\r"), "%q", got)
		back, null := unescape(got)
		assert.False(t, null, "%q", got)
		assert.Equal(t, value, back)
		if !strings.ContainsAny(value, "\b\t\n\v\f\r\\") {
			assert.Equal(t, value, got)
		}
	})
}

func TestSpecial(t *testing.T) {
	for c := range 256 {
		special1 := c <= '\r' || c == '\\'
		for at := range 20 {
			b := []byte(strings.Repeat("\xff\x80\x0e~[]", 4)[:20])
			b[at] = byte(c)
			i := special(b)
			if !special1 {
				assert.Equal(t, -1, i, "%q", b)
				continue
			}
			assert.True(t, i <= at && at-i < 8 && i >= 0, "%q: %d", b, i)
		}
	}
}

// Writing allocates nothing for a record or a field.
func TestStreamAllocations(t *testing.T) {
	records := make([][]string, 10_000)
	for i := range records {
		records[i] = []string{"12345", "some text", "1.25", "2024-01-02", "a\\b"}
	}
	p := &sqlsink.Part{Batch: ingesttest.NewBatch([]string{"a", "b", "c", "d", "e"}, records...), To: len(records)}
	types, ok := newBinary([]uint32{23, 25, 701, 1082, 1043})
	assert.True(t, ok)
	into := make([]byte, 65531)
	for _, f := range []format{text{}, types} {
		assert.LessOrEqual(t, testing.AllocsPerRun(3, func() {
			s := newStream(p, 0, f)
			for {
				if _, err := s.Read(into); err != nil {
					return
				}
			}
		}), 4.0, f.options())
	}
}
