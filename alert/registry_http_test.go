package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func itoa(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func TestHTTPRegistry(t *testing.T) {
	schema := `{"type":"record","name":"é\"","fields":[]}`
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/ccompat/v7/schemas/ids/900", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		user, password, _ := r.BasicAuth()
		assert.Equal(t, [2]string{"al ice", "p@:ss"}, [2]string{user, password})
		assert.Equal(t, "application/vnd.schemaregistry.v1+json", r.Header.Get("Accept"))
		assert.Equal(t, "a=b", r.URL.RawQuery)
		json.NewEncoder(w).Encode(map[string]any{"schema": schema, "schemaType": "AVRO", "references": []any{}})
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for _, slash := range []string{"", "/"} {
		at := strings.Replace(srv.URL, "://", "://al%20ice:p%40:ss@", 1) + "/apis/ccompat/v7" + slash + "?a=b"
		r, err := OpenRegistry(t.Context(), strings.Replace(at, "http:", "HTTP:", 1))
		require.NoError(t, err)
		for range 3 {
			text, err := r.Schema(t.Context(), 900)
			require.NoError(t, err)
			assert.Equal(t, schema, string(text))
		}
		// A 404 of the server, not of the registry, is an outage.
		_, err = r.Schema(t.Context(), 901)
		require.NotErrorIs(t, err, ErrUnknownSchema)
		assert.EqualError(t, err, "alert: registry "+srv.URL+"/apis/ccompat/v7"+slash+
			": schema id 901: 404 Not Found, but not for the schema: is this the registry's base URL?")
	}
	assert.EqualValues(t, 2, asked.Load())
}

func TestHTTPRegistryResponses(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		body    string
		text    string // or
		err     string
		unknown bool
	}{
		{name: "least", status: 200, body: `{"schema":"\"int\""}`, text: `"int"`},
		{name: "more", status: 200, body: `{"schema":"{}","id":900,"references":null,"schemaType":"AVRO","x":[1]}`, text: "{}"},
		{name: "unknown", status: 404, body: `{"error_code":40403,"message":"Schema 900 not found"}`,
			err: ": unknown schema id 900", unknown: true},
		{name: "protobuf", status: 200, body: `{"schema":"syntax","schemaType":"PROTOBUF"}`,
			err: `: unknown schema id 900: its type is "PROTOBUF", not AVRO`, unknown: true},
		{name: "references", status: 200, body: `{"schema":"{}","references":[{"name":"a"},{"name":"b"}]}`,
			err: ": unknown schema id 900: it refers to 2 other schemas, which is not supported", unknown: true},
		{name: "other 404", status: 404, body: `{"error_code":404,"message":"HTTP 404 Not Found"}`,
			err: ": schema id 900: 404 Not Found, but not for the schema: is this the registry's base URL?"},
		{name: "no subject", status: 404, body: `{"error_code":40401}`,
			err: ": schema id 900: 404 Not Found, but not for the schema: is this the registry's base URL?"},
		{name: "40403, but 200", status: 200, body: `{"error_code":40403}`,
			err: `: schema id 900: a response without a schema, of type "text/plain; charset=utf-8": is this the registry's base URL?`},
		{name: "page", status: 200, body: "<!doctype html><p>Log in",
			err: `: schema id 900: a response without a schema, of type "text/html; charset=utf-8": is this the registry's base URL?`},
		{name: "cut short", status: 200, body: `{"schema":"{`,
			err: `: schema id 900: a response without a schema, of type "text/plain; charset=utf-8": is this the registry's base URL?`},
		{name: "error 500", status: 500, body: `{"error_code":50001,"message":"store\nlost"}`,
			err: `: schema id 900: 500 Internal Server Error: "store\nlost"`},
		{name: "error 502", status: 502, body: "<html>", err: ": schema id 900: 502 Bad Gateway"},
		{name: "error 401", status: 401, body: "", err: ": schema id 900: 401 Unauthorized"},
		{name: "too large", status: 200, body: strings.Repeat(" ", maxSchema+1),
			err: ": schema id 900: a response of more than 16777216 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				w.Write([]byte(c.body))
			}))
			defer srv.Close()
			text, err := HTTPRegistry{URL: srv.URL, Client: srv.Client()}.Schema(t.Context(), 900)
			assert.Equal(t, c.text, string(text))
			assert.Equal(t, c.unknown, errors.Is(err, ErrUnknownSchema))
			assert.Equal(t, c.unknown && c.status == http.StatusOK, errors.Is(err, errUnusable), "waiting does not help")
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, "alert: registry "+srv.URL+c.err)
		})
	}
}

