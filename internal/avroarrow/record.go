package avroarrow

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// NewRecord hands over all rows as a record, which the caller releases, and
// leaves the builder empty. The next rows get buffers as large as these
// needed.
func (b *Builder) NewRecord() arrow.Record {
	b.pad()
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
	b.views.cut(0)
	b.top.renew(0)
	for _, r := range b.lists {
		r.renew(8)
	}
	return record
}

// data hands the first n rows of a column over.
func (b *Builder) data(c *column, n int) *array.Data {
	if c.layout == layOther {
		// It takes new memory to be zero, which the builder's need not be.
		none := array.MakeArrayOfNull(memory.NewGoAllocator(), c.typ, n)
		defer none.Release()
		data := none.Data().(*array.Data)
		data.Retain()
		return data
	}
	valid, nulls := b.validity(c, n)
	buffers := []*memory.Buffer{valid}
	var children []arrow.ArrayData
	switch c.layout {
	case layBits:
		tidy(c.data, n)
		buffers = append(buffers, b.wrap(c.data, bytesFor(n)))
	case layFixed:
		buffers = append(buffers, b.wrap(c.data, n*c.width))
	case layText:
		buffers = append(buffers, b.wrap(c.data, (n+1)*4), b.wrap(c.text, c.end))
	case layView:
		buffers = append(append(buffers, b.wrap(c.data, n*c.width)), b.views.bufs...)
	case layList:
		buffers = append(buffers, b.wrap(c.data, (n+1)*4))
		children = append(children, b.data(c.elem, c.elems.n))
	case layStruct:
		for _, kid := range c.kids {
			children = append(children, b.data(kid, n))
		}
	}
	data := array.NewData(c.typ, n, buffers, children, nulls, 0)
	for _, buf := range buffers[:min(len(buffers), c.layout.owned())] {
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

// owned is how many of a column's buffers are its own.
func (l layout) owned() int {
	switch l {
	case layText:
		return 3
	case layNull, layStruct:
		return 1
	}
	return 2 // behind them stand the messages of views
}

// validity is the bitmap of n rows, if any is null, and their number.
func (b *Builder) validity(c *column, n int) (*memory.Buffer, int) {
	if c.layout == layNull {
		return nil, n
	}
	if c.valid == nil {
		return nil, 0
	}
	used := tidy(c.valid, n)
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

// tidy clears the bits behind the first n, and returns the bytes in use.
func tidy(b []byte, n int) []byte {
	used := b[:min(bytesFor(n), len(b))]
	if n%8 != 0 {
		used[len(used)-1] &= 1<<(n%8) - 1
	}
	return used
}

// wrap makes a buffer of the first n bytes of memory that is freed with it.
func (b *Builder) wrap(data []byte, n int) *memory.Buffer {
	if len(data) == 0 {
		return nil
	}
	buf := memory.NewBufferWithAllocator(data, b.mem)
	buf.ResizeNoShrink(n)
	return buf
}

// renew makes the rows empty, to begin as large as they were, and a slack-th
// more where lengths vary from batch to batch.
func (r *rows) renew(slack int) {
	r.hint = r.n
	if slack > 0 {
		r.hint += r.n / slack
	}
	r.n, r.cap, r.start = 0, 0, 0
	for _, c := range r.cols {
		c.textHint, c.end = c.end+c.end/8, 0
	}
}

// free gives all memory back.
func (r *rows) free(mem memory.Allocator) {
	for _, c := range r.cols {
		for _, b := range [][]byte{c.data, c.text, c.valid} {
			if len(b) > 0 {
				mem.Free(b)
			}
		}
		c.data, c.text, c.valid = nil, nil, nil
	}
	r.renew(0)
}
