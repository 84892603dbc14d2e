package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

type fitsScanner struct {
	t    *fitsTable
	r    io.Reader
	want []int
	rows int
	row  int64 // the next one
	buf  []byte
	mem  memory.Allocator
}

func (s *fitsScanner) next() ([]arrow.Array, error) {
	n := int(min(int64(s.rows), s.t.rows-s.row))
	if n == 0 {
		return nil, io.EOF
	}
	if err := s.fill(n * int(s.t.width)); err != nil {
		return nil, fmt.Errorf("row %d of %d: %w", s.row+1, s.t.rows, err)
	}
	out := make([]arrow.Array, len(s.want))
	for i, w := range s.want {
		out[i] = s.column(&s.t.fields[w], s.t.cols[w].typ, n)
	}
	s.row += int64(n)
	return out, nil
}

// fill reads n bytes. The buffer grows with the data, since headers may lie.
func (s *fitsScanner) fill(n int) error {
	const step = 1 << 20
	for have := 0; have < n; {
		if have == len(s.buf) {
			s.buf = append(s.buf, make([]byte, min(max(step, have), n-have))...)
		}
		got, err := io.ReadFull(s.r, s.buf[have:min(n, len(s.buf))])
		if have += got; err != nil {
			return fmt.Errorf("its rows are truncated: %w", io.ErrUnexpectedEOF)
		}
	}
	return nil
}

func (s *fitsScanner) close() {}

// column returns n rows of a column.
func (s *fitsScanner) column(p *fitsField, typ arrow.DataType, n int) arrow.Array {
	b := array.NewBuilder(s.mem, typ)
	defer b.Release()
	b.Reserve(n)
	cell := fieldOf(s.buf, p, int(s.t.width))
	values := b
	if list, ok := b.(*array.FixedSizeListBuilder); ok {
		values = list.ValueBuilder()
		values.Reserve(n * p.repeat)
		for range n {
			list.Append(true)
		}
	}
	switch v := values.(type) {
	case *array.StringBuilder:
		for i := range n {
			appendPadded(v, cell(i))
		}
	case *array.BooleanBuilder:
		for i := range n {
			for _, c := range cell(i) {
				if c == 'T' || c == 'F' {
					v.UnsafeAppend(c == 'T')
				} else {
					v.AppendNull()
				}
			}
		}
	default:
		appendNumbers(p, values, cell, n)
	}
	return b.NewArray()
}

// fieldOf returns a function that returns the bytes of a field in a row.
func fieldOf(buf []byte, p *fitsField, width int) func(row int) []byte {
	size := p.repeat * fitsSizes[p.code]
	return func(row int) []byte {
		at := row*width + p.at
		return buf[at : at+size]
	}
}

// appendPadded appends text, which ends at a NUL or before trailing blanks.
func appendPadded(b *array.StringBuilder, s []byte) {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = bytes.TrimRight(s, " ")
	if len(s) == 0 {
		b.AppendNull()
		return
	}
	b.BinaryBuilder.Append(toUTF8(s))
}

func appendNumbers(p *fitsField, b array.Builder, cell func(int) []byte, n int) {
	switch b := b.(type) {
	case *array.Float64Builder:
		if p.code == 'D' && p.scale == 1 && p.zero == 0 {
			each(cell, n, 8, func(f []byte) { b.UnsafeAppend(math.Float64frombits(binary.BigEndian.Uint64(f))) })
			return
		}
		each(cell, n, fitsSizes[p.code], func(f []byte) {
			if v, ok := p.scaled(f); ok {
				b.UnsafeAppend(v)
			} else {
				b.UnsafeAppendBoolToBitmap(false)
			}
		})
	case *array.Float32Builder:
		each(cell, n, 4, func(f []byte) { b.UnsafeAppend(math.Float32frombits(binary.BigEndian.Uint32(f))) })
	case *array.Uint8Builder:
		integers(p, b, cell, n)
	case *array.Int8Builder:
		integers(p, b, cell, n)
	case *array.Int16Builder:
		integers(p, b, cell, n)
	case *array.Uint16Builder:
		integers(p, b, cell, n)
	case *array.Int32Builder:
		integers(p, b, cell, n)
	case *array.Uint32Builder:
		integers(p, b, cell, n)
	case *array.Int64Builder:
		integers(p, b, cell, n)
	case *array.Uint64Builder:
		integers(p, b, cell, n)
	}
}

type integer interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64
}

func integers[T integer](p *fitsField, b interface {
	UnsafeAppend(T)
	UnsafeAppendBoolToBitmap(bool)
}, cell func(int) []byte, n int) {
	each(cell, n, fitsSizes[p.code], func(f []byte) {
		v := p.raw(f)
		switch {
		case p.null != nil && v == *p.null:
			b.UnsafeAppendBoolToBitmap(false)
		case p.flip:
			b.UnsafeAppend(T(v ^ -1<<(8*len(f)-1)))
		default:
			b.UnsafeAppend(T(v))
		}
	})
}

// each calls do with each element of a column, of size bytes.
func each(cell func(int) []byte, n, size int, do func([]byte)) {
	for i := range n {
		for f := cell(i); len(f) > 0; f = f[size:] {
			do(f[:size])
		}
	}
}

// raw returns an integer as stored. Bytes are unsigned.
func (p *fitsField) raw(f []byte) int64 {
	switch p.code {
	case 'B':
		return int64(f[0])
	case 'I':
		return int64(int16(binary.BigEndian.Uint16(f)))
	case 'J':
		return int64(int32(binary.BigEndian.Uint32(f)))
	}
	return int64(binary.BigEndian.Uint64(f))
}

// scaled returns a number with TSCAL and TZERO applied, and false for null.
func (p *fitsField) scaled(f []byte) (float64, bool) {
	var v float64
	switch p.code {
	case 'E':
		v = float64(math.Float32frombits(binary.BigEndian.Uint32(f)))
	case 'D':
		v = math.Float64frombits(binary.BigEndian.Uint64(f))
	default:
		raw := p.raw(f)
		if p.null != nil && raw == *p.null {
			return 0, false
		}
		v = float64(raw)
	}
	return v*p.scale + p.zero, true
}
