package rowfile

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/order"
	"github.com/skyfinch/skyfinch/archive/internal/spill"
	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// sorted puts the rows of a sorted file back in commit order. The first read of a
// row decodes all row groups. They stay in memory if they fit; otherwise the rows of
// each are spilled block by block, and a block is made of its part of each group.
type sorted struct {
	places []uint32
	block  int64 // rows of a block; 0 before all row groups have been read
	groups []arrow.Record
	spill  *spill.File
}

const (
	// memoryBlock is the rows of a block if all row groups are in memory.
	memoryBlock = 4096
	// spillBlock is the size of a block that was spilled, in bytes.
	spillBlock = 8 << 20
	// blockUnit divides the rows of a block.
	blockUnit = 256
)

// openSorted reads where the rows of a file are; s is the metadata that says so.
func (f *File) openSorted(s string) (*sorted, error) {
	b, err := order.ParseBlock(s)
	if err != nil {
		return nil, err
	}
	if b.Size != order.Size(f.Rows) || b.Offset > f.in.Size()-b.Size {
		return nil, fmt.Errorf("its order %q is not that of %d rows in %d bytes", s, f.Rows, f.in.Size())
	}
	data := make([]byte, b.Size)
	if n, err := f.in.ReadAt(data, b.Offset); n < len(data) {
		return nil, fmt.Errorf("its order: %w", orUnexpectedEOF(err))
	}
	places, err := order.Parse(data, f.Rows)
	return &sorted{places: places}, err
}

func orUnexpectedEOF(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *sorted) blockRows() int64 {
	if s.block == 0 {
		return memoryBlock
	}
	return s.block
}

func (s *sorted) release() {
	s.releaseGroups()
	s.spill.Close()
	s.spill, s.block = nil, 0
}

func (s *sorted) releaseGroups() {
	for _, g := range s.groups {
		g.Release()
	}
	s.groups = nil
}

// Prepare reads a sorted file, before which Block is not final. For another file it
// does nothing.
func (f *File) Prepare(ctx context.Context) error {
	if f.sorted == nil || f.sorted.block > 0 {
		return nil
	}
	err := f.readAll(ctx)
	if err != nil {
		f.sorted.release()
	}
	return f.explain(ctx, err)
}

// readAll reads all row groups into memory, or spills them from where they do not fit.
func (f *File) readAll(ctx context.Context) error {
	s, size := f.sorted, recordsize.Buffers{}
	var total, rows int64
	for g := range len(f.groups) - 1 {
		rec, err := f.readGroup(ctx, g)
		if err != nil {
			return err
		}
		s.groups = append(s.groups, rec)
		total, rows = total+size.Add(rec), rows+rec.NumRows()
		if s.spill == nil && total > f.options.Memory {
			s.block = max(spillBlock/max(total/max(rows, 1), 1)/blockUnit, 1) * blockUnit
			if s.spill, err = spill.New(f.options.Spill, columns.Plain(f.options.Schema)); err != nil {
				return err
			}
		}
		if s.spill != nil {
			if err := f.spillGroups(); err != nil {
				return fmt.Errorf("spill the rows of a sorted file: %w", err)
			}
			size = recordsize.Buffers{}
		}
	}
	if s.spill == nil {
		s.block = memoryBlock
	}
	return nil
}

// spillGroups spills the row groups that are in memory, each as a section with its
// part of each block.
func (f *File) spillGroups() error {
	s := f.sorted
	first := s.spill.Sections()
	for i, rec := range s.groups {
		from, to := f.groups[first+i], f.groups[first+i+1]
		var parts [][]int32
		for at := int64(0); at < f.Rows; at += s.block {
			var part []int32
			for _, p := range s.places[at:min(at+s.block, f.Rows)] {
				if p := int64(p); from <= p && p < to {
					part = append(part, int32(p-from))
				}
			}
			parts = append(parts, part)
		}
		if err := s.spill.Write(f.options.Mem, rec, parts); err != nil {
			return err
		}
	}
	s.releaseGroups()
	return nil
}

// readSorted returns a block of rows in commit order.
func (f *File) readSorted(ctx context.Context, block int) (arrow.Record, error) {
	if err := f.Prepare(ctx); err != nil {
		return nil, err
	}
	s := f.sorted
	at := int64(block) * s.block
	places := s.places[at:min(at+s.block, f.Rows)]
	if s.spill == nil {
		rows := f.rowsOf(places, s.groups, func(place int64, g int) int32 { return int32(place - f.groups[g]) })
		return gather.Compact(f.options.Mem, f.options.Schema, rows...)
	}
	parts, err := s.spill.Read(block)
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	if err != nil {
		return nil, err
	}
	next := make([]int32, len(parts))
	rows := f.rowsOf(places, parts, func(_ int64, g int) int32 { next[g]++; return next[g] - 1 })
	plain, err := gather.Records(f.options.Mem, s.spill.Schema(), rows...)
	if err != nil {
		return nil, err
	}
	defer plain.Release()
	return columns.Conform(f.options.Mem, plain, f.options.Schema)
}

// rowsOf returns the rows at the given places, of one record for each row group.
// index returns the number of a row in the record.
func (f *File) rowsOf(places []uint32, groups []arrow.Record, index func(place int64, group int) int32) (rows []gather.Rows) {
	for _, p := range places {
		g := f.groupOf(int64(p))
		if n := len(rows); n == 0 || rows[n-1].Record != groups[g] {
			rows = append(rows, gather.Rows{Record: groups[g]})
		}
		last := &rows[len(rows)-1]
		last.Index = append(last.Index, index(int64(p), g))
	}
	return rows
}
