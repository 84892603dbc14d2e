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

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/stream"
)

// Decoder is a [stream.Transform] that turns raw messages into alerts: the
// standard columns, then every field of the packet, nested as it is. A message
// that it cannot decode, or that has no id or no sound time, is rejected with
// the cause.
//
// The rows of a survey belong to the table alerts/NAME. Their schema is what
// Schemas says of the table: it widens when a packet of a wider schema comes,
// and packets of a narrower one have nulls. A packet whose types conflict with
// the table's is rejected.
//
// Set the fields before the first Apply. Apply may be called concurrently; a
// Decoder must not be copied after that.
type Decoder struct {
	// Surveys are asked in order which of them a packet is of. nil: Surveys().
	Surveys []Survey
	// Registry answers for the schema ids of Confluent framing. nil: such
	// messages are rejected.
	Registry Registry
	// Patience is how long messages wait for a schema id that the registry
	// does not know yet, before they are rejected. 0: 10 s; negative: not at all.
	Patience time.Duration
	// Schemas keeps the tables' schemas, mostly the job's *ledger.Ledger.
	// nil: they are kept in memory.
	Schemas stream.Schemas
	// Bare is the schema text of messages that are a bare datum and do not
	// carry their schema in the key. Where it is given, every message without
	// such a key is taken for one. nil: there are none.
	Bare []byte
	// Alloc is where the columns' memory comes from. nil: Go's heap.
	Alloc memory.Allocator

	once    sync.Once
	invalid error // of the fields
	writers writers
	mu      sync.Mutex // guards idle
	idle    []*decoding
}

// StandardColumns are the columns that the tables of all surveys begin with. A
// field of a packet that has the name of one gets "_" appended.
//
//	survey      string              the Survey's name
//	alert_id    int64               never null
//	object_id   string              null where the alert belongs to no object
//	ra, dec     float64             degrees, as the packet has them: NaN and 91 too
//	event_time  timestamp[us, UTC]  never null, 1990 to 2099
//	night       int32               YYYYMMDD
//	topic, partition, offset        where the message was
//	kafka_time  timestamp[ms, UTC]  the message's time, null for files
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
	d.writers.init(d)
}

// validate finds what would reject every message of a night one by one.
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
	schema, err := avroarrow.Parse(d.Bare, standardNames...)
	if err != nil {
		return fmt.Errorf("alert: Decoder.Bare: %w", err)
	}
	if _, err := recognise(d.Surveys, schema); err != nil {
		return fmt.Errorf("alert: Decoder.Bare: %w", err)
	}
	return nil
}

// Apply implements stream.Transform on records by stream.MessageSchema. Its
// errors are outages, of the registry or of Schemas.
func (d *Decoder) Apply(ctx context.Context, in stream.Rows) (stream.Result, error) {
	d.once.Do(d.init)
	if d.invalid != nil {
		return stream.Result{}, d.invalid
	}
	m, err := newMessages(in.Record)
	if err != nil {
		return stream.Result{}, stream.Permanent(err)
	}
	dec := d.borrow() // and not given back by a defer: a registry may panic
	for i := range m.len {
		cause, err := dec.message(ctx, m, i)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			dec.result.Release()
			dec.reset()
			d.giveBack(dec)
			return stream.Result{}, err
		}
		if cause != nil {
			dec.result.Rejects = append(dec.result.Rejects, stream.Reject{Row: i, Cause: reason(cause)})
		}
	}
	result := dec.finish()
	d.giveBack(dec)
	return result, nil
}

// maxCause bounds the text of a cause, in bytes. It may quote names out of a
// schema, which may be of any length.
const maxCause = 400

// reason returns the text of a cause.
func reason(cause error) string {
	s := strings.ToValidUTF8(cause.Error(), "\uFFFD")
	if len(s) > maxCause {
		s = strings.ToValidUTF8(s[:maxCause], "") + "…"
	}
	return s
}

// Close frees the memory that the decoder keeps between calls of Apply. It
// may be used again afterwards.
func (d *Decoder) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, dec := range d.idle {
		dec.reset()
	}
	d.idle = nil
	return nil
}

func (d *Decoder) borrow() *decoding {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.idle); n > 0 {
		dec := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return dec
	}
	return &decoding{d: d, tables: map[*table]*tableRows{}}
}

func (d *Decoder) giveBack(dec *decoding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.idle = append(d.idle, dec)
}

// messages is a record of raw messages with its columns at hand.
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
		return nil, fmt.Errorf("alert: Decoder needs messages by stream.MessageSchema, not %v", r.Schema())
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

// decoding is the state of one call of Apply, kept for the next one.
type decoding struct {
	d       *Decoder
	last    *text // that the last message was written with: the next is mostly alike
	scratch []byte
	tables  map[*table]*tableRows
	order   []*tableRows // those with rows, as they came: it must not depend on earlier calls
	result  stream.Result
}

// message decodes message i. cause says why it must be rejected, err that
// nobody can tell now.
func (dec *decoding) message(ctx context.Context, m *messages, i int) (cause, err error) {
	f, cause, err := dec.frame(ctx, m, i)
	if cause != nil || err != nil {
		return cause, err
	}
	v := f.writer.verdict.Load()
	if v == nil {
		if v, cause, err = dec.admit(ctx, m, i, f); cause != nil || err != nil {
			return cause, err
		}
	}
	if v.conflict != nil {
		return v.conflict, nil
	}
	return dec.rowsOf(f.writer.table).append(m, i, f), nil
}

// admit asks the table for a verdict on a writer, once a packet of it has
// proved to be good: a broken one must not widen a table for ever.
func (dec *decoding) admit(ctx context.Context, m *messages, i int, f frame) (v *verdict, cause, err error) {
	trial := newTableRows(dec.d.Alloc, f.writer.table, withStandard(f.writer.schema.Arrow()))
	defer trial.release()
	if cause := trial.append(m, i, f); cause != nil {
		return nil, cause, nil
	}
	v, err = dec.d.writers.admit(ctx, f.writer)
	return v, nil, err
}

// rowsOf returns the rows that packets of a table go to. When the table has
// widened, what there was by its old schema becomes a record of its own.
func (dec *decoding) rowsOf(t *table) *tableRows {
	schema := t.current()
	rows := dec.tables[t]
	if rows != nil && rows.schema != schema {
		dec.flush(rows)
		rows.release()
		dec.order = slices.DeleteFunc(dec.order, func(r *tableRows) bool { return r == rows })
		rows = nil
	}
	if rows == nil {
		rows = newTableRows(dec.d.Alloc, t, schema)
		dec.tables[t] = rows
	}
	if len(rows.from) == 0 && !slices.Contains(dec.order, rows) {
		dec.order = append(dec.order, rows)
	}
	return rows
}

// flush moves what a table has so far to the result.
func (dec *decoding) flush(rows *tableRows) {
	if rows.builder.Len() > 0 {
		dec.result.Rows = append(dec.result.Rows, rows.take())
	}
}

// finish returns the result and is ready for the next call.
func (dec *decoding) finish() stream.Result {
	for _, rows := range dec.order {
		dec.flush(rows)
	}
	r := dec.result
	dec.order, dec.result = dec.order[:0], stream.Result{}
	return r
}

// reset drops all that a failed call left, and frees its memory.
func (dec *decoding) reset() {
	for _, rows := range dec.tables {
		rows.release()
	}
	clear(dec.tables)
	dec.order, dec.result, dec.last, dec.scratch = nil, stream.Result{}, nil, nil
}
