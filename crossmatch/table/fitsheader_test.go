package table

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDataSize(t *testing.T) {
	for _, c := range []struct {
		bitpix, axes, more string
		want               int64 // -1: an error
	}{
		{"8", "", "", 0},
		{"8", "10", "", 2880},
		{"-64", "10 36", "", 2880},
		{"-64", "10 37", "", 2 * 2880},
		{"8", "0", "", 0},
		{"8", "0", "GROUPS=T PCOUNT=2880 GCOUNT=2", 3 * 2880},
		{"16", "0 100", "GROUPS=T PCOUNT=1340 GCOUNT=1", 2880},
		{"8", "100 28", "PCOUNT=81", 2 * 2880},
		{"8", "4611686018427387905", "", -1},
		{"8", "4294967296 4294967296 1", "", -1},
		{"8", "4294967296 4294967296", "GCOUNT=3", -1},
		{"8", "9223372036854775807", "PCOUNT=9223372036854775807", -1},
		{"64", "1", "GCOUNT=9223372036854775807", -1},
		{"12", "1", "", -1},
		{"0", "1", "", -1},
		{"8", "-1", "", -1},
		{"8", "1", "GCOUNT=x", -1},
	} {
		h := &fitsHeader{cards: map[string]string{"BITPIX": c.bitpix}}
		axes := strings.Fields(c.axes)
		h.cards["NAXIS"] = strconv.Itoa(len(axes))
		for i, v := range axes {
			h.cards[fmt.Sprintf("NAXIS%d", i+1)] = v
		}
		for _, card := range strings.Fields(c.more) {
			key, value, _ := strings.Cut(card, "=")
			h.cards[key] = value
		}
		got, err := h.dataSize()
		if c.want < 0 {
			assert.Error(t, err, c)
			continue
		}
		require.NoError(t, err, c)
		assert.Equal(t, c.want, got, c)
	}
}
