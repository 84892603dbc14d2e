package avroarrow

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Builder appends datums to columns. It must not be used concurrently, and its
// maker must release it.
type Builder struct {
	mem    memory.Allocator
	target *arrow.Schema
	names  map[string]int
	cols   []*column // of the top level, in the order of target
	top    rows
	lists  []*rows // of all lists, outer before inner
	views  viewBuffers
	budget int // what is left of the datum's memoryBudget

	current *program
	schema  *Schema // which current decodes
	cache   []cachedProgram
	ops     int // of the programs in cache
}

// cachedProgram is a program, or the error of compiling it.
type cachedProgram struct {
	schema  *Schema
	program *program
	err     error
}

// The programs that a builder remembers are bounded. A stream has a handful of
// schemas of some hundred ops; beyond the bounds the oldest program is dropped and
// compiled again.
const (
	maxPrograms = 64
	maxOps      = 50_000 // of all programs; an op takes about 200 bytes
)

// NewBuilder returns a builder of records with the target's columns. Columns
// of types unknown to Avro are always null.
func NewBuilder(mem memory.Allocator, target *arrow.Schema) *Builder {
	b := &Builder{mem: mem, target: target, names: fieldNames(target.Fields())}
	for _, f := range target.Fields() {
		b.cols = append(b.cols, newColumn(f.Type, &b.top, &b.lists))
	}
	return b
}

// Len returns the number of rows.
func (b *Builder) Len() int { return b.top.n }

// Append adds one row: the datum of s that fills buf.Bytes()[from:to]. After an
// error the rows are unchanged. A [*ConflictError] reports that the schema does
// not fit the target, whatever the datum.
//
// Append retains buf, into which views point; its bytes must not change while
// the builder or one of its records lives.
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
	b.budget = memoryBudget(to - from)
	b.views.begin(buf, from, n)
	end, err := b.run(b.current.ops, &b.top, 1, buf.Bytes()[from:to], 0)
	if err == nil && end != to-from {
		err = errLeftOver
	}
	if err != nil {
		b.top.truncate(n)
		b.views.truncate(n)
	}
	return err
}

var errLeftOver = errors.New("bytes left over after the datum")

// use makes the program of s current.
func (b *Builder) use(s *Schema) error {
	i := slices.IndexFunc(b.cache, func(c cachedProgram) bool { return c.schema == s })
	if i < 0 {
		p, err := compile(s, b)
		b.ops += p.size()
		for len(b.cache) > 0 && (len(b.cache) == maxPrograms || b.ops > maxOps) {
			b.ops -= b.cache[0].program.size()
			b.cache = slices.Delete(b.cache, 0, 1)
		}
		i = len(b.cache)
		b.cache = append(b.cache, cachedProgram{s, p, err})
	}
	c := b.cache[i]
	if c.err != nil {
		return c.err
	}
	b.fillMissing()
	b.setAbsent(false)
	b.current, b.schema = c.program, s
	b.setAbsent(true)
	return nil
}

// setAbsent marks the columns that the current program does not write.
func (b *Builder) setAbsent(absent bool) {
	if b.current == nil {
		return
	}
	for _, a := range b.current.missing {
		for _, c := range a.col.subtree {
			c.absent = absent
		}
	}
}

// fillMissing fills the columns that the current program does not write with
// nulls. It runs before the program changes or a record is made, not per row.
func (b *Builder) fillMissing() {
	if b.current != nil {
		for _, a := range b.current.missing {
			for _, c := range a.col.subtree {
				c.nullRange(b.mem, a.in)
			}
		}
	}
	b.top.start = b.top.n
	for _, r := range b.lists {
		r.start = r.n
	}
}

// Truncate drops rows n and above.
func (b *Builder) Truncate(n int) {
	if n < 0 || n >= b.top.n {
		return
	}
	b.top.truncate(n)
	b.views.truncate(n)
}

// Release drops all rows and frees all memory.
func (b *Builder) Release() {
	b.views.truncate(0)
	b.top.free(b.mem)
	for _, r := range b.lists {
		r.free(b.mem)
	}
}
