package votable

import (
	"encoding/xml"
	"fmt"
	"io"
)

// maxBuffer bounds a row, text or tag, in bytes.
const maxBuffer = 64 << 20

// Reader reads a VOTable. After an error it always returns that error.
type Reader struct {
	src      *source
	dec      *xml.Decoder
	depth    int
	overflow *StatusError // set if rows were left out
	fields   []Field
	data     int    // the depth of DATA while inside, else 0
	kind     string // the element with the rows; "" if there is none
	rows     rows   // nil at the end of the rows
	row      row
	read     int64 // number of rows
	failure  error
}

// rows reads the rows of one encoding.
type rows interface {
	// next reads a row into r. It returns io.EOF after the last.
	next(r *row) error
}

// NewReader reads up to the first row. The document may have no rows, or no table:
// then Fields returns nil.
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
	case r.kind == "": // everything was read
		r.failure = io.EOF
	case r.kind == "TABLEDATA" && r.src.closed():
	case r.kind == "TABLEDATA":
		r.rows = &tableData{markup{src: r.src}}
	default:
		r.rows, err = r.newBinaryRows()
	}
	return err
}

// Fields returns the fields of the table, or nil if there is no table.
func (r *Reader) Fields() []Field { return r.fields }

// Select sets the fields to read, by number. The cells of others are zero. Without
// Select, all are read.
func (r *Reader) Select(fields []int) {
	clear(r.row.wanted)
	clear(r.row.cells)
	for _, f := range fields {
		r.row.wanted[f] = true
	}
}

// Next reads a row. Its cells are valid until the next call. After the last row it
// returns io.EOF if the document is whole, and a StatusError if the service reports
// that it is not.
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
			r.read++ // the row with the error
			r.failure = r.Locate(err)
			return nil, r.failure
		}
		r.rows = nil
	}
	r.failure = r.finish()
	return nil, r.failure
}

// Locate adds the position of the last row to an error.
func (r *Reader) Locate(err error) error {
	if r.kind == "TABLEDATA" {
		return fmt.Errorf("line %d, row %d: %w", r.src.line, r.read, err)
	}
	return fmt.Errorf("row %d: %w", r.read, err)
}

// row is the row being read. Its cells share a buffer, which moves as it grows.
type row struct {
	fields []Field
	wanted []bool
	buf    []byte
	bounds []cellBounds
	cells  []Cell
}

// cellBounds are the bounds of a cell in the buffer.
type cellBounds struct {
	from, to int
	count    int // number of elements, or text
	null     bool
}

const text = -1 // the count of a cell of text

func (r *row) init(fields []Field) {
	n := len(fields)
	r.fields, r.buf = fields, make([]byte, 0, 256)
	r.wanted, r.bounds, r.cells = make([]bool, n), make([]cellBounds, 0, n), make([]Cell, n)
	for i := range r.wanted {
		r.wanted[i] = true
	}
}

func (r *row) reset() { r.buf, r.bounds = r.buf[:0], r.bounds[:0] }

// add adds a cell at the end of the buffer.
func (r *row) add(from, count int, null bool) {
	r.bounds = append(r.bounds, cellBounds{from, len(r.buf), count, null})
}

// take returns the cells of a complete row.
func (r *row) take() []Cell {
	for i, s := range r.bounds {
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
