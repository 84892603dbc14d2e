package avroarrow

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// NewRecord returns all rows as a record, which the caller must release, and
// leaves the builder empty. The next rows get buffers of the size that these
// needed.
func (b *Builder) NewRecord() arrow.Record {
	b.fillMissing()
	n := b.top.n
	arrays := make([]arrow.Array, len(b.cols))
	for i, c := range b.cols {
		data := b.data(c, n)
		arrays[i] = array.MakeFromData(data)
		data.Release()
	}
	record := array.NewRecord(b.target, arrays, int64(n))
	for _, a := range arrays {
		a.Release()
	}
	b.views.truncate(0)
	b.top.reset(0)
	for _, r := range b.lists {
		r.reset(8)
	}
	return record
}

// data returns the first n rows of a column, and gives up its memory.
func (b *Builder) data(c *column, n int) *array.Data {
	if c.layout == layOther {
		// MakeArrayOfNull relies on zeroed memory; b.mem need not return any.
		none := array.MakeArrayOfNull(memory.NewGoAllocator(), c.typ, n)
		defer none.Release()
		data := none.Data().(*array.Data)
		data.Retain()
		return data
	}
	valid, nulls := b.validity(c, n)
	buffers := []*memory.Buffer{valid}
	var views []*memory.Buffer // those that views point into are not the column's own
	var children []arrow.ArrayData
	switch c.layout {
	case layBits:
		clearTail(c.data, n)
		buffers = append(buffers, b.wrap(c.data, bytesFor(n)))
	case layFixed:
		buffers = append(buffers, b.wrap(c.data, n*c.width))
	case layText:
		buffers = append(buffers, b.wrap(c.data, (n+1)*4), b.wrap(c.text, c.end))
	case layView:
		buffers, views = append(buffers, b.wrap(c.data, n*c.width)), b.views.bufs
	case layList:
		buffers = append(buffers, b.wrap(c.data, (n+1)*4))
		children = append(children, b.data(c.elem, c.elems.n))
	case layStruct:
		for _, kid := range c.children {
			children = append(children, b.data(kid, n))
		}
	}
	data := array.NewData(c.typ, n, append(buffers[:len(buffers):len(buffers)], views...), children, nulls, 0)
	for _, buf := range buffers {
		if buf != nil {
			buf.Release()
		}
	}
	for _, child := range children {
		child.Release()
	}
	c.data, c.text, c.valid = nil, nil, nil
	return data
}

// validity returns the bitmap of n rows, nil if none is null, and the number of
// nulls.
func (b *Builder) validity(c *column, n int) (*memory.Buffer, int) {
	if c.layout == layNull {
		return nil, n
	}
	if c.valid == nil {
		return nil, 0
	}
	used := clearTail(c.valid, n)
	set := 0
	for _, v := range used {
		set += bits.OnesCount8(v)
	}
	if set == n {
		b.mem.Free(c.valid)
		return nil, 0
	}
	return b.wrap(c.valid, len(used)), n - set
}

// clearTail clears the bits after the first n, and returns the bytes in use.
func clearTail(b []byte, n int) []byte {
	used := b[:min(bytesFor(n), len(b))]
	if n%8 != 0 {
		used[len(used)-1] &= 1<<(n%8) - 1
	}
	return used
}

// wrap returns a buffer of the first n bytes of data, which it frees at the end.
func (b *Builder) wrap(data []byte, n int) *memory.Buffer {
	if len(data) == 0 {
		return nil
	}
	buf := memory.NewBufferWithAllocator(data, b.mem)
	buf.ResizeNoShrink(n)
	return buf
}

// maxHint bounds the memory in bytes that the first of the next rows get: a record
// may be followed by much smaller ones.
const maxHint = 16 << 20

// reset makes the rows empty. Their next capacity is the present size, plus a
// slack-th if slack is positive.
func (r *rows) reset(slack int) {
	r.hint = r.n
	if slack > 0 {
		r.hint += r.n / slack
	}
	r.hint = min(r.hint, maxHint/max(r.width, 1))
	r.n, r.cap, r.start = 0, 0, 0
	for _, c := range r.cols {
		c.textHint, c.end = min(c.end+c.end/8, maxHint), 0
	}
}

// free frees all memory.
func (r *rows) free(mem memory.Allocator) {
	for _, c := range r.cols {
		for _, b := range [][]byte{c.data, c.text, c.valid} {
			if len(b) > 0 {
				mem.Free(b)
			}
		}
		c.data, c.text, c.valid = nil, nil, nil
	}
	r.reset(0)
}
