package avroarrow

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWalk(t *testing.T) {
	s, err := Parse([]byte(`{"type":"record","name":"a.b","fields":[
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
	assert.True(t, s.Has("in.x"))
	assert.True(t, s.Has("again.x"))
	assert.True(t, s.Has("many"))
	for _, path := range []string{"in.y", "n.x", "IN.x", "many.x", "map.value", "in.x.", "", "in."} {
		assert.False(t, s.Has(path), path)
	}
	in := "12345678\x02abc"
	data := "\x02\x03" + in + "\x02" + in + "\x01\x18" + in + "\x00" + "\x04\x02k\x02\x00\x02l\x00\x00" + "\x00" + in + "\x04hi\x01" + "1234"
	var got []string
	n, err := s.Walk([]byte(data+"x"), func(path []byte, v Value) {
		got = append(got, string(path)+" "+v.Type.String()+" "+data[v.From:v.To])
	})
	require.NoError(t, err)
	assert.Len(t, data, n)
	assert.Equal(t, []string{
		"n int64 \x03", "in.x float64 12345678", "in.e int32 \x02", "in.f fixed_size_binary[3] abc",
		"again.x float64 12345678", "again.e int32 \x02", "again.f fixed_size_binary[3] abc",
		"s utf8 hi", "b bool \x01", "f float32 1234",
	}, got)
	for n := range data {
		_, err := s.Walk([]byte(data[:n]), func([]byte, Value) {})
		assert.ErrorIs(t, err, errShort, "%d bytes", n)
	}
}
