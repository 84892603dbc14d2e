package crossmatch

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exactSeparation returns the angle in degrees, in 320-bit arithmetic: the arc sine by
// Newton's method.
func exactSeparation(ra1, dec1, ra2, dec2 float64) *big.Float {
	h := exactHaversine(ra1, dec1, ra2, dec2)
	if h.Sign() == 0 {
		return exact(0)
	}
	f, _ := h.Float64()
	x := exact(2 * math.Asin(math.Sqrt(min(f, 1))) * 180 / math.Pi)
	if f > 0.999 { // by the cosine, which is steeper there: with half of the angle's complement
		c := exact(0).Sub(exact(1), h)
		if c.Sign() <= 0 {
			return exact(180)
		}
		g, _ := c.Float64()
		y := newton(exact(2*math.Asin(math.Sqrt(g))*180/math.Pi), exact(0).Sqrt(c))
		return exact(0).Sub(exact(180), y)
	}
	return newton(x, exact(0).Sqrt(h))
}

// newton improves x until sin(x/2) equals s.
func newton(x, s *big.Float) *big.Float {
	for range 3 { // twice as many digits each time
		sin := exactSine(half(x))
		cos := exact(0).Sqrt(exact(0).Sub(exact(1), mul(sin, sin)))
		d := exact(0).Sub(sin, s)
		d.Quo(d, cos)
		d.Quo(d, half(exactDegToRad()))
		x = exact(0).Sub(x, d)
	}
	return x
}

func TestExactSine(t *testing.T) {
	for _, x := range []float64{0, 1e-200, 1, 30, 45, 90, 180, 360, -30, 359.25} {
		got, _ := exactSine(exact(x)).Float64()
		assert.InDelta(t, math.Sin(x*math.Pi/180), got, 1e-15, "%v", x)
	}
	got := exactSine(exact(30)) // is 0.5 to all digits
	assert.Equal(t, 0, compareExact(got, exact(0.5)), "%v", got)
	assert.Equal(t, "0.017453292519943295769236907684886127134428718885417254560971914", exactDegToRad().Text('f', 63))
}

// Separations are correct for positions of all kinds.
func TestSeparation(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	check := func(ra1, dec1, ra2, dec2 float64) {
		t.Helper()
		want, _ := exactSeparation(ra1, dec1, ra2, dec2).Float64()
		got := Separation(ra1, dec1, ra2, dec2).Degrees()
		if want < 179 {
			require.InDelta(t, want, got, max(2e-15*want, 1e-300), "%v %v, %v %v", ra1, dec1, ra2, dec2)
		} else {
			require.InDelta(t, want, got, 1e-13, "%v %v, %v %v", ra1, dec1, ra2, dec2)
		}
	}
	n := 20_000
	if testing.Short() {
		n = 1000
	}
	for range n {
		ra, dec := 360*rnd.Float64(), math.Asin(2*rnd.Float64()-1)/degToRad
		d := math.Pow(10, -16*rnd.Float64()+2)
		switch rnd.IntN(6) {
		case 0: // a neighbour
			check(ra, dec, ra+d*rnd.NormFloat64(), clamp(dec+d*rnd.NormFloat64()))
		case 1: // near a pole
			check(ra, 90-d/100, 360*rnd.Float64(), 90-d/100*rnd.Float64())
		case 2: // near the meridian
			check(-d, dec, 360-d*rnd.Float64(), dec)
		case 3: // nearly opposite
			check(ra, dec, ra+180+d*rnd.Float64(), clamp(-dec+d*rnd.Float64()))
		case 4: // any
			check(ra, dec, 720*rnd.Float64()-360, math.Asin(2*rnd.Float64()-1)/degToRad)
		case 5: // due north
			check(ra, dec, ra, clamp(dec+d))
		}
	}
	assert.Equal(t, Angle(0), Separation(10, 90, 200, 90))
	assert.Equal(t, Angle(180), Separation(10, 90, 200, -90))
	assert.True(t, math.IsNaN(float64(Separation(math.NaN(), 0, 0, 0))))
	assert.True(t, math.IsNaN(float64(Separation(0, 90.1, 0, 0))))
	assert.True(t, math.IsNaN(float64(Separation(math.Inf(1), 0, 0, 0))))
}

func clamp(dec float64) float64 { return max(-90, min(90, dec)) }
