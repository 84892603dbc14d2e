package gather

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// fields returns the cells of field i of structs.
func fields(src []cells, i int) []cells {
	out := make([]cells, len(src))
	for k, c := range src {
		out[k] = cells{c.array.(*array.Struct).Field(i), c.index}
	}
	return out
}

func (t *taker) validity(src []cells, n int) (*memory.Buffer, int) {
	some := false
	for _, c := range src {
		some = some || c.array.NullN() > 0
	}
	if !some {
		return nil, 0
	}
	b, nulls, i := t.buffer(int(bitutil.BytesForBits(int64(n)))), 0, 0
	bits := b.Bytes()
	for _, c := range src {
		for _, row := range c.index {
			valid := c.array.IsValid(int(row))
			bitutil.SetBitTo(bits, i, valid)
			if !valid {
				nulls++
			}
			i++
		}
	}
	return b, nulls
}

func (t *taker) bits(src []cells, n int) *memory.Buffer {
	b, i := t.buffer(int(bitutil.BytesForBits(int64(n)))), 0
	for _, c := range src {
		a := c.array.(*array.Boolean)
		for _, row := range c.index {
			bitutil.SetBitTo(b.Bytes(), i, a.Value(int(row)))
			i++
		}
	}
	return b
}

func (t *taker) fixed(width int, src []cells, n int) *memory.Buffer {
	b := t.buffer(width * n)
	to := b.Bytes()
	for _, c := range src {
		if len(c.index) == 0 {
			continue // an empty array may have no buffer
		}
		d := c.array.Data()
		from := d.Buffers()[1].Bytes()[d.Offset()*width:]
		switch width {
		case 4:
			for _, row := range c.index {
				binary.NativeEndian.PutUint32(to, binary.NativeEndian.Uint32(from[int(row)*4:]))
				to = to[4:]
			}
		case 8:
			for _, row := range c.index {
				binary.NativeEndian.PutUint64(to, binary.NativeEndian.Uint64(from[int(row)*8:]))
				to = to[8:]
			}
		default:
			for _, row := range c.index {
				to = to[copy(to[:width], from[int(row)*width:]):]
			}
		}
	}
	return b
}

// offsets returns a buffer of n+1 offsets, the first set to 0, and the other n.
func (t *taker) offsets(n int) (*memory.Buffer, []int32) {
	b := t.buffer(4 * (n + 1))
	ends := arrow.Int32Traits.CastFromBytes(b.Bytes())
	ends[0] = 0
	return b, ends[1:]
}

func (t *taker) bytes(src []cells, n int) []*memory.Buffer {
	offsets, ends := t.offsets(n)
	size, i := 0, 0
	for _, c := range src {
		value := bytesOf(c.array)
		for _, row := range c.index {
			if c.array.IsValid(int(row)) {
				size += len(value(int(row)))
			}
			ends[i] = int32(size)
			i++
		}
	}
	if size > math.MaxInt32 {
		t.err = ErrOffsets
		return []*memory.Buffer{offsets, nil}
	}
	data := t.buffer(size)
	to := data.Bytes()
	for _, c := range src {
		value := bytesOf(c.array)
		for _, row := range c.index {
			if c.array.IsValid(int(row)) {
				to = to[copy(to, value(int(row))):]
			}
		}
	}
	return []*memory.Buffer{offsets, data}
}

// bytesOf returns a function that returns the values of an array of strings or
// bytes.
func bytesOf(a arrow.Array) func(i int) []byte {
	switch a := a.(type) {
	case *array.Binary:
		return a.Value
	case *array.BinaryView:
		return a.Value
	case array.StringLike:
		return func(i int) []byte { s := a.Value(i); return unsafe.Slice(unsafe.StringData(s), len(s)) }
	}
	return func(int) []byte { return nil }
}

// views copies view headers. It shares the buffers that they point into, or copies
// the values if t.compact is set.
func (t *taker) views(src []cells, n int) []*memory.Buffer {
	b, i := t.buffer(arrow.ViewHeaderTraits.BytesRequired(n)), 0
	headers := arrow.ViewHeaderTraits.CastFromBytes(b.Bytes())
	out := []*memory.Buffer{b}
	var own []byte // if compact, for the values that are not in their headers
	if t.compact {
		size := sizeOfViews(src)
		if size > math.MaxInt32 {
			t.err = ErrOffsets
			return out
		}
		if size > 0 {
			b := t.buffer(size)
			own, out = b.Bytes(), append(out, b)
		}
	}
	at := 0
	for _, c := range src {
		if len(c.index) == 0 {
			continue
		}
		a, before, value := c.array.(array.ViewLike), int32(len(out)-1), bytesOf(c.array)
		for _, row := range c.index {
			headers[i] = arrow.ViewHeader{}
			if a.IsValid(int(row)) {
				headers[i] = *a.ValueHeader(int(row))
				switch h := &headers[i]; {
				case h.IsInline():
				case t.compact:
					h.SetIndexOffset(0, int32(at))
					at += copy(own[at:], value(int(row)))
				case before > 0:
					h.SetIndexOffset(h.BufferIndex()+before, h.BufferOffset())
				}
			}
			i++
		}
		if t.compact {
			continue
		}
		for _, shared := range c.array.Data().Buffers()[2:] {
			shared.Retain()
			out = append(out, shared)
		}
	}
	return out
}

// sizeOfViews returns the bytes of the values that are not in their headers.
func sizeOfViews(src []cells) (size int) {
	for _, c := range src {
		a := c.array.(array.ViewLike)
		for _, row := range c.index {
			if h := a.ValueHeader(int(row)); a.IsValid(int(row)) && !h.IsInline() {
				size += h.Len()
			}
		}
	}
	return size
}

// lists returns the offsets of lists or maps, and the cells of their elements.
func (t *taker) lists(src []cells, n int) (*memory.Buffer, []cells) {
	offsets, ends := t.offsets(n)
	inner, size, i := make([]cells, len(src)), 0, 0
	for k, c := range src {
		a := c.array.(array.ListLike)
		var index []int32
		for _, row := range c.index {
			if a.IsValid(int(row)) {
				from, to := a.ValueOffsets(int(row))
				for e := from; e < to; e++ {
					index = append(index, int32(e))
				}
			}
			ends[i] = int32(size + len(index))
			i++
		}
		inner[k], size = cells{a.ListValues(), index}, size+len(index)
	}
	if size > math.MaxInt32 {
		t.err = ErrOffsets
	}
	return offsets, inner
}
