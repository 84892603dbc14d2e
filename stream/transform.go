package stream

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
)

// Rows are rows of one table and where they came from.
type Rows struct {
	// Table names the table, "alerts/ztf" say; it is empty for messages that
	// no transform has decoded yet.
	Table string
	// Record holds the rows.
	Record arrow.Record
	// From holds for each row the row of the input that it was made from, in
	// ascending order. nil means row i from row i.
	From []int32
}

// Result is what a transform made of one record. It owns a reference to each
// of its records, which the engine releases. [Pass], [Filter] and [WithColumn]
// make results that keep this rule.
type Result struct {
	Rows    []Rows
	Rejects []Reject
}

// Release releases the records of the result, for a transform that gives up
// after having made some.
func (r Result) Release() { releaseRows(r.Rows) }

func releaseRows(rows []Rows) {
	for _, r := range rows {
		r.Record.Release()
	}
}

// Reject is a row that must not pass, and why. The message it came from goes
// to the rejects whole, as it was read.
type Reject struct {
	Row   int
	Cause string
}

// A Transform turns rows into rows: decodes, filters, matches, adds columns.
// An input row in neither the rows nor the rejects of the result is dropped,
// and counted so.
type Transform interface {
	// Apply is called concurrently. It borrows in: it neither releases it
	// nor keeps it after returning, unless it retains it. in.From is nil.
	// The records of the result belong to the caller: to return in itself,
	// use Pass. An error stops the batch, which is run again with backoff
	// unless the error is Permanent; a bad row is no error but a Reject.
	Apply(ctx context.Context, in Rows) (Result, error)
}

// TransformFunc is a Transform made of a function.
type TransformFunc func(ctx context.Context, in Rows) (Result, error)

// Apply calls f.
func (f TransformFunc) Apply(ctx context.Context, in Rows) (Result, error) { return f(ctx, in) }
