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

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/ocf"
)

// Bounds of what is remembered of writers' schemas, so that a stream which
// invents a schema for each message costs time and no memory.
const (
	maxWriters  = 256     // compiled schemas
	maxCompiled = 8 << 20 // bytes of their texts; compiled they take some ten times that
	maxTexts    = 32      // texts that are compared before anything is parsed
	maxText     = 1 << 20 // bytes of such a text
	maxMissing  = 4096    // ids that the registry did not know
)

// writer is a writer's schema and the table its packets belong to.
type writer struct {
	schema  *avroarrow.Schema
	table   *table
	verdict atomic.Pointer[verdict] // nil: the table was not asked yet
}

// verdict says whether a table takes a writer's packets.
type verdict struct{ conflict error }

// text is a schema as it comes with messages, alone or in the header of a
// container, and whose it is. cause says why its packets must be rejected.
type text struct {
	prefix    []byte // the schema, or the header up to the sync marker
	container bool   // it is a header,
	codec     string // and how its blocks are compressed
	writer    *writer
	cause     error
}

// begins reports whether a container begins with t. What follows the header
// can be no part of it, for a header tells where it ends.
func (t *text) begins(value []byte) bool {
	return t.container && len(value) >= len(t.prefix)+ocf.SyncSize && bytes.HasPrefix(value, t.prefix)
}

// is reports whether t is a schema alone, and this one.
func (t *text) is(schema []byte) bool { return !t.container && bytes.Equal(t.prefix, schema) }

// header is the header of a container that begins with t.
func (t *text) header(value []byte) ocf.Header {
	n := len(t.prefix)
	return ocf.Header{Codec: t.codec, Size: n + ocf.SyncSize, Sync: [ocf.SyncSize]byte(value[n:])}
}

// writers remembers writers' schemas. Its lock is held while a schema is
// compiled or a table widened: both are rare, and workers that come with the
// same news wait for it instead of doing it again.
type writers struct {
	d *Decoder

	mu       sync.RWMutex
	texts    []*text // most recent first
	bySum    map[[32]byte]*text
	size     int // bytes of the texts in bySum
	ids      map[uint32]*text
	missing  map[uint32]missing
	patience patience
	tables   map[string]*table
}

func (w *writers) init(d *Decoder) {
	w.d = d
	w.bySum, w.ids = map[[32]byte]*text{}, map[uint32]*text{}
	w.missing = map[uint32]missing{}
	w.patience.init(d.Patience)
	w.tables = map[string]*table{}
}

// find returns the first of the remembered texts for which match is true.
func (w *writers) find(match func(*text) bool) *text {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, t := range w.texts {
		if match(t) {
			return t
		}
	}
	return nil
}

// learn returns whose a schema is, as a text that begins like t, and remembers
// it.
func (w *writers) learn(ctx context.Context, t *text, schema []byte) (*text, error) {
	sum := sha256.Sum256(schema)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, have := range w.texts { // another may have learnt it since
		if have.container == t.container && bytes.Equal(have.prefix, t.prefix) {
			return have, nil
		}
	}
	known, err := w.compiled(ctx, sum, schema)
	if err != nil {
		return nil, err
	}
	t = &text{bytes.Clone(t.prefix), t.container, t.codec, known.writer, known.cause}
	if len(t.prefix) <= maxText {
		w.texts = append([]*text{t}, w.texts[:min(len(w.texts), maxTexts-1)]...)
	}
	return t, nil
}

// byID returns whose the schema of an id is.
func (w *writers) byID(ctx context.Context, id uint32) (wr *writer, cause, err error) {
	w.mu.RLock()
	t, no := w.ids[id], w.missing[id]
	w.mu.RUnlock()
	switch {
	case t != nil:
		return t.writer, t.cause, nil
	case time.Now().Before(no.until):
		return nil, no.cause, nil
	case w.d.Registry == nil:
		return nil, fmt.Errorf("schema id %d, and no registry to ask", id), nil
	}
	schema, err := w.d.Registry.Schema(ctx, id)
	if errors.Is(err, ErrUnknownSchema) {
		schema, cause, err = w.await(ctx, id, err)
	}
	if cause != nil || err != nil {
		return nil, cause, err
	}
	if t, err = w.learnID(ctx, id, schema); err != nil {
		return nil, nil, err
	}
	return t.writer, t.cause, nil
}

// learnID returns whose the schema of an id is, and remembers it.
func (w *writers) learnID(ctx context.Context, id uint32, schema []byte) (*text, error) {
	sum := sha256.Sum256(schema)
	w.mu.Lock()
	defer w.mu.Unlock()
	known, err := w.compiled(ctx, sum, schema)
	if err != nil {
		return nil, err
	}
	if known.cause != nil {
		known = &text{cause: fmt.Errorf("schema id %d: %w", id, known.cause)}
	}
	if len(w.ids) >= maxWriters {
		clear(w.ids)
	}
	w.ids[id] = known
	delete(w.missing, id)
	return known, nil
}

// unknownCause is the cause for messages of an id that the registry has not:
// the registry's words, but not where it is.
func unknownCause(id uint32, err error) error {
	words := fmt.Sprintf("%v %d", ErrUnknownSchema, id)
	_, more, _ := strings.Cut(err.Error(), words)
	return errors.New(words + more)
}

// admit asks the writer's table to take its packets, and widens it for them.
func (w *writers) admit(ctx context.Context, wr *writer) (*verdict, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	conflict, err := wr.table.admit(ctx, wr.schema.Arrow())
	if err != nil {
		return nil, err
	}
	v := &verdict{conflict}
	wr.verdict.Store(v)
	return v, nil
}

// compiled returns whose a schema is, from its text. A text that is no good is
// remembered too. The caller holds w.mu.
func (w *writers) compiled(ctx context.Context, sum [32]byte, schema []byte) (*text, error) {
	if t := w.bySum[sum]; t != nil {
		return t, nil
	}
	t := &text{}
	parsed, cause := avroarrow.Parse(schema, standardNames...)
	var survey Survey
	if cause == nil {
		survey, cause = recognise(w.d.Surveys, parsed)
	}
	if t.cause = cause; cause == nil {
		table, err := w.table(ctx, survey)
		if err != nil {
			return nil, err
		}
		t.writer = &writer{schema: parsed, table: table}
	}
	if w.size += len(schema); len(w.bySum) >= maxWriters || w.size > maxCompiled {
		clear(w.bySum)
		clear(w.ids)
		w.size = len(schema)
	}
	w.bySum[sum] = t
	return t, nil
}

// table returns a survey's table.
func (w *writers) table(ctx context.Context, s Survey) (*table, error) {
	if t := w.tables[s.Name]; t != nil {
		return t, nil
	}
	t := &table{name: "alerts/" + s.Name, survey: s, schemas: w.d.Schemas}
	known, err := w.known(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	t.known = known
	w.tables[s.Name] = t
	return t, nil
}
