package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// input is the tables of the positions, which are read as one.
type input struct {
	files   []string
	options table.Options
	schema  *arrow.Schema // of all
	ra, dec string
}

// openInput looks at all tables. What one of them lacks is null there.
func openInput(path string, o table.Options) (*input, error) {
	files, err := expand(path)
	if err != nil {
		return nil, err
	}
	in := &input{files: files, options: o}
	var fields []arrow.Field
	for _, name := range files {
		t, err := in.open(name)
		if err != nil {
			return nil, err
		}
		ra, dec := t.Position()
		schema := t.Schema()
		t.Close()
		if fields == nil {
			in.ra, in.dec = ra, dec
		} else if ra != in.ra || dec != in.dec {
			return nil, fmt.Errorf("%s has its position in %s and %s, and %s in %s and %s: match them one after the other", name, ra, dec, files[0], in.ra, in.dec)
		}
		if fields, err = unite(fields, schema.Fields()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	in.schema = arrow.NewSchema(fields, nil)
	return in, nil
}

// open opens a file. Of many, one that lacks a column that is asked for has
// nulls.
func (in *input) open(name string) (*table.Table, error) { return table.Open(name, in.options) }

// expand returns the files of a path, in order.
func expand(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil && strings.ContainsAny(path, "*?[") {
		files, err := filepath.Glob(path)
		if err != nil {
			return nil, fmt.Errorf("-positions %s: %w", path, err)
		}
		var out []string
		for _, f := range files {
			more, err := expand(f)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
		if out == nil {
			return nil, fmt.Errorf("-positions %s: nothing matches", path)
		}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var out []string
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".parquet") && !strings.HasPrefix(d.Name(), ".") {
			out = append(out, name)
		}
		return err
	})
	if err == nil && out == nil {
		err = fmt.Errorf("-positions %s: no .parquet files there: name a file, or a glob", path)
	}
	return out, err
}

// unite adds fields to others, by name.
func unite(to, more []arrow.Field) ([]arrow.Field, error) {
	for _, f := range more {
		i := slices.IndexFunc(to, func(g arrow.Field) bool { return g.Name == f.Name })
		if i < 0 {
			to = append(to, f)
			continue
		}
		typ := wider(to[i].Type, f.Type)
		if typ == nil {
			return nil, fmt.Errorf("column %q is %v, and %v in a file before: leave it out with -columns, or match them one after the other", f.Name, f.Type, to[i].Type)
		}
		to[i].Type = typ
	}
	return to, nil
}

// wider returns the type that holds the values of two; nil: none does.
func wider(a, b arrow.DataType) arrow.DataType {
	if arrow.TypeEqual(a, b) {
		return a
	}
	for _, x := range [][2]arrow.DataType{{a, b}, {b, a}} {
		switch from, to := x[0].ID(), x[1].ID(); {
		case from == arrow.NULL,
			from == arrow.INT32 && to == arrow.INT64,
			(from == arrow.INT32 || from == arrow.FLOAT32 || from == arrow.INT64) && to == arrow.FLOAT64:
			return x[1]
		}
	}
	return nil
}

// records yields the rows of all files, by the schema of all. A record is the
// loop's while it is there.
func (in *input) records(ctx context.Context, yield func(arrow.Record) error) error {
	for _, name := range in.files {
		if err := in.read(ctx, name, yield); err != nil {
			return err
		}
	}
	return nil
}

func (in *input) read(ctx context.Context, name string, yield func(arrow.Record) error) error {
	t, err := in.open(name)
	if err != nil {
		return err
	}
	defer t.Close()
	for rec, err := range t.Records(ctx) {
		if err != nil {
			return err
		}
		if !rec.Schema().Equal(in.schema) {
			if rec, err = conform(ctx, rec, in.schema); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		} else {
			rec.Retain()
		}
		err = yield(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// conform returns a record with the columns of a schema, which holds its own.
func conform(ctx context.Context, rec arrow.Record, s *arrow.Schema) (arrow.Record, error) {
	columns := make([]arrow.Array, s.NumFields())
	defer func() { releaseAll(columns) }()
	for i, f := range s.Fields() {
		at := rec.Schema().FieldIndices(f.Name)
		if len(at) == 0 {
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, int(rec.NumRows()))
			continue
		}
		c, err := castTo(ctx, rec.Column(at[0]), f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		columns[i] = c
	}
	return array.NewRecord(s, columns, rec.NumRows()), nil
}

func castTo(ctx context.Context, a arrow.Array, typ arrow.DataType) (arrow.Array, error) {
	switch {
	case arrow.TypeEqual(a.DataType(), typ):
		a.Retain()
		return a, nil
	case a.DataType().ID() == arrow.NULL:
		return array.MakeArrayOfNull(memory.DefaultAllocator, typ, a.Len()), nil
	}
	return compute.CastArray(ctx, a, compute.SafeCastOptions(typ))
}

// indexOf finds a column as package table does: as its name is written or else,
// if that is unequivocal, in other capitals.
func indexOf(s *arrow.Schema, name string) (int, error) {
	folded := -1
	for i, f := range s.Fields() {
		if f.Name == name {
			return i, nil
		}
		if strings.EqualFold(f.Name, name) {
			if folded >= 0 {
				return 0, fmt.Errorf("more than one column goes by %q: write it as the file does", name)
			}
			folded = i
		}
	}
	if folded < 0 {
		return 0, fmt.Errorf("no column %q", name)
	}
	return folded, nil
}
