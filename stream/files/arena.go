package files

import (
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// arena hands out room in large buffers, so that reading a file costs no
// allocation of its own. A buffer is freed when the last record that looks
// into it has been released.
type arena struct {
	mem     memory.Allocator
	size    int
	current *memory.Buffer
	used    int
}

// take returns n bytes, not zeroed, in a buffer that the caller must release.
// What would waste much of a buffer gets one of its own.
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

// giveBack makes the room of v free again if nothing was taken since. The
// caller vouches that nobody looks at v any more.
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
