package archive_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// A commit says of each file which rows may be in it, in few bytes.
func TestStatsInCommits(t *testing.T) {
	small := filepath.Join(t.TempDir(), "small")
	require.NoError(t, alerttest.WriteZTF(small, 30, 3))
	for _, dir := range []string{small, "../../shared/alerts/ztf-4.02", "../../shared/alerts/ztf-3.3", "../../shared/alerts/lsst-7.4", "../../shared/alerts/lsst-9.0"} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if _, err := os.Stat(dir); err != nil {
				t.Skip("no real packets here")
			}
			st := store.NewMemory()
			s := &archive.Service{Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{dir}}}, Store: st}
			require.NoError(t, s.Drain(t.Context()))
			records, err := ledger.Open(t.Context(), st, "ledger", nil)
			require.NoError(t, err)
			c, err := records.Commit(t.Context(), 1)
			require.NoError(t, err)
			require.NotEmpty(t, c.Rows.Files)
			most := 0
			for _, f := range c.Rows.Files {
				assert.Equal(t, 1, f.Schema)
				for _, name := range []string{"alert_id", "object_id", "ra", "dec", "event_time", "night"} {
					assert.Contains(t, f.Stats, name)
				}
				first, err := f.First.MarshalJSON()
				require.NoError(t, err)
				assert.Equal(t, string(first), string(f.Stats["event_time"][0]))
				var id int64
				require.NoError(t, json.Unmarshal(f.Stats["alert_id"][0], &id))
				assert.Positive(t, id)

				with := size(t, f)
				f.Schema, f.Stats = 0, nil
				grown := with - size(t, f)
				assert.LessOrEqual(t, grown, 400)
				most = max(most, grown)
			}
			t.Logf("at most %d bytes a file", most)
		})
	}
}

func size(t *testing.T, f ledger.File) int {
	data, err := json.Marshal(f)
	require.NoError(t, err)
	return len(data)
}
