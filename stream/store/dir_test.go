package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T) *Dir {
	d, err := OpenDir(filepath.Join(t.TempDir(), "made", "for", "it"))
	require.NoError(t, err)
	return d
}

func list(t *testing.T, s Store, prefix string) (names []string) {
	for e, err := range s.List(context.Background(), prefix) {
		require.NoError(t, err)
		names = append(names, e.Name)
	}
	return names
}

// Temporary files of a killed writer are not listed; similar names are.
func TestDirHidesTemporaryNames(t *testing.T) {
	d, ctx := open(t), context.Background()
	require.NoError(t, os.WriteFile(tempName(filepath.Join(d.Root(), "1.plan")), []byte("ha"), 0o666))
	_, err := d.PutIfAbsent(ctx, "1.plan", []byte("whole"))
	require.NoError(t, err)
	_, err = d.PutIfAbsent(ctx, "alerts.new-york", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"1.plan", "alerts.new-york"}, list(t, d, ""))

	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				_, err := d.PutIfAbsent(ctx, fmt.Sprintf("r/%d-%d", i, j), []byte("x"))
				assert.NoError(t, err)
			}
		})
	}
	for range 20 {
		for _, name := range list(t, d, "") {
			assert.NotRegexp(t, `\.new-[A-Z2-7]{10}$`, name)
		}
	}
	all.Wait()
}

func TestDirLeavesNoDirectories(t *testing.T) {
	d, ctx := open(t), context.Background()
	_, err := d.PutIfAbsent(ctx, "a/b/c/d", nil)
	require.NoError(t, err)
	require.NoError(t, d.Delete(ctx, "a/b/c/d"))
	entries, err := os.ReadDir(d.Root())
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// Another process may remove an empty directory between its creation and its use.
func TestDirRemovedByAnother(t *testing.T) {
	d, ctx := open(t), context.Background()
	other, err := OpenDir(d.Root())
	require.NoError(t, err)
	removals := 3
	err = d.in("a/b", func() error {
		if removals--; removals >= 0 {
			require.NoError(t, other.Delete(ctx, "a/b/none"))
			require.NoDirExists(t, d.path("a"))
		}
		return linkNew(d.path("a/b/record"), []byte("x"))
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"a/b/record"}, list(t, d, ""))

	require.NoError(t, other.Delete(ctx, "a/b/record")) // d still has a/b in its cache
	for _, name := range []string{"a/b/staged", "a/b/again"} {
		w, err := d.Stage(ctx, name, "c/d/final")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, d.Publish(ctx, name, "c/d/final", 0))
		require.NoError(t, other.Delete(ctx, "a/b/none"))
		require.NoError(t, other.Delete(ctx, "c/d/final"))
	}
	err = d.Publish(ctx, "a/b/none", "c/d/final", 0)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "store: publish a/b/none as c/d/final: the staged file is gone")
}

func TestOpenDirRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for _, root := range []string{file, filepath.Join(file, "below")} {
		_, err := OpenDir(root)
		assert.ErrorContains(t, err, "store: ")
		assert.ErrorContains(t, err, root)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	_, err := OpenDir(dir)
	assert.ErrorContains(t, err, "cannot be written")
	assert.ErrorIs(t, err, fs.ErrPermission)
}

func TestLock(t *testing.T) {
	if root := os.Getenv("SKYFINCH_TEST_LOCK"); root != "" { // the other process
		d, err := OpenDir(root)
		require.NoError(t, err)
		_, err = d.Lock("ledger/lock", false)
		fmt.Println("locked:", errors.Is(err, ErrLocked))
		return
	}
	d := open(t)
	try := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLock$")
		cmd.Env = append(os.Environ(), "SKYFINCH_TEST_LOCK="+d.Root())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		first, _, _ := strings.Cut(string(out), "\n")
		return first
	}
	unlock, err := d.Lock("ledger/lock", false)
	require.NoError(t, err)
	assert.Equal(t, "locked: true", try())
	_, err = d.Lock("ledger/lock", false)
	assert.ErrorIs(t, err, ErrLocked)
	require.NoError(t, unlock())
	assert.Equal(t, "locked: false", try())
}

// A table linked to another file system is found before its file is written, and so
// before a commit names it.
func TestStageForAnotherFileSystem(t *testing.T) {
	d, ctx := open(t), t.Context()
	elsewhere, err := os.MkdirTemp("/dev/shm", "skyfinch")
	if err != nil {
		t.Skip("no second file system")
	}
	defer os.RemoveAll(elsewhere)
	if movable(d.Root(), elsewhere) == nil {
		t.Skip("no second file system")
	}
	require.NoError(t, os.MkdirAll(d.path("alerts/ztf"), 0o777))
	require.NoError(t, os.Symlink(elsewhere, d.path("alerts/ztf/2026")))
	require.NoError(t, os.Symlink(elsewhere, d.path("rejected")))
	for _, final := range []string{"alerts/ztf/2026/07/01/12/x.parquet", "alerts/ztf/2026/x", "rejected/x"} {
		_, err := d.Stage(ctx, "staging/1-0", final)
		require.ErrorIs(t, err, syscall.EXDEV, final)
		assert.ErrorContains(t, err, "is on another file system than "+d.path("staging"))
	}
	w, err := d.Stage(ctx, "staging/1-0", "alerts/ztf/2027/07/x")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, d.Publish(ctx, "staging/1-0", "alerts/ztf/2027/07/x", 0))

	require.NoError(t, os.Symlink("nothing", d.path("schema")))
	_, err = d.Stage(ctx, "staging/1-0", "schema/x")
	assert.ErrorContains(t, err, d.path("schema")+" is a link to a directory that does not exist")
	assert.Equal(t, []string{"alerts/ztf/2026", "alerts/ztf/2027/07/x", "rejected", "schema"}, list(t, d, ""), "no traces")
	entries, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	assert.Empty(t, entries)
}
