package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/crossmatch/hats"
	"github.com/skyfinch/skyfinch/crossmatch/table"
	"github.com/skyfinch/skyfinch/internal/regular"
)

// DefaultRadius is the search radius of a Spec without one.
const DefaultRadius = 1.5 * crossmatch.Arcsecond

// Options configure how catalogues are opened. Zero fields have defaults.
type Options struct {
	IndexDir   string      // where indices of tables are kept; if empty, tables are read into memory
	CacheBytes int64       // limit of memory for the loaded partitions of a HATS catalogue; if zero, 1 GiB
	Service    cds.Service // for tables of the CDS
	Batch      int         // maximum number of positions in a request to the CDS; if zero, 10,000

	Progress func(name string, rows int64) // if not nil, called while a table is read
	Note     func(text string)             // if not nil, called with a line about each index that is used
}

// Open parses a specification, such as "gcvs=gcvs.fits?radius=1.5&columns=Type",
// and opens its catalogue. The caller must close the join.
func Open(ctx context.Context, spec string, o Options) (crossmatch.Join, error) {
	s, err := Parse(spec)
	if err != nil {
		return crossmatch.Join{}, fmt.Errorf("catalog: %w", err)
	}
	return s.Open(ctx, o)
}

// Open opens the catalogue. The caller must close the join.
func (s Spec) Open(ctx context.Context, o Options) (crossmatch.Join, error) {
	s.Name = cmp.Or(s.Name, nameOf(s.Where))
	j := crossmatch.Join{Name: s.Name, Radius: s.Radius}
	if !s.HasRadius {
		j.Radius = cmp.Or(s.Radius, DefaultRadius)
	}
	err := s.Check()
	if err == nil {
		err = s.open(ctx, o, &j)
	}
	if err != nil {
		return crossmatch.Join{}, fmt.Errorf("catalog %s: %w", s.Name, err)
	}
	return j, nil
}

// open sets the join's matcher and columns.
func (s Spec) open(ctx context.Context, o Options, j *crossmatch.Join) error {
	if s.Remote() {
		fields, err := s.fields()
		j.Matcher = &cds.Client{Table: strings.TrimPrefix(s.Where, "cds:"), Fields: fields, Batch: o.Batch, Service: o.Service}
		return err
	}
	info, err := os.Stat(s.Where)
	if err != nil {
		return err
	}
	if info.IsDir() {
		j.Matcher, err = s.openHATS(o)
		return err
	}
	if !info.Mode().IsRegular() { // opening a pipe waits for its writer
		return fmt.Errorf("%s: not a regular file: others cannot be read twice", s.Where)
	}
	c, err := s.openFile(ctx, o)
	if err != nil {
		return err
	}
	j.Matcher = c
	if s.Columns != nil {
		if j.Columns, err = columnsOf(c, s.Columns); err != nil {
			c.Close()
		}
	}
	return err
}

func (s Spec) openHATS(o Options) (crossmatch.Matcher, error) {
	if s.Size != "" {
		return nil, errors.New("option size is for catalogues that are files")
	}
	return hats.Open(s.Where, hats.Options{
		RA: s.RA, Dec: s.Dec, Columns: s.Columns,
		PMRA: s.PMRA, PMDec: s.PMDec, Epoch: s.Epoch, CacheBytes: o.CacheBytes,
	})
}

// openFile opens an index or a table, which it reads into memory or into an index.
func (s Spec) openFile(ctx context.Context, o Options) (*crossmatch.Catalog, error) {
	index, err := isIndex(s.Where)
	switch {
	case err != nil:
		return nil, err
	case index && s.RA+s.PMRA+s.Size != "":
		return nil, fmt.Errorf("%s is an index, which was made with its options: only radius and columns can be set", s.Where)
	case index:
		return s.openIndex(o)
	case o.IndexDir == "":
		return s.load(ctx, o)
	}
	return s.openIndexed(ctx, o)
}

func isIndex(name string) (bool, error) {
	f, err := regular.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [64]byte
	n, _ := io.ReadFull(f, head[:]) // an unreadable file is not an index
	return crossmatch.IsIndex(head[:n]), nil
}

