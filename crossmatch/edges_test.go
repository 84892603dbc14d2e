package crossmatch

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A row's own radius does not affect the next row.
func TestEdgeAfterAnother(t *testing.T) {
	nan := math.NaN()
	// rows 0 and 1 have radii, row 2 uses the search radius
	c, err := NewCatalog(Rows{RA: []float64{0.5, 100, 0}, Dec: []float64{0, 0, 1}, Radius: []Angle{0.5, 0.5, Angle(nan)}})
	require.NoError(t, err)
	got, err := c.AppendNearest(nil, Positions{RA: []float64{0, 0}, Dec: []float64{0, 2}}, 1)
	require.NoError(t, err)
	assert.Equal(t, StatusMatch, got[0].Status)
	assert.Equal(t, StatusMatch, got[1].Status, "row 2 is exactly 1 degree away")
	// the reverse: a search radius of 0.5, a row on the edge of its radius of 1, then a row just too far
	c, err = NewCatalog(Rows{RA: []float64{1, 100, 0}, Dec: []float64{0, 0, math.Nextafter(2.5, 3)}, Radius: []Angle{1, 1, Angle(nan)}})
	require.NoError(t, err)
	got, err = c.AppendNearest(nil, Positions{RA: []float64{0, 0}, Dec: []float64{0, 2}}, 0.5)
	require.NoError(t, err)
	assert.Equal(t, StatusMatch, got[0].Status)
	assert.Equal(t, StatusNone, got[1].Status, "row 2 is farther than 0.5 degrees: %v", got[1])
}

// A window of half the sky overlaps itself if cells are that large.
func TestWindowMeetsItself(t *testing.T) {
	c, err := NewCatalog(Rows{RA: []float64{100}, Dec: []float64{0}})
	require.NoError(t, err)
	_, err = c.AppendNearest(nil, Positions{RA: []float64{-90}, Dec: []float64{0}}, 90-3e-11)
	assert.NoError(t, err)
	c, err = NewCatalog(Rows{RA: []float64{0, -100}, Dec: []float64{0, 0}})
	require.NoError(t, err)
	pairs, err := c.Within(Positions{RA: []float64{math.Nextafter(-90, 0)}, Dec: []float64{0}}, 90-2.5e-11, 0)
	require.NoError(t, err)
	assert.Len(t, pairs, 1)
}

// The smallest differences decide which row is nearest.
func TestDenormals(t *testing.T) {
	c, err := NewCatalog(Rows{RA: []float64{0}, Dec: []float64{1e-160}})
	require.NoError(t, err)
	got, err := c.AppendNearest(nil, Positions{RA: []float64{0}, Dec: []float64{0}}, 0)
	require.NoError(t, err)
	assert.Equal(t, StatusNone, got[0].Status)
	c, err = NewCatalog(Rows{RA: []float64{0, 0}, Dec: []float64{1e-160, 0}})
	require.NoError(t, err)
	got, err = c.AppendNearest(nil, Positions{RA: []float64{0}, Dec: []float64{0}}, 1)
	require.NoError(t, err)
	assert.Equal(t, int32(1), got[0].Row)
}

// The epoch of a position does not affect other positions.
func TestEpochOfANeighbour(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	n := 20000
	r := Rows{Epoch: 2016}
	for i := range n {
		r.RA, r.Dec = append(r.RA, 360*rnd.Float64()), append(r.Dec, 80*rnd.Float64()-40)
		pm := math.NaN()
		if i%2 == 0 {
			pm = 10
		}
		r.PMRA, r.PMDec = append(r.PMRA, pm), append(r.PMDec, pm)
	}
	c, err := NewCatalog(r)
	require.NoError(t, err)
	for _, e := range []float64{math.Inf(1), math.Inf(-1), 1e300, 1e30, -1e30, 1e15, 1e5} {
		p := Positions{RA: append([]float64{0}, r.RA[:100]...), Dec: append([]float64{0}, r.Dec[:100]...), Epoch: make([]float64, 101)}
		for i := range p.Epoch {
			p.Epoch[i] = 2016
		}
		p.Epoch[0] = e
		got, err := c.AppendNearest(nil, p, Arcsecond)
		require.NoError(t, err)
		lost := 0
		for i := 1; i < 101; i++ {
			if got[i].Status != StatusMatch {
				lost++
			}
		}
		assert.Zero(t, lost, "epoch %v of position 0: lost of 100", e)
	}
}

// Rows at a pole have the same position at any right ascension: the lower number wins.
func TestTiesAtThePole(t *testing.T) {
	bad := 0
	for ra := 1.; ra < 360; ra += 7 {
		c, err := NewCatalog(Rows{RA: []float64{ra, 2 * ra, 3 * ra}, Dec: []float64{90, 90, 90}})
		require.NoError(t, err)
		p := Positions{RA: []float64{324.377}, Dec: []float64{42.0177}}
		got, err := c.Within(p, 60, 0)
		require.NoError(t, err)
		require.Len(t, got, 3)
		if got[0].Row != 0 || got[1].Row != 1 || got[2].Row != 2 {
			bad++
		}
	}
	assert.Zero(t, bad, "of 52 in the wrong order")
}

