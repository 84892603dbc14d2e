package ledger

import (
	"fmt"
	"math"
)

// UnknownEnd is the To of a range whose end is not known until it has been read,
// such as a compressed tarball. The commit records the end that was found.
const UnknownEnd = math.MaxInt64

// Range is the half-open range of offsets [From, To) of one partition.
type Range struct {
	// Partition names the partition, uniquely and permanently, such as
	// "cluster/topic@id/7" or the path of a file. A topic that is deleted and
	// created again must get another partition name.
	Partition string `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

// Len returns the number of offsets in r, or UnknownEnd if its end is unknown.
func (r Range) Len() int64 {
	if r.To == UnknownEnd {
		return UnknownEnd
	}
	return r.To - r.From
}

// String formats the range as partition[from,to).
func (r Range) String() string {
	if r.To == UnknownEnd {
		return fmt.Sprintf("%s[%d,…)", r.Partition, r.From)
	}
	return fmt.Sprintf("%s[%d,%d)", r.Partition, r.From, r.To)
}

// Account records what became of a range of offsets:
//
//	To − From = Read + Control + Aborted + Compacted + Lost
//	Read      = Written + Rejected + Dropped
//
// A source fills in the first line, the engine the second.
type Account struct {
	Range
	// End reports whether To is the final end of the partition.
	End       bool  `json:"end,omitempty"`
	Read      int64 `json:"read,omitempty"`      // messages
	Control   int64 `json:"control,omitempty"`   // transaction markers
	Aborted   int64 `json:"aborted,omitempty"`   // messages of aborted transactions
	Compacted int64 `json:"compacted,omitempty"` // offsets removed by log compaction, or pruned, or outside the job's time range
	Lost      int64 `json:"lost,omitempty"`      // offsets gone before they were read
	Written   int64 `json:"written,omitempty"`   // messages whose rows went to the sink
	Rejected  int64 `json:"rejected,omitempty"`  // messages that went to the rejects
	Dropped   int64 `json:"dropped,omitempty"`   // messages that a transform left out
}

// Check returns an error if the first of the two sums is wrong, a count in it is
// negative, or the range has no end.
func (a Account) Check() error {
	if a.From < 0 || a.To < a.From || a.To == UnknownEnd {
		return fmt.Errorf("account of %v has no end", a.Range)
	}
	if min(a.Read, a.Control, a.Aborted, a.Compacted, a.Lost) < 0 {
		return fmt.Errorf("account of %v has a negative count", a.Range)
	}
	rest := a.To - a.From // the sum could overflow
	for _, n := range [...]int64{a.Read, a.Control, a.Aborted, a.Compacted, a.Lost} {
		if n > rest {
			return fmt.Errorf("account of %v: %d offsets, and more accounted for", a.Range, a.To-a.From)
		}
		rest -= n
	}
	if rest > 0 {
		return fmt.Errorf("account of %v: %d offsets, %d accounted for", a.Range, a.To-a.From, a.To-a.From-rest)
	}
	return nil
}

// Add extends a by b, which begins where a ends.
func (a *Account) Add(b Account) {
	a.To, a.End = b.To, b.End
	a.Read += b.Read
	a.Control += b.Control
	a.Aborted += b.Aborted
	a.Compacted += b.Compacted
	a.Lost += b.Lost
	a.Written += b.Written
	a.Rejected += b.Rejected
	a.Dropped += b.Dropped
}
