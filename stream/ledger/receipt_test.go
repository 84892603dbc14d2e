package ledger

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReceiptAll(t *testing.T) {
	r := Receipt{Files: []File{{Path: "a"}}, Parts: []Receipt{{Files: []File{{Path: "b"}, {Path: "c"}}}, {Parts: []Receipt{{Files: []File{{Path: "d"}}}}}}}
	var names []string
	for f := range r.All() {
		names = append(names, f.Path)
	}
	assert.Equal(t, []string{"a", "b", "c", "d"}, names)
	for stop := range 4 {
		n := 0
		for range r.All() {
			if n == stop {
				break
			}
			n++
		}
		assert.Equal(t, stop, n)
	}
}
