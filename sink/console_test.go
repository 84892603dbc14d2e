package sink

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

func TestConsole(t *testing.T) {
	mem := checked(t)
	candidate := arrow.StructOf(nullable("mag", arrow.PrimitiveTypes.Float32), nullable("fid", arrow.PrimitiveTypes.Int32))
	chunk := func() []stream.Rows {
		return []stream.Rows{{Table: "t", Record: fromJSON(t, mem, `[
			{"survey": "ztf", "alert_id": 1, "object_id": "ZTF18a", "ra": 1.25, "event_time": "2026-09-18 12:34:56.789",
			 "local": "2026-09-18 00:00:00", "candidate": {"mag": 18.5, "fid": null}, "history": [{"mag": 1, "fid": 2}, null],
			 "stamp": "aGVsbG8=", "tags": [{"key": "k", "value": 1}, {"key": "l", "value": null}]},
			{"survey": "two words", "object_id": "a\nsurvey=\"b\"", "history": [], "tags": [], "stamp": ""},
			{"survey": "", "object_id": "null", "candidate": null}]`,
			nullable("survey", arrow.BinaryTypes.String), nullable("alert_id", arrow.PrimitiveTypes.Int64),
			nullable("object_id", arrow.BinaryTypes.String), nullable("ra", arrow.PrimitiveTypes.Float64),
			nullable("event_time", utc), nullable("local", &arrow.TimestampType{Unit: arrow.Millisecond}),
			nullable("candidate", candidate), nullable("history", arrow.ListOf(candidate)),
			nullable("stamp", arrow.BinaryTypes.Binary), nullable("tags", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)))}}
	}
	for _, c := range []struct {
		columns []string
		want    string
	}{
		{nil, `survey=ztf alert_id=1 object_id=ZTF18a ra=1.25 dec=null event_time=2026-09-18T12:34:56.789Z
survey="two words" alert_id=null object_id="a\nsurvey=\"b\"" ra=null dec=null event_time=null
survey="" alert_id=null object_id="null" ra=null dec=null event_time=null
`},
		{[]string{"candidate.mag", "candidate.fid", "candidate.none", "survey.x", "none.x"}, `candidate.mag=18.5 candidate.fid=null candidate.none=null survey.x=null none.x=null
candidate.mag=null candidate.fid=null candidate.none=null survey.x=null none.x=null
candidate.mag=null candidate.fid=null candidate.none=null survey.x=null none.x=null
`},
		{[]string{"candidate", "history", "stamp", "tags", "local"}, `candidate={mag=18.5 fid=null} history=[{mag=1 fid=2} null] stamp=<5 bytes> tags={k=1 l=null} local=2026-09-18T00:00:00
candidate=null history=[] stamp=<0 bytes> tags={} local=null
candidate=null history=null stamp=null tags=null local=null
`},
	} {
		var out bytes.Buffer
		r, err := Console{Out: &out, Columns: c.columns}.Stage(t.Context(), batchOf(chunk()))
		require.NoError(t, err)
		assert.Equal(t, c.want, out.String())
		assert.NoError(t, Console{}.Publish(t.Context(), batch7, r))
	}
	assert.ErrorContains(t, Console{}.Publish(t.Context(), batch7, stream.Receipt{Files: []stream.File{{Path: "x"}}}), "sink: receipt from another sink given to Console")
}

// A null struct may have fields that are not null, and JSON has no NaN.
func TestConsoleOddValues(t *testing.T) {
	mem := checked(t)
	mags := array.NewFloat64Builder(mem)
	defer mags.Release()
	mags.AppendValues([]float64{math.NaN(), 17}, nil)
	col := mags.NewArray()
	defer col.Release()
	data := array.NewData(arrow.StructOf(nullable("mag", arrow.PrimitiveTypes.Float64)), 2,
		[]*memory.Buffer{memory.NewBufferBytes([]byte{1})}, []arrow.ArrayData{col.Data()}, 1, 0)
	defer data.Release()
	s := array.NewStructData(data)
	defer s.Release()
	r := array.NewRecord(arrow.NewSchema([]arrow.Field{nullable("c", data.DataType()), nullable("n", arrow.Null)}, nil), []arrow.Array{s, array.NewNull(2)}, 2)
	var out bytes.Buffer
	_, err := Console{Out: &out, Columns: []string{"c", "c.mag", "n"}}.Stage(t.Context(), batchOf([]stream.Rows{{Record: r}}))
	require.NoError(t, err)
	assert.Equal(t, "c={mag=NaN} c.mag=NaN n=null\nc=null c.mag=null n=null\n", out.String())
}

// Values of all types can be printed.
func FuzzConsole(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		d := newDice(seed, memory.NewGoAllocator())
		fields := d.fields(5, 3)
		var out bytes.Buffer
		var columns []string
		for _, f := range fields {
			columns = append(columns, f.Name)
		}
		rows := stream.Rows{Record: d.record(arrow.NewSchema(fields, nil), 10, 1)}
		_, err := Console{Out: &out, Columns: columns}.Stage(t.Context(), batchOf([]stream.Rows{rows}))
		require.NoError(t, err)
		assert.Equal(t, 10, bytes.Count(out.Bytes(), []byte("\n")))
	})
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestConsoleFails(t *testing.T) {
	_, err := Console{Out: brokenPipe{}}.Stage(t.Context(), batchOf([]stream.Rows{small(memory.DefaultAllocator, "t", row{1, 1})}))
	assert.EqualError(t, err, "broken pipe")
}
