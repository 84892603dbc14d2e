package inspect

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// Reader reads row groups with Arrow's reader: of Parquet files of any form, but two
// to three times slower than package parquetfile reads its own.
type Reader struct {
	file   *file.Reader
	arrow  *pqarrow.FileReader
	schema *arrow.Schema
}

// OpenReader checks every value of a file, because Arrow's reader decodes in
// goroutines, where a panic could not be recovered, and opens it. The caller must
// close the Reader before f.
func OpenReader(f File) (r *Reader, err error) {
	defer recovered(&err)
	if _, err := check(f, Options{Deep: true}, false); err != nil {
		return nil, err
	}
	// Pages that are buffered as a whole are decoded faster than with open.
	in, err := file.NewParquetReader(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return nil, err
	}
	r = &Reader{file: in}
	if r.arrow, err = pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator); err == nil {
		r.schema, err = r.arrow.Schema()
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return r, nil
}

// Close frees what the reader holds. Records that it has returned remain valid.
func (r *Reader) Close() error { return r.file.Close() }

// Schema returns the schema of the file.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// NumRows returns the number of rows of the file.
func (r *Reader) NumRows() int64 { return r.file.NumRows() }

// Metadata returns the key-value pairs of the footer.
func (r *Reader) Metadata() map[string]string {
	out := map[string]string{}
	var kv metadata.KeyValueMetadata = r.file.MetaData().KeyValueMetadata()
	for i, k := range kv.Keys() {
		out[k] = kv.Values()[i]
	}
	return out
}

// NumRowGroups returns the number of row groups.
func (r *Reader) NumRowGroups() int { return r.file.NumRowGroups() }

// RowGroup returns the number of rows of a row group, and of bytes before and after
// compression.
func (r *Reader) RowGroup(i int) (rows, raw, stored int64) {
	g := r.file.MetaData().RowGroup(i)
	return g.NumRows(), g.TotalByteSize(), g.TotalCompressedSize()
}

// Bounds reports no bounds: those of other writers may be cut short.
func (r *Reader) Bounds(int, string) (least, greatest []byte, ok bool) { return nil, nil, false }

// ReadRowGroup returns columns of a row group, or all of them if paths is nil. They
// are named as in package parquetfile. The caller must release the record.
func (r *Reader) ReadRowGroup(i int, paths []string) (rec arrow.Record, err error) {
	defer recovered(&err)
	rows := r.file.MetaData().RowGroup(i).NumRows()
	columns := r.columnsBelow(paths)
	if len(columns) == 0 {
		return array.NewRecord(arrow.NewSchema(nil, nil), nil, rows), nil
	}
	t, err := r.arrow.ReadRowGroups(context.Background(), columns, []int{i})
	if err != nil {
		return nil, fmt.Errorf("row group %d: %w", i, err)
	}
	defer t.Release()
	arrays := make([]arrow.Array, 0, t.NumCols())
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	for c := range int(t.NumCols()) {
		a, err := array.Concatenate(t.Column(c).Data().Chunks(), memory.DefaultAllocator)
		if err != nil {
			return nil, fmt.Errorf("row group %d, column %s: %w", i, t.Column(c).Name(), err)
		}
		arrays = append(arrays, a)
		if int64(a.Len()) != rows {
			return nil, fmt.Errorf("row group %d, column %s: %d of %d values", i, t.Column(c).Name(), a.Len(), rows)
		}
	}
	return array.NewRecord(t.Schema(), arrays, rows), nil
}

// columnsBelow returns the numbers of the leaf columns that are below the paths.
func (r *Reader) columnsBelow(paths []string) (out []int) {
	s := r.file.MetaData().Schema
	for c := range s.NumColumns() {
		path := strings.ReplaceAll(s.Column(c).Path(), ".list.element", "")
		for _, p := range paths {
			if path == p || strings.HasPrefix(path, p+".") {
				out = append(out, c)
				break
			}
		}
		if paths == nil {
			out = append(out, c)
		}
	}
	return out
}
