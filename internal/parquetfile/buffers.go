package parquetfile

import (
	"math/bits"
	"sync"
)

// buffers lends memory by powers of two: what a large page took does not end
// up as the buffer of many small ones.
type buffers struct {
	mu   sync.Mutex
	free [bits.UintSize][][]byte
}

// get returns n bytes of anything.
func (b *buffers) get(n int) []byte {
	class := bits.Len(uint(max(n, 1) - 1))
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := len(b.free[class]); k > 0 {
		buf := b.free[class][k-1]
		b.free[class] = b.free[class][:k-1]
		return buf[:n]
	}
	return make([]byte, n, 1<<class)
}

// put takes back what get returned, or a slice that begins with it.
func (b *buffers) put(buf []byte) {
	class := bits.Len(uint(cap(buf)) - 1)
	if cap(buf) != 1<<class {
		return // it was outgrown
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free[class] = append(b.free[class], buf)
}

// chunks keeps chunks for their buffers.
type chunks struct {
	mu   sync.Mutex
	free []*chunk
}

func (p *chunks) get() *chunk {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return &chunk{}
	}
	c := p.free[n-1]
	p.free = p.free[:n-1]
	return c
}

func (p *chunks) put(c *chunk) {
	c.reset(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, c)
}
