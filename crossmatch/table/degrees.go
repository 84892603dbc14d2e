package table

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// toDegrees converts a column to degrees.
type toDegrees struct {
	at, to  int  // the record's columns to convert and to store
	lenient bool // text that is not an angle becomes NaN
	name    string
	scale   float64 // degrees in a unit of numbers
	sexa    float64 // degrees in a unit of sexagesimal text: 15 for hours
}

// newDegrees returns the conversion for a column's type and unit. If the unit is
// unknown, numbers are degrees, and sexagesimal text is in units of sexa degrees.
func newDegrees(c column, sexa float64) (toDegrees, error) {
	d := toDegrees{name: c.name, scale: 1, sexa: sexa}
	switch strings.ToLower(strings.Trim(c.unit, ` "'[]().`)) {
	case "":
	case "deg", "degs", "degree", "degrees", "degr", "°", "d:m:s", "dms", "d m s", "deg:arcmin:arcsec", "dd:mm:ss", "ddmmss":
		d.sexa = 1
	case "h", "hr", "hrs", "hour", "hours", "hourangle", "h:m:s", "hms", "h m s", "hh:mm:ss", "hh:mm:ss.s", "hhmmss":
		d.scale, d.sexa = 15, 15
	case "rad", "radian", "radians":
		d.scale = 180 / math.Pi
	case "arcmin":
		d.scale = 1. / 60
	case "arcsec", "second of arc":
		d.scale = 1. / 3600
	case "mas", "marcsec":
		d.scale = 1. / 3600e3
	default:
		return d, fmt.Errorf("column %q of the position has the unit %q, which is not known: name a column in degrees, hours or radians in RA and Dec", c.name, short(c.unit))
	}
	switch c.typ.ID() {
	case arrow.FLOAT64, arrow.FLOAT32, arrow.INT64, arrow.INT32, arrow.INT16, arrow.INT8,
		arrow.UINT64, arrow.UINT32, arrow.UINT16, arrow.UINT8, arrow.STRING, arrow.LARGE_STRING:
		return d, nil
	}
	return d, fmt.Errorf("column %q of the position is %s, neither numbers nor text: name another in RA and Dec", c.name, c.typ)
}

func (d toDegrees) field(c column) arrow.Field {
	return arrow.Field{Name: c.name, Type: arrow.PrimitiveTypes.Float64, Nullable: true, Metadata: c.metadata("deg")}
}

// exact reports whether a column has numbers in degrees already.
func (d toDegrees) exact(c column) bool {
	return d.scale == 1 && c.typ.ID() != arrow.STRING && c.typ.ID() != arrow.LARGE_STRING
}

// convert returns a column in degrees, which the caller must release. row is the
// number of its first row, for errors.
func (d toDegrees) convert(a arrow.Array, row int64, mem memory.Allocator) (arrow.Array, error) {
	switch a := a.(type) {
	case *array.Float64:
		if d.scale == 1 {
			a.Retain()
			return a, nil
		}
	case *array.String:
		return d.parse(a, a.Value, row, mem)
	case *array.LargeString:
		return d.parse(a, a.Value, row, mem)
	}
	values, ok := floatsOf(a)
	if !ok {
		return nil, fmt.Errorf("column %q is %s, not an angle", d.name, a.DataType())
	}
	b := array.NewFloat64Builder(mem)
	defer b.Release()
	b.Reserve(a.Len())
	for i, v := range values {
		if a.IsNull(i) {
			b.UnsafeAppendBoolToBitmap(false)
		} else {
			b.UnsafeAppend(v * d.scale)
		}
	}
	return b.NewArray(), nil
}

// parse converts a column of text.
func (d toDegrees) parse(a arrow.Array, text func(i int) string, row int64, mem memory.Allocator) (arrow.Array, error) {
	b := array.NewFloat64Builder(mem)
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.UnsafeAppendBoolToBitmap(false)
			continue
		}
		v, ok := parseAngle(text(i), d.scale, d.sexa)
		switch {
		case ok:
			b.UnsafeAppend(v)
		case isNull([]byte(text(i))):
			b.UnsafeAppendBoolToBitmap(false)
		case d.lenient:
			b.UnsafeAppend(math.NaN())
		default:
			return nil, fmt.Errorf("row %d, column %q: %q is not an angle: write degrees, or sexagesimal as 12:34:56.7 or 12h34m56.7s", row+int64(i)+1, d.name, short(text(i)))
		}
	}
	return b.NewArray(), nil
}
