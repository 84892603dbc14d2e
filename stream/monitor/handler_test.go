package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

func TestHosts(t *testing.T) {
	m := &Monitor{Hosts: []string{"watch.example.org"}, Log: quiet()}
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:5000": true, "localhost.": true, "x.localhost:1": true, "127.0.0.1:80": true, "[::1]:80": true,
		"watch.example.org": true, "Watch.Example.org:443": true, "192.0.2.7:5000": true, "[2001:db8::1]": true,
		"": false, "evil.example": false, "evil.example:5000": false, "localhost.evil.example": false, "localhost:5000@evil.example": false,
		"localhost:x": false, "a@localhost": false, "localhost/": false, "127.0.0.1.evil.example": false, "local host": false,
	} {
		w := ask(m, "/status.json", func(r *http.Request) { r.Host = host })
		assert.Equal(t, map[bool]int{true: 200, false: 421}[want], w.Code, host)
	}
	m.loopback.Store(true)
	assert.Equal(t, 421, ask(m, "/", func(r *http.Request) { r.Host = "192.0.2.7:5000" }).Code)
	assert.Equal(t, 200, ask(m, "/", func(r *http.Request) { r.Host = "127.0.0.2" }).Code)
}

var paths = []string{
	"/", "/index.html", "/live.html", "/history.html", "/alerts.html", "/status.json", "/history.json", "/alerts.json", "/events",
	"/metrics", "/healthz", "/readyz", "/rules.yml", "/rules_test.yml", "/dashboard.json", "/nothing", "/debug/pprof/", "/../x", "/live.html/",
}

func TestMethodsAndHeaders(t *testing.T) {
	m := &Monitor{Log: quiet()}
	for _, path := range paths {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
			w := ask(m, path, func(r *http.Request) { r.Method = method })
			assert.Equal(t, 405, w.Code, method+path)
			assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		}
		w := ask(m, path, func(r *http.Request) { r.Method = "HEAD" })
		switch path {
		case "/metrics": // of another package; net/http drops the body
		case "/nothing", "/debug/pprof/", "/../x", "/live.html/":
			assert.Equal(t, 404, w.Code, path)
		default:
			assert.Empty(t, w.Body.String(), path)
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "script-src 'self'"} {
			assert.Contains(t, policy, part, path)
		}
		assert.NotContains(t, policy, "unsafe")
		assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	}
	m = &Monitor{Profile: true, Log: quiet()}
	assert.Equal(t, 200, ask(m, "/debug/pprof/").Code)
	assert.Equal(t, 200, ask(m, "/debug/pprof/cmdline").Code)
	assert.Contains(t, ask(m, "/debug/pprof/goroutine?debug=1").Body.String(), "goroutine profile")
}

// Pages name nothing of other hosts, and have no script or style within.
func TestPages(t *testing.T) {
	m := &Monitor{Log: quiet()}
	m.init()
	for name, p := range m.pages {
		w := ask(m, name)
		require.Equal(t, 200, w.Code, name)
		again := ask(m, name, func(r *http.Request) { r.Header.Set("If-None-Match", w.Header().Get("ETag")) })
		assert.Equal(t, 304, again.Code, name)
		if strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".js") || strings.HasSuffix(name, ".css") {
			for _, bad := range []string{"http://", "https://", "//cdn", "javascript:", "eval(", "innerHTML", "<style", " onclick=", " style=\""} {
				text := strings.ReplaceAll(string(p.data), "http://www.w3.org/", "") // names of XML
				assert.NotContains(t, text, bad, name)
			}
		}
	}
	for _, link := range []string{"/live.html", "/history.html", "/alerts.html", "/rules.yml", "/dashboard.json", "/status.json", "/metrics"} {
		assert.Contains(t, ask(m, "/").Body.String(), `href="`+link+`"`)
	}
	var dashboard map[string]any
	require.NoError(t, json.Unmarshal(m.pages["/dashboard.json"].data, &dashboard))
}

