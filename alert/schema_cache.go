package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/ocf"
)

// The bounds of the cache: a stream with a new schema in each message costs time
// but no memory.
const (
	maxWriters  = 256     // compiled schemas
	maxCompiled = 8 << 20 // bytes of their texts; compiled they take about ten times that
	maxTexts    = 32      // texts that are compared before anything is parsed
	maxText     = 1 << 20 // bytes of such a text
	maxUnknown  = 4096    // ids unknown to the registry
)

// writer is a writer's schema and the table of its packets.
type writer struct {
	schema    *avroarrow.Schema
	table     *table
	admission atomic.Pointer[admission] // nil before the table was widened for it
}

// admission is whether a table admits a writer's packets.
type admission struct{ conflict error }

// schemaText is a schema as it is in messages, alone or in the header of a
// container, and its writer, or the cause to reject its packets.
type schemaText struct {
	prefix    []byte // the schema, or the header up to the sync marker
	container bool   // prefix is a header
	codec     string // of the container
	writer    *writer
	cause     error
}

// isHeaderOf reports whether t is the header of a container. No header is a
// prefix of another.
func (t *schemaText) isHeaderOf(value []byte) bool {
	return t.container && len(value) >= len(t.prefix)+ocf.SyncSize && bytes.HasPrefix(value, t.prefix)
}

// is reports whether t is this schema, alone.
func (t *schemaText) is(schema []byte) bool { return !t.container && bytes.Equal(t.prefix, schema) }

// header returns the header of a container that t is the header of.
func (t *schemaText) header(value []byte) ocf.Header {
	n := len(t.prefix)
	return ocf.Header{Codec: t.codec, Size: n + ocf.SyncSize, Sync: [ocf.SyncSize]byte(value[n:])}
}

// schemaCache caches writers' schemas. Its lock is held while a schema is
// compiled or a table widened: both are rare, and workers with the same new schema
// wait instead of repeating the work.
type schemaCache struct {
	d *Decoder

	mu      sync.RWMutex
	texts   []*schemaText // latest first
	bySum   map[[32]byte]*schemaText
	size    int // bytes of the texts in bySum
	ids     map[uint32]*schemaText
	unknown map[uint32]unknownID
	wait    waitBudget
	tables  map[string]*table
}

func (c *schemaCache) init(d *Decoder) {
	c.d = d
	c.bySum, c.ids = map[[32]byte]*schemaText{}, map[uint32]*schemaText{}
	c.unknown = map[uint32]unknownID{}
	c.wait.init(d.SchemaWait)
	c.tables = map[string]*table{}
}

// find returns the first cached text that match returns true for, or nil.
func (c *schemaCache) find(match func(*schemaText) bool) *schemaText {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, t := range c.texts {
		if match(t) {
			return t
		}
	}
	return nil
}

// add caches t, whose schema is given, and sets its writer or cause, or returns one
// like it. A text above maxText is not cached: it remains a part of the message.
func (c *schemaCache) add(ctx context.Context, t *schemaText, schema []byte) (*schemaText, error) {
	sum := sha256.Sum256(schema)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, have := range c.texts { // added by another call since
		if have.container == t.container && bytes.Equal(have.prefix, t.prefix) {
			return have, nil
		}
	}
	known, err := c.compile(ctx, sum, schema)
	if err != nil {
		return nil, err
	}
	t.writer, t.cause = known.writer, known.cause
	if len(t.prefix) <= maxText {
		t.prefix = bytes.Clone(t.prefix)
		c.texts = append([]*schemaText{t}, c.texts[:min(len(c.texts), maxTexts-1)]...)
	}
	return t, nil
}

// byID returns the writer of a schema's id, or the cause to reject its packets.
func (c *schemaCache) byID(ctx context.Context, id uint32) (wr *writer, cause, err error) {
	c.mu.RLock()
	t, unknown := c.ids[id], c.unknown[id]
	c.mu.RUnlock()
	switch {
	case t != nil:
		return t.writer, t.cause, nil
	case time.Now().Before(unknown.until):
		return nil, unknown.cause, nil
	case c.d.Registry == nil:
		return nil, fmt.Errorf("schema id %d, but the decoder has no registry", id), nil
	}
	schema, err := c.d.Registry.Schema(ctx, id)
	if errors.Is(err, ErrUnknownSchema) {
		schema, cause, err = c.waitFor(ctx, id, err)
	}
	if cause != nil || err != nil {
		return nil, cause, err
	}
	if t, err = c.addID(ctx, id, schema); err != nil {
		return nil, nil, err
	}
	return t.writer, t.cause, nil
}

