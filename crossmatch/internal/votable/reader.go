package votable

import (
	"encoding/xml"
	"fmt"
	"io"
)

// maxUnit bounds what is held of a document at a time: a row, text or tag.
const maxUnit = 64 << 20

// Reader reads a VOTable. After an error it stays at that error.
type Reader struct {
	src     *source
	dec     *xml.Decoder
	depth   int
	left    *StatusError // that rows were left out
	fields  []Field
	data    int    // the depth of DATA, when inside
	kind    string // the element that rows are in; empty: there are none
	rows    rows   // nil: they are over, or there are none
	row     row
	read    int64 // rows
	failure error
}

// rows reads the rows of one encoding.
type rows interface {
	// next reads a row into r; io.EOF behind the last.
	next(r *row) error
}

// NewReader reads up to the first row. The document needs no rows, and no table:
// then there are no Fields.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{src: newSource(from)}
	r.dec = newDecoder(r.src)
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	r.row.init(r.fields)
	if err := r.begin(); err != nil {
		return nil, err
	}
	return r, nil
}

// begin prepares for the first row.
func (r *Reader) begin() (err error) {
	switch {
	case r.kind == "": // and all was read
		r.failure = io.EOF
	case r.kind == "TABLEDATA" && r.src.closed():
	case r.kind == "TABLEDATA":
		r.rows = &tableData{markup{src: r.src}}
	default:
		r.rows, err = r.newBinaryRows()
	}
	return err
}

// Fields are those of the table; nil if there is none.
func (r *Reader) Fields() []Field { return r.fields }

// Select says which fields' cells are wanted: the others will be zero, and are
// read past. Without it all are.
func (r *Reader) Select(fields []int) {
	clear(r.row.wanted)
	clear(r.row.cells)
	for _, f := range fields {
		r.row.wanted[f] = true
	}
}

// Next reads a row, whose cells are good until the next. io.EOF says that it was
// the last and that the document is whole; a StatusError that it was the last
// that the service sent.
func (r *Reader) Next() ([]Cell, error) {
	if r.failure != nil {
		return nil, r.failure
	}
	if r.rows != nil {
		r.row.reset()
		err := r.rows.next(&r.row)
		if err == nil {
			r.read++
			return r.row.take(), nil
		}
		if err != io.EOF {
			r.read++ // that it is in
			r.failure = r.Locate(err)
			return nil, r.failure
		}
		r.rows = nil
	}
	r.failure = r.finish()
	return nil, r.failure
}

// Locate says of an error in which row it is: that of the last Next.
func (r *Reader) Locate(err error) error {
	if r.kind == "TABLEDATA" {
		return fmt.Errorf("line %d, row %d: %w", r.src.line, r.read, err)
	}
	return fmt.Errorf("row %d: %w", r.read, err)
}

// row is a row as it is read: one buffer, which moves as it grows.
type row struct {
	fields []Field
	wanted []bool
	buf    []byte
	spans  []span
	cells  []Cell
}

// span is where a cell is in the buffer.
type span struct {
	from, to int
	count    int // of elements; text: it is text
	null     bool
}

const text = -1

func (r *row) init(fields []Field) {
	n := len(fields)
	r.fields, r.buf = fields, make([]byte, 0, 256)
	r.wanted, r.spans, r.cells = make([]bool, n), make([]span, 0, n), make([]Cell, n)
	for i := range r.wanted {
		r.wanted[i] = true
	}
}

func (r *row) reset() { r.buf, r.spans = r.buf[:0], r.spans[:0] }

// add adds a cell that is the end of the buffer.
func (r *row) add(from, count int, null bool) {
	r.spans = append(r.spans, span{from, len(r.buf), count, null})
}

// take makes cells of a row that is complete.
func (r *row) take() []Cell {
	for i, s := range r.spans {
		if !r.wanted[i] {
			continue
		}
		c, b := &r.cells[i], r.buf[s.from:s.to:s.to]
		if s.count == text {
			c.setText(&r.fields[i], b)
		} else {
			c.setRaw(&r.fields[i], b, s.count)
		}
		c.Null = c.Null || s.null
	}
	return r.cells
}
