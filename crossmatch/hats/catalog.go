package hats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// Options say how a catalogue is used. The zero value finds all in it.
type Options struct {
	// RA and Dec name the columns of the position, by which partitions were made.
	// Empty: those that the catalogue says.
	RA, Dec string
	// Columns that are given with what is found, in this order. Nil: those that
	// the catalogue proposes, or else all. Empty: none.
	Columns []string

	// PMRA and PMDec name columns of proper motions in mas a year, that in right
	// ascension with the cosine of the declination. Empty: rows do not move.
	PMRA, PMDec string
	// Epoch of the positions in Julian years, which proper motions need.
	Epoch float64

	// CacheBytes is how much memory loaded partitions may take; 0: 1 GiB.
	CacheBytes int64
}

// Catalog is a catalogue in a directory. It may be used concurrently.
type Catalog struct {
	main, margin *directory // no margin: nil
	sky          sky
	cache        *cache
	mem          memory.Allocator

	options table.Options // to read partitions by
	read    *arrow.Schema // of what is read: the columns of the position, and then the others
	out     []int         // the columns of that which are given with what is found
	motion  [2]int        // those of proper motions, or -1
	schema  *arrow.Schema // nil: no columns
	epoch   float64
}

var _ crossmatch.Matcher = (*Catalog)(nil)

// Open opens a HATS collection or catalogue. No rows are read yet. Close it.
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
	if o.PMRA != "" && !(math.Abs(o.Epoch-2000) < 1000) {
		return nil, fmt.Errorf("%s: proper motions need Options.Epoch, the Julian year of the positions: it is %v", dir, o.Epoch)
	}
	c := &Catalog{epoch: o.Epoch, mem: mem, cache: newCache(cmp.Or(o.CacheBytes, 1<<30))}
	var err error
	if c.main, c.margin, err = openDirectories(dir); err != nil {
		return nil, err
	}
	switch k := c.main.kind(); k {
	case "margin", "index", "association", "map":
		return nil, fmt.Errorf("%s: it is of the type %s, no catalogue of positions: give the directory of that, or of the collection", c.main.path, k)
	}
	c.sky.partitions = c.main.partitions
	if c.margin != nil {
		if c.sky.margin, err = c.margin.threshold(); err != nil {
			return nil, err
		}
	}
	return c, c.choose(o)
}

// choose finds the columns that are to be read, and given.
func (c *Catalog) choose(o Options) error {
	c.options = table.Options{Format: table.Parquet, RA: o.RA, Dec: o.Dec, Columns: o.Columns, Memory: c.mem}
	if o.RA == "" && o.Dec == "" {
		c.options.RA, c.options.Dec = c.main.properties["hats_col_ra"], c.main.properties["hats_col_dec"]
	}
	motion := []string{o.PMRA, o.PMDec}
	if o.PMRA == "" {
		motion = nil
	}
	if c.options.Columns = o.Columns; o.Columns != nil {
		c.options.Columns = slices.Concat(o.Columns, motion)
	}
	t, err := c.openAny()
	if err != nil {
		return err
	}
	defer t.Close()
	given := o.Columns
	if given == nil {
		given = c.proposed(t.Schema())
	}
	columns, err := c.readColumns(t, slices.Concat(given, motion))
	if err != nil {
		return err
	}
	var fields []arrow.Field
	for _, i := range columns[:len(given)] {
		if !slices.Contains(c.out, i) {
			c.out, fields = append(c.out, i), append(fields, c.read.Field(i))
		}
	}
	if fields != nil {
		c.schema = arrow.NewSchema(fields, nil)
	}
	if c.motion = [2]int{-1, -1}; motion != nil {
		c.motion = [2]int(columns[len(given):])
	}
	return nil
}

// proposed returns the columns that the catalogue proposes, but those that
// cannot be read, or else all.
func (c *Catalog) proposed(s *arrow.Schema) (names []string) {
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

// readColumns settles that columns of this table are read of each partition,
// behind those of the position. It returns the number of each among what is read.
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

// openAny opens a file that has the columns of all partitions: the one that is
// for that, or else the first partition's.
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

// Close lets go of what is loaded; of what is in use when that is done. Questions
// that come later fail with fs.ErrClosed. The rows of answers are copies, and stay.
func (c *Catalog) Close() error {
	c.cache.close()
	return nil
}

// Nearest implements crossmatch.Matcher.
func (c *Catalog) Nearest(ctx context.Context, p crossmatch.Positions, radius crossmatch.Angle) (crossmatch.Answer, error) {
	if err := c.cache.isOpen(); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("hats: %w", err)
	}
	if err := p.Check(radius); err != nil {
		return crossmatch.Answer{}, err
	}
	q := &query{Catalog: c, positions: p, radius: radius}
	defer q.release()
	q.plan()
	for _, partition := range q.order() {
		if err := q.ask(ctx, partition); err != nil {
			return crossmatch.Answer{}, fmt.Errorf("hats: %w", err)
		}
	}
	if err := q.settle(); err != nil {
		return crossmatch.Answer{}, fmt.Errorf("hats: %w", err)
	}
	rows, err := q.rows(ctx)
	if err != nil {
		return crossmatch.Answer{}, fmt.Errorf("hats: %w", err)
	}
	return crossmatch.Answer{Matches: q.matches, Rows: rows, Cause: q.cause()}, nil
}