// columnsOf returns the names of columns as the catalogue has them, whose case may
// differ.
func columnsOf(c *crossmatch.Catalog, columns []string) (out []string, err error) {
	if c.Schema() == nil {
		return nil, errors.New("it has no columns: leave out columns=")
	}
	for _, name := range columns {
		at, err := table.Find(c.Schema(), name)
		if err != nil {
			return nil, err
		}
		out = append(out, c.Schema().Field(at).Name)
	}
	return out, nil
}

// load reads a table into memory.
func (s Spec) load(ctx context.Context, o Options) (*crossmatch.Catalog, error) {
	read := table.Options{RA: s.RA, Dec: s.Dec, Columns: s.reads()}
	if o.Progress != nil {
		read.Progress = func(rows int64) { o.Progress(s.Name, rows) }
	}
	t, err := table.Open(s.Where, read)
	if err != nil {
		if s.RA == "" && errors.Is(err, table.ErrNoPosition) {
			err = fmt.Errorf("%w, with ra=NAME&dec=NAME", err)
		}
		return nil, err
	}
	defer t.Close()
	return s.Load(ctx, t)
}

// Load reads an open table into memory. It uses the fields Columns, Size,
// SizeUnit, PMRA, PMDec and Epoch, and Where in errors; the columns of the
// position are those of the table. The caller must close the catalogue.
func (s Spec) Load(ctx context.Context, t *table.Table) (*crossmatch.Catalog, error) {
	all, err := t.ReadAll(ctx)
	if err != nil {
		return nil, err
	}
	defer all.Release()
	rows, err := s.rows(all, t)
	if err == nil {
		defer rows.Columns.Release()
		var c *crossmatch.Catalog
		if c, err = crossmatch.NewCatalog(rows); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", cmp.Or(s.Where, "catalog"), err)
}

// reads returns the columns to read besides the position, nil for all.
func (s Spec) reads() []string {
	if s.Columns == nil {
		return nil
	}
	out := slices.Clone(s.Columns)
	for _, more := range []string{s.PMRA, s.PMDec, s.Size} {
		if more != "" {
			out = append(out, more)
		}
	}
	return out
}

// rows returns the rows of a catalogue. The caller must release their Columns.
func (s Spec) rows(all arrow.Record, t *table.Table) (crossmatch.Rows, error) {
	rows := crossmatch.Rows{Epoch: s.Epoch}
	ra, dec := t.Position()
	var sizes []float64
	for _, x := range []struct {
		to   *[]float64
		name string
	}{{&rows.RA, ra}, {&rows.Dec, dec}, {&rows.PMRA, s.PMRA}, {&rows.PMDec, s.PMDec}, {&sizes, s.Size}} {
		if x.name == "" {
			continue
		}
		var err error
		if *x.to, err = table.Floats(all, x.name); err != nil {
			return rows, err
		}
	}
	if s.Size != "" {
		rows.Radius = make([]crossmatch.Angle, len(sizes))
	}
	unit := cmp.Or(s.SizeUnit, crossmatch.Arcsecond)
	for i, size := range sizes {
		r := crossmatch.Angle(size) * unit
		if r < 0 || r > 180*crossmatch.Degree {
			return rows, fmt.Errorf("row %d has %v in column %q, which times %varcsec is not a radius from 0 to 180 degrees: name another column or unit in size, or leave the cell empty for the radius of the search", i+1, size, s.Size, unit.Arcseconds())
		}
		rows.Radius[i] = r
	}
	var err error
	rows.Columns, err = project(all, s.Columns)
	return rows, err
}

// project returns a record of some columns, or of all if columns is nil.
func project(rec arrow.Record, columns []string) (arrow.Record, error) {
	if columns == nil {
		rec.Retain()
		return rec, nil
	}
	fields, arrays := make([]arrow.Field, len(columns)), make([]arrow.Array, len(columns))
	for i, name := range columns {
		at, err := table.Find(rec.Schema(), name)
		if err != nil {
			return nil, err
		}
		fields[i], arrays[i] = rec.Schema().Field(at), rec.Column(at)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, rec.NumRows()), nil
}
