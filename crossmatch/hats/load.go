package hats

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// content is the rows of a partition and of its margin, in the order of the whole
// catalogue.
type content struct {
	catalog    *crossmatch.Catalog
	rows       crossmatch.Rows // without columns; shares the values of read that are float64 without nulls
	read       arrow.Record
	out        arrow.Record // the columns of answers; nil if there are none
	bytes      int64
	first, end int32 // the partition's own rows; the margin's are before and after
}

// close releases the content, which must not be in use.
func (p *content) close() {
	_ = p.catalog.Close() // cannot fail: it is in memory and has no columns
	p.read.Release()
	if p.out != nil {
		p.out.Release()
	}
}

// load reads a partition and its margin.
func (c *Catalog) load(ctx context.Context, partition int, more reserve) (*content, error) {
	ctx = compute.WithAllocator(ctx, c.mem)
	at := c.sky.partitions[partition]
	own, err := c.loadOwn(ctx, at, more)
	defer func() { releaseAll(own) }()
	if err != nil {
		return nil, err
	}
	before, after, err := c.loadMargin(ctx, partition, more)
	if err != nil {
		return nil, err
	}
	all, first := own, int64(0)
	if before != nil {
		defer before.Release()
		defer after.Release()
		first = before.NumRows()
		all = slices.Concat([]arrow.Record{before}, own, []arrow.Record{after})
	}
	p, err := c.newContent(all, more)
	if err != nil {
		return nil, fmt.Errorf("%s: partition %v: %w", c.main.path, at, err)
	}
	p.first, p.end = int32(first), int32(first+count(own))
	return p, nil
}

// loadOwn reads the rows of a partition without its margin, and checks that they
// are in their place.
func (c *Catalog) loadOwn(ctx context.Context, p partition, more reserve) ([]arrow.Record, error) {
	recs, err := c.loadFiles(ctx, c.main, p, more)
	if err != nil {
		return recs, err
	}
	return recs, c.checkPositions(p, recs)
}

// newContent indexes the rows of records, which it copies.
func (c *Catalog) newContent(recs []arrow.Record, more reserve) (p *content, err error) {
	read, err := join(c.read, recs, c.mem)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			read.Release()
		}
	}()
	p = &content{read: read, rows: crossmatch.Rows{Epoch: c.epoch}}
	added, err := c.setRows(p)
	if err != nil {
		return nil, err
	}
	if p.catalog, err = crossmatch.NewCatalog(p.rows); err != nil {
		return nil, err
	}
	added += p.catalog.Bytes()
	if err := more(added); err != nil {
		_ = p.catalog.Close()
		return nil, err
	}
	p.bytes = recordsize.Of(read) + added
	if c.schema != nil {
		columns := make([]arrow.Array, len(c.out))
		for i, column := range c.out {
			columns[i] = read.Column(column)
		}
		p.out = array.NewRecord(c.schema, columns, read.NumRows())
	}
	return p, nil
}

// setRows sets the positions and motions of a partition. It returns the bytes that
// it copied.
func (c *Catalog) setRows(p *content) (copied int64, err error) {
	for _, x := range []struct {
		to     *[]float64
		column int
	}{{&p.rows.RA, 0}, {&p.rows.Dec, 1}, {&p.rows.PMRA, c.motion[0]}, {&p.rows.PMDec, c.motion[1]}} {
		if x.column < 0 {
			continue
		}
		values, n, err := floats(p.read, x.column)
		if err != nil {
			return 0, err
		}
		*x.to = values
		copied += n
	}
	return copied, nil
}

// loadFiles reads the files of a partition, and checks that no rows are missing.
// The caller must release the records, those before an error too.
func (c *Catalog) loadFiles(ctx context.Context, d *directory, p partition, more reserve) (recs []arrow.Record, err error) {
	names, err := d.files(p)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if recs, err = c.loadFile(ctx, recs, name, more); err != nil {
			return recs, err
		}
	}
	if n := count(recs); p.rows >= 0 && n != p.rows {
		return recs, fmt.Errorf("%s: partition %v has %d rows, but partition_info.csv says %d: the catalogue is incomplete", d.path, p, n, p.rows)
	}
	return recs, nil
}

