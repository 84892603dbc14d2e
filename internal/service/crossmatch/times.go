package crossmatch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	sky "github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

const (
	usualEpoch = "event_time"
	noEpoch    = "none" // a value of -epoch
	timesName  = "(time of observation)"
)

// times are the times of observation. They are added as a column that is not
// written, because the table's own may be text.
type times struct {
	at     int    // the table's column, -1 if it has none
	name   string // of the added column
	strict bool   // text that is not a time is an error
}

// findTimes finds the column of a table.
func findTimes(s *arrow.Schema, epoch string) (t times, err error) {
	t = times{at: -1, name: timesName, strict: epoch != ""}
	for s.HasField(t.name) {
		t.name += "'"
	}
	switch epoch {
	case noEpoch:
	case "":
		if at, err := table.Find(s, usualEpoch); err == nil && isTime(s.Field(at).Type) {
			t.at = at
		}
	default:
		t.at, err = table.Find(s, epoch)
		if err == nil && !isTime(s.Field(t.at).Type) {
			err = fmt.Errorf("column %q is %v", s.Field(t.at).Name, s.Field(t.at).Type)
		}
	}
	if err != nil {
		return t, fmt.Errorf("-epoch %s: %w: name another with -epoch, one of times or numbers, or none", epoch, err)
	}
	return t, nil
}

func isTime(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.TIMESTAMP, arrow.DATE32, arrow.STRING, arrow.LARGE_STRING:
		return true
	}
	return arrow.IsFloating(t.ID()) || arrow.IsInteger(t.ID())
}

// check returns an error if rows of a catalogue move and the time of observation
// is unknown.
func (t *times) check(o *options, joins []sky.Join) error {
	name := o.moving(joins)
	if name == "" || o.epoch == noEpoch {
		return nil
	}
	t.strict = true
	if t.at < 0 {
		return fmt.Errorf("-catalog %s: its rows move, and no column says when the positions were observed: name it with -epoch NAME, or leave the rows where the catalogue has them with -epoch none", name)
	}
	return nil
}

// moving returns the name of a catalogue whose rows move, "" if none does. Until it
// is open, an index is not known to move.
func (o *options) moving(joins []sky.Join) string {
	for _, c := range o.catalogs {
		if c.PMRA != "" {
			return c.Name
		}
	}
	for _, j := range joins {
		if c, ok := j.Matcher.(interface{ Moves() bool }); ok && c.Moves() {
			return j.Name
		}
	}
	return ""
}

// widen adds the column to a schema.
func (t *times) widen(s *arrow.Schema, typ arrow.DataType) *arrow.Schema {
	metadata := s.Metadata()
	return arrow.NewSchema(append(s.Fields(), arrow.Field{Name: t.name, Type: typ, Nullable: true}), &metadata)
}

// add adds the column to a record that begins after first rows of its file.
func (t *times) add(rec arrow.Record, first int64) (arrow.Record, error) {
	column, err := t.column(rec, first)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", rec.ColumnName(t.at), err)
	}
	defer column.Release()
	columns := append(slices.Clone(rec.Columns()), column)
	return array.NewRecord(t.widen(rec.Schema(), column.DataType()), columns, rec.NumRows()), nil
}

// column returns the times in a form that crossmatch.Transform accepts.
func (t *times) column(rec arrow.Record, first int64) (arrow.Array, error) {
	if t.at < 0 {
		return array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Float64, int(rec.NumRows())), nil
	}
	switch a := rec.Column(t.at).(type) {
	case *array.Timestamp, *array.Float64, *array.Int64:
		a.Retain()
		return a, nil
	case *array.String:
		return t.parse(a, a.Value, first)
	case *array.LargeString:
		return t.parse(a, a.Value, first)
	case *array.Date32:
		return years(a, func(i int) (float64, error) { return sky.JulianYear(a.Value(i).ToTime()), nil })
	}
	values, err := table.Floats(rec, rec.ColumnName(t.at))
	if err != nil {
		return nil, err
	}
	return years(rec.Column(t.at), func(i int) (float64, error) { return values[i], nil })
}

// parse parses times that are text.
func (t *times) parse(a arrow.Array, text func(i int) string, first int64) (arrow.Array, error) {
	return years(a, func(i int) (float64, error) {
		at, ok := parseTime(text(i))
		switch {
		case ok:
			return sky.JulianYear(at), nil
		case t.strict:
			return 0, fmt.Errorf("row %d: %q is not a time of observation: write it as 2026-05-05T01:02:03Z, leave it empty, or name another column with -epoch, or none", first+int64(i)+1, clip(text(i)))
		}
		return math.NaN(), nil
	})
}

// unknown counts the rows, of a record with the column, without a time that
// crossmatch.Transform accepts.
func (t *times) unknown(rec arrow.Record) (n int64) {
	at := rec.Schema().FieldIndices(t.name)[0]
	if rec.Column(at).DataType().ID() == arrow.TIMESTAMP {
		return int64(rec.Column(at).NullN())
	}
	values, err := table.Floats(rec, t.name)
	if err != nil {
		return 0
	}
	for _, x := range values {
		year, mjd, jd := x >= 1000 && x <= 3000, x >= 10_000 && x <= 100_000, x >= 2_400_000 && x <= 2_500_000
		if !year && !mjd && !jd {
			n++
		}
	}
	return n
}

// parseTime parses what crossmatch writes to CSV, and similar forms. Without a
// zone it is UTC.
func parseTime(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// years makes a column of what f returns for the rows of a that are not null.
func years(a arrow.Array, f func(i int) (float64, error)) (arrow.Array, error) {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		year, err := f(i)
		if err != nil {
			return nil, err
		}
		b.Append(year)
	}
	return b.NewArray(), nil
}

// drop returns a record without a column, and releases the record.
func drop(rec arrow.Record, at int) arrow.Record {
	defer rec.Release()
	columns := slices.Delete(slices.Clone(rec.Columns()), at, at+1)
	return array.NewRecord(dropField(rec.Schema(), at), columns, rec.NumRows())
}

func dropField(s *arrow.Schema, at int) *arrow.Schema {
	metadata := s.Metadata()
	return arrow.NewSchema(slices.Delete(s.Fields(), at, at+1), &metadata)
}

func clip(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
