package crossmatch

import (
	"context"
	"hash/crc32"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// Verify reads the whole index file and returns ErrBadIndex if it is damaged: a checksum
// is wrong, or a row is where no search would find it. For a catalogue in memory it
// returns nil.
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
	if err := c.file.verifySections(ctx); err != nil {
		return err
	}
	seen := make([]byte, (c.rows+7)/8)
	for i := range c.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !c.layers[i].verifyRows(c.rows, seen) {
			return c.file.wrap(unusable("rows are in the wrong cells"))
		}
	}
	return nil
}

// verifySections returns an error if the checksum of a section is wrong.
func (m *mapping) verifySections(ctx context.Context) error {
	for _, s := range m.sections {
		sum := uint32(0)
		for b := range slices.Chunk(s.data, 4<<20) {
			if err := ctx.Err(); err != nil {
				return err
			}
			sum = crc32.Update(sum, castagnoli, b)
		}
		if sum != s.sum {
			return m.wrap(unusable("a section of %d bytes has a wrong checksum", len(s.data)))
		}
	}
	return nil
}

// verifyRows reports whether each row is in its cell and not yet in seen, where it adds them.
func (x *index) verifyRows(rows int, seen []byte) bool {
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
