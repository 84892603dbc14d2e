package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// topic is a source whose partitions hold as many messages as it says. Its topic
// has a hostile name.
type topic struct {
	partitions int
	end        atomic.Int64
	away       atomic.Bool // the source cannot be reached
	sent       time.Time   // of all messages
}

const topicName = `ztf<script>` + "\u202e\x1b[2J"

func (s *topic) name(p int) string { return fmt.Sprintf("cluster/%s@id/%d", topicName, p) }

func (s *topic) Ping(context.Context) error {
	if s.away.Load() {
		return fmt.Errorf("away")
	}
	return nil
}

func (s *topic) Available(ctx context.Context) ([]stream.Extent, error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	var out []stream.Extent
	for p := range s.partitions {
		out = append(out, stream.Extent{Range: stream.Range{Partition: s.name(p), To: s.end.Load()}})
	}
	return out, nil
}

func (s *topic) Read(_ context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		b := stream.NewMessageBuilder(memory.DefaultAllocator)
		defer b.Release()
		for _, r := range ranges {
			for from := r.From; from < r.To; from += 100 {
				to := min(from+100, r.To)
				for o := from; o < to; o++ {
					b.Append(stream.Message{Topic: topicName, Offset: o, Time: s.sent, Value: stream.View{Buffer: memory.NewBufferBytes([]byte("message")), To: 7}})
				}
				c := stream.Chunk{Messages: b.NewRecord(), Accounts: []stream.Account{{Range: stream.Range{Partition: r.Partition, From: from, To: to}, Read: to - from}}}
				more := yield(c, nil)
				c.Messages.Release()
				if !more {
					return
				}
			}
		}
	}
}

const script = `<script>alert(1)</script>` + "\u202e\x1b]0;x\a"

var alertSchema = arrow.NewSchema([]arrow.Field{
	{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "object_id", Type: arrow.BinaryTypes.String},
	{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "offset", Type: arrow.PrimitiveTypes.Int64},
	{Name: "event_time", Type: arrow.FixedWidthTypes.Timestamp_us},
}, nil)

// sorted is a transform: of ten messages it rejects one, for a cause that quotes
// data, drops one, and makes alerts of two tables of the others.
func sorted(_ context.Context, in stream.Rows) (out stream.Result, _ error) {
	offsets := in.Record.Column(stream.ColOffset).(*array.Int64)
	for t := range 2 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, alertSchema)
		var from []int32
		for i := range offsets.Len() {
			switch o := offsets.Value(i); {
			case o%10 == 3 && t == 0:
				out.Rejects = append(out.Rejects, stream.Reject{Row: i, Cause: fmt.Sprint(script, o), Class: "bad"})
			case o%10 == 3, o%10 == 4, o%2 != int64(t):
			default:
				b.Field(0).(*array.Int64Builder).Append(o)
				b.Field(1).(*array.StringBuilder).Append(script)
				b.Field(2).(*array.Float64Builder).Append(float64(o))
				b.Field(3).(*array.Int64Builder).Append(o)
				b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(time.Now().Add(-time.Minute).UnixMicro()))
				from = append(from, int32(i))
			}
		}
		out.Rows = append(out.Rows, stream.Rows{Table: []string{"alerts/even", "alerts/odd"}[t], Record: b.NewRecord(), From: from})
		b.Release()
	}
	return out, nil
}

// newJob returns a job on a topic.
func newJob(partitions int, messages int64) (*topic, *stream.MicroBatch) {
	s := &topic{partitions: partitions, sent: time.Now().Add(-3 * time.Second)}
	s.end.Store(messages)
	return s, &stream.MicroBatch{
		Source: s, Transforms: []stream.Transform{stream.TransformFunc(sorted)},
		Sink:   stream.SinkFunc(func(context.Context, stream.Rows) error { return nil }),
		Limits: stream.Limits{Rows: 1000}, Interval: 100 * time.Millisecond, Log: quiet(), Workers: 2,
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ask asks a handler, and returns the answer.
func ask(h http.Handler, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:5000"+target, nil)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// get returns the JSON at a path.
func get[T any](t *testing.T, h http.Handler, target string) (v T) {
	t.Helper()
	w := ask(h, target)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	return v
}

func body(t *testing.T, r *http.Response, err error) string {
	t.Helper()
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(text)
}

func api(t *testing.T) string {
	text, err := os.ReadFile("API.md")
	require.NoError(t, err)
	return string(text)
}
