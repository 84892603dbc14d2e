package table

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// StatusError is an error that a service reported in a VOTable, instead of a table
// or after an incomplete one. Its fields are Status, which is ERROR, or OVERFLOW if
// rows were left out, and Message.
type StatusError = votable.StatusError

// voTable is the layout of a VOTable. Each scan reads the header again, which is
// short.
type voTable struct {
	in   input
	cols []column
}

func openVOTable(in input) (*voTable, error) {
	r, err := newVOReader(in)
	if err != nil {
		return nil, err
	}
	fields := r.Fields()
	if len(fields) == 0 {
		return nil, errors.New("it has no table")
	}
	t := &voTable{in: in, cols: make([]column, len(fields))}
	for i := range fields {
		if err := fields[i].Err; err != nil {
			return nil, err
		}
		t.cols[i] = voColumn(&fields[i])
	}
	unique(t.cols)
	return t, nil
}

func newVOReader(in input) (*votable.Reader, error) {
	from, _, err := in.stream()
	if err != nil {
		return nil, err
	}
	return votable.NewReader(from)
}

func (t *voTable) columns() []column   { return t.cols }
func (t *voTable) prepare([]int) error { return nil }

func (t *voTable) scan(want []int, rows int, mem memory.Allocator) (scanner, error) {
	r, err := newVOReader(t.in)
	if err != nil {
		return nil, err
	}
	return newVOScanner(r, t.cols, want, rows, mem), nil
}
