package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/ocf"
)

// Bounds of what is remembered of writers' schemas, so that a stream which
// invents a schema for each message costs time and no memory.
const (
	maxWriters = 256     // compiled schemas
	maxTexts   = 32      // texts that are compared before anything is parsed
	maxText    = 1 << 20 // bytes of such a text
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
	prefix []byte // the schema, or the header up to the sync marker
	codec  string // of a header; "" for a schema alone
	writer *writer
	cause  error
}

// begins reports whether a container begins with t.
func (t *text) begins(value []byte) bool {
	return t.codec != "" && len(value) >= len(t.prefix)+ocf.SyncSize && bytes.HasPrefix(value, t.prefix)
}

// header is the header of a container that begins with t.
func (t *text) header(value []byte) ocf.Header {
	n := len(t.prefix)
	return ocf.Header{Codec: t.codec, Size: n + ocf.SyncSize, Sync: [ocf.SyncSize]byte(value[n:])}
}

// writers remembers writers' schemas.
type writers struct {
	d *Decoder

	mu     sync.RWMutex
	texts  []*text // most recent first
	bySum  map[[32]byte]*text
	ids    map[uint32]*text
	tables map[string]*table
}

func (w *writers) init(d *Decoder) {
	w.d = d
	w.bySum, w.ids = map[[32]byte]*text{}, map[uint32]*text{}
	w.tables = map[string]*table{}
}

// beginning returns the remembered header that a container begins with.
func (w *writers) beginning(value []byte) *text {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, t := range w.texts {
		if t.begins(value) {
			return t
		}
	}
	return nil
}

// ofHeader returns whose a container's header is.
func (w *writers) ofHeader(ctx context.Context, h ocf.Header, prefix []byte) (*text, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, err := w.compiled(ctx, h.Schema)
	if err != nil {
		return nil, err
	}
	t := &text{prefix: bytes.Clone(prefix), codec: h.Codec, writer: known.writer, cause: known.cause}
	if len(prefix) <= maxText {
		w.texts = append([]*text{t}, w.texts[:min(len(w.texts), maxTexts-1)]...)
	}
	return t, nil
}

// ofText returns whose a schema is that comes alone.
func (w *writers) ofText(ctx context.Context, schema []byte) (*text, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, err := w.compiled(ctx, schema)
	if err != nil {
		return nil, err
	}
	return &text{prefix: bytes.Clone(schema), writer: known.writer, cause: known.cause}, nil
}

// byID returns whose the schema of an id is.
func (w *writers) byID(ctx context.Context, id uint32) (wr *writer, cause, err error) {
	w.mu.RLock()
	t := w.ids[id]
	w.mu.RUnlock()
	if t != nil {
		return t.writer, t.cause, nil
	}
	if w.d.Registry == nil {
		return nil, fmt.Errorf("schema id %d, and no registry to ask", id), nil
	}
	schema, err := w.d.Registry.Schema(ctx, id)
	if errors.Is(err, ErrUnknownSchema) {
		return nil, err, nil
	}
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, err = w.compiled(ctx, schema); err != nil {
		return nil, nil, err
	}
	if len(w.ids) >= maxWriters {
		clear(w.ids)
	}
	w.ids[id] = t
	return t.writer, t.cause, nil
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

// compiled returns whose a schema is, from its text. A text that is no good is remembered too. The caller holds w.mu.
func (w *writers) compiled(ctx context.Context, schema []byte) (*text, error) {
	sum := sha256.Sum256(schema)
	if t := w.bySum[sum]; t != nil {
		return t, nil
	}
	t := &text{}
	parsed, cause := avroarrow.Parse(schema, standardNames...)
	if cause != nil {
		t.cause = cause
	} else if survey, ok := Recognise(w.d.Surveys, hasPath(parsed.Arrow())); !ok {
		t.cause = fmt.Errorf("unknown survey: no Survey matches record %q", parsed.Name())
	} else {
		table, err := w.table(ctx, survey)
		if err != nil {
			return nil, err
		}
		t.writer = &writer{schema: parsed, table: table}
	}
	if len(w.bySum) >= maxWriters {
		clear(w.bySum)
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
