package archive

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// window holds the blocks of files that a range is being read from: usually one, or
// two where an hour ends. Blocks that have been read to their ends are dropped, and the
// least recently used when the memory of all exceeds a bound.
type window struct {
	source *Source
	mem    memory.Allocator
	schema *arrow.Schema
	limit  int64
	used   int64
	files  []*rowfile.File // open, the least recently used first
	blocks []*block        // likewise
}

// block is a block of a file: its rows from first to end. rec is nil if none of them
// may belong to the time range.
type block struct {
	path       string
	number     int
	first, end int64
	rec        arrow.Record
	bytes      int64
	done       bool // its last row has been read
}

const (
	// maxOpenFiles is the number of files that a window keeps open.
	maxOpenFiles = 16
	// maxSortedFiles is the number of sorted files that a Source keeps from one Read
	// to the next, because to read any of their rows means to read all.
	maxSortedFiles = 4
)

func (s *Source) newWindow(mem memory.Allocator, schema *arrow.Schema) *window {
	return &window{source: s, mem: mem, schema: schema, limit: cmp.Or(max(s.Memory, 0), defaultMemory)}
}

// dropDone drops the blocks that have been read to their ends.
func (w *window) dropDone() {
	for i := len(w.blocks) - 1; i >= 0; i-- {
		if w.blocks[i].done {
			w.drop(i)
		}
	}
}

// block returns the block that has a row of a file. It is borrowed until the next
// call.
func (w *window) block(ctx context.Context, f *index.File, rank int64, where *filter) (*block, error) {
	for i := len(w.blocks) - 1; i >= 0; i-- {
		if b := w.blocks[i]; b.path == f.Path && b.first <= rank && rank < b.end {
			w.blocks = append(slices.Delete(w.blocks, i, i+1), b)
			return b, nil
		}
	}
	in, err := w.open(ctx, f)
	if err != nil {
		return nil, err
	}
	b := &block{path: f.Path}
	b.number, b.first, b.end = in.Block(rank)
	if where == nil || in.May(b.number, where.name, where.least, where.greatest) {
		if b.rec, err = in.Read(ctx, b.number); err != nil {
			return nil, err
		}
		b.bytes = recordsize.Of(b.rec)
	}
	w.blocks, w.used = append(w.blocks, b), w.used+b.bytes
	for w.used > w.limit && len(w.blocks) > 1 {
		w.drop(0)
	}
	return b, nil
}

func (w *window) drop(i int) {
	b := w.blocks[i]
	if b.rec != nil {
		b.rec.Release()
	}
	w.blocks, w.used = slices.Delete(w.blocks, i, i+1), w.used-b.bytes
}

// open returns an open file.
func (w *window) open(ctx context.Context, f *index.File) (*rowfile.File, error) {
	if i := slices.IndexFunc(w.files, func(x *rowfile.File) bool { return x.Path == f.Path }); i >= 0 {
		x := w.files[i]
		w.files = append(slices.Delete(w.files, i, i+1), x)
		return x, nil
	}
	x := w.source.takeSorted(f.Path, w.schema)
	if x == nil {
		var err error
		x, err = rowfile.Open(ctx, w.source.store, f.File, rowfile.Options{
			Schema: w.schema, Memory: w.limit / 2, Spill: w.source.Spill, Mem: w.mem})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &vanishedError{*f}
		}
		if err != nil {
			return nil, err
		}
	}
	w.files = append(w.files, x)
	if err := x.Prepare(ctx); err != nil {
		return nil, err
	}
	if len(w.files) > maxOpenFiles {
		w.source.keepSorted(w.files[0])
		w.files = slices.Delete(w.files, 0, 1)
	}
	return x, nil
}

// close frees the window. Sorted files stay open for the next Read.
func (w *window) close() {
	for len(w.blocks) > 0 {
		w.drop(len(w.blocks) - 1)
	}
	for _, f := range w.files {
		w.source.keepSorted(f)
	}
	w.files = nil
}

// takeSorted returns a sorted file that was kept, if it has the schema, or nil.
func (s *Source) takeSorted(path string, schema *arrow.Schema) *rowfile.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.sorted, func(f *rowfile.File) bool { return f.Path == path })
	if i < 0 {
		return nil
	}
	f := s.sorted[i]
	s.sorted = slices.Delete(s.sorted, i, i+1)
	if !f.Schema().Equal(schema) {
		f.Close()
		return nil
	}
	return f
}

// keepSorted keeps a sorted file, and closes any other.
func (s *Source) keepSorted(f *rowfile.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.Sorted() {
		f.Close()
		return
	}
	if s.sorted = append(s.sorted, f); len(s.sorted) > maxSortedFiles {
		s.sorted[0].Close()
		s.sorted = slices.Delete(s.sorted, 0, 1)
	}
}
