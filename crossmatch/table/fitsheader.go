package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// fitsHeader is the cards of a header: the text of values by keyword.
type fitsHeader struct {
	cards map[string]string
	size  int64 // in bytes
}

// maxHeader bounds the size of a header in bytes.
const maxHeader = 8 << 20

// maxText bounds a text in several cards, in bytes.
const maxText = 16 << 10

// readFITSHeader reads a header up to END. It returns io.EOF if there is none.
func readFITSHeader(r io.Reader) (*fitsHeader, error) {
	h := &fitsHeader{cards: make(map[string]string)}
	last := "" // keyword of a text that CONTINUE may extend
	block := make([]byte, fitsBlock)
	for {
		n, err := io.ReadFull(r, block)
		if err == io.EOF && h.size == 0 {
			return nil, io.EOF
		}
		if h.size == 0 && !bytes.HasPrefix(block[:n], []byte("SIMPLE  =")) && !bytes.HasPrefix(block[:n], []byte("XTENSION=")) {
			if n > 0 && len(bytes.Trim(block[:n], "\x00 ")) == 0 || err == io.ErrUnexpectedEOF {
				return nil, io.EOF // padding
			}
			return nil, errNotFITS
		}
		if err != nil {
			return nil, fmt.Errorf("which has no END: %w", io.ErrUnexpectedEOF)
		}
		h.size += fitsBlock
		for at := 0; at < fitsBlock; at += 80 {
			card := block[at : at+80]
			key := strings.TrimRight(string(card[:8]), " ")
			if key == "END" {
				return h, nil
			}
			last = h.add(key, card, last)
		}
		if h.size > maxHeader {
			return nil, fmt.Errorf("which is longer than %d MiB", maxHeader>>20)
		}
	}
}

// add adds a card. It returns its keyword if the next card may continue its text.
func (h *fitsHeader) add(key string, card []byte, last string) string {
	if key == "CONTINUE" && last != "" {
		if so := h.cards[last]; len(so) < maxText { // each card copies it
			text, _ := cardText(card[8:])
			h.cards[last] = strings.TrimSuffix(so, "&") + text
		}
		return last
	}
	if card[8] != '=' || key == "" {
		return ""
	}
	if _, ok := h.cards[key]; ok {
		return "" // the first one counts
	}
	value := card[9:]
	if text, ok := cardText(value); ok {
		h.cards[key] = text
		return key
	}
	value, _, _ = bytes.Cut(value, []byte("/"))
	h.cards[key] = string(bytes.TrimSpace(value))
	return ""
}

// cardText returns the text of a value in single quotes.
func cardText(value []byte) (string, bool) {
	value = bytes.TrimLeft(value, " ")
	if len(value) == 0 || value[0] != '\'' {
		return "", false
	}
	var text []byte
	for i := 1; i < len(value); i++ {
		if value[i] == '\'' {
			if i+1 < len(value) && value[i+1] == '\'' {
				i++
			} else {
				break
			}
		}
		text = append(text, value[i])
	}
	return strings.TrimRight(string(toUTF8(text)), " "), true
}

func (h *fitsHeader) kind() string {
	if k, ok := h.cards["XTENSION"]; ok {
		if k == "A3DTABLE" {
			return "BINTABLE"
		}
		if h.cards["ZIMAGE"] == "T" {
			return "compressed image"
		}
		return k
	}
	return "IMAGE"
}

// int returns the value of a card that is a size, or missing if there is none.
func (h *fitsHeader) int(key string, missing int64) (int64, error) {
	text, ok := h.cards[key]
	if !ok {
		return missing, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("%s is %q, not a size", key, short(text))
	}
	return v, nil
}

// dataSize returns the size of the data after the header, with padding.
func (h *fitsHeader) dataSize() (int64, error) {
	bitpix, err := strconv.Atoi(h.cards["BITPIX"])
	if err != nil || bitpix%8 != 0 || bitpix < -64 || bitpix > 64 || bitpix == 0 {
		return 0, fmt.Errorf("BITPIX is %q", short(h.cards["BITPIX"]))
	}
	axes, err := h.axes()
	if err != nil || len(axes) == 0 {
		return 0, err
	}
	pcount, err := h.int("PCOUNT", 0)
	gcount, err2 := h.int("GCOUNT", 1)
	if err = errors.Join(err, err2); err != nil {
		return 0, err
	}
	n, carry := bits.Add64(product(axes...), uint64(pcount), 0)
	n = product(n, uint64(gcount), uint64(max(bitpix, -bitpix)/8))
	if carry != 0 || n > 1<<62 {
		return 0, errors.New("its axes are too large for a file")
	}
	return int64(n+fitsBlock-1) / fitsBlock * fitsBlock, nil
}

// axes returns the lengths of the axes, without the NAXIS1=0 of random groups.
func (h *fitsHeader) axes() ([]uint64, error) {
	n, err := h.int("NAXIS", 0)
	if err != nil || n > 999 {
		return nil, fmt.Errorf("NAXIS is %q", short(h.cards["NAXIS"]))
	}
	var out []uint64
	for i := range n {
		v, err := h.int(fmt.Sprintf("NAXIS%d", i+1), 0)
		if err != nil {
			return nil, err
		}
		if i == 0 && v == 0 && h.cards["GROUPS"] == "T" {
			v = 1
		}
		out = append(out, uint64(v))
	}
	return out, nil
}

// product returns a product, or the largest number if it overflows.
func product(factors ...uint64) uint64 {
	n := uint64(1)
	for _, f := range factors {
		hi, lo := bits.Mul64(n, f)
		if n = lo; hi != 0 {
			n = math.MaxUint64
		}
	}
	return n
}
