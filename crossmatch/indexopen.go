package crossmatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// OpenIndex opens a catalogue that WriteIndex wrote. It takes milliseconds: of the
// rows it looks only at where cells begin and strings end, 4 bytes each. The file
// is mapped, so that its pages come into memory when they are looked at, and are
// there once for all processes that have it open. Where the system cannot map files
// it is read.
//
// Checked are sizes, the checksums of header and description, where cells begin
// and where strings end. The rest of a damaged or hostile file can make a search
// return an error, or a wrong match, and no more: Verify reads the whole file and
// finds that out beforehand. Errors that a new index would help against are
// ErrBadIndex.
//
// Do not change an index in place, nor cut it, which WriteIndex never does. What
// can then no longer be read is ErrBadIndex as well, and of Nearest and of a Transform
// the status Failed. Close it in the end.
func OpenIndex(name string) (*Catalog, error) {
	err := portable()
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

// openIndex makes a catalogue over a file, which it then holds.
func openIndex(file *mapping) (*Catalog, error) {
	h, err := parseHeader(file.data)
	if err != nil {
		return nil, err
	}
	r := &indexReader{file: file, at: headerSize, end: h.description}
	r.lines = json.NewDecoder(bytes.NewReader(file.data[h.description:]))
	r.lines.DisallowUnknownFields()
	var d indexCatalog
	if err := r.line(&d); err != nil {
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

// indexReader goes through sections and their descriptions.
type indexReader struct {
	file    *mapping
	at, end int64 // where it is, and where the sections end
	lines   *json.Decoder
}

// line reads the next line of the description.
func (r *indexReader) line(to any) error {
	if err := r.lines.Decode(to); err != nil {
		return unusable("the description is damaged: %v", err)
	}
	return nil
}

// section returns the next section, which is to have so many bytes.
func (r *indexReader) section(s section, size int64) ([]byte, error) {
	from := aligned(r.at)
	if s.Bytes != size || size < 0 || from > r.end || size > r.end-from {
		return nil, unusable("a section of %d bytes at %d instead of %d", s.Bytes, from, size)
	}
	r.at = from + size
	b := r.file.data[from:r.at:r.at]
	r.file.sections = append(r.file.sections, summed{b, s.Sum})
	return b, nil
}

// done returns an error if something is left over.
func (r *indexReader) done() error {
	if _, err := r.lines.Token(); err != io.EOF || aligned(r.at) != r.end {
		return unusable("it has more than it describes")
	}
	return nil
}

// catalog returns the catalogue without its columns.
func (r *indexReader) catalog(d *indexCatalog) (*Catalog, error) {
	c := &Catalog{rows: d.Rows, epoch: d.Epoch}
	if d.Rows < 0 || d.Rows > mostRows || d.Layers < 0 || d.Columns != nil && *d.Columns < 0 {
		return nil, unusable("%d rows in %d layers", d.Rows, d.Layers)
	}
	if d.Radii != nil {
		b, err := r.section(*d.Radii, 8*int64(d.Rows))
		if err != nil {
			return nil, err
		}
		c.radii = cast[float64](b)
	}
	if d.Motions != nil {
		b, err := r.section(*d.Motions, 16*int64(d.Rows))
		if err != nil {
			return nil, err
		}
		c.motions = cast[motion](b)
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
	if rows > d.Rows {
		return nil, unusable("%d rows in the layers of %d", rows, d.Rows)
	}
	return c, nil
}

func (r *indexReader) layer() (l layer, err error) {
	var d indexLayer
	if err := r.line(&d); err != nil {
		return l, err
	}
	if !(d.Radius >= 0 && d.Radius <= 180 && d.Speed >= 0 && d.Speed <= math.MaxFloat64) {
		return l, unusable("a layer of radius %v and speed %v", d.Radius, d.Speed)
	}
	fields, err := r.section(d.Fields, d.Fields.Bytes)
	if err != nil {
		return l, err
	}
	start, err := r.section(d.Start, d.Start.Bytes)
	if err != nil {
		return l, err
	}
	rows, err := r.section(d.Rows, d.Rows.Bytes)
	if err != nil {
		return l, err
	}
	l = layer{index{start: cast[uint32](start), rows: cast[row](rows)}, d.Radius, d.Speed}
	if n := len(fields) / fieldSize; d.Asked < 0 || d.Asked > min(2*n+64, mostRows/rowsPerField) { // before a grid of them is made
		return l, unusable("a grid of %d fields, and %d of them", d.Asked, n)
	}
	l.grid = newGrid(d.Asked)
	switch {
	case l.sum() != d.Bands || len(fields) != fieldSize*len(l.fields):
		return l, unusable("it has another grid than this program makes")
	case len(start) == 0 || len(start)%4 != 0 || !tiles(cast[field](fields), len(l.start)-1):
		return l, unusable("fields that do not make %d cells", len(l.start)-1)
	case len(rows) != rowSize*len(l.rows) || l.start[0] != 0 || int(l.start[len(l.start)-1]) != len(l.rows):
		return l, unusable("a grid of %d rows that has %d bytes of them", l.start[len(l.start)-1], len(rows))
	case !ascending(cast[int32](start)): // no row is in two cells: a search looks at each once
		return l, unusable("cells that go back")
	}
	// A copy, small as it is: what a search is led by cannot change, nor be cut.
	l.fields = slices.Clone(cast[field](fields))
	return l, nil
}

// tiles reports whether fields have so many cells, one after the other, all of
// which have a number.
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
