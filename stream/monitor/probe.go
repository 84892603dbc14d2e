package monitor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	probeEvery   = 10 * time.Second
	probeTimeout = 8 * time.Second
	// reachedWithin is how long ago something must have been reached to count as
	// reachable: a job is not ready within a minute of losing it.
	reachedWithin = 35 * time.Second
)

// readiness says whether jobs can work.
type readiness struct {
	OK     bool    `json:"ok"`
	Checks []check `json:"checks"`
}

// check is what is known of one thing that a job needs.
type check struct {
	Job  string `json:"job"`
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Reached is when it was reached last, null if it never was.
	Reached *time.Time `json:"reached"`
	Text    string     `json:"text,omitempty"` // what is wrong
}

// probe checks something that a job needs.
type probe struct {
	name string
	f    func(context.Context) error

	mu      sync.Mutex
	reached time.Time
	err     error
}

func (j *Job) newProbes() []*probe {
	var out []*probe
	for _, name := range slices.Sorted(maps.Keys(j.Checks)) {
		out = append(out, &probe{name: name, f: j.Checks[name]})
	}
	if b := j.MicroBatch; b != nil {
		if p, ok := b.Source.(stream.Pinger); ok {
			out = append(out, &probe{name: "source", f: p.Ping})
		}
	}
	return out
}

// run checks until the context ends.
func (p *probe) run(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		p.check(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (p *probe) check(ctx context.Context) {
	c, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := p.f(c)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err == nil {
		p.reached = time.Now()
	}
}

func (p *probe) result(job string, at time.Time) check {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := check{Job: job, Name: p.name, Reached: timeOrNil(p.reached), OK: !p.reached.IsZero() && at.Sub(p.reached) < reachedWithin}
	switch {
	case p.err != nil:
		c.Text = bounded(p.err.Error(), maxCause)
	case !c.OK && p.reached.IsZero():
		c.Text = "not reached yet"
	case !c.OK:
		c.Text = "no answer"
	}
	return c
}

// readinessLocked returns whether the job can work. The caller holds j.state.mu.
func (j *Job) readinessLocked(at time.Time, live stream.Status) readiness {
	r := readiness{OK: true, Checks: []check{}}
	add := func(c check) {
		c.Job = j.Name
		r.OK = r.OK && c.OK
		r.Checks = append(r.Checks, c)
	}
	state := j.state.stateOf(j, live)
	job := check{Name: "job", OK: state != stateStarting && state != stateFailed && state != stateStopped, Text: state}
	if job.OK {
		job.Text = ""
	} else if f := j.state.failure; f != nil {
		job.Text = f.Text
	}
	add(job)
	for _, p := range j.probes {
		add(p.result(j.Name, at))
	}
	if !j.keeper.memory {
		add(j.keeper.check(at))
	}
	if limit := j.monitor.MaxLag; limit > 0 {
		l := lagOf(live.Lag)
		c := check{Name: "lag", OK: l.Seconds == nil && l.Messages == 0 || l.Seconds != nil && *l.Seconds <= limit.Seconds()}
		switch {
		case !c.OK && l.Seconds == nil:
			c.Text = fmt.Sprintf("%d messages of unknown age", l.Messages)
		case !c.OK:
			c.Text = fmt.Sprintf("%.0f s, above %.0f s", *l.Seconds, limit.Seconds())
		}
		add(c)
	}
	return r
}

// check returns whether the store can be written.
func (k *keeper) check(at time.Time) check {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := check{Name: "store", Reached: timeOrNil(k.stored), OK: !k.stored.IsZero() && at.Sub(k.stored) < reachedWithin}
	switch {
	case k.failed != nil:
		c.Text = bounded(k.failed.Error(), maxCause)
	case !c.OK:
		c.Text = "no answer"
	}
	return c
}

// readiness returns whether all jobs can work.
func (m *Monitor) readiness(at time.Time) readiness {
	r := readiness{OK: true, Checks: []check{}}
	for _, j := range m.list() {
		var one readiness
		if j.Status != nil {
			live := j.Status()
			j.state.mu.Lock()
			one = j.readinessLocked(at, live)
			j.state.mu.Unlock()
		} else {
			one = readiness{Checks: []check{j.keeper.check(at)}}
			one.OK = one.Checks[0].OK
		}
		r.OK = r.OK && one.OK
		r.Checks = append(r.Checks, one.Checks...)
	}
	return r
}
