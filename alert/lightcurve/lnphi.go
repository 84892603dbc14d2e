package lightcurve

import (
	"math"
	"sync"
)

// The logarithm of the normal distribution function, ln Φ(z), from its Taylor series
// at multiples of 1/8. In between, it is at most 1/16 from one; the next complex zero
// of Φ is 2.8 away, so terms fall by a factor of 45, and nine suffice for 1e-15.
const (
	lnPhiLimit   = 9 // of |z| for which there are series
	lnPhiStep    = 8 // series per unit of z
	lnPhiTerms   = 9
	lnPhiCentres = 2*lnPhiLimit*lnPhiStep + 1
)

type lnPhiTable [lnPhiCentres][lnPhiTerms]float64

// lnPhi returns the table, which is made at the first call.
var lnPhi = sync.OnceValue(func() *lnPhiTable {
	table := new(lnPhiTable)
	for i := range table {
		z := float64(i-lnPhiLimit*lnPhiStep) / lnPhiStep
		table[i] = lnPhiSeries(z)
	}
	return table
})

// lnPhiSeries returns the Taylor coefficients of ln Φ at z. Its derivative
// h = φ/Φ has h' = −h·(z+h), which gives each coefficient from those before.
func lnPhiSeries(z float64) (series [lnPhiTerms]float64) {
	phi := math.Erfc(-z/math.Sqrt2) / 2
	var h [lnPhiTerms]float64
	h[0] = math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) / phi
	series[0] = lnPhiExact(z)
	for k := range lnPhiTerms - 1 {
		series[k+1] = h[k] / float64(k+1)
		sum := z * h[k]
		if k > 0 {
			sum += h[k-1]
		}
		for j := 0; j <= k; j++ {
			sum += h[j] * h[k-j]
		}
		h[k+1] = -sum / float64(k+1)
	}
	return series
}

// lnPhiExact returns ln Φ(z) without the table.
func lnPhiExact(z float64) float64 {
	switch {
	case z > 0:
		return math.Log1p(-math.Erfc(z/math.Sqrt2) / 2)
	case z > -20:
		return math.Log(math.Erfc(-z/math.Sqrt2) / 2)
	default: // erfc will underflow: the asymptotic series
		u := 1 / (z * z)
		return -z*z/2 - math.Log(-z*math.Sqrt(2*math.Pi)) + math.Log1p(-u*(1-3*u*(1-5*u*(1-7*u))))
	}
}

// both returns ln Φ(z) and ln Φ(−z) = ln(1−Φ(z)).
func (table *lnPhiTable) both(z float64) (lower, upper float64) {
	const limit = lnPhiLimit
	if !(z < limit && z > -limit) {
		return lnPhiExact(z), lnPhiExact(-z)
	}
	i := int(z*lnPhiStep + (limit*lnPhiStep + 0.5))
	d := z - float64(i-limit*lnPhiStep)/lnPhiStep
	a, b := &table[i], &table[lnPhiCentres-1-i]
	d2 := d * d
	d4 := d2 * d2
	lower = (a[0] + a[1]*d) + (a[2]+a[3]*d)*d2 + d4*((a[4]+a[5]*d)+(a[6]+a[7]*d)*d2+a[8]*d4)
	upper = (b[0] - b[1]*d) + (b[2]-b[3]*d)*d2 + d4*((b[4]-b[5]*d)+(b[6]-b[7]*d)*d2+b[8]*d4)
	return lower, upper
}
