package files

import (
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// arena allocates from large buffers, so that small files need no allocation
// each. A buffer is freed when the last record that refers to it is released.
type arena struct {
	mem     memory.Allocator
	size    int
	current *memory.Buffer
	used    int
}

// take returns n bytes, not zeroed, in a buffer that the caller must release.
// A large request gets a separate buffer, so that little of a shared one is
// wasted.
func (a *arena) take(n int) stream.View {
	if n > a.size/4 {
		return stream.View{Buffer: a.allocate(n), To: n}
	}
	if a.current == nil || n > a.size-a.used {
		a.release()
		a.current = a.allocate(a.size)
	}
	v := stream.View{Buffer: a.current, From: a.used, To: a.used + n}
	a.current.Retain()
	a.used += n
	return v
}

// giveBack frees the bytes of v for reuse if they were taken last. The caller
// must not use v afterwards.
func (a *arena) giveBack(v stream.View) {
	if v.Buffer == a.current && v.To == a.used {
		a.used = v.From
	}
}

func (a *arena) allocate(n int) *memory.Buffer {
	return memory.NewBufferWithAllocator(a.mem.Allocate(n), a.mem)
}

func (a *arena) release() {
	if a.current != nil {
		a.current.Release()
	}
	a.current, a.used = nil, 0
}

func bytesOf(v stream.View) []byte { return v.Buffer.Bytes()[v.From:v.To] }
