package cds

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// checkField tells whether a field can be asked for.
func checkField(f arrow.Field) error {
	if f.Name == "" || strings.ContainsAny(f.Name, ",\r\n") {
		return fmt.Errorf("%q is no name of a column", f.Name)
	}
	switch f.Type.ID() {
	case arrow.STRING, arrow.BOOL, arrow.INT16, arrow.INT32, arrow.INT64, arrow.FLOAT32, arrow.FLOAT64:
		return nil
	}
	return fmt.Errorf("column %q: make it a string, bool, int16, int32, int64, float32 or float64, not %s", f.Name, f.Type)
}

// value converts the text of a cell that is not null. A float that is not a
// number is how tables say null.
func value(t arrow.DataType, text string) (any, error) {
	switch t.ID() {
	case arrow.BOOL:
		return boolean(text)
	case arrow.INT16:
		return integer[int16](text, 16)
	case arrow.INT32:
		return integer[int32](text, 32)
	case arrow.INT64:
		return integer[int64](text, 64)
	case arrow.FLOAT32:
		return float[float32](text, 32)
	case arrow.FLOAT64:
		return float[float64](text, 64)
	default:
		return text, nil
	}
}

func boolean(text string) (any, error) {
	if text == "?" {
		return nil, nil
	}
	return strconv.ParseBool(strings.ToLower(text))
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

// answers returns what is known of each position: the match, and the row, which
// is nil without one.
func (q *question) answers() ([]crossmatch.Match, [][]any) {
	pending := make([]bool, len(q.keys))
	for _, k := range q.pending {
		pending[k] = true
	}
	matches, rows := make([]crossmatch.Match, len(q.of)), make([][]any, len(q.of))
	for i, k := range q.of {
		m := crossmatch.Match{Row: -1, Status: crossmatch.None, Separation: crossmatch.Angle(math.NaN())}
		switch {
		case k < 0:
			m.Status = crossmatch.Invalid
		case pending[k]:
			m.Status = crossmatch.Failed
		case q.found[k].match:
			m.Status, m.Separation = crossmatch.Matched, q.found[k].separation
			rows[i] = q.found[k].row
		}
		matches[i] = m
	}
	return matches, rows
}

// record makes a record of rows, those that are nil all null; nil if there are
// no columns.
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

// valueAt is a value of an array, which a string is lent by.
func valueAt(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.String:
		return a.Value(i)
	case *array.Boolean:
		return a.Value(i)
	case *array.Int16:
		return a.Value(i)
	case *array.Int32:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	}
	return nil
}
