package avroarrow

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// errFull reports a column beyond the reach of 32-bit offsets.
var errFull = errors.New("more than 2 GiB in one column")

// layout is how a column stores its values.
type layout uint8

const (
	layNull   layout = iota // no data
	layBits                 // one bit per row
	layFixed                // width bytes per row
	layText                 // offsets into text
	layView                 // view headers that point into messages
	layList                 // lists and maps: offsets into the rows of the elements
	layStruct               // validity only
	layOther                // a type unknown to Avro: always null
)

// rows is a set of columns of one length: those of the top level, or those of
// the elements of one list. Capacity is reserved for all of them at once, so
// storing a value needs only the slice's bounds check.
type rows struct {
	n, cap int
	start  int // first row of the current program
	hint   int // initial capacity
	width  int // bytes per row of all columns, without text
	cols   []*column
}

// column is one node of the target's types. data holds row i at i*width; valid
// is allocated at the first null.
type column struct {
	layout layout
	width  int  // bytes per row in data
	absent bool // the current program does not write it
	end    int  // bytes used of text
	data   []byte
	text   []byte
	valid  []byte

	typ      arrow.DataType
	children []*column // struct
	subtree  []*column // itself and the columns below it in the same rows
	elem     *column   // list
	elems    *rows     // list: the rows of elem
	textHint int
}

// newColumn adds the column of a type, and those below it, to in and all.
func newColumn(typ arrow.DataType, in *rows, all *[]*rows) *column {
	c := &column{typ: typ}
	in.cols = append(in.cols, c)
	c.layout, c.width = layoutOf(typ)
	in.width += rowBytes(typ)
	switch t := typ.(type) {
	case *arrow.StructType:
		for _, f := range t.Fields() {
			c.children = append(c.children, newColumn(f.Type, in, all))
		}
	case arrow.ListLikeType:
		if c.layout == layList {
			c.elems = &rows{}
			*all = append(*all, c.elems)
			c.elem = newColumn(t.Elem(), c.elems, all)
		}
	}
	c.subtree = append(c.subtree, c)
	for _, kid := range c.children {
		c.subtree = append(c.subtree, kid.subtree...)
	}
	return c
}

// rowBytes returns the bytes per row of a type's own column: its data without text
// and a validity bit, rounded up.
func rowBytes(typ arrow.DataType) int {
	_, width := layoutOf(typ)
	return width + 1
}

func layoutOf(typ arrow.DataType) (layout, int) {
	switch t := typ.(type) {
	case *arrow.NullType:
		return layNull, 0
	case *arrow.BooleanType:
		return layBits, 0
	case *arrow.StringType, *arrow.BinaryType:
		return layText, 4
	case *arrow.BinaryViewType:
		return layView, arrow.ViewHeaderSizeBytes
	case *arrow.ListType, *arrow.MapType:
		return layList, 4
	case *arrow.StructType:
		return layStruct, 0
	case *arrow.Int32Type, *arrow.Int64Type, *arrow.Float32Type, *arrow.Float64Type,
		*arrow.TimestampType, *arrow.Date32Type, *arrow.Time32Type, *arrow.Time64Type,
		*arrow.FixedSizeBinaryType, *arrow.Decimal128Type:
		return layFixed, t.(arrow.FixedWidthDataType).Bytes()
	}
	return layOther, 0
}

// reserve makes room for n more rows in every column.
func (r *rows) reserve(mem memory.Allocator, n int) error {
	if r.n+n <= r.cap {
		return nil
	}
	if r.n+n > math.MaxInt32/2 {
		return errFull
	}
	to := max(grownSize(r.cap, r.width), r.n+n, r.hint, min(16, 1+(64<<10)/max(r.width, 1)))
	for _, c := range r.cols {
		c.grow(mem, r.cap, to)
	}
	r.cap = to
	return nil
}

// grownSize returns the size to which a buffer of n units of width bytes grows:
// twice as many or, of a large one, a quarter more.
func grownSize(n, width int) int {
	if n > (4<<20)/max(width, 1) {
		return n + n/4
	}
	return 2 * n
}

