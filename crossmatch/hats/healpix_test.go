package hats

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
	"github.com/skyfinch/skyfinch/internal/healpix"
)

// TestAng2pix: the pixels are those of astropy-healpix 2.0.1.
func TestAng2pix(t *testing.T) {
	for _, x := range []struct {
		order   int
		ra, dec float64
		pixel   uint64
	}{
		{0, 45, 0.5, 0},
		{1, 0.3, 89.9, 3},
		{1, 359.9, -89.9, 44},
		{3, 10, 20, 310},
		{3, 100, -45, 616},
		{5, 200.5, 60.25, 2954},
		{5, 266.4168, -29.0078, 7207},
		{8, 83.822, -5.391, 343034},
		{8, 350, 41.8103, 218789},
		{12, 123.456, -78.9, 151600194},
		{12, 269.99, 66.56, 47535581},
		{29, 88.792939, 7.407064, 1661481257848399622},
		{29, 320.5, -40.5, 3291070806176264467},
		{29, 37.954542, 89.264109, 288201323344894101},
		{29, 186.649563, -63.099093, 3026904147104251056},
		{29, 10.684708, 41.26875, 190633513587146677},
	} {
		assert.Equal(t, x.pixel, pixelOf(x.ra, x.dec, x.order).nest, "%v %v", x.ra, x.dec)
	}
}

// TestPython compares with astropy-healpix. It needs a Python that has it:
// PYTHON, or the one in the path.
func TestPython(t *testing.T) {
	python := cmp.Or(os.Getenv("PYTHON"), "python3")
	if err := exec.Command(python, "-c", "import astropy_healpix").Run(); err != nil {
		t.Skip("no Python with astropy-healpix")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ra, dec := borderPlaces(rng, somePartitions(), 200)
	for range 100_000 {
		ra, dec = append(ra, 360*rng.Float64()), append(dec, math.Asin(2*rng.Float64()-1)/perDegree)
	}
	var in, out bytes.Buffer
	for i := range ra {
		fmt.Fprintln(&in, ra[i], dec[i])
	}
	run := exec.Command(python, "testdata/pixels.py")
	run.Stdin, run.Stdout, run.Stderr = &in, &out, os.Stderr
	require.NoError(t, run.Run())
	differ := 0
	for i, line := range strings.Fields(out.String()) {
		var want uint64
		_, err := fmt.Sscan(line, &want)
		require.NoError(t, err)
		got := ang2pix(ra[i], dec[i])
		if got == want {
			continue
		}
		// It may round to the pixel beside, which is less than a milliarcsecond off.
		differ++
		beside := &sky{partitions: partitions(finest, want)}
		require.NotEmpty(t, beside.touched(nil, ra[i], dec[i], 1e-7), "%v %v: %d, not %d", ra[i], dec[i], got, want)
	}
	t.Logf("%d of %d are rounded otherwise", differ, len(ra))
	assert.Less(t, differ, len(ra)/100)
}

// TestRealPixels compares with the column that HATS has of the pixels.
func TestRealPixels(t *testing.T) {
	c, err := Open(shared(t, "catalogs", "hats", "small_sky_o1_collection"), Options{Columns: []string{"_healpix_29"}})
	require.NoError(t, err)
	n := 0
	for _, d := range []*directory{c.main, c.margin} {
		for _, part := range d.partitions {
			names, err := d.files(part)
			require.NoError(t, err)
			tab, err := table.Open(names[0], c.options)
			require.NoError(t, err)
			for rec, err := range tab.Records(context.Background()) {
				require.NoError(t, err)
				ra, dec, pixel := rec.Column(0).(*array.Float64), rec.Column(1).(*array.Float64), rec.Column(2).(*array.Int64)
				for i := range ra.Len() {
					n++
					assert.Equal(t, uint64(pixel.Value(i)), ang2pix(ra.Value(i), dec.Value(i)), "%v %v", ra.Value(i), dec.Value(i))
				}
			}
			tab.Close()
		}
	}
	assert.Equal(t, 131+47, n)
}

// pixelOf returns the pixel of an order at a position.
func pixelOf(ra, dec float64, order int) pixel {
	return pixel{order, ang2pix(ra, dec) >> (2 * (finest - order))}
}

// TestNest2xyf: nest2xyf inverts xyf2nest, and agrees for pixels and their children.
func TestNest2xyf(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for range 10_000 {
		order := rng.IntN(finest + 1)
		x, y, face := rng.Uint32N(1<<finest), rng.Uint32N(1<<finest), rng.Uint32N(12)
		nest := healpix.Nest(x, y, face)
		gotX, gotY, gotFace := nest2xyf(pixel{order, nest >> (2 * (finest - order))})
		require.Equal(t, [3]uint32{x >> (finest - order), y >> (finest - order), face}, [3]uint32{gotX, gotY, gotFace})
	}
}

// TestMaxPixRad: it is the smallest bound on the distance from a position to the
// centre of its pixel, about.
func TestMaxPixRad(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ra, dec := borderPlaces(rng, somePartitions(), 200)
	for range 20_000 {
		ra, dec = append(ra, 360*rng.Float64()), append(dec, math.Asin(2*rng.Float64()-1)/perDegree)
	}
	for _, order := range []int{0, 1, 2, 3, 5, 8, 13, 20} {
		far := 0.
		for i := range ra {
			p := pixelOf(ra[i], dec[i], order)
			require.Less(t, p.nest, uint64(12)<<(2*order))
			d := toVector(ra[i], dec[i]).chord2(pix2vec(p))
			far = max(far, 2*math.Asin(math.Sqrt(d)/2)/maxPixRad(order))
		}
		assert.LessOrEqual(t, far, 1., order)
		assert.Greater(t, far, 0.7, order)
	}
}

// TestChild: children lie where their parent is.
func TestChild(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2_000 {
		ra, dec := 360*rng.Float64(), math.Asin(2*rng.Float64()-1)/perDegree
		p := pixelOf(ra, dec, 0)
		for order := 1; order <= finest; order++ {
			want := pixelOf(ra, dec, order)
			p = p.child(want.nest & 3)
			require.Equal(t, want, p)
			require.LessOrEqual(t, p.first(), ang2pix(ra, dec))
			require.Greater(t, p.end(), ang2pix(ra, dec))
		}
	}
}

// about returns a position at a distance, in degrees, from another one.
func about(rng *rand.Rand, ra, dec, far float64) (float64, float64) {
	if math.Abs(dec) == 90 { // all directions are one
		ra, dec = 360*rng.Float64(), math.Copysign(90-1e-12, dec)
	}
	sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
	sd, cd := math.Sincos(dec * perDegree)
	sr, cr := math.Sincos(far * perDegree)
	z := sd*cr + cd*sr*cos
	d := math.Asin(math.Max(-1, math.Min(1, z))) / perDegree
	return ra + math.Atan2(sin*sr*cd, cr-sd*z)/perDegree, d
}

// TestSearch: search finds the partitions within reach of a position, and perhaps
// some slightly farther.
func TestSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	parts, err := inOrder(somePartitions())
	require.NoError(t, err)
	s := &sky{partitions: parts}
	ra, dec := borderPlaces(rng, parts, 20)
	several := 0
	for i := range ra {
		for _, reach := range []float64{0, 1. / 3600, 0.01, 1, 12, 100, 180} {
			found := s.search(nil, ra[i], dec[i], reach)
			several += max(0, min(1, len(found)-1))
			in, near := map[int]bool{}, map[int]bool{}
			for _, f := range found {
				require.False(t, in[f], "twice")
				in[f] = true
			}
			for k := range 400 {
				far := reach * math.Sqrt(rng.Float64())
				if k%2 == 0 {
					far = reach * (1 - 1e-9)
				}
				a, d := about(rng, ra[i], dec[i], far)
				if home := find(parts, ang2pix(a, d)); home >= 0 {
					near[home] = true
					require.True(t, in[home], "%v %v within %v: %v", ra[i], dec[i], reach, parts[home])
				}
			}
			if reach <= 1 { // a partition that is in, but has nothing that is 1.3 times as far
				for f := range in {
					ok := near[f]
					for k := 0; k < 20_000 && !ok; k++ {
						a, d := about(rng, ra[i], dec[i], (reach+tolerance)*1.3*math.Sqrt(rng.Float64()))
						ok = find(parts, ang2pix(a, d)) == f
					}
					require.True(t, ok, "%v %v within %v: %v is far", ra[i], dec[i], reach, parts[f])
				}
			}
		}
	}
	assert.Greater(t, several, 500)
}

