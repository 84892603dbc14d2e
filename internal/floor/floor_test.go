package floor

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func ExampleDiv() {
	fmt.Println(Div(7, 3), Div(-7, 3), -7/3)
	// Output: 2 -3 -2
}

func TestDiv(t *testing.T) {
	for a := int64(-20); a <= 20; a++ {
		for b := int64(1); b < 8; b++ {
			q := Div(a, b)
			assert.True(t, q*b <= a && a < (q+1)*b, "%d/%d", a, b)
		}
	}
}
