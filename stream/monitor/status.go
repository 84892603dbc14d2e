package monitor

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/skyfinch/skyfinch/stream"
)

// status is the status of a job in JSON, or of several as one. API.md explains the
// fields.
type status struct {
	Service   string           `json:"service"`
	Instance  string           `json:"instance"`
	Version   string           `json:"version"`
	Started   time.Time        `json:"started"`
	Time      time.Time        `json:"time"`
	State     string           `json:"state"`
	Now       now              `json:"now"`
	Job       counts           `json:"job"`
	Tables    map[string]int64 `json:"tables"`
	Rate      rate             `json:"rate"`
	Lag       lag              `json:"lag"`
	Latency   quantiles        `json:"latency"`
	Exposure  quantiles        `json:"exposure"`
	Batch     batch            `json:"batch"`
	Rejected  map[string]int64 `json:"rejected"`
	Rejects   []reject         `json:"rejects"`
	Error     *failure         `json:"error"`
	LastError *failure         `json:"last_error"`
	Retries   int64            `json:"retries"`
	Takeovers int64            `json:"takeovers"`
	Disk      *disk            `json:"disk"`
	Ready     readiness        `json:"ready"`
	Jobs      []*status        `json:"jobs,omitempty"`
	Processes []process        `json:"processes,omitempty"`
}

// The states of a job. Their order is that of urgency.
const (
	stateFailed   = "failed"   // an error has stopped it
	stateSilent   = "silent"   // nothing has been heard of its process
	stateRetrying = "retrying" // an operation has failed and is tried again
	stateStarting = "starting" // it has not run yet
	stateWorking  = "working"
	stateWaiting  = "waiting" // for messages, or for other processes
	stateStopped  = "stopped" // it has ended without an error
)

var states = []string{stateFailed, stateSilent, stateRetrying, stateStarting, stateWorking, stateWaiting, stateStopped}

type now struct {
	Stage   stream.Stage `json:"stage"`
	Batch   int64        `json:"batch"`
	Since   *time.Time   `json:"since"`
	Reading int64        `json:"reading"`
	Tries   int          `json:"tries"`
	NextTry *time.Time   `json:"next_try"`
}

type counts struct {
	Read     int64 `json:"read"`
	Written  int64 `json:"written"`
	Rejected int64 `json:"rejected"`
	Dropped  int64 `json:"dropped"`
	Lost     int64 `json:"lost"`
	Bytes    int64 `json:"bytes"`
	BytesIn  int64 `json:"bytes_in"`
	Files    int64 `json:"files"`
	Batches  int64 `json:"batches"`
}

type rate struct {
	In    float64 `json:"in"`
	Out   float64 `json:"out"`
	Bytes float64 `json:"bytes"`
}

type lag struct {
	Messages   int64          `json:"messages"`
	Seconds    *float64       `json:"seconds"`
	Partitions []partitionLag `json:"partitions"`
}

type partitionLag struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Messages  int64    `json:"messages"`
	Seconds   *float64 `json:"seconds"`
}

type quantiles struct {
	P50   *float64 `json:"p50"`
	P90   *float64 `json:"p90"`
	P99   *float64 `json:"p99"`
	Max   *float64 `json:"max"`
	Count int64    `json:"count"` // of all alerts since the start
}

type batch struct {
	Number  int64                    `json:"number"`
	Last    *time.Time               `json:"last"`
	Seconds float64                  `json:"seconds"`
	Stages  map[stream.Stage]float64 `json:"stages"`
}

type disk struct {
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
}

// process is another process that keeps its status in the same store.
type process struct {
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Started  time.Time `json:"started"`
	Heard    time.Time `json:"heard"` // the time of its last status
	Silent   bool      `json:"silent"`
	State    string    `json:"state"`
	Job      counts    `json:"job"`
	Rate     rate      `json:"rate"`
	Lag      lagTotal  `json:"lag"`
	Error    *failure  `json:"error"`
}

type lagTotal struct {
	Messages int64    `json:"messages"`
	Seconds  *float64 `json:"seconds"`
}

