package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Format is the format of a file.
type Format uint8

// Formats of tables.
const (
	Auto Format = iota
	CSV
	Parquet
	FITS
	VOTable
)

// String returns auto, csv, parquet, fits or votable.
func (f Format) String() string {
	names := [...]string{"auto", "csv", "parquet", "fits", "votable"}
	if int(f) >= len(names) {
		return names[Auto]
	}
	return names[f]
}

// input is the bytes of a table. They can be read repeatedly.
type input struct {
	r    io.ReaderAt
	size int64
}

// unknownSize is the size of a gzipped input, unpacked.
const unknownSize = -1

// stream returns a reader of the bytes, unpacked, and their number.
func (in input) stream() (io.Reader, int64, error) {
	raw := io.NewSectionReader(in.r, 0, in.size)
	var magic [2]byte
	if _, err := in.r.ReadAt(magic[:], 0); err != nil && err != io.EOF {
		return nil, 0, err
	}
	if magic != [2]byte{0x1f, 0x8b} {
		return raw, in.size, nil
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(raw, 64<<10))
	if err != nil {
		return nil, 0, err
	}
	return z, unknownSize, nil
}

// head returns the first n bytes, unpacked, or all if there are fewer.
func (in input) head(n int) ([]byte, error) {
	r, _, err := in.stream()
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	n, err = io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF && n > 0 {
		err = nil // a truncated gzip is reported when it is read
	}
	return b[:n], err
}

func open(in input, o Options) (layout, error) {
	f := o.Format
	if f == Auto {
		head, err := in.head(4096)
		if err != nil {
			return nil, err
		}
		if f, err = sniff(head); err != nil {
			return nil, err
		}
	}
	switch f {
	case CSV:
		return openCSV(in, o)
	case Parquet:
		return openParquet(in)
	case FITS:
		return openFITS(in)
	case VOTable:
		return openVOTable(in)
	}
	return nil, fmt.Errorf("unknown format %d", f)
}

// sniff detects the format by the first bytes.
func sniff(head []byte) (Format, error) {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, bom), " \t\r\n")
	switch {
	case len(head) == 0:
		return Auto, errors.New("it is empty")
	case bytes.HasPrefix(head, []byte("PAR1")):
		return Parquet, nil
	case bytes.HasPrefix(head, []byte("SIMPLE  =")):
		return FITS, nil
	case bytes.HasPrefix(text, []byte("<")):
		return VOTable, nil
	}
	for _, p := range otherFormats {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			return Auto, fmt.Errorf("it is %s: convert it first", p.is)
		}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return Auto, errors.New("it is not a table in a known format: neither CSV, Parquet, FITS nor VOTable")
	}
	return CSV, nil
}

var bom = []byte("\xef\xbb\xbf")

// otherFormats are formats that are recognized, for an error that helps.
var otherFormats = []struct{ magic, is string }{
	{"\x1f\x8b", "packed by gzip twice"},
	{"BZh", "packed by bzip2"},
	{"\x28\xb5\x2f\xfd", "packed by zstd"},
	{"\xfd7zXZ\x00", "packed by xz"},
	{"PK\x03\x04", "a zip archive"},
	{"\x89HDF", "HDF5"},
	{"ARROW1", "an Arrow file"},
	{"\xff\xfe", "UTF-16"},
	{"\xfe\xff", "UTF-16"},
}
