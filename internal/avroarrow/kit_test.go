package avroarrow

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"
)

// Datums are written by hand, since encoders refuse to write invalid ones.

func vint(v int64) []byte { return binary.AppendVarint(nil, v) }

func text(s string) []byte { return append(vint(int64(len(s))), s...) }

func f32(v float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)) }

func f64(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// record is the schema of a record "t" with fields given as JSON.
func record(fields string) string {
	return `{"type":"record","name":"t","fields":[` + fields + `]}`
}

// one is the schema of a record with one field "x".
func one(typ string) string { return record(`{"name":"x","type":` + typ + `}`) }

func parsed(tb testing.TB, schema string) *Schema {
	tb.Helper()
	s, err := Parse([]byte(schema))
	require.NoError(tb, err)
	return s
}

func appendTo(b *Builder, s *Schema, datum []byte) error {
	return b.Append(s, memory.NewBufferBytes(datum), 0, len(datum))
}

// checked returns an allocator of dirty memory that fails the test if any leaks.
func checked(tb testing.TB) memory.Allocator {
	mem := memory.NewCheckedAllocator(dirty{memory.NewGoAllocator()})
	tb.Cleanup(func() { mem.AssertSize(tb, 0) })
	return mem
}

// dirty is an allocator as a pool would be.
type dirty struct{ memory.Allocator }

func soil(b []byte) {
	for i := range b {
		b[i] = 0xa5
	}
}

func (d dirty) Allocate(n int) []byte {
	b := d.Allocator.Allocate(n)
	soil(b)
	return b
}

func (d dirty) Reallocate(n int, old []byte) []byte {
	b := d.Allocate(n)
	copy(b, old)
	soil(old) // to detect later reads
	return b
}

// built makes a record of datums.
func built(tb testing.TB, mem memory.Allocator, target *arrow.Schema, s *Schema, datums ...[]byte) arrow.Record {
	tb.Helper()
	b := NewBuilder(mem, target)
	defer b.Release()
	for _, d := range datums {
		require.NoError(tb, appendTo(b, s, d))
	}
	return b.NewRecord()
}