// status returns the status of all jobs, at most maxAge old.
func (m *Monitor) status(at time.Time, maxAge time.Duration) *status {
	m.cache.Lock()
	defer m.cache.Unlock()
	if s := m.cache.status; s != nil && at.Sub(m.cache.at) < maxAge {
		return s
	}
	var all []*status
	var peers []process
	for _, j := range m.list() {
		if s := j.status(at); s != nil {
			all = append(all, s)
		} else {
			all = append(all, j.keeper.remote(at)...)
		}
		peers = append(peers, j.keeper.processes(at)...)
	}
	s := m.combine(all, at)
	s.Processes = peers
	m.cache.at, m.cache.status = at, s
	return s
}

// combine returns the status of several jobs.
func (m *Monitor) combine(all []*status, at time.Time) *status {
	if len(all) == 1 {
		one := *all[0]
		return &one
	}
	s := &status{
		Version: m.Version, Started: m.started.UTC(), Time: at.UTC(), State: stateStarting, Service: program(),
		Tables: map[string]int64{}, Rejected: map[string]int64{}, Rejects: []reject{}, Lag: lag{Partitions: []partitionLag{}},
		Batch: batch{Stages: map[stream.Stage]float64{}}, Jobs: all, Ready: m.readiness(at),
	}
	var latency, exposure stream.Latency
	for i, o := range all {
		if i == 0 || slices.Index(states, o.State) < slices.Index(states, s.State) {
			s.State, s.Now = o.State, o.Now
		}
		s.Job.add(o.Job)
		s.Rate.add(o.Rate)
		addCounts(s.Tables, o.Tables)
		addCounts(s.Rejected, o.Rejected)
		s.Rejects = append(s.Rejects, o.Rejects...)
		s.Lag.Messages += o.Lag.Messages
		s.Lag.Seconds = maxOf(s.Lag.Seconds, o.Lag.Seconds)
		s.Lag.Partitions = append(s.Lag.Partitions, o.Lag.Partitions...)
		s.Retries, s.Takeovers = s.Retries+o.Retries, s.Takeovers+o.Takeovers
		if o.Error != nil && s.Error == nil {
			s.Error = o.Error
		}
		if o.LastError != nil && (s.LastError == nil || o.LastError.Last.After(s.LastError.Last)) {
			s.LastError = o.LastError
		}
		if o.Batch.Last != nil && (s.Batch.Last == nil || o.Batch.Last.After(*s.Batch.Last)) {
			s.Batch = o.Batch
		}
		if o.Disk != nil && (s.Disk == nil || o.Disk.Free < s.Disk.Free) {
			s.Disk = o.Disk
		}
	}
	for _, j := range m.list() {
		_, recent, event := j.latencies()
		latency, exposure = latency.Plus(recent), exposure.Plus(event)
	}
	s.Latency, s.Exposure = quantilesOf(latency, latency.Count()), quantilesOf(exposure, exposure.Count())
	slices.SortStableFunc(s.Rejects, func(a, b reject) int { return b.Time.Compare(a.Time) })
	s.Rejects = s.Rejects[:min(len(s.Rejects), maxRejects)]
	return s
}

func (c *counts) add(o counts) {
	c.Read += o.Read
	c.Written += o.Written
	c.Rejected += o.Rejected
	c.Dropped += o.Dropped
	c.Lost += o.Lost
	c.Bytes += o.Bytes
	c.BytesIn += o.BytesIn
	c.Files += o.Files
	c.Batches += o.Batches
}

func (r *rate) add(o rate) {
	r.In += o.In
	r.Out += o.Out
	r.Bytes += o.Bytes
}

func addCounts(to, from map[string]int64) {
	for k, n := range from {
		to[k] += n
	}
}

