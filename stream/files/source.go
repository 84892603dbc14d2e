package files

import (
	"context"
	"iter"
	"log/slog"
	"math"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	defaultMaxMessage = 64 << 20
	defaultChunkRows  = 64
	defaultChunkBytes = 4 << 20

	// A view counts its bytes in 32 bits.
	mostMessage = math.MaxInt32 - 64
)

// Source reads Avro files, directories, globs and tarballs. Its methods may be
// called concurrently. Between calls it remembers that it has listed its
// patterns once, and a number of entries that it has warned of.
type Source struct {
	// Patterns name files, directories and globs. Directories are searched
	// recursively. In a glob ** stands for any number of directories, and a
	// directory that matches means all that is in it.
	Patterns []string
	// Settle is how long a file must have lain unchanged before it is taken,
	// for directories that others still write to. 0 takes every file at once.
	// A file that was changed further in the future than that counts as
	// settled: some clock was wrong.
	Settle time.Duration
	// MaxMessage is the size in bytes of the largest message that is read,
	// and of the largest block of a container, stored and inflated. What is
	// larger is rejected. 0 is 64 MiB.
	MaxMessage int64
	// ChunkRows and ChunkBytes bound a chunk: no more rows than the first,
	// and no more bytes of values than the second unless a single row has
	// more. 0 is 64 rows and 4 MiB.
	ChunkRows, ChunkBytes int
	// Alloc is where messages are read to; it may return memory that is not
	// zeroed. nil is memory.DefaultAllocator.
	Alloc memory.Allocator
	// Log is told once of each entry of a directory that is skipped. nil is
	// slog.Default().
	Log *slog.Logger

	listed  atomic.Bool // all patterns, without an error
	skipped skipped
}

// Available lists the files and their sizes; it opens none. Every extent is
// open-ended, because only reading tells how many records a file has. A glob
// that matches nothing yet and a directory without alerts are empty. A pattern
// without wildcards that names nothing is a [NoMatchError], but only until
// Available has succeeded once: what is archived may be moved away.
func (s *Source) Available(ctx context.Context) ([]stream.Extent, error) {
	need := literals
	if s.listed.Load() {
		need = nothing
	}
	extents, err := s.list(ctx, need)
	if err == nil {
		s.listed.Store(true)
	}
	return extents, err
}

// Check returns a [NoMatchError] for the first pattern that stands for no file
// and no directory, be it a glob. Available lets a glob wait for its files;
// who has all files already asks Check before.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.list(ctx, everything)
	return err
}

func (s *Source) list(ctx context.Context, need need) ([]stream.Extent, error) {
	l := newListing(s.Settle, need, s.skip)
	for _, pattern := range s.Patterns {
		if err := l.add(ctx, pattern); err != nil {
			return nil, err
		}
	}
	return l.extents, nil
}

// Read yields the messages of the ranges, range by range. It blocks on the
// file system only. Damage in a file is a reject; an error is a file that
// cannot be read at all. A file that is gone is an account of lost offsets.
func (s *Source) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		r := s.reader(func(c stream.Chunk) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(c, nil) {
				return errStop
			}
			return nil
		})
		defer r.close()
		if err := r.ranges(ctx, ranges); err != nil && err != errStop {
			yield(stream.Chunk{}, err)
		}
	}
}

// reader returns a reader that hands its chunks to emit.
func (s *Source) reader(emit func(stream.Chunk) error) *reader {
	mem := s.Alloc
	if mem == nil {
		mem = memory.DefaultAllocator
	}
	chunkBytes := min(orDefault(s.ChunkBytes, defaultChunkBytes), mostMessage)
	return &reader{
		limit: min(orDefault(s.MaxMessage, defaultMaxMessage), mostMessage),
		arena: arena{mem: mem, size: chunkBytes},
		out: chunker{
			maxRows:  orDefault(s.ChunkRows, defaultChunkRows),
			maxBytes: chunkBytes,
			emit:     emit,
			messages: stream.NewMessageBuilder(mem),
		},
		none: memory.NewBufferBytes(nil),
	}
}

func orDefault[T int | int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// partitionOf is the name of the partition that a file is.
func partitionOf(path string) string { return filepath.ToSlash(path) }

// pathOf is its inverse.
func pathOf(partition string) string { return filepath.FromSlash(partition) }
