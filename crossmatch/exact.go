package crossmatch

import (
	"math"
	"math/big"
	"sync"
)

// Where float64 cannot decide which of two angles is larger, 320-bit arithmetic does.
// Coordinates have exactly the value of their float64, in degrees.

const (
	exactBits = 320
	// doubt is the relative difference of haversines up to which float64 may have
	// them in the wrong order.
	doubt = 1e-13
	// Haversines below tiny have lost digits.
	tiny = 1e-290
	// Two results that agree in equalBits bits are the same angle.
	equalBits = 240
)

// doubtful reports whether float64 may have two haversines in the wrong order.
func doubtful(a, b float64) bool {
	d := a - b
	return d <= doubt*b && d >= -doubt*b || a < tiny && b < tiny
}

// exactHaversine returns the haversine of the angle between two positions with wrapped
// right ascensions.
func exactHaversine(ra1, dec1, ra2, dec2 float64) *big.Float {
	dec := exactSine(half(exactDiff(dec1, dec2)))
	turn := exactDiff(ra1, ra2)
	if turn.Abs(turn).Cmp(exact(180)) > 0 {
		turn.Sub(exact(360), turn)
	}
	lon := exactSine(half(turn))
	sum := mul(mul(exactCosine(dec1), exactCosine(dec2)), mul(lon, lon))
	return sum.Add(sum, mul(dec, dec))
}

// compareExact compares two haversines, and returns -1, 0 or 1.
func compareExact(a, b *big.Float) int {
	d := exact(0).Sub(a, b)
	if a.Sign() == 0 || b.Sign() == 0 {
		return d.Sign()
	}
	if d.Sign() == 0 || d.MantExp(nil) < max(a.MantExp(nil), b.MantExp(nil))-equalBits {
		return 0
	}
	return d.Sign()
}

func exact(x float64) *big.Float { return new(big.Float).SetPrec(exactBits).SetFloat64(x) }

func mul(a, b *big.Float) *big.Float { return exact(0).Mul(a, b) }

func half(a *big.Float) *big.Float { return mul(a, exact(0.5)) }

func exactDiff(a, b float64) *big.Float { return exact(0).Sub(exact(a), exact(b)) }

// exactCosine returns the cosine of a declination: the sine of its distance from a pole.
func exactCosine(dec float64) *big.Float { return exactSine(exactDiff(90, math.Abs(dec))) }

// exactSine returns the sine of an angle from -360 to 360 degrees, by Taylor's series.
func exactSine(deg *big.Float) *big.Float {
	x := mul(deg, exactDegToRad())
	square := mul(x, x)
	sum, term := exact(0).Set(x), x
	for n := 2.; ; n += 2 {
		term = mul(term, square)
		term.Quo(term, exact(-n*(n+1)))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-exactBits {
			return sum
		}
		sum.Add(sum, term)
	}
}

// exactDegToRad returns π/180, by Machin's formula.
var exactDegToRad = sync.OnceValue(func() *big.Float {
	arctan := func(inverse float64) *big.Float {
		sum, term := exact(0), exact(0).Quo(exact(1), exact(inverse))
		for n := 1.; term.MantExp(nil) > -exactBits-8; n += 2 {
			sum.Add(sum, exact(0).Quo(term, exact(n)))
			term.Quo(term, exact(-inverse*inverse))
		}
		return sum
	}
	quarter := mul(exact(4), arctan(5))
	quarter.Sub(quarter, arctan(239))
	return quarter.Quo(quarter, exact(45))
})
