package alert

import (
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/stream"
)

// tableRows builds the rows of one table: the packets' columns and the standard
// columns.
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

// append decodes message i into a row. After an error, of the given class, there is
// no new row.
func (r *tableRows) append(m *messages, i int, f frame) (class string, err error) {
	if err := r.builder.Append(f.writer.schema, f.buf, f.from, f.to); err != nil {
		return classDatum, err
	}
	row := r.builder.Len() - 1
	if err := r.standard(m, i, row); err != nil {
		r.builder.Truncate(row)
		return classValue, err
	}
	r.from = append(r.from, int32(i))
	return "", nil
}

var (
	errNoID   = errors.New("no alert id")
	errNoTime = errors.New("no event time")
)

// standard appends the standard columns of a decoded row.
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

// object appends the id of the row's object: a text, or a number in decimal. Null,
// 0 and bytes that are not UTF-8 are no id.
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

// firstInt returns the value of the first column that is not null, if it is an
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

// take returns and removes the rows.
func (r *tableRows) take() stream.Rows {
	packets := r.builder.NewRecord()
	defer packets.Release()
	standard := r.std.record.NewRecord()
	defer standard.Release()
	record := array.NewRecord(r.schema, slices.Concat(standard.Columns(), packets.Columns()), packets.NumRows())
	from := r.from
	r.from = nil
	return stream.Rows{Table: r.table.name, Record: record, From: from}
}

func (r *tableRows) release() {
	r.builder.Release()
	r.std.record.Release()
}

// standardBuilder builds the standard columns. Its columns belong to record.
type standardBuilder struct {
	record    *array.RecordBuilder
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
	r := array.NewRecordBuilder(mem, arrow.NewSchema(StandardColumns, nil))
	return standardBuilder{
		record:    r,
		survey:    r.Field(0).(*array.StringBuilder),
		alertID:   r.Field(1).(*array.Int64Builder),
		objectID:  r.Field(2).(*array.StringBuilder),
		ra:        r.Field(3).(*array.Float64Builder),
		dec:       r.Field(4).(*array.Float64Builder),
		eventTime: r.Field(5).(*array.TimestampBuilder),
		night:     r.Field(6).(*array.Int32Builder),
		topic:     r.Field(7).(*array.StringBuilder),
		partition: r.Field(8).(*array.Int32Builder),
		offset:    r.Field(9).(*array.Int64Builder),
		kafkaTime: r.Field(10).(*array.TimestampBuilder),
	}
}
