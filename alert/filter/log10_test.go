package filter

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLog10(t *testing.T) {
	x := 1.0
	for i := range 23 { // these are exact
		assert.Equal(t, float64(i), log10(x))
		x *= 10
	}
	assert.Equal(t, -1.0, log10(0.1))
	assert.InDelta(t, -323.3062153431158, log10(5e-324), 1e-12)
	assert.True(t, math.IsInf(log10(0), -1) && math.IsInf(log10(math.Inf(1)), 1) && math.IsNaN(log10(-1)) && math.IsNaN(log10(math.NaN())))
}
