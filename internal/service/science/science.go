// Package science is the commands science and classify: columns that are computed from
// alerts.
package science

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/alert/filter/fink"
	"github.com/skyfinch/skyfinch/alert/science"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// Run runs the command science.
func Run(ctx context.Context, args []string) error {
	columns, err := science.Columns("ztf")
	if err != nil {
		return err
	}
	t := &science.Transform{Columns: columns, Needs: []string{"candidate"}}
	if !slices.ContainsFunc(args, func(a string) bool {
		return strings.TrimLeft(a, "-") == "eval" || strings.HasPrefix(strings.TrimLeft(a, "-"), "eval=")
	}) {
		return follow(ctx, args, t)
	}
	return run(ctx, "science", manual, args, t)
}

// Classify runs the command classify.
func Classify(ctx context.Context, args []string) error {
	class, err := fink.Class()
	if err != nil {
		return err
	}
	return run(ctx, "classify", classifyManual, args, &science.Transform{Columns: []*filter.Column{class}, Needs: []string{"candidate", "cdsxmatch", "roid"}})
}

func run(ctx context.Context, name, manual string, args []string, t *science.Transform) error {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	in := f.String("eval", "", "")
	out := f.String("o", "", "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if *in == "" || *out == "" {
		return cli.UsageError{Text: "-eval FILE.parquet and -o FILE.parquet are needed"}
	}
	tables, err := rows.Open(*in, archive.TimeRange{})
	if err != nil {
		return err
	}
	if len(tables) > 1 {
		return fmt.Errorf("%s has several tables (%s): name one: %s/alerts/%s", *in, rows.Names(tables), *in, tables[0].Name)
	}
	return cli.WriteFile(*out, func(file io.Writer) error { return evaluate(ctx, tables[0], t, file) })
}

// evaluate writes the plain columns of a table, and those of the transform.
func evaluate(ctx context.Context, table *rows.Table, t *science.Transform, file io.Writer) error {
	w := &writer{file: file, columns: len(t.Columns)}
	err := table.Each(ctx, 1, func(s *arrow.Schema) ([]string, error) {
		c, err := t.For(s)
		if err != nil {
			return nil, err
		}
		names := c.Needs()
		for _, f := range s.Fields() {
			if plain(f.Type) && !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
		return names, nil
	}, func(s *arrow.Schema, rec arrow.Record) error {
		c, err := t.For(s)
		if err != nil {
			return err
		}
		with, err := c.Add(ctx, rec)
		if err != nil {
			return err
		}
		defer with.Release()
		return w.write(with)
	})
	if err == nil && w.w == nil {
		return fmt.Errorf("%s: no rows", table.Name)
	}
	if w.w != nil {
		err = errors.Join(err, w.w.Close())
	}
	return err
}

// plain reports whether a column is kept: not the packet's own structs, lists and
// images.
func plain(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRUCT, arrow.LIST, arrow.LARGE_LIST, arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.MAP, arrow.NULL:
		return false
	}
	return true
}

// writer writes the plain columns of records, and the last ones.
type writer struct {
	file    io.Writer
	columns int // that were added
	w       *parquetfile.Writer
}

func (w *writer) write(rec arrow.Record) (err error) {
	var fields []arrow.Field
	var columns []arrow.Array
	for i, f := range rec.Schema().Fields() {
		if i >= int(rec.NumCols())-w.columns || plain(f.Type) {
			f.Nullable = true
			fields, columns = append(fields, f), append(columns, rec.Column(i))
		}
	}
	schema := arrow.NewSchema(fields, nil)
	if w.w == nil {
		if w.w, err = parquetfile.NewWriter(w.file, schema, parquetfile.Options{}); err != nil {
			return err
		}
	}
	return w.w.WriteRowGroup([]parquetfile.Rows{{Record: array.NewRecord(schema, columns, rec.NumRows())}})
}
