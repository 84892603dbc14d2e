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

// in makes the directory and calls f, again if another process removed the empty
// directory in between.
func (d *Dir) in(dir string, f func() error) (err error) {
	if err = d.mkdir(dir); err == nil {
		err = f()
	}
	for tries, stayed := 0, false; tries < 100 && !stayed && errors.Is(err, fs.ErrNotExist); tries++ {
		stayed, err = d.inHeld(dir, f)
	}
	return err
}

// inHeld makes the directory and calls f. stayed reports whether the directory was
// there meanwhile, so that an error is about something else. It may have been
// removed and made again, but then it is another one: the old one is open.
func (d *Dir) inHeld(dir string, f func() error) (stayed bool, err error) {
	if err := d.mkdir(dir); err != nil {
		return false, err
	}
	held, err := os.Open(d.path(dir))
	if err != nil {
		return false, err
	}
	defer held.Close()
	err = f()
	before, failed := held.Stat()
	after, gone := os.Stat(d.path(dir))
	return failed == nil && gone == nil && os.SameFile(before, after), err
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
