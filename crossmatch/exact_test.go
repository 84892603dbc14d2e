package crossmatch

import (
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nasty returns positions of kinds that some cross-match got wrong: neighbours, mirror
// images, the poles, both ends of right ascension, equal distances, invalid positions.
func nasty(rnd *rand.Rand, n int, scale float64) (ra, dec []float64) {
	centre := [2]float64{360 * rnd.Float64(), math.Asin(2*rnd.Float64()-1) / degToRad}
	switch rnd.IntN(5) {
	case 0:
		centre[1] = 90 - scale*rnd.Float64()
	case 1:
		centre[1] = -90 + scale*rnd.Float64()
	case 2:
		centre[0] = []float64{0, 180, 360}[rnd.IntN(3)]
	}
	for i := 0; len(ra) < n; i++ {
		stretch := 1 / max(1e-9, cosine(centre[1]))
		r, d := centre[0]+scale*min(stretch, 1e6)*rnd.NormFloat64(), clamp(centre[1]+scale*rnd.NormFloat64())
		switch k := rnd.IntN(20); {
		case k < 4 && len(ra) > 0: // the same as another
			j := rnd.IntN(len(ra))
			r, d = ra[j], dec[j]
		case k < 6 && len(ra) > 0: // mirrored
			j := rnd.IntN(len(ra))
			r, d = 2*centre[0]-ra[j], dec[j]
		case k == 6 && len(ra) > 0: // the same, whole turns away
			j := rnd.IntN(len(ra))
			r, d = ra[j]+360*float64(rnd.IntN(5)-2), dec[j]
		case k == 7 && len(ra) > 0: // adjacent
			j := rnd.IntN(len(ra))
			r, d = math.Nextafter(ra[j], 1e9), math.Nextafter(dec[j], 0)
		case k == 8:
			d = math.Copysign(90, d)
		case k == 9:
			r, d = math.Round(r*4)/4, clamp(math.Round(d*4)/4)
		case k == 10 && rnd.IntN(8) == 0:
			r, d = []float64{math.NaN(), r, math.Inf(1), r}[rnd.IntN(4)], []float64{d, 90.000001, d, math.NaN()}[rnd.IntN(4)]
		}
		ra, dec = append(ra, r), append(dec, d)
	}
	return ra, dec
}

// truth returns the rows within the radius, or their own, by comparing all of them, in
// doubt with 320 bits.
func truth(rows Rows, qra, qdec float64, radius Angle) (ids []int, exactly []*big.Float) {
	edges := map[Angle]*big.Float{}
	for i := range rows.RA {
		if !Valid(rows.RA[i], rows.Dec[i]) {
			continue
		}
		limit := radius
		if rows.Radius != nil && !math.IsNaN(rows.Radius[i].Degrees()) {
			limit = rows.Radius[i]
		}
		if Separation(rows.RA[i], rows.Dec[i], qra, qdec) > limit*1.0001+1e-12 {
			continue
		}
		if edges[limit] == nil {
			sin := exactSine(half(exact(float64(limit))))
			edges[limit] = mul(sin, sin)
		}
		if h := exactHaversine(wrap(rows.RA[i]), rows.Dec[i], wrap(qra), qdec); compareExact(h, edges[limit]) <= 0 {
			ids, exactly = append(ids, i), append(exactly, h)
		}
	}
	return ids, exactly
}

// Row and status are those of 320-bit arithmetic, and separations within 1e-9 of their
// value or 1e-12 degrees. Half of the catalogues have radii.
func TestNearestIsExact(t *testing.T) {
	trials := 10
	if testing.Short() {
		trials = 3
	}
	if text := os.Getenv("SKYFINCH_TRIALS"); text != "" { // 500 positions each: 2000 are a million
		var err error
		trials, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for range trials {
		scale := math.Pow(10, -9+10*rnd.Float64())
		ra, dec := nasty(rnd, 300, scale)
		qra, qdec := nasty(rnd, 250, scale)
		for i := range qra { // half of them among the rows
			if j := rnd.IntN(len(ra)); i%2 == 0 {
				qra[i], qdec[i] = ra[j]+scale/3*rnd.NormFloat64()*float64(rnd.IntN(2)), clamp(dec[j]+scale/3*rnd.NormFloat64()*float64(rnd.IntN(2)))
			}
		}
		all := Rows{RA: ra, Dec: dec}
		if rnd.IntN(2) == 0 {
			for range ra {
				all.Radius = append(all.Radius, []Angle{nan, 0, Angle(scale * rnd.Float64()), radiusOf(rnd, ra, dec, qra, qdec)}[rnd.IntN(4)])
			}
		}
		c, err := NewCatalog(all)
		require.NoError(t, err)
		for _, radius := range []Angle{Angle(scale * rnd.Float64()), radiusOf(rnd, ra, dec, qra, qdec)} {
			got, err := c.AppendNearest(nil, Positions{RA: qra, Dec: qdec}, radius)
			require.NoError(t, err)
			pairs, err := c.Within(Positions{RA: qra, Dec: qdec}, radius, 0)
			require.NoError(t, err)
			for i := range qra {
				what := []any{"seed %d: %v %v within %v", seed, qra[i], qdec[i], float64(radius)}
				if !Valid(qra[i], qdec[i]) {
					require.Equal(t, StatusInvalid, got[i].Status, what...)
					continue
				}
				rows, hs := truth(all, qra[i], qdec[i], radius)
				best := -1
				for k := range rows {
					if best < 0 || compareExact(hs[k], hs[best]) < 0 {
						best = k
					}
				}
				if best < 0 {
					require.Equal(t, StatusNone, got[i].Status, what...)
					continue
				}
				found++
				require.Equal(t, StatusMatch, got[i].Status, what...)
				require.Equal(t, rows[best], int(got[i].Row), what...)
				sep, _ := exactSeparation(wrap(ra[rows[best]]), dec[rows[best]], wrap(qra[i]), qdec[i]).Float64()
				require.InDelta(t, sep, got[i].Separation.Degrees(), max(1e-9*sep, 1e-12), what...)
				n := 0
				for len(pairs) > 0 && pairs[0].Position == int32(i) {
					require.Contains(t, rows, int(pairs[0].Row), what...)
					if n++; n == 1 {
						require.Equal(t, got[i].Row, pairs[0].Row, what...)
					}
					pairs = pairs[1:]
				}
				require.Equal(t, len(rows), n, what...)
			}
			require.Empty(t, pairs)
		}
	}
	assert.Greater(t, found, trials*20)
	t.Logf("seed %d: %d matches of %d positions", seed, found, 500*trials)
}

// radiusOf returns the separation of a random position and row, which is then on the
// edge.
func radiusOf(rnd *rand.Rand, ra, dec, qra, qdec []float64) Angle {
	for range 100 {
		i, j := rnd.IntN(len(ra)), rnd.IntN(len(qra))
		if s := Separation(ra[i], dec[i], qra[j], qdec[j]); s >= 0 && s < 20 {
			return s
		}
	}
	return 0
}
