package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// policy is the Content-Security-Policy: nothing from other hosts, no script or
// style within a page, and no page within another.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP serves the pages and what API.md describes. It refuses a Host that is
// not one of the server's, methods other than GET and HEAD, and bad parameters.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.init()
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "deny")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !m.allowed(r.Host):
		http.Error(w, "this name is not served here: name it with -http-host", http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	default:
		m.serve(w, r)
	}
}

// serve serves a path.
func (m *Monitor) serve(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; path {
	case "/status.json":
		writeJSON(w, r, http.StatusOK, m.status(time.Now(), minSample))
	case "/history.json":
		m.serveHistory(w, r)
	case "/alerts.json":
		writeJSON(w, r, http.StatusOK, struct {
			Alerts []alertRow `json:"alerts"`
		}{append([]alertRow{}, m.recent.since(0)...)})
	case "/events":
		m.serveEvents(w, r)
	case "/metrics":
		m.metrics.handler.ServeHTTP(w, r)
	case "/healthz":
		plain(w, r, http.StatusOK, "ok\n")
	case "/readyz":
		ready := m.readiness(time.Now())
		code := http.StatusOK
		if !ready.OK {
			code = http.StatusServiceUnavailable
		}
		writeJSON(w, r, code, ready)
	default:
		if m.Profile && strings.HasPrefix(path, "/debug/pprof/") {
			profile(w, r)
			return
		}
		m.pages.serve(w, r)
	}
}

// profile serves the profiles of package pprof.
func profile(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, "/debug/pprof/") {
	case "cmdline":
		pprof.Cmdline(w, r)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}

// allowed reports whether a request's Host is one of the server's names.
func (m *Monitor) allowed(hostport string) bool {
	u, err := url.Parse("http://" + hostport)
	if err != nil || u.Host != hostport || u.User != nil || hostport == "" {
		return false
	}
	if p := u.Port(); p != "" {
		if _, err := net.LookupPort("tcp", p); err != nil {
			return false
		}
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil { // no DNS record says what an IP address is
		return ip.Unmap().IsLoopback() || !m.loopback.Load()
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if name, err := os.Hostname(); err == nil && strings.EqualFold(host, name) {
		return true
	}
	for _, name := range m.Hosts {
		if strings.EqualFold(host, strings.TrimSuffix(name, ".")) {
			return true
		}
	}
	return false
}

// writeJSON writes a value as JSON, in which <, > and & are escaped.
func writeJSON(w http.ResponseWriter, r *http.Request, code int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "monitor: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(data)+1))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		w.Write(append(data, '\n'))
	}
}

func plain(w http.ResponseWriter, r *http.Request, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		w.Write([]byte(text))
	}
}

// eventTimeout is how long a client of /events may take to read an event.
const eventTimeout = 10 * time.Second

// serveEvents sends the status once a second, and the newest alerts.
func (m *Monitor) serveEvents(w http.ResponseWriter, r *http.Request) {
	of, err := eventsQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy passes events on at once
	if r.Method == http.MethodHead {
		return
	}
	c := m.hub.listen()
	if c == nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many clients", http.StatusServiceUnavailable)
		return
	}
	defer m.hub.leave(c)
	e := &eventWriter{w: w, control: http.NewResponseController(w)}
	if err := e.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) { // that of the request
		return
	}
	if err := e.send("retry: 2000\n\n"); err != nil {
		return
	}
	var version, alert int64
	if first, err := json.Marshal(m.status(time.Now(), minSample)); err == nil && of != "alerts" {
		if e.event("status", first) != nil {
			return
		}
	}
	idle := time.NewTicker(15 * time.Second)
	defer idle.Stop()
	for {
		if of != "status" {
			if rows := m.recent.since(alert); len(rows) > 0 {
				alert = rows[len(rows)-1].Number
				data, err := json.Marshal(rows)
				if err != nil || e.event("alerts", data) != nil {
					return
				}
			}
		}
		if data, v := m.hub.newest(); v > version && of != "alerts" {
			if version != 0 || v > 1 {
				if e.event("status", data) != nil {
					return
				}
			}
			version = v
		}
		select {
		case <-c:
		case <-idle.C:
			if e.send(": alive\n\n") != nil {
				return
			}
		case <-m.hub.closed:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// eventsQuery returns what a client of /events wants: status, alerts, or "" for
// both.
func eventsQuery(raw string) (string, error) {
	q, err := parseQuery(raw, "of")
	if err != nil {
		return "", err
	}
	switch of := q["of"]; of {
	case "", "status", "alerts":
		return of, nil
	}
	return "", errors.New("of: write status or alerts")
}

// eventWriter writes server-sent events. A client that does not read for long is
// cut off.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (e *eventWriter) event(name string, data []byte) error {
	return e.send("event: " + name + "\ndata: " + string(data) + "\n\n")
}

func (e *eventWriter) send(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := e.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 cuts a stream off at its deadline even if there is nothing to write.
	if err := e.control.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// parseQuery parses a query in which only the given names may occur, each at most
// once.
func parseQuery(raw string, names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("the query cannot be parsed")
	}
	out := map[string]string{}
	for name, all := range values {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		switch {
		case !known:
			return nil, fmt.Errorf("unknown parameter: there are %s", strings.Join(names, ", "))
		case len(all) > 1:
			return nil, fmt.Errorf("%s: more than one", name)
		}
		out[name] = all[0]
	}
	return out, nil
}

// canceled reports whether a client has gone, so that its errors are not logged.
func canceled(ctx context.Context) bool { return ctx.Err() != nil }
