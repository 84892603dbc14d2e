package avroarrow

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Column reads the rows of one column while they are in the builder. It stays
// good as long as the builder does, over records and truncations.
type Column struct {
	b *Builder
	c *column
}

// Column returns the column at a path such as "candidate.jd", reached through
// structs only, or nil when the target has no such column.
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
		cols, names, path = c.kids, fieldNames(t.Fields()), rest
	}
}

// Type returns the column's type.
func (c *Column) Type() arrow.DataType { return c.c.typ }

// IsNull reports whether row i is null: of itself, within a null struct, or
// because its writer has no such field.
func (c *Column) IsNull(i int) bool {
	if i < 0 || i >= c.b.top.n || c.c.layout == layNull || c.c.layout == layOther {
		return true
	}
	if c.c.absent && i >= c.b.top.start {
		return true
	}
	return c.c.valid != nil && c.c.valid[i>>3]>>(i&7)&1 == 0
}

// Int64 returns the integer of row i; ok is false where it is null, and in
// columns of other types.
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

// Float64 returns the number of row i, integers too; ok is false where it is
// null, and in columns of other types.
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

// Bytes returns the text or bytes of row i without copying them; they are good
// until the next append. ok is false where it is null, and in columns of other
// types.
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
