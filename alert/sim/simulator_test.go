package sim_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/stream"
)

func TestDecodes(t *testing.T) {
	for _, survey := range []sim.Survey{sim.ZTF, sim.LSST} {
		t.Run(survey.String(), func(t *testing.T) {
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
			for i, p := range packets {
				assert.Equal(t, survey.String(), surveys.Value(i))
				assert.Equal(t, p.ID, ids.Value(i))
				assert.Equal(t, p.Object, objects.Value(i))
				assert.EqualValues(t, p.Time.UnixMicro(), times.Value(i))
			}
		})
	}
}
