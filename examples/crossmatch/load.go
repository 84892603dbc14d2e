package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// load reads a catalogue that is a file into memory. It tells its rows so far.
func (c *catalogFlag) load(ctx context.Context, tell func(rows int64)) (*crossmatch.Catalog, error) {
	t, err := table.Open(c.where, table.Options{RA: c.ra, Dec: c.dec, Columns: c.reads(), Progress: tell})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	all, err := t.ReadAll(ctx)
	if err != nil {
		return nil, rephrase(err, "leave it out of Columns, or loop over Records", "read fewer, with columns=")
	}
	defer all.Release()
	ra, dec := t.Position()
	rows := crossmatch.Rows{Epoch: c.epoch}
	for _, x := range []struct {
		to   *[]float64
		name string
	}{{&rows.RA, ra}, {&rows.Dec, dec}, {&rows.PMRA, c.pmra}, {&rows.PMDec, c.pmdec}, {&rows.Radius, c.size}} {
		if x.name == "" {
			continue
		}
		if *x.to, err = table.Floats(all, x.name); err != nil {
			return nil, fmt.Errorf("%s: %w", c.where, err)
		}
	}
	if err := c.scale(rows.Radius); err != nil {
		return nil, fmt.Errorf("%s: %w", c.where, err)
	}
	if rows.Columns, err = project(all, c.columns); err != nil {
		return nil, fmt.Errorf("%s: %w", c.where, err)
	}
	defer rows.Columns.Release()
	catalog, err := crossmatch.NewCatalog(rows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.where, err)
	}
	return catalog, nil
}

// reads returns the columns to read besides the position; nil: all.
func (c *catalogFlag) reads() []string {
	if c.columns == nil {
		return nil
	}
	out := slices.Clone(c.columns)
	for _, more := range []string{c.pmra, c.pmdec, c.size} {
		if more != "" {
			out = append(out, more)
		}
	}
	return out
}

// scale makes radii in degrees of the numbers of a size.
func (c *catalogFlag) scale(sizes []float64) error {
	for i, size := range sizes {
		r := crossmatch.Angle(size) * crossmatch.Angle(c.unit)
		if r < 0 || r > 180*crossmatch.Degree {
			return fmt.Errorf("row %d has %v in column %q, which times %v is no radius from 0 to 180 degrees: name another column or unit in size, or leave the cell empty, for the radius of all", i+1, size, c.size, &c.unit)
		}
		sizes[i] = r.Degrees()
	}
	return nil
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		if a != nil {
			a.Release()
		}
	}
}

// project returns a record of columns, by the names that table finds them by:
// nil is all.
func project(rec arrow.Record, columns []string) (arrow.Record, error) {
	if columns == nil {
		rec.Retain()
		return rec, nil
	}
	fields, arrays := make([]arrow.Field, len(columns)), make([]arrow.Array, len(columns))
	for i, name := range columns {
		at, err := table.Find(rec.Schema(), name)
		if err != nil {
			return nil, err
		}
		fields[i], arrays[i] = rec.Schema().Field(at), rec.Column(at)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, rec.NumRows()), nil
}
