package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// Transform is a [stream.Transform] that adds what catalogues know at each row's
// position. Its catalogues are asked side by side. For each of its joins, a row
// gets, behind the columns that it has:
//
//	NAME_match       string   match, none, invalid or failed
//	NAME_separation  float64  arcseconds; null without a match
//	NAME_cause       string   why it failed; null otherwise
//	NAME_COLUMN               each of the catalogue's columns; null without a match
//
// No row is dropped, whatever fails: rows that are failed can be matched once
// more, by [Transform.Retry]. A row whose position is null is invalid.
//
// It may be used concurrently. Do not change it once it is in use.
type Transform struct {
	Joins []Join

	// RA and Dec name the columns of the position: float64, in ICRS degrees.
	// Empty: ra and dec.
	RA, Dec string
	// Epoch names the column of the time of observation, for catalogues whose
	// rows move: a timestamp, or float64 or int64 numbers, which by their size
	// are Julian years (1000 to 3000), modified Julian dates (10,000 to 100,000)
	// or Julian dates (2,400,000 to 2,500,000). Of other numbers and of nulls the
	// time is not known, and nothing is moved. Empty: event_time, if there is one
	// of these types.
	Epoch string

	// Memory is where columns come from; nil: that of compute.GetAllocator.
	Memory memory.Allocator
}

// Join is a catalogue, and what is wanted of it.
type Join struct {
	Name    string // begins the names of the columns
	Matcher Matcher
	Radius  Angle    // 0 to 180 degrees, or less if the matcher says so
	Columns []string // of the matcher's, in this order; nil: all
}

// Close closes the matcher if it is an io.Closer.
func (j Join) Close() error {
	if c, ok := j.Matcher.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

var _ stream.Transform = (*Transform)(nil)

// Apply implements stream.Transform. Its errors are the context's, or of
// catalogues or columns that are not as they should be, which are Permanent.
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

// Schema returns the schema that Match gives records of a schema.
func (t *Transform) Schema(s *arrow.Schema) (*arrow.Schema, error) {
	links, err := t.links()
	if err != nil {
		return nil, err
	}
	if _, err := t.place(s); err != nil {
		return nil, err
	}
	return widen(s, links)
}

// widen adds the columns of links to a schema.
func widen(s *arrow.Schema, links []link) (*arrow.Schema, error) {
	fields := slices.Clone(s.Fields())
	taken := make(map[string]bool, len(fields))
	for _, f := range fields {
		taken[f.Name] = true
	}
	for _, l := range links {
		for _, f := range l.fields {
			if taken[f.Name] {
				return nil, fmt.Errorf("crossmatch: there is a column %q already: give join %q another name, or leave that column out", f.Name, l.Name)
			}
			taken[f.Name] = true
			fields = append(fields, f)
		}
	}
	metadata := s.Metadata()
	return arrow.NewSchema(fields, &metadata), nil
}

// Match returns a record's rows with the columns of the joins. Whoever calls it
// releases the new record, and still the old one.
func (t *Transform) Match(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	links, p, err := t.question(rec)
	if err != nil {
		return nil, err
	}
	schema, err := widen(rec.Schema(), links)
	if err != nil {
		return nil, err
	}
	added := make(answers, len(links))
	defer added.release()
	err = t.each(ctx, len(links), func(ctx context.Context, i int) (err error) {
		added[i], err = links[i].ask(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(rec.Columns())
	for _, more := range added {
		columns = append(columns, more...)
	}
	return array.NewRecord(schema, columns, rec.NumRows()), nil
}

// question returns what is to be asked about a record: whom, and where.
func (t *Transform) question(rec arrow.Record) ([]link, Positions, error) {
	links, err := t.links()
	if err != nil {
		return nil, Positions{}, err
	}
	p, err := t.positions(rec)
	return links, p, err
}

// answers are the columns of each link.
type answers [][]arrow.Array

func (a answers) release() {
	for _, columns := range a {
		releaseAll(columns)
	}
}

// each calls f for numbers below n side by side, and returns the first error,
// which ends the others. A panic is the caller's, who may survive it.
func (t *Transform) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	parent := ctx
	if t.Memory != nil {
		ctx = compute.WithAllocator(ctx, t.Memory)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	panics := make([]any, n)
	for i := range n {
		wg.Go(func() {
			defer func() {
				if panics[i] = recover(); panics[i] != nil {
					cancel(context.Canceled)
				}
			}()
			if err := f(ctx, i); err != nil {
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

// columnsAt is where a schema has the columns of the position; epoch -1: nowhere.
type columnsAt struct{ ra, dec, epoch int }

func (t *Transform) place(s *arrow.Schema) (at columnsAt, err error) {
	if at.ra, err = find(s, "RA", t.RA, "ra"); err != nil {
		return at, err
	}
	if at.dec, err = find(s, "Dec", t.Dec, "dec"); err != nil {
		return at, err
	}
	for _, i := range []int{at.ra, at.dec} {
		if f := s.Field(i); f.Type.ID() != arrow.FLOAT64 {
			return at, fmt.Errorf("crossmatch: column %q is %v: positions must be float64, in degrees", f.Name, f.Type)
		}
	}
	at.epoch = -1
	if t.Epoch == "" {
		if i := s.FieldIndices("event_time"); len(i) > 0 && isTime(s.Field(i[0]).Type) {
			at.epoch = i[0]
		}
		return at, nil
	}
	if at.epoch, err = find(s, "Epoch", t.Epoch, ""); err != nil {
		return at, err
	}
	if f := s.Field(at.epoch); !isTime(f.Type) {
		return at, fmt.Errorf("crossmatch: column %q is %v: a time of observation must be a timestamp, float64 or int64", f.Name, f.Type)
	}
	return at, nil
}

func isTime(t arrow.DataType) bool {
	return t.ID() == arrow.TIMESTAMP || t.ID() == arrow.FLOAT64 || t.ID() == arrow.INT64
}

// find returns the number of a column, of the name that was set or else usual.
func find(s *arrow.Schema, set, name, usual string) (int, error) {
	if name == "" {
		name = usual
	}
	if i := s.FieldIndices(name); len(i) > 0 {
		return i[0], nil
	}
	return 0, fmt.Errorf("crossmatch: no column %q among %s: name the column in Transform.%s", name, names(s), set)
}

// positions returns those of a record's rows.
func (t *Transform) positions(rec arrow.Record) (p Positions, err error) {
	at, err := t.place(rec.Schema())
	if err != nil {
		return p, err
	}
	p.RA, p.Dec = degrees(rec.Column(at.ra)), degrees(rec.Column(at.dec))
	if at.epoch >= 0 {
		p.Epoch = epochs(rec.Column(at.epoch))
	}
	return p, nil
}

// degrees returns the values of a column of float64, and NaN for nulls.
func degrees(column arrow.Array) []float64 {
	a := column.(*array.Float64)
	if len(a.NullBitmapBytes()) == 0 {
		return a.Float64Values()
	}
	out := slices.Clone(a.Float64Values())
	for i := range out {
		if a.IsNull(i) {
			out[i] = math.NaN()
		}
	}
	return out
}

// names lists the columns of a schema, the first of them if they are many.
func names(s *arrow.Schema) string {
	const most = 20
	text := ""
	for i, f := range s.Fields() {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, s.NumFields()-most)
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
