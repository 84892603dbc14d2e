package votable

import (
	"fmt"
	"strconv"
	"strings"
)

// Variable is the Repeat of a field of arrays of variable length.
const Variable = -1

// Field describes a column: it is a FIELD.
type Field struct {
	Name                   string // its ID, if it has no name
	Unit, UCD, Description string
	Datatype, ArraySize    string
	Null                   string // the null value of VALUES, or ""
	Repeat                 int    // the number of elements of a cell, or Variable
	Size                   int    // of an element, in bytes; 0 for bits
	Err                    error  // why the datatype or arraysize prevents reading binary rows

	null *int64 // Null as an integer
}

// sizes of the elements of each datatype, in bytes; 0 for bits.
var sizes = map[string]int{
	"boolean": 1, "bit": 0, "unsignedByte": 1, "short": 2, "int": 4, "long": 8,
	"char": 1, "unicodeChar": 2, "float": 4, "double": 8, "floatComplex": 8, "doubleComplex": 16,
}

// Text reports whether cells are text, or arrays of text.
func (f *Field) Text() bool { return f.Datatype == "char" || f.Datatype == "unicodeChar" }

// shape sets the fields that describe binary cells.
func (f *Field) shape() error {
	if v, err := ParseInt([]byte(f.Null), 64); err == nil {
		f.null = &v
	}
	f.Repeat = 1
	size, ok := sizes[f.Datatype]
	if !ok {
		return fmt.Errorf("unknown datatype %.60q", f.Datatype)
	}
	f.Size = size
	if f.ArraySize == "" {
		return nil
	}
	if strings.HasSuffix(f.ArraySize, "*") {
		f.Repeat = Variable
		return nil
	}
	for dim := range strings.SplitSeq(f.ArraySize, "x") {
		n, err := strconv.Atoi(strings.TrimSpace(dim))
		if err != nil || n < 0 || n > maxBuffer {
			return fmt.Errorf("invalid arraysize %.60q", f.ArraySize)
		}
		if f.Repeat *= n; f.width(f.Repeat) > maxBuffer {
			return fmt.Errorf("arraysize %.60q is too large for a row", f.ArraySize)
		}
	}
	return nil
}

// width returns the size of count elements in bytes.
func (f *Field) width(count int) int {
	if f.Size == 0 {
		return (count + 7) / 8
	}
	return count * f.Size
}
