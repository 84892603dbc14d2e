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
	// still exists; the engine requests lower ones only if they were gone
	// before it read them, to have them accounted for as lost. To is
	// ledger.UnknownEnd if the end is not known before it has been read.
	Range
	// Start is where a new ledger begins: From for "earliest", To for "latest".
	// It is used only until the ledger names a partition; partitions that
	// appear later are read from their beginning.
	Start int64
	// Gone reports that the partition no longer exists: it was deleted, or
	// created again under its name. Offsets of the range that are not settled
	// are lost; To is ledger.UnknownEnd if their number is not known. See
	// Source.Read.
	Gone bool
	// AssignedElsewhere reports that another process is to read the partition,
	// such as another member of the same consumer group. Such a partition is
	// not planned here, but a new ledger records its start. Assignment divides
	// the work; correctness does not depend on it.
	AssignedElsewhere bool
	// Bytes estimates the size of the range's messages, 0 if unknown. It keeps
	// plans within Limits.Bytes.
	Bytes int64
}
