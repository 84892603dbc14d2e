package crossmatch

import "math"

// grid divides the sky into fields of about equal size: bands of declination,
// each cut along right ascension. A field is cut again, into k by k cells, as
// many as it has rows: so cells are small where the sky is crowded.
type grid struct {
	asked     int     // fields that newGrid was asked for
	perDegree float64 // bands
	bands     []band
	fields    []field
}

type band struct {
	perDegree float64 // fields
	sec       float64 // 1/cos of the declination that is nearest to a pole
	first     uint32  // field
	fields    uint32
}

// field is cut into side by side cells; those of a row of cells are neighbours
// by number, and so are their rows in memory.
type field struct {
	first uint32 // cell
	side  uint32 // 0: nothing is there
}

// newGrid has about n fields, which have no cells yet.
func newGrid(n int) grid {
	bands := max(1, int(math.Round(math.Sqrt(math.Pi*float64(n))/2)))
	g := grid{asked: n, perDegree: float64(bands) / 180, bands: make([]band, bands)}
	all := uint32(0)
	for i := range g.bands {
		low, high := 180*float64(i)/float64(bands)-90, 180*float64(i+1)/float64(bands)-90
		top := max(math.Abs(low), math.Abs(high))
		wide := 1.
		if low*high > 0 {
			wide = cosine(min(math.Abs(low), math.Abs(high)))
		}
		fields := uint32(max(1, math.Round(2*float64(bands)*wide)))
		g.bands[i] = band{perDegree: float64(fields) / 360, sec: 1 / cosine(top), first: all, fields: fields}
		all += fields
	}
	g.fields = make([]field, all)
	return g
}

// cut cuts each field into about as many cells as it has rows, and returns the
// number of cells of all.
func (g *grid) cut(rows []uint32) (cells uint32) {
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

// bandOf returns the number of a declination's band, and how far up in it that is,
// from 0 to 1.
func (g *grid) bandOf(dec float64) (band int, up float64) {
	x := (dec + 90) * g.perDegree
	band = max(0, min(int(x), len(g.bands)-1))
	return band, x - float64(band)
}

// fieldOf returns the number of a right ascension's field within a band, and how
// far along in it that is, from 0 to 1.
func (b *band) fieldOf(ra float64) (field uint32, along float64) {
	x := (ra + 180) * b.perDegree
	field = min(uint32(max(0, int64(x))), b.fields-1)
	return field, x - float64(field)
}

// step is the cell at a fraction of a field's side.
func (f *field) step(fraction float64) uint32 {
	return min(uint32(max(0, fraction*float64(f.side))), f.side-1)
}

// cell returns the number of a position's cell, if its field has some.
func (g *grid) cell(ra, dec float64) (uint32, bool) {
	row, up := g.bandOf(dec)
	column, along := g.bands[row].fieldOf(ra)
	f := &g.fields[g.bands[row].first+column]
	if f.side == 0 {
		return 0, false
	}
	return f.first + f.step(up)*f.side + f.step(along), true
}

// margin is what windows are wider than the angle asked for, because
// coordinates and the borders of cells are rounded.
const margin = 1e-11

// lonReach is how far, in degrees of right ascension, something within an angle
// of a position may be from it; 360 if that angle reaches a pole.
func lonReach(dec, angle float64) float64 {
	if math.Abs(dec)+angle >= 90-margin {
		return 360
	}
	return math.Asin(min(1, math.Sin(angle*perDegree)/cosine(dec)))/perDegree + margin
}
