//go:build unix

package hats

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pipe in place of a file is an error. Opening it would wait for a writer.
func TestPipe(t *testing.T) {
	for _, name := range []string{"collection.properties", "stars/partition_info.csv", "stars/dataset/Norder=0/Dir=0/Npix=4.parquet"} {
		dir, _ := writeCatalog(t, partitions(0, 4), []star{{id: 1}}, 0)
		pipe := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.Remove(pipe))
		require.NoError(t, syscall.Mkfifo(pipe, 0o666))
		_, err := Open(dir, Options{})
		require.ErrorContains(t, err, "not a regular file")
	}
}
