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

	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// reader is one call of Read.
type reader struct {
	limit int64 // of a message and of a block
	arena arena
	out   chunker
	none  *memory.Buffer // what an empty value points into

	// The range being read, and the number in its partition of the next
	// record. Records before the range are counted, not handed over.
	stream.Range
	next int64
	// The file or member being read, and the number of its first record.
	topic string
	first int64

	scratch []byte
	schemas schemas
}

func (r *reader) close() {
	r.arena.release()
	r.out.messages.Release()
}

func (r *reader) ranges(ctx context.Context, ranges []stream.Range) error {
	for _, rng := range ranges {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.one(ctx, rng); err != nil {
			return err
		}
	}
	return r.out.flush()
}

func (r *reader) one(ctx context.Context, rng stream.Range) error {
	r.Range, r.next, r.out.apart = rng, 0, true
	r.begin(rng.Partition)
	path := pathOf(rng.Partition)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.lost(rng)
		return nil
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	defer f.Close()
	if isTarball(rng.Partition) {
		err = r.tarball(ctx, path, f)
	} else {
		err = r.file(ctx, path, f)
	}
	if err != nil && err != errMore && err != errGone {
		return err
	}
	if r.next < rng.From {
		r.lost(rng) // it had more when those before the range were read
		return nil
	}
	r.out.end(rng.Partition, r.next, err != errMore)
	return nil
}

// lost answers for a file that is there no more, or no longer the one that was
// begun: what was asked for is lost, one record at the least, and nothing
// follows.
func (r *reader) lost(rng stream.Range) {
	to := rng.To
	if to == ledger.UnknownEnd {
		to = rng.From + 1
	}
	r.out.lost(rng.Partition, rng.From, to)
}

// begin makes topic the origin of the records that follow.
func (r *reader) begin(topic string) { r.topic, r.first = topic, r.next }

// row takes the next record: it is a message, or a reject if cause is not
// empty. It returns errMore behind the end of the range.
func (r *reader) row(key, value stream.View, cause string) error {
	return r.heavyRow(key, value, 0, cause)
}

// heavyRow takes the next record like row. Decoding it may take as much memory
// as its weight says.
func (r *reader) heavyRow(key, value stream.View, weight int64, cause string) error {
	n := r.next
	if n >= r.To {
		return errMore
	}
	r.next++
	if n < r.From {
		return nil
	}
	m := stream.Message{Topic: r.topic, Offset: n - r.first, Key: key, Value: value}
	return r.out.add(r.Partition, n, m, weight, cause)
}

// reject takes the next record as a reject whose bytes are v, or none.
func (r *reader) reject(v stream.View, format string, args ...any) error {
	if v.Buffer == nil {
		v.Buffer = r.none
	}
	return r.row(stream.View{}, v, r.cause(format, args...))
}

func (r *reader) cause(format string, args ...any) string {
	return "files: " + r.topic + ": " + fmt.Sprintf(format, args...)
}

func (r *reader) tooLarge(size int64) error {
	return r.reject(stream.View{}, "message of %d bytes exceeds the limit of %d", size, r.limit)
}

// file reads a file that is no tarball.
func (r *reader) file(ctx context.Context, path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("files: read %s: not a regular file", path)
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
	if r.next <= r.From {
		r.arena.giveBack(v)
	}
	return err
}

// shortened is the error of a file that had fewer bytes than it was said to
// have.
func shortened(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("shorter than its size: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// small reads a file that is in memory.
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
