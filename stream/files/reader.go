package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/chunk"
	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/internal/regular"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// reader is one call of Read.
type reader struct {
	limit      int64 // in bytes, of a message and of a block
	arena      arena
	out        *chunk.Builder
	yieldError func(error) error
	empty      *memory.Buffer // of empty values

	rng   stream.Range // being read
	next  int64        // the offset of the next record; those before rng are counted, not emitted
	topic string       // the file or member being read
	first int64        // the offset of its first record

	scratch []byte
	schemas schemaCache
}

func (r *reader) close() {
	r.arena.release()
	r.out.Release()
}

func (r *reader) ranges(ctx context.Context, ranges []stream.Range) error {
	for _, rng := range ranges {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.readRange(ctx, rng); err != nil {
			return err
		}
	}
	return r.out.Flush()
}

func (r *reader) readRange(ctx context.Context, rng stream.Range) error {
	r.rng, r.next = rng, 0
	r.begin(rng.Partition)
	if !isPartition(rng.Partition) {
		return &stream.ForeignError{Partition: rng.Partition}
	}
	path := pathOf(rng.Partition)
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.lost(rng)
		return nil
	}
	if err != nil {
		return r.unreadable(ctx, fmt.Errorf("files: %w", err))
	}
	defer f.Close()
	if isTarball(rng.Partition) {
		err = r.tarball(ctx, path, f)
	} else {
		err = r.file(ctx, path, f)
	}
	if errors.As(err, new(*readError)) {
		return r.unreadable(ctx, err)
	}
	if err != nil && err != errRangeEnd && err != errRestLost {
		return err
	}
	if r.next < rng.From {
		r.lost(rng) // the file had more records when the earlier offsets were read
		return nil
	}
	r.out.Account(rng, r.next).End = err != errRangeEnd
	return nil
}

// unreadable reports the rest of the range as unreadable. It returns an error if
// the reading ends.
func (r *reader) unreadable(ctx context.Context, err error) error {
	if err := ctx.Err(); err != nil {
		return err // a read may have failed because of this
	}
	rest := stream.Range{Partition: r.rng.Partition, From: max(r.next, r.rng.From), To: r.rng.To}
	return r.yieldError(&stream.UnreadableError{Range: rest, Err: err})
}

// lost accounts for a file that is missing or was replaced. The range is lost and
// the partition ends; if the end is unknown, one lost record represents it.
func (r *reader) lost(rng stream.Range) {
	if rng.To == ledger.UnknownEnd {
		rng.To = rng.From + 1
	}
	r.out.Lost(rng, true)
}

// begin sets the topic of the records that follow.
func (r *reader) begin(topic string) { r.topic, r.first = topic, r.next }

// row adds the next record as a message or, if cause is not empty, as a reject.
// It returns errRangeEnd after the end of the range.
func (r *reader) row(key, value stream.View, cause string) error {
	return r.heavyRow(key, value, 0, cause)
}

// largeMessage is the size in bytes of a message that is passed on before more is
// read.
const largeMessage = 8 << 20

// heavyRow is row with a weight: the memory in bytes that decoding the record
// may take.
func (r *reader) heavyRow(key, value stream.View, weight int64, cause string) error {
	n := r.next
	if n >= r.rng.To {
		return errRangeEnd
	}
	r.next++
	if n < r.rng.From {
		return nil
	}
	m := stream.Message{Topic: r.topic, Offset: n - r.first, Key: key, Value: value}
	if err := r.out.Add(m, int64(value.To-value.From), weight); err != nil {
		return err
	}
	if cause != "" {
		r.out.Reject(cause)
	}
	a := r.out.Account(r.rng, n)
	a.To++
	a.Read++
	if value.To-value.From > largeMessage {
		return r.out.Flush() // before the memory for the next one is taken
	}
	return nil
}

// reject adds the next record as a reject with the bytes of v, if it has any.
func (r *reader) reject(v stream.View, format string, args ...any) error {
	if v.Buffer == nil {
		v.Buffer = r.empty
	}
	return r.row(stream.View{}, v, r.cause(format, args...))
}

func (r *reader) cause(format string, args ...any) string {
	return "files: " + r.topic + ": " + fmt.Sprintf(format, args...)
}

func (r *reader) tooLarge(size int64) error {
	return r.reject(stream.View{}, "message of %d bytes exceeds the limit of %d", size, r.limit)
}

// file reads a file that is not a tarball.
func (r *reader) file(ctx context.Context, path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return r.contents(ctx, path, f, info.Size())
}

// contents reads a file or a member of a tarball.
func (r *reader) contents(ctx context.Context, path string, src io.Reader, size int64) error {
	if size > r.limit {
		return r.large(ctx, &window{path: path, src: src, left: size})
	}
	v := r.arena.take(int(size))
	defer v.Buffer.Release()
	if _, err := io.ReadFull(src, bytesOf(v)); err != nil {
		return &readError{path, shortened(err)}
	}
	err := r.small(ctx, v)
	if r.next <= r.rng.From {
		r.arena.giveBack(v)
	}
	return err
}

// shortened returns the error of reading a file that is shorter than its size.
func shortened(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("shorter than its size: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// small reads a file in memory.
func (r *reader) small(ctx context.Context, v stream.View) error {
	data := bytesOf(v)
	if !ocf.IsOCF(data) {
		return r.row(stream.View{}, v, "")
	}
	h, err := ocf.ParseHeader(data)
	if err != nil {
		return r.row(stream.View{}, v, "")
	}
	if !r.severalRecords(h, data) {
		return r.heavyRow(stream.View{}, v, ocf.Weight(h.Codec, int64(len(data)), r.limit), "")
	}
	return r.blocks(ctx, containerIn(v, h), v)
}

func isTarball(name string) bool {
	return strings.HasSuffix(name, ".tar") || isGzipped(name)
}

func isGzipped(name string) bool {
	return strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}
