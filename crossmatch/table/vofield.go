package table

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// voTypes are the Arrow types of VOTable's datatypes.
var voTypes = map[string]arrow.DataType{
	"boolean":      arrow.FixedWidthTypes.Boolean,
	"bit":          arrow.FixedWidthTypes.Boolean, // arrays of bits are not read
	"unsignedByte": arrow.PrimitiveTypes.Uint8,
	"short":        arrow.PrimitiveTypes.Int16,
	"int":          arrow.PrimitiveTypes.Int32,
	"long":         arrow.PrimitiveTypes.Int64,
	"char":         arrow.BinaryTypes.String,
	"unicodeChar":  arrow.BinaryTypes.String,
	"float":        arrow.PrimitiveTypes.Float32,
	"double":       arrow.PrimitiveTypes.Float64,
}

// voColumn returns the column of a field.
func voColumn(f *votable.Field) column {
	c := column{name: f.Name, unit: f.Unit, ucd: f.UCD, description: f.Description, typ: voTypes[f.Datatype]}
	switch {
	case c.typ == nil:
		c.why = "its numbers are complex"
	case f.Text():
		if strings.Contains(f.ArraySize, "x") {
			c.why = "it is an array of text"
		}
	case f.Size == 0 && f.Repeat != 1:
		c.why = "it is bits"
	case f.Repeat == votable.Variable:
		c.why = "it is an array of variable length"
	case f.Repeat == 0:
		c.why = "it is empty"
	case f.Repeat > 1:
		c.typ = arrow.FixedSizeListOf(int32(f.Repeat), c.typ)
	}
	if c.why != "" {
		c.typ = nil
	}
	return c
}
