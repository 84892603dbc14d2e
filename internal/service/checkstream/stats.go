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
	rateWindow = 5 * time.Second // over which rates are measured
	keptAlerts = 10
	maxCauses  = 5 // of undecodable messages that are counted separately
)

// stats are the statistics of the stream so far. Its methods may be called
// concurrently.
type stats struct {
	lines *lines // prints each alert; if nil, alerts are only kept
	limit int64  // of messages to count; if zero, none

	mu          sync.Mutex
	begun       time.Time
	listed      bool                  // the source has listed its partitions
	partitions  map[string]*partition // by their names in the source
	newest      []alertRow            // oldest first
	alerts      int64
	undecodable int64
	causes      map[string]int64
	lost        int64
}

// partition is a partition of a topic.
type partition struct {
	name     label
	next     int64 // the offset after the last one that was read
	end      int64 // the offset after the last one that existed when the source was asked
	gone     bool
	messages int64
	bytes    int64
	samples  []sample // within rateWindow, oldest first
}

// sample is how much had been read by a time.
type sample struct {
	at              time.Time
	messages, bytes int64
}

// label is a partition's name for display.
type label struct {
	topic  string
	number string
}

// labelOf returns the label of a partition whose name in the source is
// CLUSTER/TOPIC@ID/NUMBER.
func labelOf(name string) label {
	_, name, _ = strings.Cut(name, "/")
	at := strings.LastIndexByte(name, '/')
	topic, _, _ := strings.Cut(name[:max(at, 0)], "@")
	return label{topic, name[at+1:]}
}

// begin starts the clock.
func (s *stats) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = now
}

// setExtents takes what the source has.
func (s *stats) setExtents(list []stream.Extent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	exists := map[string]bool{}
	for _, e := range list {
		p, known := s.partitions[e.Partition]
		if !known {
			p = &partition{name: labelOf(e.Partition), next: e.From}
			if !s.listed { // one that appears later is read from its beginning
				p.next = max(e.Start, e.From)
				p.samples = []sample{{at: s.begun}}
			}
			if s.partitions == nil {
				s.partitions = map[string]*partition{}
			}
			s.partitions[e.Partition] = p
		}
		p.gone, p.end = e.Gone, e.To
		exists[e.Partition] = true
	}
	for name, p := range s.partitions {
		p.gone = p.gone || !exists[name]
	}
	s.listed = s.listed || len(list) > 0
}

// addRead counts the messages of an account, unless they were counted before:
// after an error the source yields messages again.
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

// addAlerts counts alerts, and prints them if lines is set.
func (s *stats) addAlerts(all []alertRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = all[:s.room(len(all))]
	s.alerts += int64(len(all))
	s.newest = append(s.newest, all...) // of one partition: others may have newer ones
	slices.SortStableFunc(s.newest, func(x, y alertRow) int { return x.sent.Compare(y.sent) })
	s.newest = slices.Delete(s.newest, 0, max(0, len(s.newest)-keptAlerts))
	if s.lines == nil {
		return nil
	}
	return s.lines.alerts(all, time.Now())
}

// addUndecodable counts messages that could not be decoded.
func (s *stats) addUndecodable(all []reject) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = all[:s.room(len(all))]
	s.undecodable += int64(len(all))
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
	return s.lines.undecodable(all)
}

// room returns how many of n messages are within the limit.
func (s *stats) room(n int) int {
	if s.limit <= 0 {
		return n
	}
	return int(min(int64(n), s.limit-s.alerts-s.undecodable))
}

// full reports whether the limit is reached.
func (s *stats) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room(1) == 0
}

// summaryStats are the statistics at one time.
type summaryStats struct {
	elapsed     time.Duration
	rows        []row
	total       row
	newest      []alertRow
	alerts      int64
	undecodable int64
	causes      []cause // most frequent first
	lost        int64
}

// row is one partition, or the sum of several.
type row struct {
	name     label
	messages int64
	bytes    int64
	rate     float64 // messages a second
	byteRate float64
	lag      int64
}

type cause struct {
	text string
	n    int64
}

func (r *row) add(o row) {
	r.messages += o.messages
	r.bytes += o.bytes
	r.rate += o.rate
	r.byteRate += o.byteRate
	r.lag += o.lag
}

// summarize returns the statistics at a time, and samples what has been read for
// the rates.
func (s *stats) summarize(now time.Time) summaryStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := summaryStats{newest: slices.Clone(s.newest), alerts: s.alerts, undecodable: s.undecodable, lost: s.lost}
	if !s.begun.IsZero() {
		v.elapsed = now.Sub(s.begun)
	}
	for _, p := range s.partitions {
		r := p.row(now)
		v.total.add(r)
		if !p.gone {
			v.rows = append(v.rows, r)
		}
	}
	slices.SortFunc(v.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.name.topic, b.name.topic),
			cmp.Compare(len(a.name.number), len(b.name.number)), cmp.Compare(a.name.number, b.name.number))
	})
	for _, text := range slices.Sorted(maps.Keys(s.causes)) {
		v.causes = append(v.causes, cause{text, s.causes[text]})
	}
	slices.SortStableFunc(v.causes, func(a, b cause) int { return cmp.Compare(b.n, a.n) })
	return v
}

func (p *partition) row(now time.Time) row {
	for len(p.samples) > 0 && now.Sub(p.samples[0].at) > rateWindow {
		p.samples = p.samples[1:]
	}
	r := row{name: p.name, messages: p.messages, bytes: p.bytes}
	if !p.gone {
		r.lag = max(0, p.end-p.next)
	}
	if len(p.samples) > 0 {
		first := p.samples[0]
		if seconds := now.Sub(first.at).Seconds(); seconds > 0 {
			r.rate = float64(p.messages-first.messages) / seconds
			r.byteRate = float64(p.bytes-first.bytes) / seconds
		}
	}
	p.samples = append(p.samples, sample{now, p.messages, p.bytes})
	return r
}
