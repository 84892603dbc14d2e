package sim_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

// A job that counts simulated alerts.
func ExampleSource() {
	job := &stream.MicroBatch{
		Source:     &sim.Source{Simulator: sim.Simulator{Survey: sim.LSST, Seed: 1}, Count: 50},
		Transforms: []stream.Transform{&alert.Decoder{Registry: new(sim.Registry)}},
		Sink: stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			fmt.Println(rows.Table, rows.Record.NumRows())
			return nil
		}),
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: alerts/lsst 50
}

func TestSource(t *testing.T) {
	for _, survey := range []sim.Survey{sim.ZTF, sim.LSST} {
		assert.NoError(t, streamtest.TestSource(&sim.Source{Simulator: sim.Simulator{Survey: survey, Alerts: 90}, Count: 250}))
	}
}

func TestSourceIsTheSimulators(t *testing.T) {
	s := &sim.Source{Simulator: sim.Simulator{Survey: sim.ZTF, Alerts: 120, Seed: 7}}
	extents, err := s.Available(t.Context())
	require.NoError(t, err)
	require.Len(t, extents, 1)
	assert.EqualValues(t, 120, extents[0].To, "one night")
	all := collect(t, s.Simulator.Packets(0))
	r := extents[0].Range
	r.From = 95
	var bounds []int64
	for c, err := range s.Read(t.Context(), []stream.Range{r}) {
		require.NoError(t, err)
		bounds = append(bounds, c.Accounts[0].To)
		values := c.Messages.Column(stream.ColValue).(*array.BinaryView)
		for i := range values.Len() {
			assert.Equal(t, all[c.Accounts[0].From+int64(i)].Value, values.Value(i))
		}
	}
	assert.Equal(t, []int64{100, 120}, bounds)
}

func TestSourcePartition(t *testing.T) {
	name := func(s sim.Simulator) string {
		extents, err := (&sim.Source{Simulator: s, Count: 1}).Available(t.Context())
		require.NoError(t, err)
		return extents[0].Partition
	}
	zero := name(sim.Simulator{})
	assert.Equal(t, "sim/ztf?seed=0&start=20260915T030000Z&night=8h0m0s&alerts=10000", zero)
	assert.Equal(t, zero, name(sim.Simulator{Alerts: 10_000, Night: 8 * time.Hour}))
	for _, other := range []sim.Simulator{{Survey: sim.LSST}, {Seed: 1}, {Start: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}, {Night: time.Hour}, {Alerts: 5}} {
		assert.NotEqual(t, zero, name(other))
	}
}

func TestSourceRefuses(t *testing.T) {
	_, err := (&sim.Source{Count: -1}).Available(t.Context())
	assert.ErrorContains(t, err, "must not be negative")
	for _, err := range new(sim.Source).Read(t.Context(), []stream.Range{{Partition: "other", To: 1}}) {
		assert.ErrorContains(t, err, "other[0,1) is not of sim/ztf")
	}
	far := sim.Source{Simulator: sim.Simulator{Start: time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC)}, Count: 1}
	extents, err := far.Available(t.Context())
	require.NoError(t, err)
	for _, err := range far.Read(t.Context(), []stream.Range{extents[0].Range}) {
		assert.Error(t, err)
	}
}
