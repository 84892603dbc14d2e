package hats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// TestOpposite: the nearest of rows on the opposite side of the sky, in several
// partitions, is found though their float64 separations are equal.
func TestOpposite(t *testing.T) {
	var stars []star
	rng := rand.New(rand.NewPCG(19, 20))
	for i := range 6 {
		stars = append(stars, star{id: int64(i), ra: 90 + 1e-9*rng.NormFloat64(), dec: 60 + 1e-9*rng.NormFloat64()})
	}
	dir, sorted := writeCatalog(t, partitions(0, 0, 1), stars, 0)
	require.Len(t, sorted, len(stars))
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
	p := crossmatch.Positions{RA: []float64{-90}, Dec: []float64{-60}}
	for range 200 {
		off := math.Pow(10, -8+5*rng.Float64())
		p.RA, p.Dec = append(p.RA, 270+off*rng.NormFloat64()), append(p.Dec, -60+off*rng.NormFloat64())
	}
	got, err := c.Nearest(ctx, p, 180)
	require.NoError(t, err)
	assert.Equal(t, len(p.RA), same(t, flat(t, sorted, false), sorted, p, 180, got))
	got.Rows.Release()
}

// TestTies: of equally near rows in several partitions, in margins or not, the first
// is found.
func TestTies(t *testing.T) {
	parts := partitions(0, 0, 1, 2, 3) // they meet at the pole
	for _, margin := range []float64{0, 0.01} {
		for quarter := range 4 {
			ra := 45 + 90*float64(quarter)
			stars := []star{{id: 1, ra: ra - 90, dec: 89.999}, {id: 2, ra: ra + 90, dec: 89.999}}
			dir, sorted := writeCatalog(t, parts, stars, margin)
			c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
			p := crossmatch.Positions{RA: []float64{ra}, Dec: []float64{89.9995}}
			got, err := c.Nearest(ctx, p, 0.005)
			require.NoError(t, err)
			assert.Equal(t, 1, same(t, flat(t, sorted, false), sorted, p, 0.005, got))
			got.Rows.Release()
		}
	}
}

// TestNearlyTies: the nearest of rows in two partitions is found even if their
// float64 separations are in the wrong order.
func TestNearlyTies(t *testing.T) {
	for _, x := range []struct{ ra, dec, west, east, eastDec float64 }{
		{89.99990595814377, 45.300000000000004, 61.8498705187365, 118.14994139755103, 45.29999999999996},
		{89.99988589976158, 50.70000000000008, 50.94934795651145, 129.0504238430117, 50.700000000000095},
		{90.00010464540667, 48.30000000000005, 55.01219910046971, 124.98801019034363, 48.30000000000006},
		{89.99999336016108, 45.400000000000006, 41.0208745509252, 138.97911216939696, 45.39999999999998},
	} {
		dir, sorted := writeCatalog(t, partitions(0, 0, 1), []star{{id: 1, ra: x.west, dec: x.dec}, {id: 2, ra: x.east, dec: x.eastDec}}, 0)
		c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
		p := crossmatch.Positions{RA: []float64{x.ra}, Dec: []float64{x.dec}}
		got, err := c.Nearest(ctx, p, 60)
		require.NoError(t, err)
		assert.Equal(t, 1, same(t, flat(t, sorted, false), sorted, p, 60, got))
		got.Rows.Release()
	}
}

// TestTiesOfMargins: of equally near rows, that of the first partition is found, even
// if the search found it in the margin of another.
func TestTiesOfMargins(t *testing.T) {
	var parts []partition
	for n := range uint64(48) {
		parts = append(parts, partitions(1, n)...)
	}
	var stars []star // on a grid
	for d := -84; d <= 84; d += 2 {
		for r := 0; r < 360; r += 2 {
			stars = append(stars, star{id: int64(len(stars)), ra: float64(r), dec: float64(d)})
		}
	}
	dir, sorted := writeCatalog(t, parts, stars, 0.5)
	all := flat(t, sorted, false)
	c, ctx := openChecked(t, dir, Options{Columns: []string{"id"}})
	p := crossmatch.Positions{} // between them
	for _, d := range []float64{-79, -77, -75, 77} {
		for r := 1.; r < 360; r += 2 {
			p.RA, p.Dec = append(p.RA, r), append(p.Dec, d)
		}
	}
	for _, radius := range []crossmatch.Angle{2, 3} { // beyond the margin
		got, err := c.Nearest(ctx, p, radius)
		require.NoError(t, err)
		assert.Equal(t, len(p.RA), same(t, all, sorted, p, radius, got))
		got.Rows.Release()
	}
}