// TestInside: inside is right.
func TestInside(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	inside := 0
	for range 30_000 {
		ra, dec := 360*rng.Float64(), math.Asin(2*rng.Float64()-1)/perDegree
		p := pixelOf(ra, dec, rng.IntN(12))
		reach := maxPixRad(p.order) / perDegree * math.Pow(10, -3*rng.Float64())
		if !p.inside(ang2pix(ra, dec), reach) {
			continue
		}
		inside++
		for range 20 {
			a, d := about(rng, ra, dec, reach)
			require.Equal(t, p, pixelOf(a, d, p.order), "%v %v within %v", ra, dec, reach)
		}
	}
	assert.Greater(t, inside, 15_000)
}

func FuzzAng2pix(f *testing.F) {
	f.Add(0., 0.)
	f.Add(-1e-300, 90.)
	f.Add(359.99999999999994, -41.810314895778596)
	f.Add(1e300, 41.8103148957786)
	f.Fuzz(func(t *testing.T, ra, dec float64) {
		if !(math.Abs(ra) <= math.MaxFloat64 && math.Abs(dec) <= 90) {
			return
		}
		p := pixelOf(ra, dec, 12)
		if p.nest >= 12<<24 {
			t.Fatalf("%v %v: %v", ra, dec, p)
		}
		d := toVector(ra, dec).chord2(pix2vec(p))
		if 2*math.Asin(math.Sqrt(d)/2) > maxPixRad(12) {
			t.Fatalf("%v %v: %v is far", ra, dec, p)
		}
	})
}
