package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

const (
	keepOnDisk   = time.Second     // between two stores of the status on a disk
	keepRemotely = 5 * time.Second // on other stores
	keepTimeout  = 10 * time.Second
	// silentAfter is the age of a status, beyond the time between two, from which
	// its process counts as silent.
	silentAfter = 10 * time.Second
	// showSilent is how long a silent process is shown, keepStatus how long its
	// status is stored.
	showSilent = day
	keepStatus = 7 * day
	pruneEvery = time.Hour
	maxPending = 900 // slots that wait for the store
)

// keeper stores the status and the history of a job, and reads those of other
// processes that share its store. What it does with the store never delays the job.
type keeper struct {
	job     *Job
	records records
	memory  bool          // nothing outlives the process
	every   time.Duration // between two stores
	stop    chan struct{}
	once    sync.Once
	asked   atomic.Int64 // when somebody wanted to see the other processes, in Unix seconds

	mu      sync.Mutex
	id      string
	unlock  func() error
	last    *observation
	second  time.Time // of current
	current *slot
	pending []timedSlot
	peers   []*status
	space   *disk
	audit   *audit
	stored  time.Time // when the status was stored last
	failed  error     // of the last try
}

type timedSlot struct {
	at time.Time
	*slot
}

// observation is what a job had done at a time.
type observation struct {
	at      time.Time
	counts  counts
	in      float64
	lag     lag
	latency stream.Latency
	busy    map[stream.Stage]float64
	retries int64
	running bool
}

func newKeeper(j *Job) *keeper {
	k := &keeper{job: j, records: records{j.Store}, stop: make(chan struct{}), every: keepRemotely, last: &observation{at: j.monitor.started}}
	if j.Store == nil {
		k.records.store, k.memory, k.id = store.NewMemory(), true, j.Name
	}
	if _, ok := j.Store.(*store.Dir); ok || k.memory {
		k.every = keepOnDisk
	}
	return k
}

// instance returns the name of the process within the store, "" if it is not known
// yet.
func (k *keeper) instance() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id
}

func (k *keeper) disk() *disk {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.space
}

// observe adds what the job has done since the last observation.
func (k *keeper) observe(o observation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last := k.last
	k.last = &o
	if at := floor(o.at, time.Second); k.current == nil || !at.Equal(k.second) {
		k.push()
		k.second, k.current = at, newSlot()
	}
	k.current.add(o.since(last))
}

// push completes the slot of the current second.
func (k *keeper) push() {
	if k.current == nil {
		return
	}
	if len(k.pending) >= maxPending {
		k.pending = k.pending[1:]
	}
	k.pending = append(k.pending, timedSlot{k.second, k.current})
	k.current = nil
}

// since returns what happened from one observation to the next.
func (o *observation) since(last *observation) *slot {
	more := func(now, before int64) int64 { return max(now-before, 0) }
	c, b := o.counts, last.counts
	s := &slot{
		in: more(int64(o.in), int64(last.in)), read: more(c.Read, b.Read), written: more(c.Written, b.Written),
		rejected: more(c.Rejected, b.Rejected), dropped: more(c.Dropped, b.Dropped), lost: more(c.Lost, b.Lost),
		bytes: more(c.Bytes, b.Bytes), bytesIn: more(c.BytesIn, b.BytesIn), batches: more(c.Batches, b.Batches),
		retries: more(o.retries, last.retries), lag: o.lag.Messages, lagAge: -1,
	}
	if o.lag.Seconds != nil {
		s.lagAge = time.Duration(*o.lag.Seconds * float64(time.Second))
	}
	if gap := o.at.Sub(last.at); o.running && gap > 0 { // a longer one is a machine that slept
		s.up = min(gap, 2*time.Second)
	}
	for i, stage := range stages {
		s.busy[i] = max(0, time.Duration((o.busy[stage]-last.busy[stage])*float64(time.Second)))
	}
	if o.latency.Count() > last.latency.Count() {
		s.addLatency(o.latency.Since(last.latency))
	}
	return s
}

// end makes run store the last status and return.
func (k *keeper) end() { k.once.Do(func() { close(k.stop) }) }

// run stores the status and the history until end is called.
func (k *keeper) run() {
	var w *writer
	var pruned time.Time
	tick := time.NewTicker(k.every)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-k.stop:
			ended = true
		}
		ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
		err := k.keep(ctx, &w)
		if now := time.Now(); err == nil && now.Sub(pruned) >= pruneEvery && !ended {
			pruned, err = now, prune(ctx, k.records, now)
		}
		cancel()
		k.report(err)
	}
	if k.unlock != nil {
		k.unlock()
	}
}

// report logs the first of several errors in a row, and the end of them.
func (k *keeper) report(err error) {
	k.mu.Lock()
	was := k.failed
	k.failed = err
	if err == nil {
		k.stored = time.Now()
	}
	k.mu.Unlock()
	switch {
	case err != nil && was == nil:
		k.job.monitor.log().Warn("the status and history of the job cannot be stored: the job goes on", "job", k.job.Name, "err", err)
	case err == nil && was != nil:
		k.job.monitor.log().Warn("the status and history of the job are stored again", "job", k.job.Name)
	}
}

