package crossmatch

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
)

// Retry matches again the failed rows of a record that Match returned, or that was
// read back from storage. Each catalogue is queried only for the rows that it
// failed to match, and the join's columns are replaced for these rows. Other rows,
// and the order of columns, do not change. The caller must release the new record,
// and still owns the old one.
func (t *Transform) Retry(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	joins, p, err := t.prepare(rec)
	if err != nil {
		return nil, err
	}
	at := make([][]int, len(joins))
	for i := range joins {
		if at[i], err = joins[i].columnsIn(rec.Schema()); err != nil {
			return nil, err
		}
	}
	changed := make(addedColumns, len(joins))
	defer changed.release()
	err = t.each(ctx, changed, func(ctx context.Context, i int) ([]arrow.Array, error) {
		return joins[i].retry(ctx, rec, at[i], p)
	})
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(rec.Columns())
	for i, replaced := range changed {
		for k, c := range replaced {
			columns[at[i][k]] = c
		}
	}
	return array.NewRecord(rec.Schema(), columns, rec.NumRows()), nil
}

// columnsIn returns the numbers that the join's columns have in a schema.
func (j *boundJoin) columnsIn(s *arrow.Schema) ([]int, error) {
	at := make([]int, len(j.fields))
	for i, f := range j.fields {
		indices := s.FieldIndices(f.Name)
		if len(indices) == 0 {
			return nil, fmt.Errorf("crossmatch: no column %q among %s: only a record with the columns of join %q can be retried", f.Name, columnNames(s), j.Name)
		}
		at[i] = indices[0]
		if have := s.Field(at[i]).Type; !arrow.TypeEqual(have, f.Type) {
			return nil, fmt.Errorf("crossmatch: column %q is %v, but %v in join %q", f.Name, have, f.Type, j.Name)
		}
	}
	return at, nil
}

// retry returns the join's columns with new values in the failed rows; nil if no
// row failed.
func (j *boundJoin) retry(ctx context.Context, rec arrow.Record, at []int, p Positions) ([]arrow.Array, error) {
	status := rec.Column(at[matchColumn]).(*array.String)
	var failed []int32
	for i := range status.Len() {
		if status.IsValid(i) && status.Value(i) == StatusFailed.String() {
			failed = append(failed, int32(i))
		}
	}
	if failed == nil {
		return nil, nil
	}
	n := int(rec.NumRows())
	if n+len(failed) > math.MaxInt32 {
		return nil, fmt.Errorf("crossmatch: join %q: %d rows: ask for fewer at a time", j.Name, n)
	}
	retried, err := j.ask(ctx, p.Pick(failed))
	if err != nil {
		return nil, err
	}
	defer releaseAll(retried)
	from := counting(n)
	for k, i := range failed {
		from[i] = int32(n + k)
	}
	out := make([]arrow.Array, len(retried))
	for i := range retried {
		if out[i], err = splice(ctx, rec.Column(at[i]), retried[i], from); err != nil {
			releaseAll(out)
			return nil, fmt.Errorf("crossmatch: column %q: %w", j.fields[i].Name, err)
		}
	}
	return out, nil
}

// splice gathers values of the concatenation of a and b, by number.
func splice(ctx context.Context, a, b arrow.Array, from []int32) (arrow.Array, error) {
	mem := compute.GetAllocator(ctx)
	all, err := array.Concatenate([]arrow.Array{a, b}, mem)
	if err != nil {
		return nil, err
	}
	defer all.Release()
	t := taker{mem: mem, rows: from}
	defer t.release()
	return t.take(ctx, all)
}
