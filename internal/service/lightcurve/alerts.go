package lightcurve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// identity are the columns that tell alerts and objects, in an archive and in packets.
var identity = []string{"alert_id", "object_id", "candid", "objectId", "diaSourceId"}

// columnsOf returns the columns to read.
func columnsOf(s *arrow.Schema) ([]string, error) {
	names := lightcurve.Columns(s)
	if len(names) == 0 {
		return nil, errors.New("there are no alerts of ZTF or LSST: no column candidate or diaSource")
	}
	for _, name := range identity {
		if len(s.FieldIndices(name)) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

// alerts writes the features of each alert of a table.
func alerts(ctx context.Context, in, out string, t *lightcurve.Transform) error {
	tables, err := rows.Open(in, archive.TimeRange{})
	if err != nil {
		return err
	}
	if len(tables) > 1 {
		return fmt.Errorf("%s has several tables (%s): name one: %s/alerts/%s", in, rows.Names(tables), in, tables[0].Name)
	}
	return cli.WriteFile(out, func(file io.Writer) error { return writeFeatures(ctx, tables[0], in, file, t) })
}

// writeFeatures writes the features of a table's alerts.
func writeFeatures(ctx context.Context, table *rows.Table, in string, file io.Writer, t *lightcurve.Transform) error {
	var w *parquetfile.Writer
	err := table.Each(ctx, 1, columnsOf, func(_ *arrow.Schema, rec arrow.Record) error {
		with, err := t.Add(rec)
		if err != nil {
			return err
		}
		defer with.Release()
		var fields []arrow.Field
		var columns []arrow.Array
		for i, f := range with.Schema().Fields() {
			if slices.Contains(identity, f.Name) || i == int(with.NumCols())-1 {
				f.Nullable = true
				fields, columns = append(fields, f), append(columns, with.Column(i))
			}
		}
		schema := arrow.NewSchema(fields, nil)
		if w == nil {
			if w, err = parquetfile.NewWriter(file, schema, parquetfile.Options{}); err != nil {
				return err
			}
		}
		return w.WriteRowGroup([]parquetfile.Rows{{Record: array.NewRecord(schema, columns, with.NumRows())}})
	})
	if err == nil && w == nil {
		return fmt.Errorf("%s: no alerts", in)
	}
	if w != nil {
		err = errors.Join(err, w.Close())
	}
	return err
}
