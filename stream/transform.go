package stream

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
)

// Rows are rows of one table, and the input rows they were made from.
type Rows struct {
	// Table names the table, such as "alerts/ztf". It is empty for messages that
	// neither the source nor a transform has decoded.
	Table string
	// Record holds the rows.
	Record arrow.Record
	// From holds, for each row, the index of the input row that it was made
	// from, in ascending order. If nil, row i was made from row i.
	From []int32
}

// Result is what a transform makes of one record. It holds a reference to each of
// its records, which the engine releases. [Pass], [Filter] and [WithColumn]
// return results.
type Result struct {
	Rows    []Rows
	Rejects []Reject
}

// Release releases the records of the result. A transform calls it if it fails
// after having made some.
func (r Result) Release() { releaseRows(r.Rows) }

func releaseRows(rows []Rows) {
	for _, r := range rows {
		r.Record.Release()
	}
}

// Reject is a bad row, and the cause. The message that the row was made from goes
// to the rejects sink unchanged.
type Reject struct {
	Row   int
	Cause string // may quote data
	// Class is the kind of cause, such as "framing", by which rejects are counted
	// in metrics. A transform has a few constant classes: they must not quote data.
	// If empty, it is "other".
	Class string
}

// A Transform turns rows into rows: it decodes, filters, matches, adds columns.
// An input row that is in neither the rows nor the rejects of the result counts
// as dropped.
type Transform interface {
	// Apply may be called concurrently. It borrows in: it must not release it,
	// and must retain it to keep it after returning. in.From is nil. The caller
	// owns the records of the result: to return in itself, use Pass. Apply
	// returns a Reject for a bad row. After an error the batch is run again with
	// backoff, unless the error is Permanent.
	Apply(ctx context.Context, in Rows) (Result, error)
}

// TransformFunc is a function used as a Transform.
type TransformFunc func(ctx context.Context, in Rows) (Result, error)

// Apply calls f.
func (f TransformFunc) Apply(ctx context.Context, in Rows) (Result, error) { return f(ctx, in) }
