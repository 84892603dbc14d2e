package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// The status has what the ledger has, over several runs.
func TestStatusEqualsLedger(t *testing.T) {
	source, job := newJob(3, 5000)
	var err error
	job.Ledger, err = ledger.Open(t.Context(), store.NewMemory(), "ledger", nil)
	require.NoError(t, err)
	observed := 0
	job.Observe = func(stream.Event) { observed++ }
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", MicroBatch: job})
	assert.Equal(t, "starting", get[status](t, m, "/status.json").State)
	for _, end := range []int64{5000, 5000, 7000} {
		source.end.Store(end)
		require.NoError(t, job.Drain(t.Context()))
	}
	time.Sleep(minSample) // the status may be that old
	s := get[status](t, m, "/status.json")
	var sum ledger.Account
	batches := int64(0)
	for b, err := range job.Ledger.Batches(t.Context(), 1) {
		require.NoError(t, err)
		batches++
		for _, a := range b.Commit.Accounts {
			sum.Read, sum.Written, sum.Rejected, sum.Dropped = sum.Read+a.Read, sum.Written+a.Written, sum.Rejected+a.Rejected, sum.Dropped+a.Dropped
		}
	}
	assert.Equal(t, []int64{21000, 16800, 2100, 2100}, []int64{sum.Read, sum.Written, sum.Rejected, sum.Dropped})
	assert.Equal(t, []int64{sum.Read, sum.Written, sum.Rejected, sum.Dropped, batches}, []int64{s.Job.Read, s.Job.Written, s.Job.Rejected, s.Job.Dropped, s.Job.Batches})
	assert.Equal(t, s.Job.Read, s.Job.Written+s.Job.Rejected+s.Job.Dropped)
	assert.Equal(t, map[string]int64{"bad": sum.Rejected}, s.Rejected)
	assert.Equal(t, map[string]int64{"alerts/even": 8400, "alerts/odd": 8400}, s.Tables)
	assert.EqualValues(t, sum.Written, s.Latency.Count, "one for each alert")
	assert.InDelta(t, 3, *s.Latency.P50, 2)
	assert.InDelta(t, 60, *s.Exposure.P50, 10)
	assert.Equal(t, "stopped", s.State)
	assert.Nil(t, s.Error)
	require.Len(t, s.Lag.Partitions, 3)
	assert.Equal(t, []any{topicName, int32(2), int64(0), 0.0}, []any{s.Lag.Partitions[2].Topic, s.Lag.Partitions[2].Partition, s.Lag.Partitions[2].Messages, *s.Lag.Partitions[2].Seconds})
	assert.Len(t, s.Rejects, maxRejects)
	assert.Contains(t, s.Batch.Stages, stream.StageRead)
	assert.Positive(t, observed, "the function that was there before")
	raw := ask(m, "/status.json").Body.String()
	assert.NotContains(t, raw, "<script>", "as JSON escapes")
	assert.NotContains(t, raw, "\x1b")
	for _, field := range []string{"service", "version", "started", "state", "job", "rate", "lag", "latency", "batch", "rejected", "error"} {
		assert.Contains(t, raw, `"`+field+`":`)
	}
	alerts := get[struct{ Alerts []alertRow }](t, m, "/alerts.json").Alerts
	require.NotEmpty(t, alerts)
	assert.Equal(t, script, alerts[0].Object)
}

// Errors in a row are one error, which ends when a batch is published.
func TestStatusError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, job := newJob(1, 10)
		job.Retry = stream.Retry{Tries: 3, Min: time.Second, Max: time.Second}
		m := &Monitor{Log: quiet()}
		m.Add(&Job{Name: "test", MicroBatch: job})
		source.away.Store(true)
		begun := time.Now()
		require.Error(t, job.Drain(t.Context()))
		s := m.status(time.Now(), 0)
		assert.Equal(t, stateFailed, s.State)
		require.NotNil(t, s.Error)
		assert.Equal(t, stream.StagePlan, s.Error.Stage)
		assert.Contains(t, s.Error.Text, "away")
		assert.Equal(t, begun.UTC(), s.Error.Since.UTC())
		assert.Equal(t, 3, s.Error.Tries)
		assert.EqualValues(t, 2, s.Retries)
		source.away.Store(false)
		require.NoError(t, job.Drain(t.Context()))
		s = m.status(time.Now(), 0)
		assert.Nil(t, s.Error)
		assert.NotNil(t, s.LastError)
		assert.Equal(t, stateStopped, s.State)
	})
}

