package crossmatch

import (
	"cmp"
	"context"
	"fmt"
	"io"
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

// input is the tables of the positions, read as one.
type input struct {
	files   []string
	options table.Options
	schema  *arrow.Schema // of all
	ra, dec string
	times   times
	stdin   *os.File // a temporary file with standard input, nil if there are files
}

// openInput opens all tables. Columns that only some of them have are null in the
// others; the position must be in each. The caller must close the input.
func openInput(o *options) (_ *input, err error) {
	in := &input{options: table.Options{RA: o.ra, Dec: o.dec, AddDegrees: true, Columns: o.columns, Rows: o.batchRows()}}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	if o.positions == "-" {
		in.stdin, err = spool(os.Stdin)
		in.files = []string{"standard input"}
	} else {
		in.files, err = expand(o.positions)
	}
	if err != nil {
		return nil, err
	}
	if o.columns != nil && len(in.files) > 1 {
		in.options.Columns, in.options.Optional = []string{}, slices.Clone(o.columns)
	}
	if epoch := cmp.Or(o.epoch, usualEpoch); epoch != noEpoch {
		in.options.Optional = append(in.options.Optional, epoch)
	}
	if err := in.unite(); err != nil {
		return nil, err
	}
	for _, name := range o.columns {
		if _, err := table.Find(in.schema, name); err != nil {
			return nil, in.missing(name, err)
		}
	}
	in.times, err = findTimes(in.schema, o.epoch)
	return in, err
}

// missing explains a column that no file has by the columns of the first file: the
// schema has only those that were asked for.
func (in *input) missing(name string, err error) error {
	o := in.options
	o.Columns = []string{name}
	t, openErr := in.open(in.files[0], o)
	if openErr == nil {
		t.Close()
		return fmt.Errorf("-columns: %w", err)
	}
	return fmt.Errorf("-columns: of %d files none has it: %w", len(in.files), openErr)
}

// spool copies standard input to a temporary file: tables are read twice.
func spool(r io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "crossmatch-stdin-*")
	if err == nil {
		_, err = io.Copy(f, r)
	}
	if err != nil {
		err = fmt.Errorf("-positions -: %w", err)
	}
	return f, err
}

// open opens one of the tables.
func (in *input) open(name string, o table.Options) (*table.Table, error) {
	if in.stdin == nil {
		return table.Open(name, o)
	}
	info, err := in.stdin.Stat()
	if err != nil {
		return nil, err
	}
	return table.NewReader(in.stdin, info.Size(), name, o)
}

func (in *input) close() {
	if in.stdin != nil {
		in.stdin.Close()
		os.Remove(in.stdin.Name())
	}
}

// unite finds the schema of all files.
func (in *input) unite() error {
	var fields []arrow.Field
	for _, name := range in.files {
		t, err := in.open(name, in.options)
		if err != nil {
			return err
		}
		ra, dec := t.Position()
		schema := t.Schema()
		t.Close()
		if fields == nil {
			in.ra, in.dec = ra, dec
		} else if ra != in.ra || dec != in.dec {
			return fmt.Errorf("%s has its position in %s and %s, and %s in %s and %s: match them one after the other", name, ra, dec, in.files[0], in.ra, in.dec)
		}
		if fields, err = unite(fields, schema.Fields()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	in.schema = arrow.NewSchema(fields, nil)
	return nil
}

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
			return nil, fmt.Errorf("-positions %s: no file matches", path)
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

// wider returns the type that holds the values of two types, or nil.
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

// records yields the rows of all files, with the schema of all and their times.
// A record is valid until yield returns.
func (in *input) records(ctx context.Context, yield func(arrow.Record) error) error {
	for _, name := range in.files {
		if err := in.read(ctx, name, yield); err != nil {
			return err
		}
	}
	return nil
}

func (in *input) read(ctx context.Context, name string, yield func(arrow.Record) error) error {
	t, err := in.open(name, in.options)
	if err != nil {
		return err
	}
	defer t.Close()
	rows := int64(0)
	for rec, err := range t.Records(ctx) {
		if err != nil {
			return err
		}
		if rec, err = in.prepare(ctx, rec, rows); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows += rec.NumRows()
		err = yield(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare returns a record with the schema of all files and its times.
func (in *input) prepare(ctx context.Context, rec arrow.Record, first int64) (arrow.Record, error) {
	if rec.Schema().Equal(in.schema) {
		return in.times.add(rec, first)
	}
	rec, err := conform(ctx, rec, in.schema)
	if err != nil {
		return nil, err
	}
	defer rec.Release()
	return in.times.add(rec, first)
}

// conform returns a record with the columns of a schema, which includes its own.
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