func TestBadParameters(t *testing.T) {
	m := &Monitor{Log: quiet()}
	for query, want := range map[string]int{
		"": 200, "from=2026-07-01T03:00:00Z&to=2026-07-02T03:00:00%2B02:00&points=5": 200, "from=0": 200, "from=1.5e9&points=2000": 200,
		"to=9999-01-01T00:00:00Z": 200, "from=1970-01-01T00:00:00Z&to=9999-01-01T00:00:00Z": 200,
		"points=0": 400, "points=-1": 400, "points=2001": 400, "points=x": 400, "points=": 400, "points=1e3": 400, "points=99999999999999999999": 400,
		"from=x": 400, "from=": 400, "from=NaN": 400, "from=Inf": 400, "from=-1": 400, "from=1e300": 400, "from=9999-12-31T00:00:00Z": 400, "from=0001-01-01T00:00:00Z": 400,
		"from=5&to=5": 400, "from=6&to=5": 400, "from=1&from=2": 400, "form=1": 400, "a;b": 400, "%zz": 400, "points=5&points=6": 400,
	} {
		w := ask(m, "/history.json?"+query)
		assert.Equal(t, want, w.Code, query)
		if want == 400 {
			assert.NotContains(t, w.Header().Get("Content-Type"), "html")
		}
	}
	assert.Equal(t, 400, ask(m, "/events?of=everything").Code)
	assert.Equal(t, 400, ask(m, "/events?x=1").Code)
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "from=1&to=2&points=3", "from=2026-07-01T03:00:00Z", "to=NaN", "points=0x10", "from=0&to=9999-01-01T00:00:00Z&points=1", "from=1e308", "a=b;c", "%"} {
		f.Add(s)
	}
	m := &Monitor{Log: quiet()}
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/history.json", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		q, err := parseHistory(query, now)
		if err != nil {
			return
		}
		i, step := q.plan(now)
		assert.Zero(t, step%levels[i].step)
		assert.LessOrEqual(t, int64(q.span()/step), int64(q.points))
		if _, err := url.ParseQuery(query); err != nil {
			t.Error("accepted", query)
		}
		_, _ = eventsQuery(query)
	})
}

// Nor if the range is longer than a Duration.
func TestLongestRange(t *testing.T) {
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", Status: func() stream.Status { return stream.Status{} }})
	r := m.jobs[0].keeper.records
	now := time.Now()
	for _, age := range []time.Duration{day, 100 * day, 3000 * day} {
		at := floor(now.Add(-age), 3*time.Hour)
		require.NoError(t, r.put(t.Context(), blockName("test", levels[5], at), encodeBlock(blockSlots{at.Unix(): {read: 1, lag: -1, lagAge: -1}})))
	}
	for _, n := range []int{1, 2, 2000} {
		h := get[points](t, m, fmt.Sprintf("/history.json?from=0&to=9999-01-01T00:00:00Z&points=%d", n))
		read := int64(0)
		for _, p := range h.Points {
			read += p.Read
		}
		assert.LessOrEqual(t, len(h.Points), n)
		assert.EqualValues(t, 3, read)
	}
}

// There are never more points than asked for, and no hole in a history without one.
func TestPoints(t *testing.T) {
	now := time.Now()
	for _, span := range []time.Duration{time.Minute, time.Hour, 31 * time.Hour, 9 * day, 365 * day, 3650 * day} {
		for _, points := range []int{1, 2, 7, 60, 300, 2000} {
			q := historyQuery{from: now.Add(-span), to: now, points: points}
			i, step := q.plan(now)
			assert.GreaterOrEqual(t, levels[i].keep+levels[i].block, min(span, levels[len(levels)-1].keep), span)
			m := &Monitor{Log: quiet()}
			h, err := m.history(t.Context(), q, now)
			require.NoError(t, err)
			n := int(q.to.Sub(floor(q.from, time.Duration(h.Step)*time.Second))/(time.Duration(h.Step)*time.Second)) + 1
			assert.LessOrEqual(t, n, points+1)
			assert.GreaterOrEqual(t, h.Step, step.Seconds())
		}
	}
}