// maxOf returns the greater of two numbers that may be unknown.
func maxOf(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// latencies returns the latency of all alerts, of those of the last minutes, and
// from their events.
func (j *Job) latencies() (all, recent, event stream.Latency) {
	if j.Status == nil {
		return
	}
	p := j.Status().Progress
	s := &j.state
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latencies(p)
}

func (s *jobState) latencies(p stream.Progress) (all, recent, event stream.Latency) {
	all, event = s.earlier, s.earlierEvent
	if s.running {
		all, event = all.Plus(p.Latency), event.Plus(p.EventLatency)
	}
	recent = all
	if len(s.snapshots) > 0 {
		if r := all.Since(s.snapshots[0].readable); r.Count() > 0 {
			recent = r
		}
	}
	return all, recent, event
}

// status returns the status of the job, or nil if it runs in another process.
func (j *Job) status(at time.Time) *status {
	if j.Status == nil {
		return nil
	}
	live := j.Status()
	p := live.Progress
	s := &j.state
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &status{
		Service: j.Name, Instance: j.keeper.instance(), Version: j.monitor.Version, Started: s.started.UTC(), Time: at.UTC(),
		State: s.stateOf(j, live), Job: s.counted(j, p), Rate: s.rate(at), Lag: lagOf(live.Lag),
		Tables: maps.Clone(s.tables), Rejected: s.classes(), Rejects: []reject{},
		LastError: s.lastFailure, Takeovers: s.takeover, Disk: j.keeper.disk(), Ready: j.readinessLocked(at, live),
	}
	out.Now = now{Stage: live.Stage, Batch: live.Batch, Since: timeOrNil(live.Since), Reading: p.Reading, Tries: live.Tries, NextTry: timeOrNil(live.NextTry)}
	if !s.running {
		out.Now.Stage, out.Now.Reading = "", 0
	}
	if s.failing != nil {
		out.Error = s.failing
	}
	for _, n := range s.retries {
		out.Retries += n
	}
	for _, r := range slices.Backward(s.rejects) {
		out.Rejects = append(out.Rejects, r)
	}
	all, recent, event := s.latencies(p)
	out.Latency, out.Exposure = quantilesOf(recent, all.Count()), quantilesOf(event, event.Count())
	out.Batch = batch{Number: s.batch.number, Last: timeOrNil(s.batch.ended), Stages: maps.Clone(s.batch.stages)}
	if !s.batch.ended.IsZero() {
		out.Batch.Seconds = round(s.batch.ended.Sub(s.batch.begun).Seconds())
	}
	if out.Batch.Stages == nil {
		out.Batch.Stages = map[stream.Stage]float64{}
	}
	for k, v := range out.Batch.Stages {
		out.Batch.Stages[k] = round(v)
	}
	return out
}

// counted returns what the job has done.
func (s *jobState) counted(j *Job, p stream.Progress) counts {
	c, n := s.counts, s.batches
	if j.MicroBatch == nil {
		c, n = p.Counts, p.Batches
	}
	return counts{
		Read: c.Read, Written: c.Written, Rejected: c.Rejected, Dropped: c.Dropped, Lost: c.Lost,
		Bytes: c.Bytes, BytesIn: c.BytesIn, Files: c.Files, Batches: n,
	}
}

func (s *jobState) stateOf(j *Job, live stream.Status) string {
	switch {
	case j.MicroBatch == nil && live.Stage == "":
		return stateStopped
	case j.MicroBatch == nil:
		return stateWorking
	case !s.ran:
		return stateStarting
	case !s.running && s.failure != nil:
		return stateFailed
	case !s.running:
		return stateStopped
	case live.Tries > 0:
		return stateRetrying
	case live.Stage == stream.StageWait || live.Stage == "":
		return stateWaiting
	}
	return stateWorking
}

// sample takes a sample of the job for the rates and the history.
func (j *Job) sample(at time.Time) {
	if j.Status == nil {
		return
	}
	live := j.Status()
	p := live.Progress
	s := &j.state
	s.mu.Lock()
	all, _, _ := s.latencies(p)
	c := s.counted(j, p)
	running := s.running || j.MicroBatch == nil
	if n := len(s.snapshots); n == 0 || at.Sub(s.snapshots[n-1].at) >= latencyStep {
		s.snapshots = append(s.snapshots, latencyAt{at, all})
	}
	for len(s.snapshots) > 1 && at.Sub(s.snapshots[0].at) > latencyWindow {
		s.snapshots = s.snapshots[1:]
	}
	read := s.readSoFar(p)
	s.samples = append(s.samples, sample{at, read, float64(c.Written), float64(c.Bytes)})
	for len(s.samples) > 1 && at.Sub(s.samples[1].at) >= rateWindow {
		s.samples = s.samples[1:]
	}
	o := observation{
		at: at, counts: c, in: read, lag: lagOf(live.Lag), latency: all, busy: map[stream.Stage]float64{}, running: running,
	}
	for stage, t := range s.stages {
		o.busy[stage] = t.busy
	}
	for _, n := range s.retries {
		o.retries += n
	}
	s.mu.Unlock()
	j.keeper.observe(o)
}

// rate returns the rates over the last samples.
func (s *jobState) rate(at time.Time) rate {
	n := len(s.samples)
	if n == 0 {
		return rate{}
	}
	first, last := s.samples[0], s.samples[n-1]
	seconds := at.Sub(first.at).Seconds()
	if seconds < 1 {
		return rate{}
	}
	return rate{round((last.in - first.in) / seconds), round((last.out - first.out) / seconds), round((last.bytesOut - first.bytesOut) / seconds)}
}

// readSoFar returns how many messages the source has yielded; those of a batch
// that is read again count again.
func (s *jobState) readSoFar(p stream.Progress) float64 {
	n := p.Read + p.Reading
	if n < s.lastRead { // a new run, or a batch is read again
		s.lastRead = min(n, p.Read)
	}
	s.yielded += float64(n - s.lastRead)
	s.lastRead = n
	return s.yielded
}

// lagOf returns the lag of partitions.
func lagOf(all []stream.Lag) lag {
	out := lag{Partitions: make([]partitionLag, 0, len(all))}
	for _, l := range all {
		topic, number := splitPartition(l.Partition)
		p := partitionLag{Topic: topic, Partition: number, Messages: l.Messages}
		if l.Age >= 0 {
			seconds := round(l.Age.Seconds())
			p.Seconds = &seconds
		}
		out.Messages += l.Messages
		out.Seconds = maxOf(out.Seconds, p.Seconds)
		out.Partitions = append(out.Partitions, p)
	}
	if len(all) == 0 {
		out.Seconds = new(float64)
	}
	slices.SortStableFunc(out.Partitions, func(a, b partitionLag) int {
		if n := strings.Compare(a.Topic, b.Topic); n != 0 {
			return n
		}
		return int(a.Partition - b.Partition)
	})
	return out
}

// splitPartition returns the topic and the number of a partition of Kafka, whose
// name is CLUSTER/TOPIC@ID/NUMBER. Another name counts as a topic.
func splitPartition(name string) (topic string, number int32) {
	if strings.HasPrefix(name, "/") || len(name) > 2 && name[1:3] == ":/" { // a file
		return text(name), 0
	}
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return text(name), 0
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 32)
	at := strings.LastIndexByte(name[:i], '@')
	if err != nil || n < 0 || at < 0 {
		return text(name), 0
	}
	return text(name[strings.LastIndexByte(name[:at], '/')+1 : at]), int32(n)
}