// loadFile appends the records of a file.
func (c *Catalog) loadFile(ctx context.Context, recs []arrow.Record, name string, more reserve) ([]arrow.Record, error) {
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
		if err := more(recordsize.Of(rec)); err != nil {
			return recs, fmt.Errorf("%s: %w", name, err)
		}
		rec.Retain()
		recs = append(recs, rec)
	}
	return recs, nil
}

// checkPositions returns an error if a row lies outside its partition.
func (c *Catalog) checkPositions(p partition, recs []arrow.Record) error {
	alone := sky{partitions: []partition{p}}
	row := int64(0)
	for _, rec := range recs {
		ra, dec, err := positions(rec)
		if err != nil {
			return err
		}
		for i, a := range ra {
			d := dec[i]
			if crossmatch.Valid(a, d) && find(alone.partitions, ang2pix(a, d)) < 0 &&
				len(alone.touched(nil, a, d, tolerance)) == 0 {
				return fmt.Errorf("%s: row %d of partition %v lies outside of it, at %v, %v: the catalogue is damaged, or was not partitioned by %s and %s",
					c.main.path, row+int64(i), p, a, d, c.read.Field(0).Name, c.read.Field(1).Name)
			}
		}
		row += rec.NumRows()
	}
	return nil
}

// loadMargin reads the margin of a partition: the rows before and after its own in
// the order of the catalogue. Both are nil if the partition has no margin.
func (c *Catalog) loadMargin(ctx context.Context, partition int, more reserve) (before, after arrow.Record, err error) {
	if c.margin == nil {
		return nil, nil, nil
	}
	at := c.sky.partitions[partition]
	number := find(c.margin.partitions, at.first())
	if number < 0 {
		return nil, nil, nil // no row is near it
	}
	recs, err := c.loadFiles(ctx, c.margin, c.margin.partitions[number], more)
	defer func() { releaseAll(recs) }()
	if err != nil {
		return nil, nil, fmt.Errorf("%w (in the margin; %s is the catalogue without it)", err, c.main.path)
	}
	all, err := join(c.read, recs, c.mem)
	if err != nil {
		return nil, nil, err
	}
	defer all.Release()
	low, high, err := c.split(partition, all)
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

// split splits the rows of a margin into those of partitions before the given one
// and after it.
func (c *Catalog) split(partition int, margin arrow.Record) (before, after []int32, err error) {
	ra, dec, err := positions(margin)
	if err != nil {
		return nil, nil, err
	}
	type row struct {
		owner  int
		number int32
	}
	var rows []row
	for i := range ra {
		if crossmatch.Valid(ra[i], dec[i]) {
			rows = append(rows, row{find(c.sky.partitions, ang2pix(ra[i], dec[i])), int32(i)})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.owner, b.owner) })
	for _, r := range rows {
		if r.owner < partition {
			before = append(before, r.number)
		} else {
			after = append(after, r.number)
		}
	}
	return before, after, nil
}

// positions returns the positions of a record that was read.
func positions(rec arrow.Record) (ra, dec []float64, err error) {
	if ra, _, err = floats(rec, 0); err != nil {
		return nil, nil, err
	}
	dec, _, err = floats(rec, 1)
	return ra, dec, err
}

// floats returns the values of a column, NaN for null, and how many bytes they
// take if they are a copy.
func floats(rec arrow.Record, column int) (values []float64, copied int64, err error) {
	if f, ok := rec.Column(column).(*array.Float64); ok && f.NullN() == 0 {
		return f.Float64Values(), 0, nil
	}
	values, err = table.Floats(rec, rec.ColumnName(column))
	return values, 8 * int64(len(values)), err
}

// join copies records into one.
func join(schema *arrow.Schema, recs []arrow.Record, mem memory.Allocator) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	parts := make([]arrow.Array, len(recs))
	for i, f := range schema.Fields() {
		if len(recs) == 0 {
			columns = append(columns, array.MakeArrayOfNull(mem, f.Type, 0))
			continue
		}
		for k, rec := range recs {
			parts[k] = rec.Column(i)
		}
		column, err := array.Concatenate(parts, mem)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		columns = append(columns, column)
	}
	return array.NewRecord(schema, columns, count(recs)), nil
}

func count(recs []arrow.Record) (rows int64) {
	for _, r := range recs {
		rows += r.NumRows()
	}
	return rows
}

func releaseAll(recs []arrow.Record) {
	for _, r := range recs {
		r.Release()
	}
}
