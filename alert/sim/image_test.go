package sim

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hdu is a header and data unit of FITS.
type hdu struct {
	cards  map[string]string
	pixels []float64
}

// readFITS parses a file strictly by the standard.
func readFITS(t *testing.T, b []byte) (all []hdu) {
	require.Zero(t, len(b)%2880)
	for len(b) > 0 {
		h := hdu{cards: map[string]string{}}
		at := 0
		for ; !strings.HasPrefix(string(b[at:]), "END"); at += 80 {
			card := string(b[at : at+80])
			require.Equal(t, "= ", card[8:10], card)
			for _, c := range card {
				require.True(t, c >= ' ' && c <= '~', card)
			}
			value, _, _ := strings.Cut(card[10:], " / ")
			require.True(t, card[10] == '\'' || card[29] != ' ', "numbers end in column 30: %s", card)
			h.cards[strings.TrimSpace(card[:8])] = strings.TrimSpace(value)
		}
		assert.Equal(t, "END", strings.TrimSpace(string(b[at:at+80])))
		head := (at/2880 + 1) * 2880
		assert.Empty(t, strings.TrimSpace(string(b[at+80:head])))
		bitpix, n, start := fitsShape(b)
		require.Equal(t, head, start)
		b = b[head:]
		for i := range n {
			if bitpix == -32 {
				h.pixels = append(h.pixels, float64(math.Float32frombits(binary.BigEndian.Uint32(b[4*i:]))))
			} else {
				h.pixels = append(h.pixels, math.Float64frombits(binary.BigEndian.Uint64(b[8*i:])))
			}
		}
		b = b[(n*-bitpix/8+2879)/2880*2880:]
		all = append(all, h)
	}
	return all
}

// centre returns the centre and the sum of the light of an image.
func centre(pixels []float64, side int) (x, y, sum float64) {
	for i, v := range pixels {
		x, y, sum = x+v*float64(i%side), y+v*float64(i/side), sum+v
	}
	return x / sum, y / sum, sum
}

func TestCutouts(t *testing.T) {
	k := newSky(&Simulator{Survey: ZTF, Seed: 2, Alerts: 2000})
	x, slot, o := find(t, k, variable)
	d := k.observe(x, slot, o)
	d.flux = 400 * d.err

	z, err := newZTF(1)
	require.NoError(t, err)
	z.stamps.draw(&d, z.noise, 1.01, ztfSky)
	got, err := z.cutouts(nil, &d, 1)
	require.NoError(t, err)
	var files [][]hdu
	for range 3 {
		require.Zero(t, got[0])
		got = got[1:]
		name := take(t, &got)
		assert.Contains(t, string(name), "candid1_")
		r, err := gzip.NewReader(bytes.NewReader(take(t, &got)))
		require.NoError(t, err)
		plain, err := io.ReadAll(r)
		require.NoError(t, err)
		files = append(files, readFITS(t, plain))
	}
	assert.Empty(t, got)
	difference := files[2][0]
	assert.Equal(t, "63", difference.cards["NAXIS1"])
	assert.Equal(t, "T", difference.cards["SIMPLE"])
	require.Len(t, difference.pixels, 63*63)
	px, py, sum := centre(difference.pixels[21*63:42*63], 63)
	assert.InDelta(t, 31.2, px, 3)
	assert.InDelta(t, 10.2, py, 3)
	assert.InEpsilon(t, d.flux*z.stamps.scale, sum, 0.3)

	l := newLSST(1)
	got = l.cutouts(nil, &d)
	for range 3 {
		require.EqualValues(t, 2, got[0])
		got = got[1:]
		file := readFITS(t, take(t, &got))
		require.Len(t, file, 3)
		assert.Len(t, file[0].pixels, 900)
		assert.Len(t, file[1].pixels, 900)
		assert.Equal(t, "'UNCERT  '", file[1].cards["EXTNAME"])
		for _, v := range file[1].pixels {
			require.Positive(t, v)
		}
		side := int(math.Sqrt(float64(len(file[2].pixels))))
		px, py, sum := centre(file[2].pixels, side)
		assert.InDelta(t, float64(side/2), px, 1e-6)
		assert.InDelta(t, float64(side/2), py, 1e-6)
		assert.InDelta(t, 1, sum, 0.3)
	}
	assert.Empty(t, got)
}

func take(t *testing.T, b *[]byte) []byte {
	n, size := binary.Varint(*b)
	require.Positive(t, size)
	v := (*b)[size:][:n]
	*b = (*b)[size+int(n):]
	return v
}
