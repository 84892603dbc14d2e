package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Stage implements Files.
func (d *Dir) Stage(_ context.Context, name, _ string) (Writer, error) {
	w := &dirWriter{d: d, name: name}
	err := d.in(path.Dir(name), func() (err error) {
		w.File, err = os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// dirWriter writes a staged file where it will lie until it is published.
type dirWriter struct {
	*os.File
	d     *Dir
	name  string
	ended bool // complete or aborted

	size, begun int64 // written, and of that handed to the disk
}

// Write writes to the file, and now and then sets the disk to work on it.
func (w *dirWriter) Write(b []byte) (int, error) {
	n, err := w.File.Write(b)
	if w.size += int64(n); w.size-w.begun >= writeback {
		beginWriteback(w.File, w.begun, w.size-w.begun)
		w.begun = w.size
	}
	return n, err
}

// Close syncs the file and its directory.
func (w *dirWriter) Close() error {
	err := errors.Join(w.File.Sync(), w.File.Close())
	if err == nil {
		err = syncDir(filepath.Dir(w.File.Name()))
	}
	w.ended = w.ended || err == nil
	return err
}

// Abort removes the file.
func (w *dirWriter) Abort() error {
	if w.ended {
		return nil
	}
	w.File.Close() // a Close that failed may have closed it
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
