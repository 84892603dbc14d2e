package ocf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// SyncSize is the length of a sync marker.
const SyncSize = 16

const magic = "Obj\x01"

// Header is the header of a container.
type Header struct {
	Schema []byte         // the writer's schema as JSON; aliases the input
	Codec  string         // of the blocks; "null" if not given
	Sync   [SyncSize]byte // follows every block
	Size   int            // length of the header, including the sync marker
}

// IsOCF reports whether data begins like a container.
func IsOCF(data []byte) bool {
	return len(data) >= len(magic) && string(data[:len(magic)]) == magic
}

// ParseHeader reads the header at the start of data. The error wraps
// [io.ErrUnexpectedEOF] if data is a valid but truncated header. Metadata other
// than avro.schema and avro.codec is ignored.
func ParseHeader(data []byte) (Header, error) {
	h, err := parseHeader(data)
	if err != nil {
		return Header{}, fmt.Errorf("ocf: header: %w", err)
	}
	return h, nil
}

func parseHeader(data []byte) (Header, error) {
	if !IsOCF(data) {
		if len(data) < len(magic) && string(data) == magic[:len(data)] {
			return Header{}, io.ErrUnexpectedEOF
		}
		return Header{}, errors.New("not an Avro object container file")
	}
	h := Header{Codec: "null"}
	r := reader{data: data, at: len(magic)}
	for n := r.mapBlock(); n > 0; n = r.mapBlock() {
		for ; n > 0 && r.err == nil; n-- {
			key, value := r.bytes(), r.bytes()
			switch string(key) {
			case "avro.schema":
				h.Schema = value
			case "avro.codec":
				h.Codec = string(value)
			}
		}
	}
	sync := r.take(SyncSize)
	switch {
	case r.err != nil:
		return Header{}, r.err
	case h.Schema == nil:
		return Header{}, errors.New("no avro.schema")
	}
	copy(h.Sync[:], sync)
	h.Size = r.at
	return h, nil
}

// reader reads Avro's primitive encodings. After an error its methods return 0 or
// nil.
type reader struct {
	data []byte
	at   int
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// mapBlock reads the count of a map's block, and the block's size in bytes that
// follows a negative count.
func (r *reader) mapBlock() int64 {
	n := r.long()
	if n >= 0 {
		return n
	}
	if n == math.MinInt64 {
		r.fail(errors.New("metadata count out of range"))
	}
	if r.length() > int64(len(r.data)-r.at) {
		r.fail(io.ErrUnexpectedEOF)
	}
	if r.err != nil {
		return 0
	}
	return -n
}

// bytes reads a length and as many bytes.
func (r *reader) bytes() []byte { return r.take(r.length()) }

func (r *reader) take(n int64) []byte {
	if n > int64(len(r.data)-r.at) {
		r.fail(io.ErrUnexpectedEOF)
	}
	if r.err != nil {
		return nil
	}
	end := r.at + int(n)
	b := r.data[r.at:end:end]
	r.at = end
	return b
}

// length reads a long that must not be negative.
func (r *reader) length() int64 {
	n := r.long()
	if n < 0 {
		r.fail(fmt.Errorf("negative count or length %d", n))
		return 0
	}
	return n
}

// long reads a zig-zag varint of at most ten bytes and 64 bits.
func (r *reader) long() int64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Varint(r.data[r.at:])
	switch {
	case n == 0:
		r.fail(io.ErrUnexpectedEOF)
	case n < 0:
		r.fail(errors.New("number beyond 64 bits"))
	default:
		r.at += n
	}
	return v
}
