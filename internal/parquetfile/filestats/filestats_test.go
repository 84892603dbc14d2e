package filestats

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
)

// Integers beyond 2^53 are exact.
func TestExactStats(t *testing.T) {
	got, ok := statOf(arrow.PrimitiveTypes.Int64, []byte{1, 0, 0, 0, 0, 0, 0x20, 0})
	assert.True(t, ok)
	assert.Equal(t, "9007199254740993", string(got))
	_, ok = statOf(arrow.PrimitiveTypes.Float64, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x7f})
	assert.False(t, ok, "JSON has no infinity")
	_, ok = statOf(arrow.BinaryTypes.String, []byte{0xff})
	assert.False(t, ok, "JSON would have another string")
}
