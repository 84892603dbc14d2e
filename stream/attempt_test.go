package stream

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
)

// A delivery lends its rows one by one, releases all of them wherever the sink
// stops, and then calls done, also without rows.
func TestDeliveryReleases(t *testing.T) {
	for n := range 4 {
		for stop := range n + 1 {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			before, seen, freed := 0, 0, 0
			d := delivery{done: func() { freed++; assert.Zero(t, mem.CurrentAlloc()) }}
			for i := range n {
				d.rows = append(d.rows, Rows{Record: numberRecord(mem, int64(i))})
			}
			more := d.each(func(r Rows, err error) bool {
				assert.NoError(t, err)
				assert.Equal(t, []int64{int64(seen)}, numbersOf(r.Record))
				if held := mem.CurrentAlloc(); seen > 0 {
					assert.Less(t, held, before, "earlier rows are released")
				}
				before = mem.CurrentAlloc()
				assert.Zero(t, freed)
				seen++
				return seen != stop
			})
			assert.Equal(t, stop == 0 || n == 0, more)
			assert.Equal(t, 1, freed)
			if stop > 0 {
				assert.Equal(t, stop, seen, "nothing is yielded after the stop")
			}
			mem.AssertSize(t, 0)
		}
	}
}
