package crossmatch

import (
	"math"
	"math/big"
	"sync"
)

// Where float64 cannot tell which of two angles is the larger, arithmetic of 320
// bits does. The coordinates are taken for what their float64 says, in degrees.

const (
	exactBits = 320
	// doubt is how near to each other haversines are, relatively, that float64 may
	// have in the wrong order.
	doubt = 1e-13
	// tiny haversines have lost digits.
	tiny = 1e-290
	// equalBits is where two results of 320 bits are the same angle.
	equalBits = 240
)

// doubtful reports whether two haversines may be in the wrong order.
func doubtful(a, b float64) bool {
	d := a - b
	return d <= doubt*b && d >= -doubt*b || a < tiny && b < tiny
}

// exactHaversine is the haversine of the angle between two positions, whose right
// ascensions are wrapped.
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

// compareExact compares two haversines: -1, 0 or 1.
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

// exactCosine is that of a declination: the sine of its distance from a pole.
func exactCosine(dec float64) *big.Float { return exactSine(exactDiff(90, math.Abs(dec))) }

// exactSine is the sine of degrees between -360 and 360, by Taylor's series.
func exactSine(deg *big.Float) *big.Float {
	x := mul(deg, exactPerDegree())
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

// exactPerDegree is π/180, by Machin's formula.
var exactPerDegree = sync.OnceValue(func() *big.Float {
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