const (
	maxText  = 200  // bounds names, in bytes
	maxCause = 2000 // bounds causes and errors, which may quote data
)

// text returns a name as valid UTF-8 of bounded length.
func text(s string) string { return bounded(s, maxText) }

// bounded returns a text as valid UTF-8 of at most n bytes and an ellipsis.
func bounded(s string, n int) string {
	whole := len(s) <= n
	s = strings.ToValidUTF8(s[:min(len(s), n+utf8.UTFMax)], "\uFFFD") // which may be longer
	if whole && len(s) <= n {
		return s
	}
	n = min(n, len(s))
	for n < len(s) && !utf8.RuneStart(s[n]) { // not a part of a rune
		n--
	}
	return s[:n] + "…"
}

// label returns a text as a label's value: like text, and without characters that
// control a terminal or the direction of text, for those who read metrics with curl.
// Names that become equal must be counted as one.
func label(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '\uFFFD'
		}
		return r
	}, text(s))
}

// quantilesOf returns the quantiles of a distribution.
func quantilesOf(l stream.Latency, count int64) quantiles {
	q := quantiles{Count: count}
	if l.Count() == 0 {
		return q
	}
	of := func(d time.Duration) *float64 {
		v := round(d.Seconds())
		return &v
	}
	q.P50, q.P90, q.P99, q.Max = of(l.Quantile(0.5)), of(l.Quantile(0.9)), of(l.Quantile(0.99)), of(l.Max())
	return q
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// round rounds to three decimals.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// cleanName returns a name that can be part of a file's name.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '-'
	}, strings.TrimSuffix(s, ".exe"))
	s = strings.Trim(s[:min(len(s), 60)], ".-")
	if s == "" {
		return "job"
	}
	return s
}

func lastSlash(s string) int { return strings.LastIndexAny(s, `/\`) }
