package nearest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func ExampleHint() {
	fmt.Println(`unknown command "audti"` + Hint("audti", []string{"audit", "replay-rejected"}))
	// Output: unknown command "audti", did you mean "audit"?
}

func TestTo(t *testing.T) {
	names := []string{"brokers", "topics", "out", "once", "ra"}
	for name, want := range map[string]string{
		"broker": "brokers", "Topics": "topics", "topisc": "topics", "oce": "once", "r": "ra", "dec": "", "": "", "compression": "",
	} {
		assert.Equal(t, want, To(name, names), name)
	}
}
