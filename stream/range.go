package stream

import (
	"fmt"
	"math"
)

// Open is the To of a range whose end nobody knows before it has been read: a
// compressed tarball, say. A batch commits what it found there.
const Open = math.MaxInt64

// Range is a half-open run of offsets [From, To) of one partition.
type Range struct {
	// Partition names the partition in full and for ever: "cluster/topic@id/7",
	// or the path of a file. Something made anew under an old name must get
	// another partition name.
	Partition string `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

// Len is the number of offsets in r, or Open when its end is not known.
func (r Range) Len() int64 {
	if r.To == Open {
		return Open
	}
	return r.To - r.From
}

// String gives the range as partition[from,to).
func (r Range) String() string {
	if r.To == Open {
		return fmt.Sprintf("%s[%d,…)", r.Partition, r.From)
	}
	return fmt.Sprintf("%s[%d,%d)", r.Partition, r.From, r.To)
}

// Extent is what a source holds of one partition at the moment of asking.
type Extent struct {
	// Range is all that can be read now. Its From is the oldest offset that is
	// still there; the engine asks for less only where offsets are gone that
	// it has not read, to have them accounted for as lost.
	Range
	// Start is where a new ledger begins: From for "earliest", To for
	// "latest". It counts only while the ledger names no partition at all; one
	// that turns up later is read from its beginning.
	Start int64
	// Gone says that the partition is no more: deleted, or made anew under its
	// name. What the ledger has not settled of the range is lost; To is Open
	// where nobody knows how much that was. See Source.Read.
	Gone bool
	// AssignedElsewhere says that another process is to read the partition: a member of
	// the same group has it. That is about who does the work, not about what is
	// right. It is not planned here; where a new ledger begins it is recorded
	// all the same.
	AssignedElsewhere bool
	// Bytes estimates the size of the range's messages, 0 where that is not
	// known. It keeps plans within Limits.Bytes.
	Bytes int64
}

// Account says what became of a run of offsets:
//
//	To − From = Read + Control + Aborted + Compacted + Lost
//	Read      = Written + Rejected + Dropped
//
// A source fills in the first line, the engine the second.
type Account struct {
	Range
	// End says that nothing follows To in this partition, ever.
	End       bool  `json:"end,omitempty"`
	Read      int64 `json:"read,omitempty"`      // messages
	Control   int64 `json:"control,omitempty"`   // transaction markers
	Aborted   int64 `json:"aborted,omitempty"`   // messages of aborted transactions
	Compacted int64 `json:"compacted,omitempty"` // offsets that log compaction took
	Lost      int64 `json:"lost,omitempty"`      // offsets gone before they were read
	Written   int64 `json:"written,omitempty"`   // messages of which rows went to the sink
	Rejected  int64 `json:"rejected,omitempty"`  // messages that went to the rejects
	Dropped   int64 `json:"dropped,omitempty"`   // messages that a transform left out
}

// check returns an error when the account does not add up.
func (a Account) check() error {
	if a.To < a.From || a.To == Open {
		return fmt.Errorf("stream: account of %v has no end", a.Range)
	}
	if min(a.Read, a.Control, a.Aborted, a.Compacted, a.Lost) < 0 {
		return fmt.Errorf("stream: account of %v counts less than nothing", a.Range)
	}
	if seen := a.Read + a.Control + a.Aborted + a.Compacted + a.Lost; seen != a.To-a.From {
		return fmt.Errorf("stream: account of %v: %d offsets, %d accounted for", a.Range, a.To-a.From, seen)
	}
	return nil
}

// add takes b, which begins where a ends, into a.
func (a *Account) add(b Account) {
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
