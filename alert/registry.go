package alert

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// maxSchema is the size in bytes beyond which a registry's answer is not read.
const maxSchema = 16 << 20

// ErrUnknownSchema says that a registry answered, and that it has no Avro
// schema of the id. It may have one later: registries lag behind producers.
var ErrUnknownSchema = errors.New("unknown schema id")

// errUnusable says that a registry has the id, but no Avro schema that stands
// alone: waiting does not help. It goes with ErrUnknownSchema.
var errUnusable = errors.New("unusable schema")

// Registry gives the text of a writer's schema by its id.
type Registry interface {
	// Schema returns the JSON text of the schema. It blocks until there is an
	// answer or ctx ends, and may be called concurrently. The text belongs
	// to everybody: nobody may change it. An id means the same text for ever.
	//
	// An error that wraps ErrUnknownSchema is an answer: a message with that
	// id cannot be decoded now. Any other error is an outage, which says
	// nothing about the message. Schema does not try again; callers do.
	Schema(ctx context.Context, id uint32) ([]byte, error)
}

// Lister is a Registry that can be asked which ids it has.
type Lister interface {
	// IDs returns the ids in ascending order.
	IDs(ctx context.Context) ([]uint32, error)
}

// RegistryFunc is a function as a [Registry].
type RegistryFunc func(ctx context.Context, id uint32) ([]byte, error)

// Schema calls f.
func (f RegistryFunc) Schema(ctx context.Context, id uint32) ([]byte, error) { return f(ctx, id) }

// OpenRegistry returns the registry at a base URL, http:// or https://, or in a
// directory of NAME-ID.avsc files, behind a cache. A directory must hold such
// a file already. A server is not asked before its first schema is needed, so
// that a service can start while its registry is down; to be told of a wrong
// URL at once, call Check.
//
// For a server that wants a client of its own (certificates, tokens), fill in
// an [HTTPRegistry] and put it into a [RegistryCache].
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

// RegistryCache asks another registry once for each id it has, and remembers
// the answer for ever. Errors are not remembered. It must not be copied after
// first use.
type RegistryCache struct {
	Registry Registry

	mu    sync.Mutex
	texts map[uint32][]byte
	asks  map[uint32]*ask // under way
}

// ask is a question that others may wait for; its fields are set before done
// is closed.
type ask struct {
	done   chan struct{}
	text   []byte
	err    error
	broken bool // the asker gave up: no answer
}

// Schema returns the text remembered, or asks. Callers who want the same id
// at the same time share one question; when the caller who put it gives up,
// another puts it again.
func (c *RegistryCache) Schema(ctx context.Context, id uint32) ([]byte, error) {
	for {
		text, a, first := c.join(id)
		switch {
		case text != nil:
			return text, nil
		case first:
			c.put(ctx, id, a)
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

// join returns the text, or the question under way, or a new one.
func (c *RegistryCache) join(id uint32) (text []byte, a *ask, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text = c.texts[id]; text != nil {
		return text, nil, false
	}
	if a = c.asks[id]; a != nil {
		return nil, a, false
	}
	if c.asks == nil {
		c.asks, c.texts = map[uint32]*ask{}, map[uint32][]byte{}
	}
	a = &ask{done: make(chan struct{}), broken: true}
	c.asks[id] = a
	return nil, a, true
}

// put asks, and lets those who wait go on even if the registry panics.
func (c *RegistryCache) put(ctx context.Context, id uint32, a *ask) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if a.text != nil {
			c.texts[id] = a.text
		}
		delete(c.asks, id)
		close(a.done)
	}()
	text, err := c.Registry.Schema(ctx, id)
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("alert: registry: schema id %d: an empty text", id)
	}
	if err == nil {
		a.text = text
	}
	a.err = err
	a.broken = err != nil && ctx.Err() != nil
}

// Check asks the registry behind the cache whether it can be used, if that has
// a method Check, as [HTTPRegistry] has. It returns nil otherwise.
func (c *RegistryCache) Check(ctx context.Context) error {
	if r, ok := c.Registry.(interface{ Check(context.Context) error }); ok {
		return r.Check(ctx)
	}
	return nil
}

// IDs returns the ids that the registry behind the cache can list: none if it
// is no [Lister].
func (c *RegistryCache) IDs(ctx context.Context) ([]uint32, error) {
	if l, ok := c.Registry.(Lister); ok {
		return l.IDs(ctx)
	}
	return nil, nil
}
