package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/inflight"
	"github.com/skyfinch/skyfinch/stream"
)

// Decoder is a [stream.Transform] that turns raw messages into alerts: rows of
// the standard columns and all fields of the packet, with their nesting. It
// rejects messages that it cannot decode, or whose alert has no id or no valid
// time.
//
// The rows of a survey belong to the table alerts/NAME, whose schema is kept in
// Schemas. A packet with a wider schema widens the table, one with a narrower
// schema has nulls, and one whose types conflict with the table's is rejected.
//
// The fields must not change after the first call of Apply, and the Decoder must
// not be copied. Apply may be called concurrently.
type Decoder struct {
	// Surveys are the known surveys. A packet belongs to the first one that
	// matches. If nil, Surveys().
	Surveys []Survey
	// Registry returns schemas by the ids of Confluent's framing. If nil, such
	// messages are rejected.
	Registry Registry
	// SchemaWait is the time that messages wait for a schema id that the registry
	// does not know yet, before they are rejected. If zero, 10 seconds; if
	// negative, they do not wait.
	SchemaWait time.Duration
	// Schemas stores the tables' schemas; usually it is the job's *ledger.Ledger.
	// If nil, they are kept in memory.
	Schemas stream.Schemas
	// Bare is the text of the schema of bare datums. If not nil, every message
	// without a schema in its key must be such a datum.
	Bare []byte
	// Alloc allocates the columns' memory. If nil, Go's heap is used.
	Alloc memory.Allocator

	once    sync.Once
	invalid error // of validate
	cache   schemaCache
	mu      sync.Mutex // guards idle
	idle    []*decoding
}

// StandardColumns are the first columns of the tables of all surveys. A packet's
// field with the same name gets "_" appended.
//
//	survey      string              the Survey's name
//	alert_id    int64               never null
//	object_id   string              null if the alert has no object
//	ra, dec     float64             degrees, unchecked: NaN and 91 are possible
//	event_time  timestamp[us, UTC]  never null, 1990 to 2099
//	night       int32               YYYYMMDD
//	topic, partition, offset        the position of the message
//	kafka_time  timestamp[ms, UTC]  the message's time, null for files, and if it is
//	                                not in the years 1970 to 9999
var StandardColumns = []arrow.Field{
	{Name: "survey", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "object_id", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "ra", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "dec", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "event_time", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "night", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "topic", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "partition", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "offset", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "kafka_time", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
}

func (d *Decoder) init() {
	if d.Surveys == nil {
		d.Surveys = Surveys()
	}
	if d.Schemas == nil {
		d.Schemas = &memorySchemas{}
	}
	if d.Alloc == nil {
		d.Alloc = memory.DefaultAllocator
	}
	d.invalid = stream.Permanent(d.validate())
	d.cache.init(d)
}

// validate returns an error for fields with which all messages would be rejected.
func (d *Decoder) validate() error {
	names := map[string]bool{}
	for _, s := range d.Surveys {
		if err := s.Validate(); err != nil {
			return err
		}
		if names[s.Name] {
			return fmt.Errorf("alert: two surveys are named %q", s.Name)
		}
		names[s.Name] = true
	}
	if d.Bare == nil {
		return nil
	}
	if _, _, err := parseSchema(d.Surveys, d.Bare); err != nil {
		return fmt.Errorf("alert: Decoder.Bare: %w", err)
	}
	return nil
}

// Apply implements stream.Transform for records of stream.MessageSchema. Rows of a table,
// which are decoded already, pass as they are. An error
// is an outage of Registry or Schemas, or a permanent one for invalid fields.
func (d *Decoder) Apply(ctx context.Context, in stream.Rows) (stream.Result, error) {
	d.once.Do(d.init)
	if d.invalid != nil {
		return stream.Result{}, d.invalid
	}
	if in.Table != "" { // a source of decoded rows, such as an archive
		return stream.Pass(in), nil
	}
	m, err := newMessages(in.Record)
	if err != nil {
		return stream.Result{}, stream.Permanent(err)
	}
	dec := d.acquire() // not released by a defer: a registry may panic
	dec.alloc.begin(inflight.Grower(ctx))
	for i := range m.len {
		cause, err := dec.message(ctx, m, i)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			dec.result.Release()
			dec.reset()
			d.release(dec)
			return stream.Result{}, err
		}
		if cause != nil {
			dec.result.Rejects = append(dec.result.Rejects, stream.Reject{Row: i, Cause: causeText(cause), Class: dec.class})
		}
	}
	result := dec.finish()
	d.release(dec)
	return result, nil
}

// maxCause bounds the text of a cause in bytes; it may quote long names of a
// schema.
const maxCause = 400

// causeText returns the bounded text of a cause.
func causeText(cause error) string {
	s := strings.ToValidUTF8(cause.Error(), "\uFFFD")
	if len(s) > maxCause {
		s = strings.ToValidUTF8(s[:maxCause], "") + "…"
	}
	return s
}

