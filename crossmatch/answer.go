package crossmatch

import (
	"context"
	"fmt"

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

// Nearest implements Matcher.
func (c *Catalog) Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error) {
	matches, err := c.NearestInto(nil, p, radius)
	if err != nil {
		return Answer{}, err
	}
	if c.columns == nil {
		return Answer{Matches: matches}, nil
	}
	if err := c.enter(); err != nil {
		return Answer{}, err
	}
	defer c.leave()
	rows, err := Take(ctx, c.columns, matches)
	return Answer{Matches: matches, Rows: rows}, err
}

// Take returns, for each match, the row of a table that it names, or a row of
// nulls without one. Its memory is of compute.GetAllocator.
func Take(ctx context.Context, table arrow.Record, matches []Match) (arrow.Record, error) {
	mem := compute.GetAllocator(ctx)
	b := array.NewInt32Builder(mem)
	defer b.Release()
	b.Reserve(len(matches))
	for _, m := range matches {
		if m.Row < 0 {
			b.AppendNull()
		} else {
			b.Append(m.Row)
		}
	}
	rows := b.NewArray()
	defer rows.Release()
	columns := make([]arrow.Array, table.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		var err error
		if columns[i], err = compute.TakeArray(ctx, table.Column(i), rows); err != nil {
			return nil, fmt.Errorf("crossmatch: column %s: %w", table.ColumnName(i), err)
		}
	}
	return array.NewRecord(nullable(table.Schema()), columns, int64(len(matches))), nil
}
