package table

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// fitsSizes are the sizes of types in bytes. Bits have none.
var fitsSizes = map[byte]int{'L': 1, 'B': 1, 'I': 2, 'J': 4, 'K': 8, 'A': 1, 'E': 4, 'D': 8, 'C': 8, 'M': 16, 'P': 8, 'Q': 16}

// describe reads the columns from the header of a binary table.
func (t *fitsTable) describe(h *fitsHeader) error {
	if h.cards["ZTABLE"] == "T" {
		return errors.New("its table is compressed (ZTABLE): unpack it with funpack first")
	}
	n, err := h.int("TFIELDS", 0)
	if err != nil || n > 999 {
		return fmt.Errorf("TFIELDS is %q", short(h.cards["TFIELDS"]))
	}
	if h.cards["BITPIX"] != "8" || h.cards["NAXIS"] != "2" {
		return errors.New("its table does not have BITPIX 8 and NAXIS 2")
	}
	if t.width, err = h.int("NAXIS1", 0); err != nil {
		return err
	}
	if t.rows, err = h.int("NAXIS2", 0); err != nil {
		return err
	}
	at := int64(0)
	for i := 1; i <= int(n); i++ {
		size, err := t.addColumn(h, strconv.Itoa(i), at)
		if err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
		if at += size; at > t.width {
			return fmt.Errorf("column %d ends at byte %d of rows that have %d (NAXIS1)", i, at, t.width)
		}
	}
	if at == 0 {
		return errors.New("its table has no columns")
	}
	unique(t.cols)
	return nil
}

// addColumn adds column n and returns its width.
func (t *fitsTable) addColumn(h *fitsHeader, n string, at int64) (int64, error) {
	c := column{
		name: strings.TrimSpace(h.cards["TTYPE"+n]), unit: h.cards["TUNIT"+n], ucd: h.cards["TUCD"+n],
		description: h.cards["TCOMM"+n],
	}
	repeat, code, err := parseForm(h.cards["TFORM"+n])
	if err != nil {
		return 0, err
	}
	size := repeat * int64(fitsSizes[code])
	if code == 'X' {
		size = (repeat + 7) / 8
	}
	f := fitsField{at: int(at), repeat: int(repeat), code: code, scale: 1}
	for key, v := range map[string]*float64{"TSCAL": &f.scale, "TZERO": &f.zero} {
		if text, ok := h.cards[key+n]; ok {
			if *v, err = strconv.ParseFloat(strings.Replace(text, "D", "E", 1), 64); err != nil {
				return 0, fmt.Errorf("%s is %q, not a number", key+n, short(text))
			}
		}
	}
	if text, ok := h.cards["TNULL"+n]; ok && strings.IndexByte("BIJK", code) >= 0 {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("TNULL%s is %q, not an integer", n, short(text))
		}
		f.null = &v
	}
	c.typ, c.why = f.arrowType(h.cards["TDIM"+n])
	t.cols, t.fields = append(t.cols, c), append(t.fields, f)
	return size, nil
}

// parseForm parses a TFORM: the number of elements and their type.
func parseForm(form string) (repeat int64, code byte, err error) {
	form = strings.TrimSpace(form)
	digits := len(form) - len(strings.TrimLeft(form, "0123456789"))
	repeat = 1
	if digits > 0 {
		if repeat, err = strconv.ParseInt(form[:digits], 10, 32); err != nil {
			return 0, 0, fmt.Errorf("TFORM is %q, too large for a row", short(form))
		}
	}
	if digits == len(form) || form[digits] != 'X' && fitsSizes[form[digits]] == 0 {
		return 0, 0, fmt.Errorf("TFORM is %q, not a known type", short(form))
	}
	return repeat, form[digits], nil
}

// arrowType returns the type of a column, or why it cannot be read. It sets flip.
func (f *fitsField) arrowType(dim string) (arrow.DataType, string) {
	var typ arrow.DataType
	switch f.code {
	case 'A':
		if strings.Contains(dim, ",") {
			return nil, "it is an array of text"
		}
		return arrow.BinaryTypes.String, ""
	case 'L':
		typ = arrow.FixedWidthTypes.Boolean
	case 'B', 'I', 'J', 'K':
		typ = f.integer()
	case 'E':
		typ = arrow.PrimitiveTypes.Float32
	case 'D':
		typ = arrow.PrimitiveTypes.Float64
	case 'P', 'Q':
		return nil, "it is an array of variable length"
	case 'C', 'M':
		return nil, "its numbers are complex"
	case 'X':
		return nil, "it is bits"
	}
	if f.code == 'E' && (f.scale != 1 || f.zero != 0) {
		typ = arrow.PrimitiveTypes.Float64
	}
	if f.repeat == 0 {
		return nil, "it is empty"
	}
	if f.repeat > 1 {
		typ = arrow.FixedSizeListOf(int32(f.repeat), typ)
	}
	return typ, ""
}

func (f *fitsField) integer() arrow.DataType {
	plain, other, flip := arrow.DataType(arrow.PrimitiveTypes.Uint8), arrow.DataType(arrow.PrimitiveTypes.Int8), -128.
	switch f.code {
	case 'I':
		plain, other, flip = arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint16, 1<<15
	case 'J':
		plain, other, flip = arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint32, 1<<31
	case 'K':
		plain, other, flip = arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint64, math.MaxInt64+1
	}
	switch {
	case f.scale != 1:
		return arrow.PrimitiveTypes.Float64
	case f.zero == 0:
		return plain
	case f.zero == flip:
		f.flip = true
		return other
	}
	return arrow.PrimitiveTypes.Float64
}
