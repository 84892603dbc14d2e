package monitor

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/skyfinch/skyfinch/stream"
)

// maxSeries bounds the partitions that have metrics of their own.
const maxSeries = 2000

// latencyBuckets are the bounds of the histograms of latency, in seconds.
var latencyBuckets = []float64{.1, .25, .5, 1, 1.5, 2, 3, 5, 7.5, 10, 12, 15, 20, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600}

// metrics makes Prometheus' metrics of the state of all jobs when they are asked
// for, so that they agree with the status.
type metrics struct {
	monitor *Monitor
	handler http.Handler
}

func newMetrics(m *Monitor) *metrics {
	c := &metrics{monitor: m}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second, ErrorHandling: promhttp.HTTPErrorOnError,
	})
	return c
}

// Describe describes nothing: the series depend on the jobs.
func (c *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends all metrics.
func (c *metrics) Collect(out chan<- prometheus.Metric) {
	jobs := c.monitor.list()
	e := emitter{out: out}
	for _, j := range jobs {
		if len(jobs) > 1 {
			e.service = j.Name
		}
		e.gauge("build_info", "The version of the program; always 1.", 1, "version", c.monitor.Version, "goversion", runtime.Version(), "name", j.Name)
		if j.Status != nil {
			j.collect(e)
		}
		j.keeper.collect(e)
	}
}

// emitter sends metrics. If there are several jobs, each has a label service.
type emitter struct {
	out     chan<- prometheus.Metric
	service string
}

func (e emitter) desc(name, help string, labels []string) (*prometheus.Desc, []string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, label(labels[i+1]))
	}
	if e.service != "" {
		names, values = append(names, "service"), append(values, label(e.service))
	}
	return prometheus.NewDesc("skyfinch_"+name, help, names, nil), values
}

func (e emitter) gauge(name, help string, v float64, labels ...string) {
	d, values := e.desc(name, help, labels)
	e.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, values...)
}

func (e emitter) counter(name, help string, v float64, labels ...string) {
	d, values := e.desc(name, help, labels)
	e.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, values...)
}

func (e emitter) histogram(name, help string, count uint64, sum float64, within map[float64]uint64, labels ...string) {
	d, values := e.desc(name, help, labels)
	e.out <- prometheus.MustNewConstHistogram(d, count, sum, within, values...)
}

func (e emitter) latency(name, help string, l stream.Latency) {
	within := map[float64]uint64{}
	for _, b := range latencyBuckets {
		within[b] = uint64(l.Within(time.Duration(b * float64(time.Second))))
	}
	e.histogram(name, help, uint64(l.Count()), l.Sum().Seconds(), within)
}

// collect sends the metrics of a job.
func (j *Job) collect(e emitter) {
	live := j.Status()
	s := &j.state
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counted(j, live.Progress)
	e.counter("messages_read_total", "Messages in published batches.", float64(c.Read))
	e.counter("messages_dropped_total", "Messages that a transform left out.", float64(c.Dropped))
	e.counter("messages_lost_total", "Offsets that were gone before they were read.", float64(c.Lost))
	e.counter("message_bytes_total", "Size of the messages that were read.", float64(c.BytesIn))
	e.counter("written_bytes_total", "Size of the published files.", float64(c.Bytes))
	e.counter("written_files_total", "Published files.", float64(c.Files))
	e.counter("batches_total", "Published batches.", float64(c.Batches))
	s.collectTables(e, c)
	all, _, event := s.latencies(live.Progress)
	e.latency("latency_seconds", "Time from the message's own time until its rows were readable, for each alert.", all)
	e.latency("exposure_latency_seconds", "Time from the event time of a row until it was readable.", event)
	for _, stage := range stages {
		t := s.stages[stage]
		total, within := t.durations.cumulative()
		e.histogram("stage_duration_seconds", "Duration of the stages of batches; read, transform and stage overlap.", total, t.durations.sum, within, "stage", string(stage))
		e.counter("stage_busy_seconds_total", "Time that the source, the transforms or the sink were at work.", t.busy, "stage", string(stage))
		e.counter("retries_total", "Operations that were tried again.", float64(s.retries[stage]), "stage", string(stage))
	}
	e.counter("takeovers_total", "Batches taken over from other processes or earlier runs.", float64(s.takeover))
	e.lag(live.Lag)
	if !s.batch.ended.IsZero() {
		e.gauge("last_commit_timestamp_seconds", "When the last batch was published.", float64(s.batch.ended.UnixMilli())/1000)
	}
	e.gauge("ready", "Whether the job is able to work, as /readyz says.", boolean(j.readinessLocked(time.Now(), live).OK))
	e.gauge("running", "Whether the job is running.", boolean(s.running || j.MicroBatch == nil && live.Stage != ""))
	e.gauge("start_timestamp_seconds", "Since when the job is watched.", float64(s.started.UnixMilli())/1000)
}

// collectTables sends what has labels of tables.
func (s *jobState) collectTables(e emitter, c counts) {
	const written, rejected = "Alerts whose rows were written.", "Messages that were rejected, by the class of the cause."
	if len(s.tables) == 0 {
		e.counter("alerts_written_total", written, float64(c.Written), "table", "")
	}
	for table, n := range s.tables {
		e.counter("alerts_written_total", written, float64(n), "table", table)
	}
	poison := int64(0)
	for k, n := range s.rejected {
		e.counter("messages_rejected_total", rejected, float64(n), "table", k.table, "cause", k.class)
		if k.class == stream.ClassPoison {
			poison += n
		}
	}
	if len(s.rejected) == 0 {
		e.counter("messages_rejected_total", rejected, float64(c.Rejected), "table", "", "cause", "")
	}
	e.counter("poison_messages_total", "Messages rejected because they killed the processes that read them.", float64(poison))
}

// lag sends the lag of each partition. If there are very many, the rest is one.
func (e emitter) lag(all []stream.Lag) {
	const messages, seconds = "Messages that are not published yet.", "Age of the oldest message that is not published yet."
	type key struct {
		topic     string
		partition string
	}
	type value struct {
		messages int64
		seconds  *float64
	}
	sum := map[key]*value{}
	for _, p := range lagOf(all).Partitions {
		k := key{label(p.Topic), strconv.Itoa(int(p.Partition))}
		if sum[k] == nil && len(sum) >= maxSeries {
			k = key{otherName, ""}
		}
		if sum[k] == nil {
			sum[k] = &value{}
		}
		sum[k].messages += p.Messages
		sum[k].seconds = maxOf(sum[k].seconds, p.Seconds)
	}
	for k, v := range sum {
		e.gauge("lag_messages", messages, float64(v.messages), "topic", k.topic, "partition", k.partition)
		if v.seconds != nil {
			e.gauge("lag_seconds", seconds, *v.seconds, "topic", k.topic, "partition", k.partition)
		}
	}
}

// collect sends the metrics of the store.
func (k *keeper) collect(e emitter) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if d := k.space; d != nil {
		e.gauge("disk_free_bytes", "Free space of the file system of the output.", float64(d.Free))
		e.gauge("disk_size_bytes", "Size of the file system of the output.", float64(d.Total))
	}
	if a := k.audit; a != nil {
		e.gauge("last_audit_timestamp_seconds", "When the last audit of the output ended.", float64(a.Time.UnixMilli())/1000)
		e.gauge("last_audit_findings", "What the last audit found.", float64(a.Findings))
	}
}

func boolean(b bool) float64 {
	return map[bool]float64{true: 1}[b]
}
