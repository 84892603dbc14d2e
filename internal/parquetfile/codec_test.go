package parquetfile

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoEntropy writes columns that entropy coding shrinks a little and a lot.
func TestNoEntropy(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	header := bytes.Repeat([]byte("SIMPLE  =                    T "), 300)
	pixels := func() []byte {
		out := bytes.Clone(header)
		for range 4000 {
			out = binary.BigEndian.AppendUint64(out, rng.Uint64())
		}
		return out
	}
	digits := func() []byte {
		out := bytes.Clone(header)
		for range 32000 {
			out = append(out, '0'+byte(rng.Uint32()%10))
		}
		return out
	}
	for _, c := range []struct {
		name      string
		value     func() []byte
		rows      int
		noEntropy int
	}{{"pixels", pixels, 200, 1}, {"digits", digits, 200, 0}, {"few pages", pixels, 80, 0}} {
		record := oneColumn(arrow.BinaryTypes.Binary, func(b array.Builder) {
			for range c.rows {
				b.(*array.BinaryBuilder).Append(c.value())
			}
		})
		_, rows := read(t, write(t, record.Schema(), [][]Rows{{{Record: record}}}, Options{}), memory.DefaultAllocator)
		assert.Equal(t, [][]map[string]any{plainRows([]Rows{{Record: record}})}, rows, c.name)

		f, err := NewFormat(record.Schema(), Options{Workers: 1})
		require.NoError(t, err)
		f.workers[0].codec.noEntropy = 1 - c.noEntropy // the last column's does not matter
		require.NoError(t, f.NewWriter(io.Discard).WriteRowGroup([]Rows{{Record: record}}))
		assert.Equal(t, c.noEntropy, f.workers[0].codec.noEntropy, c.name)
		record.Release()
	}
}
