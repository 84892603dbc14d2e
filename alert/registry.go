package alert

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// maxSchema is the largest size in bytes of a registry's response or file.
const maxSchema = 16 << 20

// ErrUnknownSchema reports that a registry responded, but has no Avro schema with
// the id. It may have one later, since registries lag behind producers.
var ErrUnknownSchema = errors.New("unknown schema id")

// errUnusable reports that a registry has the id, but not with a self-contained
// Avro schema, so waiting does not help. It accompanies ErrUnknownSchema.
var errUnusable = errors.New("unusable schema")

// Registry returns writers' schemas by their ids.
type Registry interface {
	// Schema returns the JSON text of the schema. It blocks until there is a
	// response or ctx is done, and may be called concurrently. The text is shared
	// and must not be modified. The text of an id never changes.
	//
	// An error that wraps ErrUnknownSchema means that messages with the id cannot
	// be decoded now. Any other error is an outage. Schema does not retry; callers
	// do.
	Schema(ctx context.Context, id uint32) ([]byte, error)
}

// Lister is a Registry that can list its ids.
type Lister interface {
	// IDs returns the ids in ascending order.
	IDs(ctx context.Context) ([]uint32, error)
}

// RegistryFunc is an adapter that makes a function a [Registry].
type RegistryFunc func(ctx context.Context, id uint32) ([]byte, error)

// Schema calls f.
func (f RegistryFunc) Schema(ctx context.Context, id uint32) ([]byte, error) { return f(ctx, id) }

// OpenRegistry returns a cache of the registry at a base URL, http:// or https://,
// or in a directory of NAME-ID.avsc files, which must have at least one. It sends
// no request to a server, so that a service can start while its registry is down;
// call Check to detect a wrong URL.
//
// For a server that needs its own http.Client (certificates, tokens), use an
// [HTTPRegistry] in a [RegistryCache].
func OpenRegistry(ctx context.Context, urlOrDir string) (*RegistryCache, error) {
	if strings.Contains(urlOrDir, "://") {
		r := HTTPRegistry{URL: urlOrDir}
		if _, err := r.base(); err != nil {
			return nil, err
		}
		return &RegistryCache{Registry: r}, nil
	}
	dir := DirRegistry(urlOrDir)
	ids, err := dir.IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w (a registry is an http:// or https:// URL, or a directory of NAME-ID.avsc files)", err)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("alert: registry %s: no file is named NAME-ID.avsc, like lsst-900.avsc", dir)
	}
	return &RegistryCache{Registry: dir}, nil
}

// RegistryCache caches the schemas of another registry permanently. Errors are not
// cached. It must not be copied after first use.
type RegistryCache struct {
	Registry Registry

	mu       sync.Mutex
	texts    map[uint32][]byte
	requests map[uint32]*request // under way
}

// request is a request under way, which several callers may wait for. Its other
// fields are set before done is closed.
type request struct {
	done   chan struct{}
	text   []byte
	err    error
	broken bool // the context of the caller that sent it was done
}

// Schema returns the cached text or requests it. Concurrent calls for the same id
// share one request; if the context of the call that sent it is done, another
// sends it again.
func (c *RegistryCache) Schema(ctx context.Context, id uint32) ([]byte, error) {
	for {
		text, a, first := c.join(id)
		switch {
		case text != nil:
			return text, nil
		case first:
			c.send(ctx, id, a)
			return a.text, a.err
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("alert: registry: schema id %d: %w", id, ctx.Err())
		}
		if !a.broken {
			return a.text, a.err
		}
	}
}

// join returns the text, or the request under way, or a new one to send.
func (c *RegistryCache) join(id uint32) (text []byte, a *request, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text = c.texts[id]; text != nil {
		return text, nil, false
	}
	if a = c.requests[id]; a != nil {
		return nil, a, false
	}
	if c.requests == nil {
		c.requests, c.texts = map[uint32]*request{}, map[uint32][]byte{}
	}
	a = &request{done: make(chan struct{}), broken: true}
	c.requests[id] = a
	return nil, a, true
}

// send sends a request. It wakes those who wait even if the registry panics.
func (c *RegistryCache) send(ctx context.Context, id uint32, a *request) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if a.text != nil {
			c.texts[id] = a.text
		}
		delete(c.requests, id)
		close(a.done)
	}()
	text, err := c.Registry.Schema(ctx, id)
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("alert: registry: schema id %d: empty schema", id)
	}
	if err == nil {
		a.text = text
	}
	a.err = err
	a.broken = err != nil && ctx.Err() != nil
}

// Check calls the cached registry's Check method, if it has one, as
// [HTTPRegistry] does, and returns nil otherwise.
func (c *RegistryCache) Check(ctx context.Context) error {
	if r, ok := c.Registry.(interface{ Check(context.Context) error }); ok {
		return r.Check(ctx)
	}
	return nil
}

// IDs returns the ids of the cached registry, or none if it is not a [Lister].
func (c *RegistryCache) IDs(ctx context.Context) ([]uint32, error) {
	if l, ok := c.Registry.(Lister); ok {
		return l.IDs(ctx)
	}
	return nil, nil
}
