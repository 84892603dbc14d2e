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
	survey string
	id     string
	object string
	time   time.Time // of the event
	ra     float64
	dec    float64
	bright brightness
	from   position
	sent   time.Time // the message's time; zero if it has none
}

// brightness is a magnitude or a flux, whichever the survey gives.
type brightness struct {
	value float64
	unit  string // "" if unknown
}

// position is where a message is in Kafka.
type position struct {
	topic     string
	partition string
	offset    string
}

// String formats the position as TOPIC/PARTITION@OFFSET.
func (p position) String() string { return fmt.Sprintf("%s/%s@%s", p.topic, p.partition, p.offset) }

// reject is a message that could not be decoded.
type reject struct {
	from  position
	cause string
}

// alertRows returns the rows of decoded alerts. They do not refer to the record.
func alertRows(r arrow.Record) []alertRow {
	survey, id, object, from := texts(r, "survey"), texts(r, "alert_id"), texts(r, "object_id"), positions(r)
	ra, dec := numbers(r, "ra"), numbers(r, "dec")
	event, sent := times(r, "event_time"), times(r, "kafka_time")
	mag, flux := numbers(r, "candidate.magpsf"), numbers(r, "diaSource.psfFlux")
	all := make([]alertRow, r.NumRows())
	for i := range all {
		s := alertRow{survey: survey(i), id: id(i), object: object(i), time: event(i), from: from(i), sent: sent(i)}
		s.ra, _ = ra(i)
		s.dec, _ = dec(i)
		if v, ok := mag(i); ok {
			s.bright = brightness{v, "mag"}
		} else if v, ok := flux(i); ok {
			s.bright = brightness{v, "nJy"}
		}
		all[i] = s
	}
	return all
}

// rejects returns the rows of a record with stream.RejectSchema.
func rejects(r arrow.Record) []reject {
	from, cause := positions(r), texts(r, "cause")
	all := make([]reject, r.NumRows())
	for i := range all {
		all[i] = reject{from(i), cause(i)}
	}
	return all
}

func positions(r arrow.Record) func(row int) position {
	topic, partition, offset := texts(r, "topic"), texts(r, "partition"), texts(r, "offset")
	return func(row int) position { return position{topic(row), partition(row), offset(row)} }
}

// texts returns a function that returns a column's values as text, "" for null
// and for a column that the record does not have.
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
