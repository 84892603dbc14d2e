package files

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
)

// blockHeadSize is the size of the longest head of a block: its number of records
// and its size in bytes.
const blockHeadSize = 2 * binary.MaxVarintLen64

// large reads a file that exceeds the limit: a container block by block;
// anything else is rejected.
func (r *reader) large(ctx context.Context, w *window) error {
	size := w.left
	h, err := w.header(r.limit)
	if err != nil {
		return err
	}
	if h == nil {
		return r.tooLarge(size)
	}
	key := r.arena.take(len(h.Schema))
	defer key.Buffer.Release()
	copy(bytesOf(key), h.Schema)
	c := &container{Header: *h, key: key}
	c.Schema = bytesOf(key) // the window's bytes do not stay valid
	if err := w.discard(int64(h.Size)); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.nextBlock(c, w); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		c.blocks++
	}
	if r.next == r.first {
		return r.tooLarge(size)
	}
	return nil
}

// nextBlock reads one block of a container. Its frame is checked before its
// first row is added, as for a container in memory.
func (r *reader) nextBlock(c *container, w *window) error {
	count, size, err := w.blockHead()
	if err == io.EOF {
		return err
	}
	if errors.As(err, new(*readError)) {
		return err
	}
	none := stream.View{}
	if err == nil && !r.plausible(c.Codec, count, size) {
		err = errors.New("it claims more records than it has bytes")
	}
	if err != nil {
		return r.damage(c, none, "%v", err)
	}
	before := count <= r.rng.From-r.next
	if before || size > r.limit || count == 0 {
		if err := w.discard(size); err != nil {
			return err
		}
		return r.unreadBlock(c, w, count, size)
	}
	if r.next >= r.rng.To {
		return errRangeEnd
	}
	stored := r.arena.take(int(size))
	defer stored.Buffer.Release()
	if err := w.read(bytesOf(stored)); err != nil {
		return err
	}
	if same, err := w.sync(c.Sync); err != nil {
		return err
	} else if !same {
		return r.damage(c, none, "sync marker differs")
	}
	return r.block(c, count, stored)
}

// unreadBlock accounts for a block whose data was skipped.
func (r *reader) unreadBlock(c *container, w *window, count, size int64) error {
	same, err := w.sync(c.Sync)
	if err != nil {
		return err
	}
	if !same {
		return r.damage(c, stream.View{}, "sync marker differs")
	}
	if count == 0 || r.skip(count) {
		return nil
	}
	if count > size {
		return r.damage(c, stream.View{}, "claims %d records in %d bytes", count, size)
	}
	if count == 1 {
		return r.tooLarge(size)
	}
	err = fmt.Errorf("%d bytes exceed the limit of %d", size, r.limit)
	return r.rejectAll(c, count, stream.View{Buffer: r.empty}, err)
}

// header returns the header of the container that begins at the start of the
// window, or nil if there is none within limit bytes.
func (w *window) header(limit int64) (*ocf.Header, error) {
	for n := int64(64 << 10); ; n *= 4 {
		n = min(n, limit)
		head, err := w.peek(int(n))
		if err != nil {
			return nil, err
		}
		h, err := ocf.ParseHeader(head)
		if err == nil {
			return &h, nil
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || n == limit || int64(len(head)) < n {
			return nil, nil
		}
	}
}

// blockHead reads the numbers of records and bytes of a block. It returns io.EOF
// at the end of the file. For an impossible block the error is not a readError.
func (w *window) blockHead() (count, size int64, err error) {
	head, err := w.peek(blockHeadSize)
	if err != nil {
		return 0, 0, err
	}
	if len(head) == 0 {
		return 0, 0, io.EOF
	}
	count, n := binary.Varint(head)
	size, m := binary.Varint(head[max(n, 0):])
	if n <= 0 || m <= 0 || count < 0 || size < 0 {
		return 0, 0, errors.New("invalid count or size")
	}
	if size > w.left-int64(n+m)-ocf.SyncSize {
		return 0, 0, io.ErrUnexpectedEOF
	}
	return count, size, w.discard(int64(n + m))
}

// sync reads a sync marker and reports whether it equals want.
func (w *window) sync(want [ocf.SyncSize]byte) (bool, error) {
	var got [ocf.SyncSize]byte
	err := w.read(got[:])
	return got == want, err
}
