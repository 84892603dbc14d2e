package store

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Stage implements Files.
func (d *Dir) Stage(_ context.Context, name, _ string) (Writer, error) {
	w := &dirWriter{d: d, name: name}
	err := d.in(path.Dir(name), func() error {
		f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		w.file = diskFile{File: f, blocks: &d.blocks}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
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
