package store

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Processes may stage while others remove the directories that are empty.
func TestStageWhileDirectoriesGo(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "alerts/ztf"), 0o777))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				d, err := OpenDir(root) // as another process, which knows no directories
				if !assert.NoError(t, err) {
					return
				}
				for _, final := range []string{"alerts/ztf/x", "rejected/x"} {
					w, err := d.Stage(t.Context(), "staging/x", final)
					if !assert.NoError(t, err) {
						return
					}
					assert.NoError(t, w.Abort())
				}
			}
		})
	}
	all.Wait()
}
