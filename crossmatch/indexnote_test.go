package crossmatch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An index returns the note that it was written with.
func TestIndexNote(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.index")
	c, err := NewCatalog(Rows{RA: []float64{1}, Dec: []float64{1}})
	require.NoError(t, err)
	assert.Empty(t, c.Note())
	for _, note := range []string{"", "x", "GCVS 5.1 <é>\n\"of\" 2026\x00", strings.Repeat("long ", 100_000)} {
		require.NoError(t, c.WriteIndex(name, note))
		got, err := OpenIndex(name)
		require.NoError(t, err)
		assert.Equal(t, note, got.Note())
		require.NoError(t, got.WriteIndex(name, got.Note()))
		require.NoError(t, got.Close())
		assert.Equal(t, note, got.Note())
		got, err = OpenIndex(name)
		require.NoError(t, err)
		assert.Equal(t, note, got.Note(), "who writes it again keeps it")
		require.NoError(t, got.Close())
	}
	assert.ErrorContains(t, c.WriteIndex(name, "\xff"), "not UTF-8")
	assert.ErrorContains(t, c.WriteIndex(name, strings.Repeat("x", maxDescription)), "the note and the columns' names")
	left, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, left, 1)
}
