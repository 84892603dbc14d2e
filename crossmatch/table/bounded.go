package table

import (
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// tooLarge is the value that bounded panics with: an allocator cannot return an
// error. The Parquet reader recovers it.
type tooLarge struct{}

// bounded is an allocator with a limit on what is allocated at a time.
type bounded struct {
	memory.Allocator
	left atomic.Int64
}

func newBounded(mem memory.Allocator, most int64) *bounded {
	b := &bounded{Allocator: mem}
	b.left.Store(most)
	return b
}

func (b *bounded) take(n int) {
	if n > 0 && b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		panic(tooLarge{})
	} else if n < 0 {
		b.left.Add(-int64(n))
	}
}

func (b *bounded) Allocate(size int) []byte {
	b.take(size)
	return b.Allocator.Allocate(size)
}

func (b *bounded) Reallocate(size int, buf []byte) []byte {
	b.take(size - len(buf))
	return b.Allocator.Reallocate(size, buf)
}

func (b *bounded) Free(buf []byte) {
	b.take(-len(buf))
	b.Allocator.Free(buf)
}
