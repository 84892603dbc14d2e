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

// appendValue appends a value in words. Arrow's own ValueStr panics on a NaN
// in a struct, and prints 15 KB of base64 for a cutout.
func appendValue(text []byte, a arrow.Array, i int) []byte {
	if a.IsNull(i) {
		return append(text, "null"...)
	}
	switch a := a.(type) {
	case *array.Null:
		return append(text, "null"...)
	case *array.Struct:
		return appendStruct(text, a, i)
	case *array.Map:
		return appendMap(text, a, i)
	case array.ListLike:
		return appendList(text, a, i)
	case *array.Binary:
		return fmt.Appendf(text, "<%d bytes>", len(a.Value(i)))
	case *array.BinaryView:
		return fmt.Appendf(text, "<%d bytes>", len(a.Value(i)))
	case *array.FixedSizeBinary:
		return fmt.Appendf(text, "<%d bytes>", len(a.Value(i)))
	case *array.Float32:
		return strconv.AppendFloat(text, float64(a.Value(i)), 'g', -1, 32)
	case *array.Float64:
		return strconv.AppendFloat(text, a.Value(i), 'g', -1, 64)
	case *array.Timestamp:
		return appendTime(text, a, i)
	}
	return appendText(text, a.ValueStr(i))
}

func appendStruct(text []byte, a *array.Struct, i int) []byte {
	text = append(text, '{')
	for k, f := range a.DataType().(*arrow.StructType).Fields() {
		if k > 0 {
			text = append(text, ' ')
		}
		text = append(append(text, f.Name...), '=')
		text = appendValue(text, a.Field(k), i)
	}
	return append(text, '}')
}

func appendMap(text []byte, a *array.Map, i int) []byte {
	from, to := a.ValueOffsets(i)
	text = append(text, '{')
	for k := from; k < to; k++ {
		if k > from {
			text = append(text, ' ')
		}
		text = append(appendValue(text, a.Keys(), int(k)), '=')
		text = appendValue(text, a.Items(), int(k))
	}
	return append(text, '}')
}

func appendList(text []byte, a array.ListLike, i int) []byte {
	from, to := a.ValueOffsets(i)
	text = append(text, '[')
	for k := from; k < to; k++ {
		if k > from {
			text = append(text, ' ')
		}
		text = appendValue(text, a.ListValues(), int(k))
	}
	return append(text, ']')
}

// appendTime appends a timestamp by RFC 3339, without a zone if it has none.
func appendTime(text []byte, a *array.Timestamp, i int) []byte {
	typ := a.DataType().(*arrow.TimestampType)
	layout := time.RFC3339Nano
	if typ.TimeZone == "" {
		layout = strings.TrimSuffix(layout, "Z07:00")
	}
	return a.Value(i).ToTime(typ.Unit).AppendFormat(text, layout)
}

// appendText appends a string, quoted if it would not be told from a null or
// from what stands around it.
func appendText(text []byte, s string) []byte {
	odd := func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`"={}[]<>`, r)
	}
	if s == "" || s == "null" || strings.ContainsFunc(s, odd) {
		return strconv.AppendQuote(text, s)
	}
	return append(text, s...)
}
