package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// boundJoin is a valid Join, with its columns resolved.
type boundJoin struct {
	Join
	schema  *arrow.Schema // of the matcher; empty if it has no columns
	columns []int         // the wanted columns, by number in schema; never nil
	fields  []arrow.Field // the fields that the join adds
}

// The first columns that a join adds; the catalogue's follow.
const (
	matchColumn = iota
	separationColumn
	causeColumn
	ownColumns
)

func (t *Transform) bind() ([]boundJoin, error) {
	if len(t.Joins) == 0 {
		return nil, errNoJoins
	}
	out := make([]boundJoin, len(t.Joins))
	for i, j := range t.Joins {
		var err error
		if out[i], err = j.bind(); err != nil {
			return nil, fmt.Errorf("crossmatch: join %q: %w", j.Name, err)
		}
	}
	return out, nil
}

func (j Join) bind() (boundJoin, error) {
	b := boundJoin{Join: j, columns: []int{}}
	switch {
	case j.Name == "":
		return b, errors.New("it has no name, which its columns' names begin with")
	case j.Matcher == nil:
		return b, errors.New("it has no Matcher")
	case !(j.Radius >= 0 && j.Radius <= 180):
		return b, fmt.Errorf("a radius of %v degrees: it must be from 0 to 180", j.Radius.Degrees())
	}
	b.fields = []arrow.Field{
		{Name: j.Name + "_match", Type: arrow.BinaryTypes.String},
		{Name: j.Name + "_separation", Type: arrow.PrimitiveTypes.Float64},
		{Name: j.Name + "_cause", Type: arrow.BinaryTypes.String},
	}
	if b.schema = j.Matcher.Schema(); b.schema == nil {
		b.schema = arrow.NewSchema(nil, nil)
	}
	if j.Columns == nil {
		for i := range b.schema.NumFields() {
			b.columns = append(b.columns, i)
		}
	}
	for _, name := range j.Columns {
		at := b.schema.FieldIndices(name)
		if len(at) == 0 {
			return b, fmt.Errorf("its catalogue has no column %q: it has %s", name, columnNames(b.schema))
		}
		b.columns = append(b.columns, at[0])
	}
	for _, i := range b.columns {
		f := b.schema.Field(i)
		f.Name = j.Name + "_" + f.Name
		b.fields = append(b.fields, f)
	}
	for i := range b.fields {
		b.fields[i].Nullable = true
	}
	return b, nil
}

// ask returns the columns that the join adds for positions.
func (j *boundJoin) ask(ctx context.Context, p Positions) ([]arrow.Array, error) {
	var a Answer
	var err error
	// Not an optional interface: a type that embeds a Catalog would have the
	// method too, and its own Nearest would be bypassed.
	if c, ok := j.Matcher.(*Catalog); ok {
		buffer := matchBuffers.Get().(*[]Match)
		defer matchBuffers.Put(buffer)
		a, err = c.answer(ctx, (*buffer)[:0], p, j.Radius, j.columns)
		if a.Matches != nil {
			*buffer = a.Matches[:0]
		}
	} else {
		a, err = j.askMatcher(ctx, p)
	}
	if a.Rows != nil {
		defer a.Rows.Release()
	}
	if err != nil {
		return nil, fmt.Errorf("crossmatch: join %q: %w", j.Name, err)
	}
	return j.added(ctx, a), nil
}

// matchBuffers holds slices of matches, which are as large as a batch, for reuse.
var matchBuffers = sync.Pool{New: func() any { return new([]Match) }}

// added returns the columns that the join adds for an answer, whose rows have the
// wanted columns only.
func (j *boundJoin) added(ctx context.Context, a Answer) []arrow.Array {
	out := make([]arrow.Array, 0, len(j.fields))
	mem := compute.GetAllocator(ctx)
	out = append(out, newStatusColumn(mem, a.Matches), newSeparationColumn(mem, a.Matches), newCauseColumn(mem, a))
	if a.Rows == nil {
		for _, f := range j.fields[ownColumns:] {
			out = append(out, array.MakeArrayOfNull(mem, f.Type, len(a.Matches)))
		}
		return out
	}
	for _, c := range a.Rows.Columns() {
		c.Retain()
		out = append(out, c)
	}
	return out
}