// All rows of a ring around a pole are equally near to it, and so are rows at one
// position. Neither needs 320-bit arithmetic.
func TestRing(t *testing.T) {
	const n = 10_000
	ra, dec := make([]float64, n), make([]float64, n)
	for i := range ra {
		ra[i], dec[i] = float64(i)*360/n, 89.9999
	}
	c, err := NewCatalog(Rows{RA: ra, Dec: dec})
	require.NoError(t, err)
	begin := time.Now()
	got, err := c.AppendNearest(nil, Positions{RA: make([]float64, 100), Dec: []float64{99: 90}}, 90)
	require.NoError(t, err)
	assert.Equal(t, int32(0), got[99].Row)
	assert.Less(t, time.Since(begin), 10*time.Second) // with 320 bits, minutes
}

// With a limit, few pairs are kept in memory, and the right ones.
func TestWithinLimit(t *testing.T) {
	const n, m = 20_000, 64 // more pairs than minTrim
	rnd := rand.New(rand.NewPCG(7, 7))
	ra, dec := make([]float64, n), make([]float64, n)
	for i := range ra {
		ra[i], dec[i] = 10+0.01*math.Round(20*rnd.Float64()), 20+0.01*math.Round(20*rnd.Float64()) // many are equal
	}
	c, err := NewCatalog(Rows{RA: ra, Dec: dec})
	require.NoError(t, err)
	p := Positions{RA: make([]float64, m), Dec: make([]float64, m)}
	for i := range p.RA {
		p.RA[i], p.Dec[i] = 10+0.2*rnd.Float64(), 20+0.2*rnd.Float64()
	}
	all, err := c.Within(p, 1, 0)
	require.NoError(t, err)
	require.Len(t, all, n*m)
	few, err := c.Within(p, 1, 3)
	require.NoError(t, err)
	require.Len(t, few, 3*m)
	for i := range m {
		assert.Equal(t, all[i*n:i*n+3], few[3*i:3*i+3])
	}
}

// Cases that an independent multi-precision implementation found wrong: see .ci/crossmatch.
func TestEdges(t *testing.T) {
	next := math.Nextafter
	for _, x := range []struct {
		name      string
		rows      [][2]float64
		ra, dec   float64
		radius    Angle
		row       int32 // -1 if there is no match
		separated float64
	}{
		{"smaller than 1e-36 is not 0", [][2]float64{{0, 43}}, 1e-300, 43, 0, -1, 0},
		{"the smallest number is not 0", [][2]float64{{360, 43}}, -5e-324, 43, 0, -1, 0},
		{"nor as near", [][2]float64{{5e-324, 43}, {720, 43}}, 0, 43, 0, 1, 0},
		{"-180 is 180", [][2]float64{{180, -30}, {-180, -30}}, -180, -30, 0, 0, 0},
		{"and so is 900", [][2]float64{{900, 1}}, -180, 1, 0, 0, 0},
		{"across 180, a step beyond the edge", [][2]float64{{next(180, 0), 0}}, -180, 0, Angle(next(180-next(180, 0), 0)), -1, 0},
		{"across 180, at the edge", [][2]float64{{next(180, 0), 0}}, -180, 0, Angle(180 - next(180, 0)), 0, 180 - next(180, 0)},
		{"the antipode", [][2]float64{{10, 20}}, 190, -20, 180, 0, 180},
		{"1e-7 from the antipode", [][2]float64{{0, 90}}, 0, -90 + 1e-7, 180, 0, 180 - (-90 + 1e-7 + 90)},
		{"1e-10 from the antipode", [][2]float64{{0, 0}}, 180, 1e-10, 180, 0, 180 - 1e-10},
	} {
		rows := Rows{}
		for _, r := range x.rows {
			rows.RA, rows.Dec = append(rows.RA, r[0]), append(rows.Dec, r[1])
		}
		c, err := NewCatalog(rows)
		require.NoError(t, err)
		p := Positions{RA: []float64{x.ra}, Dec: []float64{x.dec}}
		got, err := c.AppendNearest(nil, p, x.radius)
		require.NoError(t, err)
		assert.Equal(t, x.row, got[0].Row, x.name)
		pairs, err := c.Within(p, x.radius, 1)
		require.NoError(t, err)
		if x.row < 0 {
			assert.Empty(t, pairs, x.name)
			continue
		}
		require.Len(t, pairs, 1, x.name)
		assert.Equal(t, x.row, pairs[0].Row, x.name)
		assert.InDelta(t, x.separated, got[0].Separation.Degrees(), 1e-12, x.name)
		assert.Equal(t, got[0].Separation, pairs[0].Separation, x.name)
	}
}
