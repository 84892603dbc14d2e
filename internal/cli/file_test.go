package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.csv")
	content := func() string {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(data)
	}
	require.NoError(t, WriteFile(name, func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }))
	full := errors.New("full")
	assert.ErrorIs(t, WriteFile(name, func(w io.Writer) error { _, _ = io.WriteString(w, "new"); return full }), full)
	assert.Equal(t, "old", content())
	require.NoError(t, WriteFile(name, func(w io.Writer) error {
		assert.Equal(t, "old", content(), "an input may be overwritten")
		_, err := io.WriteString(w, "new")
		return err
	}))
	assert.Equal(t, "new", content())
	entries, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	assert.ErrorIs(t, WriteFile(filepath.Join(name+"x", "b"), nil), os.ErrNotExist)
}
