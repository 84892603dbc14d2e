package parquetfile

import "github.com/apache/arrow/go/v17/arrow"

// Parquet's numbers for converted types, the older annotations.
const (
	convertedUTF8            = 0
	convertedMap             = 1
	convertedList            = 3
	convertedDecimal         = 5
	convertedDate            = 6
	convertedTimeMillis      = 7
	convertedTimeMicros      = 8
	convertedTimestampMillis = 9
	convertedTimestampMicros = 10
)

// Parquet's numbers for logical types, the newer annotations.
const (
	logicalString    = 1
	logicalMap       = 2
	logicalList      = 3
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTime      = 7
	logicalTimestamp = 8
	logicalUnknown   = 11
)

// annotation writes the converted and the logical type of a schema element.
func (t *thriftWriter) annotation(typ arrow.DataType) {
	switch typ := typ.(type) {
	case *arrow.StringType, *arrow.StringViewType:
		t.annotate(convertedUTF8, logicalString)
	case *arrow.ListType:
		t.annotate(convertedList, logicalList)
	case *arrow.MapType:
		t.annotate(convertedMap, logicalMap)
	case *arrow.Date32Type:
		t.annotate(convertedDate, logicalDate)
	case *arrow.NullType:
		t.logical(logicalUnknown)
	case *arrow.Decimal128Type:
		t.decimal(typ)
	case *arrow.Time32Type:
		t.i32(6, convertedTimeMillis)
		t.timeType(logicalTime, typ.Unit, false)
	case *arrow.Time64Type:
		t.i32(6, convertedTimeMicros)
		t.timeType(logicalTime, typ.Unit, false)
	case *arrow.TimestampType:
		utc := typ.TimeZone != ""
		// Converted types are instants of milliseconds or microseconds.
		switch {
		case utc && typ.Unit == arrow.Millisecond:
			t.i32(6, convertedTimestampMillis)
		case utc && typ.Unit == arrow.Microsecond:
			t.i32(6, convertedTimestampMicros)
		}
		t.timeType(logicalTimestamp, typ.Unit, utc)
	}
}

func (t *thriftWriter) annotate(converted int32, logical int) {
	t.i32(6, converted)
	t.logical(logical)
}

// logical writes a logical type without parameters.
func (t *thriftWriter) logical(logical int) {
	t.structure(10)
	t.empty(logical)
	t.end()
}

func (t *thriftWriter) decimal(typ *arrow.Decimal128Type) {
	t.i32(6, convertedDecimal)
	t.i32(7, typ.Scale)
	t.i32(8, typ.Precision)
	t.structure(10)
	t.structure(logicalDecimal)
	t.i32(1, typ.Scale)
	t.i32(2, typ.Precision)
	t.end()
	t.end()
}

// timeType writes a logical type that counts a unit of time.
func (t *thriftWriter) timeType(logical int, unit arrow.TimeUnit, utc bool) {
	t.structure(10)
	t.structure(logical)
	t.bool(1, utc)
	t.structure(2)
	t.empty([...]int{arrow.Millisecond: 1, arrow.Microsecond: 2, arrow.Nanosecond: 3}[unit])
	t.end()
	t.end()
	t.end()
}
