package votable

import (
	"fmt"
	"strconv"
	"strings"
)

// Variable is the Repeat of a field whose cells have any number of elements.
const Variable = -1

// Field is a FIELD: what a column is.
type Field struct {
	Name                   string // or its ID, if it has no name
	Unit, UCD, Description string
	Datatype, ArraySize    string
	Null                   string // the text that VALUES has for null; empty: none
	Repeat                 int    // Variable, or how many elements a cell has
	Size                   int    // of an element in bytes; 0: it is a bit
	Err                    error  // why binary rows cannot be read: the datatype or arraysize

	null *int64 // Null as an integer
}

// sizes of an element of each datatype, in bytes; 0: a bit.
var sizes = map[string]int{
	"boolean": 1, "bit": 0, "unsignedByte": 1, "short": 2, "int": 4, "long": 8,
	"char": 1, "unicodeChar": 2, "float": 4, "double": 8, "floatComplex": 8, "doubleComplex": 16,
}

// Text tells whether a cell is a text, or an array of these.
func (f *Field) Text() bool { return f.Datatype == "char" || f.Datatype == "unicodeChar" }

// shape finds out how elements stand in a binary row.
func (f *Field) shape() error {
	if v, err := ParseInt([]byte(f.Null), 64); err == nil {
		f.null = &v
	}
	f.Repeat = 1
	size, ok := sizes[f.Datatype]
	if !ok {
		return fmt.Errorf("datatype %.60q is none of VOTable's", f.Datatype)
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
		if err != nil || n < 0 || n > maxUnit {
			return fmt.Errorf("arraysize %.60q is no size", f.ArraySize)
		}
		if f.Repeat *= n; f.Repeat > maxUnit {
			return fmt.Errorf("arraysize %.60q is more than a row can hold", f.ArraySize)
		}
	}
	return nil
}

// width is how many bytes so many elements take.
func (f *Field) width(count int) int {
	if f.Size == 0 {
		return (count + 7) / 8
	}
	return count * f.Size
}
