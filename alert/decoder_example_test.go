package alert_test

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/hamba/avro/v2"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/stream"
)

// gotoSchema is the schema of a custom survey.
const gotoSchema = `{"type": "record", "name": "alert", "fields": [
	{"name": "alertId", "type": "long"},
	{"name": "detection", "type": {"type": "record", "name": "detection", "fields": [
		{"name": "name", "type": "string"},
		{"name": "mjd", "type": "double"},
		{"name": "ra", "type": "double"},
		{"name": "dec", "type": "double"},
		{"name": "mag", "type": ["null", "float"]}]}}]}`

// gotoSurvey describes where its packets have the standard columns.
var gotoSurvey = alert.Survey{
	Name:     "goto",
	Match:    []string{"detection.mjd"},
	AlertID:  []string{"alertId"},
	ObjectID: []string{"detection.name"},
	RA:       "detection.ra",
	Dec:      "detection.dec",
	Time:     "detection.mjd",
	Scale:    alert.MJDUTC,
	Night:    alert.NightRule{Noon: true},
}

type detection struct {
	Name string   `avro:"name"`
	MJD  float64  `avro:"mjd"`
	RA   float64  `avro:"ra"`
	Dec  float64  `avro:"dec"`
	Mag  *float32 `avro:"mag"`
}

type packet struct {
	AlertID   int64     `avro:"alertId"`
	Detection detection `avro:"detection"`
}

// messages makes a record as a source does, here of bare datums with their schema
// in the key.
func messages(packets ...packet) (arrow.Record, error) {
	schema, err := avro.Parse(gotoSchema)
	if err != nil {
		return nil, err
	}
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	view := func(data []byte) stream.View {
		return stream.View{Buffer: memory.NewBufferBytes(data), To: len(data)}
	}
	for i, p := range packets {
		datum, err := avro.Marshal(schema, p)
		if err != nil {
			return nil, err
		}
		b.Append(stream.Message{Topic: "goto", Offset: int64(i), Time: time.UnixMilli(0),
			Key: view([]byte(gotoSchema)), Value: view(datum)})
	}
	return b.NewRecord(), nil
}

// A custom survey is a value of Survey; its packets are decoded like any other.
func ExampleDecoder() {
	mag := float32(18.5)
	in, err := messages(
		packet{1, detection{"GOTO25a", 60924.25, 10.5, -20.25, &mag}},
		packet{2, detection{"GOTO25b", -999, 10.5, -20.25, nil}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Release()

	decoder := &alert.Decoder{Surveys: append(alert.Surveys(), gotoSurvey)}
	defer decoder.Close()
	out, err := decoder.Apply(context.Background(), stream.Rows{Record: in})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rows := range out.Rows {
		fmt.Println(rows.Table)
		for i, f := range rows.Record.Schema().Fields() {
			fmt.Printf("  %s: %s\n", f.Name, rows.Record.Column(i).ValueStr(0))
		}
		rows.Record.Release()
	}
	for _, x := range out.Rejects {
		fmt.Printf("message %d: %s\n", x.Row, x.Cause)
	}
	// Output:
	// alerts/goto
	//   survey: goto
	//   alert_id: 1
	//   object_id: GOTO25a
	//   ra: 10.5
	//   dec: -20.25
	//   event_time: 2025-09-06 06:00:00Z
	//   night: 20250905
	//   topic: goto
	//   partition: 0
	//   offset: 0
	//   kafka_time: 1970-01-01 00:00:00Z
	//   alertId: 1
	//   detection: {"dec":-20.25,"mag":18.5,"mjd":60924.25,"name":"GOTO25a","ra":10.5}
	// message 1: event time before 1990
}

// Nested fields are columns too.
func ExampleDecoder_field() {
	bright, faint := float32(15.5), float32(20.25)
	in, err := messages(
		packet{1, detection{"GOTO25a", 60924.25, 10.5, -20.25, &bright}},
		packet{2, detection{"GOTO25b", 60924.26, 11.5, -20.25, nil}},
		packet{3, detection{"GOTO25c", 60924.27, 12.5, -20.25, &faint}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Release()
	decoder := &alert.Decoder{Surveys: []alert.Survey{gotoSurvey}}
	defer decoder.Close()
	out, err := decoder.Apply(context.Background(), stream.Rows{Record: in})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rows := range out.Rows {
		id := stream.Field(rows.Record, "object_id").(*array.String)
		mag := stream.Field(rows.Record, "detection.mag").(*array.Float32)
		for i := range mag.Len() {
			if mag.IsValid(i) && mag.Value(i) < 19 {
				fmt.Println(id.Value(i), mag.Value(i))
			}
		}
		rows.Record.Release()
	}
	// Output: GOTO25a 15.5
}
