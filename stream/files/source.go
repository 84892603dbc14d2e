package files

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"math"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/chunk"
	"github.com/skyfinch/skyfinch/stream"
)

const (
	defaultMaxMessage = 64 << 20
	// largestMessage is the most that a binary view, of 32 bits, can hold.
	largestMessage = math.MaxInt32 - 64
)

// Source reads Avro files, directories, globs and tarballs. Its methods may be
// called concurrently.
type Source struct {
	// Patterns name files, directories and globs. Directories are searched
	// recursively. In a glob, ** matches any number of directories; a matching
	// directory is searched too.
	Patterns []string
	// Settle is how long a file must be unchanged before it is listed, for
	// directories that are still written to. If zero, every file is listed at
	// once. Otherwise a file is listed when calls of Available at least Settle
	// apart have found it with the same size and modification time, or at once
	// if it was modified more than a day ago: clocks may differ by less.
	Settle time.Duration
	// MaxMessage is the size in bytes of the largest message that is read, and
	// of the largest block of a container, both stored and decompressed. Larger
	// ones are rejected. If zero, it is 64 MiB.
	MaxMessage int64
	// ChunkRows and ChunkBytes are the most rows and bytes of values of a
	// chunk; a larger message is a chunk by itself. If zero, they are 64 rows
	// and 4 MiB.
	ChunkRows, ChunkBytes int
	// Alloc allocates the memory of messages, which need not be zeroed. If nil,
	// it is memory.DefaultAllocator.
	Alloc memory.Allocator
	// Log receives a warning for each skipped directory entry, once. If nil, it
	// is slog.Default().
	Log *slog.Logger

	listed    atomic.Bool // all patterns, once, without an error
	skipped   skippedPaths
	unsettled unsettled
}

// Available lists the files and their sizes without opening them. No extent has
// a known end, because the number of records is known only after a file has
// been read. A glob may match nothing yet, and a directory may have no alerts.
// A pattern without wildcards that matches nothing is a [NoMatchError], and one
// that cannot be read an error, until Available has succeeded once. Later, files
// may be moved away after they were archived. Other entries that cannot be read
// are skipped, with a warning, until they can.
func (s *Source) Available(ctx context.Context) ([]stream.Extent, error) {
	must := requireLiterals
	if s.listed.Load() {
		must = requireNone
	}
	l, err := s.list(ctx, must)
	if err != nil {
		return nil, err
	}
	s.listed.Store(true)
	return l.extents, nil
}

// Check returns a [NoMatchError] for the first pattern, globs included, that
// matches neither a file nor a directory, or else a [SkippedError] if
// Available skips entries that cannot be read. Call it first if all files must
// exist already; Available accepts globs whose files come later.
func (s *Source) Check(ctx context.Context) error {
	l, err := s.list(ctx, requireAll)
	if err == nil && l.skipped != nil {
		err = l.skipped
	}
	return err
}

func (s *Source) list(ctx context.Context, must required) (*listing, error) {
	l := &listing{
		source: s, number: s.unsettled.begin(), now: time.Now(), require: must,
		dirs: map[string]string{}, listed: map[string]bool{},
	}
	for _, pattern := range s.Patterns {
		if err := l.add(ctx, pattern); err != nil {
			return nil, err
		}
	}
	s.unsettled.end(l.number)
	return l, nil
}

// Read yields the messages of the ranges, in order. It blocks only on the file
// system. Damaged data becomes a reject and a missing file an account of lost
// offsets. The rest of a file that cannot be read is a *stream.UnreadableError,
// after which Read continues with the next range.
func (s *Source) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		r := s.reader(chunk.Yield(ctx, yield))
		defer r.close()
		r.yieldError = chunk.YieldError(yield)
		if err := r.ranges(ctx, ranges); err != nil && err != chunk.ErrStopped {
			yield(stream.Chunk{}, err)
		}
	}
}

// reader returns a reader that passes its chunks to emit.
func (s *Source) reader(emit func(stream.Chunk) error) *reader {
	mem := s.Alloc
	if mem == nil {
		mem = memory.DefaultAllocator
	}
	chunkRows := cmp.Or(max(s.ChunkRows, 0), chunk.DefaultRows)
	chunkBytes := min(cmp.Or(max(s.ChunkBytes, 0), chunk.DefaultBytes), largestMessage)
	return &reader{
		limit: min(cmp.Or(max(s.MaxMessage, 0), defaultMaxMessage), largestMessage),
		arena: arena{mem: mem, size: chunkBytes},
		out:   chunk.NewBuilder(mem, chunkRows, chunkBytes, emit),
		empty: memory.NewBufferBytes(nil),
	}
}

// Owns reports whether a name can be that of a file's partition.
func (s *Source) Owns(partition string) bool { return isPartition(partition) }

// topicOfUnnamedCluster matches the partitions of Kafka clusters without an id,
// which begin like a path: /topic@id/partition.
var topicOfUnnamedCluster = regexp.MustCompile(`^/[A-Za-z0-9._-]+@[A-Za-z0-9_-]{22}/[0-9]+$`)

// isPartition reports whether a name is an absolute path, which no partition of
// another source is: a file that is merely missing is lost.
func isPartition(name string) bool {
	return filepath.IsAbs(pathOf(name)) && !topicOfUnnamedCluster.MatchString(name)
}

// partitionOf returns the name of a file's partition.
func partitionOf(path string) string { return filepath.ToSlash(path) }

// pathOf is the inverse of partitionOf.
func pathOf(partition string) string { return filepath.FromSlash(partition) }
