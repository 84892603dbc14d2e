package crossmatch

import (
	"context"
	"hash/crc32"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// Verify reads the whole index file and returns an error, ErrBadIndex, if it is
// damaged: if a checksum is wrong, or a row is not where a search would look for
// it. Of a catalogue in memory it returns nil.
func (c *Catalog) Verify(ctx context.Context) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	if c.file == nil {
		return nil
	}
	return c.file.guard(func() error { return c.verify(ctx) })
}

func (c *Catalog) verify(ctx context.Context) error {
	if err := c.file.holds(ctx); err != nil {
		return err
	}
	seen := make([]byte, (c.rows+7)/8)
	for i := range c.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !c.layers[i].sound(c.rows, seen) {
			return c.file.broken(unusable("rows stand where they do not belong"))
		}
	}
	return nil
}

// holds returns an error if a section is not what was written.
func (m *mapping) holds(ctx context.Context) error {
	for _, s := range m.sections {
		sum := uint32(0)
		for b := range slices.Chunk(s.data, 4<<20) {
			if err := ctx.Err(); err != nil {
				return err
			}
			sum = crc32.Update(sum, castagnoli, b)
		}
		if sum != s.sum {
			return m.broken(unusable("a section of %d bytes has a wrong checksum", len(s.data)))
		}
	}
	return nil
}

// sound reports whether each row is in its cell, and none was seen before.
func (x *index) sound(rows int, seen []byte) bool {
	for cell := range len(x.start) - 1 {
		from, to := x.start[cell], x.start[cell+1]
		if from > to || int(to) > len(x.rows) {
			return false
		}
		for _, r := range x.rows[from:to] {
			if !wrapped(r.ra, r.dec) || int(r.id) >= rows || bitutil.BitIsSet(seen, int(r.id)) {
				return false
			}
			if of, ok := x.cell(r.ra, r.dec); !ok || int(of) != cell {
				return false
			}
			bitutil.SetBit(seen, int(r.id))
		}
	}
	return true
}
