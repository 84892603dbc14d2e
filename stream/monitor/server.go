package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
)

const (
	headerTimeout  = 10 * time.Second // to send a request's headers
	readTimeout    = 20 * time.Second // to send a request
	writeTimeout   = 60 * time.Second // to take an answer; /events has its own
	idleTimeout    = 60 * time.Second // between two requests
	maxHeaderBytes = 16 << 10
	maxConnections = 500
	shutdownWait   = 2 * time.Second
)

// ListenAndServe listens on addr, such as "localhost:5000", and serves until the
// context ends; it then returns nil. It calls Run.
func (m *Monitor) ListenAndServe(ctx context.Context, addr string) error {
	l, err := m.Listen(addr)
	if err != nil {
		return err
	}
	return m.Serve(ctx, l)
}

// Listen listens on addr, and checks Config. In addr, a missing host means
// localhost; 0.0.0.0 and [::] mean all addresses of the machine. If the port is in
// use, the error says so in one line.
func (m *Monitor) Listen(addr string) (net.Listener, error) {
	if m.Config != "" {
		if _, err := readWebConfig(m.Config); err != nil {
			return nil, err
		}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("monitor: %q is not HOST:PORT, like localhost:5000", addr)
	}
	if host == "" {
		host = "localhost"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, inUse(host, port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("monitor: port %s needs more rights: choose one from 1024 on", port)
	case err != nil:
		return nil, fmt.Errorf("monitor: listen on %s: %w", addr, err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		m.loopback.Store(a.IP.IsLoopback())
	}
	if net.ParseIP(host) == nil {
		m.Hosts = append(m.Hosts, host)
	}
	return l, nil
}

// inUse returns the error of a port that is in use.
func inUse(host, port string) error {
	who, next := "", "5001"
	if port == "5000" {
		who = " (on macOS, AirPlay Receiver uses it: it can be turned off in the system settings)"
	} else if n, err := strconv.Atoi(port); err == nil && n < 65535 {
		next = strconv.Itoa(n + 1)
	}
	return fmt.Errorf("monitor: port %s is in use by another program%s: choose another, such as %s", port, who, net.JoinHostPort(host, next))
}

// Serve serves on a listener, which it closes, until the context ends; it then
// returns nil. Clients of /events do not delay the end. It calls Run.
func (m *Monitor) Serve(ctx context.Context, l net.Listener) error {
	m.init()
	defer l.Close()
	s := &http.Server{ // what it would log is the fault of clients, who must not fill the log
		Handler: m, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	l = netutil.LimitListener(l, maxConnections)
	serve := func() error { return s.Serve(l) }
	if m.Config != "" {
		c, err := readWebConfig(m.Config)
		if err != nil {
			return err
		}
		if s.Handler = c.handler(m); c.tls != nil {
			s.TLSConfig = c.tls
			serve = func() error { return s.ServeTLS(l, "", "") }
		}
		if !c.http2 {
			s.Protocols = new(http.Protocols)
			s.Protocols.SetHTTP1(true)
		}
	}
	run, stop := context.WithCancel(ctx)
	ran, served := make(chan struct{}), make(chan error, 1)
	go func() { defer close(ran); m.Run(run) }()
	go func() { served <- serve() }()
	var err error
	select {
	case err = <-served: // it never returns nil
		stop()
	case <-ctx.Done():
		stop()
		m.hub.close()
		end, cancel := context.WithTimeout(context.Background(), shutdownWait)
		if s.Shutdown(end) != nil {
			s.Close()
		}
		cancel()
	}
	<-ran
	return err
}

// URL returns the address of a page of a server that listens on l.
func (m *Monitor) URL(l net.Listener, path string) string {
	scheme, host := "http", l.Addr().String()
	if c, err := readWebConfig(m.Config); err == nil && c.tls != nil {
		scheme = "https"
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && (a.IP.IsLoopback() || a.IP.IsUnspecified()) {
		host = net.JoinHostPort("localhost", strconv.Itoa(a.Port))
	}
	return scheme + "://" + host + "/" + strings.TrimPrefix(path, "/")
}
