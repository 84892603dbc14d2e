package crossmatch

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// Rows are the rows of a catalogue. Slices that are set have a value for each row.
type Rows struct {
	// RA and Dec are the positions, in ICRS degrees, right ascension modulo 360.
	// Rows with an invalid position, NaN for example, are never found.
	RA, Dec []float64

	// Radius replaces the search radius for each row, for extended objects or error
	// circles: 0 to 180 degrees, or NaN for the search radius. If nil, all rows have
	// the search radius.
	Radius []Angle

	// PMRA and PMDec are the proper motions at Epoch, in mas/yr. PMRA includes the
	// factor cos(dec), as in Gaia and Hipparcos. A row with a NaN does not move. Both
	// may be nil.
	PMRA, PMDec []float64
	// Epoch is the epoch of the positions in Julian years, 1000 to 3000: 2016 for
	// Gaia DR3. It is used only with proper motions.
	Epoch float64

	// Columns are returned with the rows that match. They may be nil. The catalogue
	// retains them.
	Columns arrow.Record
}

// Catalog is an immutable table of positions, in memory or in an index file, for
// lookups by position. It may be used concurrently. Close it if it has columns or was
// opened from a file.
type Catalog struct {
	rows    int
	layers  []layer
	radii   []Angle  // of each row, or nil
	motions []motion // of each row, or nil
	epoch   float64
	columns arrow.Record

	file   *mapping // the index file that it was opened from, or nil
	mu     sync.RWMutex
	closed bool
}

// layer holds the rows of similar reach: their radius, or how fast they move.
type layer struct {
	index
	radius float64 // the largest radius of its rows, in degrees
	speed  float64 // the largest speed, in degrees per year
}

const maxRows = math.MaxInt32

// NewCatalog returns a catalogue of at most 2,147,483,647 rows. It copies all slices but
// Radius, which must not be changed afterwards. It returns an error if slices differ in
// length, a radius or the epoch is out of range, or a column has a type that cannot be
// gathered by row.
func NewCatalog(rows Rows) (*Catalog, error) {
	if err := rows.check(); err != nil {
		return nil, fmt.Errorf("crossmatch: %w", err)
	}
	c := &Catalog{rows: len(rows.RA), epoch: rows.Epoch, columns: rows.Columns, motions: newMotions(rows)}
	if len(rows.Radius) > 0 {
		c.radii = rows.Radius
	}
	c.layers = newLayers(rows, c.radii, c.motions)
	if c.columns != nil {
		c.columns.Retain()
		for _, column := range c.columns.Columns() {
			column.NullN() // counts now, as it is not safe for concurrent use
		}
	}
	return c, nil
}

func (rows Rows) check() error {
	n := len(rows.RA)
	if len(rows.Dec) != n {
		return fmt.Errorf("catalogue of %d right ascensions and %d declinations", n, len(rows.Dec))
	}
	for _, x := range []struct {
		name string
		n    int
	}{{"radii", len(rows.Radius)}, {"proper motions in right ascension", len(rows.PMRA)}, {"proper motions in declination", len(rows.PMDec)}} {
		if x.n != 0 && x.n != n {
			return fmt.Errorf("catalogue of %d rows and %d %s", n, x.n, x.name)
		}
	}
	switch {
	case len(rows.PMRA) != len(rows.PMDec):
		return errors.New("catalogue with proper motions along one coordinate only")
	case len(rows.PMRA) > 0 && !(math.Abs(rows.Epoch-2000) < 1000):
		return fmt.Errorf("catalogue with proper motions at epoch %v: give the Julian year, such as 2016", rows.Epoch)
	case n > maxRows:
		return fmt.Errorf("catalogue of %d rows: the maximum is %d", n, maxRows)
	case rows.Columns != nil && rows.Columns.NumRows() != int64(n):
		return fmt.Errorf("catalogue of %d positions and %d rows of columns", n, rows.Columns.NumRows())
	}
	if rows.Columns != nil {
		for _, f := range rows.Columns.Schema().Fields() {
			if !takeable(f.Type, false) {
				return fmt.Errorf("catalogue with column %q of %v, which cannot be picked by row: cast it, or leave it out", f.Name, f.Type)
			}
		}
	}
	for i, r := range rows.Radius {
		if r < 0 || r > 180 {
			return fmt.Errorf("row %d has a radius of %v degrees", i, r.Degrees())
		}
	}
	return nil
}

// Len returns the number of rows, including those with invalid positions.
func (c *Catalog) Len() int { return c.rows }

// Moves reports whether the catalogue has proper motions, so that Positions.Epoch
// matters.
func (c *Catalog) Moves() bool { return c.motions != nil }

// Bytes returns the size of the catalogue in memory, or in its file.
func (c *Catalog) Bytes() int64 {
	n := int64(8*len(c.radii) + int(unsafe.Sizeof(motion{}))*len(c.motions))
	for i := range c.layers {
		l := &c.layers[i]
		n += int64(4*len(l.start) + int(unsafe.Sizeof(row{}))*len(l.rows) + int(unsafe.Sizeof(field{}))*len(l.fields))
	}
	if c.columns != nil {
		for _, column := range c.columns.Columns() {
			n += int64(column.Data().SizeInBytes())
		}
	}
	return n
}

// newLayers separates rows by reach. In one layer, a single row that reaches far would
// make every search window large.
func newLayers(rows Rows, radii []Angle, motions []motion) []layer {
	if radii == nil && motions == nil {
		return []layer{{index: *newIndex(rows.RA, rows.Dec, nil)}}
	}
	byReach := map[int][]uint32{}
	at := map[int]*layer{}
	for i := range rows.RA {
		var radius, speed float64
		if radii != nil && radii[i] > 0 {
			radius = radii[i].Degrees()
		}
		if motions != nil {
			speed = motions[i].speed()
		}
		k := reachClass(max(radius, 50*speed))
		if at[k] == nil {
			at[k] = &layer{}
		}
		byReach[k] = append(byReach[k], uint32(i))
		at[k].radius, at[k].speed = max(at[k].radius, radius), max(at[k].speed, speed)
	}
	var out []layer
	for k, ids := range byReach {
		at[k].index = *newIndex(rows.RA, rows.Dec, ids)
		out = append(out, *at[k])
	}
	slices.SortFunc(out, func(a, b layer) int { return len(b.rows) - len(a.rows) })
	return out
}

// reachClass returns 0 for a reach, in degrees, of up to five arcseconds, and one more
// for each factor of twelve.
func reachClass(reach float64) int {
	k := 0
	for limit := 5. / 3600; reach > limit; limit *= 12 {
		k++
	}
	return k
}

// errDamaged reports damage that OpenIndex does not check for.
var errDamaged = fmt.Errorf("crossmatch: the index is damaged: %w", ErrBadIndex)