func TestHTTPRegistryDown(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	r := HTTPRegistry{URL: strings.Replace(srv.URL, "://", "://u:secret@", 1)}
	srv.Close()
	_, err := r.Schema(t.Context(), 900)
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrUnknownSchema)
	assert.ErrorContains(t, err, "alert: registry "+srv.URL+": schema id 900: ")
	assert.NotContains(t, err.Error(), "secret")
	assert.Equal(t, 1, strings.Count(err.Error(), srv.URL), err)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hung never responds.
var hung = roundTrip(func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
})

// stuck responds with a body that never arrives.
var stuck = roundTrip(func(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: stuckBody{r.Context()}, Request: r}, nil
})

type stuckBody struct{ ctx context.Context }

func (b stuckBody) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (b stuckBody) Close() error             { return nil }

func TestHTTPRegistryHangs(t *testing.T) {
	for name, transport := range map[string]roundTrip{"header": hung, "body": stuck} {
		synctest.Test(t, func(t *testing.T) {
			r := HTTPRegistry{URL: "http://example.org", Client: &http.Client{Transport: transport}}
			start := time.Now()
			_, err := r.Schema(t.Context(), 900)
			assert.EqualError(t, err, "alert: registry http://example.org: schema id 900: no response in time", name)
			assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's own deadline has not passed")
			assert.Equal(t, requestTimeout, time.Since(start))

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err = r.Schema(ctx, 900)
			assert.ErrorIs(t, err, context.DeadlineExceeded, "now it has")
			assert.Equal(t, requestTimeout+time.Second, time.Since(start))
		})
	}
}

func TestOpenRegistryURL(t *testing.T) {
	for at, want := range map[string]string{
		"ftp://example.org":               `alert: registry: its URL begins with "ftp", not with http:// or https://`,
		"://example.org":                  "alert: registry: its URL cannot be parsed",
		"http://":                         `alert: registry: its URL "http:" names no host`,
		"http://u:sec/ret@example.org":    "alert: registry: its URL cannot be parsed",
		"http://u:sec%ret@example.org":    "alert: registry: its URL cannot be parsed",
		"http://u:secret@":                "names no host",
		"http://u:secret@example.org:99x": "alert: registry: its URL cannot be parsed",
	} {
		_, err := OpenRegistry(t.Context(), at)
		assert.ErrorContains(t, err, want, at)
		if err != nil {
			assert.NotContains(t, err.Error(), "sec", at)
		}
	}
	_, err := OpenRegistry(t.Context(), "https://u:secret@example.org/a/b/")
	assert.NoError(t, err, "no request is sent")
	_, err = HTTPRegistry{}.Schema(t.Context(), 1)
	assert.ErrorContains(t, err, `its URL begins with ""`)
}

