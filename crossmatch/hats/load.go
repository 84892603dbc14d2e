package hats

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// content is the rows of a partition in memory, with those of its margin, in the
// order that they have in the whole catalogue.
type content struct {
	catalog *crossmatch.Catalog
	rows    crossmatch.Rows // without columns; slices of read, where it has no nulls
	read    arrow.Record
	out     arrow.Record // what is given with a row; nil: nothing
	bytes   int64

	first, end int32 // of its own rows; the margin's are before and behind
}

// close gives back what it has. Nobody may search it.
func (p *content) close() {
	_ = p.catalog.Close() // which is in memory, and has no columns
	p.read.Release()
	if p.out != nil {
		p.out.Release()
	}
}

// load reads a partition.
func (c *Catalog) load(ctx context.Context, partition int, room room) (p *content, err error) {
	ctx = compute.WithAllocator(ctx, c.mem)
	at := c.sky.partitions[partition]
	own, err := c.loadFiles(ctx, c.main, at, room)
	defer func() { releaseAll(own) }()
	if err != nil {
		return nil, err
	}
	if n := count(own); at.rows >= 0 && n != at.rows {
		return nil, fmt.Errorf("%s: partition %v has %d rows, but partition_info.csv says %d: the catalogue is not whole", c.main.path, at, n, at.rows)
	}
	if err := c.checkPlaces(ctx, at, own); err != nil {
		return nil, err
	}
	all, first := own, int64(0)
	if before, after, err := c.loadMargin(ctx, partition, room); err != nil {
		return nil, err
	} else if before != nil {
		defer before.Release()
		defer after.Release()
		first = before.NumRows()
		all = slices.Concat([]arrow.Record{before}, own, []arrow.Record{after})
	}
	read, err := join(c.read, all, c.mem)
	if err != nil {
		return nil, fmt.Errorf("%s: partition %v: %w", c.main.path, at, err)
	}
	p, err = c.newContent(ctx, read, room)
	if err != nil {
		read.Release()
		return nil, fmt.Errorf("%s: partition %v: %w", c.main.path, at, err)
	}
	p.first, p.end = int32(first), int32(first+count(own))
	return p, nil
}

// newContent takes over what was read.
func (c *Catalog) newContent(ctx context.Context, read arrow.Record, room room) (*content, error) {
	p := &content{read: read, rows: crossmatch.Rows{Epoch: c.epoch}}
	rest := int64(0)
	for _, x := range []struct {
		to    *[]float64
		field int
	}{{&p.rows.RA, 0}, {&p.rows.Dec, 1}, {&p.rows.PMRA, c.motion[0]}, {&p.rows.PMDec, c.motion[1]}} {
		if x.field < 0 {
			continue
		}
		values, copied, err := floats(ctx, read.Column(x.field))
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.read.Field(x.field).Name, err)
		}
		*x.to = values
		rest += copied
	}
	var err error
	if p.catalog, err = crossmatch.NewCatalog(p.rows); err != nil {
		return nil, err
	}
	rest += p.catalog.Bytes()
	if err := room(rest); err != nil {
		_ = p.catalog.Close()
		return nil, err
	}
	p.bytes = bytesOf(read) + rest
	if c.schema != nil {
		columns := make([]arrow.Array, len(c.out))
		for i, field := range c.out {
			columns[i] = read.Column(field)
		}
		p.out = array.NewRecord(c.schema, columns, read.NumRows())
	}
	return p, nil
}

// loadFiles reads the records of a partition.
func (c *Catalog) loadFiles(ctx context.Context, d *directory, p partition, room room) (recs []arrow.Record, err error) {
	names, err := d.files(p)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if recs, err = c.loadFile(ctx, recs, name, room); err != nil {
			return recs, err
		}
	}
	return recs, nil
}

func (c *Catalog) loadFile(ctx context.Context, recs []arrow.Record, name string, room room) ([]arrow.Record, error) {
	t, err := table.Open(name, c.options)
	if err != nil {
		return recs, err
	}
	defer t.Close()
	for i, f := range t.Schema().Fields() {
		if want := c.read.Field(i); f.Name != want.Name || !arrow.TypeEqual(f.Type, want.Type) {
			return recs, fmt.Errorf("%s: column %q is %s, but %q and %s elsewhere in the catalogue", name, f.Name, f.Type, want.Name, want.Type)
		}
	}
	for rec, err := range t.Records(ctx) {
		if err != nil {
			return recs, err
		}
		if err := room(bytesOf(rec)); err != nil {
			return recs, fmt.Errorf("%s: %w", name, err)
		}
		rec.Retain()
		recs = append(recs, rec)
	}
	return recs, nil
}

