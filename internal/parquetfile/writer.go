package parquetfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

// ErrClosed is what a closed Writer answers.
var ErrClosed = errors.New("parquetfile: writer is closed")

// Options settle how a file is written. The zero value is a good choice.
type Options struct {
	// Codec compresses the pages, those of incompressible binary columns
	// excepted.
	Codec Codec
	// Workers is how many goroutines encode the columns of a row group; 0 is
	// one for each processor the program may use. The file does not depend on
	// it.
	Workers int
	// Metadata are the key and value pairs of the footer.
	Metadata map[string]string
}

// Rows picks rows of a record, in the order of Index; nil picks all of them.
type Rows struct {
	Record arrow.Record
	Index  []int32
}

func (r Rows) len() int {
	if r.Index == nil {
		return int(r.Record.NumRows())
	}
	return len(r.Index)
}

func (r Rows) check() error {
	n := r.Record.NumRows()
	for _, i := range r.Index {
		if i < 0 || int64(i) >= n {
			return fmt.Errorf("parquetfile: row %d of a record of %d", i, n)
		}
	}
	return nil
}

// Writer writes one Parquet file. Its methods must not be called
// concurrently.
type Writer struct {
	*Format
	w    io.Writer
	size int64
	rows int64
	err  error // sticks

	stopped    atomic.Bool // err is set: no more columns
	groups     compact     // the row groups of the footer, written one by one
	groupCount int
	prefix     [4]byte
}

// NewWriter begins a file. The caller keeps w, and closes it after Close.
func (f *Format) NewWriter(w io.Writer) *Writer { return &Writer{Format: f, w: w} }

// NewWriter begins a file of the schema's columns, with a Format of its own.
func NewWriter(w io.Writer, schema *arrow.Schema, o Options) (*Writer, error) {
	f, err := NewFormat(schema, o)
	if err != nil {
		return nil, err
	}
	return f.NewWriter(w), nil
}

// begin turns the format's buffer to this file, before anything is written.
func (f *Writer) begin() {
	f.out.Reset(f.w)
	if f.size == 0 {
		f.write([]byte(magic))
	}
}

// end empties the buffer into the file.
func (f *Writer) end() {
	if f.err == nil {
		f.err = f.out.Flush()
	}
	f.out.Reset(nil)
}

// Size is the number of bytes written so far.
func (f *Writer) Size() int64 { return f.size }

// NumRows is the number of rows written so far.
func (f *Writer) NumRows() int64 { return f.rows }

// WriteRowGroup writes the rows, in their order, as one row group; no rows
// are no row group. The records may lack columns of the file at any level,
// which are null then, and may have int32 and float32 where the file has
// int64 and float64. They are borrowed until WriteRowGroup returns.
//
// Where a record does not fit the file, or has a null that may not be, nothing
// is written and the Writer can go on. Any other error ends the file, and is
// what every later call returns.
func (f *Writer) WriteRowGroup(rows []Rows) error {
	if f.err != nil {
		return f.err
	}
	n, err := f.bindRows(rows)
	if err != nil || n == 0 {
		return err
	}
	defer f.letGo()
	if err := f.plan.fill(rows, f.bindings); err != nil {
		return err
	}
	f.begin()
	f.writeColumns(int64(n))
	f.end()
	if f.err != nil {
		return f.err
	}
	f.rows += int64(n)
	return nil
}

// Close writes the footer. It does not close the io.Writer beneath.
func (f *Writer) Close() error {
	if f.err != nil {
		if errors.Is(f.err, ErrClosed) {
			return nil
		}
		return f.err
	}
	f.begin()
	f.write(f.footer())
	f.end()
	if f.err != nil {
		return f.err
	}
	f.err = ErrClosed
	return nil
}

// direct is from how many bytes on a write passes the buffer by.
const direct = 64 << 10

// write sends b on its way; an error sticks.
func (f *Writer) write(b []byte) {
	if f.err != nil {
		return
	}
	var n int
	if len(b) < direct {
		n, f.err = f.out.Write(b)
	} else if f.err = f.out.Flush(); f.err == nil {
		n, f.err = f.w.Write(b)
	}
	f.size += int64(n)
}

// writePages writes the pages that a chunk has so far.
func (f *Writer) writePages(c *chunk) {
	if !c.begun {
		c.begun, c.offset = true, f.size
	}
	for _, p := range c.pieces {
		f.write(p.buf[p.from:])
		f.buffers.put(p.buf)
		for _, v := range c.vals[p.valFrom:p.valTo] {
			binary.LittleEndian.PutUint32(f.prefix[:], uint32(len(v)))
			f.write(f.prefix[:])
			f.write(v)
		}
	}
	clear(c.pieces)
	c.pieces = c.pieces[:0]
	f.stopped.Store(f.err != nil)
}

// finishChunk writes what is left of a column chunk, and its part of the
// footer.
func (f *Writer) finishChunk(c *chunk) {
	if f.err == nil {
		f.err = c.err
	}
	f.writePages(c)
	f.groups.columnChunk(f.tree.leaves[c.column], c)
}
