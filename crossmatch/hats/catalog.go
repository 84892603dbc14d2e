package hats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// Options configure a catalogue. The zero value is valid.
type Options struct {
	// RA and Dec name the position's columns, by which the catalogue was
	// partitioned. If empty, they are those in the catalogue's properties.
	RA, Dec string
	// Columns are the columns of Answer.Rows, in order. If nil, they are the
	// catalogue's default columns or, if it names none, all. If empty but not nil,
	// there are none.
	Columns []string

	// PMRA and PMDec name the columns of the proper motion, in mas a year; PMRA
	// includes the cosine of the declination. If empty, rows do not move.
	PMRA, PMDec string
	// Epoch of the catalogue's positions, a Julian year between 1000 and 3000.
	// Required with PMRA and PMDec.
	Epoch float64

	// CacheBytes bounds the memory of loaded partitions. If zero, 1 GiB.
	CacheBytes int64
}

// Catalog is a catalogue in a directory. It may be used concurrently.
type Catalog struct {
	main, margin *directory // margin may be nil
	sky          sky
	cache        *cache
	mem          memory.Allocator

	options table.Options // for partition files
	read    *arrow.Schema // of the columns read: those of the position come first
	out     []int         // columns of read that answers have
	motion  [2]int        // columns of read with proper motions, or -1
	schema  *arrow.Schema // of answers; nil if they have no columns
	epoch   float64
}

var _ crossmatch.Matcher = (*Catalog)(nil)

// Open opens a HATS collection or catalogue. It reads metadata only. The caller
// must close the catalogue.
func Open(dir string, o Options) (*Catalog, error) {
	c, err := open(dir, o, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("hats: %w", err)
	}
	return c, nil
}

func open(dir string, o Options, mem memory.Allocator) (*Catalog, error) {
	if o.CacheBytes < 0 {
		return nil, fmt.Errorf("%s: Options.CacheBytes is %d", dir, o.CacheBytes)
	}
	if (o.PMRA == "") != (o.PMDec == "") {
		return nil, fmt.Errorf("%s: Options has PMRA %q and PMDec %q: name both or neither", dir, o.PMRA, o.PMDec)
	}
	if o.PMRA != "" && !isEpoch(o.Epoch) {
		return nil, fmt.Errorf("%s: proper motions need Options.Epoch, the Julian year of the positions, between 1000 and 3000: it is %v", dir, o.Epoch)
	}
	c := &Catalog{epoch: o.Epoch, mem: mem, cache: newCache(cmp.Or(o.CacheBytes, 1<<30))}
	var err error
	if c.main, c.margin, err = openDirectories(dir); err != nil {
		return nil, err
	}
	switch k := c.main.kind(); k {
	case "margin", "index", "association", "map":
		return nil, fmt.Errorf("%s: it is of the type %s, not a catalogue of positions: give the directory of the catalogue or of the collection", c.main.path, k)
	}
	c.sky.partitions = c.main.partitions
	if c.margin != nil {
		if c.sky.margin, err = c.margin.threshold(); err != nil {
			return nil, err
		}
	}
	return c, c.choose(o)
}

// choose decides which columns are read and which answers have.
func (c *Catalog) choose(o Options) error {
	c.options = table.Options{Format: table.Parquet, RA: o.RA, Dec: o.Dec, Memory: c.mem}
	if o.RA == "" && o.Dec == "" {
		c.options.RA, c.options.Dec = c.main.properties["hats_col_ra"], c.main.properties["hats_col_dec"]
	}
	var motion []string
	if o.PMRA != "" {
		motion = []string{o.PMRA, o.PMDec}
	}
	if o.Columns != nil {
		c.options.Columns = slices.Concat(o.Columns, motion)
	}
	t, err := c.openAny()
	if err != nil {
		return err
	}
	defer t.Close()
	wanted := o.Columns
	if wanted == nil {
		wanted = c.defaultColumns(t.Schema())
	}
	columns, err := c.readColumns(t, slices.Concat(wanted, motion))
	if err != nil {
		return err
	}
	var fields []arrow.Field
	for _, i := range columns[:len(wanted)] {
		if !slices.Contains(c.out, i) {
			c.out, fields = append(c.out, i), append(fields, c.read.Field(i))
		}
	}
	if fields != nil {
		c.schema = arrow.NewSchema(fields, nil)
	}
	if c.motion = [2]int{-1, -1}; motion != nil {
		c.motion = [2]int(columns[len(wanted):])
	}
	return nil
}

// defaultColumns returns the readable ones of the catalogue's default columns, or
// all columns if there are none.
func (c *Catalog) defaultColumns(s *arrow.Schema) (names []string) {
	text := c.main.properties["hats_cols_default"]
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		if _, err := table.Find(s, name); err == nil {
			names = append(names, name)
		}
	}
	if names == nil {
		for _, f := range s.Fields() {
			names = append(names, f.Name)
		}
	}
	return names
}

// readColumns sets the columns to read of each partition: the position and then
// the given ones of table t. It returns the number of each in c.read.
func (c *Catalog) readColumns(t *table.Table, columns []string) (at []int, err error) {
	ra, dec := t.Position()
	c.options.RA, c.options.Dec, c.options.Columns = ra, dec, []string{}
	var fields []arrow.Field
	for _, name := range slices.Concat([]string{ra, dec}, columns) {
		i, err := table.Find(t.Schema(), name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.main.path, err)
		}
		f := t.Schema().Field(i)
		known := slices.IndexFunc(fields, func(has arrow.Field) bool { return has.Name == f.Name })
		if known < 0 {
			known = len(fields)
			f.Nullable = true
			if fields = append(fields, f); known >= 2 {
				c.options.Columns = append(c.options.Columns, f.Name)
			}
		}
		at = append(at, known)
	}
	c.read = arrow.NewSchema(fields, nil)
	return at[2:], nil
}

// openAny opens a file with the columns of all partitions: _common_metadata or, if
// there is none, a file of the first partition.
func (c *Catalog) openAny() (*table.Table, error) {
	t, err := table.Open(filepath.Join(c.main.path, "dataset", "_common_metadata"), c.options)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if len(c.main.partitions) == 0 {
		return nil, fmt.Errorf("%s: it has no partitions", c.main.path)
	}
	files, err := c.main.files(c.main.partitions[0])
	if err != nil {
		return nil, err
	}
	return table.Open(files[0], c.options)
}

// Schema implements crossmatch.Matcher.
func (c *Catalog) Schema() *arrow.Schema { return c.schema }

// Close releases the loaded partitions; those in use are released after their
// use. Later calls of Nearest fail with fs.ErrClosed. Answers remain valid.
func (c *Catalog) Close() error {
	c.cache.close()
	return nil
}

// Nearest implements crossmatch.Matcher.
func (c *Catalog) Nearest(ctx context.Context, p crossmatch.Positions, radius crossmatch.Angle) (crossmatch.Answer, error) {
	if err := p.Check(radius); err != nil {
		return crossmatch.Answer{}, err
	}
	q := &query{catalog: c, positions: p, radius: radius}
	defer func() { releaseAll(q.rows) }()
	rows, err := q.run(ctx)
	if err != nil {
		return crossmatch.Answer{}, fmt.Errorf("hats: %w", err)
	}
	return crossmatch.Answer{Matches: q.matches, Rows: rows, Cause: q.cause()}, nil
}
