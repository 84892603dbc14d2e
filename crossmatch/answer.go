package crossmatch

import (
	"context"
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
)

var _ Matcher = (*Catalog)(nil)

// Schema implements Matcher.
func (c *Catalog) Schema() *arrow.Schema {
	if c.columns == nil {
		return nil
	}
	return nullable(c.columns.Schema())
}

// nullable is a schema whose columns may all be null.
func nullable(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	for i := range fields {
		fields[i].Nullable = true
	}
	meta := s.Metadata()
	return arrow.NewSchema(fields, &meta)
}

// Nearest implements Matcher. An index file that turns out to be damaged, or can
// no longer be read, fails all positions of the call.
func (c *Catalog) Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error) {
	a, err := c.answer(ctx, nil, p, radius, func(table arrow.Record) arrow.Record { table.Retain(); return table })
	if err == nil && a.Rows == nil && c.columns != nil {
		a.Rows = nullRows(ctx, c.Schema(), len(a.Matches))
	}
	return a, err
}

// nullRows has so many rows, which are null.
func nullRows(ctx context.Context, s *arrow.Schema, n int) arrow.Record {
	columns := make([]arrow.Array, s.NumFields())
	defer func() { releaseAll(columns) }()
	for i, f := range s.Fields() {
		columns[i] = array.MakeArrayOfNull(compute.GetAllocator(ctx), f.Type, n)
	}
	return array.NewRecord(s, columns, int64(n))
}

// answer is Nearest with those of the catalogue's columns that wanted returns; it
// has no rows where there are none, or the catalogue failed. The matches are
// appended to dst.
func (c *Catalog) answer(ctx context.Context, dst []Match, p Positions, radius Angle, wanted func(table arrow.Record) arrow.Record) (a Answer, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	a.Matches, err = c.AppendNearest(dst, p, radius)
	if err == nil {
		a.Rows, err = c.pick(ctx, a.Matches, wanted)
	}
	if errors.Is(err, ErrBadIndex) {
		return failedAll(dst, p, err), nil
	}
	return a, err
}

// pick returns the columns that are wanted of the rows of matches.
func (c *Catalog) pick(ctx context.Context, matches []Match, wanted func(table arrow.Record) arrow.Record) (rows arrow.Record, err error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	if c.columns == nil {
		return nil, nil
	}
	table := wanted(c.columns)
	defer table.Release()
	err = c.file.guard(func() (err error) {
		rows, err = Take(ctx, table, matches)
		return err
	})
	return rows, err
}

// failedAll is the answer of a catalogue that cannot answer.
func failedAll(dst []Match, p Positions, cause error) Answer {
	for i := range p.RA {
		m := Match{Row: -1, Status: Failed, Separation: nan}
		if !valid(p.RA[i], p.Dec[i]) {
			m.Status = Invalid
		}
		dst = append(dst, m)
	}
	return Answer{Matches: dst, Cause: cause}
}
