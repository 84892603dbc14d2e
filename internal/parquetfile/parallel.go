package parquetfile

import (
	"sync"
	"sync/atomic"
)

// turns brings the columns of a row group into the file in their order. The
// worker that encodes the next one writes each page as it is made; those ahead
// of it keep theirs until their turn comes. So all but a few pages go from one
// buffer, and only one worker at a time touches the file.
type turns struct {
	file *Writer
	next atomic.Int64 // the column that is being written

	mu    sync.Mutex
	done  []*chunk // encoded, but not written to their end
	total groupTotal
}

func (t *turns) reset(f *Writer, columns int) {
	t.file, t.done, t.total = f, grown(t.done[:0], columns), groupTotal{}
	clear(t.done)
	t.next.Store(0)
}

// is tells whether a column's turn has come: then the file is its worker's
// own.
func (t *turns) is(column int) bool {
	return t != nil && t.next.Load() == int64(column)
}

// finish takes a column that is encoded. If it is its turn it is completed,
// and after it those that have waited for it.
func (t *turns) finish(c *chunk) {
	t.mu.Lock()
	t.done[c.column] = c
	mine := t.is(c.column)
	t.mu.Unlock()
	for mine {
		after := c.column + 1
		t.total.add(c)
		t.file.finishChunk(c)
		t.file.free.put(c)
		c, mine = t.pass(after)
	}
}

// pass gives the turn to a column, and returns it if it is waiting already.
func (t *turns) pass(column int) (*chunk, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[column-1] = nil
	t.next.Store(int64(column))
	if column == len(t.done) || t.done[column] == nil {
		return nil, false
	}
	return t.done[column], true
}

// writeColumns encodes the columns of the plan and writes them.
func (f *Writer) writeColumns(rows int64) {
	start, n := f.size, len(f.tree.leaves)
	f.groups.beginGroup(n)
	t := &f.turns
	t.reset(f, n)
	var next atomic.Int64
	work := func(e *encoder) {
		for !f.stopped.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			c := f.free.get()
			c.out, c.column = t, i
			c.err = e.encode(&f.plan.columns[i], f.codec, c)
			t.finish(c)
		}
	}
	var wg sync.WaitGroup
	for _, e := range f.workers[1:] {
		wg.Go(func() { work(e) })
	}
	work(f.workers[0])
	wg.Wait()
	f.groups.endGroup(t.total, rows, start)
	f.groupCount++
	t.file = nil
}
