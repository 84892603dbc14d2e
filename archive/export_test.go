package archive

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// SetReplayRows sets how many messages a batch of a replay has during a test.
func SetReplayRows(t *testing.T, n int64) {
	old := replayRows
	replayRows = n
	t.Cleanup(func() { replayRows = old })
}

// SetRewriteTimeout sets how long a Source waits for a rewrite during a test.
func SetRewriteTimeout(t *testing.T, d time.Duration) {
	old := rewriteTimeout
	rewriteTimeout = d
	t.Cleanup(func() { rewriteTimeout = old })
}

// SetAllocator sets the allocator of a Source.
func (s *Source) SetAllocator(mem memory.Allocator) { s.mem = mem }
