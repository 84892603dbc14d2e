package parquetfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"runtime"

	"github.com/apache/arrow/go/v17/arrow"
)

// outBytes is what is gathered before it is handed to the io.Writer: enough
// that a call costs little, and little enough to stay in the cache.
const outBytes = 256 << 10

// boundSchemas is how many schemas of records are remembered.
const boundSchemas = 64

// Format is how files of one schema are written: the layout of the columns, and
// the workers and buffers that it takes to encode them. All Writers that a
// Format makes share these, so that many files may be open at little cost; they
// take turns, and no two of their methods may be called concurrently.
type Format struct {
	tree    *tree
	options Options
	codec   int32

	out      *bufio.Writer
	bound    map[*arrow.Schema]*binding
	bindings []*binding // of the row group's segments
	plan     *plan
	workers  []*encoder
	turns    turns
	free     chunks
	buffers  buffers
}

// NewFormat returns the format of files with the schema's columns. It is an
// error when a column has no Parquet form.
func NewFormat(schema *arrow.Schema, o Options) (*Format, error) {
	return newFormat(schema, o, usualPages())
}

func newFormat(schema *arrow.Schema, o Options, limits pageLimits) (*Format, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errors.New("parquetfile: big-endian machines are not supported")
	}
	t, err := newTree(schema)
	if err != nil {
		return nil, err
	}
	codec, err := o.Codec.number()
	if err != nil {
		return nil, err
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	n := min(o.Workers, len(t.leaves))
	f := &Format{tree: t, options: o, codec: codec,
		out:     bufio.NewWriterSize(nil, outBytes),
		bound:   make(map[*arrow.Schema]*binding),
		plan:    newPlan(t, limits),
		workers: make([]*encoder, n),
	}
	for i := range f.workers {
		f.workers[i] = &encoder{limits: limits, buffers: &f.buffers}
	}
	return f, nil
}

// bindRows finds the binding of every record and counts the rows.
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
			if len(f.bound) >= boundSchemas {
				clear(f.bound)
			}
			f.bound[schema] = b
		}
		f.bindings = append(f.bindings, b)
	}
	return n, nil
}

// letGo forgets the records of the row group.
func (f *Format) letGo() {
	f.plan.clear()
	for _, e := range f.workers {
		e.letGo()
	}
}
