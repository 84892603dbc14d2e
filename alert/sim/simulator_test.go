package sim_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/stream"
)

var surveys = []sim.Survey{sim.ZTF, sim.LSST}

func each(t *testing.T, test func(t *testing.T, survey sim.Survey)) {
	for _, survey := range surveys {
		t.Run(survey.String(), func(t *testing.T) { test(t, survey) })
	}
}

func TestDecodes(t *testing.T) {
	each(t, func(t *testing.T, survey sim.Survey) {
		registry := &sim.Registry{}
		s := &sim.Simulator{Survey: survey, Seed: 7, Alerts: 300, Registry: registry}
		packets := collect(t, s.Packets(0))
		require.Len(t, packets, 300)
		rec := decode(t, registry, packets...)
		require.EqualValues(t, 300, rec.NumRows())
		ids := stream.Field(rec, "alert_id").(*array.Int64)
		objects := stream.Field(rec, "object_id").(*array.String)
		times := stream.Field(rec, "event_time").(*array.Timestamp)
		surveys := stream.Field(rec, "survey").(*array.String)
		nights := stream.Field(rec, "night").(*array.Int32)
		ras, decs := stream.Field(rec, "ra").(*array.Float64), stream.Field(rec, "dec").(*array.Float64)
		hours := map[int]int{}
		for i, p := range packets {
			assert.Equal(t, survey.String(), surveys.Value(i))
			assert.Equal(t, p.ID, ids.Value(i))
			assert.Equal(t, p.Object, objects.Value(i))
			assert.EqualValues(t, p.Time.UnixMicro(), times.Value(i))
			assert.EqualValues(t, map[sim.Survey]int32{sim.ZTF: 20260915, sim.LSST: 20260914}[survey], nights.Value(i))
			assert.True(t, ras.Value(i) >= 0 && ras.Value(i) < 360, "ra %v", ras.Value(i))
			assert.True(t, decs.Value(i) >= -90 && decs.Value(i) <= 90, "dec %v", decs.Value(i))
			assert.Greater(t, len(p.Value), 40_000)
			assert.Less(t, len(p.Value), 130_000)
			assert.Nil(t, p.Key)
			hours[p.Time.Hour()]++
		}
		assert.GreaterOrEqual(t, len(hours), 8)
	})
}

func TestReproducible(t *testing.T) {
	each(t, func(t *testing.T, survey sim.Survey) {
		s := &sim.Simulator{Survey: survey, Seed: 7, Alerts: 60}
		first := collect(t, s.Packets(100)) // into the next night
		assert.Equal(t, first, collect(t, s.Packets(100)))
		assert.Equal(t, first[:20], collect(t, s.Packets(20)))
		other := &sim.Simulator{Survey: survey, Seed: 8, Alerts: 60}
		for i, p := range collect(t, other.Packets(100)) {
			assert.NotEqual(t, first[i].Value, p.Value)
		}
	})
}

func TestIDsAreUnique(t *testing.T) {
	each(t, func(t *testing.T, survey sim.Survey) {
		s := &sim.Simulator{Survey: survey, Seed: 7, Alerts: 400}
		ids, last := map[int64]bool{}, sim.Packet{}
		values := map[[32]byte]bool{}
		for p, err := range s.Packets(1200) {
			require.NoError(t, err)
			assert.False(t, ids[p.ID])
			assert.False(t, p.Time.Before(last.Time))
			if p.Time.After(last.Time) {
				assert.Greater(t, p.ID, last.ID)
			}
			ids[p.ID], last = true, p
			values[sha256.Sum256(p.Value)] = true
		}
		assert.Len(t, values, 1200)
		assert.Equal(t, last.Time.Day(), map[sim.Survey]int{sim.ZTF: 17, sim.LSST: 17}[survey])
	})
}

func TestStops(t *testing.T) {
	s := &sim.Simulator{Alerts: 5}
	n := 0
	for range s.Packets(-1) {
		if n++; n == 23 {
			break
		}
	}
	assert.Equal(t, 23, n)
}

func TestInvalidStart(t *testing.T) {
	each(t, func(t *testing.T, survey sim.Survey) {
		s := &sim.Simulator{Survey: survey, Start: time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC)}
		n := 0
		for _, err := range s.Packets(0) {
			n++
			require.ErrorContains(t, err, "before 1990")
		}
		assert.Equal(t, 1, n)
	})
}

