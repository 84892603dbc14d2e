package table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// The FITS reader is our own: a binary table is rows of big-endian fields that
// a header describes, and what there is in Go for it holds a whole table in
// memory and panics on headers that are odd.

const fitsBlock = 2880

// fitsTable is the layout of the first binary table of a file.
type fitsTable struct {
	in    input
	cols  []column
	parts []fitsColumn // of cols
	start int64        // of its rows
	width int64        // of a row
	rows  int64
}

// fitsColumn is where and how a column stands in a row.
type fitsColumn struct {
	at, repeat  int
	code        byte // of its type
	scale, zero float64
	offset      offset // to make unsigned (or signed) integers
	null        *int64
}

func openFITS(in input) (*fitsTable, error) {
	r, size, err := in.stream()
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(r, 64<<10)
	t := &fitsTable{in: in}
	seen := ""
	for hdu := 0; ; hdu++ {
		h, err := readFITSHeader(b)
		if err == io.EOF && hdu > 0 {
			return nil, fmt.Errorf("it has no binary table, only %s", seen)
		}
		if err != nil {
			return nil, fmt.Errorf("header %d, %w", hdu, err)
		}
		t.start += h.size
		data, err := h.dataSize()
		if err != nil {
			return nil, fmt.Errorf("header %d: %w", hdu, err)
		}
		if kind := h.kind(); kind != "BINTABLE" {
			if len(seen) < 200 {
				seen += map[bool]string{true: ", "}[seen != ""] + clip(kind)
			}
		} else if err := t.describe(h); err != nil {
			return nil, fmt.Errorf("header %d: %w", hdu, err)
		} else {
			return t, t.checkSize(size)
		}
		if size != unknown && data > size-t.start {
			return nil, fmt.Errorf("header %d claims %d bytes of data, but %d follow: %w", hdu, data, size-t.start, io.ErrUnexpectedEOF)
		}
		t.start += data
		if err := skip(b, data); err != nil {
			return nil, fmt.Errorf("data of header %d: %w", hdu, err)
		}
	}
}

// checkSize compares what the header claims to what there is.
func (t *fitsTable) checkSize(size int64) error {
	if t.width > maxUnit {
		return fmt.Errorf("rows of %d bytes (NAXIS1): more than %d MiB cannot be read", t.width, maxUnit>>20)
	}
	hi, n := bits.Mul64(uint64(t.width), uint64(t.rows))
	if hi != 0 || size != unknown && n > uint64(max(size-t.start, 0)) {
		return fmt.Errorf("its header claims %d rows of %d bytes, but %d bytes follow: %w", t.rows, t.width, size-t.start, io.ErrUnexpectedEOF)
	}
	return nil
}

func (t *fitsTable) columns() []column   { return t.cols }
func (t *fitsTable) prepare([]int) error { return nil }

func (t *fitsTable) scan(want []int, rows int, mem memory.Allocator) (scanner, error) {
	r, size, err := t.in.stream()
	if err != nil {
		return nil, err
	}
	if size != unknown {
		r = io.NewSectionReader(t.in.r, t.start, size-t.start)
	} else if err := skip(r, t.start); err != nil {
		return nil, err
	}
	// A block of rows is read at a time: as many as a record has, if not too big.
	const block = 16 << 20
	rows = int(min(int64(rows), max(block/t.width, 1), max(t.rows, 1)))
	s := &fitsScanner{t: t, r: r, want: want, rows: rows, mem: mem}
	return s, nil
}

// skip reads over n bytes, all of which must be there.
func skip(r io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, r, n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

var errNotFITS = errors.New("it is no header of FITS")
