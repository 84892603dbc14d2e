package sim

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWalk(t *testing.T) {
	s, err := parseAvro([]byte(`{"type":"record","name":"a.b","fields":[
		{"name":"n","type":["null","long"]},
		{"name":"in","type":{"type":"record","name":"in","fields":[
			{"name":"x","type":{"type":"double","logicalType":"y"}},
			{"name":"e","type":{"type":"enum","name":"e","symbols":["A","B"]}},
			{"name":"f","type":{"type":"fixed","name":"f","size":3}}]}},
		{"name":"many","type":{"type":"array","items":"a.in"}},
		{"name":"map","type":{"type":"map","values":["null","e"]}},
		{"name":"again","type":["in","null"]},
		{"name":"s","type":"string"},{"name":"b","type":"boolean"},{"name":"f","type":"float"}]}`))
	require.NoError(t, err)
	assert.True(t, s.has("in.x"))
	assert.True(t, s.has("again.x"))
	assert.False(t, s.has("in.y"))
	assert.False(t, s.has("n.x"))
	in := "12345678\x02abc"
	data := "\x02\x03" + in + "\x02" + in + "\x01\x18" + in + "\x00" + "\x04\x02k\x02\x00\x02l\x00\x00" + "\x00" + in + "\x04hi\x01" + "1234"
	var got []string
	require.NoError(t, walk(s, []byte(data), func(path []byte, s spot) {
		got = append(got, string(path)+" "+s.typ+" "+data[s.from:s.to])
	}))
	assert.Equal(t, []string{
		"n long \x03", "in.x double 12345678", "in.e int \x02", "in.f fixed abc",
		"again.x double 12345678", "again.e int \x02", "again.f fixed abc",
		"s string hi", "b boolean \x01", "f float 1234",
	}, got)
	for n := range data {
		assert.ErrorIs(t, walk(s, []byte(data[:n]), func([]byte, spot) {}), errDatum, "%d bytes", n)
	}
	assert.ErrorIs(t, walk(s, []byte(data+"x"), func([]byte, spot) {}), errDatum)
}

func TestParseAvroErrors(t *testing.T) {
	for _, text := range []string{
		``, `{`, `"nothing"`, `3`, `{"type":"array"}`, `{"type":"record","name":"a","fields":[3]}`, `["null","x"]`,
		`{"type":"fixed","name":"f","size":-1}`, `{"type":"record","name":"a","fields":[{"name":"b"}]}`,
	} {
		_, err := parseAvro([]byte(text))
		assert.ErrorIs(t, err, errSchema, text)
	}
}

// A record within itself is as deep as its datum says, but not deeper than that.
func TestWalkRecursive(t *testing.T) {
	s, err := parseAvro([]byte(`{"type":"record","name":"a","fields":[{"name":"a","type":["null","a"]}]}`))
	require.NoError(t, err)
	require.NoError(t, walk(s, []byte{2, 2, 2, 0}, func([]byte, spot) {}))
	assert.ErrorIs(t, walk(s, make([]byte, 0), func([]byte, spot) {}), errDatum)
	deep := make([]byte, 1000)
	for i := range deep {
		deep[i] = 2
	}
	assert.ErrorIs(t, walk(s, deep, func([]byte, spot) {}), errDatum)
	endless, err := parseAvro([]byte(`{"type":"record","name":"a","fields":[{"name":"a","type":"a"}]}`))
	require.NoError(t, err)
	assert.False(t, endless.has("b.c"))
	assert.ErrorIs(t, walk(endless, nil, func([]byte, spot) {}), errDatum)
}

// Nothing, a thousand million times, takes no time.
func TestWalkNothing(t *testing.T) {
	text := `{"type":"record","name":"r0","fields":[{"name":"n","type":"null"}]}`
	for i := 1; i < 30; i++ {
		text = fmt.Sprintf(`{"type":"record","name":"r%d","fields":[{"name":"a","type":%s},{"name":"b","type":"r%d"}]}`, i, text, i-1)
	}
	s, err := parseAvro([]byte(text))
	require.NoError(t, err)
	assert.ErrorIs(t, walk(s, nil, func([]byte, spot) {}), errDatum)
	assert.False(t, s.has("a.a.a.a.a.a.b.b.b.b.b.x"))
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte(`{"type":"record","name":"a","fields":[{"name":"a","type":["null","a"]},{"name":"b","type":{"type":"map","values":"bytes"}}]}`), []byte{2, 0, 0, 0})
	f.Add([]byte(`{"type":"array","items":"null"}`), []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0})
	f.Add([]byte(`{"type":"fixed","name":"f","size":3}`), []byte("abc"))
	f.Add([]byte(ztfSchema()), []byte{})
	if b, err := os.ReadFile("../../../shared/schemas/lsst-900.avsc"); err == nil {
		f.Add(b, []byte{0})
	}
	f.Fuzz(func(t *testing.T, text, data []byte) {
		s, err := parseAvro(text)
		if err != nil {
			return
		}
		s.has("a.b")
		_ = walk(s, data, func(path []byte, s spot) {
			if s.from < 0 || s.to < s.from || s.to > len(data) {
				t.Errorf("%s at %d to %d of %d bytes", path, s.from, s.to, len(data))
			}
		})
	})
}

func FuzzCutout(f *testing.F) {
	l := newLSST(1)
	k := newSky(&Simulator{Survey: LSST})
	d := k.alert(k.exposure(0, 0), 0)
	l.cutouts(nil, &d)
	f.Add(l.fits.b)
	f.Add([]byte("SIMPLE  =                    T"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < leastCutout {
			return
		}
		n := len(b)
		newVariation(Vary{}, 1).cutout(b)
		if len(b) != n {
			t.Error("another size")
		}
	})
}
