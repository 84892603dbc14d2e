package main

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
	rateSpan = 5 * time.Second // over which rates are taken
	newest   = 10              // alerts that are remembered
	causes   = 5               // why messages were undecodable: so many are told apart
)

// board is what is known of the stream so far. Its methods may be called
// concurrently.
type board struct {
	lines *lines // nil: alerts are only remembered
	most  int64  // messages to take; 0: all

	mu     sync.Mutex
	begun  time.Time
	listed bool                  // the source has listed partitions once
	parts  map[string]*partition // by their name in the source
	last   []sighting            // the newest, oldest first
	alerts int64
	bad    int64
	why    map[string]int64
	lost   int64
}

// partition is one of a topic.
type partition struct {
	name     label
	next     int64 // the offset behind what was read
	end      int64 // the offset behind what there was, when last asked
	gone     bool
	messages int64
	bytes    int64
	samples  []sample // of the last while, oldest first
}

// sample is how much had been read at a time.
type sample struct {
	at              time.Time
	messages, bytes int64
}

// label is what people call a partition.
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

// begin starts the clock.
func (b *board) begin(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun = now
}

// extents learns what the source has.
func (b *board) extents(list []stream.Extent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	here := map[string]bool{}
	for _, e := range list {
		p, known := b.parts[e.Partition]
		if !known {
			p = &partition{name: labelOf(e.Partition), next: e.From}
			if !b.listed { // one that turns up later is read from its beginning
				p.next = max(e.Start, e.From)
				p.samples = []sample{{at: b.begun}}
			}
			if b.parts == nil {
				b.parts = map[string]*partition{}
			}
			b.parts[e.Partition] = p
		}
		p.gone, p.end = e.Gone, e.To
		here[e.Partition] = true
	}
	for name, p := range b.parts {
		p.gone = p.gone || !here[name]
	}
	b.listed = b.listed || len(list) > 0
}

// read learns that the source has handed over the messages of an account.
// What it hands over once more, after an error, does not count again.
func (b *board) read(a stream.Account, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.parts[a.Partition]
	if p == nil || a.To <= p.next {
		return
	}
	p.next = a.To
	p.messages += a.Read
	p.bytes += bytes
	b.lost += a.Lost
}

// saw takes alerts, and prints them if that is asked for.
func (b *board) saw(all []sighting) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all = all[:b.room(len(all))]
	b.alerts += int64(len(all))
	b.last = append(b.last, all...) // of one partition: the others may have newer ones
	slices.SortStableFunc(b.last, func(x, y sighting) int { return x.sent.Compare(y.sent) })
	b.last = slices.Delete(b.last, 0, max(0, len(b.last)-newest))
	if b.lines == nil {
		return nil
	}
	return b.lines.alerts(all, time.Now())
}

// undecodable takes messages that are no alerts.
func (b *board) undecodable(all []reject) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all = all[:b.room(len(all))]
	b.bad += int64(len(all))
	for _, r := range all {
		if b.why == nil {
			b.why = map[string]int64{}
		}
		if _, known := b.why[r.cause]; !known && len(b.why) >= causes {
			r.cause = "other causes"
		}
		b.why[r.cause]++
	}
	if b.lines == nil {
		return nil
	}
	return b.lines.undecodable(all)
}

// room is how many of n messages are still to be taken.
func (b *board) room(n int) int {
	if b.most <= 0 {
		return n
	}
	return int(min(int64(n), b.most-b.alerts-b.bad))
}

// full reports whether no more is to be taken.
func (b *board) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.room(1) == 0
}

// view is a board at a moment.
type view struct {
	elapsed time.Duration
	rows    []row
	total   row
	last    []sighting
	alerts  int64
	bad     int64
	why     []cause // commonest first
	lost    int64
}

// row is a partition in a view, or several.
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

// look returns what there is to see at a time, and remembers what had been
// read by then.
func (b *board) look(now time.Time) view {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := view{last: slices.Clone(b.last), alerts: b.alerts, bad: b.bad, lost: b.lost}
	if !b.begun.IsZero() {
		v.elapsed = now.Sub(b.begun)
	}
	for _, p := range b.parts {
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
	for _, text := range slices.Sorted(maps.Keys(b.why)) {
		v.why = append(v.why, cause{text, b.why[text]})
	}
	slices.SortStableFunc(v.why, func(a, b cause) int { return cmp.Compare(b.n, a.n) })
	return v
}

func (p *partition) row(now time.Time) row {
	for len(p.samples) > 0 && now.Sub(p.samples[0].at) > rateSpan {
		p.samples = p.samples[1:]
	}
	r := row{name: p.name, messages: p.messages, bytes: p.bytes}
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
