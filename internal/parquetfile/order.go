package parquetfile

import (
	"sync"
	"sync/atomic"
)

// columnOrder writes the columns of a row group to the file in their order. The
// worker that encodes the next column writes each page when it is encoded. The
// workers ahead of it keep their pages until all earlier columns are written. So
// few pages are buffered, and only one worker at a time uses the file.
type columnOrder struct {
	file *Writer
	next atomic.Int64 // the column that is being written

	mu    sync.Mutex
	done  []*chunk // encoded, but not completely written
	total groupTotal
}

func (o *columnOrder) reset(w *Writer, columns int) {
	o.file, o.done, o.total = w, grown(o.done[:0], columns), groupTotal{}
	clear(o.done)
	o.next.Store(0)
}

// isNext reports whether a column is the next to be written. If so, only its
// worker may use the file.
func (o *columnOrder) isNext(column int) bool {
	return o != nil && o.next.Load() == int64(column)
}

// finish takes an encoded column. If it is the next, finish completes it and
// the encoded columns that follow it.
func (o *columnOrder) finish(c *chunk) {
	o.mu.Lock()
	o.done[c.column] = c
	next := o.isNext(c.column)
	o.mu.Unlock()
	for next {
		following := c.column + 1
		o.total.add(c)
		o.file.finishChunk(c)
		c.reset(0)
		o.file.format.chunks.put(c)
		c, next = o.advance(following)
	}
}

// advance makes a column the next, and returns it if it is encoded already.
func (o *columnOrder) advance(column int) (*chunk, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[column-1] = nil
	o.next.Store(int64(column))
	if column == len(o.done) || o.done[column] == nil {
		return nil, false
	}
	return o.done[column], true
}

// writeColumns encodes the columns of the row group and writes them.
func (w *Writer) writeColumns(rows int64) {
	f := w.format
	start, n := w.size, len(f.tree.leaves)
	w.groups.beginGroup(n)
	order := &f.columns
	order.reset(w, n)
	var next atomic.Int64
	encode := func(e *encoder) {
		for !w.stopped.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			c, ok := f.chunks.get()
			if !ok {
				c = &chunk{}
			}
			c.out, c.column = order, i
			c.err = e.encode(&f.group.columns[i], f.codec, c)
			order.finish(c)
		}
	}
	var wg sync.WaitGroup
	for _, e := range f.workers[1:] {
		wg.Go(func() { encode(e) })
	}
	encode(f.workers[0])
	wg.Wait()
	w.groups.endGroup(order.total, rows, start)
	w.groupCount++
	order.file = nil
}
