package audit

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/skyfinch/skyfinch/internal/printable"
)

// WriteText writes the report as text: a table of the partitions and one of the
// tables, a line for each repair, note and finding, and a closing line. Columns
// that are zero everywhere are left out.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writePartitions(&b)
	r.writeTables(&b)
	for _, s := range r.Repairs {
		fmt.Fprintf(&b, "repaired  %s\n", printable.Text(s))
	}
	for _, s := range r.Notes {
		fmt.Fprintf(&b, "note      %s\n", printable.Text(s))
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "WRONG     %s\n", printable.Text(fmt.Sprint(f)))
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
	checked := fmt.Sprintf("%d batches, %d files, %d rows", r.Batches, r.Files, rows)
	if r.Pruned > 0 {
		checked += fmt.Sprintf(", and %d pruned", r.Pruned)
	}
	if r.OK() {
		return "all holds: " + checked
	}
	return fmt.Sprintf("does not hold: %d findings in %s", int64(len(r.Findings))+r.More, checked)
}

// maxPartitions bounds the partitions in the text.
const maxPartitions = 50

// columns are the columns of the partitions' table, besides the name.
var columns = []struct {
	title string
	value func(*Partition) int64
}{
	{"offsets", func(p *Partition) int64 { return p.Read + p.Control + p.Aborted + p.Compacted + p.Lost }},
	{"read", func(p *Partition) int64 { return p.Read }},
	{"written", func(p *Partition) int64 { return p.Written }},
	{"rejected", func(p *Partition) int64 { return p.Rejected }},
	{"dropped", func(p *Partition) int64 { return p.Dropped }},
	{"control", func(p *Partition) int64 { return p.Control }},
	{"aborted", func(p *Partition) int64 { return p.Aborted }},
	{"compacted", func(p *Partition) int64 { return p.Compacted }},
	{"lost", func(p *Partition) int64 { return p.Lost }},
	{"undecided", func(p *Partition) int64 { return p.Undecided }},
	{"holes", func(p *Partition) int64 { return p.Holes }},
	{"waiting", func(p *Partition) int64 { return p.Waiting }},
}

func (r *Report) writePartitions(b *strings.Builder) {
	if len(r.Partitions) == 0 {
		return
	}
	shown := r.Partitions
	if len(shown) > maxPartitions {
		shown = slices.SortedStableFunc(slices.Values(shown), func(a, b Partition) int { return noteworthy(b) - noteworthy(a) })[:maxPartitions]
	}
	rows := [][]string{{"partition"}}
	for _, p := range shown {
		rows = append(rows, []string{printable.Text(p.Name)})
	}
	if n := len(r.Partitions); n > 1 {
		rows = append(rows, []string{fmt.Sprintf("all %d", n)})
	}
	for _, c := range columns {
		isZero := func(p Partition) bool { return c.value(&p) == 0 || c.value(&p) == unknown }
		if !slices.ContainsFunc(r.Partitions, func(p Partition) bool { return !isZero(p) }) {
			continue
		}
		cells := []string{c.title}
		for _, p := range shown {
			cells = append(cells, number(c.value(&p)))
		}
		cells = append(cells, number(total(r.Partitions, c.value)))
		for i := range rows {
			rows[i] = append(rows[i], cells[i])
		}
	}
	writeRows(b, rows)
}

// total sums a column. The total is unknown if one of the values is.
func total(ps []Partition, value func(*Partition) int64) (sum int64) {
	for i := range ps {
		n := value(&ps[i])
		if n == unknown {
			return unknown
		}
		sum += n
	}
	return sum
}

func number(n int64) string {
	if n == unknown {
		return "?"
	}
	return fmt.Sprint(n)
}

// noteworthy returns 1 for a partition to be shown first in a long table.
func noteworthy(p Partition) int {
	if p.Lost > 0 || p.Holes > 0 || p.Undecided > 0 || p.Gone > 0 {
		return 1
	}
	return 0
}

func (r *Report) writeTables(b *strings.Builder) {
	if len(r.Tables) == 0 {
		return
	}
	rows := [][]string{{"table", "files", "rows", "bytes"}}
	for _, t := range r.Tables {
		rows = append(rows, []string{printable.Text(t.Name), fmt.Sprint(t.Files), fmt.Sprint(t.Rows), fmt.Sprint(t.Bytes)})
	}
	writeRows(b, rows)
}

// writeRows writes rows of equal length and an empty line. The first column is
// aligned left, the others right.
func writeRows(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		fmt.Fprintf(b, "%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			fmt.Fprintf(b, "  %*s", widths[i+1], cell)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}
