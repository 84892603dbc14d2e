package stream

import "github.com/skyfinch/skyfinch/stream/ledger"

// The types of package ledger that sources and sinks use.
type (
	Range   = ledger.Range
	Account = ledger.Account
	Receipt = ledger.Receipt
	File    = ledger.File
)

// Extent is what a source holds of one partition at the time of asking.
type Extent struct {
	// Range is everything that can be read now. From is the oldest offset that
	// still exists; the engine asks for lower ones only to have those that were
	// not read accounted for as lost. To is ledger.UnknownEnd if the end is not
	// known until it has been read.
	Range
	// Start is the offset at which a new ledger begins: From for "earliest", To
	// for "latest". Once the ledger has named any partition, Start is ignored:
	// partitions that appear later are read from their beginning.
	Start int64
	// Gone reports whether the partition no longer exists because it was deleted,
	// or deleted and created again. Those offsets of the range that are not
	// settled are lost. To is ledger.UnknownEnd if it is not known where the
	// partition ended; see Source.Read.
	Gone bool
	// AssignedElsewhere reports whether another process is to read the partition,
	// such as another member of the consumer group. This engine then does not
	// plan it, but records its start in a new ledger. Assignment decides who does
	// the work; correctness does not depend on it.
	AssignedElsewhere bool
	// Bytes estimates the size of the range's messages, 0 if unknown. It keeps
	// plans within Limits.Bytes.
	Bytes int64
}
