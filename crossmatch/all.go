package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// MatchAll is Match for all rows of the catalogue within the radius, instead of
// the nearest: a row of the record comes once for each of them, the nearest
// first, or once without any. Limit is how many at most; 0: all. There must be
// one join, of a *Catalog.
func (t *Transform) MatchAll(ctx context.Context, rec arrow.Record, limit int) (arrow.Record, error) {
	if len(t.Joins) > 1 {
		return nil, fmt.Errorf("crossmatch: all rows within a radius of %d catalogues: ask for one at a time", len(t.Joins))
	}
	links, err := t.links()
	if err != nil {
		return nil, err
	}
	l := &links[0]
	catalog, ok := l.Matcher.(*Catalog)
	if !ok {
		return nil, fmt.Errorf("crossmatch: join %q: %T knows the nearest row only: load the catalogue to find all", l.Name, l.Matcher)
	}
	p, err := t.positions(rec)
	if err != nil {
		return nil, err
	}
	schema, err := widen(rec.Schema(), links)
	if err != nil {
		return nil, err
	}
	var columns []arrow.Array
	defer func() { releaseAll(columns) }()
	err = t.each(ctx, 1, func(ctx context.Context, _ int) (err error) {
		columns, err = l.all(ctx, catalog, rec, p, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return array.NewRecord(schema, columns, int64(columns[0].Len())), nil
}

// all returns the columns of the record, with its rows repeated, and of the link.
func (l *link) all(ctx context.Context, c *Catalog, rec arrow.Record, p Positions, limit int) ([]arrow.Array, error) {
	a, from, err := l.askAll(ctx, c, p, limit)
	if err != nil {
		return nil, fmt.Errorf("crossmatch: join %q: %w", l.Name, err)
	}
	if a.Rows != nil {
		defer a.Rows.Release()
	}
	repeated, err := Take(ctx, rec, from)
	if err != nil {
		return nil, err
	}
	defer repeated.Release()
	out := slices.Clone(repeated.Columns())
	for _, c := range out {
		c.Retain()
	}
	return append(out, l.columns(ctx, a)...), nil
}

// askAll returns what spread makes of the pairs, with the columns of their rows.
func (l *link) askAll(ctx context.Context, c *Catalog, p Positions, limit int) (a Answer, from []Match, err error) {
	pairs, err := c.Within(p, l.Radius, limit)
	if err == nil {
		a.Matches, from = spread(p, pairs)
		if len(from) > math.MaxInt32 {
			return a, nil, fmt.Errorf("%d rows: ask for fewer positions at a time", len(from))
		}
		a.Rows, err = c.pick(ctx, a.Matches, l.wanted)
	}
	if errors.Is(err, ErrBadIndex) {
		from = make([]Match, len(p.RA))
		for i := range from {
			from[i].Row = int32(i)
		}
		return failedAll(nil, p, err), from, nil
	}
	return a, from, err
}

// spread returns a match for each pair, and one for each position that has
// none, and of which position it is, as a row.
func spread(p Positions, pairs []Pair) (matches, from []Match) {
	matches, from = make([]Match, 0, len(p.RA)+len(pairs)), make([]Match, 0, len(p.RA)+len(pairs))
	for i := range p.RA {
		if len(pairs) == 0 || pairs[0].Position != int32(i) {
			m := Match{Row: -1, Status: None, Separation: nan}
			if !valid(p.RA[i], p.Dec[i]) {
				m.Status = Invalid
			}
			matches, from = append(matches, m), append(from, Match{Row: int32(i)})
		}
		for ; len(pairs) > 0 && pairs[0].Position == int32(i); pairs = pairs[1:] {
			matches = append(matches, Match{Row: pairs[0].Row, Status: Matched, Separation: pairs[0].Separation})
			from = append(from, Match{Row: int32(i)})
		}
	}
	return matches, from
}
