package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// voScanner reads the rows of a VOTable.
type voScanner struct {
	r        *votable.Reader
	want     []int
	rows     int
	builders []array.Builder

	taken int64 // bytes read of the document, at least
	empty int64 // bytes of arrays for empty cells
}

func newVOScanner(r *votable.Reader, cols []column, want []int, rows int, mem memory.Allocator) *voScanner {
	s := &voScanner{r: r, want: want, rows: rows}
	for _, w := range want {
		s.builders = append(s.builders, array.NewBuilder(mem, cols[w].typ))
	}
	r.Select(want)
	return s
}

func (s *voScanner) next() ([]arrow.Array, error) {
	n, size := 0, 0
	for n < s.rows && size < maxBuffer {
		row, err := s.r.Next()
		if err != nil && n > 0 {
			break // Next returns it again, after the rows before it
		}
		if err != nil {
			return nil, err
		}
		bytes, err := s.append(row)
		if err != nil {
			return nil, s.r.Locate(err)
		}
		n++
		size += bytes
	}
	return newArrays(s.builders), nil
}

// append appends a row and returns its approximate size in bytes.
func (s *voScanner) append(row []votable.Cell) (size int, err error) {
	fields := s.r.Fields()
	s.taken += int64(len("<TD/>") * len(fields))
	empty := s.empty
	for i, w := range s.want {
		f, c := &fields[w], row[w]
		err := s.charge(s.builders[i], f, c)
		if err == nil {
			err = appendCell(s.builders[i], f, c)
		}
		if err != nil && c.Raw == nil {
			err = fmt.Errorf("%q: %w", short(string(c.Text)), err)
		}
		if err != nil {
			return 0, fmt.Errorf("column %q: %w", short(f.Name), err)
		}
		size += 8 + len(c.Text) + len(c.Raw)
	}
	return size + int(s.empty-empty), nil
}

// charge counts the memory of arrays whose cells are empty: a small file must not
// take much memory.
func (s *voScanner) charge(to array.Builder, f *votable.Field, c votable.Cell) error {
	s.taken += int64(len(c.Text) + len(c.Raw))
	if _, isList := to.(*array.FixedSizeListBuilder); !isList || c.Raw != nil || len(c.Text) >= f.Repeat {
		return nil
	}
	s.empty += int64(f.Repeat) * int64(f.Size)
	if s.empty > maxBuffer+1000*s.taken {
		return fmt.Errorf("its arrays of %d are empty, and would take more than %d MiB", f.Repeat, maxBuffer>>20)
	}
	return nil
}

func (s *voScanner) close() { release(s.builders) }

func appendCell(to array.Builder, f *votable.Field, c votable.Cell) error {
	list, isList := to.(*array.FixedSizeListBuilder)
	switch {
	case c.Null:
		to.AppendNull()
		return nil
	case isList && c.Raw == nil:
		return appendList(list, f, c.Text)
	case c.Raw == nil:
		return appendText(to, c.Text)
	case !isList:
		return appendElement(to, f, c.Raw)
	}
	list.Append(true)
	for raw := c.Raw; len(raw) > 0; raw = raw[f.Size:] {
		if err := appendElement(list.ValueBuilder(), f, raw[:f.Size]); err != nil {
			return err
		}
	}
	return nil
}

// appendList appends a list of numbers separated by blanks.
func appendList(to *array.FixedSizeListBuilder, f *votable.Field, text []byte) error {
	to.Append(true)
	n := 0
	for part := range bytes.FieldsSeq(text) {
		if n++; n > f.Repeat {
			continue
		}
		if f.NullText(part) {
			part = nil
		}
		if err := appendText(to.ValueBuilder(), part); err != nil {
			return err
		}
	}
	if n != f.Repeat {
		return fmt.Errorf("%d numbers instead of %d", n, f.Repeat)
	}
	return nil
}

// appendElement appends a binary value.
func appendElement(to array.Builder, f *votable.Field, raw []byte) error {
	switch to := to.(type) {
	case *array.Float64Builder:
		to.Append(math.Float64frombits(binary.BigEndian.Uint64(raw)))
		return nil
	case *array.Float32Builder:
		to.Append(math.Float32frombits(binary.BigEndian.Uint32(raw)))
		return nil
	case *array.BooleanBuilder:
		return appendBinaryBool(to, f, raw)
	}
	v, ok := f.Int(raw)
	if !ok {
		to.AppendNull()
		return nil
	}
	switch to := to.(type) {
	case *array.Uint8Builder:
		to.Append(uint8(v))
	case *array.Int16Builder:
		to.Append(int16(v))
	case *array.Int32Builder:
		to.Append(int32(v))
	case *array.Int64Builder:
		to.Append(v)
	}
	return nil
}

func appendBinaryBool(to *array.BooleanBuilder, f *votable.Field, raw []byte) error {
	switch {
	case f.Size == 0: // a single bit
		to.Append(raw[0] != 0)
	case raw[0] == 0 || raw[0] == ' ':
		to.AppendNull()
	default:
		return appendBool(to, raw)
	}
	return nil
}
