//go:build unix

package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// TestReadCPU prints the CPU time of reading an archive's files. .ci/few runs it beside
// pyarrow.
func TestReadCPU(t *testing.T) {
	dir := os.Getenv("SKYFINCH_READ")
	if dir == "" {
		t.Skip("SKYFINCH_READ names no archive")
	}
	var columns []string
	if names := os.Getenv("SKYFINCH_COLUMNS"); names != "" {
		columns = strings.Split(names, ",")
	}
	begun := cpu(t)
	rows := int64(0)
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "alerts"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		info, err := f.Stat()
		require.NoError(t, err)
		r, err := parquetfile.OpenReader(f, info.Size())
		require.NoError(t, err)
		for g := range r.NumRowGroups() {
			rec, err := r.ReadRowGroup(g, columns)
			require.NoError(t, err)
			rows += rec.NumRows()
			rec.Release()
		}
		return nil
	}))
	fmt.Printf("read %d %f\n", rows, (cpu(t) - begun).Seconds())
}

// cpu returns the CPU time of the process.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
