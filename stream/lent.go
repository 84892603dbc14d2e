package stream

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

var errBorrowed = errors.New("Apply released or returned a record that it only borrows: do not release it, and return it by stream.Pass")

// lent is a record that a transform borrows. It counts what the transform
// holds of it: one reference too few would otherwise show much later, in the
// code of somebody else.
type lent struct {
	arrow.Record
	held atomic.Int64
}

// Retain takes a reference.
func (l *lent) Retain() { l.held.Add(1); l.Record.Retain() }

// Release gives one back.
func (l *lent) Release() { l.held.Add(-1); l.Record.Release() }

// String shows the record.
func (l *lent) String() string { return fmt.Sprint(l.Record) }

// back puts the record itself into the rows that name its loan. If there are
// fewer references than rows it makes up for them, so that the rows can be
// released as usual, and returns an error.
func (l *lent) back(rows []Rows) error {
	var named int64
	for i := range rows {
		if rows[i].Record == arrow.Record(l) {
			rows[i].Record = l.Record
			named++
		}
	}
	missing := named - l.held.Load()
	if missing <= 0 {
		return nil
	}
	for range missing {
		l.Record.Retain()
	}
	return Permanent(errBorrowed)
}