// checkPlaces returns an error for rows that lie outside of their partition.
func (c *Catalog) checkPlaces(ctx context.Context, p partition, recs []arrow.Record) error {
	alone := sky{partitions: []partition{p}}
	row := int64(0)
	for _, rec := range recs {
		ra, dec, err := places(ctx, rec)
		if err != nil {
			return err
		}
		for i, a := range ra {
			d := dec[i]
			if crossmatch.Valid(a, d) && find(alone.partitions, ang2pix(a, d)) < 0 &&
				len(alone.touched(nil, a, d, slack)) == 0 {
				return fmt.Errorf("%s: row %d of partition %v lies outside of it, at %v, %v: the catalogue is damaged, or was not divided by %s and %s",
					c.main.path, row+int64(i), p, a, d, c.read.Field(0).Name, c.read.Field(1).Name)
			}
		}
		row += rec.NumRows()
	}
	return nil
}

// loadMargin reads the rows beside a partition: those that stand before its own in the
// catalogue, and those that stand behind. Both are nil if there are none.
func (c *Catalog) loadMargin(ctx context.Context, partition int, room room) (before, after arrow.Record, err error) {
	if c.margin == nil {
		return nil, nil, nil
	}
	at := c.sky.partitions[partition]
	if find(c.margin.partitions, at.first()) < 0 {
		return nil, nil, nil // nothing is beside it
	}
	recs, err := c.loadFiles(ctx, c.margin, at, room)
	defer func() { releaseAll(recs) }()
	if err != nil {
		return nil, nil, fmt.Errorf("%w (of the margin; %s is the catalogue without it)", err, c.main.path)
	}
	all, err := join(c.read, recs, c.mem)
	if err != nil {
		return nil, nil, err
	}
	defer all.Release()
	low, high, err := c.sides(ctx, partition, all)
	if err != nil {
		return nil, nil, err
	}
	if before, err = crossmatch.Take(ctx, all, low); err != nil {
		return nil, nil, err
	}
	if after, err = crossmatch.Take(ctx, all, high); err != nil {
		before.Release()
		return nil, nil, err
	}
	return before, after, nil
}

// sides returns the rows of partitions before one, and of those behind it.
func (c *Catalog) sides(ctx context.Context, partition int, margin arrow.Record) (before, after []crossmatch.Match, err error) {
	ra, dec, err := places(ctx, margin)
	if err != nil {
		return nil, nil, err
	}
	type row struct{ owner, number int }
	var rows []row
	for i := range ra {
		if crossmatch.Valid(ra[i], dec[i]) {
			rows = append(rows, row{find(c.sky.partitions, ang2pix(ra[i], dec[i])), i})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.owner, b.owner) })
	for _, r := range rows {
		if m := (crossmatch.Match{Row: int32(r.number), Status: crossmatch.Matched}); r.owner < partition {
			before = append(before, m)
		} else {
			after = append(after, m)
		}
	}
	return before, after, nil
}

// places returns the positions of a record.
func places(ctx context.Context, rec arrow.Record) (ra, dec []float64, err error) {
	if ra, _, err = floats(ctx, rec.Column(0)); err != nil {
		return nil, nil, err
	}
	dec, _, err = floats(ctx, rec.Column(1))
	return ra, dec, err
}

// floats returns the values of a column, NaN for null, and how many bytes they
// take beside the column.
func floats(ctx context.Context, a arrow.Array) (values []float64, bytes int64, err error) {
	if f, ok := a.(*array.Float64); ok && f.NullN() == 0 {
		return f.Float64Values(), 0, nil
	}
	cast, err := compute.CastArray(ctx, a, compute.SafeCastOptions(arrow.PrimitiveTypes.Float64))
	if err != nil {
		return nil, 0, err
	}
	defer cast.Release()
	values = make([]float64, cast.Len())
	copy(values, cast.(*array.Float64).Float64Values())
	for i := range values {
		if cast.IsNull(i) {
			values[i] = math.NaN()
		}
	}
	return values, 8 * int64(len(values)), nil
}

func count(recs []arrow.Record) (n int64) {
	for _, r := range recs {
		n += r.NumRows()
	}
	return n
}

// bytesOf returns how much memory a record takes.
func bytesOf(rec arrow.Record) (n int64) {
	for _, c := range rec.Columns() {
		n += dataBytes(c.Data())
	}
	return n
}

func dataBytes(d arrow.ArrayData) (n int64) {
	for _, b := range d.Buffers() {
		if b != nil {
			n += int64(b.Cap())
		}
	}
	for _, child := range d.Children() {
		n += dataBytes(child)
	}
	return n
}

func releaseAll(recs []arrow.Record) {
	for _, r := range recs {
		r.Release()
	}
}
