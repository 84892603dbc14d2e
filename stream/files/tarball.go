package files

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/skyfinch/skyfinch/stream"
)

// maxPadding exceeds the padding of any tar archive, which is 10 KiB by default.
const maxPadding = 1 << 20

// tarball reads the members of a tar archive in one pass. Damage ends the archive
// with a reject; only a read error of the file itself is returned.
func (r *reader) tarball(ctx context.Context, name string, src io.Reader) error {
	disk := &errorKeeper{src: contextReader{ctx, src}}
	err := r.archive(ctx, name, disk)
	damage := new(readError)
	if !errors.As(err, &damage) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err // what looks like damage may be due to this
	}
	if disk.err != nil {
		return &readError{name, disk.err}
	}
	r.topic, r.first = r.rng.Partition, 0
	return r.reject(stream.View{}, "%v", damage.err)
}

// archive reads concatenated tar archives one after the other; a tar.Reader stops
// at the end of the first.
func (r *reader) archive(ctx context.Context, name string, disk io.Reader) error {
	src, err := gunzipped(disk)
	if err != nil {
		return &readError{name, err}
	}
	tail := &zeroCounter{src: contextReader{ctx, src}}
	in := bufio.NewReaderSize(tail, 64<<10)
	for {
		if err := r.members(ctx, name, tar.NewReader(in)); err != nil {
			return err
		}
		more, err := skipZeros(in)
		if err != nil {
			return &readError{name, err}
		}
		if !more {
			return tail.checkEnd(name)
		}
	}
}

func (r *reader) members(ctx context.Context, name string, t *tar.Reader) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &readError{name, err}
		}
		if err := r.member(ctx, name, h, t); err != nil && err != errRestLost {
			return err
		}
	}
}

func (r *reader) member(ctx context.Context, name string, h *tar.Header, data io.Reader) error {
	sparse := isSparse(h)
	if h.Typeflag != tar.TypeReg && !sparse || hidden(path.Base(h.Name)) {
		return nil
	}
	r.begin(memberTopic(r.rng.Partition, h.Name))
	if sparse {
		return r.reject(stream.View{}, "sparse member of %d bytes", h.Size)
	}
	return r.contents(ctx, name, data, h.Size)
}

// isSparse reports whether a member may have holes. Alerts have none, and a
// few bytes could claim a member that takes years to read.
func isSparse(h *tar.Header) bool {
	_, major := h.PAXRecords["GNU.sparse.major"]
	_, blocks := h.PAXRecords["GNU.sparse.numblocks"]
	return h.Typeflag == tar.TypeGNUSparse || major || blocks
}

// memberTopic returns the topic of a member's messages. The column holds UTF-8,
// which the name need not be.
func memberTopic(archive, name string) string {
	return archive + strings.ToValidUTF8(path.Clean("/"+name), "\uFFFD")
}

// gunzipped decompresses data that begins like gzip, whatever the file's name.
func gunzipped(disk io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(disk, 256<<10)
	head, err := in.Peek(2)
	if err != nil { // too short for an archive
		return nil, io.ErrUnexpectedEOF
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	return gzip.NewReader(in)
}

// skipZeros skips the padding after an archive and reports whether other data
// follow. If it reaches the end, gzip's checksum has been verified. It stops
// after maxPadding, for a few kilobytes can decompress to zeros for hours.
func skipZeros(in *bufio.Reader) (more bool, err error) {
	for skipped := 0; skipped <= maxPadding; {
		head, err := in.Peek(512)
		if len(bytes.TrimLeft(head, "\x00")) > 0 {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		_, _ = in.Discard(len(head))
		skipped += len(head)
	}
	return false, nil
}

// zeroCounter counts the zeros at the end of the data read. It detects an archive
// truncated between two members, which a tar.Reader takes for a whole one.
type zeroCounter struct {
	src   io.Reader
	zeros int
}

func (t *zeroCounter) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	zeros := n - len(bytes.TrimRight(p[:n], "\x00"))
	if zeros == n {
		zeros += t.zeros
	}
	t.zeros = zeros
	return n, err
}

// checkEnd returns an error unless the archive ended in a block of zeros.
func (t *zeroCounter) checkEnd(name string) error {
	if t.zeros < 512 {
		return &readError{name, fmt.Errorf("no end-of-archive marker: %w", io.ErrUnexpectedEOF)}
	}
	return nil
}

// contextReader fails once its context is done: skipping a member, or
// decompressing zeros, can take very long.
type contextReader struct {
	ctx context.Context
	src io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.src.Read(p)
}

// errorKeeper keeps the error of the file, to distinguish it from errors of the
// formats in it.
type errorKeeper struct {
	src io.Reader
	err error
}

func (r *errorKeeper) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
