package crossmatch

import "math"

// grid divides the sky into bands of declination, and these along right ascension
// into fields of about equal size. A field is divided into k by k cells, about as
// many as it has rows, so that cells are small where the sky is crowded.
type grid struct {
	target         int // number of fields that newGrid was asked for
	bandsPerDegree float64
	bands          []band
	fields         []field
}

type band struct {
	fieldsPerDegree float64
	sec             float64 // 1/cos of the declination nearest to a pole
	first           uint32  // number of its first field
	fields          uint32
}

// field is divided into side by side cells. Cells along right ascension have
// consecutive numbers, and their rows are consecutive in memory.
type field struct {
	first uint32 // number of its first cell
	side  uint32 // if zero, the field is empty
}

// newGrid returns a grid of about n fields, which have no cells yet.
func newGrid(n int) grid {
	bands := max(1, int(math.Round(math.Sqrt(math.Pi*float64(n))/2)))
	g := grid{target: n, bandsPerDegree: float64(bands) / 180, bands: make([]band, bands)}
	all := uint32(0)
	for i := range g.bands {
		low, high := 180*float64(i)/float64(bands)-90, 180*float64(i+1)/float64(bands)-90
		top := max(math.Abs(low), math.Abs(high))
		wide := 1.
		if low*high > 0 {
			wide = cosine(min(math.Abs(low), math.Abs(high)))
		}
		fields := uint32(max(1, math.Round(2*float64(bands)*wide)))
		g.bands[i] = band{fieldsPerDegree: float64(fields) / 360, sec: 1 / cosine(top), first: all, fields: fields}
		all += fields
	}
	g.fields = make([]field, all)
	return g
}

// subdivide divides each field into about as many cells as it has rows, and returns
// the number of all cells.
func (g *grid) subdivide(rows []uint32) (cells uint32) {
	for i, n := range rows {
		side := uint32(0)
		if n > 0 {
			side = max(1, uint32(math.Round(math.Sqrt(float64(n)/rowsPerCell))))
		}
		g.fields[i] = field{cells, side}
		cells += side * side
	}
	return cells
}

// bandOf returns the number of a declination's band, and the place in it: 0 at its
// lower edge, 1 at its upper.
func (g *grid) bandOf(dec float64) (band int, up float64) {
	x := (dec + 90) * g.bandsPerDegree
	band = max(0, min(int(x), len(g.bands)-1))
	return band, x - float64(band)
}

// fieldOf returns the number of a right ascension's field within a band, and the
// place in it: 0 at its lower edge, 1 at its upper.
func (b *band) fieldOf(ra float64) (field uint32, along float64) {
	x := (ra + 180) * b.fieldsPerDegree
	field = min(uint32(max(0, int64(x))), b.fields-1)
	return field, x - float64(field)
}

// step returns which of its cells is at a fraction of a field's side.
func (f *field) step(fraction float64) uint32 {
	return min(uint32(max(0, fraction*float64(f.side))), f.side-1)
}

// cell returns the number of a position's cell; false if its field has no cells.
func (g *grid) cell(ra, dec float64) (uint32, bool) {
	row, up := g.bandOf(dec)
	column, along := g.bands[row].fieldOf(ra)
	f := &g.fields[g.bands[row].first+column]
	if f.side == 0 {
		return 0, false
	}
	return f.first + f.step(up)*f.side + f.step(along), true
}

// margin, in degrees, is added to search windows, because coordinates and the
// borders of cells are rounded.
const margin = 1e-11

// lonReach returns the largest difference in right ascension between a position and
// one within an angle of it; 360 if the angle reaches a pole. All are in degrees.
func lonReach(dec, angle float64) float64 {
	if math.Abs(dec)+angle >= 90-margin {
		return 360
	}
	return math.Asin(min(1, math.Sin(angle*degToRad)/cosine(dec)))/degToRad + margin
}
