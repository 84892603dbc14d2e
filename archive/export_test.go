package archive

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// SetReplayRows sets how many messages a batch of a replay has during a test.
func SetReplayRows(t *testing.T, n int64) {
	old := replayRows
	replayRows = n
	t.Cleanup(func() { replayRows = old })
}

// SetRewriteAge sets how many batches after its base a rewrite can be decided, for what
// is swept during a test.
func SetRewriteAge(t *testing.T, n int64) {
	old := rewriteAge
	rewriteAge = n
	t.Cleanup(func() { rewriteAge = old })
}

// SetPublishTimeout sets how long an engine may take to publish a batch during a test.
func SetPublishTimeout(t *testing.T, d time.Duration) {
	old := publishTimeout
	publishTimeout = d
	t.Cleanup(func() { publishTimeout = old })
}

// SetRewriteTimeout sets how long a Source waits for a rewrite during a test.
func SetRewriteTimeout(t *testing.T, d time.Duration) {
	old := rewriteTimeout
	rewriteTimeout = d
	t.Cleanup(func() { rewriteTimeout = old })
}

// WindowOf reads a range, and returns the most memory, blocks and files that it held.
func WindowOf(t *testing.T, s *Source, r stream.Range) (bytes int64, blocks, files int) {
	x, err := s.newRangeReader(t.Context(), r)
	require.NoError(t, err)
	defer x.close()
	for x.next < r.To {
		end := min((x.next/chunkRows+1)*chunkRows, r.To)
		rec, err := x.chunk(t.Context(), end)
		require.NoError(t, err)
		rec.Release()
		bytes, blocks, files = max(bytes, x.window.used), max(blocks, len(x.window.blocks)), max(files, len(x.window.files))
		x.next = end
	}
	return bytes, blocks, files
}

// SetAllocator sets the allocator of a Source.
func (s *Source) SetAllocator(mem memory.Allocator) { s.mem = mem }
