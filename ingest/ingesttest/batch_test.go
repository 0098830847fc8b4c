package ingesttest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNewWindow(t *testing.T) {
	for _, offset := range []int64{0, 1, 2, 1000} {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			b := NewWindow("r-1", []string{"a", "b"}, offset, []string{"1", Null}, []string{"3", "two\nlines"})
			e := b.Entry()
			assert.Equal(t, offset, e.Offset)
			assert.Equal(t, offset, b.Record(0).Position().Offset)
			assert.Equal(t, offset+3, b.Record(1).Position().Offset)
			assert.Equal(t, int64(len("1,\n3,\"two\nlines\"\n")), e.Length)
			assert.Equal(t, []int64{2, 2, 0}, []int64{e.Rows, e.Delivered, e.Filtered})
			assert.Equal(t, b.Window().Line+3, e.After.Line)
			assert.Equal(t, "r-1", b.Found().Run)
			assert.Equal(t, [][]string{{"1", Null}, {"3", "two\nlines"}}, records(b))

			empty := NewWindow("r-1", []string{"a"}, offset)
			assert.Zero(t, empty.Len())
			assert.Equal(t, int64(1), empty.Entry().Filtered)

			// The batch it is made from stays as it is.
			other := *e
			other.Rows = 7
			assert.Equal(t, int64(7), b.WithEntry(&other).Entry().Rows)
			assert.Equal(t, int64(2), b.Entry().Rows)
		})
	}
	assert.Nil(t, NewBatch([]string{"a"}, []string{"1"}).Entry())
}
