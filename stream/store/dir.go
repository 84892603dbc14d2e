package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Dir is a Store in a local directory. When a method returns without an error,
// the change has been synced to the disk, including all parent directories.
// Records and files must be on one file system with hard links.
type Dir struct {
	root   string
	blocks sync.Pool // of files being written

	mu      sync.Mutex
	made    map[string]bool // directories that exist and are synced
	movable map[string]bool // directories to which staged files can be moved
}

var _ Store = (*Dir)(nil)

func newDir(root string) *Dir {
	return &Dir{root: filepath.Clean(root), made: map[string]bool{}, movable: map[string]bool{}}
}

// OpenDirReadOnly returns the store in the existing directory root. It writes nothing,
// so root may be a directory of another user, or on a file system without writing.
func OpenDirReadOnly(root string) (*Dir, error) {
	d := newDir(root)
	if _, err := os.ReadDir(d.root); err != nil {
		return nil, fmt.Errorf("store: open directory: %w", err)
	}
	return d, nil
}

// OpenDir returns the store in the directory root, which it creates if necessary.
func OpenDir(root string) (*Dir, error) {
	d := newDir(root)
	if err := mkdirAll(d.root); err != nil {
		return nil, fmt.Errorf("store: create directory: %w", err)
	}
	probe := tempName(filepath.Join(d.root, "probe"))
	if err := writeSynced(probe, nil); err != nil {
		return nil, fmt.Errorf("store: directory %s cannot be written: %w", d.root, err)
	}
	if err := os.Remove(probe); err != nil {
		return nil, fmt.Errorf("store: directory %s cannot be written: %w", d.root, err)
	}
	return d, nil
}

// Root returns the directory.
func (d *Dir) Root() string { return d.root }

func (d *Dir) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// PutIfAbsent implements Records. It writes and syncs the record under a temporary
// name and then links it, which fails if the name exists. Thus a record is
// visible only as a whole.
func (d *Dir) PutIfAbsent(ctx context.Context, name string, data []byte) ([]byte, error) {
	stored, err := d.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		err = d.in(path.Dir(name), func() error { return linkNew(d.path(name), data) })
		stored = bytes.Clone(data)
		if errors.Is(err, fs.ErrExist) {
			stored, err = d.Get(ctx, name)
		}
	}
	if err != nil {
		return nil, err
	}
	// Another process, or an earlier call, may have linked the name without
	// syncing the directory.
	if err := syncDir(filepath.Dir(d.path(name))); err != nil {
		return nil, err
	}
	return stored, nil
}

// linkNew writes a record and links it to its final name, unless that exists.
func linkNew(final string, data []byte) error {
	tmp := tempName(final)
	defer os.Remove(tmp)
	if err := writeSynced(tmp, data); err != nil {
		return err
	}
	return os.Link(tmp, final)
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// Get implements Records.
func (d *Dir) Get(_ context.Context, name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

// Publish implements Files.
func (d *Dir) Publish(_ context.Context, name, final string, size int64) error {
	gone := false
	err := d.in(path.Dir(final), func() error {
		err := os.Rename(d.path(name), d.path(final))
		if errors.Is(err, fs.ErrNotExist) {
			_, missing := os.Lstat(d.path(name))
			if gone = errors.Is(missing, fs.ErrNotExist); gone {
				return nil
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if gone {
		if info, err := os.Stat(d.path(final)); err != nil || info.Size() != size {
			return fmt.Errorf("store: publish %s as %s: the staged file is gone: %w", name, final, fs.ErrNotExist)
		}
	}
	d.prune(path.Dir(name))
	return syncDir(filepath.Dir(d.path(final)))
}

// List implements Records. Names are in byte order, as in S3, which is not the order
// of a directory walk: "a/b" comes after "a-b".
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		dir, _ := path.Split(prefix)
		_, err := d.list(ctx, path.Clean(dir), prefix, yield)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			yield(Entry{}, err)
		}
	}
}

// list yields the entries below dir. It returns false if yield did.
func (d *Dir) list(ctx context.Context, dir, prefix string, yield func(Entry, error) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	entries, err := os.ReadDir(d.path(dir))
	if err != nil {
		return false, err
	}
	sortAsKeys(entries)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			if below := name + "/"; !strings.HasPrefix(below, prefix) && !strings.HasPrefix(prefix, below) {
				continue
			}
			if more, err := d.list(ctx, name, prefix, yield); !more && !errors.Is(err, fs.ErrNotExist) {
				return false, err
			}
			continue
		}
		if !strings.HasPrefix(name, prefix) || isTemp(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if !yield(Entry{name, info.Size()}, nil) {
			return false, nil
		}
	}
	return true, nil
}

// Delete implements Records. It also removes directories that become empty.
func (d *Dir) Delete(_ context.Context, name string) error {
	err := os.Remove(d.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.prune(path.Dir(name))
	return nil
}

// prune removes a directory and its parents as far as they are empty, so that staging
// leaves no directories.
func (d *Dir) prune(dir string) {
	for dir != "." && d.rmdir(dir) {
		dir = path.Dir(dir)
	}
}

// rmdir removes a directory if it is empty.
func (d *Dir) rmdir(dir string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if os.Remove(d.path(dir)) != nil {
		return false
	}
	delete(d.made, dir)
	return true
}
