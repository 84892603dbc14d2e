package avroarrow

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Builder appends datums to columns. It is for one goroutine at a time.
//
// Whoever made it releases it. What [Builder.NewRecord] handed over is not the
// builder's any more.
type Builder struct {
	decoder
	target *arrow.Schema
	names  map[string]int
	cols   []*column // of the top level, as in target
	top    rows
	lists  []*rows // of all lists, outer before inner

	current *program
	schema  *Schema // that current decodes
	cache   []cached
}

// cached is a program, or why there is none.
type cached struct {
	schema  *Schema
	program *program
	err     error
}

// maxPrograms bounds the writer's schemas that a builder remembers. A stream
// has a handful; one that invents them pays for each anew.
const maxPrograms = 64

// NewBuilder returns a builder of records with the target's columns. Columns
// of types that Avro has not are always null.
func NewBuilder(mem memory.Allocator, target *arrow.Schema) *Builder {
	b := &Builder{decoder: decoder{mem: mem}, target: target, names: fieldNames(target.Fields())}
	for _, f := range target.Fields() {
		b.cols = append(b.cols, newColumn(f.Type, &b.top, &b.lists))
	}
	return b
}

// Len returns how many rows there are.
func (b *Builder) Len() int { return b.top.n }

// Append adds one row: the datum of s that is buf.Bytes()[from:to], all of it.
// After an error the rows are what they were before. A [*ConflictError] says
// that the writer's schema does not fit the target, whatever the datum.
//
// Views point into buf, which is retained; its bytes must not change while the
// builder or a record of it lives.
func (b *Builder) Append(s *Schema, buf *memory.Buffer, from, to int) error {
	if s != b.schema {
		if err := b.use(s); err != nil {
			return err
		}
	}
	if err := b.append(buf, from, to); err != nil {
		return fmt.Errorf("avroarrow: %w", err)
	}
	return nil
}

func (b *Builder) append(buf *memory.Buffer, from, to int) error {
	if from < 0 || to < from || to > buf.Len() || to > math.MaxInt32 {
		return fmt.Errorf("bytes %d to %d of %d", from, to, buf.Len())
	}
	n := b.top.n
	if err := b.top.reserve(b.mem, 1); err != nil {
		return err
	}
	b.free = freeBudget(to - from)
	b.views.begin(buf, from, n)
	end, err := b.run(b.current.ops, &b.top, 1, buf.Bytes()[from:to], 0)
	if err == nil && end != to-from {
		err = errLeftOver
	}
	if err != nil {
		b.top.cut(n)
		b.views.cut(n)
	}
	return err
}

var errLeftOver = errors.New("bytes left over behind the datum")

// use makes the program of s the current one.
func (b *Builder) use(s *Schema) error {
	var c *cached
	for i := range b.cache {
		if b.cache[i].schema == s {
			c = &b.cache[i]
		}
	}
	if c == nil {
		if len(b.cache) == maxPrograms {
			b.cache = append(b.cache[:0], b.cache[1:]...)
		}
		p, err := link(s, b)
		b.cache = append(b.cache, cached{s, p, err})
		c = &b.cache[len(b.cache)-1]
	}
	if c.err != nil {
		return c.err
	}
	b.pad()
	b.mark(false)
	b.current, b.schema = c.program, s
	b.mark(true)
	return nil
}

// mark says which columns the current program does not write.
func (b *Builder) mark(absent bool) {
	if b.current == nil {
		return
	}
	for _, a := range b.current.untouch {
		for _, c := range a.col.tree {
			c.absent = absent
		}
	}
}

// pad fills the columns that the current program does not write with nulls, up
// to the rows of the others. It is done when someone may look, and not for
// each row.
func (b *Builder) pad() {
	if b.current != nil {
		for _, a := range b.current.untouch {
			for _, c := range a.col.tree {
				c.nullRange(b.mem, a.in)
			}
		}
	}
	b.top.start = b.top.n
	for _, r := range b.lists {
		r.start = r.n
	}
}

// Truncate drops the rows from n on.
func (b *Builder) Truncate(n int) {
	if n < 0 || n >= b.top.n {
		return
	}
	b.top.cut(n)
	b.views.cut(n)
}

// Release lets go of all rows and memory.
func (b *Builder) Release() {
	b.views.cut(0)
	b.top.free(b.mem)
	for _, r := range b.lists {
		r.free(b.mem)
	}
}
