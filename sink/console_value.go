package sink

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// appendValue appends the value of row i, or null if there is no array. Arrow's
// ValueStr panics on a NaN in a struct, and would print 15 KB of base64 for a
// cutout.
func appendValue(text []byte, a arrow.Array, i int) []byte {
	if a == nil || a.IsNull(i) {
		return append(text, "null"...)
	}
	switch a := a.(type) {
	case *array.Null:
		return append(text, "null"...)
	case *array.Struct:
		fields := a.DataType().(*arrow.StructType).Fields()
		return appendSeries(text, "{}", 0, len(fields), func(text []byte, k int) []byte {
			text = append(append(text, fields[k].Name...), '=')
			return appendValue(text, a.Field(k), i)
		})
	case *array.Map:
		from, to := a.ValueOffsets(i)
		return appendSeries(text, "{}", int(from), int(to), func(text []byte, k int) []byte {
			text = append(appendValue(text, a.Keys(), k), '=')
			return appendValue(text, a.Items(), k)
		})
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		return appendSeries(text, "[]", int(from), int(to), func(text []byte, k int) []byte {
			return appendValue(text, a.ListValues(), k)
		})
	case *array.Binary:
		return appendSize(text, a.Value(i))
	case *array.BinaryView:
		return appendSize(text, a.Value(i))
	case *array.FixedSizeBinary:
		return appendSize(text, a.Value(i))
	case *array.Float32:
		return strconv.AppendFloat(text, float64(a.Value(i)), 'g', -1, 32)
	case *array.Float64:
		return strconv.AppendFloat(text, a.Value(i), 'g', -1, 64)
	case *array.Timestamp:
		return appendTime(text, a, i)
	}
	return appendText(text, a.ValueStr(i))
}

// appendSeries appends elements from to to-1 between brackets.
func appendSeries(text []byte, brackets string, from, to int, element func(text []byte, k int) []byte) []byte {
	text = append(text, brackets[0])
	for k := from; k < to; k++ {
		if k > from {
			text = append(text, ' ')
		}
		text = element(text, k)
	}
	return append(text, brackets[1])
}

func appendSize(text, value []byte) []byte {
	return fmt.Appendf(text, "<%d bytes>", len(value))
}

// appendTime appends a timestamp in the format of RFC 3339, without a zone if the
// type has none.
func appendTime(text []byte, a *array.Timestamp, i int) []byte {
	typ := a.DataType().(*arrow.TimestampType)
	layout := time.RFC3339Nano
	if typ.TimeZone == "" {
		layout = strings.TrimSuffix(layout, "Z07:00")
	}
	return a.Value(i).ToTime(typ.Unit).AppendFormat(text, layout)
}

// appendText appends a string, quoted if it could be mistaken for null or for a
// part of the line.
func appendText(text []byte, s string) []byte {
	special := func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`"={}[]<>`, r)
	}
	if s == "" || s == "null" || strings.ContainsFunc(s, special) {
		return strconv.AppendQuote(text, s)
	}
	return append(text, s...)
}
