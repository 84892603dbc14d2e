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

// mostPadding is more than any tar pads an archive with; its blocks are 10 KiB
// unless somebody asks for others.
const mostPadding = 1 << 20

// tarball reads the members of a tar archive in one pass. It lets a damaged
// archive end in a reject; only what the disk itself refuses is an error.
func (r *reader) tarball(ctx context.Context, name string, src io.Reader) error {
	disk := &faults{src: live{ctx, src}}
	err := r.archive(ctx, name, disk)
	damage := new(readError)
	if !errors.As(err, &damage) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err // what looks like damage may be no more than that
	}
	if disk.err != nil {
		return &readError{name, disk.err}
	}
	r.topic, r.first = r.Partition, 0
	return r.reject(stream.View{}, "%v", damage.err)
}

// archive reads one tar archive after the other: who concatenates two means
// both, though a tar reader stops at the end of the first.
func (r *reader) archive(ctx context.Context, name string, disk io.Reader) error {
	src, err := gunzipped(disk)
	if err != nil {
		return &readError{name, err}
	}
	tail := &tail{src: live{ctx, src}}
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
			return tail.check(name)
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
		if err := r.member(ctx, name, h, t); err != nil && err != errGone {
			return err
		}
	}
}

func (r *reader) member(ctx context.Context, name string, h *tar.Header, data io.Reader) error {
	sparse := isSparse(h)
	if h.Typeflag != tar.TypeReg && !sparse || hidden(path.Base(h.Name)) {
		return nil
	}
	r.begin(memberTopic(r.Partition, h.Name))
	if sparse {
		return r.reject(stream.View{}, "sparse member of %d bytes", h.Size)
	}
	return r.contents(ctx, name, data, h.Size)
}

// isSparse reports whether a member has holes. No alert has, and a few bytes
// could claim one that takes years to read.
func isSparse(h *tar.Header) bool {
	_, major := h.PAXRecords["GNU.sparse.major"]
	_, blocks := h.PAXRecords["GNU.sparse.numblocks"]
	return h.Typeflag == tar.TypeGNUSparse || major || blocks
}

// memberTopic is where the records of a member come from. The column holds
// UTF-8, which the name need not be.
func memberTopic(archive, name string) string {
	return archive + strings.ToValidUTF8(path.Clean("/"+name), "\uFFFD")
}

// gunzipped inflates what begins like gzip, whatever the name says.
func gunzipped(disk io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(disk, 256<<10)
	head, err := in.Peek(2)
	if err != nil { // none is shorter than this
		return nil, io.ErrUnexpectedEOF
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	return gzip.NewReader(in)
}

// skipZeros passes over the padding behind an archive and reports whether
// anything else follows. Having come to the end, it has also seen gzip's
// checksum. More than mostPadding is the end, too, but one not looked behind:
// a few kilobytes can inflate to zeros for hours.
func skipZeros(in *bufio.Reader) (more bool, err error) {
	for skipped := 0; skipped <= mostPadding; {
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

// tail knows whether an archive ended in a block of zeros. A tar reader takes
// one that was cut between two members for a whole one.
type tail struct {
	src   io.Reader
	zeros int // at the end of what was read
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	zeros := n - len(bytes.TrimRight(p[:n], "\x00"))
	if zeros == n {
		zeros += t.zeros
	}
	t.zeros = zeros
	return n, err
}

func (t *tail) check(name string) error {
	if t.zeros < 512 {
		return &readError{name, fmt.Errorf("no end-of-archive marker: %w", io.ErrUnexpectedEOF)}
	}
	return nil
}

// live is a reader that ends with its context: a member to be skipped, or what
// a gzip stream inflates to, may take longer than anybody waits.
type live struct {
	ctx context.Context
	src io.Reader
}

func (l live) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.src.Read(p)
}

// faults remembers the errors of a disk, which are mixed with those of the
// formats on it otherwise.
type faults struct {
	src io.Reader
	err error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.src.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
