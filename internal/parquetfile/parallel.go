package parquetfile

import (
	"sync"
	"sync/atomic"
)

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

// writeColumns encodes the columns of the plan and writes them in order, each
// as soon as it and those before it are ready.
func (f *Writer) writeColumns(rows int64) {
	start := f.size
	f.groups.beginGroup(len(f.tree.leaves))
	var total groupTotal
	if len(f.workers) == 1 {
		for i := range f.plan.columns {
			c := f.encode(f.workers[0], i)
			total.add(c)
			f.writeChunk(f.tree.leaves[i], c)
			f.free.put(c)
			if f.err != nil {
				return
			}
		}
	} else {
		f.writeParallel(&total)
	}
	f.groups.endGroup(total, rows, start)
	f.groupCount++
}

func (f *Writer) encode(e *encoder, column int) *chunk {
	c := f.free.get()
	c.err = e.encode(&f.plan.columns[column], f.codec, c)
	return c
}

// writeParallel lets the workers take columns one by one, and writes what
// they finish while they go on.
func (f *Writer) writeParallel(total *groupTotal) {
	n := len(f.plan.columns)
	done := make([]*chunk, n)
	finished := make(chan int, n) // never blocks a worker
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, e := range f.workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				done[i] = f.encode(e, i)
				finished <- i
			}
		})
	}
	ready := make([]bool, n)
	for i := 0; i < n && f.err == nil; {
		ready[<-finished] = true
		for ; i < n && ready[i] && f.err == nil; i++ {
			total.add(done[i])
			f.writeChunk(f.tree.leaves[i], done[i])
			f.free.put(done[i])
		}
	}
	next.Store(int64(n)) // after an error, no more columns
	wg.Wait()
}
