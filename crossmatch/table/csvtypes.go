package table

import (
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
)

// kind is what a field of CSV can be, the narrowest.
type kind uint8

const (
	isEmpty kind = iota // or a word for null
	isInt
	isHuge // a whole number beyond int64
	isFloat
	isText
)

// prepare finds the types of the wanted columns over all rows: a number that is
// followed by text a million rows on was no number.
func (t *csvTable) prepare(want []int) error {
	l, err := t.rows()
	if err != nil {
		return err
	}
	seen := make([]struct{ int, huge, float, text bool }, len(t.cols))
	open := append([]int(nil), want...) // columns that may still be numbers
	for {
		if err := t.nextRow(l); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		for i := 0; i < len(open); i++ {
			s := &seen[open[i]]
			f := l.fields[open[i]]
			if s.float && isFloatText(f) {
				continue
			}
			switch kindOf(f) {
			case isInt:
				s.int = true
			case isHuge:
				s.huge = true
			case isFloat:
				s.float = true
			case isText:
				s.text = true
				open = append(open[:i], open[i+1:]...)
				i--
			}
		}
	}
	t.numeric = make([]bool, len(t.cols))
	for _, w := range want {
		switch s := seen[w]; {
		case s.text, s.huge && !s.float:
		case s.float:
			t.cols[w].typ, t.numeric[w] = arrow.PrimitiveTypes.Float64, true
		case s.int:
			t.cols[w].typ, t.numeric[w] = arrow.PrimitiveTypes.Int64, true
		}
	}
	return nil
}

// isFloatText tells whether a field is digits with at most one point, which
// cannot change the mind about a column of floats.
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
	// What begins a number, to save most texts the parsers.
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

// isNull tells whether a field says, where numbers are, that there is none.
func isNull(f []byte) bool {
	switch string(f) {
	case "", "-", "--", "---", "NULL", "null", "Null", `\N`, "N/A", "n/a", "NA", "None", "none":
		return true
	}
	return false
}
