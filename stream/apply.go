package stream

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// apply passes a chunk through the transforms. The rows and rejects of the result
// refer to the chunk's messages.
func (m *MicroBatch) apply(ctx context.Context, c Chunk) (Result, error) {
	out := Result{Rejects: slices.Clone(c.Rejects)}
	if c.Messages == nil {
		return out, nil
	}
	out.Rows = without(c)
	for _, t := range m.Transforms {
		in := out.Rows
		out.Rows = nil
		var err error
		for _, rows := range in {
			if err == nil {
				err = out.through(ctx, t, rows)
			}
		}
		releaseRows(in)
		if err != nil {
			releaseRows(out.Rows)
			return Result{}, err
		}
	}
	slices.SortStableFunc(out.Rejects, byRow)
	return out, nil
}

func byRow(a, b Reject) int { return cmp.Compare(a.Row, b.Row) }

// rejectAll rejects all messages of a chunk.
func rejectAll(c Chunk, cause string) (out Result) {
	out.Rejects = slices.Clone(c.Rejects)
	known := map[int]bool{}
	for _, x := range c.Rejects {
		known[x.Row] = true
	}
	for row := range int(chunkRows(c)) {
		if !known[row] {
			out.Rejects = append(out.Rejects, Reject{Row: row, Cause: cause, Class: ClassPoison})
		}
	}
	slices.SortStableFunc(out.Rejects, byRow)
	return out
}

// through applies one transform to one record, and adds the result to r.
func (r *Result) through(ctx context.Context, t Transform, in Rows) error {
	borrowed := &borrowedRecord{Record: in.Record}
	got, err := t.Apply(ctx, Rows{Table: in.Table, Record: borrowed})
	if wrong := borrowed.unwrap(got.Rows); wrong != nil && err == nil {
		err = fmt.Errorf("stream: transform %T: %w", t, wrong)
	}
	if err != nil {
		releaseRows(got.Rows)
		return err
	}
	for i, rows := range got.Rows {
		if got.Rows[i].From, err = compose(in, rows); err != nil {
			releaseRows(got.Rows)
			return fmt.Errorf("stream: transform %T: table %q: %w", t, rows.Table, err)
		}
	}
	for i, x := range got.Rejects {
		if x.Row < 0 || x.Row >= int(in.Record.NumRows()) {
			releaseRows(got.Rows)
			return fmt.Errorf("stream: transform %T rejects row %d of %d", t, x.Row, in.Record.NumRows())
		}
		if in.From != nil {
			got.Rejects[i].Row = int(in.From[x.Row])
		}
	}
	r.Rows = append(r.Rows, got.Rows...)
	r.Rejects = append(r.Rejects, got.Rejects...)
	return nil
}

// compose returns, for each row of out, the message that it was made from.
func compose(in, out Rows) ([]int32, error) {
	n := int(out.Record.NumRows())
	if out.From == nil && n > int(in.Record.NumRows()) || out.From != nil && len(out.From) != n {
		return nil, fmt.Errorf("%d rows made from %d do not say which of them they were made from", n, in.Record.NumRows())
	}
	if in.From == nil {
		return out.From, nil
	}
	from := make([]int32, n)
	for i := range from {
		row := i
		if out.From != nil {
			row = int(out.From[i])
		}
		if row < 0 || row >= len(in.From) {
			return nil, fmt.Errorf("row %d was made from row %d of %d", i, row, len(in.From))
		}
		from[i] = in.From[row]
	}
	return from, nil
}

// without returns the messages that the source itself did not reject.
func without(c Chunk) []Rows {
	in := Rows{Table: c.Table, Record: c.Messages}
	if len(c.Rejects) == 0 {
		return Pass(in).Rows
	}
	bad := make(map[int]bool, len(c.Rejects))
	for _, x := range c.Rejects {
		bad[x.Row] = true
	}
	return Filter(in, func(row int) bool { return !bad[row] }).Rows
}