func TestCheck(t *testing.T) {
	var reply func(w http.ResponseWriter, r *http.Request)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply(w, r) }))
	defer srv.Close()
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	for _, c := range []struct {
		status     int
		body, user string
		want       string
	}{
		{200, `{"schema":"\"int\""}`, "", ""},
		{200, `{"schema":"syntax","schemaType":"PROTOBUF"}`, "", ""},
		{404, `{"error_code":40403,"message":"x"}`, "", ""},
		{404, `<html>`, "", "404 Not Found, but not for the schema: is this the registry's base URL?"},
		{200, `<!doctype html>`, "", `a response without a schema, of type "text/html; charset=utf-8": is this the registry's base URL?`},
		{401, `{"message":"Unauthorized"}`, "", `401 Unauthorized: "Unauthorized": does it require a user and a password? (in HTTPRegistry.URL; for a command, in -registry-config FILE)`},
		{403, ``, "al:secret@", `403 Forbidden: are the user and password correct?`},
		{503, ``, "", `503 Service Unavailable`},
	} {
		reply = answer(c.status, c.body)
		r, err := OpenRegistry(t.Context(), strings.Replace(srv.URL, "://", "://"+c.user, 1))
		require.NoError(t, err, "no request is sent")
		if err = r.Check(t.Context()); c.want == "" {
			assert.NoError(t, err, c.body)
		} else {
			assert.EqualError(t, err, "alert: registry "+srv.URL+": "+c.want)
		}
	}
	reply = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		w.Write([]byte("<html>"))
	}
	assert.ErrorContains(t, HTTPRegistry{URL: srv.URL}.Check(t.Context()), "of type \"text/html")

	assert.NoError(t, (&RegistryCache{Registry: DirRegistry("/none")}).Check(t.Context()), "a directory is looked at by OpenRegistry")
	assert.ErrorContains(t, HTTPRegistry{URL: "ftp://x"}.Check(t.Context()), `its URL begins with "ftp"`)
	srv.Close()
	err := HTTPRegistry{URL: srv.URL}.Check(t.Context())
	assert.ErrorContains(t, err, "connection refused: is it running, and is this its port?")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := HTTPRegistry{URL: "http://example.org", Client: &http.Client{Transport: hung}}.Check(t.Context())
		assert.EqualError(t, err, "alert: registry http://example.org: no response in time")
		assert.Less(t, time.Since(start), 15*time.Second)
	})
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(200, []byte(`{"schema":"\"int\"","schemaType":"AVRO","references":[]}`))
	f.Add(404, []byte(`{"error_code":40403,"message":"x"}`))
	f.Add(500, []byte(`{"message":"x"}`))
	f.Add(200, []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		before := bytes.Clone(body)
		text, err := readResponse(status, "text/html", body, 900)
		require.Equal(t, before, body)
		if err == nil {
			require.Equal(t, 200, status)
			require.NotEmpty(t, text)
			return
		}
		require.Empty(t, text)
		require.Less(t, len(err.Error()), 2500)
		if errors.Is(err, ErrUnknownSchema) {
			require.Contains(t, []int{200, 404}, status)
		}
	})
}

// The password goes to no other scheme, host or port.
func TestRedirects(t *testing.T) {
	var seen []string
	reply := func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user == "alice" {
			seen = append(seen, r.Host)
		}
		io.WriteString(w, `{"schema":"\"int\""}`)
	}
	other := httptest.NewServer(http.HandlerFunc(reply))
	defer other.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(reply))
	defer secure.Close()
	to := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/moved") {
			reply(w, r)
			return
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	client := secure.Client()
	withPassword := HTTPRegistry{URL: strings.Replace(srv.URL, "://", "://alice:secret@", 1), Client: client}
	for _, to = range []string{other.URL + "/x", secure.URL + "/x", strings.Replace(other.URL, "://", "://bob:pw@", 1), strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + "/moved"} {
		_, err := withPassword.Schema(t.Context(), 1)
		require.ErrorContains(t, err, "it redirects to ")
		assert.ErrorContains(t, err, "use that URL if it is the registry's")
		assert.NotContains(t, err.Error(), "secret")
		assert.NotContains(t, err.Error(), "pw")
		assert.ErrorContains(t, withPassword.Check(t.Context()), "it redirects to ")
		assert.Empty(t, seen, to)
		_, err = HTTPRegistry{URL: srv.URL, Client: client}.Schema(t.Context(), 1)
		assert.NoError(t, err, "without a password it is followed")
	}
	to = strings.Replace(srv.URL, "http:", "HTTP:", 1) + "/moved"
	text, err := withPassword.Schema(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, `"int"`, string(text))
	assert.Len(t, seen, 1, "within the server it is sent")
	to = "/around"
	_, err = withPassword.Schema(t.Context(), 1)
	assert.ErrorContains(t, err, "too many redirects")
}
