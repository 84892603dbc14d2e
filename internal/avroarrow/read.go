package avroarrow

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Column reads one column of a builder's rows. It remains valid as long as the
// builder, across records and truncations.
type Column struct {
	b *Builder
	c *column
}

// Column returns the column at a path through structs, such as "candidate.jd",
// or nil if the target has no such column.
func (b *Builder) Column(path string) *Column {
	cols, names := b.cols, b.names
	for {
		name, rest, more := strings.Cut(path, ".")
		i, ok := names[name]
		if !ok {
			return nil
		}
		c := cols[i]
		if !more {
			return &Column{b, c}
		}
		t, ok := c.typ.(*arrow.StructType)
		if !ok {
			return nil
		}
		cols, names, path = c.children, fieldNames(t.Fields()), rest
	}
}

// Type returns the column's type.
func (c *Column) Type() arrow.DataType { return c.c.typ }

// IsNull reports whether row i is null: itself null, within a null struct, or
// not a field of its writer.
func (c *Column) IsNull(i int) bool {
	if i < 0 || i >= c.b.top.n || c.c.layout == layNull || c.c.layout == layOther {
		return true
	}
	if c.c.absent && i >= c.b.top.start {
		return true
	}
	return c.c.valid != nil && c.c.valid[i>>3]>>(i&7)&1 == 0
}

// Int64 returns the integer of row i. ok is false if it is null or the column
// has another type.
func (c *Column) Int64(i int) (v int64, ok bool) {
	if c.IsNull(i) {
		return 0, false
	}
	switch c.c.typ.ID() {
	case arrow.INT32:
		return int64(int32(binary.NativeEndian.Uint32(c.c.data[4*i:]))), true
	case arrow.INT64:
		return int64(binary.NativeEndian.Uint64(c.c.data[8*i:])), true
	}
	return 0, false
}

// Float64 returns the number of row i, float or integer. ok is false if it is
// null or the column has another type.
func (c *Column) Float64(i int) (v float64, ok bool) {
	if c.IsNull(i) {
		return 0, false
	}
	switch c.c.typ.ID() {
	case arrow.FLOAT32:
		return float64(math.Float32frombits(binary.NativeEndian.Uint32(c.c.data[4*i:]))), true
	case arrow.FLOAT64:
		return math.Float64frombits(binary.NativeEndian.Uint64(c.c.data[8*i:])), true
	}
	n, ok := c.Int64(i)
	return float64(n), ok
}

// Bytes returns the text or bytes of row i, which are not copied and valid until
// the next append. ok is false if it is null or the column has another type.
func (c *Column) Bytes(i int) (v []byte, ok bool) {
	if c.IsNull(i) {
		return nil, false
	}
	switch c.c.layout {
	case layText:
		return c.c.text[c.c.offset(i):c.c.offset(i+1)], true
	case layView:
		return c.b.views.get(c.c.data[i*c.c.width : (i+1)*c.c.width]), true
	}
	return nil, false
}
