package stream

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
)

// A partition that was begun and that the source lists no more, because its
// file was moved away, is asked for all the same: it is read to its end, or
// answered for.
func TestBegunPartitionIsOwed(t *testing.T) {
	s := store.NewMemory()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10, "1": 10}, chunk: 5, open: true}
	job := newJob(t, src, s)
	job.Limits.Rows = 5
	stop := errFault
	src.fault = func(read int, _ int64) error { // after the first batch
		if read > 1 {
			return Permanent(stop)
		}
		return nil
	}
	require.ErrorIs(t, job.Drain(t.Context()), stop)
	require.EqualValues(t, 5, job.Progress().Read)

	src.fault = nil
	listed := &forgetful{counter: src, forgotten: "0"}
	again := newJob(t, listed, s)
	require.NoError(t, again.Drain(t.Context()))
	assert.EqualValues(t, 15, again.Progress().Read, "the rest of both partitions")
}

// forgetful does not list a partition, but reads it when asked to.
type forgetful struct {
	*counter
	forgotten string
}

func (f *forgetful) Available(ctx context.Context) ([]Extent, error) {
	all, err := f.counter.Available(ctx)
	var out []Extent
	for _, e := range all {
		if e.Partition != f.forgotten {
			out = append(out, e)
		}
	}
	return out, err
}

func TestOwed(t *testing.T) {
	var c claims
	require.NoError(t, c.begin(Range{"b", 0, Open}))
	require.NoError(t, c.begin(Range{"a", 0, Open}))
	require.NoError(t, c.begin(Range{"k", 0, 7}))
	require.NoError(t, c.settle(Account{Range: Range{"a", 0, 3}}))
	assert.Equal(t, []Extent{{Range: Range{"a", 0, Open}}, {Range: Range{"b", 0, Open}}}, c.owed(nil))
	assert.Equal(t, []Extent{{Range: Range{"b", 0, Open}}}, c.owed([]Extent{{Range: Range{"a", 0, Open}}}))
	ranges, _, _, err := choose(&c, nil, terms{Limits: Limits{}.withDefaults()})
	require.NoError(t, err)
	assert.Equal(t, []Range{{"a", 3, Open}, {"b", 0, Open}}, ranges)
	require.NoError(t, c.settle(Account{Range: Range{"a", 3, 3}, End: true}))
	require.NoError(t, c.settle(Account{Range: Range{"b", 0, 1}, End: true}))
	assert.Empty(t, c.owed(nil))
	require.NoError(t, c.begin(Range{"a", 3, Open}), "planned again by an older view")
	assert.Empty(t, c.owed(nil), "it has ended")
}
