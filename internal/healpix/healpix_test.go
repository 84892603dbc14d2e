package healpix

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func ExampleNested() {
	fmt.Println(Nested(88.792939, 7.407064), Nested(45, 0.5)>>(2*Order))
	// Output: 1661481257848399622 0
}

// The pixels are those of astropy-healpix 2.0.1.
func TestNested(t *testing.T) {
	for _, x := range []struct {
		ra, dec float64
		pixel   uint64
	}{
		{88.792939, 7.407064, 1661481257848399622},
		{320.5, -40.5, 3291070806176264467},
		{37.954542, 89.264109, 288201323344894101},
		{186.649563, -63.099093, 3026904147104251056},
		{10.684708, 41.26875, 190633513587146677},
	} {
		assert.Equal(t, x.pixel, Nested(x.ra, x.dec), "%v %v", x.ra, x.dec)
	}
}
