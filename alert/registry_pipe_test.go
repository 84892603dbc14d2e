//go:build unix

package alert

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A named pipe is an error: it would block until something writes to it.
func TestPipeInDirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "x-901.avsc"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x-900.avsc"), []byte(`"int"`), 0o666))
	r, err := OpenRegistry(t.Context(), dir)
	require.NoError(t, err)
	_, err = r.Schema(t.Context(), 901)
	require.ErrorContains(t, err, filepath.Join(dir, "x-901.avsc")+": not a regular file")
	assert.NotErrorIs(t, err, ErrUnknownSchema, "the messages are not at fault")
	text, err := r.Schema(t.Context(), 900)
	require.NoError(t, err)
	assert.Equal(t, `"int"`, string(text))
}
