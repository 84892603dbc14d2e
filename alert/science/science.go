// Package science computes what a broker adds to the alerts of a survey before they are
// filtered: quality cuts, counts, rates, positions, and flags of transients.
//
// The columns are expressions of package filter, in ztf.yml beside this file, which is
// the reference of what they mean. For ZTF they are those of Fink's science tables, by
// their names, with these differences: mag_rate and sigma_rate are computed for each
// alert alone, by propagation of the errors, of detections of its own band; and the
// coordinates ecl_lon and ecl_lat are those of J2000, not of the date.
package science

import (
	"context"
	"embed"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/stream"
)

//go:embed *.yml
var files embed.FS

// Columns returns the science columns of a survey: "ztf".
func Columns(survey string) ([]*filter.Column, error) {
	all, err := filter.ReadColumns(files, ".")
	if err != nil {
		return nil, err
	}
	var out []*filter.Column
	for _, c := range all {
		if c.Survey == survey {
			out = append(out, c)
		}
	}
	if out == nil {
		return nil, fmt.Errorf("science: no columns for survey %q: there are those of ztf", survey)
	}
	return out, nil
}

// Transform is a stream.Transform that adds columns to each row, such as those of
// Columns. It may be used concurrently.
type Transform struct {
	Columns []*filter.Column
	// Needs names columns without which a record is an error, such as candidate for
	// packets of ZTF. Others that a record has not are null in the expressions.
	Needs []string

	mu       sync.Mutex
	compiled map[string]*filter.Computed // by schema
}

var _ stream.Transform = (*Transform)(nil)

// Apply implements stream.Transform. Its errors are Permanent, but for the context's.
func (t *Transform) Apply(ctx context.Context, in stream.Rows) (stream.Result, error) {
	rec, err := t.Add(ctx, in.Record)
	if err != nil {
		if ctx.Err() == nil {
			err = stream.Permanent(err)
		}
		return stream.Result{}, err
	}
	return stream.Result{Rows: []stream.Rows{{Table: in.Table, Record: rec}}}, nil
}

// Add returns the record with the columns. The caller must release it, and still owns
// the old one.
func (t *Transform) Add(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	c, err := t.For(rec.Schema())
	if err != nil {
		return nil, err
	}
	return c.Add(ctx, rec)
}

// For returns the columns, compiled for a schema.
func (t *Transform) For(s *arrow.Schema) (*filter.Computed, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := s.String()
	if c := t.compiled[key]; c != nil {
		return c, nil
	}
	for _, name := range t.Needs {
		if len(s.FieldIndices(name)) == 0 {
			return nil, fmt.Errorf("science: no column %s: are these alerts of another survey?", name)
		}
	}
	c, err := filter.CompileColumns(t.Columns, s)
	if err != nil {
		return nil, err
	}
	if t.compiled == nil || len(t.compiled) > 100 {
		t.compiled = map[string]*filter.Computed{}
	}
	t.compiled[key] = c
	return c, nil
}
