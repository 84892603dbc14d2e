package stream

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// apply passes a chunk through the transforms. The rows and rejects of the result
// refer to the chunk's messages.
func (m *MicroBatch) apply(ctx context.Context, c Chunk) (Result, error) {
	out := Result{Rejects: slices.Clone(c.Rejects)}
	if c.Messages == nil {
		return out, nil
	}
	out.Rows = without(c.Messages, c.Rejects)
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
			out.Rejects = append(out.Rejects, Reject{row, cause})
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
func without(messages arrow.Record, rejects []Reject) []Rows {
	if len(rejects) == 0 {
		messages.Retain()
		return []Rows{{Record: messages}}
	}
	bad := make(map[int]bool, len(rejects))
	for _, x := range rejects {
		bad[x.Row] = true
	}
	return Filter(Rows{Record: messages}, func(row int) bool { return !bad[row] }).Rows
}

// RejectSchema returns the schema of rejected messages: the cause, then all
// columns of the message, with "value" renamed "raw".
func RejectSchema(messages *arrow.Schema) *arrow.Schema {
	fields := []arrow.Field{{Name: "cause", Type: arrow.BinaryTypes.String}}
	for _, f := range messages.Fields() {
		if f.Name == "value" {
			f.Name = "raw"
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(fields, nil)
}

// rejected makes rows of rejects, which are in ascending order: the unchanged
// messages with their causes. Of two causes for one message the first counts.
func rejected(messages arrow.Record, rejects []Reject) []Rows {
	schema := RejectSchema(messages.Schema())
	rejects = firstCauses(rejects)
	index := make([]int32, len(rejects))
	for i, x := range rejects {
		index[i] = int32(x.Row)
	}
	out := pick(Rows{Table: "rejected", Record: messages}, index)
	for i, rows := range out {
		n := len(rows.From)
		out[i] = Rows{Table: rows.Table, Record: withCauses(schema, rows.Record, rejects[:n])}
		rows.Record.Release()
		rejects = rejects[n:]
	}
	return out
}

// firstCauses returns one reject for each message.
func firstCauses(rejects []Reject) []Reject {
	return slices.CompactFunc(slices.Clone(rejects), func(a, b Reject) bool { return a.Row == b.Row })
}

// withCauses prepends a column of causes to rejected messages.
func withCauses(schema *arrow.Schema, messages arrow.Record, rejects []Reject) arrow.Record {
	causes := array.NewStringBuilder(memory.DefaultAllocator)
	defer causes.Release()
	for _, x := range rejects {
		causes.Append(x.Cause)
	}
	column := causes.NewArray()
	defer column.Release()
	cols := append([]arrow.Array{column}, messages.Columns()...)
	return array.NewRecord(schema, cols, int64(len(rejects)))
}
