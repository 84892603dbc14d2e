package crossmatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"unsafe"
)

// An index file has the layout of a catalogue in memory, so that opening it reads only
// its two ends:
//
//	header       64 bytes: see indexHeader
//	sections     each begins at a multiple of 64 bytes, with zeros between:
//	               radii        a float64 for each row
//	               motions      two float64 for each row
//	               for each layer
//	                 fields     two uint32 for each: its first cell, and cells per side
//	                 start      a uint32 for each cell, and one more
//	                 rows       24 bytes for each: right ascension and declination as
//	                            float64, the row's number as uint32, four zeros
//	               for each column its Arrow buffers
//	description  from the next multiple of 64 bytes to the end: lines of JSON, an
//	             indexCatalog, its indexLayers, its indexColumns
//
// All numbers are little endian. Sections have sizes but no offsets, so that none can
// overlap another or exceed the file, and a hostile file costs no more than its size.
//
// Changes of this format, of row, of newGrid, or of the assignment of rows to cells
// need a new indexVersion.

const (
	indexMagic   = "\x89skyidx\n" // the first byte is not ASCII, and text-mode transfers change the last
	indexOrder   = 0x01020304
	indexVersion = 1
	headerSize   = 64
	sectionAlign = 64 // of Arrow buffers, and the size of cache lines
	// maxDescription is the maximum length of a description, enough for the metadata
	// of thousands of columns.
	maxDescription = 4 << 20
)

// ErrBadIndex is wrapped by errors for files that are not an index, have another version,
// or are damaged. Write them again with WriteIndex.
var ErrBadIndex = errors.New("unusable index: write it again")

// IsIndex reports whether a file that begins with these bytes, of which it needs
// eight, is an index of any version.
func IsIndex(begin []byte) bool { return bytes.HasPrefix(begin, []byte(indexMagic)) }

// unusable returns an ErrBadIndex with a reason.
func unusable(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrBadIndex)...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// indexHeader has these fields, at these offsets:
//
//	 0  magic
//	 8  indexOrder
//	12  indexVersion; later fields depend on it
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
		return h, unusable("not an index: it has only %d bytes", len(b))
	case string(b[:8]) != indexMagic:
		return h, unusable("not an index: it begins with %q", b[:8])
	case le.Uint32(b[8:]) != indexOrder:
		return h, unusable("it has another byte order than this machine")
	case le.Uint32(b[12:]) != indexVersion:
		return h, unusable("it has version %d of the format, this program reads version %d", le.Uint32(b[12:]), indexVersion)
	case le.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli):
		return h, unusable("the header is damaged")
	}
	h = indexHeader{int64(le.Uint64(file[16:])), int64(le.Uint64(file[24:])), le.Uint32(file[32:])}
	switch size := int64(len(file)); {
	case h.size != size:
		return h, unusable("it has %d bytes instead of %d", size, h.size)
	case h.description < headerSize || h.description > size || h.description%sectionAlign != 0 || size-h.description > maxDescription:
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
	Columns  *int        `json:"columns,omitempty"` // their number; nil if there is no table
	Metadata [][2]string `json:"metadata,omitempty"`
}

// indexLayer describes a layer.
type indexLayer struct {
	Target int     `json:"asked"` // argument of newGrid
	Bands  uint32  `json:"bands"` // checksum of the result
	Radius float64 `json:"radius"`
	Speed  float64 `json:"speed"`
	Fields section `json:"fields"`
	Start  section `json:"start"`
	Rows   section `json:"rows"`
}

// section describes a section. Its offset follows from the sections before it.
type section struct {
	Bytes int64  `json:"bytes"`
	Sum   uint32 `json:"crc32c"`
}

// alignUp returns the first multiple of sectionAlign that is at least the offset.
func alignUp(at int64) int64 { return (at + sectionAlign - 1) &^ (sectionAlign - 1) }

// checksum returns a checksum of the number of fields in each band. If two machines
// round a cosine differently, neither accepts an index of the other.
func (g *grid) checksum() uint32 {
	b := make([]byte, 0, 4*len(g.bands))
	for i := range g.bands {
		b = binary.LittleEndian.AppendUint32(b, g.bands[i].fields)
	}
	return crc32.Checksum(b, castagnoli)
}

// Sizes of types that have the same layout in a file and in memory.
const (
	rowSize   = 24
	fieldSize = 8
)

// checkPlatform returns an error if memory and file have different layouts.
func checkPlatform() error {
	if unsafe.Sizeof(row{}) != rowSize || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return fmt.Errorf("index files need a 64-bit little-endian machine: %w", errors.ErrUnsupported)
	}
	return nil
}

// cast returns bytes, which must be aligned, as values of type T.
func cast[T any](b []byte) []T {
	n := len(b) / int(unsafe.Sizeof(*new(T)))
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// bytesOf is the inverse of cast.
func bytesOf[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}
