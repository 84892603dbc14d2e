package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// mkdir makes the directory and its parents, and syncs each one that it adds
// to, so that a file in it survives a loss of power.
func (d *Dir) mkdir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mkdirLocked(dir)
}

func (d *Dir) mkdirLocked(dir string) error {
	if dir == "." {
		return nil
	}
	if d.made[dir] {
		if _, err := os.Stat(d.path(dir)); err == nil {
			return nil
		}
		delete(d.made, dir) // another process found it empty, and removed it
	}
	if err := d.mkdirLocked(path.Dir(dir)); err != nil {
		return err
	}
	err := os.Mkdir(d.path(dir), 0o777)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDir(filepath.Dir(d.path(dir))); err != nil {
		return err
	}
	d.made[dir] = true
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sortAsKeys sorts directory entries as their full names sort when a
// directory's name goes on with a slash.
func sortAsKeys(entries []os.DirEntry) {
	key := func(e os.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(key(a), key(b)) })
}
