package cds

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// checkField returns an error if the service cannot be asked for a field.
func checkField(f arrow.Field) error {
	if f.Name == "" || strings.ContainsAny(f.Name, ",\r\n") {
		return fmt.Errorf("%q is not a valid column name", f.Name)
	}
	if parsers[f.Type.ID()] == nil {
		return fmt.Errorf("column %q: make it a string, bool, int16, int32, int64, float32 or float64, not %s", f.Name, f.Type)
	}
	return nil
}

// parsers convert the text of a cell that is not null, for each type of field.
// Tables write null as a float that is NaN.
var parsers = map[arrow.Type]func(text string) (any, error){
	arrow.STRING: func(text string) (any, error) { return text, nil },
	arrow.BOOL: func(text string) (any, error) {
		if text == "?" {
			return nil, nil
		}
		return strconv.ParseBool(strings.ToLower(text))
	},
	arrow.INT16:   func(text string) (any, error) { return integer[int16](text, 16) },
	arrow.INT32:   func(text string) (any, error) { return integer[int32](text, 32) },
	arrow.INT64:   func(text string) (any, error) { return integer[int64](text, 64) },
	arrow.FLOAT32: func(text string) (any, error) { return float[float32](text, 32) },
	arrow.FLOAT64: func(text string) (any, error) { return float[float64](text, 64) },
}

func integer[T int16 | int32 | int64](text string, bits int) (any, error) {
	v, err := votable.ParseInt([]byte(text), bits)
	return T(v), err
}

func float[T float32 | float64](text string, bits int) (any, error) {
	v, err := strconv.ParseFloat(text, bits)
	if math.IsNaN(v) {
		return nil, err
	}
	return T(v), err
}

// record returns a record of rows, or nil if the client has no columns. A nil row
// becomes nulls.
func (c *Client) record(rows [][]any) arrow.Record {
	if c.schema == nil {
		return nil
	}
	b := array.NewRecordBuilder(c.allocator(), c.schema)
	defer b.Release()
	for i, field := range b.Fields() {
		field.Reserve(len(rows))
		for _, row := range rows {
			if row == nil {
				field.AppendNull()
			} else {
				appendValue(field, row[i])
			}
		}
	}
	return b.NewRecord()
}

func appendValue(b array.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.AppendNull()
	case string:
		b.(*array.StringBuilder).Append(v)
	case bool:
		b.(*array.BooleanBuilder).Append(v)
	case int16:
		b.(*array.Int16Builder).Append(v)
	case int32:
		b.(*array.Int32Builder).Append(v)
	case int64:
		b.(*array.Int64Builder).Append(v)
	case float32:
		b.(*array.Float32Builder).Append(v)
	case float64:
		b.(*array.Float64Builder).Append(v)
	}
}

// rowOf returns a row of a record. Its strings share the record's memory.
func rowOf(r arrow.Record, i int) []any {
	row := make([]any, r.NumCols())
	for j, column := range r.Columns() {
		row[j] = column.GetOneForMarshal(i)
	}
	return row
}
