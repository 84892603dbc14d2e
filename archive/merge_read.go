package archive

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
)

// inOrder yields the rows of the inputs by ascending row number, with the columns of a
// schema. The consumer must release the records.
func (m *merger) inOrder(ctx context.Context, schema *arrow.Schema) iter.Seq2[arrow.Record, error] {
	type piece struct {
		index.Run
		file int
		at   int64 // the place in the file's commit order
		last bool  // of the file
	}
	var pieces []piece
	for i, f := range m.inputs {
		at := int64(0)
		for k, r := range f.Runs {
			pieces = append(pieces, piece{r, i, at, k == len(f.Runs)-1})
			at += r.Rows
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.First, b.First) })
	return func(yield func(arrow.Record, error) bool) {
		open := map[int]*blocks{}
		defer func() {
			for _, b := range open {
				b.close()
			}
		}()
		for _, p := range pieces {
			b := open[p.file]
			if b == nil {
				f, err := rowfile.Open(ctx, m.store, m.inputs[p.file].File, rowfile.Options{
					Schema: columns.Views(schema), Memory: m.memory() / 2, Spill: m.spill(), Mem: memory.DefaultAllocator})
				if err != nil {
					yield(nil, &inputError{m.inputs[p.file].Path, err})
					return
				}
				b = &blocks{File: f, number: -1}
				open[p.file] = b
			}
			for at, end := p.at, p.at+p.Rows; at < end; {
				rec, err := b.slice(ctx, at, end)
				if err != nil {
					yield(nil, &inputError{m.inputs[p.file].Path, err})
					return
				}
				at += rec.NumRows()
				if !yield(rec, nil) {
					return
				}
			}
			if p.last {
				b.close()
				delete(open, p.file)
			}
		}
	}
}

// blocks reads a file block by block.
type blocks struct {
	*rowfile.File
	number     int // of the block that is held, or -1
	first, end int64
	rec        arrow.Record
}

// slice returns rows from a place on, up to end or to the end of their block.
func (b *blocks) slice(ctx context.Context, at, end int64) (arrow.Record, error) {
	if b.rec == nil || at < b.first || at >= b.end {
		if err := b.Prepare(ctx); err != nil {
			return nil, err
		}
		n, first, after := b.Block(at)
		rec, err := b.Read(ctx, n)
		if err != nil {
			return nil, err
		}
		if b.rec != nil {
			b.rec.Release()
		}
		b.rec, b.first, b.end = rec, first, after
	}
	return b.rec.NewSlice(at-b.first, min(end, b.end)-b.first), nil
}

func (b *blocks) close() {
	if b.rec != nil {
		b.rec.Release()
	}
	_ = b.File.Close() // it was only read
}

// pulled takes the rows of a sequence of records some at a time.
type pulled struct {
	next func() (arrow.Record, error, bool)
	stop func()
	rest arrow.Record // of the last record
}

func pull(rows iter.Seq2[arrow.Record, error]) *pulled {
	next, stop := iter.Pull2(rows)
	return &pulled{next: next, stop: stop}
}

// take yields the next n rows. The consumer must release the records.
func (p *pulled) take(n int64) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for left := n; left > 0; {
			r, err, ok := p.rest, error(nil), true
			if p.rest = nil; r == nil {
				if r, err, ok = p.next(); !ok {
					err = fmt.Errorf("%d rows are missing", left)
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if r.NumRows() > left {
				p.rest = r.NewSlice(left, r.NumRows())
				head := r.NewSlice(0, left)
				r.Release()
				r = head
			}
			left -= r.NumRows()
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (p *pulled) close() {
	if p.stop != nil {
		p.stop()
	}
	if p.rest != nil {
		p.rest.Release()
	}
}
