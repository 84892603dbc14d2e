package stream

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream/store"
)

// Processes that are alive but slow or stuck do not count as dead: their messages
// are not rejected, also after many attempts.
func TestSlowProcessesAreNotDead(t *testing.T) {
	for _, slow := range []time.Duration{20 * time.Second, 10 * time.Minute} {
		t.Run(slow.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store.NewMemory()
				src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 1}, chunk: 5}
				release := make(chan struct{})
				tried := 0
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range 6 {
					m := newJob(t, src, s)
					m.Alone = false
					m.Transforms = []Transform{TransformFunc(func(ctx context.Context, in Rows) (Result, error) {
						mu.Lock()
						tried++
						mu.Unlock()
						<-release
						return Filter(in, func(int) bool { return true }), nil
					})}
					wg.Go(func() { assert.NoError(t, m.Drain(t.Context()), "%d", i) })
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(slow)
				mu.Lock()
				if slow < stuckAfter {
					assert.Equal(t, 1, tried, "a process that makes progress is not interrupted")
				} else {
					assert.Greater(t, tried, 3, "a stuck one is not waited for")
				}
				mu.Unlock()
				close(release)
				wg.Wait()
				assert.Equal(t, []int64{0}, published(t, s, "rows"))
				assert.Empty(t, published(t, s, "rejected"))
			})
		})
	}
}
