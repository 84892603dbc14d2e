package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// load reads a catalogue that is a file into memory. It tells its rows so far.
func (c *catalogFlag) load(ctx context.Context, tell func(rows int64)) (*crossmatch.Catalog, error) {
	t, err := table.Open(c.where, table.Options{RA: c.ra, Dec: c.dec, Columns: c.reads()})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	all, err := gather(ctx, t, tell)
	if err != nil {
		return nil, err
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
		if *x.to, err = numbers(all, x.name); err != nil {
			return nil, fmt.Errorf("%s: %w", c.where, err)
		}
	}
	for i := range rows.Radius {
		rows.Radius[i] *= crossmatch.Angle(c.unit).Degrees()
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

// gather reads a whole table into one record.
func gather(ctx context.Context, t *table.Table, tell func(int64)) (arrow.Record, error) {
	parts := make([][]arrow.Array, t.Schema().NumFields())
	defer func() {
		for _, column := range parts {
			releaseAll(column)
		}
	}()
	var n int64
	for rec, err := range t.Records(ctx) {
		if err != nil {
			return nil, err
		}
		for i, a := range rec.Columns() {
			a.Retain()
			parts[i] = append(parts[i], a)
		}
		n += rec.NumRows()
		tell(n)
	}
	columns := make([]arrow.Array, len(parts))
	defer func() { releaseAll(columns) }()
	for i, f := range t.Schema().Fields() {
		var err error
		if n == 0 {
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 0)
		} else if columns[i], err = array.Concatenate(parts[i], memory.DefaultAllocator); err != nil {
			return nil, fmt.Errorf("column %q: %w: read fewer, with columns=", f.Name, err)
		}
		releaseAll(parts[i])
		parts[i] = nil
	}
	return array.NewRecord(t.Schema(), columns, n), nil
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
		at, err := indexOf(rec.Schema(), name)
		if err != nil {
			return nil, err
		}
		fields[i], arrays[i] = rec.Schema().Field(at), rec.Column(at)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, rec.NumRows()), nil
}

// numbers returns a column as float64, NaN where it is null.
func numbers(rec arrow.Record, name string) ([]float64, error) {
	at, err := indexOf(rec.Schema(), name)
	if err != nil {
		return nil, err
	}
	column := rec.Column(at)
	value := numberOf(column)
	if value == nil {
		if column.NullN() < column.Len() {
			return nil, fmt.Errorf("column %q is %v, and numbers are needed", name, column.DataType())
		}
		value = func(int) float64 { return math.NaN() }
	}
	out := make([]float64, column.Len())
	for i := range out {
		if out[i] = math.NaN(); column.IsValid(i) {
			out[i] = value(i)
		}
	}
	return out, nil
}

// numberOf returns what reads a column's values; nil: they are no numbers.
func numberOf(column arrow.Array) func(i int) float64 {
	switch a := column.(type) {
	case *array.Float64:
		return a.Value
	case *array.Float32:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Int64:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Int32:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Int16:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Uint8:
		return func(i int) float64 { return float64(a.Value(i)) }
	}
	return nil
}
