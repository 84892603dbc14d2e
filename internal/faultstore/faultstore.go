// Package faultstore wraps a store so that a test can make any operation fail.
//
// A hook runs before and after each operation. An error from Before prevents
// the operation. An error from After is returned although the operation was
// done, as when a connection breaks before the answer arrives. A hook may also
// block, cancel a context or end the process.
package faultstore

import (
	"context"
	"iter"

	"github.com/skyfinch/skyfinch/stream/store"
)

// Kind is a kind of operation.
type Kind string

// The kinds of operations. Write, Close and Abort are done to a staged file,
// Read to an open one.
const (
	PutIfAbsent Kind = "put"
	Get         Kind = "get"
	Stage       Kind = "stage"
	Write       Kind = "write"
	Close       Kind = "close"
	Abort       Kind = "abort"
	Publish     Kind = "publish"
	Open        Kind = "open"
	Read        Kind = "read"
	List        Kind = "list"
	Delete      Kind = "delete"
)

// Op is one operation on a store.
type Op struct {
	Kind Kind
	// Name is the argument of the operation: the staged name for Stage, Write,
	// Close and Abort, the final name for Publish, the prefix for List.
	Name string
}

// Store calls hooks around each operation of another Store. Hooks must be safe
// for concurrent use if the store is used concurrently. A nil hook does nothing.
type Store struct {
	Store  store.Store
	Before func(Op) error // its error prevents the operation
	After  func(Op) error // its error replaces the result; not called if the operation failed
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Locker = (*Store)(nil)
)

// do calls f between the hooks.
func (s *Store) do(kind Kind, name string, f func() error) error {
	op := Op{kind, name}
	if s.Before != nil {
		if err := s.Before(op); err != nil {
			return err
		}
	}
	err := f()
	if err == nil && s.After != nil {
		err = s.After(op)
	}
	return err
}

// data is do for operations that return the content of a record.
func (s *Store) data(kind Kind, name string, f func() ([]byte, error)) (data []byte, err error) {
	err = s.do(kind, name, func() (err error) {
		data, err = f()
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// PutIfAbsent implements store.Records.
func (s *Store) PutIfAbsent(ctx context.Context, name string, data []byte) ([]byte, error) {
	return s.data(PutIfAbsent, name, func() ([]byte, error) { return s.Store.PutIfAbsent(ctx, name, data) })
}

// Get implements store.Records.
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	return s.data(Get, name, func() ([]byte, error) { return s.Store.Get(ctx, name) })
}

// Stage implements store.Files.
func (s *Store) Stage(ctx context.Context, name, final string) (store.Writer, error) {
	w := &writer{s: s, name: name}
	err := s.do(Stage, name, func() (err error) {
		w.Writer, err = s.Store.Stage(ctx, name, final)
		return err
	})
	if err != nil {
		if w.Writer != nil {
			w.Writer.Close() // the caller cannot, and the file would stay open
		}
		return nil, err
	}
	return w, nil
}

// writer is a staged file.
type writer struct {
	store.Writer
	s    *Store
	name string
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (n int, err error) {
	err = w.s.do(Write, w.name, func() (err error) {
		n, err = w.Writer.Write(p)
		return err
	})
	return n, err
}

// Close implements store.Writer.
func (w *writer) Close() error { return w.s.do(Close, w.name, w.Writer.Close) }

// Abort implements store.Writer.
func (w *writer) Abort() error { return w.s.do(Abort, w.name, w.Writer.Abort) }

// Open implements store.Files.
func (s *Store) Open(ctx context.Context, name string) (store.Reader, error) {
	r := &reader{s: s, name: name}
	err := s.do(Open, name, func() (err error) {
		r.Reader, err = s.Store.Open(ctx, name)
		return err
	})
	if err != nil {
		if r.Reader != nil {
			r.Reader.Close()
		}
		return nil, err
	}
	return r, nil
}

// reader is an open file.
type reader struct {
	store.Reader
	s    *Store
	name string
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (n int, err error) {
	err = r.s.do(Read, r.name, func() (err error) {
		n, err = r.Reader.ReadAt(p, off)
		return err
	})
	return n, err
}

// Publish implements store.Files.
func (s *Store) Publish(ctx context.Context, name, final string, size int64) error {
	return s.do(Publish, final, func() error { return s.Store.Publish(ctx, name, final, size) })
}

// List implements store.Records. Before is called before the first entry, After
// after the last.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		stopped := false
		err := s.do(List, prefix, func() error {
			for e, err := range s.Store.List(ctx, prefix) {
				if err != nil {
					return err
				}
				if !yield(e, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(store.Entry{}, err)
		}
	}
}

// Delete implements store.Records.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.do(Delete, name, func() error { return s.Store.Delete(ctx, name) })
}

// Lock implements store.Locker, without hooks. If the wrapped store has no
// locks, it does nothing.
func (s *Store) Lock(name string, shared bool) (unlock func() error, err error) {
	if l, ok := s.Store.(store.Locker); ok {
		return l.Lock(name, shared)
	}
	return func() error { return nil }, nil
}