// Tables and classes are bounded, whatever a transform names them, and rejects add up.
func TestBounds(t *testing.T) {
	var s jobState
	s.begin(time.Now())
	total := int64(0)
	for i := range 300 {
		name := strings.Repeat("x", i)
		s.event(stream.Event{Kind: stream.EventReject, Class: name, Table: name, Counts: stream.Counts{Rejected: 2}}, stream.Progress{})
		s.event(stream.Event{Kind: stream.EventPublished, Batch: int64(i), Written: map[string]int64{name: 3}, Counts: stream.Counts{Read: 10, Written: 3, Rejected: 7}}, stream.Progress{})
		total += 7
	}
	assert.LessOrEqual(t, len(s.tables), maxTables)
	classes := s.classes()
	assert.LessOrEqual(t, len(classes), maxClasses)
	sum := int64(0)
	for _, n := range classes {
		sum += n
	}
	assert.Equal(t, total, sum)
	assert.EqualValues(t, 5*300, classes["unknown"], "staged elsewhere")
	written := int64(0)
	for _, n := range s.tables {
		written += n
	}
	assert.EqualValues(t, 900, written)
	assert.LessOrEqual(t, len(s.rejected), maxTables*maxClasses)
}

func TestSplitPartition(t *testing.T) {
	for name, want := range map[string]struct {
		topic  string
		number int32
	}{
		"c/ztf@id/7":        {"ztf", 7},
		"/data/x@y/3":       {"/data/x@y/3", 0},
		"C:/data/x@y/3":     {"C:/data/x@y/3", 0},
		"ledger/alerts/ztf": {"ledger/alerts/ztf", 0},
		"a/b@c/-1":          {"a/b@c/-1", 0},
		"x":                 {"x", 0},
		"":                  {"", 0},
		"\xff":              {"\uFFFD", 0},
	} {
		topic, number := splitPartition(name)
		assert.Equal(t, want.topic, topic, name)
		assert.Equal(t, want.number, number, name)
	}
	assert.LessOrEqual(t, len(text(strings.Repeat("ü", 1000))), maxText+3)
}

// A job that is not a MicroBatch, and several jobs.
func TestSeveralJobs(t *testing.T) {
	m := &Monitor{Log: quiet()}
	n := int64(0)
	m.Add(&Job{Name: "simple", Status: func() stream.Status {
		return stream.Status{Stage: stream.StageRead, Progress: stream.Progress{Counts: stream.Counts{Read: n, Written: n}}}
	}})
	n = 5
	assert.EqualValues(t, 5, get[status](t, m, "/status.json").Job.Read)
	_, job := newJob(1, 100)
	m.Add(&Job{Name: "batches", MicroBatch: job})
	require.NoError(t, job.Drain(t.Context()))
	s := m.status(time.Now(), 0)
	assert.EqualValues(t, 105, s.Job.Read)
	require.Len(t, s.Jobs, 2)
	assert.EqualValues(t, 80, s.Jobs[1].Job.Written)
	metrics := ask(m, "/metrics").Body.String()
	assert.Contains(t, metrics, `skyfinch_messages_read_total{service="simple"} 5`)
	assert.Contains(t, metrics, `skyfinch_messages_read_total{service="batches"} 100`)
}

// Names that are equal but for what a label leaves out are one, and so the metrics
// remain valid; what a terminal would obey is left out.
func TestLabels(t *testing.T) {
	long := strings.Repeat("x", maxText)
	m := &Monitor{Log: quiet()}
	for range 2 { // with one name
		_, job := newJob(2, 100)
		j := &Job{Name: "te\xffst\x1b[2J", MicroBatch: job}
		m.Add(j)
		require.NoError(t, job.Drain(t.Context()))
		for i, name := range []string{long + "a", long + "b", "\xfe", "\xff", "\x1b[2J", "\u202e[2J", "\u009b"} {
			j.state.event(stream.Event{Kind: stream.EventReject, Class: name, Table: name, Counts: stream.Counts{Rejected: 2}}, stream.Progress{})
			j.state.event(stream.Event{Kind: stream.EventPublished, Batch: int64(i), Written: map[string]int64{name: 3}, Counts: stream.Counts{Read: 5, Written: 3, Rejected: 2}}, stream.Progress{})
		}
	}
	sum := map[string]float64{}
	for name, v := range scrape(t, m) {
		assert.False(t, strings.ContainsAny(name, "\x1b\u202e\u009b"), "%q", name)
		name, _, _ = strings.Cut(name, "{")
		sum[name] += v
	}
	assert.EqualValues(t, 2*(200+35), sum["skyfinch_messages_read_total"])
	assert.EqualValues(t, 2*(20+14), sum["skyfinch_messages_rejected_total"])
	assert.EqualValues(t, 2*(160+21), sum["skyfinch_alerts_written_total"])
	assert.NotEqual(t, m.jobs[0].Name, m.jobs[1].Name)
}

