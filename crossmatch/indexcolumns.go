package crossmatch

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// indexColumn describes a column.
type indexColumn struct {
	Name string `json:"name"`
	columnType
	Nullable bool        `json:"nullable"`
	Nulls    int         `json:"nulls"`
	Valid    *section    `json:"valid,omitempty"` // if there are nulls
	Buffers  []section   `json:"buffers"`         // values; or offsets, values
	Metadata [][2]string `json:"metadata,omitempty"`
}

// columnType is the type of a column.
type columnType struct {
	Type  string `json:"type"`
	Unit  string `json:"unit,omitempty"`  // of timestamps: s, ms, us, ns
	Zone  string `json:"zone,omitempty"`  // of timestamps
	Width int    `json:"width,omitempty"` // of fixed_size_binary
}

const (
	timestampType = "timestamp"
	fixedType     = "fixed_size_binary"
)

// columnTypes are the types that a name describes completely.
var columnTypes = map[string]arrow.DataType{
	"bool": arrow.FixedWidthTypes.Boolean,
	"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16, "int32": arrow.PrimitiveTypes.Int32, "int64": arrow.PrimitiveTypes.Int64,
	"uint8": arrow.PrimitiveTypes.Uint8, "uint16": arrow.PrimitiveTypes.Uint16, "uint32": arrow.PrimitiveTypes.Uint32, "uint64": arrow.PrimitiveTypes.Uint64,
	"float32": arrow.PrimitiveTypes.Float32, "float64": arrow.PrimitiveTypes.Float64,
	"utf8": arrow.BinaryTypes.String, "large_utf8": arrow.BinaryTypes.LargeString,
	"binary": arrow.BinaryTypes.Binary, "large_binary": arrow.BinaryTypes.LargeBinary,
	"date32": arrow.FixedWidthTypes.Date32, "date64": arrow.FixedWidthTypes.Date64,
}

// columnTypeOf returns the type of a column; false if an index file cannot hold it.
func columnTypeOf(t arrow.DataType) (c columnType, ok bool) {
	switch t := t.(type) {
	case *arrow.TimestampType:
		return columnType{Type: timestampType, Unit: t.Unit.String(), Zone: t.TimeZone}, true
	case *arrow.FixedSizeBinaryType:
		return columnType{Type: fixedType, Width: t.ByteWidth}, true
	}
	for name, u := range columnTypes {
		if u.ID() == t.ID() {
			return columnType{Type: name}, true
		}
	}
	return c, false
}

// arrow is the inverse of columnTypeOf.
func (c columnType) arrow() (arrow.DataType, error) {
	units := []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond}
	unit := slices.IndexFunc(units, func(u arrow.TimeUnit) bool { return u.String() == c.Unit })
	t := columnTypes[c.Type]
	switch {
	case c.Type == timestampType && unit >= 0:
		return &arrow.TimestampType{Unit: units[unit], TimeZone: c.Zone}, nil
	case c.Type == fixedType && c.Width >= 0 && c.Width <= 1<<31-1:
		return &arrow.FixedSizeBinaryType{ByteWidth: c.Width}, nil
	case t == nil:
		return nil, unusable("type %q, unit %q, width %d", c.Type, c.Unit, c.Width)
	}
	return t, nil
}

// bufferSizes returns the sizes of a column's buffers without the bitmap of nulls. If the
// type has offsets, they come first and offset is their width; the size of the values,
// which is the last offset, is returned as 0.
func bufferSizes(t arrow.DataType, rows int) (sizes []int64, offset int) {
	specs := t.Layout().Buffers[1:]
	switch width := specs[0].ByteWidth; {
	case len(specs) == 2:
		return []int64{int64(rows+1) * int64(width), 0}, width
	case specs[0].Kind == arrow.KindBitmap:
		return []int64{int64(rows+7) / 8}, 0
	default:
		return []int64{int64(rows) * int64(width)}, 0
	}
}

