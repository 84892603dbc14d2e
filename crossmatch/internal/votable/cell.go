package votable

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Cell is a value of a row.
type Cell struct {
	// Text is the text of a cell in TABLEDATA, or of chars in any encoding, without
	// surrounding blanks. It may be invalid UTF-8.
	Text []byte
	// Raw is the elements in a binary encoding, big-endian, unless they are chars.
	// It is nil in TABLEDATA only.
	Raw []byte
	// Count is the number of elements in Raw.
	Count int
	// Null reports whether the cell is empty, is the field's null value, or is
	// marked as null. Single elements of an array may be null too.
	Null bool
}

// setText sets a cell of text.
func (c *Cell) setText(f *Field, text []byte) {
	c.Text = bytes.TrimSpace(text)
	c.Null = len(c.Text) == 0 || f.NullText(c.Text)
}

// setRaw sets a cell of elements.
func (c *Cell) setRaw(f *Field, raw []byte, count int) {
	c.Raw, c.Count, c.Null = raw, count, count == 0
	if count != 1 {
		return
	}
	switch f.Datatype {
	case "boolean":
		c.Null = raw[0] == 0 || raw[0] == ' ' || raw[0] == '?'
	case "unsignedByte", "short", "int", "long":
		_, ok := f.Int(raw)
		c.Null = !ok
	}
}

// NullText reports whether text is the field's null value.
func (f *Field) NullText(text []byte) bool { return f.Null != "" && string(text) == f.Null }

// Int returns an element of a field of integers. ok is false if it is null.
func (f *Field) Int(element []byte) (v int64, ok bool) {
	switch len(element) {
	case 1:
		v = int64(element[0])
	case 2:
		v = int64(int16(binary.BigEndian.Uint16(element)))
	case 4:
		v = int64(int32(binary.BigEndian.Uint32(element)))
	case 8:
		v = int64(binary.BigEndian.Uint64(element))
	}
	return v, f.null == nil || v != *f.null
}

// bit returns element i of a field of bits. If there is one, it may be any bit of
// the byte: writers differ.
func (f *Field) bit(c Cell, i int) bool {
	if f.Repeat == 1 {
		return c.Raw[0] != 0
	}
	return c.Raw[i/8]&(0x80>>(i%8)) != 0
}

// AppendText appends the text of a cell as in TABLEDATA.
func (f *Field) AppendText(b []byte, c Cell) []byte {
	if c.Raw == nil {
		return append(b, c.Text...)
	}
	for i := range c.Count {
		if i > 0 {
			b = append(b, ' ')
		}
		b = f.appendElement(b, c, i)
	}
	return b
}

func (f *Field) appendElement(b []byte, c Cell, i int) []byte {
	raw := c.Raw[i*f.Size:]
	raw = raw[:min(f.Size, len(raw))]
	switch f.Datatype {
	case "boolean":
		if raw[0] == 0 {
			return append(b, '?')
		}
		return append(b, raw[0])
	case "bit":
		if f.bit(c, i) {
			return append(b, '1')
		}
		return append(b, '0')
	case "float", "floatComplex":
		return appendFloats(b, raw, 4)
	case "double", "doubleComplex":
		return appendFloats(b, raw, 8)
	}
	v, _ := f.Int(raw)
	return strconv.AppendInt(b, v, 10)
}

// appendFloats appends a number, or both parts of a complex one.
func appendFloats(b, raw []byte, size int) []byte {
	for i := 0; i < len(raw); i += size {
		if i > 0 {
			b = append(b, ' ')
		}
		if size == 4 {
			v := math.Float32frombits(binary.BigEndian.Uint32(raw[i:]))
			b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
		} else {
			v := math.Float64frombits(binary.BigEndian.Uint64(raw[i:]))
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		}
	}
	return b
}

// appendUTF16 appends big-endian UTF-16 as UTF-8.
func appendUTF16(b, units []byte) []byte {
	for ; len(units) >= 2; units = units[2:] {
		r := rune(binary.BigEndian.Uint16(units))
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if len(units) >= 4 {
				low = rune(binary.BigEndian.Uint16(units[2:]))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				units = units[2:]
			}
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

// ParseInt parses an integer of a VOTable: decimal, or hexadecimal after 0x.
func ParseInt(s []byte, bits int) (int64, error) {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		v, err := strconv.ParseUint(string(s[2:]), 16, bits)
		return int64(v), err
	}
	return strconv.ParseInt(string(s), 10, bits)
}
