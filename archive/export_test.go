package archive

import "testing"

// SetReplayRows sets how many messages a batch of a replay has during a test.
func SetReplayRows(t *testing.T, n int64) {
	old := replayRows
	replayRows = n
	t.Cleanup(func() { replayRows = old })
}
