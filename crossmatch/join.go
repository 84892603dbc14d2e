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

// link is a join that makes sense.
type link struct {
	Join
	schema *arrow.Schema // of the matcher; nil: it has no columns
	take   []int         // of its columns
	fields []arrow.Field // that are added
}

// A link's columns begin with these; the catalogue's follow.
const (
	matchColumn = iota
	separationColumn
	causeColumn
	ownColumns
)

func (t *Transform) links() ([]link, error) {
	if len(t.Joins) == 0 {
		return nil, errNoJoins
	}
	out := make([]link, len(t.Joins))
	for i, j := range t.Joins {
		var err error
		if out[i], err = j.link(); err != nil {
			return nil, fmt.Errorf("crossmatch: join %q: %w", j.Name, err)
		}
	}
	return out, nil
}

func (j Join) link() (link, error) {
	l := link{Join: j}
	switch {
	case j.Name == "":
		return l, errors.New("it has no name, with which its columns are to begin")
	case j.Matcher == nil:
		return l, errors.New("it has no Matcher")
	case !(j.Radius >= 0 && j.Radius <= 180):
		return l, fmt.Errorf("a radius of %v degrees: it is to be from 0 to 180", j.Radius.Degrees())
	}
	l.fields = []arrow.Field{
		{Name: j.Name + "_match", Type: arrow.BinaryTypes.String},
		{Name: j.Name + "_separation", Type: arrow.PrimitiveTypes.Float64},
		{Name: j.Name + "_cause", Type: arrow.BinaryTypes.String},
	}
	if l.schema = j.Matcher.Schema(); l.schema == nil {
		l.schema = arrow.NewSchema(nil, nil)
	}
	if j.Columns == nil {
		for i := range l.schema.NumFields() {
			l.take = append(l.take, i)
		}
	}
	for _, name := range j.Columns {
		at := l.schema.FieldIndices(name)
		if len(at) == 0 {
			return l, fmt.Errorf("its catalogue has no column %q: it has %s", name, names(l.schema))
		}
		l.take = append(l.take, at[0])
	}
	for _, i := range l.take {
		f := l.schema.Field(i)
		f.Name = j.Name + "_" + f.Name
		l.fields = append(l.fields, f)
	}
	for i := range l.fields {
		l.fields[i].Nullable = true
	}
	return l, nil
}

// ask returns the link's columns for positions.
func (l *link) ask(ctx context.Context, p Positions) ([]arrow.Array, error) {
	var a Answer
	var err error
	if c, ok := l.Matcher.(*Catalog); ok {
		buffer := matchBuffers.Get().(*[]Match)
		defer matchBuffers.Put(buffer)
		a, err = c.answer(ctx, (*buffer)[:0], p, l.Radius, l.wanted)
		if a.Matches != nil {
			*buffer = a.Matches[:0]
		}
	} else {
		a, err = l.askMatcher(ctx, p)
	}
	if a.Rows != nil {
		defer a.Rows.Release()
	}
	if err != nil {
		return nil, fmt.Errorf("crossmatch: join %q: %w", l.Name, err)
	}
	return l.columns(ctx, a), nil
}

// columns returns the link's columns of an answer, whose rows have those of the
// catalogue that are taken.
func (l *link) columns(ctx context.Context, a Answer) []arrow.Array {
	out := make([]arrow.Array, 0, len(l.fields))
	mem := compute.GetAllocator(ctx)
	out = append(out, statusColumn(mem, a.Matches), separations(mem, a.Matches), causes(mem, a))
	if a.Rows == nil {
		for _, f := range l.fields[ownColumns:] {
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

// matchBuffers keeps what is as large as a batch and not given away.
var matchBuffers = sync.Pool{New: func() any { return new([]Match) }}

// wanted returns a record of the columns that are taken.
func (l *link) wanted(rec arrow.Record) arrow.Record {
	fields, columns := make([]arrow.Field, len(l.take)), make([]arrow.Array, len(l.take))
	for i, at := range l.take {
		fields[i], columns[i] = rec.Schema().Field(at), rec.Column(at)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, rec.NumRows())
}

// askMatcher asks what is not of this package, and looks whether it keeps to
// the contract.
func (l *link) askMatcher(ctx context.Context, p Positions) (Answer, error) {
	a, err := l.Matcher.Nearest(ctx, p, l.Radius)
	rows := a.Rows
	a.Rows = nil
	if rows != nil {
		defer rows.Release()
	}
	n := len(p.RA)
	switch {
	case err != nil:
		return a, err
	case len(a.Matches) != n:
		return a, fmt.Errorf("%T answers %d of %d positions", l.Matcher, len(a.Matches), n)
	case len(l.take) == 0:
		return a, nil
	case rows == nil:
		if slices.ContainsFunc(a.Matches, func(m Match) bool { return m.Status == Matched }) {
			return a, fmt.Errorf("%T has a match and no rows", l.Matcher)
		}
		return a, nil
	case rows.NumRows() != int64(n):
		return a, fmt.Errorf("%T has %d rows for %d positions", l.Matcher, rows.NumRows(), n)
	}
	for _, at := range l.take {
		f := l.schema.Field(at)
		if at >= int(rows.NumCols()) || rows.ColumnName(at) != f.Name || !arrow.TypeEqual(rows.Column(at).DataType(), f.Type) {
			return a, fmt.Errorf("%T answers with columns %s, which are not those of its Schema: %q should be %v", l.Matcher, names(rows.Schema()), f.Name, f.Type)
		}
	}
	a.Rows = l.wanted(rows)
	return a, nil
}

// statusColumn is made of bytes: a builder would take as long as a search.
func statusColumn(mem memory.Allocator, matches []Match) arrow.Array {
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

func separations(mem memory.Allocator, matches []Match) arrow.Array {
	b := array.NewFloat64Builder(mem)
	defer b.Release()
	b.Reserve(len(matches))
	for _, m := range matches {
		if m.Status == Matched {
			b.UnsafeAppend(m.Separation.Arcseconds())
		} else {
			b.UnsafeAppendBoolToBitmap(false)
		}
	}
	return b.NewArray()
}

func causes(mem memory.Allocator, a Answer) arrow.Array {
	if !slices.ContainsFunc(a.Matches, isFailed) {
		return array.MakeArrayOfNull(mem, arrow.BinaryTypes.String, len(a.Matches))
	}
	cause := "the catalogue did not say why"
	if a.Cause != nil {
		cause = a.Cause.Error()
	}
	b := array.NewStringBuilder(mem)
	defer b.Release()
	b.Reserve(len(a.Matches))
	for _, m := range a.Matches {
		if isFailed(m) {
			b.Append(cause)
		} else {
			b.AppendNull()
		}
	}
	return b.NewArray()
}

func isFailed(m Match) bool { return m.Status == Failed }
