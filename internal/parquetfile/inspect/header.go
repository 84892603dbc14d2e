package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Parquet's numbers for page types.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// page is what a page's header says.
type page struct {
	typ            int64
	raw, stored    int64 // bytes of the body, before and after compression
	values         int64
	crc            uint32
	checked, known bool // it has a crc; it has values
}

// Types of the Thrift compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
)

var (
	errShort = errors.New("it ends too early")
	errDeep  = errors.New("it nests too deeply")
)

// cursor reads Thrift's compact protocol.
type cursor struct {
	buf []byte
	pos int
	err error
}

// parsePage parses a page header, and returns its length. errShort says that
// it may just go on beyond the bytes given.
func parsePage(buf []byte) (p page, n int, err error) {
	c := &cursor{buf: buf}
	c.fields(func(id int, typ byte) {
		switch {
		case id == 1 && typ == thriftI32:
			p.typ = c.varint()
		case id == 2 && typ == thriftI32:
			p.raw = c.varint()
		case id == 3 && typ == thriftI32:
			p.stored = c.varint()
		case id == 4 && typ == thriftI32:
			p.crc, p.checked = uint32(int32(c.varint())), true
		case (id == 5 || id == 7 || id == 8) && typ == thriftStruct:
			c.fields(func(id int, typ byte) {
				if id == 1 && typ == thriftI32 {
					p.values, p.known = c.varint(), true
					return
				}
				c.skip(typ, 0)
			})
		default:
			c.skip(typ, 0)
		}
	})
	if c.err != nil {
		return page{}, 0, c.err
	}
	if p.raw < 0 || p.stored < 0 || p.values < 0 {
		return page{}, 0, fmt.Errorf("it counts %d, %d and %d", p.raw, p.stored, p.values)
	}
	return p, c.pos, nil
}

// fields calls f for each field of a struct, which must consume its value.
func (c *cursor) fields(f func(id int, typ byte)) {
	id := 0
	for c.err == nil {
		b := c.byte()
		if b == 0 || c.err != nil {
			return
		}
		if delta := int(b >> 4); delta > 0 {
			id += delta
		} else {
			id = int(c.varint())
		}
		f(id, b&0xf)
	}
}

func (c *cursor) byte() byte {
	if c.pos >= len(c.buf) {
		c.fail(errShort)
		return 0
	}
	b := c.buf[c.pos]
	c.pos++
	return b
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.buf[min(c.pos, len(c.buf)):])
	switch {
	case n == 0:
		c.fail(errShort)
	case n < 0:
		c.fail(errors.New("a number has too many bytes"))
	default:
		c.pos += n
	}
	return v
}

func (c *cursor) varint() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (c *cursor) advance(n uint64) {
	if n > uint64(len(c.buf)-c.pos) {
		c.fail(errShort)
		return
	}
	c.pos += int(n)
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// skip passes over a value.
func (c *cursor) skip(typ byte, depth int) {
	if depth > 16 {
		c.fail(errDeep)
	}
	if c.err != nil {
		return
	}
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		c.advance(1)
	case thriftI16, thriftI32, thriftI64:
		c.uvarint()
	case thriftDouble:
		c.advance(8)
	case thriftBinary:
		c.advance(c.uvarint())
	case thriftList, thriftSet:
		c.skipList(depth)
	case thriftStruct:
		c.fields(func(_ int, typ byte) { c.skip(typ, depth+1) })
	default:
		c.fail(fmt.Errorf("it has a field of type %d", typ))
	}
}

func (c *cursor) skipList(depth int) {
	b := c.byte()
	n := uint64(b >> 4)
	if n == 15 {
		n = c.uvarint()
	}
	elem := b & 0xf
	for range n {
		if c.err != nil {
			return
		}
		if elem == thriftTrue || elem == thriftFalse {
			c.advance(1) // in a list a bool takes a byte
			continue
		}
		c.skip(elem, depth+1)
	}
}
