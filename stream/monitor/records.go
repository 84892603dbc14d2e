package monitor

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/store"
)

// records keeps small files that are replaced often. They need not survive a loss of
// power, only the end of the process.
type records struct{ store store.Store }

// put stores data under name, replacing what is there. Readers see the old or the
// new data, as a whole.
func (r records) put(ctx context.Context, name string, data []byte) error {
	if d, ok := r.store.(*store.Dir); ok {
		return replace(filepath.Join(d.Root(), filepath.FromSlash(name)), data)
	}
	if h, ok := r.store.(store.Hinter); ok {
		return h.PutHint(ctx, name, data)
	}
	staged := root + "staging/" + token.New()
	w, err := r.store.Stage(ctx, staged, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return r.store.Publish(ctx, staged, name, int64(len(data)))
}

// replace writes a file under a temporary name and moves it. Unlike the records of
// a ledger it is not synced, because it is written each second.
func replace(path string, data []byte) error {
	tmp := path + ".tmp"
	err := os.WriteFile(tmp, data, 0o666)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o777); err == nil {
			err = os.WriteFile(tmp, data, 0o666)
		}
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return os.Rename(tmp, path)
}

// get returns the data stored under name, or nil if there is none.
func (r records) get(ctx context.Context, name string) ([]byte, error) {
	data, err := r.store.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return bytes.Clone(data), err
}

func (r records) list(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return r.store.List(ctx, prefix)
}