// Close frees the memory kept between calls of Apply. The decoder can still be
// used afterwards.
func (d *Decoder) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, dec := range d.idle {
		dec.reset()
	}
	d.idle = nil
	return nil
}

func (d *Decoder) acquire() *decoding {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.idle); n > 0 {
		dec := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return dec
	}
	return &decoding{d: d, alloc: &callAllocator{Allocator: d.Alloc}, tables: map[*table]*tableRows{}}
}

func (d *Decoder) release(dec *decoding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.idle = append(d.idle, dec)
}

// messages are the columns of a record of raw messages.
type messages struct {
	len       int
	topic     *array.String
	partition *array.Int32
	offset    *array.Int64
	time      *array.Timestamp
	key       *array.BinaryView
	value     *array.BinaryView
}

func newMessages(r arrow.Record) (*messages, error) {
	if !r.Schema().Equal(stream.MessageSchema) {
		return nil, fmt.Errorf("alert: Decoder needs records of stream.MessageSchema, not %v", r.Schema())
	}
	return &messages{
		len:       int(r.NumRows()),
		topic:     r.Column(stream.ColTopic).(*array.String),
		partition: r.Column(stream.ColPartition).(*array.Int32),
		offset:    r.Column(stream.ColOffset).(*array.Int64),
		time:      r.Column(stream.ColTime).(*array.Timestamp),
		key:       r.Column(stream.ColKey).(*array.BinaryView),
		value:     r.Column(stream.ColValue).(*array.BinaryView),
	}, nil
}

// decoding is the state of a call of Apply, reused by later calls.
type decoding struct {
	d       *Decoder
	alloc   *callAllocator
	last    *schemaText // of the last message; the next usually has the same
	scratch []byte
	tables  map[*table]*tableRows
	order   []*tableRows // the tables that have rows in this call, by their first rows
	result  stream.Result
	class   string // of the cause to reject the message
}

// The classes of causes.
const (
	classEmpty    = "empty"    // no value
	classFraming  = "framing"  // neither of the framings, or a damaged one
	classSchema   = "schema"   // unknown, invalid, or of no survey
	classConflict = "conflict" // a schema that does not fit its table
	classDatum    = "datum"    // the bytes do not fit the schema
	classValue    = "value"    // no id, or no time, or an absurd one
)

// message decodes message i. cause is the reason to reject it, err an outage.
func (dec *decoding) message(ctx context.Context, m *messages, i int) (cause, err error) {
	f, cause, err := dec.frame(ctx, m, i)
	if cause != nil || err != nil {
		return cause, err
	}
	a := f.writer.admission.Load()
	if a == nil {
		if a, cause, err = dec.admit(ctx, m, i, f); cause != nil || err != nil {
			return cause, err
		}
	}
	if a.conflict != nil {
		dec.class = classConflict
		return a.conflict, nil
	}
	return dec.append(dec.rows(f.writer.table), m, i, f), nil
}

// append decodes message i into a row.
func (dec *decoding) append(rows *tableRows, m *messages, i int, f frame) (cause error) {
	dec.class, cause = rows.append(m, i, f)
	return cause
}

// admit widens the table for a writer, after decoding a packet of it: an invalid
// packet must not widen a table forever.
func (dec *decoding) admit(ctx context.Context, m *messages, i int, f frame) (a *admission, cause, err error) {
	trial := newTableRows(dec.alloc, f.writer.table, withStandard(f.writer.schema.Arrow()))
	defer trial.release()
	if cause := dec.append(trial, m, i, f); cause != nil {
		return nil, cause, nil
	}
	a, err = dec.d.cache.admit(ctx, f.writer)
	return a, nil, err
}

// rows returns the rows of a table's current schema. If the table has widened,
// the rows of its old schema become a record.
func (dec *decoding) rows(t *table) *tableRows {
	schema := t.current()
	rows := dec.tables[t]
	if rows != nil && rows.schema != schema {
		dec.flush(rows)
		rows.release()
		dec.order = slices.DeleteFunc(dec.order, func(r *tableRows) bool { return r == rows })
		rows = nil
	}
	if rows == nil {
		rows = newTableRows(dec.alloc, t, schema)
		dec.tables[t] = rows
	}
	if len(rows.from) == 0 && !slices.Contains(dec.order, rows) {
		dec.order = append(dec.order, rows)
	}
	return rows
}

// flush moves the rows of a table to the result.
func (dec *decoding) flush(rows *tableRows) {
	if rows.builder.Len() > 0 {
		dec.result.Rows = append(dec.result.Rows, rows.take())
	}
}

// finish returns the result and prepares for the next call.
func (dec *decoding) finish() stream.Result {
	for _, rows := range dec.order {
		dec.flush(rows)
	}
	r := dec.result
	dec.order, dec.result = dec.order[:0], stream.Result{}
	return r
}

// reset drops all rows and frees their memory.
func (dec *decoding) reset() {
	for _, rows := range dec.tables {
		rows.release()
	}
	clear(dec.tables)
	dec.order, dec.result, dec.last, dec.scratch = nil, stream.Result{}, nil, nil
}
