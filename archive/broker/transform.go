package broker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/stream"
)

// Transform is a stream.Transform that makes rows of the tables science/SURVEY and
// passed/SURVEY out of those of alerts/SURVEY. It may be used concurrently.
type Transform struct {
	// Cuts is a condition of package filter. Alerts for which it is not true are
	// dropped, and counted as such. If empty, all are kept.
	Cuts string
	// Filters are those that tag alerts. One whose columns are not there, or that is for
	// another survey, tags none; those without columns are logged.
	Filters []*filter.Filter
	// Version is appended to the names of the tables, as science-VERSION/SURVEY, to
	// make the past again beside the present. If empty, nothing is.
	Version string
	Log     *slog.Logger // if nil, slog.Default()

	mu   sync.Mutex
	sets map[string]*sets // by survey and schema
}

// sets are the conditions, compiled for a schema.
type sets struct {
	cuts, filters *filter.Set
	light         []int // the columns of the science table
}

var _ stream.Transform = (*Transform)(nil)

// Apply implements stream.Transform. Rows of other tables are an error; all errors are
// Permanent but the context's.
func (t *Transform) Apply(ctx context.Context, in stream.Rows) (stream.Result, error) {
	survey, ok := strings.CutPrefix(in.Table, "alerts/")
	if !ok {
		return stream.Result{}, stream.Permanent(fmt.Errorf("broker: rows of the table %q: it makes its tables of alerts/SURVEY", in.Table))
	}
	s, err := t.compile(survey, in.Record.Schema())
	if err != nil {
		return stream.Result{}, stream.Permanent(err)
	}
	kept := stream.Pass(in)
	if s.cuts != nil {
		v, err := s.cuts.Eval(ctx, in.Record)
		if err != nil {
			return stream.Result{}, err
		}
		kept.Release()
		kept = stream.Filter(in, func(row int) bool { return v.Passes(0, row) })
	}
	defer kept.Release()
	var out stream.Result
	for _, rows := range kept.Rows {
		if rows.Record.NumRows() == 0 {
			continue
		}
		verdicts, err := s.filters.Eval(ctx, rows.Record)
		if err != nil {
			out.Release()
			return stream.Result{}, err
		}
		out.Rows = append(out.Rows, stream.Rows{Table: t.table("science", survey), Record: s.scienceOf(rows.Record), From: rows.From})
		passed, err := passedOf(rows, s.filters, verdicts)
		if err != nil {
			out.Release()
			return stream.Result{}, stream.Permanent(err)
		}
		if passed.Record.NumRows() == 0 {
			passed.Record.Release()
			continue
		}
		passed.Table = t.table("passed", survey)
		out.Rows = append(out.Rows, passed)
	}
	return out, nil
}

func (t *Transform) table(kind, survey string) string {
	if t.Version != "" {
		kind += "-" + t.Version
	}
	return kind + "/" + survey
}

func (t *Transform) compile(survey string, schema *arrow.Schema) (*sets, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := survey + " " + schema.String()
	if s := t.sets[key]; s != nil {
		return s, nil
	}
	s := &sets{}
	var err error
	if t.Cuts != "" {
		if s.cuts, err = filter.Compile([]*filter.Filter{{Name: "cuts", Where: t.Cuts}}, schema); err != nil {
			return nil, err
		}
		if err := s.cuts.Rejected()["cuts"]; err != nil {
			return nil, err
		}
	}
	filters := slices.DeleteFunc(slices.Clone(t.Filters), func(f *filter.Filter) bool { return f.Survey != "" && !same(f.Survey, survey) })
	if s.filters, err = filter.Compile(filters, schema); err != nil {
		return nil, err
	}
	log := t.Log
	if log == nil {
		log = slog.Default()
	}
	if all := s.filters.Rejected(); len(all) > 0 {
		names := slices.Sorted(maps.Keys(all))
		why, _, _ := strings.Cut(all[names[0]].Error(), "\n")
		log.Warn("some filters tag no alerts of this table", "table", "alerts/"+survey, "filters", strings.Join(names, ","), "first", why)
	}
	for i, f := range schema.Fields() {
		if light(f.Type) {
			s.light = append(s.light, i)
		}
	}
	if t.sets == nil {
		t.sets = map[string]*sets{}
	}
	t.sets[key] = s
	return s, nil
}

// same takes lsst, the name of the table, and rubin, that of the observatory, for the
// same survey.
func same(a, b string) bool {
	rubin := func(s string) bool { return s == "lsst" || s == "rubin" }
	return a == b || rubin(a) && rubin(b)
}

// light reports whether a column is in the science table: not if it has images or a
// history, or nothing but null.
func light(t arrow.DataType) bool {
	switch t := t.(type) {
	case *arrow.StructType:
		return !slices.ContainsFunc(t.Fields(), func(f arrow.Field) bool { return !light(f.Type) && f.Type.ID() != arrow.NULL })
	case arrow.ListLikeType:
		return t.Elem().ID() != arrow.STRUCT && light(t.Elem())
	}
	switch t.ID() {
	case arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.NULL:
		return false
	}
	return true
}

// scienceOf returns the columns of a record that are light.
func (s *sets) scienceOf(rec arrow.Record) arrow.Record {
	fields, columns := make([]arrow.Field, len(s.light)), make([]arrow.Array, len(s.light))
	for i, k := range s.light {
		fields[i], columns[i] = rec.Schema().Field(k), rec.Column(k)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, rec.NumRows())
}

// passedSchema is that of the passed table.
var passedSchema = arrow.NewSchema([]arrow.Field{
	{Name: "filter", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "version", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "object_id", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "event_time", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "ra", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "dec", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "night", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
}, nil)

// passedOf returns a row for each alert and filter that it passes.
func passedOf(in stream.Rows, set *filter.Set, v *filter.Verdicts) (out stream.Rows, err error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, passedSchema)
	defer b.Release()
	columns := make([]arrow.Array, len(passedSchema.Fields()))
	for i, f := range passedSchema.Fields()[2:] {
		k := in.Record.Schema().FieldIndices(f.Name)
		if len(k) == 0 || !arrow.TypeEqual(in.Record.Column(k[0]).DataType(), f.Type) {
			return out, fmt.Errorf("broker: the column %s of an archive is missing, or is not %v", f.Name, f.Type)
		}
		columns[i+2] = in.Record.Column(k[0])
	}
	filters := set.Filters()
	for row := range int(in.Record.NumRows()) {
		for i, f := range filters {
			if !v.Passes(i, row) {
				continue
			}
			b.Field(0).(*array.StringBuilder).Append(f.Name)
			b.Field(1).(*array.StringBuilder).Append(f.Version)
			for k := 2; k < len(columns); k++ {
				appendValue(b.Field(k), columns[k], row)
			}
			from := int32(row)
			if in.From != nil {
				from = in.From[row]
			}
			out.From = append(out.From, from)
		}
	}
	out.Record = b.NewRecord()
	return out, nil
}

// appendValue appends a value of a column of passedSchema.
func appendValue(b array.Builder, a arrow.Array, row int) {
	if a.IsNull(row) {
		b.AppendNull()
		return
	}
	switch a := a.(type) {
	case *array.Int64:
		b.(*array.Int64Builder).Append(a.Value(row))
	case *array.Int32:
		b.(*array.Int32Builder).Append(a.Value(row))
	case *array.Float64:
		b.(*array.Float64Builder).Append(a.Value(row))
	case *array.String:
		b.(*array.StringBuilder).Append(a.Value(row))
	case *array.Timestamp:
		b.(*array.TimestampBuilder).Append(a.Value(row))
	}
}
