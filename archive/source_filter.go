package archive

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/sink"
)

// filter chooses the rows whose value in a column is within bounds.
type filter struct {
	name string
	bounds
	field  arrow.Field
	column int // its number in the records, once with has been called
}

// newFilter returns the filter of a time range for a table, nil if all rows belong to
// it.
func newFilter(r TimeRange, table *arrow.Schema) (*filter, error) {
	name, b := r.column()
	if name == "" {
		return nil, nil
	}
	i := table.FieldIndices(name)
	if len(i) == 0 {
		return nil, fmt.Errorf("it has no column %s, which a range of the clock %s needs", name, r.Clock)
	}
	f := &filter{name: name, bounds: b, field: table.Field(i[0])}
	switch t := f.field.Type.(type) {
	case *arrow.TimestampType:
		if r.Clock == sink.EventTime && t.Unit == arrow.Microsecond {
			return f, nil
		}
	case *arrow.Int32Type:
		if r.Clock == sink.Night {
			return f, nil
		}
	}
	return nil, fmt.Errorf("its column %s is %v, which is not what the clock %s needs", name, f.field.Type, r.Clock)
}

// with returns a schema that also has the filter's column, as its last if it is added.
func (f *filter) with(s *arrow.Schema) *arrow.Schema {
	if i := s.FieldIndices(f.name); len(i) > 0 {
		f.column = i[0]
		return s
	}
	f.column = s.NumFields()
	return arrow.NewSchema(append(slices.Clone(s.Fields()), f.field), nil)
}

// run reports whether a row is chosen, and how many rows from it on, up to the row to,
// are likewise.
func (f *filter) run(rec arrow.Record, from, to int64) (chosen bool, n int64) {
	has := f.chooser(rec.Column(f.column))
	chosen = has(int(from))
	for n = 1; from+n < to && has(int(from+n)) == chosen; n++ {
	}
	return chosen, n
}

func (f *filter) chooser(col arrow.Array) func(i int) bool {
	switch col := col.(type) {
	case *array.Timestamp:
		return func(i int) bool { return col.IsValid(i) && f.has(int64(col.Value(i))) }
	case *array.Int32:
		return func(i int) bool { return col.IsValid(i) && f.has(int64(col.Value(i))) }
	}
	return func(int) bool { return false }
}

// mayHave reports whether a file may have rows that are chosen, by what its commit
// says.
func (f *filter) mayHave(file *index.File) bool {
	if f.name == "event_time" {
		return file.First.IsZero() || file.Last.IsZero() || f.meets(eventNumber(file.First), eventNumber(file.Last))
	}
	s, ok := file.Stat(f.name)
	var least, greatest int64
	if !ok || json.Unmarshal(s[0], &least) != nil || json.Unmarshal(s[1], &greatest) != nil {
		return true
	}
	return f.meets(least, greatest)
}
