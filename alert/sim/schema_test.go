package sim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/ocf"
)

// The schemas equal those of the surveys except for docs and defaults.
func TestSchemas(t *testing.T) {
	compare := func(t *testing.T, mine string, real []byte) {
		assert.Equal(t, bare(t, real), bare(t, []byte(mine)))
	}
	t.Run("ztf", func(t *testing.T) {
		paths, err := filepath.Glob("../../../shared/alerts/ztf-3.3/*.avro")
		require.NoError(t, err)
		if len(paths) == 0 {
			t.Skip("no real packets here")
		}
		data, err := os.ReadFile(paths[0])
		require.NoError(t, err)
		h, err := ocf.ParseHeader(data)
		require.NoError(t, err)
		compare(t, ztfSchema(), h.Schema)
	})
	t.Run("lsst", func(t *testing.T) {
		real, err := os.ReadFile("../../../shared/schemas/lsst-900.avsc")
		if os.IsNotExist(err) {
			t.Skip("no real schema here")
		}
		require.NoError(t, err)
		compare(t, lsstSchema(), real)
	})
}

// bare returns a schema without what readers of packets ignore.
func bare(t *testing.T, text []byte) any {
	var v any
	require.NoError(t, json.Unmarshal(text, &v))
	return strip(v)
}

func strip(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = strip(v[i])
		}
	case map[string]any:
		delete(v, "doc")
		delete(v, "default")
		if len(v) == 1 && v["type"] != nil { // {"type": "int"}
			return strip(v["type"])
		}
		if inner, ok := v["type"].(map[string]any); ok && inner["type"] == "array" {
			v["type"] = inner
		}
		for key := range v {
			v[key] = strip(v[key])
		}
	}
	return v
}

// They are valid Avro, which ZTF's own are not.
func TestSchemasAreValid(t *testing.T) {
	for _, text := range []string{ztfSchema(), lsstSchema()} {
		_, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
		require.NoError(t, err)
	}
}

// Values for names that a record lacks would be dropped.
func TestUnknownNames(t *testing.T) {
	z, err := newZTF(1)
	require.NoError(t, err)
	l := newLSST(1)
	assert.Len(t, z.distributions, strings.Count(ztfPlausible, ",")+1)
	assert.Len(t, l.distributions, strings.Count(lsstPlausible, ",")+1)
	rows := map[string]row{"candidate": z.row, "diaSource": l.source, "forced": l.forced, "diaObject": l.object, "orbit": l.orbit, "ssSource": l.solar}
	z1, l1 := &Simulator{Survey: ZTF, Alerts: 200}, &Simulator{Survey: LSST, Alerts: 200}
	for s, m := range map[*Simulator]packetMaker{z1: z, l1: l} {
		k := newSky(s)
		for n := range k.exposures() {
			x := k.exposure(0, n)
			for slot := range x.count {
				d := k.alert(x, slot)
				_, err := m.packet(d, k.observeAll(nil, d, k.history(nil, x)))
				require.NoError(t, err)
				for name, r := range rows {
					assert.False(t, r.values[len(r.fields)].set, name)
				}
			}
		}
	}
}
