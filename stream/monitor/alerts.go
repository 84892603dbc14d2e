package monitor

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	keptAlerts   = 50
	chunkAlerts  = 25  // that are taken of one record
	alertsSecond = 100 // that are taken in a second, and at once
	alertsAtOnce = 10  // looking at fewer, of a record with more, takes as long
)

// alertRow is what is shown of an alert. Fields that the rows lack are empty.
type alertRow struct {
	Number    int64      `json:"number"` // of those shown, from 1
	Survey    string     `json:"survey"`
	ID        string     `json:"id"` // as text: it may exceed what JavaScript's numbers hold
	Object    string     `json:"object"`
	Time      *time.Time `json:"time"` // of the event
	RA        *float64   `json:"ra"`   // degrees
	Dec       *float64   `json:"dec"`
	Value     *float64   `json:"value"`
	Unit      string     `json:"unit"` // of Value: mag or nJy
	Topic     string     `json:"topic"`
	Partition string     `json:"partition"`
	Offset    string     `json:"offset"`
	Sent      *time.Time `json:"sent"` // the time of the message
	Table     string     `json:"table"`
}

// recentAlerts holds the newest alerts.
type recentAlerts struct {
	// usedUp is when the alerts taken so far are within the limit, in Unix
	// nanoseconds.
	usedUp atomic.Int64

	mu     sync.Mutex
	number int64 // of the last one
	rows   []alertRow
}

// tap is a transform that changes nothing and looks at a few of the rows. An
// attempt that is repeated shows its rows again.
func (a *recentAlerts) tap(_ context.Context, in stream.Rows) (stream.Result, error) {
	if n := a.take(time.Now().UnixNano(), min(in.Record.NumRows(), chunkAlerts)); n > 0 {
		a.add(in, int(n))
	}
	return stream.Pass(in), nil
}

// take returns how many of n alerts may be shown now.
func (a *recentAlerts) take(now, n int64) int64 {
	const each = int64(time.Second) / alertsSecond
	for {
		used := a.usedUp.Load()
		from := max(used, now-int64(time.Second))
		fewest := min(n, alertsAtOnce)
		if n = min(n, (now-from)/each); n < fewest {
			return 0
		}
		if n <= 0 || a.usedUp.CompareAndSwap(used, from+n*each) {
			return n
		}
	}
}

// add adds the last n rows of a record, if it has alerts.
func (a *recentAlerts) add(in stream.Rows, n int) {
	if stream.Field(in.Record, "alert_id") == nil {
		return
	}
	end := int(in.Record.NumRows())
	rows := alertRows(in, end-n, end)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range rows {
		a.number++
		r.Number = a.number
		a.rows = append(a.rows, r)
	}
	a.rows = slices.Clone(a.rows[max(0, len(a.rows)-keptAlerts):])
}

// since returns the alerts with higher numbers, oldest first.
func (a *recentAlerts) since(number int64) []alertRow {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, _ := slices.BinarySearchFunc(a.rows, number+1, func(r alertRow, n int64) int { return int(r.Number - n) })
	return a.rows[i:]
}

// alertRows returns rows, which share no memory with the record.
func alertRows(in stream.Rows, from, to int) []alertRow {
	r := in.Record
	survey, id, object := texts(r, "survey"), texts(r, "alert_id"), texts(r, "object_id")
	topic, partition, offset := texts(r, "topic"), texts(r, "partition"), texts(r, "offset")
	ra, dec := numbers(r, "ra"), numbers(r, "dec")
	event, sent := times(r, "event_time"), times(r, "kafka_time")
	mag, flux := numbers(r, "candidate.magpsf"), numbers(r, "diaSource.psfFlux")
	var rows []alertRow
	for i := from; i < to; i++ {
		a := alertRow{
			Table: text(in.Table), Survey: survey(i), ID: id(i), Object: object(i), Topic: topic(i), Partition: partition(i), Offset: offset(i),
			Time: event(i), Sent: sent(i), RA: ra(i), Dec: dec(i),
		}
		if a.Value = mag(i); a.Value != nil {
			a.Unit = "mag"
		} else if a.Value = flux(i); a.Value != nil {
			a.Unit = "nJy"
		}
		rows = append(rows, a)
	}
	return rows
}

// texts returns a function for a column's values as text, "" if there is none.
func texts(r arrow.Record, name string) func(row int) string {
	a := stream.Field(r, name)
	return func(row int) string {
		if a == nil || a.IsNull(row) {
			return ""
		}
		return text(a.ValueStr(row))
	}
}

// numbers returns a function for a column's values, nil if there is none. JSON has
// no NaN and no infinity.
func numbers(r arrow.Record, name string) func(row int) *float64 {
	var f func(int) (float64, bool)
	if a := stream.Field(r, name); a != nil {
		f = stream.Float64s(a)
	}
	return func(row int) *float64 {
		if f == nil {
			return nil
		}
		v, ok := f(row)
		if !ok || v-v != 0 {
			return nil
		}
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 9, 64), 64) // float32 in the packets
		return &v
	}
}

func times(r arrow.Record, name string) func(row int) *time.Time {
	a, ok := stream.Field(r, name).(*array.Timestamp)
	if !ok {
		return func(int) *time.Time { return nil }
	}
	unit := a.DataType().(*arrow.TimestampType).Unit
	return func(row int) *time.Time {
		if a.IsNull(row) {
			return nil
		}
		t := a.Value(row).ToTime(unit).UTC()
		if t.Year() < 1 || t.Year() > 9999 { // JSON has no others
			return nil
		}
		return &t
	}
}