// keep stores what has happened and reads what other processes have stored.
func (k *keeper) keep(ctx context.Context, w **writer) error {
	now := time.Now()
	if space, ok := diskSpace(k.job.Store); ok {
		k.mu.Lock()
		k.space = &space
		k.mu.Unlock()
	}
	if k.job.Status != nil {
		if err := k.write(ctx, w, now); err != nil {
			return err
		}
	}
	if k.memory {
		return nil
	}
	last, err := readAudit(ctx, k.records)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.audit = last
	k.mu.Unlock()
	if k.job.Status != nil && now.Unix()-k.asked.Load() > 10 {
		return nil
	}
	return k.readPeers(ctx, now)
}

// write stores the status and the complete slots.
func (k *keeper) write(ctx context.Context, w **writer, now time.Time) (err error) {
	if k.instance() == "" {
		if err := k.name(); err != nil {
			return err
		}
	}
	if *w == nil {
		if *w, err = openWriter(ctx, k.records, k.instance(), now); err != nil {
			return err
		}
	}
	k.mu.Lock()
	k.push()
	pending := k.pending
	k.pending = nil
	k.mu.Unlock()
	for _, s := range pending {
		err = errors.Join(err, (*w).add(ctx, s.at, s.slot))
	}
	if err != nil {
		return err
	}
	s := k.job.status(now)
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if k.memory { // nobody else reads it, but it names the instance
		data = nil
	}
	return k.records.put(ctx, statusPrefix+s.Instance+".json", data)
}

// name chooses the name of the process: that of the service and the machine, and
// the lowest number that no other process has, so that it is the same after a
// restart. Without locks it is different each time.
func (k *keeper) name() error {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	base := cleanName(k.job.Name) + "-" + cleanName(host)
	base = base[:min(len(base), 100)]
	id, unlock := cleanName(fmt.Sprintf("%s-%s", token.New(), base)), func() error { return nil }
	if l, ok := k.job.Store.(store.Locker); ok {
		for n := 1; n < 1000; n++ {
			name := cleanName(fmt.Sprintf("%d-%s", n, base))
			free, err := l.Lock(lockPrefix+name, false)
			if errors.Is(err, store.ErrLocked) {
				continue
			}
			if err == nil {
				id, unlock = name, free
			} else if !errors.Is(err, errors.ErrUnsupported) {
				return err
			}
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id, k.unlock = id, unlock
	return nil
}

// maxStatus is the largest status of another process that is read, in bytes.
const maxStatus = 4 << 20

// readPeers reads the status of each other process.
func (k *keeper) readPeers(ctx context.Context, now time.Time) error {
	names, err := instances(ctx, k.records)
	if err != nil {
		return err
	}
	var peers []*status
	for _, name := range names {
		if name == k.instance() {
			continue
		}
		data, err := k.records.get(ctx, statusPrefix+name+".json")
		if err != nil {
			return err
		}
		s := &status{}
		if len(data) > maxStatus || json.Unmarshal(data, s) != nil || s.Instance != name {
			continue
		}
		if now.Sub(s.Time) > keepStatus {
			if err := k.records.store.Delete(ctx, statusPrefix+name+".json"); err != nil {
				return err
			}
			continue
		}
		s.Jobs, s.Processes = nil, nil
		peers = append(peers, s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.peers = peers
	return nil
}

// silent reports whether a process has not stored its status for too long.
func (k *keeper) silent(s *status, at time.Time) bool {
	return at.Sub(s.Time) > k.every+silentAfter && s.State != stateStopped && s.State != stateFailed
}

// processes returns the other processes, except those that are silent for long.
func (k *keeper) processes(at time.Time) []process {
	k.asked.Store(at.Unix())
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []process
	for _, s := range k.peers {
		if at.Sub(s.Time) > showSilent {
			continue
		}
		p := process{
			Service: s.Service, Instance: s.Instance, Started: s.Started, Heard: s.Time, Silent: k.silent(s, at),
			State: s.State, Job: s.Job, Rate: s.Rate, Lag: lagTotal{s.Lag.Messages, s.Lag.Seconds}, Error: s.Error,
		}
		if p.Silent {
			p.State, p.Rate = stateSilent, rate{}
		}
		out = append(out, p)
	}
	return out
}

// remote returns the status of the other processes, for a job that runs elsewhere.
func (k *keeper) remote(at time.Time) []*status {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []*status
	for _, s := range k.peers {
		if at.Sub(s.Time) > showSilent {
			continue
		}
		s := *s
		if k.silent(&s, at) {
			s.State, s.Rate = stateSilent, rate{}
		}
		out = append(out, &s)
	}
	return out
}
