package monitor

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// scrape returns the values of the metrics by name and labels.
func scrape(t *testing.T, m *Monitor) map[string]float64 {
	w := ask(m, "/metrics")
	require.Equal(t, 200, w.Code)
	out := map[string]float64{}
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		require.NoError(t, err, line)
		out[line[:i]] = v
	}
	return out
}

func TestMetrics(t *testing.T) {
	source, job := newJob(3, 5000)
	st := store.NewMemory()
	m := &Monitor{Log: quiet()}
	j := &Job{Name: "test", MicroBatch: job, Store: st}
	m.Add(j)
	require.NoError(t, RecordAudit(t.Context(), st, 2))
	require.NoError(t, job.Drain(t.Context()))
	var w *writer
	j.keeper.asked.Store(1 << 40)
	require.NoError(t, j.keeper.keep(t.Context(), &w))
	got := scrape(t, m)
	for name, want := range map[string]float64{
		"skyfinch_messages_read_total":                                   15000,
		"skyfinch_messages_dropped_total":                                1500,
		`skyfinch_alerts_written_total{table="alerts/even"}`:             6000,
		`skyfinch_alerts_written_total{table="alerts/odd"}`:              6000,
		`skyfinch_messages_rejected_total{cause="bad",table="rejected"}`: 1500,
		"skyfinch_latency_seconds_count":                                 12000,
		`skyfinch_latency_seconds_bucket{le="+Inf"}`:                     12000,
		`skyfinch_latency_seconds_bucket{le="1"}`:                        0,
		"skyfinch_exposure_latency_seconds_count":                        12000,
		"skyfinch_batches_total":                                         15,
		`skyfinch_stage_duration_seconds_count{stage="publish"}`:         15,
		"skyfinch_last_audit_findings":                                   2,
		"skyfinch_poison_messages_total":                                 0,
		"skyfinch_running":                                               0,
	} {
		v, ok := got[name]
		assert.True(t, ok, name)
		assert.Equal(t, want, v, name)
	}
	lags, last := 0, false
	for name := range got {
		assert.NotContains(t, name, "alert(1)", "of a packet")
		lags += strings.Count(name, "skyfinch_lag_messages{")
		last = last || strings.HasPrefix(name, "skyfinch_last_commit_timestamp_seconds")
	}
	assert.Equal(t, 3, lags)
	assert.True(t, last)
	assert.InDelta(t, 3*12000, got["skyfinch_latency_seconds_sum"], 24000)
	source.end.Store(5001) // nobody has looked yet
	problems, err := promlint.New(strings.NewReader(ask(m, "/metrics").Body.String())).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
	open := ask(m, "/metrics", func(r *http.Request) { r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0") })
	assert.Contains(t, open.Header().Get("Content-Type"), "openmetrics")
	assert.True(t, strings.HasSuffix(open.Body.String(), "# EOF\n"))
}

// Every metric is in API.md, and the other way round.
func TestMetricsAreDocumented(t *testing.T) {
	_, job := newJob(1, 100)
	m := &Monitor{Log: quiet()}
	st, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	j := &Job{Name: "test", MicroBatch: job, Store: st}
	m.Add(j)
	require.NoError(t, RecordAudit(t.Context(), st, 0))
	require.NoError(t, job.Drain(t.Context()))
	var w *writer
	require.NoError(t, j.keeper.keep(t.Context(), &w))
	served := regexp.MustCompile(`(?m)^# TYPE (skyfinch_\w+)`)
	var names []string
	for _, match := range served.FindAllStringSubmatch(ask(m, "/metrics").Body.String(), -1) {
		names = append(names, match[1])
	}
	var documented []string
	for _, match := range regexp.MustCompile("`(skyfinch_\\w+)`").FindAllStringSubmatch(api(t), -1) {
		documented = append(documented, match[1])
	}
	assert.ElementsMatch(t, names, documented)
}

// Very many partitions become one.
func TestManyPartitions(t *testing.T) {
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", Status: func() stream.Status {
		var s stream.Status
		for i := range maxSeries + 500 {
			s.Lag = append(s.Lag, stream.Lag{Partition: fmt.Sprintf("/files/%d", i), Messages: 1, Age: -1})
		}
		return s
	}})
	n, sum := 0, 0.0
	for name, v := range scrape(t, m) {
		if strings.HasPrefix(name, "skyfinch_lag_messages") {
			n, sum = n+1, sum+v
		}
		assert.False(t, strings.HasPrefix(name, "skyfinch_lag_seconds"), "unknown")
	}
	assert.Equal(t, maxSeries+1, n)
	assert.EqualValues(t, maxSeries+500, sum)
}
