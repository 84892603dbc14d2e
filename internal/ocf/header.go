package ocf

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// SyncSize is the length of a sync marker.
const SyncSize = 16

const magic = "Obj\x01"

// Header is what stands before the first block.
type Header struct {
	Schema []byte         // the writer's schema as JSON; aliases the input
	Codec  string         // how blocks are compressed; "null" when the file does not say
	Sync   [SyncSize]byte // closes every block
	Size   int            // length of the header, sync marker included
}

// IsOCF reports whether data begins like a container.
func IsOCF(data []byte) bool {
	return len(data) >= len(magic) && string(data[:len(magic)]) == magic
}

// ParseHeader reads the header at the start of data. The error wraps
// [io.ErrUnexpectedEOF] when data is sound as far as it goes but too short.
// Metadata other than avro.schema and avro.codec is ignored.
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
	for {
		n, err := r.mapBlock()
		if err != nil {
			return Header{}, err
		}
		if n == 0 {
			break
		}
		for ; n > 0; n-- {
			if err := r.entry(&h); err != nil {
				return Header{}, err
			}
		}
	}
	sync, err := r.take(SyncSize)
	if err != nil {
		return Header{}, err
	}
	if h.Schema == nil {
		return Header{}, errors.New("no avro.schema")
	}
	copy(h.Sync[:], sync)
	h.Size = r.at
	return h, nil
}

// reader walks over Avro's primitive encodings.
type reader struct {
	data []byte
	at   int
}

// mapBlock reads the count that begins a block of a map. A negative count is
// followed by the block's size in bytes, which matters only to those who skip.
func (r *reader) mapBlock() (int64, error) {
	n, err := r.long()
	if err != nil || n >= 0 {
		return n, err
	}
	if n == math.MinInt64 {
		return 0, errors.New("metadata count out of range")
	}
	size, err := r.long()
	if err != nil {
		return 0, err
	}
	if size < 0 {
		return 0, fmt.Errorf("metadata block of %d bytes", size)
	}
	if size > int64(len(r.data)-r.at) {
		return 0, io.ErrUnexpectedEOF
	}
	return -n, nil
}

func (r *reader) entry(h *Header) error {
	key, err := r.bytes()
	if err != nil {
		return err
	}
	value, err := r.bytes()
	if err != nil {
		return err
	}
	switch string(key) {
	case "avro.schema":
		h.Schema = value
	case "avro.codec":
		h.Codec = string(value)
	}
	return nil
}

func (r *reader) bytes() ([]byte, error) {
	n, err := r.long()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, fmt.Errorf("metadata of %d bytes", n)
	}
	return r.take(n)
}

func (r *reader) take(n int64) ([]byte, error) {
	if n > int64(len(r.data)-r.at) {
		return nil, io.ErrUnexpectedEOF
	}
	end := r.at + int(n)
	b := r.data[r.at:end:end]
	r.at = end
	return b, nil
}

// long reads a zig-zag varint of at most ten bytes and 64 bits.
func (r *reader) long() (int64, error) {
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		if r.at == len(r.data) {
			return 0, io.ErrUnexpectedEOF
		}
		b := r.data[r.at]
		r.at++
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int64(v>>1) ^ -int64(v&1), nil
		}
	}
	return 0, errors.New("number beyond 64 bits")
}
