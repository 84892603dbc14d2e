package ocf

import (
	"errors"
	"fmt"
	"io"
)

// Block is some records of a container.
type Block struct {
	Count int64  // how many records the writer says there are; not checked
	Data  []byte // the records as stored, still compressed; aliases the input
}

// NextBlock reads the block at the start of data, which is what follows the
// header or the block before, and returns what follows it. The error is
// [io.EOF] when data is empty, and wraps [io.ErrUnexpectedEOF] when the block
// is cut short.
func NextBlock(data []byte, sync [SyncSize]byte) (b Block, rest []byte, err error) {
	if len(data) == 0 {
		return Block{}, nil, io.EOF
	}
	r := reader{data: data}
	b, err = r.block(sync)
	if err != nil {
		return Block{}, nil, fmt.Errorf("ocf: block: %w", err)
	}
	return b, data[r.at:], nil
}

func (r *reader) block(sync [SyncSize]byte) (Block, error) {
	count, err := r.long()
	if err != nil {
		return Block{}, err
	}
	if count < 0 {
		return Block{}, fmt.Errorf("count of %d", count)
	}
	size, err := r.long()
	if err != nil {
		return Block{}, err
	}
	if size < 0 {
		return Block{}, fmt.Errorf("size of %d", size)
	}
	data, err := r.take(size)
	if err != nil {
		return Block{}, err
	}
	end, err := r.take(SyncSize)
	if err != nil {
		return Block{}, err
	}
	if [SyncSize]byte(end) != sync {
		return Block{}, errors.New("sync marker differs")
	}
	return Block{Count: count, Data: data}, nil
}