// columns writes the columns of a table.
func (w *indexWriter) columns(table arrow.Record) (out []any, err error) {
	for i, f := range table.Schema().Fields() {
		d := indexColumn{Name: f.Name, Nullable: f.Nullable, Metadata: metadataPairs(f.Metadata)}
		var ok bool
		if d.columnType, ok = columnTypeOf(f.Type); !ok {
			return nil, fmt.Errorf("column %q: an index file cannot hold %s: leave the column out, or convert it", f.Name, f.Type)
		}
		if !utf8.ValidString(f.Name) {
			return nil, fmt.Errorf("column %q: the name is not UTF-8", f.Name)
		}
		if err := w.column(&d, table.Column(i)); err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (w *indexWriter) column(d *indexColumn, a arrow.Array) error {
	if a.Data().Offset() != 0 { // a slice, whose bitmaps would have to be shifted
		whole, err := array.Concatenate([]arrow.Array{a}, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		defer whole.Release()
		a = whole
	}
	buffer := func(i int) []byte {
		if b := a.Data().Buffers()[i]; b != nil {
			return b.Bytes()
		}
		return nil
	}
	if d.Nulls = a.NullN(); d.Nulls > 0 {
		s := w.section(padded(buffer(0), int64(a.Len()+7)/8))
		d.Valid = &s
	}
	sizes, offset := bufferSizes(a.DataType(), a.Len())
	if offset > 0 && a.Len() > 0 {
		sizes[1] = lastOffset(buffer(1)[:sizes[0]], offset)
	}
	for i, n := range sizes {
		d.Buffers = append(d.Buffers, w.section(padded(buffer(i+1), n)))
	}
	return nil
}

// padded returns the first n bytes of b, with zeros added if b is shorter, as it is in an
// array without rows.
func padded(b []byte, n int64) []byte {
	if missing := n - int64(len(b)); missing > 0 {
		return append(slices.Clip(b), make([]byte, missing)...)
	}
	return b[:n]
}

// lastOffset returns the last of some offsets with the given width.
func lastOffset(b []byte, width int) int64 {
	if width == 4 {
		return int64(int32(binary.LittleEndian.Uint32(b[len(b)-4:])))
	}
	return int64(binary.LittleEndian.Uint64(b[len(b)-8:]))
}

// columns returns the table of a file.
func (r *indexReader) columns(d *indexCatalog) (arrow.Record, error) {
	var fields []arrow.Field
	var arrays []arrow.Array
	defer func() { releaseAll(arrays) }()
	for range *d.Columns {
		var col indexColumn
		if err := r.next(&col); err != nil {
			return nil, err
		}
		a, err := r.column(&col, d.Rows)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", col.Name, err)
		}
		arrays = append(arrays, a)
		fields = append(fields, arrow.Field{Name: col.Name, Type: a.DataType(), Nullable: col.Nullable, Metadata: metadataOf(col.Metadata)})
	}
	meta := metadataOf(d.Metadata)
	return array.NewRecord(arrow.NewSchema(fields, &meta), arrays, int64(d.Rows)), nil
}

// metadataOf is the inverse of metadataPairs.
func metadataOf(pairs [][2]string) arrow.Metadata {
	var keys, values []string
	for _, p := range pairs {
		keys, values = append(keys, p[0]), append(values, p[1])
	}
	return arrow.NewMetadata(keys, values)
}

// column returns an array over the file.
func (r *indexReader) column(d *indexColumn, rows int) (arrow.Array, error) {
	t, err := d.columnType.arrow()
	if err != nil {
		return nil, err
	}
	if d.Nulls < 0 || d.Nulls > rows || (d.Nulls > 0) != (d.Valid != nil) {
		return nil, unusable("%d nulls in %d rows", d.Nulls, rows)
	}
	buffers := make([]*memory.Buffer, 1, 3)
	defer func() {
		for _, b := range buffers {
			if b != nil {
				b.Release()
			}
		}
	}()
	if d.Valid != nil {
		buffers[0] = r.file.buffer(r.section(*d.Valid, int64(rows+7)/8))
	}
	sizes, offset := bufferSizes(t, rows)
	if len(d.Buffers) != len(sizes) {
		return nil, unusable("%d buffers instead of %d", len(d.Buffers), len(sizes))
	}
	for i, s := range d.Buffers {
		b := r.section(s, sizes[i])
		if r.err != nil {
			return nil, r.err
		}
		if i == 0 && offset > 0 {
			sizes[1] = lastOffset(b, offset)
			if offset == 4 && !nonDecreasing(cast[int32](b)) || offset == 8 && !nonDecreasing(cast[int64](b)) {
				return nil, unusable("its values' offsets are damaged")
			}
		}
		buffers = append(buffers, r.file.buffer(b))
	}
	data := array.NewData(t, rows, slices.Clone(buffers), nil, d.Nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// nonDecreasing reports whether offsets begin at 0 or later and never decrease. It
// combines signs without branches, to be as fast as memory.
func nonDecreasing[T int32 | int64](offsets []T) bool {
	var signs, before T
	for _, o := range offsets {
		signs |= o | (o - before)
		before = o
	}
	return signs >= 0
}
