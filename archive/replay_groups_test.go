package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// TestReplayOfLaterGroup replays a first file while another replay, which then
// dies, replaces a second one: that one must not be replayed again.
func TestReplayOfLaterGroup(t *testing.T) {
	archive.SetReplayRows(t, 4) // a group is a file
	dir := t.TempDir()
	source := containers(t, 0, goodAlerts)
	first := &archive.Service{Job: stream.MicroBatch{Source: source, Limits: stream.Limits{Rows: 4}}, Dir: dir, Surveys: []alert.Survey{alert.LSST()}}
	require.NoError(t, first.Drain(t.Context()))

	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	var died atomic.Bool
	other := &archive.Service{Job: stream.MicroBatch{Source: source}, Store: &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		if died.Load() || op.Kind == faultstore.Delete && strings.HasPrefix(op.Name, "rejected/") {
			died.Store(true)
			return errDied
		}
		return nil
	}}}
	s := &archive.Service{Job: stream.MicroBatch{Source: source}, Dir: dir}
	begun := false
	got, err := s.Replay(t.Context(), func(string) bool {
		if !begun {
			begun = true
			n := 0
			_, err := other.Replay(t.Context(), func(string) bool { n++; return n > 4 }) // the second file
			require.ErrorIs(t, err, errDied)
		}
		return true
	})
	require.NoError(t, err)
	assert.EqualValues(t, goodAlerts/2, got.Written)
	alerts := seen(t, dir, "alerts")
	assert.Len(t, alerts, goodAlerts)
	for m, n := range alerts {
		assert.Equal(t, 1, n, m)
	}
	_, err = s.Replay(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, look(t, audit.Options{Dir: dir}).Findings)
}

// A file that a replay had replaced, and a repair removed, is back: its messages
// are there twice, which is seen by an audit that goes on from the repair's, too.
func TestReplacedFileIsBack(t *testing.T) {
	dir, s := misread(t)
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "rejected/*/*/*/*/*.parquet"))
	require.NoError(t, err)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	dying := &archive.Service{Job: stream.MicroBatch{Source: s.Job.Source}, Store: &faultstore.Store{Store: d, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Delete && strings.HasPrefix(op.Name, "rejected/") {
			return errDied
		}
		return nil
	}}}
	_, err = dying.Replay(t.Context(), nil)
	require.ErrorIs(t, err, errDied)

	r := look(t, audit.Options{Dir: dir, Repair: true})
	require.Empty(t, r.Findings)
	require.NoFileExists(t, files[0])
	require.NoError(t, os.WriteFile(files[0], data, 0o666))
	assert.NotEmpty(t, look(t, audit.Options{Dir: dir}).Findings)
	assert.NotEmpty(t, look(t, audit.Options{Dir: dir, Since: r.Summary}).Findings)
}
