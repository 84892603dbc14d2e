package crossmatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// Transform is a [stream.Transform] that matches each row's position with
// catalogues, which it queries concurrently. For each join it appends columns:
//
//	NAME_match       string   match, none, invalid or failed
//	NAME_separation  float64  arcseconds; null without a match
//	NAME_cause       string   why it failed; null otherwise
//	NAME_COLUMN               each of the catalogue's columns; null without a match
//
// A failure drops no row: [Transform.Retry] matches the failed rows again. A row
// with a null position is invalid.
//
// A Transform may be used concurrently, and must not be changed after first use.
type Transform struct {
	Joins []Join

	// RA and Dec name the columns of the position: float64, in ICRS degrees.
	// If empty, they are ra and dec.
	RA, Dec string
	// Epoch names the column of the time of observation, for catalogues with
	// proper motions: a timestamp, float64 or int64. Numbers are Julian years
	// (1000 to 3000), modified Julian dates (10,000 to 100,000) or Julian dates
	// (2,400,000 to 2,500,000). For other numbers and nulls, the catalogue's own
	// epoch is used. If Epoch is empty, it is event_time, if the record has such
	// a column of one of these types.
	Epoch string

	// Memory allocates the columns. If nil, compute.GetAllocator chooses.
	Memory memory.Allocator
}

// Join is a catalogue, a search radius, and the wanted columns.
type Join struct {
	Name    string // the prefix of the columns that are added
	Matcher Matcher
	Radius  Angle    // 0 to 180 degrees; a Matcher may accept less
	Columns []string // the matcher's columns to add, in this order; if nil, all
}

