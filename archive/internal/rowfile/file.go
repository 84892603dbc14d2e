// Package rowfile reads the rows of an archive's files in commit order, with the
// table's present schema.
package rowfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/order"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Options say what is read of a file.
type Options struct {
	// Schema has the columns to read, as they are in the table. Columns of bytes may
	// be views.
	Schema *arrow.Schema
	// Memory bounds the rows of a sorted file that are held in memory; beyond it they
	// are put in order in a temporary file in Spill.
	Memory int64
	Spill  string
	Mem    memory.Allocator
}

// rowGroups is an open Parquet file.
type rowGroups interface {
	Schema() *arrow.Schema
	NumRows() int64
	Metadata() map[string]string
	NumRowGroups() int
	RowGroup(i int) (rows, raw, stored int64)
	Bounds(group int, column string) (least, greatest []byte, ok bool)
	ReadRowGroup(i int, columns []string) (arrow.Record, error)
}

// File is an open file, whose rows are numbered in commit order. Its methods must not
// be called concurrently.
type File struct {
	ledger.File
	in      *reader
	options Options
	rows    rowGroups
	groups  []int64 // the place of the first row of each row group, and the end
	columns []string
	sorted  *sorted // if the file is not in commit order
}

// Open opens a file that a commit names. The caller must close it. An error other
// than those of the store means that the file is damaged.
func Open(ctx context.Context, st store.Store, f ledger.File, o Options) (*File, error) {
	in, err := st.Open(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	x := &File{File: f, in: &reader{Reader: in}, options: o}
	if err := x.open(); err != nil {
		in.Close()
		return nil, x.explain(ctx, err)
	}
	return x, nil
}

// OpenUnordered is like Open, but Read returns the rows of a sorted file in the order
// of the file.
func OpenUnordered(ctx context.Context, st store.Store, f ledger.File, o Options) (*File, error) {
	x, err := Open(ctx, st, f, o)
	if err == nil && x.sorted != nil {
		x.sorted.release()
		x.sorted = nil
	}
	return x, err
}

// reader notes that the store has failed to read a file.
type reader struct {
	store.Reader
	failed error
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.Reader.ReadAt(p, off)
	if err != nil && err != io.EOF {
		r.failed = err
	}
	return n, err
}

// explain returns a *DamagedError, unless the store or the context caused the error.
func (f *File) explain(ctx context.Context, err error) error {
	if failed := f.in.failed; failed != nil || ctx.Err() != nil || err == nil {
		f.in.failed = nil
		return err
	}
	return &DamagedError{err}
}

// DamagedError reports a file that exists and cannot be read.
type DamagedError struct{ Err error }

// Error returns the text of Err.
func (e *DamagedError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *DamagedError) Unwrap() error { return e.Err }

func (f *File) open() (err error) {
	if f.in.Size() != f.Bytes {
		return fmt.Errorf("it has %d bytes, not %d", f.in.Size(), f.Bytes)
	}
	if f.rows, err = openParquet(f.in); err != nil {
		return err
	}
	if n := f.rows.NumRows(); n != f.Rows {
		return fmt.Errorf("it has %d rows, not %d", n, f.Rows)
	}
	f.groups = []int64{0}
	for g := range f.rows.NumRowGroups() {
		n, _, _ := f.rows.RowGroup(g)
		f.groups = append(f.groups, f.groups[g]+n)
	}
	if f.groups[len(f.groups)-1] != f.Rows {
		return fmt.Errorf("its row groups have %d rows, not %d", f.groups[len(f.groups)-1], f.Rows)
	}
	f.columns = columns.Common(f.rows.Schema(), f.options.Schema)
	if s, ok := f.rows.Metadata()[order.Key]; ok {
		f.sorted, err = f.openSorted(s)
	}
	return err
}

// openParquet opens a file with the reader for its form.
func openParquet(in store.Reader) (rowGroups, error) {
	r, err := parquetfile.OpenReader(in, in.Size())
	if errors.Is(err, parquetfile.ErrForm) {
		return inspect.OpenReader(in)
	}
	return r, err
}

// Close frees what the file holds. Records that it has returned remain valid.
func (f *File) Close() error {
	if f.sorted != nil {
		f.sorted.release()
	}
	var err error
	if c, ok := f.rows.(io.Closer); ok {
		err = c.Close()
	}
	return errors.Join(err, f.in.Close())
}

// Schema returns the schema of what Read returns.
func (f *File) Schema() *arrow.Schema { return f.options.Schema }

// Metadata returns the key-value pairs of the footer.
func (f *File) Metadata() map[string]string { return f.rows.Metadata() }

// Stored returns the size of the columns in the file, in bytes.
func (f *File) Stored() (n int64) {
	for g := range f.rows.NumRowGroups() {
		_, _, stored := f.rows.RowGroup(g)
		n += stored
	}
	return n
}

// Unknown returns the names of the file's columns that the schema does not have.
func (f *File) Unknown() []string { return columns.Absent(f.rows.Schema(), f.options.Schema) }

// Sorted reports whether the rows are in another order than that of their numbers,
// so that to read any of them means to read all.
func (f *File) Sorted() bool { return f.sorted != nil }

// Block returns the number of the block that has a row, and the first row of it and
// after it. A block is a row group or, of a sorted file, about as many rows.
func (f *File) Block(row int64) (block int, first, end int64) {
	if f.sorted != nil {
		n := f.sorted.blockRows()
		block = int(row / n)
		return block, int64(block) * n, min(int64(block+1)*n, f.Rows)
	}
	block = sort.Search(len(f.groups)-1, func(i int) bool { return f.groups[i+1] > row })
	return block, f.groups[block], f.groups[block+1]
}

// May reports whether a block may have rows with values from least to greatest in a
// column of int32 or int64.
func (f *File) May(block int, column string, least, greatest int64) bool {
	if f.sorted != nil {
		return true
	}
	a, b, ok := f.rows.Bounds(block, column)
	if !ok {
		return true
	}
	low, high, ok := number(a), number(b), len(a) == len(b) && (len(a) == 4 || len(a) == 8)
	return !ok || low <= greatest && least <= high
}

// number returns a value of Parquet's statistics.
func number(b []byte) int64 {
	switch len(b) {
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case 8:
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Read returns the rows of a block with the schema of the options. The caller must
// release the record.
func (f *File) Read(ctx context.Context, block int) (rec arrow.Record, err error) {
	if f.sorted != nil {
		rec, err = f.readSorted(ctx, block)
	} else {
		rec, err = f.readGroup(ctx, block)
	}
	return rec, f.explain(ctx, err)
}

// readGroup returns the rows of a row group.
func (f *File) readGroup(ctx context.Context, group int) (arrow.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows := f.groups[group+1] - f.groups[group]
	raw := array.NewRecord(arrow.NewSchema(nil, nil), nil, rows)
	if len(f.columns) > 0 {
		var err error
		if raw, err = f.rows.ReadRowGroup(group, f.columns); err != nil {
			return nil, err
		}
	}
	defer raw.Release()
	if raw.NumRows() != rows {
		return nil, fmt.Errorf("row group %d has %d rows, not %d", group, raw.NumRows(), rows)
	}
	return columns.Conform(f.options.Mem, raw, f.options.Schema)
}

// groupOf returns the row group that has the row at a place.
func (f *File) groupOf(place int64) int {
	i, found := slices.BinarySearch(f.groups, place)
	if !found {
		i--
	}
	for f.groups[i+1] == place { // an empty row group
		i++
	}
	return i
}
