package table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// FITS has its own reader: a binary table is rows of big-endian fields described by
// a header, and the Go libraries hold whole tables in memory and panic on unusual
// headers.

const fitsBlock = 2880

var errNotFITS = errors.New("it is not a FITS header")

// fitsTable is the layout of the first binary table of a file.
type fitsTable struct {
	in     input
	cols   []column
	fields []fitsField // of cols
	start  int64       // of the rows, in the file
	width  int64       // of a row
	rows   int64
}

// fitsField is the position and format of a column in a row.
type fitsField struct {
	at, repeat  int
	code        byte // of the type
	scale, zero float64
	flip        bool // TZERO makes signed integers unsigned, or the reverse
	null        *int64
}

func openFITS(in input) (*fitsTable, error) {
	r, size, err := in.stream()
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(r, 64<<10)
	t := &fitsTable{in: in}
	var others []string
	for hdu := 0; ; hdu++ {
		h, err := readFITSHeader(b)
		if err == io.EOF && hdu > 0 {
			return nil, fmt.Errorf("it has no binary table, only %s", strings.Join(others, ", "))
		}
		if err != nil {
			return nil, fmt.Errorf("header %d, %w", hdu, err)
		}
		t.start += h.size
		data, err := h.dataSize()
		if err == nil && h.kind() == "BINTABLE" {
			if err = t.describe(h); err == nil {
				return t, t.checkSize(size)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("header %d: %w", hdu, err)
		}
		if len(others) < 20 {
			others = append(others, short(h.kind()))
		}
		if size != unknownSize && data > size-t.start {
			return nil, fmt.Errorf("header %d claims %d bytes of data, but %d follow: %w", hdu, data, size-t.start, io.ErrUnexpectedEOF)
		}
		t.start += data
		if err := skip(b, data); err != nil {
			return nil, fmt.Errorf("data of header %d: %w", hdu, err)
		}
	}
}

// checkSize compares the size that the header declares with that of the file.
func (t *fitsTable) checkSize(size int64) error {
	if t.width > maxBuffer {
		return fmt.Errorf("rows of %d bytes (NAXIS1): more than %d MiB cannot be read", t.width, maxBuffer>>20)
	}
	hi, n := bits.Mul64(uint64(t.width), uint64(t.rows))
	if hi != 0 || size != unknownSize && n > uint64(max(size-t.start, 0)) {
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
	if size != unknownSize {
		r = io.NewSectionReader(t.in.r, t.start, size-t.start)
	} else if err := skip(r, t.start); err != nil {
		return nil, err
	}
	// Rows are read in blocks: those of a record, unless they are too large.
	const block = 16 << 20
	decoded := t.decoded(want)
	if decoded > maxBuffer {
		return nil, fmt.Errorf("rows that take %d bytes with TSCAL and TZERO applied: more than %d MiB cannot be read", decoded, maxBuffer>>20)
	}
	rows = int(min(int64(rows), max(block/max(t.width, decoded), 1), max(t.rows, 1)))
	return &fitsScanner{t: t, r: r, want: want, rows: rows, mem: mem}, nil
}

// decoded returns the size of the wanted columns of a row in memory.
func (t *fitsTable) decoded(want []int) (n int64) {
	for _, w := range want {
		f, typ := &t.fields[w], t.cols[w].typ
		if list, ok := typ.(*arrow.FixedSizeListType); ok {
			typ = list.Elem()
		}
		size := fitsSizes[f.code]
		if typ.ID() == arrow.FLOAT64 {
			size = 8
		}
		n += int64(f.repeat) * int64(size)
	}
	return n
}

// skip skips n bytes. It is an error if there are fewer.
func skip(r io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, r, n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