// grow makes room for rows up to to. New memory is not zeroed.
func (c *column) grow(mem memory.Allocator, from, to int) {
	size := to * c.width
	switch c.layout {
	case layBits:
		size = bytesFor(to)
	case layText, layList:
		size += c.width
	}
	fresh := len(c.data) == 0
	c.data = resize(mem, c.data, size)
	if fresh && (c.layout == layText || c.layout == layList) {
		binary.NativeEndian.PutUint32(c.data, 0)
	}
	if c.valid != nil {
		c.valid = resize(mem, c.valid, bytesFor(to))
		setBits(c.valid, from)
	}
}

// resize grows a buffer to size bytes, keeping its content.
func resize(mem memory.Allocator, b []byte, size int) []byte {
	switch {
	case size <= len(b):
		return b
	case len(b) == 0:
		return mem.Allocate(size)
	}
	return mem.Reallocate(size, b)
}

func bytesFor(bits int) int { return (bits + 7) / 8 }

// setBits sets all bits at and above from.
func setBits(b []byte, from int) {
	i := from / 8
	if i >= len(b) {
		return
	}
	b[i] |= 0xff << (from % 8)
	for i++; i < len(b); i++ {
		b[i] = 0xff
	}
}

// makeValid allocates the validity bitmap, all bits set.
func (c *column) makeValid(mem memory.Allocator, capacity int) {
	c.valid = mem.Allocate(bytesFor(capacity))
	setBits(c.valid, 0)
}

// null makes row i null, in the columns below a struct too. Data under a null
// is zero, so that equal rows have equal bytes.
func (c *column) null(mem memory.Allocator, i int, in *rows) {
	if len(c.children) == 0 {
		c.nullOne(mem, i, in)
		return
	}
	for _, c := range c.subtree {
		c.nullOne(mem, i, in)
	}
}

func (c *column) nullOne(mem memory.Allocator, i int, in *rows) {
	if c.layout == layNull || c.layout == layOther {
		return
	}
	if c.valid == nil {
		c.makeValid(mem, in.cap)
	}
	c.valid[i>>3] &^= 1 << (i & 7)
	switch c.width {
	case 4:
		if c.layout != layFixed {
			c.setOffset(i, c.tail())
			return
		}
		binary.NativeEndian.PutUint32(c.data[i*4:], 0)
	case 8:
		binary.NativeEndian.PutUint64(c.data[i*8:], 0)
	case 0:
		if c.layout == layBits {
			c.data[i>>3] &^= 1 << (i & 7)
		}
	default:
		clear(c.data[i*c.width : (i+1)*c.width])
	}
}

// nullRange makes all rows of the current program null.
func (c *column) nullRange(mem memory.Allocator, in *rows) {
	for i := in.start; i < in.n; i++ {
		c.nullOne(mem, i, in)
	}
}

// tail returns where the next value of a text or list column begins.
func (c *column) tail() int {
	if c.layout == layList {
		return c.elems.n
	}
	return c.end
}

func (c *column) offset(i int) int {
	return int(binary.NativeEndian.Uint32(c.data[4*i:]))
}

// setOffset sets where row i ends and the next begins.
func (c *column) setOffset(i, end int) {
	binary.NativeEndian.PutUint32(c.data[4*i+4:], uint32(end))
}

// appendText stores the text of row i.
func (c *column) appendText(mem memory.Allocator, i int, s []byte) error {
	end := c.end + len(s)
	if end > len(c.text) {
		if end > math.MaxInt32 {
			return errFull
		}
		c.text = resize(mem, c.text, min(max(grownSize(len(c.text), 1), end, c.textHint, 64), math.MaxInt32))
	}
	copy(c.text[c.end:end], s)
	c.end = end
	c.setOffset(i, end)
	return nil
}

// truncate drops rows n and above.
func (r *rows) truncate(n int) {
	for _, c := range r.cols {
		if c.valid != nil {
			setBits(c.valid, n)
		}
		// Columns that the program does not write have no offsets since start.
		if len(c.data) == 0 || c.absent && n >= r.start {
			continue
		}
		switch c.layout {
		case layText:
			c.end = c.offset(n)
		case layList:
			c.elems.truncate(c.offset(n))
		}
	}
	r.n = n
	r.start = min(r.start, n)
}
