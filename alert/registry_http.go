package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// requestTimeout bounds one request. Schemas have 60 KB, and a batch waits for it.
const requestTimeout = 10 * time.Second

// schemaNotFound is the Confluent API's error code for an unknown id. A proxy or a
// wrong path returns 404 without it.
const schemaNotFound = 40403

// HTTPRegistry is a schema registry with the Confluent API, which Apicurio,
// Karapace and Redpanda also implement. Each call sends a request; use a
// [RegistryCache], as [OpenRegistry] does.
type HTTPRegistry struct {
	// URL is the base URL, to which /schemas/ids/ID is appended; it may have a
	// path. A user and password in it are sent as basic authentication and never
	// appear in errors. They are sent to no other scheme, host or port: with
	// them, a redirect to another one is an error.
	URL string

	// Client sends the requests, each with a timeout of 10 seconds. If nil,
	// http.DefaultClient is used.
	Client *http.Client
}

// registryURL is a parsed base URL.
type registryURL struct {
	url  *url.URL // without the user
	user *url.Userinfo
	name string // for errors: without user and query
}

// base parses the URL. Errors do not quote an invalid URL, which may contain a
// password.
func (r HTTPRegistry) base() (registryURL, error) {
	u, err := url.Parse(r.URL)
	switch {
	case err != nil:
		return registryURL{}, errors.New("alert: registry: its URL cannot be parsed (are special characters of a password percent-encoded?)")
	case u.Scheme != "http" && u.Scheme != "https":
		return registryURL{}, fmt.Errorf("alert: registry: its URL begins with %q, not with http:// or https://", u.Scheme)
	case u.Host == "":
		return registryURL{}, fmt.Errorf("alert: registry: its URL %q names no host", u.Redacted())
	}
	b := registryURL{url: u, user: u.User}
	u.User = nil
	b.name = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	return b, nil
}

// Schema requests the schema. The error wraps [ErrUnknownSchema] only if the
// server reports that it has no such schema, or if its schema is not a
// self-contained Avro schema; any other response is an outage.
func (r HTTPRegistry) Schema(ctx context.Context, id uint32) ([]byte, error) {
	b, err := r.base()
	if err != nil {
		return nil, err
	}
	text, err := r.get(ctx, b, id)
	if errors.Is(err, ErrUnknownSchema) {
		return nil, fmt.Errorf("alert: registry %s: %w", b.name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("alert: registry %s: schema id %d: %w", b.name, id, err)
	}
	return text, nil
}

// checkID is the id that Check requests. A registry has it, or reports that it has
// not.
const checkID = 1

// Check sends one request, with a timeout of 10 seconds. If the response is not
// that of a registry (none, a web page, a request for a password), the error names
// the URL and suggests a remedy. Check does not verify that the server has any
// schema.
func (r HTTPRegistry) Check(ctx context.Context) error {
	b, err := r.base()
	if err != nil {
		return err
	}
	_, err = r.get(ctx, b, checkID)
	if err == nil || errors.Is(err, ErrUnknownSchema) {
		return nil
	}
	var status statusError
	var dns *net.DNSError
	advice := ""
	switch {
	case errors.As(err, &status) && status.refused() && b.user == nil:
		advice = ": does it require a user and a password? (in HTTPRegistry.URL; for a command, in -registry-config FILE)"
	case errors.As(err, &status) && status.refused():
		advice = ": are the user and password correct?"
	case errors.Is(err, syscall.ECONNREFUSED):
		advice = ": is it running, and is this its port?"
	case errors.As(err, &dns):
		advice = ": is the host name correct?"
	}
	return fmt.Errorf("alert: registry %s: %w%s", b.name, err, advice)
}

// statusError is a response with another status than 200 or 404.
type statusError struct {
	status  int
	message string // from the server
}

func (e statusError) Error() string {
	text := fmt.Sprintf("%d %s", e.status, http.StatusText(e.status))
	if e.message != "" {
		text += fmt.Sprintf(": %.200q", e.message)
	}
	return text
}

func (e statusError) refused() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden
}

func (r HTTPRegistry) get(caller context.Context, b registryURL, id uint32) ([]byte, error) {
	ctx, cancel := context.WithTimeout(caller, requestTimeout)
	defer cancel()
	at := b.url.JoinPath("schemas", "ids", strconv.FormatUint(uint64(id), 10))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.schemaregistry.v1+json")
	if b.user != nil {
		password, _ := b.user.Password()
		req.SetBasicAuth(b.user.Username(), password)
	}
	resp, body, err := r.send(req, b.user != nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && caller.Err() == nil:
		// Not wrapped: it is not the caller's deadline that passed.
		return nil, errors.New("no response in time")
	case err != nil:
		return nil, err
	}
	return readResponse(resp.StatusCode, resp.Header.Get("Content-Type"), body, id)
}

func (r HTTPRegistry) send(req *http.Request, secret bool) (*http.Response, []byte, error) {
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	if secret {
		client = withinOrigin(client)
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error // repeats the URL
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSchema+1))
	if err == nil && len(body) > maxSchema {
		err = fmt.Errorf("a response of more than %d bytes", maxSchema)
	}
	return resp, body, err
}

// withinOrigin returns a client that follows redirects only within the scheme,
// host and port of the first request. http.Client itself compares host names when
// it copies the Authorization header, and would send it to another port, or
// unencrypted.
func withinOrigin(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if to := origin(req.URL); to != origin(via[0].URL) {
			return fmt.Errorf("it redirects to %s, and the user and password were not sent there: use that URL if it is the registry's", to)
		}
		if client.CheckRedirect != nil {
			return client.CheckRedirect(req, via)
		}
		if len(via) >= 10 {
			return errors.New("too many redirects")
		}
		return nil
	}
	return &c
}

// origin returns the scheme, host and port of a URL.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// response is a response of the API, a schema or an error.
type response struct {
	Schema     string            `json:"schema"`
	SchemaType string            `json:"schemaType"` // if absent, AVRO
	References []json.RawMessage `json:"references"`
	ErrorCode  int               `json:"error_code"`
	Message    string            `json:"message"`
}

func readResponse(status int, contentType string, body []byte, id uint32) ([]byte, error) {
	var a response
	err := json.Unmarshal(body, &a)
	switch {
	case status == http.StatusNotFound && err == nil && a.ErrorCode == schemaNotFound:
		return nil, fmt.Errorf("%w %d", ErrUnknownSchema, id)
	case status == http.StatusNotFound:
		return nil, errors.New("404 Not Found, but not for the schema: is this the registry's base URL?")
	case status != http.StatusOK:
		return nil, statusError{status, a.Message}
	case err != nil || a.Schema == "":
		return nil, fmt.Errorf("a response without a schema, of type %.100q: is this the registry's base URL?", contentType)
	case a.SchemaType != "" && a.SchemaType != "AVRO":
		return nil, unusable(id, fmt.Sprintf("its type is %.100q, not AVRO", a.SchemaType))
	case len(a.References) > 0:
		return nil, unusable(id, fmt.Sprintf("it refers to %d other schemas, which is not supported", len(a.References)))
	}
	return []byte(a.Schema), nil
}

// unusable returns ErrUnknownSchema for an id that will not become usable.
func unusable(id uint32, why string) error {
	return &unusableError{fmt.Errorf("%w %d: %s", ErrUnknownSchema, id, why)}
}

type unusableError struct{ error }

func (e *unusableError) Unwrap() []error { return []error{e.error, errUnusable} }
