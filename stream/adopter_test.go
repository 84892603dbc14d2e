package stream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// sample is a source of the first rows of a table that grows. Its partition is
// named after their number when it was first asked, unless it adopts another.
type sample struct {
	*counter
	rows    int64
	adopted string
}

func (s *sample) Adopt(partitions map[string]int64) bool {
	for p := range partitions {
		if strings.HasPrefix(p, "rows=") && p != s.adopted {
			s.adopted = p
			return true
		}
	}
	return false
}

func (s *sample) Available(context.Context) ([]Extent, error) {
	e := Extent{Range: Range{Partition: fmt.Sprint("rows=", s.rows), To: s.rows}}
	if s.adopted != "" {
		e.Partition = s.adopted
		fmt.Sscanf(s.adopted, "rows=%d", &e.To)
	}
	s.sizes[e.Partition] = e.To
	return []Extent{e}, nil
}

// Processes that start at the same time on an empty ledger plan the same
// partitions, although each found the table at another length. The second one has
// listed its own partition when the first one's plan wins.
func TestAdopter(t *testing.T) {
	for _, run := range []string{"drain", "run"} {
		st := store.NewMemory()
		source := func(rows int64) *sample {
			return &sample{counter: &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{}, chunk: 5}, rows: rows}
		}
		first := newJob(t, source(20), st)
		var raced atomic.Bool
		second := newJob(t, source(27), &faultstore.Store{Store: st, Before: func(op faultstore.Op) error {
			if op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(op.Name, ".plan") && raced.CompareAndSwap(false, true) {
				require.NoError(t, first.Drain(t.Context()))
			}
			return nil
		}})
		if run == "drain" {
			require.NoError(t, second.Drain(t.Context()))
		} else {
			ctx, cancel := context.WithCancel(t.Context())
			second.Observe = func(e Event) {
				if e.Kind == EventBegin && e.Stage == StageWait {
					cancel()
				}
			}
			require.NoError(t, second.Run(ctx))
			cancel()
		}
		assert.True(t, raced.Load())
		assert.Equal(t, map[string]int64{"rows=20": 20}, second.Source.(*sample).settled(t, second), run)
	}
}

// settled returns the offsets that the ledger has settled, by partition.
func (s *sample) settled(t *testing.T, job *MicroBatch) map[string]int64 {
	out := map[string]int64{}
	for b, err := range job.Ledger.Batches(t.Context(), 1) {
		require.NoError(t, err)
		for _, a := range b.Commit.Accounts {
			out[a.Partition] += a.Read
		}
	}
	return out
}
