package store

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Memory is a Store in memory, for tests and temporary jobs.
type Memory struct {
	mu    sync.Mutex
	names map[string][]byte
}

var (
	_ Store  = (*Memory)(nil)
	_ Hinter = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{names: map[string][]byte{}} }

// PutIfAbsent implements Records.
func (m *Memory) PutIfAbsent(_ context.Context, name string, data []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.names[name]; ok {
		return bytes.Clone(old), nil
	}
	m.names[name] = bytes.Clone(data)
	return bytes.Clone(data), nil
}

// PutHint implements Hinter.
func (m *Memory) PutHint(_ context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[name] = bytes.Clone(data)
	return nil
}

// Get implements Records.
func (m *Memory) Get(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.names[name]
	if !ok {
		return nil, &fs.PathError{Op: "get", Path: name, Err: fs.ErrNotExist}
	}
	return bytes.Clone(data), nil
}

// Stage implements Files.
func (m *Memory) Stage(_ context.Context, name, _ string) (Writer, error) {
	return &memoryWriter{m: m, name: name}, nil
}

// memoryWriter buffers a file until it is closed.
type memoryWriter struct {
	m     *Memory
	name  string
	buf   bytes.Buffer
	ended bool
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	if w.ended {
		return 0, w.closed("write")
	}
	return w.buf.Write(p)
}

func (w *memoryWriter) Close() error {
	if w.ended {
		return w.closed("close")
	}
	w.ended = true
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	w.m.names[w.name] = w.buf.Bytes()
	return nil
}

func (w *memoryWriter) Abort() error {
	w.ended = true
	return nil
}

func (w *memoryWriter) closed(op string) error {
	return &fs.PathError{Op: op, Path: w.name, Err: fs.ErrClosed}
}

// Open implements Files.
func (m *Memory) Open(ctx context.Context, name string) (Reader, error) {
	data, err := m.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return memoryReader{bytes.NewReader(data)}, nil
}

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }

// Publish implements Files.
func (m *Memory) Publish(_ context.Context, name, final string, size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.names[name]; ok {
		m.names[final] = data
		delete(m.names, name)
		return nil
	}
	if data, ok := m.names[final]; ok && int64(len(data)) == size {
		return nil
	}
	return fmt.Errorf("store: publish %s as %s: %w", name, final, fs.ErrNotExist)
}

// List implements Records.
func (m *Memory) List(_ context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m.mu.Lock()
		names := maps.Clone(m.names)
		m.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if strings.HasPrefix(name, prefix) && !yield(Entry{name, int64(len(names[name]))}, nil) {
				return
			}
		}
	}
}

// Delete implements Records.
func (m *Memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.names, name)
	return nil
}
