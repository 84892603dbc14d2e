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

// Retry matches once more the rows that are failed in a record that Match
// returned, or that was read back from where it was stored: each catalogue is
// asked for those that it did not answer, and the columns of the join are
// replaced for them. The other rows, and the order of the columns, stay. Whoever
// calls it releases the new record, and still the old one.
func (t *Transform) Retry(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	links, p, err := t.question(rec)
	if err != nil {
		return nil, err
	}
	at := make([][]int, len(links))
	for i := range links {
		if at[i], err = links[i].locate(rec.Schema()); err != nil {
			return nil, err
		}
	}
	changed := make(answers, len(links))
	defer changed.release()
	err = t.each(ctx, len(links), func(ctx context.Context, i int) (err error) {
		changed[i], err = links[i].retry(ctx, rec, at[i], p)
		return err
	})
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(rec.Columns())
	for i, now := range changed {
		for k, c := range now {
			columns[at[i][k]] = c
		}
	}
	return array.NewRecord(rec.Schema(), columns, rec.NumRows()), nil
}

// locate returns which columns of a schema are the link's.
func (l *link) locate(s *arrow.Schema) ([]int, error) {
	at := make([]int, len(l.fields))
	for i, f := range l.fields {
		found := s.FieldIndices(f.Name)
		if len(found) == 0 {
			return nil, fmt.Errorf("crossmatch: no column %q among %s: only rows that join %q was given can be matched again", f.Name, names(s), l.Name)
		}
		at[i] = found[0]
		if have := s.Field(at[i]).Type; !arrow.TypeEqual(have, f.Type) {
			return nil, fmt.Errorf("crossmatch: column %q is %v, and join %q has %v", f.Name, have, l.Name, f.Type)
		}
	}
	return at, nil
}

// again returns the link's columns with other answers where the old ones are
// failed; nil if none is.
func (l *link) retry(ctx context.Context, rec arrow.Record, at []int, p Positions) ([]arrow.Array, error) {
	status := rec.Column(at[matchColumn]).(*array.String)
	var failed []int32
	for i := range status.Len() {
		if status.IsValid(i) && status.Value(i) == Failed.String() {
			failed = append(failed, int32(i))
		}
	}
	if failed == nil {
		return nil, nil
	}
	if rec.NumRows()+int64(len(failed)) > math.MaxInt32 {
		return nil, fmt.Errorf("crossmatch: join %q: %d rows: ask for fewer at a time", l.Name, rec.NumRows())
	}
	now, err := l.ask(ctx, p.Pick(failed))
	if err != nil {
		return nil, err
	}
	defer releaseAll(now)
	from := make([]Match, rec.NumRows())
	for i := range from {
		from[i].Row = int32(i)
	}
	for k, i := range failed {
		from[i].Row = int32(len(from) + k)
	}
	out := make([]arrow.Array, len(now))
	for i := range now {
		if out[i], err = splice(ctx, rec.Column(at[i]), now[i], from); err != nil {
			releaseAll(out)
			return nil, fmt.Errorf("crossmatch: column %q: %w", l.fields[i].Name, err)
		}
	}
	return out, nil
}

// splice picks from the values of two arrays, numbered through.
func splice(ctx context.Context, a, b arrow.Array, from []Match) (arrow.Array, error) {
	mem := compute.GetAllocator(ctx)
	all, err := array.Concatenate([]arrow.Array{a, b}, mem)
	if err != nil {
		return nil, err
	}
	defer all.Release()
	t := taker{mem: mem, matches: from}
	defer t.release()
	return t.take(ctx, all)
}
