package parquetfile

import "encoding/binary"

// Types of the Thrift compact protocol, as they stand in field and list
// headers.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// compact writes the part of the Thrift compact protocol that Parquet's
// headers and footer need. Fields of a struct must come in ascending order.
type compact struct {
	buf  []byte
	last int   // id of the field written last in the open struct
	open []int // the same, of the structs around it
}

func (c *compact) reset() {
	c.buf, c.last, c.open = c.buf[:0], 0, c.open[:0]
}

// begin opens a struct that stands in a list, or at the top.
func (c *compact) begin() {
	c.open = append(c.open, c.last)
	c.last = 0
}

func (c *compact) end() {
	c.buf = append(c.buf, 0)
	c.last = c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
}

// field writes a field header; ids grow by less than 16 in every Parquet
// struct, so the short form always does.
func (c *compact) field(id, typ int) {
	c.buf = append(c.buf, byte((id-c.last)<<4|typ))
	c.last = id
}

func (c *compact) i32(id int, v int32) {
	c.field(id, thriftI32)
	c.buf = binary.AppendVarint(c.buf, int64(v))
}

func (c *compact) i64(id int, v int64) {
	c.field(id, thriftI64)
	c.buf = binary.AppendVarint(c.buf, v)
}

func (c *compact) bool(id int, v bool) {
	typ := thriftFalse
	if v {
		typ = thriftTrue
	}
	c.field(id, typ)
}

func (c *compact) bytes(id int, v []byte) {
	c.field(id, thriftBinary)
	c.buf = binary.AppendUvarint(c.buf, uint64(len(v)))
	c.buf = append(c.buf, v...)
}

func (c *compact) string(id int, v string) {
	c.field(id, thriftBinary)
	c.element(v)
}

// element writes a string of a list.
func (c *compact) element(v string) {
	c.buf = binary.AppendUvarint(c.buf, uint64(len(v)))
	c.buf = append(c.buf, v...)
}

// list opens a list of n elements, which the caller writes next.
func (c *compact) list(id, typ, n int) {
	c.field(id, thriftList)
	if n < 15 {
		c.buf = append(c.buf, byte(n<<4|typ))
		return
	}
	c.buf = append(c.buf, byte(0xf0|typ))
	c.buf = binary.AppendUvarint(c.buf, uint64(n))
}

// structure opens a struct that is a field; end closes it.
func (c *compact) structure(id int) {
	c.field(id, thriftStruct)
	c.begin()
}

// empty writes a field whose struct has no fields: the members of Parquet's
// unions that are only a name.
func (c *compact) empty(id int) {
	c.structure(id)
	c.end()
}