// askMatcher calls Nearest and selects the wanted columns.
func (j *boundJoin) askMatcher(ctx context.Context, p Positions) (Answer, error) {
	a, err := j.Matcher.Nearest(ctx, p, j.Radius)
	rows := a.Rows
	a.Rows = nil
	if rows != nil {
		defer rows.Release()
	}
	if err == nil {
		err = j.check(a.Matches, rows, len(p.RA), false)
	}
	if err == nil && rows != nil {
		a.Rows = selectColumns(rows, j.columns)
	}
	return a, err
}

// check returns an error if a matcher breaks its contract: n matches and rows, which
// have all columns of its schema or, if selected, the wanted ones only.
func (j *boundJoin) check(matches []Match, rows arrow.Record, n int, selected bool) error {
	switch {
	case len(matches) != n:
		return fmt.Errorf("%T returned %d matches for %d positions", j.Matcher, len(matches), n)
	case len(j.columns) == 0:
		return nil
	case rows == nil:
		if hasStatus(matches, StatusMatch) {
			return fmt.Errorf("%T returned a match but no rows", j.Matcher)
		}
		return nil
	case rows.NumRows() != int64(n):
		return fmt.Errorf("%T returned %d rows for %d positions", j.Matcher, rows.NumRows(), n)
	}
	for k, i := range j.columns {
		f := j.schema.Field(i)
		if selected {
			i = k
		}
		if i >= int(rows.NumCols()) || rows.ColumnName(i) != f.Name || !arrow.TypeEqual(rows.Column(i).DataType(), f.Type) {
			return fmt.Errorf("%T returned columns %s, which differ from its Schema: %q should be %v", j.Matcher, columnNames(rows.Schema()), f.Name, f.Type)
		}
	}
	return nil
}

func hasStatus(matches []Match, s Status) bool {
	return slices.ContainsFunc(matches, func(m Match) bool { return m.Status == s })
}

// newStatusColumn writes the buffers itself: a builder would take as long as the search.
func newStatusColumn(mem memory.Allocator, matches []Match) arrow.Array {
	offsets := memory.NewResizableBuffer(mem)
	defer offsets.Release()
	offsets.Resize(4 * (len(matches) + 1))
	ends := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
	ends[0] = 0
	size := 0
	for i := range matches {
		size += len(matches[i].Status.String())
		ends[i+1] = int32(size)
	}
	text := memory.NewResizableBuffer(mem)
	defer text.Release()
	text.Resize(size)
	to := text.Bytes()
	for i := range matches {
		to = to[copy(to, matches[i].Status.String()):]
	}
	data := array.NewData(arrow.BinaryTypes.String, len(matches), []*memory.Buffer{nil, offsets, text}, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func newSeparationColumn(mem memory.Allocator, matches []Match) arrow.Array {
	b := array.NewFloat64Builder(mem)
	defer b.Release()
	b.Reserve(len(matches))
	for _, m := range matches {
		if m.Status == StatusMatch {
			b.UnsafeAppend(m.Separation.Arcseconds())
		} else {
			b.UnsafeAppendBoolToBitmap(false)
		}
	}
	return b.NewArray()
}

func newCauseColumn(mem memory.Allocator, a Answer) arrow.Array {
	if !hasStatus(a.Matches, StatusFailed) {
		return array.MakeArrayOfNull(mem, arrow.BinaryTypes.String, len(a.Matches))
	}
	cause := "the catalogue gave no cause"
	if a.Cause != nil {
		cause = a.Cause.Error()
	}
	b := array.NewStringBuilder(mem)
	defer b.Release()
	b.Reserve(len(a.Matches))
	for _, m := range a.Matches {
		if m.Status == StatusFailed {
			b.Append(cause)
		} else {
			b.AppendNull()
		}
	}
	return b.NewArray()
}
