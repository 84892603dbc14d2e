package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// open opens a file in memory.
func open(data []byte) (*Reader, error) {
	return OpenReader(bytes.NewReader(data), int64(len(data)))
}

// rowsOf returns the rows of records.
func rowsOf(recs ...arrow.Record) (rows []map[string]any) {
	for _, rec := range recs {
		for i := range int(rec.NumRows()) {
			rows = append(rows, plainRow(rec, i))
		}
	}
	return rows
}

// readAll returns the records of a file.
func readAll(r *Reader, columns []string) (recs []arrow.Record, err error) {
	for i := range r.NumRowGroups() {
		rec, err := r.ReadRowGroup(i, columns)
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

// requests is a source that notes what is read of it.
type requests struct {
	io.ReaderAt
	sizes []int
}

func (r *requests) ReadAt(p []byte, at int64) (int, error) {
	r.sizes = append(r.sizes, len(p))
	return r.ReaderAt.ReadAt(p, at)
}

// checkRecord checks that the arrays of a record are as Arrow specifies them.
func checkRecord(r arrow.Record) error {
	for i, c := range r.Columns() {
		if int64(c.Len()) != r.NumRows() {
			return fmt.Errorf("%s: %d of %d rows", r.ColumnName(i), c.Len(), r.NumRows())
		}
		if err := checkArray(c.Data()); err != nil {
			return fmt.Errorf("%s: %w", r.ColumnName(i), err)
		}
	}
	return nil
}

func checkArray(a arrow.ArrayData) error {
	typ, n := a.DataType(), a.Len()
	buffers := a.Buffers()
	nulls := 0
	if valid := buffers[0]; valid != nil {
		if valid.Len() < int(bitutil.BytesForBits(int64(n))) {
			return fmt.Errorf("%s: a bitmap of %d bytes for %d values", typ, valid.Len(), n)
		}
		nulls = n - bitutil.CountSetBits(valid.Bytes(), 0, n)
	}
	if typ.ID() == arrow.NULL {
		nulls = n
	}
	if nulls != a.NullN() || a.Offset() != 0 {
		return fmt.Errorf("%s: %d nulls, not %d", typ, nulls, a.NullN())
	}
	switch typ := typ.(type) {
	case *arrow.StructType:
		for i, c := range a.Children() {
			if !arrow.TypeEqual(c.DataType(), typ.Field(i).Type) || c.Len() != n {
				return fmt.Errorf("%s: field %d is %d of %s", typ, i, c.Len(), c.DataType())
			}
			if err := checkArray(c); err != nil {
				return fmt.Errorf("%s: %w", typ.Field(i).Name, err)
			}
		}
	case *arrow.ListType, *arrow.MapType:
		if err := checkOffsets(buffers[1].Bytes(), n, a.Children()[0].Len()); err != nil {
			return fmt.Errorf("%s: %w", typ, err)
		}
		if _, ok := typ.(*arrow.MapType); ok && (a.Children()[0].NullN() > 0 || a.Children()[0].Children()[0].NullN() > 0) {
			return fmt.Errorf("%s: null keys", typ)
		}
		return checkArray(a.Children()[0])
	case *arrow.StringType:
		return checkOffsets(buffers[1].Bytes(), n, buffers[2].Len())
	case *arrow.BinaryViewType:
		for i, h := range arrow.ViewHeaderTraits.CastFromBytes(buffers[1].Bytes()) {
			if h.IsInline() {
				continue
			}
			page := buffers[2+h.BufferIndex()].Bytes()
			if v := page[h.BufferOffset():][:h.Len()]; !bytes.Equal(v[:4], arrow.ViewHeaderTraits.CastToBytes([]arrow.ViewHeader{h})[4:8]) {
				return fmt.Errorf("view %d: its prefix is wrong", i)
			}
		}
	case arrow.FixedWidthDataType:
		if have, want := buffers[1].Len(), (typ.BitWidth()*n+7)/8; have < want {
			return fmt.Errorf("%s: %d bytes, not %d", typ, have, want)
		}
	}
	return nil
}

// checkOffsets checks n+1 offsets in a child.
func checkOffsets(b []byte, n, length int) error {
	if len(b) < 4*(n+1) {
		return fmt.Errorf("%d bytes of offsets for %d values", len(b), n)
	}
	last := 0
	for i := range n + 1 {
		at := int(binary.LittleEndian.Uint32(b[4*i:]))
		if at < last || i == 0 && at != 0 {
			return fmt.Errorf("offset %d is %d, after %d", i, at, last)
		}
		last = at
	}
	if last != length {
		return fmt.Errorf("%d values after the last of %d offsets", length-last, n+1)
	}
	return nil
}