// Close closes the matcher if it is an io.Closer.
func (j Join) Close() error {
	if c, ok := j.Matcher.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

var _ stream.Transform = (*Transform)(nil)

// Apply implements stream.Transform. Errors other than the context's are Permanent:
// an invalid join, missing columns, or a Matcher that breaks its contract.
func (t *Transform) Apply(ctx context.Context, in stream.Rows) (stream.Result, error) {
	rec, err := t.Match(ctx, in.Record)
	if err != nil {
		if ctx.Err() == nil {
			err = stream.Permanent(err)
		}
		return stream.Result{}, err
	}
	return stream.Result{Rows: []stream.Rows{{Table: in.Table, Record: rec}}}, nil
}

// Schema returns the schema of the record that Match returns for one with
// schema s.
func (t *Transform) Schema(s *arrow.Schema) (*arrow.Schema, error) {
	joins, err := t.bind()
	if err != nil {
		return nil, err
	}
	if _, err := t.inputs(s); err != nil {
		return nil, err
	}
	return widen(s, joins)
}

// widen adds the columns of joins to a schema.
func widen(s *arrow.Schema, joins []boundJoin) (*arrow.Schema, error) {
	fields := slices.Clone(s.Fields())
	taken := make(map[string]bool, len(fields))
	for _, f := range fields {
		taken[f.Name] = true
	}
	for _, j := range joins {
		for _, f := range j.fields {
			if taken[f.Name] {
				return nil, fmt.Errorf("crossmatch: there is a column %q already: give join %q another name, or leave that column out", f.Name, j.Name)
			}
			taken[f.Name] = true
			fields = append(fields, f)
		}
	}
	metadata := s.Metadata()
	return arrow.NewSchema(fields, &metadata), nil
}

// Match returns the record with the columns of the joins appended. The caller must
// release the new record, and still owns the old one.
func (t *Transform) Match(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	joins, p, err := t.prepare(rec)
	if err != nil {
		return nil, err
	}
	schema, err := widen(rec.Schema(), joins)
	if err != nil {
		return nil, err
	}
	added := make(addedColumns, len(joins))
	defer added.release()
	err = t.each(ctx, added, func(ctx context.Context, i int) ([]arrow.Array, error) { return joins[i].ask(ctx, p) })
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(rec.Columns())
	for _, more := range added {
		columns = append(columns, more...)
	}
	return array.NewRecord(schema, columns, rec.NumRows()), nil
}

// prepare returns the joins, and the positions of a record.
func (t *Transform) prepare(rec arrow.Record) ([]boundJoin, Positions, error) {
	joins, err := t.bind()
	if err != nil {
		return nil, Positions{}, err
	}
	p, err := t.positions(rec)
	return joins, p, err
}

// addedColumns are the columns that each join adds.
type addedColumns [][]arrow.Array

func (a addedColumns) release() {
	for _, columns := range a {
		releaseAll(columns)
	}
}

// each sets each element of out to the result of f, concurrently. It returns the first
// error, which cancels the other calls. A panic in f is repeated in the caller's
// goroutine, where it can be recovered.
func (t *Transform) each(ctx context.Context, out addedColumns, f func(ctx context.Context, i int) ([]arrow.Array, error)) error {
	parent := ctx
	if t.Memory != nil {
		ctx = compute.WithAllocator(ctx, t.Memory)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	panics := make([]any, len(out))
	for i := range out {
		wg.Go(func() {
			defer func() {
				if panics[i] = recover(); panics[i] != nil {
					cancel(context.Canceled)
				}
			}()
			var err error
			if out[i], err = f(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	if err := parent.Err(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// inputColumns are the numbers of the columns that a Transform reads; epoch is -1 if
// there is none.
type inputColumns struct{ ra, dec, epoch int }

func (t *Transform) inputs(s *arrow.Schema) (at inputColumns, err error) {
	const position, time = "positions must be float64, in degrees", "a time of observation must be a timestamp, float64 or int64"
	if at.ra, err = inputColumn(s, "RA", cmp.Or(t.RA, "ra"), position, arrow.FLOAT64); err != nil {
		return at, err
	}
	if at.dec, err = inputColumn(s, "Dec", cmp.Or(t.Dec, "dec"), position, arrow.FLOAT64); err != nil {
		return at, err
	}
	at.epoch, err = inputColumn(s, "Epoch", cmp.Or(t.Epoch, "event_time"), time, arrow.TIMESTAMP, arrow.FLOAT64, arrow.INT64)
	if err != nil && t.Epoch == "" {
		at.epoch, err = -1, nil
	}
	return at, err
}

// inputColumn returns the number of a column, which a field of Transform names. It must
// have one of some types; want says so.
func inputColumn(s *arrow.Schema, field, name, want string, types ...arrow.Type) (int, error) {
	indices := s.FieldIndices(name)
	if len(indices) == 0 {
		return 0, fmt.Errorf("crossmatch: no column %q among %s: name the column in Transform.%s", name, columnNames(s), field)
	}
	if f := s.Field(indices[0]); !slices.Contains(types, f.Type.ID()) {
		return 0, fmt.Errorf("crossmatch: column %q is %v: %s", name, f.Type, want)
	}
	return indices[0], nil
}

// positions returns the positions of a record's rows.
func (t *Transform) positions(rec arrow.Record) (p Positions, err error) {
	at, err := t.inputs(rec.Schema())
	if err != nil {
		return p, err
	}
	p.RA, p.Dec = degrees(rec.Column(at.ra)), degrees(rec.Column(at.dec))
	if at.epoch >= 0 {
		p.Epoch = epochs(rec.Column(at.epoch))
	}
	return p, nil
}

// degrees returns the values of a float64 column, with NaN for nulls.
func degrees(column arrow.Array) []float64 {
	a := column.(*array.Float64)
	if len(a.NullBitmapBytes()) == 0 {
		return a.Float64Values()
	}
	out := slices.Clone(a.Float64Values())
	setNaN(out, a)
	return out
}

// columnNames lists the columns of a schema, or the first 20 of them.
func columnNames(s *arrow.Schema) string {
	const limit = 20
	text := ""
	for i, f := range s.Fields() {
		if i == limit {
			return fmt.Sprintf("%s and %d more", text, s.NumFields()-limit)
		}
		if i > 0 {
			text += ", "
		}
		text += f.Name
	}
	if text == "" {
		return "none"
	}
	return text
}

func releaseAll(columns []arrow.Array) {
	for _, c := range columns {
		if c != nil {
			c.Release()
		}
	}
}

var errNoJoins = errors.New("crossmatch: a Transform without Joins: name the catalogues to match")
