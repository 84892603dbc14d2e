package crossmatch

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crowded returns rows all over the sky, a thousand times as dense in a few regions, and
// many at one position.
func crowded(rnd *rand.Rand, n int) Rows {
	ra, dec := randomSky(n, rnd.Uint64())
	for clump := range 6 {
		at := [2]float64{360 * rnd.Float64(), math.Asin(2*rnd.Float64()-1) / degToRad}
		if clump < 2 {
			at = [2]float64{0, 90 - 180*float64(clump)} // a pole
		}
		for range n / 20 {
			ra = append(ra, at[0]+0.05*rnd.NormFloat64()/max(1e-3, cosine(at[1])))
			dec = append(dec, clamp(at[1]+0.05*rnd.NormFloat64()))
		}
	}
	for range 3000 {
		ra, dec = append(ra, ra[17]), append(dec, dec[17])
	}
	return Rows{RA: ra, Dec: dec}
}

// borders returns positions at and next to the borders of a grid's bands, fields and cells.
func borders(rnd *rand.Rand, x *index, n int) (p Positions) {
	beside := func(v float64) float64 {
		switch rnd.IntN(4) {
		case 0:
			return v
		case 1:
			return math.Nextafter(v, 1e9)
		case 2:
			return math.Nextafter(v, -1e9)
		default:
			return v + 1e-5*rnd.NormFloat64()
		}
	}
	for range n {
		k := rnd.IntN(len(x.bands))
		b := &x.bands[k]
		c := rnd.IntN(int(b.fields))
		side := float64(max(1, x.fields[int(b.first)+c].side))
		step := func() float64 { return math.Round(side*rnd.Float64()) / side }
		p.RA = append(p.RA, beside((float64(c)+step())/b.fieldsPerDegree-180))
		p.Dec = append(p.Dec, clamp(beside((float64(k)+step())/x.bandsPerDegree-90)))
	}
	return p
}

// In a large, crowded catalogue, whose windows cross borders of all kinds, the nearest
// rows are those found by comparing all rows of similar declination.
func TestLargeCatalog(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	rows := crowded(rnd, 40_000)
	byDec := make([]int, len(rows.RA))
	for i := range byDec {
		byDec[i] = i
	}
	slices.SortStableFunc(byDec, func(a, b int) int { return cmp.Compare(rows.Dec[a], rows.Dec[b]) })
	c, err := NewCatalog(rows)
	require.NoError(t, err)
	p := borders(rnd, &c.layers[0].index, 2000)
	for range 2000 { // and near rows
		i := rnd.IntN(len(rows.RA))
		p.RA, p.Dec = append(p.RA, rows.RA[i]+1e-4*rnd.NormFloat64()), append(p.Dec, clamp(rows.Dec[i]+1e-4*rnd.NormFloat64()))
	}
	for _, radius := range []Angle{1.5 * Arcsecond, 5 * Arcminute, 5} {
		if radius == 5 {
			p.RA, p.Dec = p.RA[1900:2100], p.Dec[1900:2100]
		}
		got, err := c.AppendNearest(nil, p, radius)
		require.NoError(t, err)
		pairs, err := c.Within(p, radius, 0)
		require.NoError(t, err)
		found := 0
		for i := range got {
			want, n, edge := Match{Row: -1, Separation: 400}, 0, false
			from, _ := slices.BinarySearchFunc(byDec, p.Dec[i]-float64(radius)-1e-9, func(k int, dec float64) int { return cmp.Compare(rows.Dec[k], dec) })
			for _, k := range byDec[from:] {
				if rows.Dec[k] > p.Dec[i]+float64(radius)+1e-9 {
					break
				}
				s := Separation(rows.RA[k], rows.Dec[k], p.RA[i], p.Dec[i])
				edge = edge || math.Abs(float64(s-radius)) < 1e-12
				if s <= radius {
					n++
					if s < want.Separation || s == want.Separation && int32(k) < want.Row {
						want = Match{Row: int32(k), Status: StatusMatch, Separation: s}
					}
				}
			}
			what := []any{"seed %d: %v %v within %v", seed, p.RA[i], p.Dec[i], radius}
			has := 0
			for ; len(pairs) > 0 && pairs[0].Position == int32(i); pairs = pairs[1:] {
				has++
			}
			if edge {
				continue
			}
			require.Equal(t, n, has, what...)
			require.Equal(t, n > 0, got[i].Status == StatusMatch, what...)
			if n > 0 {
				found++
				require.InDelta(t, want.Separation.Degrees(), got[i].Separation.Degrees(), 1e-12, what...)
				if want.Row != got[i].Row { // equal for float64
					require.InDelta(t, float64(want.Separation), float64(Separation(rows.RA[got[i].Row], rows.Dec[got[i].Row], p.RA[i], p.Dec[i])), 1e-13, what...)
				}
			}
		}
		assert.Greater(t, found, 50)
	}
}

