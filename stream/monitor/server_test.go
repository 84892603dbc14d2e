package monitor

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// serve serves a monitor. stop ends it and waits.
func serve(t *testing.T, m *Monitor) (l net.Listener, stop func()) {
	l, err := m.Listen("localhost:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx, l) }()
	once := false
	stop = func() {
		if !once {
			once = true
			cancel()
			require.NoError(t, <-served)
		}
	}
	t.Cleanup(stop)
	return l, stop
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer l.Close()
	addr := strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
	_, err = new(Monitor).Listen(addr)
	require.Error(t, err)
	_, port, _ := net.SplitHostPort(addr)
	assert.Contains(t, err.Error(), "port "+port+" is in use")
	assert.NotContains(t, err.Error(), "\n")
	assert.Contains(t, inUse("localhost", "5000").Error(), "AirPlay")
	for _, bad := range []string{"", "5000", "localhost", "localhost:70000", "localhost:x"} {
		_, err := new(Monitor).Listen(bad)
		assert.Error(t, err, bad)
	}
}

// Without a host, nobody else can connect.
func TestListensOnLocalhost(t *testing.T) {
	m := new(Monitor)
	l, err := m.Listen(":0")
	require.NoError(t, err)
	defer l.Close()
	assert.True(t, l.Addr().(*net.TCPAddr).IP.IsLoopback())
}

// events reads events of a kind until one is acceptable.
func events(t *testing.T, l net.Listener, query string) (next func() (kind, data string)) {
	r, err := http.Get("http://" + l.Addr().String() + "/events" + query)
	require.NoError(t, err)
	require.Equal(t, 200, r.StatusCode)
	assert.Equal(t, "text/event-stream", r.Header.Get("Content-Type"))
	t.Cleanup(func() { r.Body.Close() })
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	return func() (kind, data string) {
		for lines.Scan() {
			switch name, text, _ := strings.Cut(lines.Text(), ": "); {
			case name == "event":
				kind = text
			case name == "data":
				return kind, text
			}
		}
		return "", ""
	}
}

func TestEvents(t *testing.T) {
	_, job := newJob(1, 500)
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", MicroBatch: job})
	l, stop := serve(t, m)
	both, alerts, statuses := events(t, l, ""), events(t, l, "?of=alerts"), events(t, l, "?of=status")
	kind, data := both()
	assert.Equal(t, "status", kind)
	assert.Contains(t, data, `"state":"starting"`)
	require.NoError(t, job.Drain(t.Context()))
	kind, data = alerts()
	assert.Equal(t, "alerts", kind)
	assert.Contains(t, data, `"object":"\u003cscript\u003e`)
	begun := time.Now()
	for !strings.Contains(data, `"written":400`) {
		kind, data = statuses()
		require.Equal(t, "status", kind)
	}
	assert.Less(t, time.Since(begun), 2*time.Second)
	begun = time.Now()
	stop()
	assert.Less(t, time.Since(begun), shutdownWait, "clients do not delay the end")
}

// A client that has nothing to read for longer than all timeouts is not cut off,
// with HTTP/1 or 2.
func TestQuietClients(t *testing.T) {
	if os.Getenv("SKYFINCH_LONG") == "" {
		t.Skip("takes a minute: set SKYFINCH_LONG=1")
	}
	dir := t.TempDir()
	cert, key := certificate(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.pem"), cert, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "k.pem"), key, 0o600))
	name := filepath.Join(dir, "web.yml")
	require.NoError(t, os.WriteFile(name, []byte("tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n"), 0o600))
	var bodies []io.ReadCloser
	for _, file := range []string{"", name} {
		m := &Monitor{Log: quiet(), Config: file}
		l, _ := serve(t, m)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
		answer, err := client.Get(m.URL(l, "events?of=alerts"))
		require.NoError(t, err)
		assert.Equal(t, map[bool]int{true: 1, false: 2}[file == ""], answer.ProtoMajor)
		bodies = append(bodies, answer.Body)
	}
	ended := make(chan error, len(bodies))
	for _, b := range bodies {
		defer b.Close()
		go func() {
			_, err := io.Copy(io.Discard, b)
			ended <- fmt.Errorf("it ended: %v", err)
		}()
	}
	select {
	case err := <-ended:
		t.Error(err)
	case <-time.After(writeTimeout + 5*time.Second):
	}
}

// Fifty clients, ten of which do not read, slow nothing and leave nothing.
func TestSlowClients(t *testing.T) {
	_, job := newJob(20, 20_000)
	m := &Monitor{Log: quiet()}
	m.Add(&Job{Name: "test", MicroBatch: job})
	l, stop := serve(t, m)
	before := runtime.NumGoroutine()
	var conns []net.Conn
	for i := range 50 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		conns = append(conns, c)
		fmt.Fprint(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if i >= 10 {
			go io.Copy(io.Discard, c)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); listeners(m) < 50 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	require.Equal(t, 50, listeners(m))
	longest := time.Duration(0)
	observe := job.Observe
	job.Observe = nil
	m.jobs[0].MicroBatch.Observe = observe
	require.NoError(t, job.Drain(t.Context()))
	for range 200 { // more than fits into the buffers of a connection that is not read
		begun := time.Now()
		m.sample(begun)
		longest = max(longest, time.Since(begun))
	}
	assert.Less(t, longest, time.Second)
	for _, c := range conns {
		c.Close()
	}
	for deadline := time.Now().Add(15 * time.Second); (listeners(m) > 0 || runtime.NumGoroutine() > before+5) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	assert.Zero(t, listeners(m))
	assert.LessOrEqual(t, runtime.NumGoroutine(), before+5)
	stop()
}

func listeners(m *Monitor) int {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	return len(m.hub.listeners)
}

// A request that does not end is cut off within a minute.
func TestUnfinishedHeaders(t *testing.T) {
	if os.Getenv("SKYFINCH_LONG") == "" {
		t.Skip("takes 20 s: set SKYFINCH_LONG=1")
	}
	l, _ := serve(t, &Monitor{Log: quiet()})
	for _, text := range []string{"", "GET / HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 10_000)} {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		fmt.Fprint(c, text)
		c.SetDeadline(time.Now().Add(time.Minute))
		_, err = io.Copy(io.Discard, c)
		assert.NoError(t, err, "the server closes it")
	}
}

func TestLargeHeaders(t *testing.T) {
	l, _ := serve(t, &Monitor{Log: quiet()})
	r, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
	require.NoError(t, err)
	r.Header.Set("X", strings.Repeat("x", 1<<20))
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		answer.Body.Close()
		assert.Equal(t, 431, answer.StatusCode)
	}
}

func hashed(t testing.TB, password string, cost int) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	require.NoError(t, err)
	return string(hash)
}

func config(t testing.TB, text string) string {
	name := filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// With users, nobody sees anything without a password, not even which paths exist.
func TestUsers(t *testing.T) {
	var logged strings.Builder
	m := &Monitor{Profile: true, Log: slog.New(slog.NewTextHandler(&logged, nil)), Config: config(t, "basic_auth_users:\n  anna: "+hashed(t, "secret", 4)+"\n")}
	l, _ := serve(t, m)
	request := func(path, user, password string) int {
		r, err := http.NewRequest("GET", "http://"+l.Addr().String()+path, nil)
		require.NoError(t, err)
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		return answer.StatusCode
	}
	assert.Equal(t, 200, request("/status.json", "anna", "secret")) // whoever has logged in is not slowed down by wrong passwords
	for _, path := range paths {
		assert.Equal(t, 401, request(path, "", ""), path)
		assert.Equal(t, 401, request(path, "anna", "wrong"), path)
		assert.Equal(t, 401, request(path, "bert", "secret"), path)
		assert.Equal(t, 401, request(path, "anna", strings.Repeat("x", 100)), path)
	}
	assert.Equal(t, 200, request("/status.json", "anna", "secret"))
	assert.Equal(t, 404, request("/nothing", "anna", "secret"))
	assert.NotContains(t, logged.String(), "secret")
}

// Wrong passwords take a bounded share of a core; who has logged in notices nothing.
func TestGuessing(t *testing.T) {
	a := &auth{users: map[string]string{"anna": hashed(t, "secret", 10)}, passed: map[[32]byte]bool{}, budgets: map[string]*budget{}, all: budget{share: allShare}}
	ok := func(user, password, from string) bool {
		r, err := http.NewRequest("GET", "/", nil)
		require.NoError(t, err)
		r.SetBasicAuth(user, password)
		r.RemoteAddr = from + ":1234"
		return a.ok(r)
	}
	assert.True(t, ok("anna", "secret", "a"))
	begun := time.Now()
	for i := range 20_000 {
		ok(fmt.Sprint("user", i), "guess", "b")
	}
	took := time.Since(begun)
	assert.Less(t, a.all.used, burst+2*time.Second)
	assert.Less(t, took, 4*burst)
	begun = time.Now()
	assert.True(t, ok("anna", "secret", "b"), "it has been checked before")
	assert.Less(t, time.Since(begun), 50*time.Millisecond)
	b := budget{share: 0.1, used: burst + 50*time.Millisecond, at: time.Now()}
	assert.False(t, b.left(time.Now()))
	assert.True(t, b.left(time.Now().Add(time.Second)))
}

// A file that cannot be used is an error in one line without the password.
func TestBadConfig(t *testing.T) {
	for text, want := range map[string]string{
		"basic_auth_users:\n  anna: hunter2\n":                                                      "not a bcrypt hash",
		"basic_auth_users:\n  anna: " + strings.Replace(hashed(t, "hunter2", 4), "$04$", "$30$", 1): "cost",
		"basic_auth_users: hunter2\n":                                                               "cannot unmarshal",
		"basic_auth_users:\n  anna: [hunter2\n":                                                     "line",
		"hunter2: hunter2\n":                                                                        "field hunter2",
		"tls_server_config:\n  cert_file: hunter2.crt\n  key_file: hunter2.key\n":                   "hunter2.crt",
	} {
		_, err := new(Monitor).Listen("localhost:0")
		require.NoError(t, err)
		m := &Monitor{Config: config(t, text)}
		_, err = m.Listen("localhost:0")
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), "web.yml")
		assert.NotContains(t, err.Error(), "\n")
		if !strings.HasPrefix(text, "hunter2") && !strings.Contains(text, "crt") { // those are names
			assert.NotContains(t, err.Error(), "hunter2", text)
			assert.Contains(t, err.Error(), want, text)
		}
	}
	_, err := (&Monitor{Config: "/none.yml"}).Listen("localhost:0")
	assert.ErrorContains(t, err, "/none.yml")
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.pem"), cert, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "k.pem"), key, 0o600))
	name := filepath.Join(dir, "web.yml")
	require.NoError(t, os.WriteFile(name, []byte("tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\nbasic_auth_users:\n  anna: "+hashed(t, "secret", 4)), 0o600))
	m := &Monitor{Config: name, Log: quiet()}
	l, _ := serve(t, m)
	assert.True(t, strings.HasPrefix(m.URL(l, "x"), "https://localhost:"))
	for _, http2 := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}}
		r, err := http.NewRequest("GET", m.URL(l, "healthz"), nil)
		require.NoError(t, err)
		r.SetBasicAuth("anna", "secret")
		answer, err := client.Do(r)
		assert.Equal(t, "ok\n", body(t, answer, err))
		assert.Equal(t, http2, answer.ProtoMajor == 2)
	}
	answer, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err == nil {
		assert.Equal(t, 400, answer.StatusCode)
		answer.Body.Close()
	}
}
