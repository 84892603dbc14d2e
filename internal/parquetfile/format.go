package parquetfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/apache/arrow/go/v17/arrow"
)

// outBuffer is the size of the buffer before the io.Writer: large enough to
// make few calls, small enough for the processor's cache.
const outBuffer = 256 << 10

// maxBound is the number of record schemas whose bindings are kept.
const maxBound = 64

// A Format holds what all files of one schema share: the columns, the workers
// that encode them and their buffers. So many Writers of a Format may be open at
// little cost, but no two methods of them may be called concurrently.
type Format struct {
	tree    *tree
	options Options
	codec   int32
	bounded []int // the leaves of Options.Bounds, or -1

	out      *bufio.Writer
	bound    map[*arrow.Schema]*binding
	bindings []*binding // of the row group's segments
	group    *rowGroup
	workers  []*encoder
	columns  columnOrder
	chunks   freeList[*chunk]
	buffers  buffers
}

// NewFormat returns the format of files with the columns of a schema. It returns
// an error if a column's type is not supported.
func NewFormat(schema *arrow.Schema, o Options) (*Format, error) {
	return newFormat(schema, o, defaultPageLimits())
}

// NewWriter returns a Writer of a file. The caller must close dst after the
// Writer.
func (f *Format) NewWriter(dst io.Writer) *Writer { return &Writer{format: f, dst: dst} }

func newFormat(schema *arrow.Schema, o Options, limits pageLimits) (*Format, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errors.New("parquetfile: big-endian machines are not supported")
	}
	t, err := newTree(schema)
	if err != nil {
		return nil, err
	}
	if o.Codec < 0 || int(o.Codec) >= len(codecNumbers) {
		return nil, fmt.Errorf("parquetfile: unknown codec %d", int(o.Codec))
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	f := &Format{tree: t, options: o, codec: codecNumbers[o.Codec], bounded: t.columnsOf(o.Bounds),
		out:     bufio.NewWriterSize(nil, outBuffer),
		bound:   make(map[*arrow.Schema]*binding),
		group:   newRowGroup(t, limits),
		workers: make([]*encoder, min(o.Workers, len(t.leaves))),
	}
	for i := range f.workers {
		f.workers[i] = &encoder{limits: limits, buffers: &f.buffers}
	}
	return f, nil
}

// bindRows sets f.bindings to those of the records and returns the number of
// rows.
func (f *Format) bindRows(rows []Rows) (int, error) {
	f.bindings = f.bindings[:0]
	n := 0
	for _, r := range rows {
		if err := r.check(); err != nil {
			return 0, err
		}
		n += r.len()
		schema := r.Record.Schema()
		b := f.bound[schema]
		if b == nil {
			var err error
			if b, err = f.tree.bind(schema); err != nil {
				return 0, err
			}
			if len(f.bound) >= maxBound {
				clear(f.bound)
			}
			f.bound[schema] = b
		}
		f.bindings = append(f.bindings, b)
	}
	return n, nil
}

// clear drops all references to the records of a row group.
func (f *Format) clear() {
	f.group.clear()
	for _, e := range f.workers {
		e.clear()
	}
}