// A cause that quotes a packet as a whole is cut.
func TestLongTexts(t *testing.T) {
	m := &Monitor{Log: quiet()}
	_, job := newJob(1, 0)
	j := &Job{Name: "test", MicroBatch: job}
	m.Add(j)
	long := strings.Repeat("\xff", 1<<20)
	j.state.event(stream.Event{Kind: stream.EventReject, Class: "bad", Cause: long, Counts: stream.Counts{Rejected: 1}}, stream.Progress{})
	j.state.event(stream.Event{Kind: stream.EventRetry, Stage: stream.StageRead, Err: errors.New(long)}, stream.Progress{})
	assert.Less(t, ask(m, "/status.json").Body.Len(), 40_000)
	for _, s := range []string{strings.Repeat("ü", 1000), strings.Repeat("a\xfc", 70), "a" + strings.Repeat("日", 999), strings.Repeat("x", maxText+1)} {
		assert.True(t, utf8.ValidString(text(s)))
		assert.Greater(t, len(text(s)), maxText-3)
		assert.LessOrEqual(t, len(text(s)), maxText+len("…"))
	}
	assert.Equal(t, strings.Repeat("x", maxText), text(strings.Repeat("x", maxText)))
}

// Rates are those of ten seconds; a batch that is read again counts again.
func TestRates(t *testing.T) {
	m := &Monitor{Log: quiet()}
	var p stream.Progress
	j := &Job{Name: "x", Status: func() stream.Status { return stream.Status{Stage: stream.StageRead, Progress: p} }}
	m.Add(j)
	at := time.Now()
	for i := range 30 {
		p.Reading += 100
		if i%10 == 9 {
			p.Read, p.Written, p.Reading = p.Read+p.Reading, p.Written+p.Reading, 0
		}
		at = at.Add(time.Second)
		j.sample(at)
	}
	r := j.status(at).Rate
	assert.InDelta(t, 100, r.In, 1)
	assert.InDelta(t, 100, r.Out, 1)
	p.Reading = 50
	at = at.Add(time.Second)
	j.sample(at)
	p.Reading = 20 // again from the start
	at = at.Add(time.Second)
	j.sample(at)
	assert.EqualValues(t, 3070, j.state.yielded)
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, job := newJob(1, 10)
		var down atomic.Bool
		m := &Monitor{Log: quiet(), MaxLag: time.Hour}
		m.Add(&Job{Name: "test", MicroBatch: job, Checks: map[string]func(context.Context) error{"registry": func(context.Context) error {
			if down.Load() {
				return errors.New("registry is down")
			}
			return nil
		}}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { m.Run(ctx); close(ended) }()
		assert.Equal(t, 503, ask(m, "/readyz").Code, "not running yet")
		done := make(chan error)
		go func() { done <- job.Run(ctx) }()
		time.Sleep(5 * time.Second)
		assert.Equal(t, 200, ask(m, "/readyz").Code, ask(m, "/readyz").Body)
		source.away.Store(true)
		lost := time.Now()
		for ask(m, "/readyz").Code == 200 {
			time.Sleep(time.Second)
		}
		assert.Less(t, time.Since(lost), time.Minute)
		assert.Equal(t, 200, ask(m, "/healthz").Code)
		assert.Contains(t, ask(m, "/readyz").Body.String(), "away")
		time.Sleep(time.Second)
		source.away.Store(false)
		back := time.Now()
		for ask(m, "/readyz").Code != 200 && time.Since(back) < time.Hour {
			time.Sleep(time.Second)
			if s := m.status(time.Now(), 0); s.State == stateFailed { // the job has given up
				break
			}
		}
		assert.Less(t, time.Since(back), 90*time.Second)
		down.Store(true)
		time.Sleep(time.Minute)
		assert.Equal(t, 503, ask(m, "/readyz").Code)
		assert.Contains(t, ask(m, "/readyz").Body.String(), "registry is down")
		down.Store(false)
		time.Sleep(20 * time.Second)
		stop()
		<-done
		<-ended
		assert.Equal(t, 503, ask(m, "/readyz").Code, "it has stopped")
	})
}

// What is read of other processes must survive the way there and back.
func TestStatusRoundTrip(t *testing.T) {
	_, job := newJob(2, 100)
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", MicroBatch: job})
	require.NoError(t, job.Drain(t.Context()))
	s := m.status(time.Now(), 0)
	data, err := json.Marshal(s)
	require.NoError(t, err)
	var back status
	require.NoError(t, json.Unmarshal(data, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(again))
}
