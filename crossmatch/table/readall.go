package table

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// ReadAll reads the whole table into one record, which the caller must release. At
// its peak, memory holds the table and a copy of its largest column. A column of
// more than 2 GiB of text is an error: leave it out, or loop over Records.
func (t *Table) ReadAll(ctx context.Context) (arrow.Record, error) {
	parts := make([][]arrow.Array, t.schema.NumFields())
	defer func() { releaseAll(slices.Concat(parts...)) }()
	var rows int64
	for rec, err := range t.Records(ctx) {
		if err != nil {
			return nil, err
		}
		for i, a := range rec.Columns() {
			a.Retain()
			parts[i] = append(parts[i], a)
		}
		rows += rec.NumRows()
		if t.progress != nil {
			t.progress(rows)
		}
	}
	columns := make([]arrow.Array, len(parts))
	defer func() { releaseAll(columns) }()
	for i, f := range t.schema.Fields() {
		if rows == 0 {
			columns[i] = array.MakeArrayOfNull(t.mem, f.Type, 0)
			continue
		}
		var err error
		if columns[i], err = array.Concatenate(parts[i], t.mem); err != nil {
			return nil, fmt.Errorf("table: %s: column %q: %w: read fewer columns", t.name, f.Name, err)
		}
		releaseAll(parts[i])
		parts[i] = nil
	}
	return array.NewRecord(t.schema, columns, rows), nil
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		if a != nil {
			a.Release()
		}
	}
}
