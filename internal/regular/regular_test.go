//go:build unix

package regular

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	require.NoError(t, os.WriteFile(name("file"), nil, 0o666))
	require.NoError(t, syscall.Mkfifo(name("pipe"), 0o666))
	require.NoError(t, os.Symlink("file", name("to-file")))
	require.NoError(t, os.Symlink("pipe", name("to-pipe")))
	for _, s := range []string{"file", "to-file"} {
		f, err := Open(name(s))
		require.NoError(t, err)
		assert.NoError(t, f.Close())
	}
	for _, s := range []string{"pipe", "to-pipe", ""} {
		_, err := Open(name(s))
		assert.ErrorIs(t, err, ErrNotRegular)
		assert.ErrorContains(t, err, name(s))
	}
	_, err := Open(name("missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
