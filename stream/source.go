package stream

import (
	"context"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Source is something with partitions of numbered messages: a Kafka cluster,
// a directory of files, an archive.
type Source interface {
	// Available returns what can be read now, one extent a partition, in an
	// order that does not change from call to call. It is called before each
	// plan, never concurrently, and may block on the network. The engine
	// retries an error with backoff unless it is Permanent.
	Available(ctx context.Context) ([]Extent, error)

	// Read yields the messages of the ranges, one range after the other or
	// interleaved, but always so that equal ranges give equal messages in
	// equal order with equal bounds of chunks. Ranges may be of one partition,
	// disjoint and in any order: each has accounts of its own. The engine puts
	// first what it wants most, because a batch that gets full leaves out what
	// comes last. A range may begin before what
	// is left, or name what has vanished since Available: the answer is an
	// account of the offsets that are gone, with Lost set, and what becomes of
	// that is for the engine to say; of an extent that is Gone and Open, an
	// account of nothing with End set. It ends when the ranges are
	// read, when an open range has come to its end, at the first error, or
	// when the engine stops listening because the batch is full. After an
	// error the engine calls Read anew, with backoff, for the whole batch.
	Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error]
}

// Chunk is a run of messages as a source hands it over. Messages is borrowed:
// it is valid until the next chunk is asked for, unless it is retained. The
// slices are the engine's to keep.
type Chunk struct {
	// Messages holds a row a message, by MessageSchema in the sources of
	// this module. nil stands for no row.
	Messages arrow.Record
	// Accounts says which offsets the chunk covers. Account i explains the
	// next Read rows of Messages. Within a batch the accounts of a range
	// follow each other without a gap; the engine checks that.
	Accounts []Account
	// Weight is what decoding the chunk may take in memory at most, in bytes,
	// where that is more than its messages take: compressed ones. It counts
	// against Limits.InFlight until the chunk has been decoded.
	Weight int64
	// Rejects are messages that the source itself can tell to be no good.
	Rejects []Reject
}

// A Resumer is a Source that wants to know what has been archived before: it is
// told once in a Run or Drain, before the first Available, the lowest offset
// that is not settled of each partition that the ledger names. It may tell a
// partition that vanished while nobody looked, and list it as Gone.
type Resumer interface {
	Resume(ctx context.Context, settled map[string]int64) error
}

// A Committer is a Source that wants to hear what has been archived, so that
// the tools of its world can show a lag. It is told after the publication of
// each batch the lowest offset that is not settled of each partition that the
// ledger names; what it is told is a courtesy, the ledger is the truth.
type Committer interface {
	Committed(ctx context.Context, settled map[string]int64) error
}
