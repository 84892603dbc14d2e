package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// Stage implements Files. If the file could not be moved to final, because a
// directory above final is on another file system, Stage returns an error.
func (d *Dir) Stage(_ context.Context, name, final string) (Writer, error) {
	w := &dirWriter{d: d, name: name}
	err := d.in(path.Dir(name), func() error {
		if err := d.checkMovable(path.Dir(name), path.Dir(final)); err != nil {
			return err
		}
		f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		w.file = diskFile{File: f, blocks: &d.blocks}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// checkMovable returns an error if files cannot be moved to the directory to or,
// if that does not exist yet, to its parent. It checks each directory once.
func (d *Dir) checkMovable(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.movable[to] {
		return nil
	}
	for dir := to; ; dir = path.Dir(dir) {
		err := movable(d.path(from), d.path(dir))
		switch {
		case err == nil:
			d.movable[to] = true
			return nil
		case errors.Is(err, syscall.EXDEV):
			return fmt.Errorf("store: %s is on another file system than %s, and files cannot be renamed across file systems: move or link the whole of %s instead: %w", d.path(dir), d.path(from), d.root, err)
		case !errors.Is(err, fs.ErrNotExist) || dir == ".":
			return err
		}
		if _, missing := os.Lstat(d.path(dir)); missing != nil {
			continue
		}
		if _, missing := os.Stat(d.path(dir)); missing == nil {
			return err // another process has removed from because it was empty
		}
		return fmt.Errorf("store: %s is a link to a directory that does not exist", d.path(dir))
	}
}

// dirWriter writes a staged file.
type dirWriter struct {
	d     *Dir
	name  string
	file  diskFile
	ended bool // closed successfully, or aborted
}

// Write writes to the file.
func (w *dirWriter) Write(b []byte) (int, error) { return w.file.Write(b) }

// Close syncs the file and its directory.
func (w *dirWriter) Close() error {
	err := w.file.Close()
	if err == nil {
		err = syncDir(filepath.Dir(w.file.Name()))
	}
	w.ended = w.ended || err == nil
	return err
}

// Abort removes the file.
func (w *dirWriter) Abort() error {
	if w.ended {
		return nil
	}
	w.file.drop() // its error does not matter: a failed Close may have closed it
	err := w.d.Delete(context.Background(), w.name)
	w.ended = err == nil
	return err
}

// Open implements Files.
func (d *Dir) Open(_ context.Context, name string) (Reader, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: fs.ErrNotExist}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &dirReader{f, info.Size()}, nil
}

type dirReader struct {
	*os.File
	size int64
}

func (r *dirReader) Size() int64 { return r.size }
