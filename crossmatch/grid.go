package crossmatch

import "math"

// grid divides the sky into cells of about equal size: bands of declination,
// each cut along right ascension. Cells of a band are neighbours by number,
// and so are their rows in memory.
type grid struct {
	asked     int     // cells that newGrid was asked for
	perDegree float64 // bands
	bands     []band
	cells     uint32
}

type band struct {
	perDegree float64 // cells
	sec       float64 // 1/cos of the declination that is nearest to a pole
	first     uint32  // cell
	cells     uint32
}

// newGrid has about n cells.
func newGrid(n int) grid {
	bands := max(1, int(math.Round(math.Sqrt(math.Pi*float64(n))/2)))
	g := grid{asked: n, perDegree: float64(bands) / 180, bands: make([]band, bands)}
	for i := range g.bands {
		low, high := 180*float64(i)/float64(bands)-90, 180*float64(i+1)/float64(bands)-90
		top := max(math.Abs(low), math.Abs(high))
		wide := 1.
		if low*high > 0 {
			wide = cosine(min(math.Abs(low), math.Abs(high)))
		}
		cells := uint32(max(1, math.Round(2*float64(bands)*wide)))
		g.bands[i] = band{perDegree: float64(cells) / 360, sec: 1 / cosine(top), first: g.cells, cells: cells}
		g.cells += cells
	}
	return g
}

// band returns the number of a declination's band.
func (g *grid) band(dec float64) int {
	return max(0, min(int((dec+90)*g.perDegree), len(g.bands)-1))
}

// cell returns the number of a right ascension's cell within a band.
func (b *band) cell(ra float64) uint32 {
	return min(uint32(max(0, (ra+180)*b.perDegree)), b.cells-1)
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
