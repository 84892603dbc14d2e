package table

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// voColumn is a FIELD.
type voColumn struct {
	column
	datatype string
	size     int // of an element in bytes; 0: bits
	repeat   int // variable, or how many elements
	array    string
	nullText string // from VALUES
	null     *int64
}

const variable = -1

// voTypes are the datatypes of VOTable, with the size of one.
var voTypes = map[string]struct {
	size int
	typ  arrow.DataType // nil: it has none
	why  string
}{
	"boolean":       {1, arrow.FixedWidthTypes.Boolean, ""},
	"bit":           {0, arrow.FixedWidthTypes.Boolean, ""}, // arrays of them are left out
	"unsignedByte":  {1, arrow.PrimitiveTypes.Uint8, ""},
	"short":         {2, arrow.PrimitiveTypes.Int16, ""},
	"int":           {4, arrow.PrimitiveTypes.Int32, ""},
	"long":          {8, arrow.PrimitiveTypes.Int64, ""},
	"char":          {1, arrow.BinaryTypes.String, ""},
	"unicodeChar":   {2, arrow.BinaryTypes.String, ""},
	"float":         {4, arrow.PrimitiveTypes.Float32, ""},
	"double":        {8, arrow.PrimitiveTypes.Float64, ""},
	"floatComplex":  {8, nil, "its numbers are complex"},
	"doubleComplex": {16, nil, "its numbers are complex"},
}

// readField reads a FIELD with what stands in it.
func (p *voParser) readField(e xml.StartElement) error {
	c := voColumn{
		column:   column{name: attribute(e, "name"), unit: attribute(e, "unit"), ucd: attribute(e, "ucd")},
		datatype: attribute(e, "datatype"), array: strings.TrimSpace(attribute(e, "arraysize")),
	}
	if c.name == "" {
		c.name = attribute(e, "ID")
	}
	line := p.src.line
	for depth := p.depth; p.depth >= depth; {
		tok, err := p.token()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "DESCRIPTION":
			if c.description, err = p.text(); err != nil {
				return err
			}
		case "VALUES":
			c.nullText = strings.TrimSpace(attribute(start, "null"))
		}
	}
	if err := c.shape(); err != nil {
		return fmt.Errorf("line %d, column %q: %w", line, clip(c.name), err)
	}
	p.cols = append(p.cols, c)
	return nil
}

// shape finds out how elements stand in a row.
func (c *voColumn) shape() error {
	t, ok := voTypes[c.datatype]
	if !ok {
		return fmt.Errorf("datatype %q is none of VOTable's", clip(c.datatype))
	}
	c.size, c.repeat = t.size, 1
	if v, err := parseInt([]byte(c.nullText), 64); err == nil {
		c.null = &v
	}
	if c.array == "" {
		return nil
	}
	if strings.HasSuffix(c.array, "*") {
		c.repeat = variable
		return nil
	}
	for dim := range strings.SplitSeq(c.array, "x") {
		n, err := strconv.Atoi(strings.TrimSpace(dim))
		if err != nil || n < 0 || n > maxUnit {
			return fmt.Errorf("arraysize %q is no size", clip(c.array))
		}
		if c.repeat *= n; c.repeat > maxUnit {
			return fmt.Errorf("arraysize %q is more than a row can hold", clip(c.array))
		}
	}
	return nil
}

func (c *voColumn) text() bool { return c.datatype == "char" || c.datatype == "unicodeChar" }

// settle returns the column as a table has it.
func (c *voColumn) settle() column {
	t := voTypes[c.datatype]
	out := c.column
	out.typ, out.why = t.typ, t.why
	switch {
	case out.why != "":
	case c.text():
		if strings.Contains(c.array, "x") {
			out.typ, out.why = nil, "it is an array of text"
		}
	case c.size == 0 && c.repeat != 1:
		out.typ, out.why = nil, "it is bits"
	case c.repeat == variable:
		out.typ, out.why = nil, "it is an array of variable length"
	case c.repeat == 0:
		out.typ, out.why = nil, "it is empty"
	case c.repeat > 1:
		out.typ = arrow.FixedSizeListOf(int32(c.repeat), t.typ)
	}
	return out
}
