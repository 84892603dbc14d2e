package filter

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// why is the command filter why: how a filter judges one alert.
func why(ctx context.Context, args []string) error {
	o := newOptions("filter why").input().times()
	name := o.flags.String("filter", "", "")
	id := o.flags.String("alert", "", "")
	if err := o.parse(args, nil); err != nil {
		return err
	}
	if *name == "" || *id == "" {
		return cli.UsageError{Text: "-filter NAME and -alert ID are needed"}
	}
	f, tables, err := o.one(*name)
	if err != nil {
		return err
	}
	found := 0
	for _, t := range tables {
		err := o.find(ctx, f, t, func(other string) bool { return other == *id }, func(set *filter.Set, rec arrow.Record, row int, _ string) error {
			found++
			reason, err := set.Why(f.Name, rec, row)
			if err == nil {
				_, err = fmt.Fprintf(stdout, "%s\n", reason)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if found == 0 {
		return fmt.Errorf("no alert %s in %s", *id, o.in)
	}
	return nil
}

// find calls judge with each row whose alert id is wanted.
func (o *options) find(ctx context.Context, f *filter.Filter, t *rows.Table, wanted func(id string) bool, judge func(set *filter.Set, rec arrow.Record, row int, id string) error) (err error) {
	s := &sets{filters: []*filter.Filter{f}}
	if s.lists, err = openWatchlists(ctx, s.filters); err != nil {
		return err
	}
	defer s.lists.close()
	var mu sync.Mutex
	return t.Each(ctx, workers(), func(schema *arrow.Schema) ([]string, error) { return s.columns(schema, idColumns...) }, func(schema *arrow.Schema, rec arrow.Record) error {
		ids, err := textColumn(rec, idColumns...)
		if err != nil {
			return err
		}
		for row := range int(rec.NumRows()) {
			id := ids(row)
			if !wanted(id) {
				continue
			}
			one := rec.NewSlice(int64(row), int64(row)+1)
			matched, err := s.lists.match(ctx, one)
			one.Release()
			if err != nil {
				return err
			}
			set, err := s.of(schema)
			if err == nil {
				mu.Lock()
				err = judge(set, matched, 0, id)
				mu.Unlock()
			}
			matched.Release()
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// idColumns are those of the alert's id, in an archive and in packets, and
// objectColumns those of the object's.
var (
	idColumns     = []string{"alert_id", "candid", "diaSourceId"}
	objectColumns = []string{"object_id", "objectId", "diaObject.diaObjectId"}
)

// textColumn returns the values of the first of some columns that a record has, as
// text; null is "".
func textColumn(rec arrow.Record, names ...string) (func(row int) string, error) {
	for _, name := range names {
		i := rec.Schema().FieldIndices(name)
		if len(i) == 0 {
			continue
		}
		switch a := rec.Column(i[0]).(type) {
		case *array.String:
			return func(row int) string {
				if a.IsNull(row) {
					return ""
				}
				return a.Value(row)
			}, nil
		case *array.Int64:
			return func(row int) string {
				if a.IsNull(row) {
					return ""
				}
				return fmt.Sprint(a.Value(row))
			}, nil
		}
	}
	return nil, fmt.Errorf("there is no column %s of numbers or text, by which alerts are told apart", names[0])
}
