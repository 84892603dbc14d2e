package demo

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// read returns the number of alerts per table, and fails if one of them cannot be
// decoded.
func read(t *testing.T, d *Demo) map[string]int64 {
	t.Helper()
	source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
	defer source.Close()
	tables := map[string]int64{}
	job := &stream.MicroBatch{
		Source:     source,
		Transforms: []stream.Transform{&alert.Decoder{Registry: d.Registry}},
		Sink: stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			tables[rows.Table] += rows.Record.NumRows()
			return nil
		}),
	}
	require.NoError(t, job.Drain(t.Context()))
	assert.Empty(t, job.Progress().Causes)
	return tables
}

func TestNight(t *testing.T) {
	d, err := Start(t.Context(), Night{ZTF: 40, LSST: 15})
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.Close()) }()
	require.NoError(t, d.Wait())
	assert.Equal(t, []string{"ztf_20260915_programid1", "lsst-alerts-v9"}, d.Topics)
	assert.Equal(t, map[string]int64{"alerts/ztf": 40, "alerts/lsst": 15}, read(t, d))

	source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
	defer source.Close()
	extents, err := source.Available(t.Context())
	require.NoError(t, err)
	assert.Len(t, extents, 8)
}

func TestNightOfOneSurvey(t *testing.T) {
	d, err := Start(t.Context(), Night{ZTF: 5})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Wait())
	assert.Equal(t, []string{"ztf_20260915_programid1"}, d.Topics)
	assert.Equal(t, map[string]int64{"alerts/ztf": 5}, read(t, d))
}

// TestTwoNights checks that an archive does not take the second for the first.
func TestTwoNights(t *testing.T) {
	cluster := func() string {
		d, err := Start(t.Context(), Night{ZTF: 1})
		require.NoError(t, err)
		defer d.Close()
		source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
		defer source.Close()
		extents, err := source.Available(t.Context())
		require.NoError(t, err)
		name, _, _ := strings.Cut(extents[0].Partition, "/")
		return name
	}
	assert.NotEqual(t, cluster(), cluster())
}

// TestEndless reads an endless stream for a while, then closes it.
func TestEndless(t *testing.T) {
	before := runtime.NumGoroutine()
	d, err := Start(t.Context(), Night{Rate: 500})
	require.NoError(t, err)
	source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
	ctx, enough := context.WithTimeout(t.Context(), 30*time.Second)
	defer enough()
	tables := map[string]bool{}
	var oldest time.Duration
	job := &stream.MicroBatch{
		Source:     source,
		Interval:   50 * time.Millisecond,
		Transforms: []stream.Transform{&alert.Decoder{Registry: d.Registry}},
		Sink: stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			tables[rows.Table] = true
			event := stream.Field(rows.Record, "event_time")
			at, err := time.Parse("2006-01-02 15:04:05.999999Z", event.ValueStr(0))
			if oldest = max(oldest, time.Since(at)); len(tables) == 2 {
				enough()
			}
			return err
		}),
	}
	require.NoError(t, job.Run(ctx))
	assert.Len(t, tables, 2)
	assert.Less(t, oldest, 2*time.Minute, "event times are current")
	assert.NoError(t, source.Close())
	assert.NoError(t, d.Close())
	assert.NoError(t, d.Wait())
	if !assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 10*time.Second, 20*time.Millisecond) { // Eventually has one
		stacks := make([]byte, 1<<20)
		t.Logf("left behind:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

func TestStartAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := Start(ctx, Night{ZTF: 10_000, LSST: 10_000})
	require.NoError(t, err)
	assert.NoError(t, d.Close())
}
