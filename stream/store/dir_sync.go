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

// in makes the directory and calls f, again if f misses the directory, because
// another process removed it while it was empty.
func (d *Dir) in(dir string, f func() error) (err error) {
	for range 100 {
		if err = d.mkdir(dir); err == nil {
			err = f()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// mkdir makes the directory and its parents, and syncs each changed directory, so that
// a file in it survives a power failure.
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
		delete(d.made, dir) // another process removed it because it was empty
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

// mkdirAll is like os.MkdirAll, but syncs each changed directory.
func mkdirAll(dir string) error {
	err := os.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrNotExist) {
		if err := mkdirAll(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o777)
	}
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sortAsKeys sorts directory entries in the order of the full names below them, that
// is, with a slash after the name of a directory.
func sortAsKeys(entries []os.DirEntry) {
	key := func(e os.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(key(a), key(b)) })
}
