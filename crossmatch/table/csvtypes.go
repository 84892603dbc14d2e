package table

import (
	"io"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
)

// kind is the narrowest kind of value that a field may be.
type kind uint8

const (
	isEmpty kind = iota // or a word for null
	isInt
	isHuge // a whole number beyond int64
	isFloat
	isText
)

// prepare finds the types of the wanted columns. It reads all rows: text a million
// rows down makes a column text.
func (t *csvTable) prepare(want []int) error {
	l, err := t.rows()
	if err != nil {
		return err
	}
	seen := make([]kinds, len(t.cols))
	open := slices.Clone(want) // columns that may still be numbers
	for {
		if err := t.nextRow(l); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(i int) bool {
			seen[i].add(l.fields[i])
			return seen[i].text
		})
	}
	t.numeric = make([]bool, len(t.cols))
	for _, w := range want {
		if typ := seen[w].number(); typ != nil {
			t.cols[w].typ, t.numeric[w] = typ, true
		}
	}
	return nil
}

// kinds are the kinds of the fields of a column.
type kinds struct{ int, huge, float, text bool }

func (k *kinds) add(field []byte) {
	if k.float && isFloatText(field) {
		return
	}
	switch kindOf(field) {
	case isInt:
		k.int = true
	case isHuge:
		k.huge = true
	case isFloat:
		k.float = true
	case isText:
		k.text = true
	}
}

// number returns the numeric type of the column, or nil if it is text.
func (k *kinds) number() arrow.DataType {
	switch {
	case k.text, k.huge && !k.float:
		return nil
	case k.float:
		return arrow.PrimitiveTypes.Float64
	case k.int:
		return arrow.PrimitiveTypes.Int64
	}
	return nil
}

// isFloatText reports whether a field is digits with at most one point. Such a field
// does not change the type of a column of floats.
func isFloatText(f []byte) bool {
	if len(f) > 0 && (f[0] == '-' || f[0] == '+') {
		f = f[1:]
	}
	points, digits := 0, 0
	for _, c := range f {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && digits < 300 && points <= 1
}

func kindOf(f []byte) kind {
	if isNull(f) {
		return isEmpty
	}
	// Most text is recognized by its first byte, without parsing.
	if c := f[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') && c != 'n' && c != 'N' && c != 'i' && c != 'I' {
		return isText
	}
	_, err := strconv.ParseInt(string(f), 10, 64)
	if err == nil {
		return isInt
	}
	if err.(*strconv.NumError).Err == strconv.ErrRange && len(f) < 300 {
		return isHuge
	}
	if _, err := strconv.ParseFloat(string(f), 64); err != nil || !plain(string(f)) {
		return isText
	}
	return isFloat
}

// isNull reports whether a field is null in a column of numbers.
func isNull(f []byte) bool {
	switch string(f) {
	case "", "-", "--", "---", "NULL", "null", "Null", `\N`, "N/A", "n/a", "NA", "None", "none":
		return true
	}
	return false
}
