package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/stream/monitor"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Watch holds the flags of a command whose jobs can be watched.
type Watch struct {
	Addr    string        // -http
	Config  string        // -http-config
	Hosts   string        // -http-host
	Profile bool          // -http-pprof
	MaxLag  time.Duration // -ready-lag
	History string        // -history
}

const watchManual = `    -http HOST:PORT     show pages of what the command does, such as
                        http://localhost:5000/live.html with -http localhost:5000,
                        and metrics, health and JSON for programs: / links to all.
                        Whoever can connect can read; a missing HOST is localhost
    -http-config FILE   certificates for TLS, and users with passwords: a file of
                        Prometheus' exporter-toolkit
    -http-host NAME,... names by which the server is also reached, if HOST is not
                        one of them
    -http-pprof         serve Go's profiles too, under /debug/pprof/
    -ready-lag 10m      /readyz reports 503 while the lag is above this time
    -history DIR        where status and history are kept (default: `

// WatchManual and WatchManualMemory are the part of a command's manual that explains
// the flags. They differ in the default of -history.
const (
	WatchManual       = watchManual + "beside the\n                        output, in OUT/monitor)\n"
	WatchManualMemory = watchManual + "memory)\n"
)

// Flags adds the flags to f.
func (w *Watch) Flags(f *flag.FlagSet) {
	f.StringVar(&w.Addr, "http", "", "")
	f.StringVar(&w.Config, "http-config", "", "")
	f.StringVar(&w.Hosts, "http-host", "", "")
	f.BoolVar(&w.Profile, "http-pprof", false, "")
	f.DurationVar(&w.MaxLag, "ready-lag", 0, "")
	f.StringVar(&w.History, "history", "", "")
}

// Check returns a UsageError if the flags do not fit together.
func (w *Watch) Check() error {
	switch {
	case w.Addr == "" && (w.Config != "" || w.Hosts != "" || w.Profile || w.MaxLag != 0):
		return UsageError{Text: "-http-config, -http-host, -http-pprof and -ready-lag are for -http HOST:PORT: say where to serve"}
	case w.MaxLag < 0:
		return UsageError{Text: "-ready-lag must not be negative"}
	}
	if w.Addr != "" {
		if _, port, err := net.SplitHostPort(w.Addr); err != nil || port == "" {
			return UsageError{Text: fmt.Sprintf("-http %q is not HOST:PORT, like localhost:5000", w.Addr)}
		}
	}
	return nil
}

// Server watches the jobs of a command.
type Server struct {
	watch    *Watch
	monitor  monitor.Monitor
	listener net.Listener // nil without -http
	store    store.Store  // of -history, nil without
}

// Open begins to listen, if -http says so, so that a port in use is an error before
// the work begins.
func (w *Watch) Open() (*Server, error) {
	s := &Server{watch: w, monitor: monitor.Monitor{Config: w.Config, MaxLag: w.MaxLag, Profile: w.Profile, Log: Log()}}
	if w.Hosts != "" {
		s.monitor.Hosts = strings.Split(w.Hosts, ",")
	}
	if w.History != "" {
		st, err := store.OpenDir(w.History)
		if err != nil {
			return nil, fmt.Errorf("-history: %w", err)
		}
		s.store = st
	}
	if w.Addr == "" {
		return s, nil
	}
	l, err := s.monitor.Listen(w.Addr)
	if err != nil {
		return nil, err
	}
	s.listener = l
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && w.Config == "" {
		Log().Warn("everybody who reaches this machine can read the pages: add users with -http-config FILE", "http", w.Addr)
	}
	return s, nil
}

// Add adds a job. If the job has a Store, which is that of its output, -history comes
// first; without either, the history is in memory.
func (s *Server) Add(j *monitor.Job) {
	_, hints := j.Store.(store.Hinter)
	if _, dir := j.Store.(*store.Dir); !dir && !hints {
		j.Store = nil // it would be written like an output, file by file
	}
	if s.store != nil {
		j.Store = s.store
	}
	s.monitor.Add(j)
}

// Run runs the work, and watches the jobs until it returns.
func (s *Server) Run(ctx context.Context, work func() error) error {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.listener == nil {
			s.monitor.Run(ctx)
			return
		}
		fmt.Fprintf(os.Stderr, "live at %s\n", s.monitor.URL(s.listener, "live.html"))
		if err := s.monitor.Serve(ctx, s.listener); err != nil && !errors.Is(err, net.ErrClosed) {
			Log().Warn("the pages are no longer served: the work goes on", "err", err)
		}
	}()
	defer func() { stop(); <-ended }()
	return work()
}

// Close stops listening, if Run was not called.
func (s *Server) Close() {
	if s.listener != nil {
		s.listener.Close()
	}
}
