package main

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
)

// sighting is what is shown of an alert.
type sighting struct {
	survey string
	id     string
	object string
	time   time.Time // of the event
	ra     float64
	dec    float64
	bright brightness
	from   place
	sent   time.Time // the message's time; zero: it has none
}

// brightness is what surveys measure it in: magnitudes or a flux.
type brightness struct {
	value float64
	unit  string // "": not known
}

// place is where a message was.
type place struct {
	topic     string
	partition string
	offset    string
}

// String gives the place as TOPIC/PARTITION@OFFSET.
func (p place) String() string { return fmt.Sprintf("%s/%s@%s", p.topic, p.partition, p.offset) }

// reject is a message that is no alert.
type reject struct {
	from  place
	cause string
}

// sightings reads decoded alerts. Nothing of it points into the record.
func sightings(r arrow.Record) []sighting {
	survey, id, object, from := texts(r, "survey"), texts(r, "alert_id"), texts(r, "object_id"), places(r)
	ra, dec := numbers(r, "ra"), numbers(r, "dec")
	event, sent := times(r, "event_time"), times(r, "kafka_time")
	mag, flux := numbers(r, "candidate.magpsf"), numbers(r, "diaSource.psfFlux")
	all := make([]sighting, r.NumRows())
	for i := range all {
		s := sighting{survey: survey(i), id: id(i), object: object(i), time: event(i), from: from(i), sent: sent(i)}
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

// rejects reads rows by stream.RejectSchema.
func rejects(r arrow.Record) []reject {
	from, cause := places(r), texts(r, "cause")
	all := make([]reject, r.NumRows())
	for i := range all {
		all[i] = reject{from(i), cause(i)}
	}
	return all
}

func places(r arrow.Record) func(row int) place {
	topic, partition, offset := texts(r, "topic"), texts(r, "partition"), texts(r, "offset")
	return func(row int) place { return place{topic(row), partition(row), offset(row)} }
}

// texts returns the way to a column's values as text, "" for null and for a
// column that the record has not.
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
