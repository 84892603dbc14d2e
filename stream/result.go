package stream

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Pass returns the rows unchanged.
func Pass(in Rows) Result {
	in.Record.Retain()
	return Result{Rows: []Rows{{Table: in.Table, Record: in.Record}}}
}

// WithColumn returns the rows with a column appended, or replaced if the record
// has one of that name. The column is borrowed: the caller still releases it.
// If the column does not fit the field or the number of rows, the error is
// Permanent.
func WithColumn(in Rows, field arrow.Field, column arrow.Array) (Result, error) {
	n := in.Record.NumRows()
	switch {
	case int64(column.Len()) != n:
		return Result{}, Permanent(fmt.Errorf("stream: column %q has %d values for %d rows", field.Name, column.Len(), n))
	case field.Type == nil || !arrow.TypeEqual(field.Type, column.DataType()):
		return Result{}, Permanent(fmt.Errorf("stream: column %q is %v, not %v", field.Name, column.DataType(), field.Type))
	case !field.Nullable && column.NullN() > 0:
		return Result{}, Permanent(fmt.Errorf("stream: column %q has nulls but is not nullable", field.Name))
	}
	schema := in.Record.Schema()
	fields, columns := slices.Clone(schema.Fields()), slices.Clone(in.Record.Columns())
	if at := schema.FieldIndices(field.Name); len(at) > 0 {
		fields[at[0]], columns[at[0]] = field, column
	} else {
		fields, columns = append(fields, field), append(columns, column)
	}
	metadata := schema.Metadata()
	record := array.NewRecord(arrow.NewSchema(fields, &metadata), columns, n)
	return Result{Rows: []Rows{{Table: in.Table, Record: record}}}, nil
}
