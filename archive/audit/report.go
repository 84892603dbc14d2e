package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Report is the result of an audit. It is plain data.
type Report struct {
	Archive    string      `json:"archive,omitempty"`
	Ledger     string      `json:"ledger"`  // its id
	Batches    int64       `json:"batches"` // planned
	Undecided  int64       `json:"undecided"`
	Files      int64       `json:"files"` // committed and not replaced
	Replays    int64       `json:"replays"`
	Replayed   int64       `json:"replayed"` // rejected messages that a replay decoded or dropped
	Rewrites   int64       `json:"rewrites"` // other than replays
	Pruned     int64       `json:"pruned"`   // rows that rewrites removed
	Pending    int64       `json:"pending"`  // files that these rewrites replaced and that still exist
	Staged     int64       `json:"staged"`   // staged files that are in use or will be
	Partitions []Partition `json:"partitions"`
	Tables     []Table     `json:"tables"`
	// Findings holds the first thousand findings; More counts the others.
	Findings []Finding `json:"findings"`
	More     int64     `json:"more,omitempty"`
	Repairs  []string  `json:"repairs,omitempty"` // what was repaired
	Notes    []string  `json:"notes,omitempty"`   // what is worth knowing but not wrong
	// Summary is JSON for Options.Since of a later audit, or nil if there are
	// findings. It grows with the partitions and with Pending, not with Files.
	Summary []byte `json:"-"`
}

// Partition is the account of a partition over all batches, compared with the
// source.
type Partition struct {
	Name    string `json:"partition"`
	Start   int64  `json:"start"` // the first offset of the archive
	End     int64  `json:"end"`   // after the last settled offset
	Ended   bool   `json:"ended,omitempty"`
	Skipped int64  `json:"skipped,omitempty"` // at the start, by choice
	// The counts are those of ledger.Account.
	Read      int64 `json:"read"`
	Control   int64 `json:"control"`
	Aborted   int64 `json:"aborted"`
	Compacted int64 `json:"compacted"`
	Lost      int64 `json:"lost"`
	Written   int64 `json:"written"`
	Rejected  int64 `json:"rejected"` // when first read; a replay may have decoded them since
	Dropped   int64 `json:"dropped"`
	Undecided int64 `json:"undecided"` // claimed by batches without a commit
	Holes     int64 `json:"holes"`     // before End, claimed by no batch
	// Waiting counts the offsets that the source has and no commit settles,
	// Gone those that the source no longer has and no commit settles. Both are
	// -1 if unknown.
	Waiting int64 `json:"waiting"`
	Gone    int64 `json:"gone"`
}

const unknown = -1

// setCounts sets the fields that are those of an account.
func (p *Partition) setCounts(a ledger.Account) {
	p.Read, p.Control, p.Aborted, p.Compacted, p.Lost = a.Read, a.Control, a.Aborted, a.Compacted, a.Lost
	p.Written, p.Rejected, p.Dropped = a.Written, a.Rejected, a.Dropped
}

// Table sums up the files of a table.
type Table struct {
	Name  string `json:"table"`
	Files int64  `json:"files"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// Finding is one thing that is wrong.
type Finding struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`            // of a file, a record or a partition
	Batch int64  `json:"batch,omitempty"` // that it belongs to, if any
	What  string `json:"what"`            // what is wrong
	Do    string `json:"do"`              // what to do about it
}

// String returns the finding as one line.
func (f Finding) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s: %s: %s", f.Kind, f.Name, f.What, f.Do)), " ")
}

// Kind is a kind of finding.
type Kind string

// The kinds of findings.
const (
	MissingFile Kind = "missing"     // a committed file does not exist
	CorruptFile Kind = "corrupt"     // a committed file is not what was committed
	ExtraFile   Kind = "extra"       // a file that no commit names
	Unpublished Kind = "unpublished" // a committed file is still staged
	Leftover    Kind = "leftover"    // a file that may be removed
	BadRecord   Kind = "record"      // a ledger record is missing, damaged or contradicts another
	BadSum      Kind = "sum"         // numbers do not add up
	Duplicate   Kind = "twice"       // two commits have the same offsets, or the same file
	Hole        Kind = "hole"        // offsets that no batch claims
	Gone        Kind = "gone"        // offsets that the source no longer has
	Truncated   Kind = "truncated"   // the source ends before the archive does
	StaleSchema Kind = "schema"      // a table's schema file is wrong
)

// maxFindings bounds the findings that are kept, and the notes.
const maxFindings = 1000

func (r *Report) find(f Finding) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *Report) has(kind Kind) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == kind })
}

// about reports whether a finding is about a file.
func (r *Report) about(name string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Name == name })
}

func (r *Report) note(format string, args ...any) {
	if len(r.Notes) < maxFindings {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// OK reports whether there are no findings.
func (r *Report) OK() bool { return len(r.Findings) == 0 && r.More == 0 }
