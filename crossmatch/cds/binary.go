package cds

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A VOTable has its rows as elements or as binary data, as the server likes.

// stream reads the STREAM of a BINARY or BINARY2.
func (v *votable) stream(e xml.StartElement) error {
	kind := v.within()
	if kind != "BINARY" && kind != "BINARY2" {
		return fmt.Errorf("the reply has its rows as %s, which is not read", short(kind))
	}
	if attribute(e, "href") != "" || attribute(e, "encoding") != "base64" {
		return errors.New("the reply has its rows elsewhere, or not as base64")
	}
	text, err := v.text()
	if err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return fmt.Errorf("the reply: %w", err)
	}
	if !v.begun {
		return errors.New("the reply has rows outside of the data")
	}
	b := &binaryRows{data: data, flags: kind == "BINARY2"}
	for len(b.data) > 0 && b.err == nil {
		before := len(b.data)
		b.row(v.all, v.cells)
		switch {
		case b.err != nil:
		case len(b.data) == before:
			b.err = errors.New("the reply has rows of no bytes")
		default:
			b.err = v.take(v.cells)
		}
	}
	return b.err
}

// sizes of a value of each datatype, in bytes. Bits and complex numbers are
// not among them, as no field can have these.
var sizes = map[string]int{
	"boolean": 1, "unsignedByte": 1, "char": 1, "short": 2, "unicodeChar": 2,
	"int": 4, "float": 4, "long": 8, "double": 8,
}

// binaryRows takes rows apart. After an error it gives nothing more.
type binaryRows struct {
	data  []byte
	flags bool // rows begin with a bit for each column, set if it is null
	err   error
}

func (b *binaryRows) row(all []column, cells []cell) {
	var nulls []byte
	if b.flags {
		nulls = b.bytes((len(all)+7)/8, 1)
	}
	for i, c := range all {
		n := b.length(c)
		size, ok := sizes[c.datatype]
		if !ok && b.err == nil {
			b.err = fmt.Errorf("the reply's column %q: values of datatype %q are not read", short(c.name), short(c.datatype))
		}
		raw := b.bytes(n, size)
		if b.err != nil {
			return
		}
		text := textOf(c.datatype, raw)
		cells[i] = makeCell(c, text)
		if b.flags && nulls[i/8]&(0x80>>(i%8)) != 0 {
			cells[i].null = true
		}
	}
}

// bytes takes n values of a size off the data.
func (b *binaryRows) bytes(n, size int) []byte {
	if b.err == nil && (n < 0 || n > len(b.data)/size) {
		b.err = errors.New("the reply's binary rows are cut")
	}
	if b.err != nil {
		return nil
	}
	raw := b.data[:n*size]
	b.data = b.data[n*size:]
	return raw
}

// length returns how many values a cell of a column has.
func (b *binaryRows) length(c column) int {
	size := strings.TrimSpace(c.arraysize)
	if size == "" {
		return 1
	}
	if strings.HasSuffix(size, "*") {
		raw := b.bytes(4, 1)
		if b.err != nil {
			return 0
		}
		return int(int32(binary.BigEndian.Uint32(raw)))
	}
	n := 1
	for _, part := range strings.Split(size, "x") {
		k, err := strconv.ParseUint(strings.TrimSpace(part), 10, 31)
		if err != nil || k > 0 && n > math.MaxInt32/int(k) {
			b.err = fmt.Errorf("the reply's column %q has arraysize %q", short(c.name), short(size))
			return 0
		}
		n *= int(k)
	}
	return n
}

// textOf is the text that values would have in an element.
func textOf(datatype string, raw []byte) string {
	switch datatype {
	case "char":
		s, _, _ := strings.Cut(string(raw), "\x00")
		return strings.ToValidUTF8(s, "\uFFFD")
	case "unicodeChar":
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(raw[2*i:])
		}
		s, _, _ := strings.Cut(string(utf16.Decode(units)), "\x00")
		return s
	}
	size := sizes[datatype]
	b := make([]byte, 0, 24)
	for ; len(raw) > 0; raw = raw[size:] {
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = appendNumber(b, datatype, raw)
	}
	return string(b)
}

// appendNumber appends the first of the values.
func appendNumber(b []byte, datatype string, raw []byte) []byte {
	switch datatype {
	case "boolean":
		if raw[0] == 0 {
			return append(b, '?')
		}
		return append(b, raw[0])
	case "unsignedByte":
		return strconv.AppendUint(b, uint64(raw[0]), 10)
	case "short":
		return strconv.AppendInt(b, int64(int16(binary.BigEndian.Uint16(raw))), 10)
	case "int":
		return strconv.AppendInt(b, int64(int32(binary.BigEndian.Uint32(raw))), 10)
	case "long":
		return strconv.AppendInt(b, int64(binary.BigEndian.Uint64(raw)), 10)
	case "float":
		f := math.Float32frombits(binary.BigEndian.Uint32(raw))
		return strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	default:
		f := math.Float64frombits(binary.BigEndian.Uint64(raw))
		return strconv.AppendFloat(b, f, 'g', -1, 64)
	}
}
