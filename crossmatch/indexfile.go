package crossmatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"unsafe"
)

// An index file is a catalogue as it lies in memory, so that to open one is to
// look at its two ends:
//
//	header       64 bytes: see indexHeader
//	sections     each from the next multiple of 64 bytes on, with zeros between:
//	               radii        float64 of each row
//	               motions      two float64 of each row
//	               of each layer
//	                 fields     two uint32 of each: its first cell, and how many a side
//	                 start      uint32 of each cell, and one more
//	                 rows       24 bytes each: right ascension and declination as
//	                            float64, the row's number as uint32, four zeros
//	               of each column its buffers as Arrow has them
//	description  from the next multiple of 64 bytes on, to the end: lines of JSON,
//	             an indexCatalog, its indexLayers, its indexColumns
//
// All numbers are little endian. No section tells where it is: none can lie over
// another, or beyond the file, which keeps what a hostile file can cost within
// its size.
//
// What is changed here, in row, in newGrid or in how rows are sorted to cells
// needs another indexVersion.

const (
	indexMagic   = "\x89skyidx\n" // the first byte is no text's, the last is what text modes change
	indexOrder   = 0x01020304
	indexVersion = 1
	headerSize   = 64
	sectionAlign = 64 // that of Arrow's buffers, and of cache lines
	// mostDescription is how long a description may be: metadata of some
	// thousand columns.
	mostDescription = 4 << 20
)

// ErrBadIndex is in the errors of files that are no index, are of another version,
// or are damaged: what helps is to make them anew, with WriteIndex.
var ErrBadIndex = errors.New("unusable index: make it anew")

// IsIndex reports whether a file that begins like this is an index, of whatever
// version. Eight bytes are enough.
func IsIndex(begin []byte) bool { return bytes.HasPrefix(begin, []byte(indexMagic)) }

// unusable is an error that says what is wrong with an index.
func unusable(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrBadIndex)...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// indexHeader is, at these offsets:
//
//	 0  magic
//	 8  indexOrder
//	12  indexVersion; the fields behind it are of this version
//	16  size of the file
//	24  offset of the description
//	32  CRC-32C of the description
//	60  CRC-32C of the 60 bytes before
type indexHeader struct {
	size        int64
	description int64
	sum         uint32
}

func (h indexHeader) bytes() []byte {
	b := make([]byte, headerSize)
	copy(b, indexMagic)
	le := binary.LittleEndian
	le.PutUint32(b[8:], indexOrder)
	le.PutUint32(b[12:], indexVersion)
	le.PutUint64(b[16:], uint64(h.size))
	le.PutUint64(b[24:], uint64(h.description))
	le.PutUint32(b[32:], h.sum)
	le.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

// parseHeader reads the header of a file.
func parseHeader(file []byte) (h indexHeader, err error) {
	le := binary.LittleEndian
	switch b := file; {
	case len(b) < headerSize:
		return h, unusable("%d bytes are no index", len(b))
	case string(b[:8]) != indexMagic:
		return h, unusable("it is no index: it begins with %q", b[:8])
	case le.Uint32(b[8:]) != indexOrder:
		return h, unusable("it is of a machine with another byte order")
	case le.Uint32(b[12:]) != indexVersion:
		return h, unusable("it has version %d of the format, this program reads version %d", le.Uint32(b[12:]), indexVersion)
	case le.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli):
		return h, unusable("the header is damaged")
	}
	h = indexHeader{int64(le.Uint64(file[16:])), int64(le.Uint64(file[24:])), le.Uint32(file[32:])}
	switch size := int64(len(file)); {
	case h.size != size:
		return h, unusable("it has %d bytes instead of %d", size, h.size)
	case h.description < headerSize || h.description > size || h.description%sectionAlign != 0 || size-h.description > mostDescription:
		return h, unusable("the header is damaged: a description at %d of %d bytes", h.description, size)
	case crc32.Checksum(file[h.description:], castagnoli) != h.sum:
		return h, unusable("the description is damaged")
	}
	return h, nil
}

// indexCatalog describes a catalogue.
type indexCatalog struct {
	Rows     int         `json:"rows"`
	Note     string      `json:"note,omitempty"`
	Epoch    float64     `json:"epoch"`
	Radii    *section    `json:"radii,omitempty"`
	Motions  *section    `json:"motions,omitempty"`
	Layers   int         `json:"layers"`
	Columns  *int        `json:"columns,omitempty"` // how many; null: there is no table
	Metadata [][2]string `json:"metadata,omitempty"`
}

// indexLayer describes a layer.
type indexLayer struct {
	Asked  int     `json:"asked"` // fields that newGrid was asked for
	Bands  uint32  `json:"bands"` // checksum of what it made of them
	Radius float64 `json:"radius"`
	Speed  float64 `json:"speed"`
	Fields section `json:"fields"`
	Start  section `json:"start"`
	Rows   section `json:"rows"`
}

// section describes a section. Where it is follows from those before it.
type section struct {
	Bytes int64  `json:"bytes"`
	Sum   uint32 `json:"crc32c"`
}

// aligned is where a section begins that comes after so many bytes.
func aligned(at int64) int64 { return (at + sectionAlign - 1) &^ (sectionAlign - 1) }

// sum is a checksum of how many fields the bands have. Should two machines round
// a cosine differently, an index of the one is no index for the other.
func (g *grid) sum() uint32 {
	b := make([]byte, 0, 4*len(g.bands))
	for i := range g.bands {
		b = binary.LittleEndian.AppendUint32(b, g.bands[i].fields)
	}
	return crc32.Checksum(b, castagnoli)
}

// Sizes of what is in a file as it is in memory.
const (
	rowSize   = 24
	fieldSize = 8
)

// portable returns an error where memory does not have the form of the file.
func portable() error {
	if unsafe.Sizeof(row{}) != rowSize || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return fmt.Errorf("index files are for little endian machines of 64 bits: %w", errors.ErrUnsupported)
	}
	return nil
}

// cast returns the values that bytes are. They are at a multiple of 64.
func cast[T any](b []byte) []T {
	n := len(b) / int(unsafe.Sizeof(*new(T)))
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}
