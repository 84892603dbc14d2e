package archive_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// lockless is a directory on a file system without locks.
type lockless struct{ *store.Dir }

func (lockless) Lock(string, bool) (func() error, error) {
	return nil, &os.PathError{Op: "lock", Path: "x", Err: errors.Join(errors.ErrUnsupported, syscall.ENOLCK)}
}

// A file system without locks is archived to and replayed on, with a warning.
func TestFileSystemWithoutLocks(t *testing.T) {
	dir, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	var log strings.Builder
	source := night(t, 5)
	require.NoError(t, os.WriteFile(filepath.Join(source.Patterns[0], "bad.avro"), []byte("bad"), 0o666))
	s := &archive.Service{Job: stream.MicroBatch{Source: source, Log: slog.New(slog.NewTextHandler(&log, nil))}, Store: lockless{dir}}
	require.NoError(t, s.Drain(t.Context()))
	assert.EqualValues(t, 5, s.Progress().Written)
	assert.Contains(t, log.String(), "no lock keeps a second process from being started by mistake")
	r, err := s.Replay(t.Context(), nil)
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.Chosen)
}

// A table on another file system is an error at the start, before anything is
// planned.
func TestTableOnAnotherFileSystem(t *testing.T) {
	for _, link := range []string{"alerts", "alerts/ztf", "rejected", "schema"} {
		elsewhere, err := os.MkdirTemp("/dev/shm", "skyfinch")
		if err != nil {
			t.Skip("no second file system")
		}
		t.Cleanup(func() { os.RemoveAll(elsewhere) })
		out := t.TempDir()
		if err := os.Rename(elsewhere, filepath.Join(out, "x")); !errors.Is(err, syscall.EXDEV) {
			t.Skip("no second file system")
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(out, link)), 0o777))
		require.NoError(t, os.Symlink(elsewhere, filepath.Join(out, link)))
		s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 5)}, Dir: out}
		err = s.Drain(t.Context())
		require.ErrorContains(t, err, "archive: store: "+filepath.Join(out, link)+" is on another file system")
		entries, err := os.ReadDir(filepath.Join(out, "ledger"))
		require.NoError(t, err)
		assert.Len(t, entries, 1, "the lock")

		require.NoError(t, os.Remove(filepath.Join(out, link)))
		require.NoError(t, s.Drain(t.Context()))
		assert.EqualValues(t, 5, s.Progress().Written)
	}
}
