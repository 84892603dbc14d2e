//go:build unix

package archive

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/alerttest"
)

// killSteps are the steps at which the archive is killed while it writes three
// batches of four hours and some rejects; after a semicolon it is killed again.
var killSteps = []string{
	"before ledger 1", "after ledger 1",
	"before plan 1", "after plan 1",
	"before schema 1", "after schema 1", "before schemafile 1", "after schemafile 4",
	"before stage 1", "after stage 3", "before write 2", "after write 5", "before close 1", "after close 4",
	"before commit 1", "after commit 1",
	"before publish 1", "after publish 1", "after publish 2", "after publish 3", "before publish 5", "after publish 5",
	"before done 1", "after done 1",
	"before plan 2", "after commit 2", "after publish 7", "before done 2",
	"before commit 1; before sweep 1", "after commit 1; after publish 2; before publish 3",
	"after stage 12", "before commit 3", "after publish 12", "after done 3",
}

const killAlerts = 60

// TestKill kills the archive at each step, starts it again, and finds every
// alert once and every broken packet rejected once.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the binary many times")
	}
	t.Parallel()
	binary := rig(t)
	night := filepath.Join(t.TempDir(), "night")
	require.NoError(t, alerttest.WriteZTF(night, killAlerts, 4))
	for _, name := range []string{"000010x.avro", "000040x.avro"} {
		require.NoError(t, os.WriteFile(filepath.Join(night, name), []byte("not an alert"), 0o666))
	}
	for _, step := range some(killSteps) {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			archive := filepath.Join(t.TempDir(), "archive")
			run := func(kill string) error {
				c := exec.Command(binary, "-files", night, "-out", archive, "-once", "-max-rows", "25")
				c.Env = append(os.Environ(), "SKYFINCH_KILL="+kill)
				out, err := c.CombinedOutput()
				if err != nil && kill == "" {
					t.Logf("%s", out)
				}
				return err
			}
			for kill := range strings.SplitSeq(step, ";") {
				var exit *exec.ExitError
				require.ErrorAs(t, run(kill), &exit, "step %s was never reached", kill)
				require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
				checkVisible(t, archive)
			}
			require.NoError(t, run(""))
			checkWhole(t, archive)
		})
	}
}

// some returns every fifth case, or all if SKYFINCH_LONG is set.
func some[T any](all []T) (out []T) {
	if os.Getenv("SKYFINCH_LONG") != "" {
		return all
	}
	for i := 0; i < len(all); i += 5 {
		out = append(out, all[i])
	}
	return out
}

// rigDir is where the rig is built, once for all tests.
var rigDir string

func TestMain(m *testing.M) {
	status := m.Run()
	if rigDir != "" {
		os.RemoveAll(rigDir)
	}
	os.Exit(status)
}

var buildRig = sync.OnceValues(func() ([]byte, error) {
	var err error
	if rigDir, err = os.MkdirTemp("", ""); err != nil {
		return nil, err
	}
	return exec.Command("go", "build", "-o", rigDir+"/archive", "../../rig/archive").CombinedOutput()
})

// rig returns the archive that can be killed at its steps.
func rig(t *testing.T) (binary string) {
	out, err := buildRig()
	require.NoError(t, err, "%s", out)
	return rigDir + "/archive"
}

// checkVisible checks what a reader may see at any time: complete files only,
// and no alert twice. It counts each message by its table and file.
func checkVisible(t *testing.T, archive string) map[string]int {
	seen := map[string]int{}
	for _, table := range []string{"alerts", "rejected"} {
		err := filepath.WalkDir(filepath.Join(archive, table), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			assert.True(t, strings.HasSuffix(path, ".parquet"), "a foreign file: %s", path)
			for _, topic := range columnOf(t, path, "topic") {
				seen[fmt.Sprintf("%s %s", table, filepath.Base(topic))]++
			}
			return nil
		})
		require.NoError(t, err)
	}
	for what, n := range seen {
		assert.Equal(t, 1, n, "%s", what)
	}
	return seen
}

// checkWhole checks a finished archive.
func checkWhole(t *testing.T, archive string) {
	seen := checkVisible(t, archive)
	assert.Len(t, seen, killAlerts+2)
	assert.Equal(t, 1, seen["rejected 000010x.avro"])
	assert.Equal(t, 1, seen["rejected 000040x.avro"])
	assert.NoDirExists(t, filepath.Join(archive, "staging"), "staged files of done batches")
}

// column reads a text column of all Parquet files below a directory.
func column(t *testing.T, dir, name string) (out []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, columnOf(t, path, name)...)
		}
		return err
	})
	require.NoError(t, err)
	return out
}

// columnOf reads a text column of a Parquet file.
func columnOf(t *testing.T, path, name string) (out []string) {
	f, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	require.NoError(t, err)
	table, err := r.ReadTable(context.Background())
	require.NoError(t, err)
	defer table.Release()
	i := table.Schema().FieldIndices(name)[0]
	for _, chunk := range table.Column(i).Data().Chunks() {
		for k := range chunk.Len() {
			out = append(out, chunk.(*array.String).Value(k))
		}
	}
	return out
}
