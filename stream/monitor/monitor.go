package monitor

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Monitor shows what jobs do: to people, to Prometheus, to Kubernetes and to
// scripts. Its zero value is ready: add jobs, then serve it.
//
// A Monitor is an http.Handler of the paths that API.md describes. Its methods may
// be called concurrently. Its fields must not be changed once it serves or runs.
type Monitor struct {
	// Hosts are names by which clients reach the server, besides localhost, the
	// name of the machine, the host of the address that is listened on, and IP
	// addresses. Requests with another Host get status 421, so that the page of
	// another site cannot read this one by changing its own DNS record.
	Hosts []string
	// Config is a file in the format of Prometheus' exporter-toolkit, with
	// certificates for TLS, users and their passwords. If empty, there is neither.
	// Only ListenAndServe and Serve use it.
	Config string
	// MaxLag is the lag from which the monitor is not ready. If zero, no lag is too
	// much.
	MaxLag time.Duration
	// Profile makes the handler serve /debug/pprof/.
	Profile bool
	// Version is the program's. If empty, it is that of its main module.
	Version string
	Log     *slog.Logger // if nil, slog.Default()

	once    sync.Once
	started time.Time
	pages   pages
	hub     hub
	recent  recentAlerts
	metrics *metrics
	queries chan struct{} // a place for each query of the history under way
	wake    chan struct{} // asks Run for a sample now

	mu      sync.Mutex
	jobs    []*Job
	running context.Context // of Run, nil if it has not been called
	group   sync.WaitGroup  // what Run has started

	cache struct {
		sync.Mutex
		at     time.Time
		status *status
	}
	loopback atomic.Bool // listens on a loopback address only
}

// Job is a job that is watched. Its fields must not be changed once it is added.
type Job struct {
	// Name is the name of the service, such as "archive". If empty, it is the name
	// of the program. Add appends a number to a name that another job has.
	Name string
	// MicroBatch is the job, whose Source must be set. Add sets its Observe to a
	// function that also calls the one that was set before, and appends to its
	// Transforms one that changes nothing, but shows the newest alerts. Add must be
	// called before the job runs.
	MicroBatch *stream.MicroBatch
	// Status returns the status of a job that is not a MicroBatch. It is called
	// once a second, concurrently with everything else, and must not call the
	// Monitor. Of its Progress, Counts must never decrease.
	//
	// If both are nil, the job runs in another process and is known from Store.
	Status func() stream.Status
	// Store is where the job keeps its status and its history, under monitor/, for
	// other processes and for the time after a restart: the store of its output. If
	// nil, they are in memory. It must be a store.Dir or a store.Hinter, or files
	// are staged and published.
	Store store.Store
	// Checks say whether what the job needs can be reached, such as a registry.
	// Each is called every ten seconds, concurrently with everything else; its
	// context ends after eight. A source that is a stream.Pinger, and Store, need
	// no check.
	Checks map[string]func(context.Context) error

	monitor *Monitor
	state   jobState
	probes  []*probe
	keeper  *keeper
}

// Add adds a job.
func (m *Monitor) Add(j *Job) {
	m.init()
	j.monitor = m
	j.Name = m.free(text(cmp.Or(j.Name, program())))
	j.state.begin(m.started)
	if b := j.MicroBatch; b != nil {
		before := b.Observe
		b.Observe = func(e stream.Event) {
			if before != nil {
				before(e)
			}
			j.observe(e)
		}
		b.Transforms = append(slices.Clip(b.Transforms), stream.TransformFunc(m.recent.tap))
		j.Status = b.Status
	}
	j.probes = j.newProbes()
	j.keeper = newKeeper(j)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs = append(m.jobs, j)
	if m.running != nil {
		m.start(m.running, j)
	}
}

// free returns a name that no job has: series of metrics with equal labels are an
// error.
func (m *Monitor) free(name string) string {
	jobs := m.list()
	for n := 1; ; n++ {
		s := name
		if n > 1 {
			s = fmt.Sprintf("%s-%d", name, n)
		}
		if !slices.ContainsFunc(jobs, func(j *Job) bool { return j.Name == s }) {
			return s
		}
	}
}

func (m *Monitor) init() {
	m.once.Do(func() {
		m.started = time.Now()
		m.Version = cmp.Or(m.Version, version())
		m.queries, m.wake = make(chan struct{}, maxQueries), make(chan struct{}, 1)
		m.pages = loadPages()
		m.metrics = newMetrics(m)
		m.hub.init()
	})
}

// Run samples the jobs each second until the context ends, keeps their history,
// and checks what they need. ListenAndServe and Serve call it; call it if the
// Monitor is a handler of another server. It returns when the last status is
// stored.
func (m *Monitor) Run(ctx context.Context) {
	m.init()
	m.mu.Lock()
	m.running = ctx
	for _, j := range m.jobs {
		m.start(ctx, j)
	}
	m.mu.Unlock()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := time.Now(); ctx.Err() == nil; {
		select {
		case <-tick.C:
		case <-m.wake: // something has been published
			time.Sleep(max(0, minSample-time.Since(last)))
		case <-ctx.Done():
		}
		last = time.Now()
		m.sample(last)
	}
	m.hub.close()
	for _, j := range m.list() {
		j.keeper.end()
	}
	ended := make(chan struct{})
	go func() { m.group.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(maxEnd): // a store that hangs must not keep the process
	}
}

// maxEnd is how long Run waits for the last status to be stored.
const maxEnd = 10 * time.Second

// minSample is the shortest time between two samples.
const minSample = 200 * time.Millisecond

// start starts what a job needs while Run runs.
func (m *Monitor) start(ctx context.Context, j *Job) {
	for _, p := range j.probes {
		m.group.Go(func() { p.run(ctx) })
	}
	m.group.Go(j.keeper.run)
}

// sample takes a sample of each job, and sends the status to those who listen.
func (m *Monitor) sample(now time.Time) {
	for _, j := range m.list() {
		j.sample(now)
	}
	if m.hub.listened() {
		m.hub.publish(m.status(now, 0))
	}
}

func (m *Monitor) list() []*Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.jobs)
}

func (m *Monitor) log() *slog.Logger {
	if m.Log != nil {
		return m.Log
	}
	return slog.Default()
}

// program returns the name of the program.
func program() string {
	if len(os.Args) == 0 {
		return "job"
	}
	return cleanName(os.Args[0][lastSlash(os.Args[0])+1:])
}

// version returns the version of the main module.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return cmp.Or(v, "unknown")
}
