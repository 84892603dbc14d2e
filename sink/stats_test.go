package sink

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

func TestStats(t *testing.T) {
	mem := checked(t)
	fields := []arrow.Field{{Name: eventColumn, Type: utc}, nullable("id", arrow.PrimitiveTypes.Int64), nullable("night", arrow.PrimitiveTypes.Int32),
		nullable("ra", arrow.PrimitiveTypes.Float64), nullable("mag", arrow.PrimitiveTypes.Float32), nullable("object", arrow.BinaryTypes.StringView),
		nullable("bad", arrow.FixedWidthTypes.Boolean), nullable("sent", arrow.FixedWidthTypes.Timestamp_ms), nullable("cand", arrow.StructOf(nullable("id", arrow.PrimitiveTypes.Int64)))}
	var all []string
	for _, f := range fields {
		all = append(all, f.Name)
	}
	rows := func(json string) []stream.Rows {
		return []stream.Rows{{Table: "t", Record: fromJSON(t, mem, json, fields...)}}
	}
	long := strings.Repeat("é", 31) // 64 bytes as JSON
	for name, c := range map[string]struct {
		chunks []string
		want   string
	}{
		"two row groups": {[]string{
			`[{"event_time":"1970-01-01 00:00:01.5","id":9007199254740992,"night":20260918,"ra":359.99999999999994,"mag":0.1,"object":"ZTF18\"a<"},
			  {"event_time":"1970-01-01 00:00:01","id":-1,"night":null,"ra":-0.0,"mag":null,"object":null}]`,
			`[{"event_time":"1970-01-01 00:59:59.999999","id":5,"night":20260919,"ra":12,"mag":18,"object":"ZTF17","sent":"2026-01-01 00:00:00"}]`},
			`{"event_time":["1970-01-01T00:00:01Z","1970-01-01T00:59:59.999999Z"],"id":[-1,9007199254740992],"mag":[0.10000000149011612,18],` +
				`"night":[20260918,20260919],"object":["ZTF17","ZTF18\"a\u003c"],"ra":[0,359.99999999999994],"sent":["2026-01-01T00:00:00Z","2026-01-01T00:00:00Z"]}`},
		"no values":     {[]string{`[{"event_time":"1970-01-01 00:00:00"}]`}, `{"event_time":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}`},
		"string fits":   {[]string{`[{"event_time":"1970-01-01 00:00:00","object":"` + long + `"}]`}, `"object":["` + long + `","` + long + `"]`},
		"long string":   {[]string{`[{"event_time":"1970-01-01 00:00:00","object":"` + long + `."}]`}, `{"event_time":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}`},
		"sent too late": {[]string{`[{"event_time":"1970-01-01 00:00:00","sent":253402300800000}]`}, `{"event_time":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}`},
	} {
		var chunks [][]stream.Rows
		for _, j := range c.chunks {
			chunks = append(chunks, rows(j))
		}
		p := &Parquet{Store: store.NewMemory(), Spill: t.TempDir(), Memory: 1, Stats: append(all, "none")}
		r, _ := stage(t, p, batchOf(chunks...))
		require.Len(t, r.Files, 1, name)
		got, err := json.Marshal(r.Files[0].Stats)
		require.NoError(t, err, name)
		assert.Contains(t, string(got), c.want, name)
	}
}

// The receipt says with which schema of its table a file was written.
func TestSchemaNumber(t *testing.T) {
	mem := checked(t)
	st := store.NewMemory()
	plain := func() []stream.Rows {
		return []stream.Rows{{Table: "alerts/ztf", Record: fromJSON(t, mem, `[{"event_time": "1970-01-01 00:00:00"}]`, arrow.Field{Name: eventColumn, Type: utc})}}
	}
	wide := func() []stream.Rows { return []stream.Rows{matched(t, mem, arrow.BinaryTypes.String)} }
	numbers := func(chunks ...[]stream.Rows) (out []int) {
		records, err := ledger.Open(t.Context(), st, "ledger", nil)
		require.NoError(t, err)
		r, _ := stage(t, &Parquet{Store: st, Schemas: records, Memory: 1, Spill: t.TempDir()}, batchOf(chunks...))
		for _, f := range r.Files {
			out = append(out, f.Schema)
		}
		return out
	}
	assert.Equal(t, []int{1}, numbers(plain()))
	assert.Equal(t, []int{1, 2}, numbers(plain(), wide()), "a file for each")
	assert.Equal(t, []int{2}, numbers(plain()), "the newest has all columns of the rows")

	r, _ := stage(t, &Parquet{Store: store.NewMemory()}, batchOf(plain()))
	data, err := json.Marshal(r.Files[0])
	require.NoError(t, err)
	assert.NotContains(t, string(data), "schema")
	assert.NotContains(t, string(data), "stats")
}
