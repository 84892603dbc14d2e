package clip_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/crossmatch/internal/clip"
)

func ExampleText() {
	fmt.Println(clip.Text("right ascension", 20))
	fmt.Println(clip.Text("right ascension", 5))
	// Output:
	// right ascension
	// right…
}

func TestText(t *testing.T) {
	assert.Equal(t, "é…", clip.Text("ééé", 3))
	assert.Equal(t, "ééé", clip.Text("ééé", 6))
	assert.Equal(t, "…", clip.Text("é", 1))
	assert.Equal(t, `a\x1b[31m\u202eb\u009b`, clip.Text("a\x1b[31m\u202eb\u009b", 20))
}
