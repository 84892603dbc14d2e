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
	"syscall"
	"time"
)

// requestTimeout bounds one request. A schema is 60 KB, and a batch waits for it.
const requestTimeout = 10 * time.Second

// schemaNotFound is the Confluent API's code for an id it does not have. A
// proxy or a wrong path answers 404 too, but without it.
const schemaNotFound = 40403

// HTTPRegistry is a schema registry with the Confluent API, which others
// (Apicurio, Karapace, Redpanda) speak too. It asks each time; put it into a
// [RegistryCache], as [OpenRegistry] does.
type HTTPRegistry struct {
	// URL is the base URL, to which /schemas/ids/ID is appended; it may have
	// a path. A user and password in it are sent as basic authentication and
	// appear in no error.
	URL string

	// Client sends the requests, each with a deadline of 10 s; nil means
	// http.DefaultClient.
	Client *http.Client
}

// registryURL is a base URL taken apart.
type registryURL struct {
	url  *url.URL // without the user
	user *url.Userinfo
	name string // for errors: no user, no query
}

// base takes the URL apart. Errors do not quote it, for a password may be what
// is wrong with it.
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

// Schema asks the server for the id. Only the server's own word that it has
// no such schema, or one that is not whole Avro, is [ErrUnknownSchema];
// whatever else is not a schema is an outage.
func (r HTTPRegistry) Schema(ctx context.Context, id uint32) ([]byte, error) {
	b, err := r.base()
	if err != nil {
		return nil, err
	}
	text, err := r.ask(ctx, b, id)
	if errors.Is(err, ErrUnknownSchema) {
		return nil, fmt.Errorf("alert: registry %s: %w", b.name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("alert: registry %s: schema id %d: %w", b.name, id, err)
	}
	return text, nil
}

// checkedID is asked for by Check: a registry either has it or says that it
// has not.
const checkedID = 1

// Check asks the server one question, within 10 s, and returns an error that
// names the URL and says what to do if the answer is not a registry's: none, a
// web page, a request for a password. It is no promise that the server has any
// schema.
func (r HTTPRegistry) Check(ctx context.Context) error {
	b, err := r.base()
	if err != nil {
		return err
	}
	_, err = r.ask(ctx, b, checkedID)
	if err == nil || errors.Is(err, ErrUnknownSchema) {
		return nil
	}
	var status statusError
	var dns *net.DNSError
	advice := ""
	switch {
	case errors.As(err, &status) && status.refused() && b.user == nil:
		advice = ": does it want a user and a password? (https://USER:PASSWORD@HOST/PATH)"
	case errors.As(err, &status) && status.refused():
		advice = ": are user and password right?"
	case errors.Is(err, syscall.ECONNREFUSED):
		advice = ": is it running, and is this its port?"
	case errors.As(err, &dns):
		advice = ": is the host's name right?"
	}
	return fmt.Errorf("alert: registry %s: %w%s", b.name, err, advice)
}

// statusError is an answer that is no schema, by its status.
type statusError struct {
	status  int
	message string // of the server
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

func (r HTTPRegistry) ask(caller context.Context, b registryURL, id uint32) ([]byte, error) {
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
	resp, body, err := r.send(req)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && caller.Err() == nil:
		// Not wrapped: the deadline that passed is not the caller's.
		return nil, errors.New("no answer in time")
	case err != nil:
		return nil, err
	}
	return readAnswer(resp.StatusCode, resp.Header.Get("Content-Type"), body, id)
}

func (r HTTPRegistry) send(req *http.Request) (*http.Response, []byte, error) {
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error // says the URL once more
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSchema+1))
	if err == nil && len(body) > maxSchema {
		err = fmt.Errorf("an answer of more than %d bytes", maxSchema)
	}
	return resp, body, err
}

// answer is what the API sends, be it a schema or an error.
type answer struct {
	Schema     string            `json:"schema"`
	SchemaType string            `json:"schemaType"` // absent: AVRO
	References []json.RawMessage `json:"references"`
	ErrorCode  int               `json:"error_code"`
	Message    string            `json:"message"`
}

func readAnswer(status int, contentType string, body []byte, id uint32) ([]byte, error) {
	var a answer
	err := json.Unmarshal(body, &a)
	switch {
	case status == http.StatusNotFound && err == nil && a.ErrorCode == schemaNotFound:
		return nil, fmt.Errorf("%w %d", ErrUnknownSchema, id)
	case status == http.StatusNotFound:
		return nil, errors.New("404 Not Found, but no word of the schema: is this the registry's base URL?")
	case status != http.StatusOK && err == nil:
		return nil, statusError{status, a.Message}
	case status != http.StatusOK:
		return nil, statusError{status: status}
	case err != nil || a.Schema == "":
		return nil, fmt.Errorf("an answer without a schema, of type %.100q: is this the registry's base URL?", contentType)
	case a.SchemaType != "" && a.SchemaType != "AVRO":
		return nil, unusable(id, fmt.Sprintf("its type is %.100q, not AVRO", a.SchemaType))
	case len(a.References) > 0:
		return nil, unusable(id, fmt.Sprintf("it refers to %d other schemas, which is not supported", len(a.References)))
	}
	return []byte(a.Schema), nil
}

// unusable is an unknown id, by a registry that will not come to know it.
func unusable(id uint32, why string) error {
	return &unusableError{fmt.Errorf("%w %d: %s", ErrUnknownSchema, id, why)}
}

type unusableError struct{ error }

func (e *unusableError) Unwrap() []error { return []error{e.error, errUnusable} }
