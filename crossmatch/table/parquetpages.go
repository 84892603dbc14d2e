package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/metadata"

	"github.com/skyfinch/skyfinch/internal/thrift"
)

// errThrift reports metadata that cannot be right. Parquet's metadata is in
// Thrift's compact protocol. It is checked before the library reads it, because
// the library allocates whatever the metadata claims.
var errThrift = errors.New("its metadata is damaged")

// checkFooter checks the metadata at the end of a file.
func checkFooter(in input) error {
	var end [8]byte
	if in.size < 12 {
		return fmt.Errorf("it is %d bytes: %w", in.size, io.ErrUnexpectedEOF)
	}
	if _, err := in.r.ReadAt(end[:], in.size-8); err != nil {
		return err
	}
	switch string(end[4:]) {
	case "PAR1":
	case "PARE":
		return errors.New("it is encrypted")
	default:
		return fmt.Errorf("its end is not that of a Parquet file: %w", io.ErrUnexpectedEOF)
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if n > in.size-12 || n > maxBuffer {
		return errThrift
	}
	b := make([]byte, n)
	if _, err := in.r.ReadAt(b, in.size-8-n); err != nil {
		return err
	}
	var schema, groups int64
	_, err := thrift.Numbers(b, func(outer, field int16, v int64) {
		switch {
		case outer == 0 && field == fieldSchema:
			schema = max(schema, v)
		case outer == 0 && field == fieldGroups:
			groups = max(groups, v)
		}
	})
	switch {
	case err != nil:
		return errThrift
	case schema > maxElements || groups > maxGroups:
		return fmt.Errorf("its schema has %d elements and it has %d row groups, of at most %d and %d", schema, groups, maxElements, maxGroups)
	}
	return nil
}

// Fields of FileMetaData that are lists, and bounds on their lengths. A column in a
// list is three elements of the schema. The library descends into nested elements
// until the stack is full, which ends the program.
const (
	fieldSchema = 2
	fieldGroups = 4

	maxElements = 4 * maxColumns
	maxGroups   = 1 << 20
)

// pageHeader is the header of a page.
type pageHeader struct {
	kind, unpacked, packed int64
	values                 int64 // of a dictionary
	levels                 int64 // bytes of levels, which a page of version 2 does not compress
	plain                  bool  // not compressed
}

// Fields of PageHeader, and of the headers in it.
const (
	fieldKind     = 1
	fieldUnpacked = 2
	fieldPacked   = 3
	inDictionary  = 7
	inVersion2    = 8

	dictionaryPage = 2 // a kind
)

func readPageHeader(b []byte) (h pageHeader, size int, err error) {
	size, err = thrift.Numbers(b, func(outer, field int16, v int64) {
		switch {
		case outer == 0 && field == fieldKind:
			h.kind = v
		case outer == 0 && field == fieldUnpacked:
			h.unpacked = v
		case outer == 0 && field == fieldPacked:
			h.packed = v
		case outer == inDictionary && field == 1:
			h.values = v
		case outer == inVersion2 && (field == 5 || field == 6):
			h.levels += v
		case outer == inVersion2 && field == 7:
			h.plain = v == 0
		}
	})
	if err != nil {
		err = errThrift
	}
	return h, size, err
}

// checkChunk checks the pages of a column in a row group: a page must lie within
// the file and unpack to no more than it declares. It reports whether the column has
// a dictionary.
func checkChunk(in input, c *metadata.ColumnChunkMetaData) (dictionary bool, err error) {
	at, n := c.DataPageOffset(), c.TotalCompressedSize()
	if c.HasDictionaryPage() && c.DictionaryPageOffset() > 0 {
		at = min(at, c.DictionaryPageOffset())
	}
	if at < 4 || n < 0 || at > in.size || n > in.size-at {
		return false, fmt.Errorf("%d bytes at %d, of a file of %d: %w", n, at, in.size, io.ErrUnexpectedEOF)
	}
	for _, e := range c.Encodings() {
		if e > parquet.Encodings.RLEDict {
			return false, fmt.Errorf("its encoding, %s, is not supported: write it with another", e)
		}
	}
	buf := make([]byte, 1<<10)
	for end := at + n; at < end; {
		h, size, err := headerAt(in, at, end, &buf)
		if err != nil {
			return false, err
		}
		at += int64(size)
		dictionary = dictionary || h.kind == dictionaryPage
		if h.packed < 0 || h.packed > end-at || h.unpacked < 0 || h.unpacked > 4*maxBuffer || h.values < 0 || h.values > h.unpacked ||
			h.levels < 0 || h.levels > min(h.packed, h.unpacked) {
			return false, errThrift
		}
		if err := checkPage(in, at, h, c.Compression()); err != nil {
			return false, err
		}
		at += h.packed
	}
	return dictionary, nil
}

// headerAt reads the header at an offset into a buffer, which grows for headers
// with statistics of long texts.
func headerAt(in input, at, end int64, buf *[]byte) (pageHeader, int, error) {
	for {
		b := (*buf)[:min(int64(len(*buf)), end-at)]
		if _, err := in.r.ReadAt(b, at); err != nil {
			return pageHeader{}, 0, err
		}
		h, size, err := readPageHeader(b)
		if err == nil || int64(len(b)) == end-at || len(b) >= 16<<20 {
			return h, size, err
		}
		*buf = make([]byte, 4*len(b))
	}
}

// checkPage checks the unpacked size that a codec declares, if the library trusts
// it.
func checkPage(in input, at int64, h pageHeader, codec compress.Compression) error {
	at, packed, unpacked := at+h.levels, h.packed-h.levels, h.unpacked-h.levels
	if h.plain || packed == 0 {
		return nil
	}
	var declared int64
	var err error
	switch codec {
	case compress.Codecs.Snappy:
		declared, err = snappySize(in, at, packed)
	case compress.Codecs.Zstd:
		// Blocks that were flushed early count as full ones.
		unpacked = max(4*unpacked, 32<<20)
		declared, err = zstdSize(in, at, packed)
	case compress.Codecs.Gzip:
		if unpacked == 0 && packed > 64 { // the library takes 0 for no limit
			err = errThrift
		}
	}
	if err == nil && declared > unpacked {
		err = errors.New("a page unpacks to more than it declares")
	}
	return err
}

func snappySize(in input, at, n int64) (int64, error) {
	var b [binary.MaxVarintLen64]byte
	got := b[:min(n, int64(len(b)))]
	if _, err := in.r.ReadAt(got, at); err != nil {
		return 0, err
	}
	v, size := binary.Uvarint(got)
	if size <= 0 || v > 1<<40 {
		return 0, errThrift
	}
	return int64(v), nil
}
