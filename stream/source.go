package stream

import (
	"context"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Source has partitions of numbered messages: a Kafka cluster, a directory of
// files, an archive.
type Source interface {
	// Available returns what can be read now, one extent for each partition, in
	// the same order at each call. The engine calls it before each plan, never
	// concurrently. It may block. The engine retries an error with backoff,
	// unless it is Permanent.
	Available(ctx context.Context) ([]Extent, error)

	// Read yields the messages of the ranges, one range after the other or
	// interleaved, but equal ranges must yield equal messages in equal order
	// with equal chunk boundaries. Several ranges may be of one partition; they
	// are disjoint, in any order, and each has its own accounts. The engine
	// puts the most urgent range first, because a batch that fills up leaves
	// out the last ranges.
	//
	// A range may begin before the oldest offset that still exists, or name a
	// partition that has vanished since Available: Read then yields an account
	// of the missing offsets with Lost set, and the engine decides what to do.
	// For an extent that is Gone and has an unknown end it yields an empty
	// account with End set.
	//
	// Read ends when all ranges have been read to their ends, at the first error,
	// or when the engine stops iterating because the batch is full. After an
	// error the engine calls Read again, with backoff, for the whole batch. There
	// is one exception: if the rest of a range cannot be read at present, Read
	// may yield an *UnreadableError and continue with the other ranges.
	//
	// If a partition cannot be one of the source's, Read yields a *ForeignError
	// and does not account for its offsets as lost.
	Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error]
}

// Chunk is a run of messages from a source, or of decoded rows. Messages is
// borrowed: it is valid until the next chunk is requested, unless it is retained.
// The engine owns the slices.
type Chunk struct {
	// Messages holds one row for each message, with MessageSchema in the sources
	// of this module. If nil, the chunk has no messages.
	Messages arrow.Record
	// Table is empty if Messages holds raw messages. Otherwise Messages holds
	// decoded rows of this table, such as rows of an archive, and the first
	// transform gets them with this Rows.Table. Of a rejected row only the
	// position is kept; see RejectedRowSchema.
	Table string
	// Accounts are the offsets that the chunk covers. Account i explains the
	// next Read rows of Messages. Within a batch the accounts of a range must
	// follow each other without a gap; the engine checks that.
	Accounts []Account
	// Weight is an upper bound, in bytes, of the memory that decoding the chunk
	// takes, if that exceeds the size of its messages, as for compressed ones.
	// It counts against Limits.InFlight until the chunk has been decoded.
	Weight int64
	// Rejects are the bad messages that the source itself has found.
	Rejects []Reject
}

// A Resumer is a Source that is notified of what was archived before. Resume is
// called once in each Run or Drain, before the first call of Available, with
// the lowest unsettled offset of each partition in the ledger. The source may
// then list partitions that have vanished meanwhile as Gone.
type Resumer interface {
	Resume(ctx context.Context, settled map[string]int64) error
}

// An Owner is a Source that recognises the names of its partitions. A ledger may
// hold partitions of other sources, which earlier jobs have not read to their ends:
// the engine then plans only those that the source owns.
type Owner interface {
	// Owns reports whether a partition can be one of the source's, whether or not
	// Available lists it.
	Owns(partition string) bool
}

// An Adopter is a Source whose partitions depend on when it is first asked, such as
// those of a query of a table that grows. Adopt is called before each plan, with
// the lowest unclaimed offset of each partition that earlier plans have named.
// Processes that share a ledger thus agree on the partitions: a plan is made after
// all earlier ones have been read, so the source can keep to what they named.
//
// Adopt reports whether Available lists other partitions than the last time. A
// Drain, which otherwise asks only once, then asks again. Adopt must not change
// the map.
type Adopter interface {
	Adopt(partitions map[string]int64) (changed bool)
}

// A Committer is a Source that is notified of what has been archived, so that
// other tools can show the lag. Committed is called after the publication of
// each batch, with the lowest unsettled offset of each partition in the ledger.
// An error is logged; the ledger remains authoritative.
type Committer interface {
	Committed(ctx context.Context, settled map[string]int64) error
}

// A Waiter is a Source that can wait for new messages. If a MicroBatch has nothing
// to do, it then plans as soon as there are some, rather than after its Interval.
// Run calls Wait, Drain does not.
//
// Each return of Wait may lead to a batch, with its files and records. A source
// that gets messages all the time, such as Kafka, should not be a Waiter.
type Waiter interface {
	// Wait blocks until Available would list something that it did not list the
	// last time, and returns nil. It may return nil although there is nothing new.
	// If ctx ends first, Wait must return ctx's error soon; the engine often ends
	// it to read the ledger. After any other error, which is logged, the engine
	// plans at the end of the Interval. Wait is not called concurrently with
	// Available.
	Wait(ctx context.Context) error
}
