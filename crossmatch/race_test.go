package crossmatch

import (
	"context"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A catalogue whose columns are slices, which count their nulls on first use, may be used
// concurrently.
func TestSlicedColumns(t *testing.T) {
	const n = 200_000
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil))
	b.Field(0).AppendNull()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	ra, dec := make([]float64, n), make([]float64, n)
	for i := range ra {
		ra[i] = float64(i) * 1e-3
	}
	c, err := NewCatalog(Rows{RA: ra, Dec: dec, Columns: b.NewRecord().NewSlice(1, n+1)})
	require.NoError(t, err)
	tr := &Transform{Joins: []Join{{Name: "c", Matcher: c, Radius: 0.0001}}}
	sch := arrow.NewSchema([]arrow.Field{{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64}}, nil)
	start := make(chan bool)
	var wg sync.WaitGroup
	for range 4 {
		f := func() arrow.Array {
			b := array.NewFloat64Builder(memory.DefaultAllocator)
			b.AppendValues(make([]float64, 1), nil)
			return b.NewArray()
		}
		in := array.NewRecord(sch, []arrow.Array{f(), f()}, 1)
		wg.Go(func() {
			<-start
			_, err := tr.Match(context.Background(), in)
			assert.NoError(t, err)
		})
	}
	close(start)
	wg.Wait()
}
