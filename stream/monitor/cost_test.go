package monitor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// fillYear fills the history of an instance with a year: all levels as far as they
// are kept.
func fillYear(t testing.TB, r records, instance string, now time.Time) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, l := range levels {
		for at := floor(now.Add(-min(l.keep, 365*day)), l.block); at.Before(now); at = at.Add(l.block) {
			b := blockSlots{}
			for s := at; s.Before(at.Add(l.block)) && s.Add(l.step).Before(now); s = s.Add(l.step) {
				x := &slot{read: 100, written: 100, lag: 5, lagAge: time.Second, up: l.step}
				for k := range 12 {
					x.latency[10+k] = rng.Int64N(1000)
				}
				b[s.Unix()] = x
			}
			require.NoError(t, r.put(t.Context(), blockName(instance, l, at), encodeBlock(b)))
		}
	}
}

// Monitoring takes less than 30 MB with 45 partitions, a year of history in memory,
// 50 clients of /events and queries of the whole year.
func TestMemory(t *testing.T) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var lags []stream.Lag
	for i := range 45 {
		lags = append(lags, stream.Lag{Partition: fmt.Sprintf("c/ztf@id/%d", i), Messages: 5, Age: time.Second})
	}
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", Status: func() stream.Status { return stream.Status{Stage: stream.StageRead, Lag: lags} }})
	now := time.Now()
	fillYear(t, m.jobs[0].keeper.records, "test", now)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { m.Run(ctx); close(ended) }()
	server := httptest.NewServer(m)
	defer server.Close()
	for range 50 {
		r, err := http.Get(server.URL + "/events")
		require.NoError(t, err)
		defer r.Body.Close()
	}
	time.Sleep(2 * time.Second)
	begun := time.Now()
	h := get[points](t, m, fmt.Sprintf("/history.json?from=%d&points=2000", now.Add(-364*day).Unix()))
	t.Logf("a year: %d points in %v", len(h.Points), time.Since(begun))
	assert.Greater(t, len(h.Points), 1000)
	assert.Less(t, time.Since(begun), 5*time.Second)
	h = points{}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("%.1f MB", float64(used)/1e6)
	assert.Less(t, used, int64(30e6))
	stop()
	<-ended
}

// A sample, which is taken once a second, costs microseconds.
func BenchmarkSample(b *testing.B) {
	source, job := newJob(45, 1000)
	st := store.NewMemory()
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", MicroBatch: job, Store: st})
	source.sent = time.Now().Add(-time.Hour)
	require.NoError(b, job.Drain(b.Context()))
	at := time.Now()
	for b.Loop() {
		at = at.Add(time.Second)
		m.sample(at)
	}
}
