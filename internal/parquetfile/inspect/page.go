package inspect

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/skyfinch/skyfinch/internal/thrift"
)

// Parquet's numbers for page types.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// pageHeader is the header of a page.
type pageHeader struct {
	typ         int64
	raw, stored int64 // bytes of the body, before and after compression
	values      int64
	hasValues   bool
	crc         uint32
	hasCRC      bool
}

// Most page headers are shorter than 128 bytes, but statistics may make them
// longer.
const (
	usualHeader = 128
	maxHeader   = 1 << 20
)

// readPage reads the page header at offset at, and returns it with its size.
func readPage(f File, at, end int64) (pageHeader, int, error) {
	for n := int64(usualHeader); ; n *= 8 {
		buf := make([]byte, min(n, end-at))
		if err := readAt(f, buf, at); err != nil {
			return pageHeader{}, 0, err
		}
		h, size, err := parsePage(buf)
		if errors.Is(err, thrift.ErrShort) && n < min(end-at, maxHeader) {
			continue
		}
		if err == nil && (!h.hasValues || h.typ != pageData && h.typ != pageDataV2 && h.typ != pageDictionary) {
			err = fmt.Errorf("unknown page type %d", h.typ)
		}
		return h, size, err
	}
}

// parsePage parses the page header at the beginning of buf, and returns it with
// its size.
func parsePage(buf []byte) (h pageHeader, size int, err error) {
	size, err = thrift.Numbers(buf, func(outer, field int16, v int64) {
		switch outer {
		case 0:
			switch field {
			case 1:
				h.typ = v
			case 2:
				h.raw = v
			case 3:
				h.stored = v
			case 4:
				h.crc, h.hasCRC = uint32(v), true
			}
		case 5, 7, 8: // the header of a data, dictionary or version 2 data page
			if field == 1 {
				h.values, h.hasValues = v, true
			}
		}
	})
	if err == nil && (h.raw < 0 || h.stored < 0 || h.values < 0) {
		err = fmt.Errorf("negative sizes: %d and %d bytes, %d values", h.raw, h.stored, h.values)
	}
	return h, size, err
}

// checksum compares the body of a page at offset at with its CRC.
func checksum(f File, at int64, h pageHeader) error {
	sum := crc32.NewIEEE()
	if n, err := io.Copy(sum, io.NewSectionReader(f, at, h.stored)); err != nil || n < h.stored {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	if sum.Sum32() != h.crc {
		return errors.New("its checksum is wrong")
	}
	return nil
}
