package table

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// StatusError is what a service said instead of a table, or behind one that it
// did not send whole.
type StatusError struct {
	Status  string // ERROR, or OVERFLOW where rows were left out
	Message string
}

// Error returns the status and the message.
func (e *StatusError) Error() string { return (*votable.StatusError)(e).Error() }

// ours makes a StatusError of this package's.
func ours(err error) error {
	if status, ok := err.(*votable.StatusError); ok {
		return (*StatusError)(status)
	}
	return err
}

// voTable is the layout of a VOTable. What it knows of the rows it finds again
// when they are read: a header is short.
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
	r, err := votable.NewReader(from)
	return r, ours(err)
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
