package checkstream

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
)

// alertRow is what is shown of an alert.
type alertRow struct {
	survey     string
	id         string
	object     string
	time       time.Time // of the event
	ra, dec    float64   // degrees
	brightness brightness
	message    messageID
	sent       time.Time // the message's time; zero if it has none
}

// brightness is a magnitude or a flux, as the survey has it.
type brightness struct {
	value float64
	unit  string // mag or nJy; "" if the brightness is unknown
}

// messageID says which message a row is made of.
type messageID struct {
	topic     string
	partition string
	offset    string
}

// String returns TOPIC/PARTITION@OFFSET.
func (m messageID) String() string { return fmt.Sprintf("%s/%s@%s", m.topic, m.partition, m.offset) }

// rejectRow is what is shown of a message that cannot be decoded.
type rejectRow struct {
	message messageID
	cause   string
}

// alertRows returns the rows of decoded alerts. They share no memory with r.
func alertRows(r arrow.Record) []alertRow {
	survey, id, object, message := texts(r, "survey"), texts(r, "alert_id"), texts(r, "object_id"), messageIDs(r)
	ra, dec := numbers(r, "ra"), numbers(r, "dec")
	event, sent := times(r, "event_time"), times(r, "kafka_time")
	mag, flux := numbers(r, "candidate.magpsf"), numbers(r, "diaSource.psfFlux")
	rows := make([]alertRow, r.NumRows())
	for i := range rows {
		a := alertRow{survey: survey(i), id: id(i), object: object(i), time: event(i), message: message(i), sent: sent(i)}
		a.ra, _ = ra(i)
		a.dec, _ = dec(i)
		if v, ok := mag(i); ok {
			a.brightness = brightness{v, "mag"}
		} else if v, ok := flux(i); ok {
			a.brightness = brightness{v, "nJy"}
		}
		rows[i] = a
	}
	return rows
}

// rejectRows returns the rows of a record with stream.RejectSchema.
func rejectRows(r arrow.Record) []rejectRow {
	message, cause := messageIDs(r), texts(r, "cause")
	rows := make([]rejectRow, r.NumRows())
	for i := range rows {
		rows[i] = rejectRow{message(i), cause(i)}
	}
	return rows
}

func messageIDs(r arrow.Record) func(row int) messageID {
	topic, partition, offset := texts(r, "topic"), texts(r, "partition"), texts(r, "offset")
	return func(row int) messageID { return messageID{topic(row), partition(row), offset(row)} }
}

// texts returns a function for a column's values as text. It returns "" for a
// null and for a column that the record lacks.
func texts(r arrow.Record, name string) func(row int) string {
	a := stream.Field(r, name)
	if a == nil {
		return func(int) string { return "" }
	}
	return func(row int) string {
		if a.IsNull(row) {
			return ""
		}
		return a.ValueStr(row)
	}
}

func numbers(r arrow.Record, name string) func(row int) (float64, bool) {
	if a := stream.Field(r, name); a != nil {
		if f := stream.Float64s(a); f != nil {
			return f
		}
	}
	return func(int) (float64, bool) { return 0, false }
}

func times(r arrow.Record, name string) func(row int) time.Time {
	a, ok := stream.Field(r, name).(*array.Timestamp)
	if !ok {
		return func(int) time.Time { return time.Time{} }
	}
	unit := a.DataType().(*arrow.TimestampType).Unit
	return func(row int) time.Time {
		if a.IsNull(row) {
			return time.Time{}
		}
		return a.Value(row).ToTime(unit)
	}
}
