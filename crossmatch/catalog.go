package crossmatch

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// Rows are what a catalogue is made of.
type Rows struct {
	// RA and Dec are the positions, in ICRS degrees, right ascension modulo 360.
	// Rows with an invalid position, NaN for example, are never found.
	RA, Dec []float64

	// Radius replaces the search radius for each row, in degrees from 0 to 180: the
	// size of an extended object, or of an error circle. NaN: the search radius.
	// Nil: that of all rows.
	Radius []float64

	// PMRA and PMDec are the proper motions at Epoch, in mas a year; PMRA
	// includes the cosine of the declination, as in Gaia and Hipparcos. NaN: the
	// row does not move. Nil: none does.
	PMRA, PMDec []float64
	// Epoch of the positions in Julian years, 1000 to 3000: 2016 for Gaia DR3. It
	// need not be given where nothing moves.
	Epoch float64

	// Columns are given with the rows that are found; nil: none. The catalogue
	// retains them.
	Columns arrow.Record
}

// Catalog is a table of positions in memory, or in an index file, that tells
// which of its rows are near others. It does not change, and may be used
// concurrently. Close one that has columns, or is of a file.
type Catalog struct {
	rows    int
	layers  []layer
	radii   []float64 // of each row, or nil
	motions []motion  // of each row, or nil
	epoch   float64
	columns arrow.Record

	file   *mapping // that it lies in, or nil
	mu     sync.RWMutex
	closed bool
}

// layer has rows that reach about as far.
type layer struct {
	index
	radius float64 // the largest of its rows' own ones, in degrees
	speed  float64 // the largest, in degrees a year
}

// mostRows is how many rows a catalogue may have.
const mostRows = math.MaxInt32

// NewCatalog makes a catalogue of 2,147,483,647 rows at most. The slices are not
// needed after that, but for Radius, which must not be changed. An error is of
// slices that differ in length, or of a radius or an epoch out of range.
func NewCatalog(rows Rows) (*Catalog, error) {
	n := len(rows.RA)
	if len(rows.Dec) != n {
		return nil, fmt.Errorf("crossmatch: catalogue of %d right ascensions and %d declinations", n, len(rows.Dec))
	}
	for _, x := range []struct {
		name   string
		values *[]float64
	}{{"radii", &rows.Radius}, {"proper motions in right ascension", &rows.PMRA}, {"proper motions in declination", &rows.PMDec}} {
		switch len(*x.values) {
		case 0:
			*x.values = nil
		case n:
		default:
			return nil, fmt.Errorf("crossmatch: catalogue of %d rows and %d %s", n, len(*x.values), x.name)
		}
	}
	if (rows.PMRA == nil) != (rows.PMDec == nil) {
		return nil, fmt.Errorf("crossmatch: catalogue with proper motions along one coordinate only")
	}
	if rows.Columns != nil && rows.Columns.NumRows() != int64(n) {
		return nil, fmt.Errorf("crossmatch: catalogue of %d positions and %d rows of columns", n, rows.Columns.NumRows())
	}
	for i := 0; rows.Columns != nil && i < int(rows.Columns.NumCols()); i++ {
		if t := rows.Columns.Column(i).DataType(); !takeable(t, false) {
			return nil, fmt.Errorf("crossmatch: catalogue with column %q of %v, which cannot be picked by row: cast it, or leave it out", rows.Columns.ColumnName(i), t)
		}
	}
	if n > mostRows {
		return nil, fmt.Errorf("crossmatch: catalogue of %d rows: at most %d can be held", n, mostRows)
	}
	if rows.PMRA != nil && !(math.Abs(rows.Epoch-2000) < 1000) {
		return nil, fmt.Errorf("crossmatch: catalogue with proper motions at epoch %v: give the Julian year, such as 2016", rows.Epoch)
	}
	c := &Catalog{rows: n, radii: rows.Radius, epoch: rows.Epoch, columns: rows.Columns}
	for i, r := range rows.Radius {
		if r < 0 || r > 180 {
			return nil, fmt.Errorf("crossmatch: row %d has a radius of %v degrees", i, r)
		}
	}
	c.motions = newMotions(rows)
	c.layers = newLayers(rows, c.motions)
	if c.columns != nil {
		c.columns.Retain()
		for _, column := range c.columns.Columns() {
			column.NullN() // counts once, before others may look
		}
	}
	return c, nil
}

// Len returns the number of rows, those without a position included.
func (c *Catalog) Len() int { return c.rows }

// Moves reports whether the catalogue has proper motions, so that the time of
// observation counts.
func (c *Catalog) Moves() bool { return c.motions != nil }

// Bytes returns how large the catalogue is in memory, or in its file.
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

// newLayers puts the rows that reach far beside the others, for which every
// window would have to be large.
func newLayers(rows Rows, motions []motion) []layer {
	if rows.Radius == nil && motions == nil {
		return []layer{{index: *newIndex(rows.RA, rows.Dec, nil)}}
	}
	byReach := map[int][]uint32{}
	at := map[int]*layer{}
	for i := range rows.RA {
		var radius, speed float64
		if rows.Radius != nil && rows.Radius[i] > 0 {
			radius = rows.Radius[i]
		}
		if motions != nil {
			speed = motions[i].speed()
		}
		k := classOf(max(radius, 50*speed))
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

// classOf sorts reaches, in degrees: those below five arcseconds first, and
// then by factors of twelve.
func classOf(reach float64) int {
	k := 0
	for limit := 5. / 3600; reach > limit; limit *= 12 {
		k++
	}
	return k
}

// errDamaged is found where an index file was checked only in part.
var errDamaged = fmt.Errorf("crossmatch: the index is damaged: %w", ErrBadIndex)
