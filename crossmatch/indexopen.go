package crossmatch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// OpenIndex opens a catalogue that WriteIndex wrote. It takes milliseconds, since
// it reads only the cells' beginnings and the strings' ends: 4 bytes per row. The
// file is mapped: its pages are loaded when they are first used, and shared by all
// processes that have it open. On systems without mmap it is read instead. The
// caller must close the catalogue.
//
// OpenIndex checks sizes, the checksums of header and description, and where cells
// begin and strings end. Other damage, even in a hostile file, can only make
// searches return errors or wrong matches; Verify finds it by reading the whole
// file. If a new index would help, the error wraps ErrBadIndex.
//
// An index must not be changed or truncated in place; WriteIndex never does that.
// If a search fails to read the index, it returns ErrBadIndex; Nearest and
// Transform report StatusFailed.
func OpenIndex(name string) (*Catalog, error) {
	err := checkPlatform()
	var file *mapping
	if err == nil {
		file, err = mapFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("crossmatch: index: %w", err)
	}
	var c *Catalog
	err = file.guard(func() (err error) {
		c, err = openIndex(file)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("crossmatch: index %s: %w", name, errors.Join(err, file.release()))
	}
	return c, nil
}

// openIndex returns a catalogue over a file, which it takes over if there is no error.
func openIndex(file *mapping) (*Catalog, error) {
	h, err := parseHeader(file.data)
	if err != nil {
		return nil, err
	}
	r := &indexReader{file: file, at: headerSize, end: h.description}
	r.description = json.NewDecoder(bytes.NewReader(file.data[h.description:]))
	r.description.DisallowUnknownFields()
	var d indexCatalog
	if err := r.next(&d); err != nil {
		return nil, err
	}
	c, err := r.catalog(&d)
	if err != nil {
		return nil, err
	}
	if d.Columns != nil {
		if c.columns, err = r.columns(&d); err != nil {
			return nil, err
		}
	}
	if err := r.done(); err != nil {
		if c.columns != nil {
			c.columns.Release()
		}
		return nil, err
	}
	c.file, file.note = file, d.Note
	return c, nil
}

// indexReader reads sections and their descriptions in order. Its first error stays: after
// it, sections are empty.
type indexReader struct {
	file        *mapping
	at, end     int64 // the current offset, and the end of the sections
	description *json.Decoder
	err         error
}

// next reads the next line of the description.
func (r *indexReader) next(to any) error {
	if err := r.description.Decode(to); err != nil {
		return unusable("the description is damaged: %v", err)
	}
	return nil
}

// section returns the next section, which must have the given size.
func (r *indexReader) section(s section, size int64) []byte {
	from := alignUp(r.at)
	if s.Bytes != size || size < 0 || from > r.end || size > r.end-from {
		r.err = cmp.Or(r.err, unusable("a section of %d bytes at %d instead of %d", s.Bytes, from, size))
	}
	if r.err != nil {
		return nil
	}
	r.at = from + size
	b := r.file.data[from:r.at:r.at]
	r.file.sections = append(r.file.sections, checkedSection{b, s.Sum})
	return b
}

// done returns an error if sections or description have more than was read.
func (r *indexReader) done() error {
	if _, err := r.description.Token(); err != io.EOF || alignUp(r.at) != r.end {
		return unusable("it has more than it describes")
	}
	return nil
}

// catalog returns the catalogue without its columns.
func (r *indexReader) catalog(d *indexCatalog) (*Catalog, error) {
	c := &Catalog{rows: d.Rows, epoch: d.Epoch}
	if d.Rows < 0 || d.Rows > maxRows || d.Layers < 0 || d.Columns != nil && *d.Columns < 0 {
		return nil, unusable("%d rows in %d layers", d.Rows, d.Layers)
	}
	if d.Radii != nil {
		c.radii = cast[Angle](r.section(*d.Radii, 8*int64(d.Rows)))
	}
	if d.Motions != nil {
		c.motions = cast[motion](r.section(*d.Motions, 16*int64(d.Rows)))
	}
	rows := 0
	for range d.Layers {
		l, err := r.layer()
		if err != nil {
			return nil, err
		}
		c.layers = append(c.layers, l)
		rows += len(l.rows)
	}
	if r.err != nil {
		return nil, r.err
	}
	if rows > d.Rows {
		return nil, unusable("%d rows in the layers of %d", rows, d.Rows)
	}
	return c, nil
}

func (r *indexReader) layer() (l layer, err error) {
	var d indexLayer
	if err := r.next(&d); err != nil {
		return l, err
	}
	if !(d.Radius >= 0 && d.Radius <= 180 && d.Speed >= 0 && d.Speed <= math.MaxFloat64) {
		return l, unusable("a layer of radius %v and speed %v", d.Radius, d.Speed)
	}
	fields := r.section(d.Fields, d.Fields.Bytes)
	start := r.section(d.Start, d.Start.Bytes)
	rows := r.section(d.Rows, d.Rows.Bytes)
	if r.err != nil {
		return l, r.err
	}
	l = layer{index{start: cast[uint32](start), rows: cast[row](rows)}, d.Radius, d.Speed}
	if n := len(fields) / fieldSize; d.Target < 0 || d.Target > min(2*n+64, maxRows/rowsPerField) { // before newGrid allocates it
		return l, unusable("a grid of %d fields for %d", n, d.Target)
	}
	l.grid = newGrid(d.Target)
	switch {
	case l.checksum() != d.Bands || len(fields) != fieldSize*len(l.fields):
		return l, unusable("it has another grid than this program would make")
	case len(start) == 0 || len(start)%4 != 0 || !tiles(cast[field](fields), len(l.start)-1):
		return l, unusable("fields that do not have %d cells", len(l.start)-1)
	case len(rows) != rowSize*len(l.rows) || l.start[0] != 0 || int(l.start[len(l.start)-1]) != len(l.rows):
		return l, unusable("a grid of %d rows that has %d bytes of them", l.start[len(l.start)-1], len(rows))
	case !nonDecreasing(cast[int32](start)): // so no row is in two cells, and a search compares each once
		return l, unusable("cells out of order")
	}
	// A small copy, as searches compute offsets from it: the file may change or be truncated.
	l.fields = slices.Clone(cast[field](fields))
	return l, nil
}

// tiles reports whether the fields have exactly the given number of cells, in order.
func tiles(fields []field, cells int) bool {
	next := uint64(0)
	for _, f := range fields {
		if uint64(f.first) != next || f.side > 1<<16 {
			return false
		}
		next += uint64(f.side) * uint64(f.side)
	}
	return next == uint64(cells) && next <= math.MaxUint32
}
