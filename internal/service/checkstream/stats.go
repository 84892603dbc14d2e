package checkstream

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	rateWindow = 5 * time.Second
	keptAlerts = 10 // the newest ones
	maxCauses  = 5  // further causes of rejects are counted together
)

// stats counts what has been read of a stream so far. Its methods may be
// called concurrently.
type stats struct {
	lines *lines // if nil, alerts are not printed
	limit int64  // on messages; if zero, there is none

	mu         sync.Mutex
	started    time.Time
	listed     bool // the source has listed partitions at least once
	partitions map[string]*partition
	newest     []alertRow // oldest first
	alerts     int64
	rejected   int64
	causes     map[string]int64
	lost       int64
}

// partition counts what has been read of one partition.
type partition struct {
	name     label
	next     int64 // the first offset not read yet
	end      int64 // of the last extent
	gone     bool
	messages int64
	bytes    int64
	samples  []sample // within rateWindow, oldest first
}

// sample is what had been read of a partition at a time.
type sample struct {
	at              time.Time
	messages, bytes int64
}

// label is a partition's name for people.
type label struct {
	topic  string
	number string
}

// labelOf returns the label of a partition that a source names
// CLUSTER/TOPIC@ID/NUMBER.
func labelOf(name string) label {
	_, name, _ = strings.Cut(name, "/")
	at := strings.LastIndexByte(name, '/')
	topic, _, _ := strings.Cut(name[:max(at, 0)], "@")
	return label{topic, name[at+1:]}
}

// start starts the clock.
func (s *stats) start(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = now
}

// setExtents records what the source holds.
func (s *stats) setExtents(list []stream.Extent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := map[string]bool{}
	for _, e := range list {
		p, known := s.partitions[e.Partition]
		if !known {
			p = &partition{name: labelOf(e.Partition), next: e.From}
			if !s.listed { // a partition that appears later is read from its beginning
				p.next = max(e.Start, e.From)
				p.samples = []sample{{at: s.started}}
			}
			if s.partitions == nil {
				s.partitions = map[string]*partition{}
			}
			s.partitions[e.Partition] = p
		}
		p.gone, p.end = e.Gone, e.To
		present[e.Partition] = true
	}
	for name, p := range s.partitions {
		p.gone = p.gone || !present[name]
	}
	s.listed = s.listed || len(list) > 0
}

// addRead counts the messages of an account. Offsets that the source returns
// again after an error are counted once.
func (s *stats) addRead(a stream.Account, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.partitions[a.Partition]
	if p == nil || a.To <= p.next {
		return
	}
	p.next = a.To
	p.messages += a.Read
	p.bytes += bytes
	s.lost += a.Lost
}

// addAlerts counts alerts up to the limit and prints them.
func (s *stats) addAlerts(all []alertRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = all[:s.remaining(len(all))]
	s.alerts += int64(len(all))
	s.newest = append(s.newest, all...) // of one partition: others may have newer ones
	slices.SortStableFunc(s.newest, func(x, y alertRow) int { return x.sent.Compare(y.sent) })
	s.newest = slices.Delete(s.newest, 0, max(0, len(s.newest)-keptAlerts))
	if s.lines == nil {
		return nil
	}
	return s.lines.alerts(all, time.Now())
}

// addRejects counts rejected messages up to the limit and prints them.
func (s *stats) addRejects(all []rejectRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = all[:s.remaining(len(all))]
	s.rejected += int64(len(all))
	for _, r := range all {
		if s.causes == nil {
			s.causes = map[string]int64{}
		}
		if _, known := s.causes[r.cause]; !known && len(s.causes) >= maxCauses {
			r.cause = "other causes"
		}
		s.causes[r.cause]++
	}
	if s.lines == nil {
		return nil
	}
	return s.lines.rejects(all)
}

// remaining returns how many of n messages are within the limit.
func (s *stats) remaining(n int) int {
	if s.limit <= 0 {
		return n
	}
	return int(min(int64(n), s.limit-s.alerts-s.rejected))
}

// full reports whether the limit is reached.
func (s *stats) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remaining(1) == 0
}

// report is a copy of stats at a moment.
type report struct {
	elapsed  time.Duration
	rows     []partitionRow
	total    partitionRow
	newest   []alertRow
	alerts   int64
	rejected int64
	causes   []cause // commonest first
	lost     int64
}

// partitionRow is one partition in a report, or the sum of several.
type partitionRow struct {
	name     label
	messages int64
	bytes    int64
	rate     float64 // messages per second
	byteRate float64
	lag      int64
}

type cause struct {
	text string
	n    int64
}

func (r *partitionRow) add(o partitionRow) {
	r.messages += o.messages
	r.bytes += o.bytes
	r.rate += o.rate
	r.byteRate += o.byteRate
	r.lag += o.lag
}

// report returns the state at a time, which later rates refer to.
func (s *stats) report(now time.Time) report {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := report{newest: slices.Clone(s.newest), alerts: s.alerts, rejected: s.rejected, lost: s.lost}
	if !s.started.IsZero() {
		out.elapsed = now.Sub(s.started)
	}
	for _, p := range s.partitions {
		r := p.row(now)
		out.total.add(r)
		if !p.gone {
			out.rows = append(out.rows, r)
		}
	}
	slices.SortFunc(out.rows, func(a, b partitionRow) int {
		return cmp.Or(cmp.Compare(a.name.topic, b.name.topic),
			cmp.Compare(len(a.name.number), len(b.name.number)), cmp.Compare(a.name.number, b.name.number))
	})
	for _, text := range slices.Sorted(maps.Keys(s.causes)) {
		out.causes = append(out.causes, cause{text, s.causes[text]})
	}
	slices.SortStableFunc(out.causes, func(a, b cause) int { return cmp.Compare(b.n, a.n) })
	return out
}

func (p *partition) row(now time.Time) partitionRow {
	for len(p.samples) > 0 && now.Sub(p.samples[0].at) > rateWindow {
		p.samples = p.samples[1:]
	}
	r := partitionRow{name: p.name, messages: p.messages, bytes: p.bytes}
	if !p.gone {
		r.lag = max(0, p.end-p.next)
	}
	if len(p.samples) > 0 {
		first := p.samples[0]
		if s := now.Sub(first.at).Seconds(); s > 0 {
			r.rate = float64(p.messages-first.messages) / s
			r.byteRate = float64(p.bytes-first.bytes) / s
		}
	}
	p.samples = append(p.samples, sample{now, p.messages, p.bytes})
	return r
}
