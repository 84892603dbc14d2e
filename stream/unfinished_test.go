package stream

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// A partition that was begun is read to its end even if the source no longer
// lists it, because its file was moved for example.
func TestUnfinishedPartitionIsRead(t *testing.T) {
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
	listed := &unlisting{counter: src, forgotten: "0"}
	again := newJob(t, listed, s)
	require.NoError(t, again.Drain(t.Context()))
	assert.EqualValues(t, 15, again.Progress().Read, "the rest of both partitions")
}

// unlisting is a counter that does not list one of its partitions.
type unlisting struct {
	*counter
	forgotten string
}

func (f *unlisting) Available(ctx context.Context) ([]Extent, error) {
	all, err := f.counter.Available(ctx)
	var out []Extent
	for _, e := range all {
		if e.Partition != f.forgotten {
			out = append(out, e)
		}
	}
	return out, err
}

func TestUnlisted(t *testing.T) {
	var c protocol.Coverage
	require.NoError(t, fold(&c, &ledger.Plan{Ranges: []Range{Range{Partition: "b", From: 0, To: ledger.UnknownEnd}}}))
	require.NoError(t, fold(&c, &ledger.Plan{Ranges: []Range{Range{Partition: "a", From: 0, To: ledger.UnknownEnd}}}))
	require.NoError(t, fold(&c, &ledger.Plan{Ranges: []Range{Range{Partition: "k", From: 0, To: 7}}}))
	require.NoError(t, c.Settle(Account{Range: Range{Partition: "a", From: 0, To: 3}}))
	assert.Equal(t, []Extent{{Range: Range{Partition: "a", From: 0, To: ledger.UnknownEnd}}, {Range: Range{Partition: "b", From: 0, To: ledger.UnknownEnd}}}, unlisted(&c, nil))
	assert.Equal(t, []Extent{{Range: Range{Partition: "b", From: 0, To: ledger.UnknownEnd}}}, unlisted(&c, []Extent{{Range: Range{Partition: "a", From: 0, To: ledger.UnknownEnd}}}))
	ranges, _, _, err := choose(&c, nil, planInput{limits: Limits{}.withDefaults()})
	require.NoError(t, err)
	assert.Equal(t, []Range{{Partition: "a", From: 3, To: ledger.UnknownEnd}, {Partition: "b", From: 0, To: ledger.UnknownEnd}}, ranges)
	require.NoError(t, c.Settle(Account{Range: Range{Partition: "a", From: 3, To: 3}, End: true}))
	require.NoError(t, c.Settle(Account{Range: Range{Partition: "b", From: 0, To: 1}, End: true}))
	assert.Empty(t, unlisted(&c, nil))
	require.NoError(t, fold(&c, &ledger.Plan{Ranges: []Range{Range{Partition: "a", From: 3, To: ledger.UnknownEnd}}}), "planned again by a process that knew less")
	assert.Empty(t, unlisted(&c, nil), "it has ended")
}
