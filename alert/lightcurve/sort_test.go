package lightcurve

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSort(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s sorter
	for n := range 300 {
		m := make([]float64, n)
		for i := range m {
			switch rng.IntN(10) {
			case 0:
				m[i] = math.Inf(1 - 2*rng.IntN(2))
			case 1:
				m[i] = float64(rng.IntN(3) - 1)
			default:
				m[i] = rng.NormFloat64()
			}
		}
		got := s.sort([]float64{}, m)
		slices.Sort(m)
		require.Equal(t, m, got)
	}
}
