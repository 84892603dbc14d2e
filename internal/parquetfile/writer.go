package parquetfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

// errClosed is returned by WriteRowGroup of a closed Writer.
var errClosed = errors.New("parquetfile: writer is closed")

// Options configure how a file is written. The zero value is a good choice.
type Options struct {
	// Codec compresses the pages, except those of binary columns that do not
	// compress.
	Codec Codec
	// Workers is the number of goroutines that encode the columns of a row
	// group. If zero, it is runtime.GOMAXPROCS(0). The file does not depend on
	// it.
	Workers int
	// Bounds names columns at the top level whose bounds Writer.Bounds returns.
	Bounds []string
	// Metadata are the key-value pairs of the footer.
	Metadata map[string]string
}

// Rows are the rows of a record whose numbers are in Index, in that order. If
// Index is nil, they are all rows.
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

// A Writer writes one Parquet file. Its methods must not be called concurrently.
type Writer struct {
	format *Format
	dst    io.Writer
	size   int64
	rows   int64
	err    error // returned by all later calls

	stopped    atomic.Bool  // err is set: encode no more columns
	groups     thriftWriter // the row groups for the footer
	groupCount int
	bounds     []columnBounds // of the columns in Options.Bounds
	metadata   map[string]string
	prefix     [4]byte
}

// NewWriter returns a Writer of a file with the columns of a schema. The caller
// must close dst after the Writer.
func NewWriter(dst io.Writer, schema *arrow.Schema, o Options) (*Writer, error) {
	f, err := NewFormat(schema, o)
	if err != nil {
		return nil, err
	}
	return f.NewWriter(dst), nil
}

// begin directs the format's buffer to this file.
func (w *Writer) begin() {
	w.format.out.Reset(w.dst)
	if w.size == 0 {
		w.write([]byte(magic))
	}
}

// end flushes the format's buffer.
func (w *Writer) end() error {
	if w.err == nil {
		w.err = w.format.out.Flush()
	}
	w.format.out.Reset(nil)
	return w.err
}

// Size returns the number of bytes written so far.
func (w *Writer) Size() int64 { return w.size }

// NumRows returns the number of rows written so far.
func (w *Writer) NumRows() int64 { return w.rows }

// WriteRowGroup writes the rows, in their order, as one row group. Without rows
// it writes nothing. The records may lack columns and fields of the file, which
// are then null, and may have int32 and float32 where the file has int64 and
// float64. The records are borrowed until WriteRowGroup returns.
//
// If a record does not fit the file, or has a null in a column that is not
// nullable, nothing is written and the Writer remains usable. Any other error is
// returned by all later calls, too.
func (w *Writer) WriteRowGroup(rows []Rows) error {
	if w.err != nil {
		return w.err
	}
	f := w.format
	n, err := f.bindRows(rows)
	if err != nil || n == 0 {
		return err
	}
	defer f.clear()
	if err := f.group.fill(rows, f.bindings); err != nil {
		return err
	}
	w.begin()
	w.writeColumns(int64(n))
	if err := w.end(); err != nil {
		return err
	}
	w.rows += int64(n)
	return nil
}

// AppendBlock writes bytes to which no column refers, and returns their place in
// the file. Readers of Parquet skip them.
func (w *Writer) AppendBlock(b []byte) (offset int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	w.begin()
	offset = w.size
	w.write(b)
	return offset, w.end()
}

// SetMetadata sets a key-value pair of the footer, beside Options.Metadata. It may be
// called until Close.
func (w *Writer) SetMetadata(key, value string) {
	if w.metadata == nil {
		w.metadata = maps.Clone(w.format.options.Metadata)
	}
	if w.metadata == nil {
		w.metadata = map[string]string{}
	}
	w.metadata[key] = value
}

// Close writes the footer. It does not close the underlying io.Writer.
func (w *Writer) Close() error {
	if errors.Is(w.err, errClosed) {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	w.begin()
	w.write(w.footer())
	if err := w.end(); err != nil {
		return err
	}
	w.err = errClosed
	return nil
}

// directWrite is the size from which a write bypasses the buffer.
const directWrite = 64 << 10

// write writes b, unless an earlier write failed.
func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	out := w.format.out
	var n int
	if len(b) < directWrite {
		n, w.err = out.Write(b)
	} else if w.err = out.Flush(); w.err == nil {
		n, w.err = w.dst.Write(b)
	}
	w.size += int64(n)
}

// writePages writes the encoded pages of a chunk.
func (w *Writer) writePages(c *chunk) {
	if !c.begun {
		c.begun, c.offset = true, w.size
	}
	for _, p := range c.pieces {
		w.write(p.buf[p.from:])
		w.format.buffers.put(p.buf)
		for _, v := range c.vals[p.valFrom:p.valTo] {
			binary.LittleEndian.PutUint32(w.prefix[:], uint32(len(v)))
			w.write(w.prefix[:])
			w.write(v)
		}
	}
	clear(c.pieces)
	c.pieces = c.pieces[:0]
	w.stopped.Store(w.err != nil)
}

// finishChunk writes the remaining pages of a chunk, and adds it to the footer.
func (w *Writer) finishChunk(c *chunk) {
	if w.err == nil {
		w.err = c.err
	}
	w.writePages(c)
	w.addBounds(c)
	w.groups.columnChunk(w.format.tree.leaves[c.column], c)
}
