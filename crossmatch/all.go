package crossmatch

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// MatchAll is like Match, but adds all rows of the catalogue within the radius, not
// only the nearest: it repeats a row of the record for each of them, the nearest
// first. A row without any is kept once. At most limit rows are added to each row of
// the record; if limit is zero, all are. There must be exactly one join, whose
// Matcher is a *Catalog or embeds one.
func (t *Transform) MatchAll(ctx context.Context, rec arrow.Record, limit int) (arrow.Record, error) {
	if len(t.Joins) > 1 {
		return nil, fmt.Errorf("crossmatch: all rows within a radius of %d catalogues: ask for one at a time", len(t.Joins))
	}
	joins, p, err := t.prepare(rec)
	if err != nil {
		return nil, err
	}
	j := &joins[0]
	matcher, ok := j.Matcher.(allMatcher)
	if !ok {
		return nil, fmt.Errorf("crossmatch: join %q: %T finds only the nearest row: load the catalogue to find all", j.Name, j.Matcher)
	}
	schema, err := widen(rec.Schema(), joins)
	if err != nil {
		return nil, err
	}
	out := make(addedColumns, 1)
	defer out.release()
	err = t.each(ctx, out, func(ctx context.Context, _ int) ([]arrow.Array, error) {
		return j.askAll(ctx, matcher, rec, p, limit)
	})
	if err != nil {
		return nil, err
	}
	return array.NewRecord(schema, out[0], int64(out[0][0].Len())), nil
}

// An allMatcher can also find all rows within a radius.
type allMatcher interface {
	// matchAll is like Nearest, but returns a Match for each row within the radius,
	// the nearest first, and a single one for a position without any. positions[i]
	// is the position of Match i; it ascends. At most limit rows are returned for a
	// position; if limit is zero, all are. Answer.Rows has the columns whose numbers
	// in Schema are in columns; if columns is nil, all.
	matchAll(ctx context.Context, p Positions, radius Angle, limit int, columns []int) (a Answer, positions []int32, err error)
}

// askAll returns the columns of the record, with its rows repeated, and the columns
// that the join adds.
func (j *boundJoin) askAll(ctx context.Context, m allMatcher, rec arrow.Record, p Positions, limit int) ([]arrow.Array, error) {
	a, positions, err := m.matchAll(ctx, p, j.Radius, limit, j.columns)
	if a.Rows != nil {
		defer a.Rows.Release()
	}
	if err != nil {
		return nil, fmt.Errorf("crossmatch: join %q: %w", j.Name, err)
	}
	repeated, err := Take(ctx, rec, positions)
	if err != nil {
		return nil, err
	}
	defer repeated.Release()
	out := slices.Clone(repeated.Columns())
	for _, c := range out {
		c.Retain()
	}
	return append(out, j.added(ctx, a)...), nil
}
