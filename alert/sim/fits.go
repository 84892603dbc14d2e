package sim

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// fitsBlock is the size to which FITS headers and data are padded.
const fitsBlock = 2880

// header writes FITS headers and data.
type header struct{ b []byte }

func (h *header) card(key, value, comment string) {
	at := len(h.b)
	h.b = append(h.b, key...)
	h.pad(at + 8)
	h.b = append(h.b, "= "...)
	if value[0] != '\'' { // numbers end in column 30, strings begin in column 11
		h.pad(at + 30 - len(value))
	}
	h.b = append(h.b, value...)
	if comment != "" {
		h.pad(at + 30)
		h.b = append(h.b, " / "...)
		h.b = append(h.b, comment...)
	}
	h.pad(at + 80)
}

func (h *header) whole(key string, v int, comment string) { h.card(key, strconv.Itoa(v), comment) }

func (h *header) num(key string, v float64, comment string) {
	var buf [32]byte
	s := strconv.AppendFloat(buf[:0], v, 'G', 14, 64)
	if !bytes.ContainsAny(s, ".E") {
		s = append(s, ".0"...)
	}
	h.card(key, string(s), comment)
}

// shape begins the primary header or that of an extension.
func (h *header) shape(extension bool, bitpix, nx, ny int) {
	if extension {
		h.card("XTENSION", "'IMAGE   '", "Image extension")
	} else {
		h.card("SIMPLE", "T", "conforms to FITS standard")
	}
	h.whole("BITPIX", bitpix, "array data type")
	h.whole("NAXIS", 2, "number of array dimensions")
	h.whole("NAXIS1", nx, "")
	h.whole("NAXIS2", ny, "")
	if extension {
		h.whole("PCOUNT", 0, "number of parameters")
		h.whole("GCOUNT", 1, "number of groups")
	}
}

func (h *header) end() {
	h.b = append(h.b, "END"...)
	h.fill(' ')
}

// fill pads the file to the end of a block.
func (h *header) fill(with byte) {
	h.add((fitsBlock-len(h.b)%fitsBlock)%fitsBlock, with)
}

func (h *header) pad(to int) { h.add(to-len(h.b), ' ') }

func (h *header) add(n int, c byte) {
	b := h.b
	for range n {
		b = append(b, c)
	}
	h.b = b
}

func (h *header) floats(pixels []float32) {
	data := h.data(4 * len(pixels))
	for i, v := range pixels {
		binary.BigEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
}

func (h *header) doubles(pixels []float64) {
	data := h.data(8 * len(pixels))
	for i, v := range pixels {
		binary.BigEndian.PutUint64(data[8*i:], math.Float64bits(v))
	}
}

// data appends a data unit of size bytes, and returns them for writing.
func (h *header) data(size int) []byte {
	at := len(h.b)
	h.b = slices.Grow(h.b, size+fitsBlock)[:at+size]
	h.fill(0)
	return h.b[at : at+size]
}