// addID caches the schema of an id.
func (c *schemaCache) addID(ctx context.Context, id uint32, schema []byte) (*schemaText, error) {
	sum := sha256.Sum256(schema)
	c.mu.Lock()
	defer c.mu.Unlock()
	known, err := c.compile(ctx, sum, schema)
	if err != nil {
		return nil, err
	}
	if known.cause != nil {
		known = &schemaText{cause: fmt.Errorf("schema id %d: %w", id, known.cause)}
	}
	if len(c.ids) >= maxWriters {
		clear(c.ids)
	}
	c.ids[id] = known
	delete(c.unknown, id)
	return known, nil
}

// unknownCause returns the cause to reject messages of an unknown id: the
// registry's error without its address.
func unknownCause(id uint32, err error) error {
	words := fmt.Sprintf("%v %d", ErrUnknownSchema, id)
	_, more, _ := strings.Cut(err.Error(), words)
	return errors.New(words + more)
}

// admit widens the writer's table for its packets.
func (c *schemaCache) admit(ctx context.Context, wr *writer) (*admission, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conflict, err := wr.table.admit(ctx, wr.schema.Arrow())
	if err != nil {
		return nil, err
	}
	a := &admission{conflict}
	wr.admission.Store(a)
	return a, nil
}

// compile returns the writer of a schema's text, or the cause to reject its
// packets, and caches both. The caller must hold c.mu.
func (c *schemaCache) compile(ctx context.Context, sum [32]byte, schema []byte) (*schemaText, error) {
	if t := c.bySum[sum]; t != nil {
		return t, nil
	}
	parsed, survey, cause := parseSchema(c.d.Surveys, schema)
	t := &schemaText{cause: cause}
	if cause == nil {
		table, err := c.table(ctx, survey)
		if err != nil {
			return nil, err
		}
		t.writer = &writer{schema: parsed, table: table}
	}
	if c.size += len(schema); len(c.bySum) >= maxWriters || c.size > maxCompiled {
		clear(c.bySum)
		clear(c.ids)
		c.size = len(schema)
	}
	c.bySum[sum] = t
	return t, nil
}

// table returns a survey's table.
func (c *schemaCache) table(ctx context.Context, s Survey) (*table, error) {
	if t := c.tables[s.Name]; t != nil {
		return t, nil
	}
	known, err := c.known(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	t := &table{name: "alerts/" + s.Name, survey: s, schemas: c.d.Schemas, known: known}
	c.tables[s.Name] = t
	return t, nil
}

// known merges the schemas that a survey has published: those of its Survey.Known
// and of a registry that is a Lister. Schemas that do not merge are left out.
func (c *schemaCache) known(ctx context.Context, survey string) (*arrow.Schema, error) {
	var texts [][]byte
	for _, s := range c.d.Surveys {
		if s.Name == survey {
			texts = append(texts, s.Known...)
		}
	}
	more, err := listed(ctx, c.d.Registry)
	if err != nil {
		return nil, err
	}
	var all *arrow.Schema
	for _, text := range append(texts, more...) {
		parsed, s, err := parseSchema(c.d.Surveys, text)
		if err != nil || s.Name != survey {
			continue
		}
		mine := withStandard(parsed.Arrow())
		if all == nil {
			all = mine
		} else if merged, err := avroarrow.Merge(all, mine); err == nil {
			all = merged
		}
	}
	return all, nil
}

// listed returns all schemas of a registry that is a Lister.
func listed(ctx context.Context, r Registry) ([][]byte, error) {
	l, ok := r.(Lister)
	if !ok {
		return nil, nil
	}
	ids, err := l.IDs(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, id := range ids {
		text, err := r.Schema(ctx, id)
		if errors.Is(err, ErrUnknownSchema) {
			continue
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}
