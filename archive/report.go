package archive

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is what an audit has seen. It is plain data.
type Report struct {
	Archive    string      `json:"archive,omitempty"`
	Ledger     string      `json:"ledger"`  // its id
	Batches    int64       `json:"batches"` // planned
	Undecided  int64       `json:"undecided"`
	Files      int64       `json:"files"` // committed, and not replaced since
	Replays    int64       `json:"replays"`
	Replayed   int64       `json:"replayed"` // rejected messages that a replay has made alerts of, or dropped
	Staged     int64       `json:"staged"`   // files in staging that have a right to be there
	Partitions []Partition `json:"partitions"`
	Tables     []Table     `json:"tables"`
	// Findings is what does not hold, the first thousand; More counts the rest.
	Findings []Finding `json:"findings"`
	More     int64     `json:"more,omitempty"`
	Repairs  []string  `json:"repairs,omitempty"` // what was done
	Notes    []string  `json:"notes,omitempty"`   // what is no fault and worth knowing
}

// Partition is the account of a partition over all batches, and what a source
// has of it. To tell what the numbers mean see stream.Account.
type Partition struct {
	Name      string `json:"partition"`
	Start     int64  `json:"start"` // where the archive begins
	End       int64  `json:"end"`   // and the furthest offset that is settled
	Ended     bool   `json:"ended,omitempty"`
	Skipped   int64  `json:"skipped,omitempty"` // at the start, by choice
	Read      int64  `json:"read"`
	Control   int64  `json:"control"`
	Aborted   int64  `json:"aborted"`
	Compacted int64  `json:"compacted"`
	Lost      int64  `json:"lost"` // and recorded so
	Written   int64  `json:"written"`
	Rejected  int64  `json:"rejected"` // when they were first read
	Dropped   int64  `json:"dropped"`
	Undecided int64  `json:"undecided"` // claimed by batches without a commit
	Holes     int64  `json:"holes"`     // before End, and claimed by no batch
	// Waiting counts what the source has and no commit settles, and Gone what
	// the source has no more though no commit settles it. Both are -1 where
	// nobody knows.
	Waiting int64 `json:"waiting"`
	Gone    int64 `json:"gone"`
}

// Table sums up the files of a table.
type Table struct {
	Name  string `json:"table"`
	Files int64  `json:"files"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// Finding is one thing that does not hold.
type Finding struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`            // of a file, a record, a partition
	Batch int64  `json:"batch,omitempty"` // that it belongs to, if any
	What  string `json:"what"`
	Do    string `json:"do"` // what to do about it
}

// String is the finding in a line.
func (f Finding) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s: %s: %s", f.Kind, f.Name, f.What, f.Do)), " ")
}

// Kind is a kind of finding.
type Kind string

// The kinds of findings.
const (
	MissingFile Kind = "missing"     // a committed file is not there
	CorruptFile Kind = "corrupt"     // a committed file is not what was committed
	ExtraFile   Kind = "extra"       // a file that no commit names
	Unpublished Kind = "unpublished" // a committed file is staged still
	Leftover    Kind = "leftover"    // something the rules allow to remove
	BadRecord   Kind = "record"      // a record of the ledger is missing, damaged or contradicts another
	BadSum      Kind = "sum"         // numbers that do not add up
	Duplicate   Kind = "twice"       // offsets in two commits, or a file
	Hole        Kind = "hole"        // offsets that nobody claims
	Gone        Kind = "gone"        // offsets that the source has no more
	Truncated   Kind = "truncated"   // the source ends before the archive
	StaleSchema Kind = "schema"      // a table's schema file is not what it should be
)

// mostFindings is how many findings are kept.
const mostFindings = 1000

func (r *Report) find(f Finding) {
	if len(r.Findings) >= mostFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *Report) has(kind Kind) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == kind })
}

func (r *Report) note(format string, args ...any) {
	if len(r.Notes) < mostFindings {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// OK reports whether all holds.
func (r *Report) OK() bool { return len(r.Findings) == 0 && r.More == 0 }

// mostPartitions is how many partitions the table for people has.
const mostPartitions = 50

// WriteText writes the report for people: a table of the partitions, one of
// the tables, a line for each repair, note and finding, and a closing line.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.partitions(&b)
	r.tables(&b)
	for _, s := range r.Repairs {
		fmt.Fprintf(&b, "repaired  %s\n", s)
	}
	for _, s := range r.Notes {
		fmt.Fprintf(&b, "note      %s\n", s)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "WRONG     %v\n", f)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "WRONG     and %d more\n", r.More)
	}
	fmt.Fprintln(&b, r.closing())
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) closing() string {
	var rows int64
	for _, t := range r.Tables {
		rows += t.Rows
	}
	seen := fmt.Sprintf("%d batches, %d files, %d rows", r.Batches, r.Files, rows)
	if r.OK() {
		return "all holds: " + seen
	}
	return fmt.Sprintf("does not hold: %d findings in %s", int64(len(r.Findings))+r.More, seen)
}

func (r *Report) partitions(b *strings.Builder) {
	if len(r.Partitions) == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "offsets\tread\twritten\trejected\tdropped\tcontrol\taborted\tcompacted\tlost\tundecided\tholes\twaiting\t  partition")
	row := func(p Partition) {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t  %s\n", p.Read+p.Control+p.Aborted+p.Compacted+p.Lost,
			p.Read, p.Written, p.Rejected, p.Dropped, p.Control, p.Aborted, p.Compacted, p.Lost, p.Undecided, p.Holes, number(p.Waiting), p.Name)
	}
	var all Partition
	shown := r.Partitions
	if len(shown) > mostPartitions {
		shown = slices.SortedStableFunc(slices.Values(shown), func(a, b Partition) int { return noteworthy(b) - noteworthy(a) })[:mostPartitions]
	}
	for _, p := range shown {
		row(p)
	}
	for _, p := range r.Partitions {
		all.add(p)
	}
	if len(r.Partitions) > 1 {
		all.Name = fmt.Sprintf("all %d", len(r.Partitions))
		row(all)
	}
	w.Flush()
	b.WriteByte('\n')
}

// noteworthy is 1 for a partition that one would look for in a long table.
func noteworthy(p Partition) int {
	if p.Lost > 0 || p.Holes > 0 || p.Undecided > 0 || p.Gone > 0 {
		return 1
	}
	return 0
}

// add sums up partitions. What is unknown of one is unknown of all.
func (p *Partition) add(o Partition) {
	p.Read += o.Read
	p.Control += o.Control
	p.Aborted += o.Aborted
	p.Compacted += o.Compacted
	p.Lost += o.Lost
	p.Written += o.Written
	p.Rejected += o.Rejected
	p.Dropped += o.Dropped
	p.Undecided += o.Undecided
	p.Holes += o.Holes
	if p.Waiting >= 0 {
		p.Waiting += o.Waiting
	}
	if o.Waiting < 0 {
		p.Waiting = -1
	}
}

func number(n int64) string {
	if n < 0 {
		return "?"
	}
	return fmt.Sprint(n)
}

func (r *Report) tables(b *strings.Builder) {
	if len(r.Tables) == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "files\trows\tbytes\t  table")
	for _, t := range r.Tables {
		fmt.Fprintf(w, "%d\t%d\t%d\t  %s\n", t.Files, t.Rows, t.Bytes, t.Name)
	}
	w.Flush()
	b.WriteByte('\n')
}