// branch returns the value of a union, which may be wrapped in a map.
func branch(v any) any {
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		for _, v := range m {
			return v
		}
	}
	return v
}

// ztfValues returns the fields of a ZTF packet, as another reader of Avro has them.
func ztfValues(t *testing.T, p sim.Packet) map[string]any {
	d, err := ocf.NewDecoder(bytes.NewReader(p.Value), ocf.WithDecoderSchemaCache(&avro.SchemaCache{}))
	require.NoError(t, err)
	require.True(t, d.HasNext())
	var v map[string]any
	require.NoError(t, d.Decode(&v))
	require.False(t, d.HasNext())
	require.NoError(t, d.Error())
	return v
}

func TestZTF(t *testing.T) {
	s := &sim.Simulator{Survey: sim.ZTF, Seed: 3, Alerts: 120}
	seen := map[int64]map[string]any{} // candidate by candid
	found := 0
	for p, err := range s.Packets(480) { // four nights: the last is the first again
		require.NoError(t, err)
		v := ztfValues(t, p)
		c := v["candidate"].(map[string]any)
		assert.Equal(t, p.ID, v["candid"])
		assert.Equal(t, p.ID, c["candid"])
		seen[p.ID] = c
		previous, _ := branch(v["prv_candidates"]).([]any)
		for _, old := range previous {
			old := old.(map[string]any)
			assert.Less(t, old["jd"], c["jd"])
			assert.Equal(t, old["field"], c["field"])
			id, ok := old["candid"].(int64)
			if !ok {
				assert.Nil(t, old["magpsf"])
				continue
			}
			was := seen[id]
			if was == nil {
				continue // of a night before the first
			}
			found++
			for _, f := range strings.Fields(`jd fid pid diffmaglim programid rcid xpos chipsf rb rbversion ra dec
				ranr decnr magpsf sigmapsf scorr isdiffpos classtar magnr`) {
				require.NotNil(t, old[f], f)
				assert.Equal(t, was[f], old[f], f)
			}
		}
	}
	assert.Greater(t, found, 100)
}

func TestLSST(t *testing.T) {
	registry := &sim.Registry{}
	text, err := registry.Schema(t.Context(), 900)
	require.NoError(t, err)
	schema, err := avro.ParseWithCache(string(text), "", &avro.SchemaCache{})
	require.NoError(t, err)
	s := &sim.Simulator{Survey: sim.LSST, Seed: 3, Alerts: 120, Registry: registry}
	solar, previous := 0, 0
	for p, err := range s.Packets(240) {
		require.NoError(t, err)
		require.Equal(t, []byte{0, 0, 0, 900 >> 8, 900 & 255}, p.Value[:5])
		var v map[string]any
		require.NoError(t, avro.Unmarshal(schema, p.Value[5:], &v))
		d := v["diaSource"].(map[string]any)
		assert.Equal(t, p.ID, d["diaSourceId"])
		// TAI is 37 s ahead of UTC.
		unix := (d["midpointMjdTai"].(float64) - 40587) * 86400
		assert.InDelta(t, 37, unix-float64(p.Time.UnixMicro())/1e6, 1e-5)
		assert.Len(t, fmt.Sprint(d["visit"]), 13)
		assert.Contains(t, []string{"20260914", "20260915"}, fmt.Sprint(d["visit"])[:8])
		if v["ssSource"] != nil {
			solar++
			assert.Nil(t, v["diaObject"])
			assert.NotNil(t, v["MPCORB"])
			continue
		}
		object := branch(v["diaObject"]).(map[string]any)
		prv, _ := branch(v["prvDiaSources"]).([]any)
		n := 1 + len(prv)
		previous += len(prv)
		for _, old := range prv {
			assert.Equal(t, d["diaObjectId"], old.(map[string]any)["diaObjectId"])
		}
		assert.EqualValues(t, n, object["nDiaSources"])
	}
	assert.Greater(t, solar, 15)
	assert.Greater(t, previous, 500)
}

func TestParseSurvey(t *testing.T) {
	for _, s := range surveys {
		got, err := sim.ParseSurvey(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, got)
	}
	_, err := sim.ParseSurvey("sdss")
	assert.EqualError(t, err, `sim: unknown survey "sdss": use ztf or lsst`)
}
