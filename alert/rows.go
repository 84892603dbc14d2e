package alert

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/stream"
)

// tableRows collects the rows of one table: the packets' columns from the
// Avro bytes, and the standard columns before them.
type tableRows struct {
	table   *table
	schema  *arrow.Schema // of the table
	builder *avroarrow.Builder
	from    []int32

	alertID, objectID []*avroarrow.Column
	ra, dec           *avroarrow.Column
	time, visit       *avroarrow.Column

	std standardBuilder
}

func newTableRows(mem memory.Allocator, t *table, schema *arrow.Schema) *tableRows {
	packet := arrow.NewSchema(schema.Fields()[len(StandardColumns):], nil)
	b := avroarrow.NewBuilder(mem, packet)
	columns := func(paths []string) (out []*avroarrow.Column) {
		for _, p := range paths {
			if c := b.Column(packetPath(p)); c != nil {
				out = append(out, c)
			}
		}
		return out
	}
	s := t.survey
	r := &tableRows{
		table: t, schema: schema, builder: b, std: newStandardBuilder(mem),
		alertID: columns(s.AlertID), objectID: columns(s.ObjectID),
		ra: b.Column(packetPath(s.RA)), dec: b.Column(packetPath(s.Dec)), time: b.Column(packetPath(s.Time)),
	}
	if s.Night.Visit != "" {
		r.visit = b.Column(packetPath(s.Night.Visit))
	}
	return r
}

// append decodes one message into a row. After an error there is no new row.
func (r *tableRows) append(m *messages, i int, f frame) error {
	if err := r.builder.Append(f.writer.schema, f.buf, f.from, f.to); err != nil {
		return err
	}
	row := r.builder.Len() - 1
	if err := r.standard(m, i, row); err != nil {
		r.builder.Truncate(row)
		return err
	}
	r.from = append(r.from, int32(i))
	return nil
}

var (
	errNoID   = errors.New("no alert id")
	errNoTime = errors.New("no event time")
)

// standard appends the standard columns of a row that has been decoded.
func (r *tableRows) standard(m *messages, i, row int) error {
	id, ok := firstInt(r.alertID, row)
	if !ok {
		return errNoID
	}
	t, ok := number(r.time, row)
	if !ok {
		return errNoTime
	}
	us, err := r.table.survey.Scale.Micros(t)
	if err != nil {
		return err
	}
	var visit int64
	if r.visit != nil {
		visit, _ = r.visit.Int64(row)
	}
	s := &r.std
	s.survey.Append(r.table.survey.Name)
	s.alertID.Append(id)
	r.object(row)
	appendNumber(s.ra, r.ra, row)
	appendNumber(s.dec, r.dec, row)
	s.eventTime.Append(arrow.Timestamp(us))
	s.night.Append(r.table.survey.Night.Date(us, visit))
	s.topic.Append(m.topic.Value(i))
	s.partition.Append(m.partition.Value(i))
	s.offset.Append(m.offset.Value(i))
	if m.time.IsNull(i) {
		s.kafkaTime.AppendNull()
	} else {
		s.kafkaTime.Append(m.time.Value(i))
	}
	return nil
}

// object appends the id of the row's object: text as it is, a number as its
// decimals, nothing for null, for 0 and for bytes that are no text.
func (r *tableRows) object(row int) {
	for _, c := range r.objectID {
		if text, ok := c.Bytes(row); ok && utf8.Valid(text) {
			r.std.objectID.BinaryBuilder.Append(text)
			return
		}
		if n, ok := c.Int64(row); ok && n != 0 {
			var digits [20]byte
			r.std.objectID.BinaryBuilder.Append(strconv.AppendInt(digits[:0], n, 10))
			return
		}
	}
	r.std.objectID.AppendNull()
}

// firstInt is the value of the first column that is not null, if it is an
// integer.
func firstInt(columns []*avroarrow.Column, row int) (int64, bool) {
	for _, c := range columns {
		if !c.IsNull(row) {
			return c.Int64(row)
		}
	}
	return 0, false
}

func number(c *avroarrow.Column, row int) (float64, bool) {
	if c == nil {
		return 0, false
	}
	return c.Float64(row)
}

func appendNumber(b *array.Float64Builder, c *avroarrow.Column, row int) {
	if v, ok := number(c, row); ok {
		b.Append(v)
	} else {
		b.AppendNull()
	}
}

// take returns the rows and leaves none.
func (r *tableRows) take() stream.Rows {
	packets := r.builder.NewRecord()
	defer packets.Release()
	columns := r.std.newArrays()
	n := len(columns)
	record := array.NewRecord(r.schema, append(columns, packets.Columns()...), packets.NumRows())
	for _, c := range columns[:n] {
		c.Release()
	}
	from := r.from
	r.from = nil
	return stream.Rows{Table: r.table.name, Record: record, From: from}
}

func (r *tableRows) release() {
	r.builder.Release()
	r.std.release()
}

// standardBuilder builds the standard columns.
type standardBuilder struct {
	survey    *array.StringBuilder
	alertID   *array.Int64Builder
	objectID  *array.StringBuilder
	ra, dec   *array.Float64Builder
	eventTime *array.TimestampBuilder
	night     *array.Int32Builder
	topic     *array.StringBuilder
	partition *array.Int32Builder
	offset    *array.Int64Builder
	kafkaTime *array.TimestampBuilder
}

func newStandardBuilder(mem memory.Allocator) standardBuilder {
	return standardBuilder{
		survey:    array.NewStringBuilder(mem),
		alertID:   array.NewInt64Builder(mem),
		objectID:  array.NewStringBuilder(mem),
		ra:        array.NewFloat64Builder(mem),
		dec:       array.NewFloat64Builder(mem),
		eventTime: array.NewTimestampBuilder(mem, arrow.FixedWidthTypes.Timestamp_us.(*arrow.TimestampType)),
		night:     array.NewInt32Builder(mem),
		topic:     array.NewStringBuilder(mem),
		partition: array.NewInt32Builder(mem),
		offset:    array.NewInt64Builder(mem),
		kafkaTime: array.NewTimestampBuilder(mem, arrow.FixedWidthTypes.Timestamp_ms.(*arrow.TimestampType)),
	}
}

// all are the builders in the order of StandardColumns.
func (b *standardBuilder) all() []array.Builder {
	return []array.Builder{b.survey, b.alertID, b.objectID, b.ra, b.dec, b.eventTime, b.night,
		b.topic, b.partition, b.offset, b.kafkaTime}
}

func (b *standardBuilder) newArrays() []arrow.Array {
	var out []arrow.Array
	for _, c := range b.all() {
		out = append(out, c.NewArray())
	}
	return out
}

func (b *standardBuilder) release() {
	for _, c := range b.all() {
		c.Release()
	}
}
