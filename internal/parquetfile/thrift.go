package parquetfile

import "encoding/binary"

// Types of Thrift's compact protocol, as in field and list headers.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// thriftWriter writes the part of Thrift's compact protocol that Parquet's page
// headers and footer need. Fields of a struct must be written in ascending order.
type thriftWriter struct {
	buf  []byte
	last int   // id of the last field of the open struct
	open []int // the same of the enclosing structs
}

func (t *thriftWriter) reset() {
	t.buf, t.last, t.open = t.buf[:0], 0, t.open[:0]
}

// begin opens a struct in a list or at the top; end closes it.
func (t *thriftWriter) begin() {
	t.open = append(t.open, t.last)
	t.last = 0
}

func (t *thriftWriter) end() {
	t.buf = append(t.buf, 0)
	t.last = t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
}

// field writes a field header. It always has the short form, because ids grow by
// less than 16 in Parquet's structs.
func (t *thriftWriter) field(id, typ int) {
	t.buf = append(t.buf, byte((id-t.last)<<4|typ))
	t.last = id
}

func (t *thriftWriter) i32(id int, v int32) {
	t.field(id, thriftI32)
	t.buf = binary.AppendVarint(t.buf, int64(v))
}

func (t *thriftWriter) i64(id int, v int64) {
	t.field(id, thriftI64)
	t.buf = binary.AppendVarint(t.buf, v)
}

func (t *thriftWriter) bool(id int, v bool) {
	typ := thriftFalse
	if v {
		typ = thriftTrue
	}
	t.field(id, typ)
}

func (t *thriftWriter) bytes(id int, v []byte) {
	t.field(id, thriftBinary)
	t.buf = binary.AppendUvarint(t.buf, uint64(len(v)))
	t.buf = append(t.buf, v...)
}

func (t *thriftWriter) string(id int, v string) {
	t.field(id, thriftBinary)
	t.element(v)
}

// element writes a string in a list.
func (t *thriftWriter) element(v string) {
	t.buf = binary.AppendUvarint(t.buf, uint64(len(v)))
	t.buf = append(t.buf, v...)
}

// list writes the header of a list of n elements, which must follow.
func (t *thriftWriter) list(id, typ, n int) {
	t.field(id, thriftList)
	if n < 15 {
		t.buf = append(t.buf, byte(n<<4|typ))
		return
	}
	t.buf = append(t.buf, byte(0xf0|typ))
	t.buf = binary.AppendUvarint(t.buf, uint64(n))
}

// structure opens a struct in a field; end closes it.
func (t *thriftWriter) structure(id int) {
	t.field(id, thriftStruct)
	t.begin()
}

// empty writes a field with an empty struct, as in Parquet's unions.
func (t *thriftWriter) empty(id int) {
	t.structure(id)
	t.end()
}
