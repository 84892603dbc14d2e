package stream

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

var errBorrowed = errors.New("Apply released or returned a record that it only borrows: do not release it, and return it by stream.Pass")

// borrowedRecord is a record that is lent to a transform. It counts the
// references that the transform takes: a missing one would otherwise show much
// later, in unrelated code.
type borrowedRecord struct {
	arrow.Record
	held atomic.Int64
}

// Retain takes a reference.
func (b *borrowedRecord) Retain() { b.held.Add(1); b.Record.Retain() }

// Release gives one back.
func (b *borrowedRecord) Release() { b.held.Add(-1); b.Record.Release() }

// String formats the record.
func (b *borrowedRecord) String() string { return fmt.Sprint(b.Record) }

// unwrap replaces b by the record itself in rows that hold b. If the transform
// holds fewer references than there are such rows, unwrap takes the missing
// ones, so that the rows can be released as usual, and returns an error.
func (b *borrowedRecord) unwrap(rows []Rows) error {
	var returned int64
	for i := range rows {
		if rows[i].Record == arrow.Record(b) {
			rows[i].Record = b.Record
			returned++
		}
	}
	missing := returned - b.held.Load()
	if missing <= 0 {
		return nil
	}
	for range missing {
		b.Record.Retain()
	}
	return Permanent(errBorrowed)
}