// Rows with proper motions are found at their positions at the epoch.
func TestMotion(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		rows := Rows{Epoch: 2016}
		var p Positions
		dec := []float64{90, -90, 0, 45, 89.99}[rnd.IntN(5)]
		for range 300 {
			rows.RA = append(rows.RA, 360*rnd.Float64())
			rows.Dec = append(rows.Dec, clamp(dec+0.1*rnd.NormFloat64()))
			speed := math.Pow(10, 5*rnd.Float64())
			rows.PMRA = append(rows.PMRA, []float64{speed * rnd.NormFloat64(), 0, math.NaN()}[min(2, rnd.IntN(6)/2)])
			rows.PMDec = append(rows.PMDec, speed*rnd.NormFloat64())
		}
		for i := range 200 {
			years := []float64{10, -25, 980, 0.1, math.NaN()}[rnd.IntN(5)] * rnd.Float64()
			at := movedTo(&rows, i, years)
			p.RA = append(p.RA, math.Atan2(at[1], at[0])/degToRad+360*float64(rnd.IntN(2)))
			p.Dec = append(p.Dec, clamp(math.Atan2(at[2], math.Hypot(at[0], at[1]))/degToRad+1e-4*rnd.NormFloat64()))
			p.Epoch = append(p.Epoch, 2016+years)
		}
		c, err := NewCatalog(rows)
		require.NoError(t, err)
		const radius = Arcsecond
		got, err := c.AppendNearest(nil, p, radius)
		require.NoError(t, err)
		for i := range got {
			best, edge := 400., false
			for k := range rows.RA {
				years := p.Epoch[i] - 2016
				s := angle(movedTo(&rows, k, years), vector(p.RA[i], p.Dec[i]))
				edge = edge || math.Abs(s-float64(radius)) < 1e-10
				best = min(best, s)
			}
			if edge {
				continue
			}
			what := []any{"seed %d: %v %v at %v", seed, p.RA[i], p.Dec[i], p.Epoch[i]}
			require.Equal(t, best <= float64(radius), got[i].Status == StatusMatch, what...)
			if best <= float64(radius) {
				require.InDelta(t, best, got[i].Separation.Degrees(), 1e-11, what...)
			}
		}
	}
}

// movedTo returns where a row is after some years, on a straight line.
func movedTo(rows *Rows, i int, years float64) [3]float64 {
	at := vector(rows.RA[i], rows.Dec[i])
	if math.IsNaN(years) || math.IsNaN(rows.PMRA[i]) || math.IsNaN(rows.PMDec[i]) {
		return at
	}
	sr, cr := math.Sincos(rows.RA[i] * degToRad)
	sd, cd := math.Sincos(rows.Dec[i] * degToRad)
	e, n := rows.PMRA[i]*years*degToRad/3600e3, rows.PMDec[i]*years*degToRad/3600e3
	return [3]float64{at[0] - e*sr - n*sd*cr, at[1] + e*cr - n*sd*sr, at[2] + n*cd}
}

func vector(ra, dec float64) [3]float64 {
	sr, cr := math.Sincos(ra * degToRad)
	sd, cd := math.Sincos(dec * degToRad)
	return [3]float64{cr * cd, sr * cd, sd}
}

// angle returns the angle between two vectors, in degrees.
func angle(a, b [3]float64) float64 {
	x, y, z := a[1]*b[2]-a[2]*b[1], a[2]*b[0]-a[0]*b[2], a[0]*b[1]-a[1]*b[0]
	return math.Atan2(math.Sqrt(x*x+y*y+z*z), a[0]*b[0]+a[1]*b[1]+a[2]*b[2]) / degToRad
}

// Catalogues without rows, with invalid positions only, with one row, and with empty
// instead of nil slices.
func TestSmallCatalogs(t *testing.T) {
	nan := math.NaN()
	p := Positions{RA: []float64{0, 180, nan, -180, 360}, Dec: []float64{90, 0, 0, 0, 91}}
	for _, x := range []struct {
		name string
		rows Rows
		want []Status
	}{
		{"no rows", Rows{}, []Status{StatusNone, StatusNone, StatusInvalid, StatusNone, StatusInvalid}},
		{"invalid positions", Rows{RA: []float64{nan, 0}, Dec: []float64{0, -91}}, []Status{StatusNone, StatusNone, StatusInvalid, StatusNone, StatusInvalid}},
		{"a pole", Rows{RA: []float64{77}, Dec: []float64{90}}, []Status{StatusMatch, StatusNone, StatusInvalid, StatusNone, StatusInvalid}},
		{"the other side", Rows{RA: []float64{-540}, Dec: []float64{0}}, []Status{StatusNone, StatusMatch, StatusInvalid, StatusMatch, StatusInvalid}},
		{"empty slices", Rows{RA: []float64{180}, Dec: []float64{0}, Radius: []Angle{}, PMRA: []float64{}, PMDec: []float64{}}, []Status{StatusNone, StatusMatch, StatusInvalid, StatusMatch, StatusInvalid}},
		{"a radius", Rows{RA: []float64{1}, Dec: []float64{0}, Radius: []Angle{180}}, []Status{StatusMatch, StatusMatch, StatusInvalid, StatusMatch, StatusInvalid}},
	} {
		c, err := NewCatalog(x.rows)
		require.NoError(t, err, x.name)
		got, err := c.AppendNearest(nil, p, 0)
		require.NoError(t, err, x.name)
		for i := range got {
			assert.Equal(t, x.want[i], got[i].Status, "%s: %d", x.name, i)
		}
	}
}

// Separations are as precise near the antipode as elsewhere.
func TestAntipode(t *testing.T) {
	c, err := NewCatalog(Rows{RA: []float64{180}, Dec: []float64{1e-7}})
	require.NoError(t, err)
	pairs, err := c.Cone(0, 0, 180, 0)
	require.NoError(t, err)
	assert.InDelta(t, 180-1e-7, pairs[0].Separation.Degrees(), 1e-12)
}
