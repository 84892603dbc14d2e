package ocf

import (
	"errors"
	"fmt"
	"io"
)

// Block is a block of a container's records.
type Block struct {
	Count int64  // the writer's count of records; not checked
	Data  []byte // the records as stored, still compressed; aliases the input
}

// NextBlock reads the block at the start of data, which must follow the header
// or another block, and returns what follows it. The error is [io.EOF] if data
// is empty, and wraps [io.ErrUnexpectedEOF] if the block is truncated.
func NextBlock(data []byte, sync [SyncSize]byte) (b Block, rest []byte, err error) {
	if len(data) == 0 {
		return Block{}, nil, io.EOF
	}
	r := reader{data: data}
	b = Block{Count: r.length(), Data: r.bytes()}
	if end := r.take(SyncSize); r.err == nil && [SyncSize]byte(end) != sync {
		r.err = errors.New("sync marker differs")
	}
	if r.err != nil {
		return Block{}, nil, fmt.Errorf("ocf: block: %w", r.err)
	}
	return b, data[r.at:], nil
}
