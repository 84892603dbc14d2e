package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
)

// Schema implements Matcher.
func (c *Catalog) Schema() *arrow.Schema {
	if c.columns == nil {
		return nil
	}
	return nullable(c.columns.Schema())
}

// nullable returns a schema with the same fields, all nullable.
func nullable(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	for i := range fields {
		fields[i].Nullable = true
	}
	meta := s.Metadata()
	return arrow.NewSchema(fields, &meta)
}

// Nearest implements Matcher. If the index file is found to be damaged or can no
// longer be read, all valid positions of the call are StatusFailed.
func (c *Catalog) Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error) {
	a, err := c.answer(ctx, nil, p, radius, nil)
	if err == nil && a.Rows == nil && c.columns != nil {
		a.Rows = nullRows(ctx, c.Schema(), len(a.Matches))
	}
	return a, err
}

// nullRows returns n all-null rows.
func nullRows(ctx context.Context, s *arrow.Schema, n int) arrow.Record {
	columns := make([]arrow.Array, s.NumFields())
	defer func() { releaseAll(columns) }()
	for i, f := range s.Fields() {
		columns[i] = array.MakeArrayOfNull(compute.GetAllocator(ctx), f.Type, n)
	}
	return array.NewRecord(s, columns, int64(n))
}

// answer is Nearest with the columns of the given numbers, or all if columns is
// nil. It appends the matches to dst. Rows is nil if the catalogue has no columns
// or failed.
func (c *Catalog) answer(ctx context.Context, dst []Match, p Positions, radius Angle, columns []int) (a Answer, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	a.Matches, err = c.AppendNearest(dst, p, radius)
	if err == nil {
		a.Rows, err = c.gather(ctx, a.Matches, columns)
	}
	if errors.Is(err, ErrBadIndex) {
		return failedAnswer(dst, p, err), nil
	}
	return a, err
}

// matchAll implements allMatcher. It fails as Nearest does.
func (c *Catalog) matchAll(ctx context.Context, p Positions, radius Angle, limit int, columns []int) (a Answer, positions []int32, err error) {
	if err := ctx.Err(); err != nil {
		return a, nil, err
	}
	pairs, err := c.Within(p, radius, limit)
	if err == nil {
		a.Matches, positions = spread(p, pairs)
		if len(positions) > math.MaxInt32 {
			return Answer{}, nil, fmt.Errorf("%d rows: ask for fewer positions at a time", len(positions))
		}
		a.Rows, err = c.gather(ctx, a.Matches, columns)
	}
	if errors.Is(err, ErrBadIndex) {
		return failedAnswer(nil, p, err), counting(len(p.RA)), nil
	}
	return a, positions, err
}

// spread returns a match for each pair and for each position without one, and the
// position's number for each match.
func spread(p Positions, pairs []Pair) (matches []Match, positions []int32) {
	n := len(p.RA) + len(pairs)
	matches, positions = make([]Match, 0, n), make([]int32, 0, n)
	for i := range p.RA {
		if len(pairs) == 0 || pairs[0].Position != int32(i) {
			matches, positions = append(matches, p.unmatched(i, StatusNone)), append(positions, int32(i))
		}
		for ; len(pairs) > 0 && pairs[0].Position == int32(i); pairs = pairs[1:] {
			matches = append(matches, Match{Row: pairs[0].Row, Status: StatusMatch, Separation: pairs[0].Separation})
			positions = append(positions, int32(i))
		}
	}
	return matches, positions
}

// counting returns 0, 1, 2, … n-1.
func counting(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// gather returns columns of the matched rows: those of the given numbers, or all if
// columns is nil.
func (c *Catalog) gather(ctx context.Context, matches []Match, columns []int) (out arrow.Record, err error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	if c.columns == nil {
		return nil, nil
	}
	table := selectColumns(c.columns, columns)
	defer table.Release()
	rows := make([]int32, len(matches))
	for i := range matches {
		rows[i] = matches[i].Row
	}
	err = c.file.guard(func() (err error) {
		out, err = Take(ctx, table, rows)
		return err
	})
	return out, err
}

// selectColumns returns a record of the columns of the given numbers, or the record
// itself, retained, if columns is nil.
func selectColumns(rec arrow.Record, columns []int) arrow.Record {
	if columns == nil {
		rec.Retain()
		return rec
	}
	fields, arrays := make([]arrow.Field, len(columns)), make([]arrow.Array, len(columns))
	for i, n := range columns {
		fields[i], arrays[i] = rec.Schema().Field(n), rec.Column(n)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, rec.NumRows())
}

// failedAnswer appends to dst the matches of a catalogue that failed.
func failedAnswer(dst []Match, p Positions, cause error) Answer {
	for i := range p.RA {
		dst = append(dst, p.unmatched(i, StatusFailed))
	}
	return Answer{Matches: dst, Cause: cause}
}

// unmatched returns the Match of a position without a row: with the given status, or
// StatusInvalid if the position is invalid.
func (p Positions) unmatched(i int, status Status) Match {
	if !Valid(p.RA[i], p.Dec[i]) {
		status = StatusInvalid
	}
	return Match{Row: -1, Status: status, Separation: nan}
}
