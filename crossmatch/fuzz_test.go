package crossmatch

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Matches are those of a comparison with all rows in 320-bit arithmetic.
func FuzzNearest(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, scale := range []float64{1e-12, 1e-6, 1e-3, 1, 60} {
		ra, dec := nasty(rnd, 24, scale)
		f.Add(packPositions(ra, dec), scale)
	}
	f.Add(packPositions([]float64{0, 180, 1e308, 5e-324}, []float64{90, -90, 45, math.Nextafter(90, 91)}), 180.)
	f.Fuzz(func(t *testing.T, data []byte, radius float64) {
		var rows Rows
		var p Positions
		for i := 0; len(data) >= 16 && i < 48; i, data = i+1, data[16:] {
			ra, dec := math.Float64frombits(binary.LittleEndian.Uint64(data)), math.Float64frombits(binary.LittleEndian.Uint64(data[8:]))
			if i%2 == 0 {
				rows.RA, rows.Dec = append(rows.RA, ra), append(rows.Dec, dec)
			} else {
				p.RA, p.Dec = append(p.RA, ra), append(p.Dec, dec)
			}
		}
		c, err := NewCatalog(rows)
		require.NoError(t, err)
		got, err := c.AppendNearest(nil, p, Angle(radius))
		if !(radius >= 0 && radius <= 180) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		pairs, err := c.Within(p, Angle(radius), 0)
		require.NoError(t, err)
		for i := range p.RA {
			if !Valid(p.RA[i], p.Dec[i]) {
				require.Equal(t, StatusInvalid, got[i].Status)
				continue
			}
			near, hs := truth(rows, p.RA[i], p.Dec[i], Angle(radius))
			best := -1
			for k := range near {
				if best < 0 || compareExact(hs[k], hs[best]) < 0 {
					best = k
				}
			}
			if best < 0 {
				require.Equal(t, StatusNone, got[i].Status)
				continue
			}
			if row := int(got[i].Row); math.Abs(p.Dec[i]) != 90 || !slices.Contains(near, row) {
				require.Equal(t, near[best], row)
			} else { // at a pole, declinations are more precise than 320 bits
				require.Zero(t, compareExact(hs[slices.Index(near, row)], hs[best]))
			}
			n := 0
			for ; len(pairs) > 0 && pairs[0].Position == int32(i); pairs = pairs[1:] {
				require.Contains(t, near, int(pairs[0].Row))
				n++
			}
			require.Equal(t, len(near), n)
		}
		require.Empty(t, pairs)
	})
}

func packPositions(ra, dec []float64) (out []byte) {
	for i := range ra {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(ra[i]))
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(dec[i]))
	}
	return out
}
