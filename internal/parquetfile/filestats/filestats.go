// Package filestats turns the bounds of a Parquet file's columns into the JSON that
// ledger.File.Stats holds.
package filestats

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// maxTextStat is the length of the longest string in a file's Stats, as JSON.
const maxTextStat = 64

// Of returns the least and the greatest value of columns of a file, where
// names are those in Options.Bounds.
func Of(w *parquetfile.Writer, schema *arrow.Schema, names []string) map[string][2]json.RawMessage {
	var stats map[string][2]json.RawMessage
	for i, name := range names {
		lower, upper, ok := w.Bounds(i)
		if !ok {
			continue
		}
		typ := schema.Field(schema.FieldIndices(name)[0]).Type
		least, ok := statOf(typ, lower)
		greatest, ok2 := statOf(typ, upper)
		if !ok || !ok2 {
			continue
		}
		if stats == nil {
			stats = make(map[string][2]json.RawMessage, len(names))
		}
		stats[name] = [2]json.RawMessage{least, greatest}
	}
	return stats
}

// statOf returns a value of Parquet's statistics as JSON. A float keeps its exact
// value, so it remains a bound. ok is false if JSON cannot represent the value, or
// the type is not supported.
func statOf(typ arrow.DataType, v []byte) (_ json.RawMessage, ok bool) {
	switch t := typ.(type) {
	case *arrow.Int32Type:
		return strconv.AppendInt(nil, int64(int32(binary.LittleEndian.Uint32(v))), 10), true
	case *arrow.Int64Type:
		return strconv.AppendInt(nil, int64(binary.LittleEndian.Uint64(v)), 10), true
	case *arrow.Float32Type:
		return floatStat(float64(math.Float32frombits(binary.LittleEndian.Uint32(v))))
	case *arrow.Float64Type:
		return floatStat(math.Float64frombits(binary.LittleEndian.Uint64(v)))
	case *arrow.StringType:
		if !utf8.Valid(v) { // json.Marshal would replace bytes
			return nil, false
		}
		text, err := json.Marshal(string(v))
		return text, err == nil && len(text) <= maxTextStat
	case *arrow.TimestampType:
		us := int64(binary.LittleEndian.Uint64(v))
		if t.Unit == arrow.Millisecond {
			if us > math.MaxInt64/1000 || us < math.MinInt64/1000 {
				return nil, false
			}
			us *= 1e3
		}
		if t.TimeZone == "" || t.Unit == arrow.Nanosecond || t.Unit == arrow.Second {
			return nil, false
		}
		text, err := json.Marshal(time.UnixMicro(us).UTC()) // an error if not in the years 0 to 9999
		return text, err == nil
	}
	return nil, false
}

func floatStat(v float64) (json.RawMessage, bool) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, false
	}
	text, err := json.Marshal(v + 0) // without the sign of -0
	return text, err == nil
}
