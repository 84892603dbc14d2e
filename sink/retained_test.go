package sink

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
)

// Elements of a list take memory when they are written, though nulls take none in a
// record and booleans a bit; so do structs that are null in turn.
func TestLevelsAreRetained(t *testing.T) {
	mem := checked(t)
	null := arrow.StructOf(arrow.Field{Name: "a", Type: arrow.Null, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.ListOf(null), Nullable: true}}, nil)
	record := func(valid func(i int) bool) arrow.Record {
		b := array.NewRecordBuilder(mem, schema)
		defer b.Release()
		list := b.Field(0).(*array.ListBuilder)
		list.Append(true)
		elems := list.ValueBuilder().(*array.StructBuilder)
		for i := range 10_000 {
			elems.Append(valid(i))
			elems.FieldBuilder(0).AppendNull()
		}
		return b.NewRecord()
	}
	for name, c := range map[string]struct {
		valid func(i int) bool
		least int64
	}{
		"all":   {func(int) bool { return true }, 2 * 10_000},
		"turns": {func(i int) bool { return i%2 == 0 }, 3*10_000 + 24*5000},
	} {
		r := record(c.valid)
		var kept retainedRecords
		assert.GreaterOrEqual(t, kept.add(r), c.least, name)
		kept.release()
		r.Release()
	}
}
